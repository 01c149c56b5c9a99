-- $/query and $/successful task per use case, at list cost. A task has the use case of its first attempt; its newest
-- label that names no other use case wins. A request is one call id inside its task, however many attempts it took.
WITH tasks AS (
    SELECT
        task_id,
        arg_min_null(use_case, started_at) AS use_case,
        count(DISTINCT call_id) AS requests,
        sum(list_cost) AS cost
    FROM attempts
    GROUP BY task_id
),
labels AS (
    SELECT o.task_id, arg_max(o.success, o.recorded_at) AS success
    FROM outcomes AS o
    INNER JOIN tasks AS t ON t.task_id = o.task_id AND (o.use_case IS NULL OR o.use_case = t.use_case)
    GROUP BY o.task_id
)
SELECT
    t.use_case,
    sum(t.requests)::BIGINT AS requests,
    count(*) AS tasks,
    count(*) FILTER (WHERE l.success) AS successes,
    coalesce(sum(t.cost), 0) AS direct_cost,
    coalesce(sum(t.cost), 0)::DOUBLE / nullif(sum(t.requests), 0) AS cost_per_query,
    coalesce(sum(t.cost), 0)::DOUBLE / nullif(count(*) FILTER (WHERE l.success), 0) AS cost_per_successful_task
FROM tasks AS t
LEFT JOIN labels AS l ON l.task_id = t.task_id
GROUP BY t.use_case
ORDER BY t.use_case;
