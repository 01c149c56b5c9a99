-- Percentiles of what a task costs at list price, per use case, by nearest rank (quantile_disc): each is the cost of some
-- task. A task with an attempt whose cost is unknown is left out; self-hosted attempts without tokens cost nothing.
WITH tasks AS (
    SELECT
        a.task_id,
        arg_min_null(a.use_case, a.started_at) AS use_case,
        coalesce(sum(a.list_cost), 0) AS cost
    FROM attempts AS a
    LEFT JOIN models AS m ON m.model = a.model AND m.self_hosted
    GROUP BY a.task_id
    HAVING
        count(*) FILTER (
            WHERE a.list_cost IS NULL AND (m.model IS NULL OR a.uncached_input + a.cache_write + a.output > 0)
        ) = 0
)
SELECT
    use_case,
    count(*) AS tasks,
    sum(cost) AS cost,
    quantile_disc(cost, 0.50) AS p50,
    quantile_disc(cost, 0.90) AS p90,
    quantile_disc(cost, 0.95) AS p95,
    quantile_disc(cost, 0.99) AS p99,
    max(cost) AS max
FROM tasks
GROUP BY use_case
ORDER BY use_case;
