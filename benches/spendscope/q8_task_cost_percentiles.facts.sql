-- Percentiles of what a task costs at list price, per use case, from facts, by nearest rank.
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
),
tasks AS (
    SELECT
        a.task_id,
        first_value(a.use_case ORDER BY a.started_at) AS use_case,
        coalesce(sum(a.list_cost), 0) AS cost
    FROM attempts AS a
    LEFT JOIN models AS m ON m.model = a.model AND m.self_hosted
    GROUP BY a.task_id
    HAVING count(*) FILTER (WHERE a.list_cost IS NULL AND (m.model IS NULL OR a.weighing_tokens > 0)) = 0
)
SELECT
    use_case,
    count(*) AS tasks,
    sum(cost) AS cost,
    nearest_rank(cost, 50) AS p50,
    nearest_rank(cost, 90) AS p90,
    nearest_rank(cost, 95) AS p95,
    nearest_rank(cost, 99) AS p99,
    max(cost) AS max
FROM tasks
GROUP BY use_case
ORDER BY use_case
