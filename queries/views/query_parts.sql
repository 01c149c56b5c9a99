/* What the cost per query is made of: each attempt once without money (anchor), in the reporting currency, where it is counted
whatever it cost and in whichever currency; and its leaves, with the leaves that are somebody's own. task_started_at: of
the first attempt of the task, by which an attempt and its leaves are in a window; placed_at: when a leaf that is
somebody's own is. owned_at: when the attempt started, or placed_at. request: 1 for the first attempt of a request. uncosted: 1 for an attempt that no price and no bill speaks
of. shown and rate: the currency asked for where there is a rate, else the own one. Under the basis billed there are no
accruals.

money: amount in currency
*/
WITH attempts AS (
    SELECT
        t.first_started_at AS task_started_at,
        c.started_at, c.source, c.request_id, c.use_case, c.team, c.key_alias, c.region,
        CASE WHEN c.attempt = 1 THEN 1 ELSE 0 END AS request,
        c.price_status = 'unpriced'
        OR (c.price_status = 'self_hosted' AND c.uncached_input + c.cache_write + c.output > 0) AS priceless
    FROM task_attempts AS t
    INNER JOIN calls AS c ON c.task_id = t.task_id
),

uncosted AS (
    SELECT a.source, a.request_id, true AS uncosted
    FROM attempts AS a
    LEFT ANTI JOIN request_leaves AS l
        ON l.request_source = a.source
        AND l.request_id = a.request_id
        AND (l.evidence = 'billed' OR setting('basis') <> 'billed')
    WHERE a.priceless
),

leaves AS (
    SELECT
        l.started_at AS owned_at,
        t.first_started_at AS task_started_at,
        arrow_cast(NULL, 'Timestamp(Microsecond, Some("UTC"))') AS placed_at,
        l.use_case, l.team, l.key_alias, l.request_region AS region,
        l.leaf, l.kind, l.evidence, l.modelled, l.charge_id, l.request_source, l.request_id,
        l.currency, l.fx_rate, l.amount
    FROM task_attempts AS t
    INNER JOIN request_leaves AS l ON l.task_id = t.task_id
    WHERE l.evidence = 'billed' OR setting('basis') <> 'billed'
    UNION ALL
    SELECT
        charge_moment(period_start, period_end), NULL, charge_moment(period_start, period_end) AS placed,
        use_case, team, NULL, NULL, leaf, kind, evidence, modelled, charge_id, NULL, NULL, currency, fx_rate, amount
    FROM leaf_plain
    WHERE leaf = 'direct'
)

SELECT
    true AS anchor,
    a.started_at AS owned_at,
    a.task_started_at,
    arrow_cast(NULL, 'Timestamp(Microsecond, Some("UTC"))') AS placed_at,
    a.use_case, a.team, a.key_alias, a.region,
    a.request,
    1 AS attempt,
    CASE WHEN u.uncosted THEN 1 ELSE 0 END AS uncosted,
    CAST(NULL AS VARCHAR) AS leaf,
    CAST(NULL AS VARCHAR) AS kind,
    CAST(NULL AS VARCHAR) AS evidence,
    CAST(NULL AS BOOLEAN) AS modelled,
    CAST(NULL AS VARCHAR) AS charge_id,
    a.source AS request_source,
    a.request_id,
    CAST(NULL AS VARCHAR) AS currency,
    CAST(NULL AS DECIMAL(38, 18)) AS fx_rate,
    CAST(NULL AS DECIMAL(38, 18)) AS amount,
    CASE WHEN setting('currency') <> 'native' THEN setting('currency') END AS shown,
    CAST(NULL AS DECIMAL(38, 18)) AS rate
FROM uncosted AS u
RIGHT JOIN attempts AS a ON u.source = a.source AND u.request_id = a.request_id
UNION ALL
SELECT
    false, owned_at, task_started_at, placed_at, use_case, team, key_alias, region, 0, 0, 0,
    leaf, kind, evidence, modelled, charge_id, request_source, request_id, currency, fx_rate, amount,
    CASE
        WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency')
        ELSE currency
    END,
    CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END
FROM leaves
