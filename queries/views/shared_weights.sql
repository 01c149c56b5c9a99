/* What a shared charge is weighed by: one row per charge and use case (NULL: unregistered), and for fixed
shares below 1 one row with rest = true, which stays unallocated.

even: 1 for each use case of the registry. requests: requests whose first attempt started inside the
charge's period. request_cost: request leaves, accrued ones too, of attempts that started inside it, in
the reporting currency, a use case whose sum is negative as 0; leaves without a rate weigh nothing;
the products are not rounded. fixed: as written. */
WITH shared AS (
    SELECT
        c.charge_id,
        c.charge_period_start,
        c.charge_period_end,
        s.rule,
        s.method
    FROM costs AS c
    INNER JOIN sharing_rules AS s ON s.rule = c.sharing_rule
    WHERE c.kind = 'other' AND c.amount IS NOT NULL
),

-- Few charges have periods of their own, and days make the join with attempts one on equal keys.
periods AS (
    SELECT
        method,
        charge_period_start,
        charge_period_end,
        unnest(
            generate_series(
                CAST(charge_period_start AS DATE),
                CAST(charge_period_end - INTERVAL '1 microsecond' AS DATE),
                INTERVAL '1' DAY
            )
        ) AS day
    FROM (SELECT DISTINCT method, charge_period_start, charge_period_end FROM shared)
    WHERE charge_period_start < charge_period_end
),

by_requests AS (
    SELECT p.charge_period_start, p.charge_period_end, a.use_case, CAST(count(*) AS DECIMAL(76, 36)) AS weight
    FROM periods AS p
    INNER JOIN calls AS a
        ON a.day = p.day AND a.started_at >= p.charge_period_start AND a.started_at < p.charge_period_end
    WHERE p.method = 'requests' AND a.attempt = 1
    GROUP BY p.charge_period_start, p.charge_period_end, a.use_case
),

by_cost AS (
    SELECT
        p.charge_period_start,
        p.charge_period_end,
        a.use_case,
        sum_product_exact(a.amount, a.reporting_rate) AS weight
    FROM periods AS p
    INNER JOIN request_leaves AS a
        ON CAST(a.started_at AS DATE) = p.day
        AND a.started_at >= p.charge_period_start
        AND a.started_at < p.charge_period_end
    WHERE p.method = 'request_cost'
    GROUP BY p.charge_period_start, p.charge_period_end, a.use_case
)

SELECT s.charge_id, u.use_case, CAST(1 AS DECIMAL(76, 36)) AS weight, false AS rest
FROM shared AS s
CROSS JOIN use_cases AS u
WHERE s.method = 'even'
UNION ALL
SELECT s.charge_id, f.use_case, CAST(f.share AS DECIMAL(76, 36)) AS weight, false AS rest
FROM shared AS s
INNER JOIN sharing_shares AS f ON f.rule = s.rule
UNION ALL
SELECT s.charge_id, CAST(NULL AS VARCHAR) AS use_case, CAST(1 - f.share AS DECIMAL(76, 36)) AS weight, true AS rest
FROM shared AS s
INNER JOIN (SELECT rule, sum(share) AS share FROM sharing_shares GROUP BY rule) AS f ON f.rule = s.rule
UNION ALL
SELECT s.charge_id, w.use_case, w.weight, false AS rest
FROM shared AS s
INNER JOIN by_requests AS w
    ON w.charge_period_start = s.charge_period_start AND w.charge_period_end = s.charge_period_end
WHERE s.method = 'requests'
UNION ALL
SELECT
    s.charge_id,
    w.use_case,
    CASE WHEN w.weight > 0 THEN w.weight ELSE CAST(0 AS DECIMAL(76, 36)) END AS weight,
    false AS rest
FROM shared AS s
INNER JOIN by_cost AS w
    ON w.charge_period_start = s.charge_period_start AND w.charge_period_end = s.charge_period_end
WHERE s.method = 'request_cost'
