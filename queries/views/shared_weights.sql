/* What shared charges are weighed by: one row per weigher and use case (NULL: unregistered). A weigher is
a method of sharing, or a rule with fixed shares; the two methods that look at requests weigh every period
of a shared charge on its own (weigh_from, weigh_to). rest marks what is left of fixed shares below 1, which
stays unallocated.

even: 1 for each use case of the registry. requests: requests whose first attempt started inside the
charge's period. request_cost: request leaves, accrued ones too, of attempts that started inside it, in
the reporting currency, a use case whose sum is negative as 0; leaves without a rate weigh nothing; the
products are not rounded. fixed: as written.

kept: each sharing rule reads it.
*/
WITH shared AS (
    SELECT DISTINCT s.method, c.charge_period_start AS weigh_from, c.charge_period_end AS weigh_to
    FROM costs AS c
    INNER JOIN sharing_rules AS s ON s.rule = c.sharing_rule
    WHERE
        c.kind = 'other'
        AND c.amount IS NOT NULL
        AND s.method IN ('requests', 'request_cost')
        AND c.charge_period_start < c.charge_period_end
),

-- Few charges have periods of their own, and days make the join with attempts one on equal keys.
periods AS (
    SELECT
        method,
        weigh_from,
        weigh_to,
        unnest(
            generate_series(
                CAST(weigh_from AS DATE),
                CAST(weigh_to - INTERVAL '1 microsecond' AS DATE),
                INTERVAL '1' DAY
            )
        ) AS day
    FROM shared
),

by_cost AS (
    SELECT p.weigh_from, p.weigh_to, a.use_case, sum_product_exact(a.amount, a.reporting_rate) AS weight
    FROM periods AS p
    INNER JOIN request_leaves AS a
        ON CAST(a.started_at AS DATE) = p.day AND a.started_at >= p.weigh_from AND a.started_at < p.weigh_to
    WHERE p.method = 'request_cost' AND setting('shares_by_request_cost') = 'yes'
    GROUP BY p.weigh_from, p.weigh_to, a.use_case
)

SELECT
    'even' AS weigher,
    arrow_cast(NULL, 'Timestamp(Microsecond, Some("UTC"))') AS weigh_from,
    arrow_cast(NULL, 'Timestamp(Microsecond, Some("UTC"))') AS weigh_to,
    use_case,
    CAST(1 AS DECIMAL(76, 36)) AS weight,
    false AS rest
FROM use_cases
UNION ALL
SELECT
    concat('fixed ', CAST(rule AS VARCHAR)) AS weigher,
    arrow_cast(NULL, 'Timestamp(Microsecond, Some("UTC"))') AS weigh_from,
    arrow_cast(NULL, 'Timestamp(Microsecond, Some("UTC"))') AS weigh_to,
    use_case,
    CAST(share AS DECIMAL(76, 36)) AS weight,
    false AS rest
FROM sharing_shares
UNION ALL
SELECT
    concat('fixed ', CAST(rule AS VARCHAR)) AS weigher,
    arrow_cast(NULL, 'Timestamp(Microsecond, Some("UTC"))') AS weigh_from,
    arrow_cast(NULL, 'Timestamp(Microsecond, Some("UTC"))') AS weigh_to,
    CAST(NULL AS VARCHAR) AS use_case,
    CAST(1 - sum(share) AS DECIMAL(76, 36)) AS weight,
    true AS rest
FROM sharing_shares
GROUP BY rule
UNION ALL
SELECT
    'requests' AS weigher,
    p.weigh_from,
    p.weigh_to,
    a.use_case,
    CAST(count(*) AS DECIMAL(76, 36)) AS weight,
    false AS rest
FROM periods AS p
INNER JOIN calls AS a ON a.day = p.day AND a.started_at >= p.weigh_from AND a.started_at < p.weigh_to
WHERE p.method = 'requests' AND a.attempt = 1 AND setting('shares_by_requests') = 'yes'
GROUP BY p.weigh_from, p.weigh_to, a.use_case
UNION ALL
SELECT
    'request_cost' AS weigher,
    weigh_from,
    weigh_to,
    use_case,
    CASE WHEN weight > 0 THEN weight ELSE CAST(0 AS DECIMAL(76, 36)) END AS weight,
    false AS rest
FROM by_cost
