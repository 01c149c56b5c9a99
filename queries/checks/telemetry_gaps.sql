/*
title = "Holes in GPU telemetry"
description = """
Devices that are read before and after a stretch in which they are not: more than two steps of their source
between one reading and the next. A reading bridges two steps; the rest of a hole is dark time, which costs and
tells nothing. MIG instances come and go by design and are left out."""
tier = "on_request"
severity = "info"
needs_rows = "gpu_samples"
advice = "Compare with the exporter's restarts; set step_seconds of [[pull.prometheus]] if the scrape is slower than it says."
*/
WITH neighbours AS (
    SELECT
        host,
        gpu_uuid,
        from_us,
        to_us,
        lead(from_us) OVER (PARTITION BY gpu_uuid ORDER BY from_us) AS next_us
    FROM gpu_spans
    WHERE mig_instance = ''
)
SELECT
    host,
    gpu_uuid,
    count(*) AS holes,
    measured(sum(next_us - to_us)) / 3600000000 AS dark_hours,
    instant(min(to_us)) AS first,
    instant(max(next_us)) AS last
FROM neighbours
WHERE next_us > to_us
GROUP BY host, gpu_uuid
ORDER BY host, gpu_uuid
