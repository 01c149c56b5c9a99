/*
title = "GPU activity outside 0 to 1"
description = """
Readings whose activity is below 0 or above 1: some drivers report more than 1 for MIG slices. The split of money
asks only whether a device was busy, so no amount is capped or changed; utilisation takes the figure as it is, and is too
high by what stands here."""
tier = "strict"
severity = "warning"
needs_rows = "gpu_samples"
advice = "Look at the driver and at the unit of the metric: a percentage where a ratio is expected is 100 times too large."
*/
SELECT
    host,
    gpu_uuid,
    mig_instance,
    activity_from,
    count(*) AS readings,
    min(activity) AS lowest,
    max(activity) AS highest,
    min(sampled_at) AS first,
    max(sampled_at) AS last
FROM gpu_spans
WHERE activity < measured(0) OR activity > measured(1)
GROUP BY host, gpu_uuid, mig_instance, activity_from
ORDER BY host, gpu_uuid, mig_instance, activity_from
