/*
title = "Telemetry of hosts that are not registered"
description = """
GPU readings whose host is in no gpu_nodes row: nothing ties them to a charge, so their idle time costs nobody
anything on paper."""
tier = "strict"
severity = "warning"
advice = "Add the host to [[gpu_nodes]] with the ResourceId of its charge."
needs_rows = "gpu_samples"
*/
SELECT s.host, count(DISTINCT s.gpu_uuid) AS devices, min(s.sampled_at) AS first, max(s.sampled_at) AS last
FROM gpu_samples AS s
LEFT ANTI JOIN gpu_nodes AS n ON n.host = s.host
GROUP BY s.host
ORDER BY s.host
