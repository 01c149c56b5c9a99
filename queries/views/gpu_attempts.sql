/* The attempts that carry the serving time of a self-hosted model, hour by hour: what each weighs, what those
before it and itself weigh together, and all of the hour. Order of attempts: (started_at, source, request_id).

Weight: uncached_input + cache_write + 2.5 × output, doubled here to stay whole. Attempts answered by the
gateway's cache take no part, nor does one without such tokens. */
WITH tokens AS (
    SELECT
        model,
        CAST(started_at AS BIGINT) / 3600000000 AS hour,
        started_at,
        source,
        request_id,
        task_id,
        use_case,
        team,
        key_alias,
        region,
        status = 'failure' OR superseded AS wasted,
        2 * (uncached_input + cache_write) + 5 * output AS weight
    FROM calls
    WHERE self_hosted AND NOT gateway_cache_hit
),

totals AS (
    SELECT model, hour, sum(weight) AS total FROM tokens WHERE weight > 0 GROUP BY model, hour
),

running AS (
    SELECT
        *,
        sum(weight) OVER (
            PARTITION BY model, hour ORDER BY started_at, source, request_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS upto
    FROM tokens
    WHERE weight > 0
)

SELECT
    r.model,
    r.hour,
    r.started_at,
    r.source,
    r.request_id,
    r.task_id,
    r.use_case,
    r.team,
    r.key_alias,
    r.region,
    r.wasted,
    r.weight,
    r.upto,
    t.total
FROM totals AS t
INNER JOIN running AS r ON (r.model IS NOT DISTINCT FROM t.model) AND r.hour = t.hour
