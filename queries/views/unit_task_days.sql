/* The tasks of unit_leaves, added up by days of the reporting zone, as in unit_leaf_days: how many there were and what came of
them, and resamples of a day's tasks, successes apart from all others (drawn).

kept: a few rows a day, however many tasks there are.
months: task_started_at of tasks

money: value in shown
*/
SELECT
    min(task_started_at) AS task_started_at,
    task_use_case,
    shown,
    count(*) AS entries,
    success,
    sum(requests) AS requests,
    sum(uncosted) AS uncosted,
    sum(value) AS value,
    CAST(NULL AS DECIMAL(38, 18)[]) AS drawn
FROM unit_tasks
GROUP BY local_day(task_started_at), task_use_case, shown, success
UNION ALL
SELECT
    min(first_started_at), use_case AS task_use_case,
    CASE WHEN setting('currency') <> 'native' THEN setting('currency') END,
    0, coalesce(success, false), NULL, NULL, NULL, resampled(task_id, 1, NULL)
FROM task_facts
GROUP BY local_day(first_started_at), use_case, coalesce(success, false)
