-- Tasks, successes and what the gateway says they cost, by the use case of the first attempt's tag, or none.
WITH tasks AS (
    SELECT task_id, first_value(use_case ORDER BY started_at, request_id) AS use_case, sum(gateway_cost) AS cost
    FROM requests
    GROUP BY task_id
),
-- The newest label of each use case that labels name, as its time and whether it is a success; a plan reads `tasks` as often
-- as it is named, so it is named once.
labels AS (
    SELECT task_id, use_case, max(CAST(recorded_at AS BIGINT) * 2 + CASE WHEN success THEN 1 ELSE 0 END) AS newest
    FROM outcomes
    GROUP BY task_id, use_case
),
labelled AS (
    SELECT
        t.use_case,
        t.cost,
        greatest(o.newest, n.newest) % 2 = 1 AS success
    FROM tasks AS t
    LEFT JOIN labels AS o ON o.task_id = t.task_id AND o.use_case = t.use_case
    LEFT JOIN labels AS n ON n.task_id = t.task_id AND n.use_case IS NULL
)
SELECT
    use_case,
    count(*) AS tasks,
    count(*) FILTER (WHERE success) AS successes,
    sum(cost) AS cost,
    ratio(sum(cost), count(*)) AS cost_per_task,
    ratio(sum(cost), count(*) FILTER (WHERE success)) AS cost_per_successful_task
FROM labelled
GROUP BY use_case
ORDER BY use_case
