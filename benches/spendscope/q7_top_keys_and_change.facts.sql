-- The 50 keys that cost most at list price in the month's second half, with the change to its first.
-- The price book with the end of each row, and the list cost of every attempt. A bucket without tokens costs nothing.
WITH priced AS (
    SELECT
        *,
        lead(valid_from) OVER (PARTITION BY provider, model ORDER BY valid_from) AS valid_until
    FROM prices
),
attempts AS (
    SELECT
        r.task_id, r.call_id, r.provider, r.model, r.day, r.started_at, r.key_alias, r.gateway_cache_hit,
        r.uncached_input + r.cache_write + r.output AS weighing_tokens,
        coalesce(r.use_case, a.use_case) AS use_case,
        CASE
            WHEN r.gateway_cache_hit THEN 0
            ELSE
                CASE WHEN r.uncached_input = 0 AND p.model IS NOT NULL THEN 0 ELSE r.uncached_input * p.input_cost_per_token END
                + CASE WHEN r.cache_read = 0 THEN 0 ELSE r.cache_read * p.cache_read_input_token_cost END
                + CASE WHEN r.cache_write = 0 THEN 0 ELSE r.cache_write * p.cache_creation_input_token_cost END
                + CASE WHEN r.output = 0 THEN 0 ELSE r.output * p.output_cost_per_token END
        END AS list_cost
    FROM requests AS r
    LEFT JOIN use_case_aliases AS a ON a.kind = 'key' AND a.alias = r.key_alias
    LEFT JOIN priced AS p
        ON p.provider = r.provider AND p.model = r.model
        AND r.started_at >= p.valid_from AND (p.valid_until IS NULL OR r.started_at < p.valid_until)
)
SELECT
    key_alias,
    coalesce(sum(list_cost) FILTER (WHERE day >= DATE '2026-09-16'), 0) AS amount,
    coalesce(sum(list_cost) FILTER (WHERE day < DATE '2026-09-16'), 0) AS before,
    coalesce(sum(list_cost) FILTER (WHERE day >= DATE '2026-09-16'), 0)
    - coalesce(sum(list_cost) FILTER (WHERE day < DATE '2026-09-16'), 0) AS change
FROM attempts
GROUP BY key_alias
ORDER BY amount DESC, key_alias
LIMIT 50
