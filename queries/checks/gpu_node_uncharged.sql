/*
title = "GPU nodes that no charge pays for"
description = """
Nodes of the registry with telemetry and without any charge: their ResourceId is wrong, or the bill is missing."""
tier = "strict"
severity = "warning"
advice = "Compare resource_id in [[gpu_nodes]] with ResourceId of the bill."
needs_rows = "gpu_nodes"
*/
SELECT n.host, n.resource_id, count(*) AS readings, min(s.sampled_at) AS first, max(s.sampled_at) AS last
FROM gpu_nodes AS n
INNER JOIN gpu_samples AS s ON s.host = n.host
LEFT ANTI JOIN charges AS c ON c.resource_id = n.resource_id
GROUP BY n.host, n.resource_id
ORDER BY n.host
