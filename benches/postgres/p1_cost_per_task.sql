-- Tasks, successes and what the gateway says they cost, by the use case of the first attempt's tag, or none. A session is a
-- task; its newest label that names no other use case wins.
WITH tasks AS (
    SELECT
        coalesce(nullif(session_id, ''), request_id) AS task_id,
        (array_agg((
            SELECT substr(tag, 10) FROM jsonb_array_elements_text(request_tags) WITH ORDINALITY AS t (tag, place)
            WHERE tag LIKE 'use_case:%' ORDER BY place LIMIT 1
        ) ORDER BY "startTime", request_id))[1] AS use_case,
        sum(spend) AS cost
    FROM "LiteLLM_SpendLogs"
    GROUP BY 1
),
labels AS (
    SELECT DISTINCT ON (o.task_id) o.task_id, o.success
    FROM outcomes AS o
    INNER JOIN tasks AS t ON t.task_id = o.task_id AND (o.use_case IS NULL OR o.use_case = t.use_case)
    ORDER BY o.task_id, o.recorded_at DESC
)
SELECT
    t.use_case,
    count(*) AS tasks,
    count(*) FILTER (WHERE l.success) AS successes,
    sum(t.cost) AS cost,
    sum(t.cost) / count(*) AS cost_per_task,
    sum(t.cost) / nullif(count(*) FILTER (WHERE l.success), 0) AS cost_per_successful_task
FROM tasks AS t
LEFT JOIN labels AS l ON l.task_id = t.task_id
GROUP BY t.use_case
ORDER BY t.use_case
