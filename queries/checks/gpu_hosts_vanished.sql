/*
title = "GPU nodes that are charged and silent"
description = """
Nodes with telemetry whose readings stop (or have not begun) while charges go on: from then on all their time is
dark. A node without any telemetry at all is listed with no last reading. Hours are counted in which a charge
provisions the node and no device of it was read."""
tier = "strict"
severity = "warning"
needs_rows = "charges"
advice = "See whether the exporter still runs there; if the node is gone, somebody is still paying for it."
*/
WITH provisioned AS (
    SELECT DISTINCT host, hour
    FROM gpu_charge_hours
),
seen AS (
    SELECT
        host,
        min(from_us / 3600000000) AS first_hour,
        max((to_us - 1) / 3600000000) AS last_hour,
        min(sampled_at) AS first,
        max(sampled_at) AS last
    FROM gpu_spans
    WHERE span_us > 0
    GROUP BY host
)
SELECT
    p.host,
    count(*) AS silent_hours,
    instant(min(p.hour) * 3600000000) AS from_hour,
    instant((max(p.hour) + 1) * 3600000000) AS to_hour,
    min(s.first) AS first_reading,
    max(s.last) AS last_reading
FROM provisioned AS p
LEFT JOIN seen AS s ON s.host = p.host
WHERE s.host IS NULL OR p.hour < s.first_hour OR p.hour > s.last_hour
GROUP BY p.host
ORDER BY p.host
