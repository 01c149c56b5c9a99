/*
title = "Device hours"
description = "The nodes and hours under it, and the charges that pay for them."
order = 35
needs = ["host", "hour"]
unless = ["charge_id"]
count = ["hours", "charges"]
*/
WITH hours AS (
    SELECT DISTINCT host, hour FROM explained WHERE host IS NOT NULL AND hour IS NOT NULL
),

paid AS (
    SELECT
        n.host,
        c.charge_id,
        date_trunc('hour', c.charge_period_start) AS first_hour,
        c.charge_period_end
    FROM costs AS c
    INNER JOIN gpu_nodes AS n ON n.resource_id = c.resource_id
    WHERE c.kind = 'gpu'
)

SELECT
    h.host,
    n.resource_id,
    n.model,
    n.purchase,
    count(DISTINCT h.hour) AS hours,
    min(h.hour) AS first_hour,
    max(h.hour) AS last_hour,
    count(DISTINCT p.charge_id) AS charges
FROM hours AS h
LEFT JOIN gpu_nodes AS n ON n.host = h.host
LEFT JOIN paid AS p ON p.host = h.host AND h.hour >= p.first_hour AND h.hour < p.charge_period_end
GROUP BY h.host, n.resource_id, n.model, n.purchase
ORDER BY h.host, n.resource_id
