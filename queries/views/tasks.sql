/* One row per task: its attempts, what they cost, and what came of it.

use_case is that of the first attempt. The newest outcome wins; one that names a use case counts there
only. state: success or failure by the outcome; without one pending while, by the clock, the last attempt is
younger than the use case's maturity (7 days unless set), then unlabelled. cost and waste are converted
request leaves, accruals included (the basis billed has none); waste is that of attempts that failed or were
superseded. value: the outcome's own, else of a success what the registry says one is worth.

kept: unit metrics read it several times.
*/
WITH attempts AS (
    SELECT
        task_id,
        first_value(use_case ORDER BY started_at, source, request_id) AS use_case,
        min(started_at) AS first_started_at,
        max(started_at) AS last_started_at,
        sum(CASE WHEN attempt = 1 THEN 1 ELSE 0 END) AS requests,
        count(*) AS attempts
    FROM calls
    GROUP BY task_id
),

costs_of_tasks AS (
    SELECT
        task_id,
        sum_product(amount, fx_rate) AS cost,
        sum_product(amount, fx_rate) FILTER (WHERE wasted) AS waste
    FROM request_leaves
    WHERE evidence = 'billed' OR setting('basis') <> 'billed'
    GROUP BY task_id
),

labelled AS (
    SELECT
        a.task_id,
        o.success,
        o.value,
        row_number() OVER (PARTITION BY a.task_id ORDER BY o.recorded_at DESC, o.source, o.file_hash, o.file_row) AS place
    FROM attempts AS a
    INNER JOIN outcomes AS o ON o.task_id = a.task_id AND (o.use_case IS NULL OR o.use_case = a.use_case)
)

SELECT
    a.task_id,
    a.use_case,
    a.first_started_at,
    a.last_started_at,
    a.requests,
    a.attempts,
    coalesce(c.cost, 0) AS cost,
    coalesce(c.waste, 0) AS waste,
    l.success,
    CASE
        WHEN l.success THEN 'success'
        WHEN NOT l.success THEN 'failure'
        WHEN
            CAST(now_utc() AS BIGINT) - CAST(a.last_started_at AS BIGINT)
            < coalesce(u.maturity_days, 7) * 86400000000
            THEN 'pending'
        ELSE 'unlabelled'
    END AS state,
    coalesce(l.value, CASE WHEN l.success THEN u.value_per_success END) AS value
FROM attempts AS a
LEFT JOIN costs_of_tasks AS c ON c.task_id = a.task_id
LEFT JOIN (SELECT * FROM labelled WHERE place = 1) AS l ON l.task_id = a.task_id
LEFT JOIN use_cases AS u ON u.use_case = a.use_case
