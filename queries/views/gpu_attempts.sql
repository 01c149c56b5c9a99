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
        status = 'failure' OR superseded AS wasted,
        2 * (uncached_input + cache_write) + 5 * output AS weight
    FROM calls
    WHERE self_hosted AND NOT gateway_cache_hit
)

SELECT
    model,
    hour,
    started_at,
    source,
    request_id,
    task_id,
    use_case,
    team,
    key_alias,
    wasted,
    weight,
    sum(weight) OVER (
        PARTITION BY model, hour ORDER BY started_at, source, request_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS upto,
    sum(weight) OVER (PARTITION BY model, hour) AS total
FROM tokens
WHERE weight > 0
