/* unit_leaves, added up by days of the reporting zone: what unit costs of whole days are answered from. A leaf has two, its
own and that of its task's first attempt. entries: how many leaves, or tasks, a row stands for. model is that of GPU nodes
alone. placed_at and task_started_at are those of the first row of the day. Columns that tell single leaves apart are NULL.

drawn, in rows that stand for nothing else (entries = 0): resamples of a day's tasks, from which the interval of a ratio is
worked out. Of request leaves: what the tasks cost. Of tasks: how many were drawn, successes apart from all others.

kept: a few rows a day, however many tasks there are.

money: amount in currency
money: converted in shown
money: value in shown
*/
WITH by_task AS (
    SELECT min(task_started_at) AS task_started_at, leaf, task_use_case, task_id, shown, sum(converted) AS converted
    FROM unit_leaves
    WHERE leaf = 'request'
    GROUP BY leaf, task_use_case, task_id, shown
)

SELECT
    min(placed_at) AS placed_at,
    min(task_started_at) AS task_started_at,
    leaf,
    kind,
    CASE WHEN kind = 'gpu' THEN model END AS model,
    use_case,
    task_use_case,
    CAST(NULL AS VARCHAR) AS task_id,
    evidence,
    wasted,
    modelled,
    currency,
    fx_rate,
    sum(amount) AS amount,
    shown,
    rate,
    sum(converted) AS converted,
    CAST(NULL AS VARCHAR) AS charge_id,
    CAST(NULL AS VARCHAR) AS request_source,
    CAST(NULL AS VARCHAR) AS request_id,
    sum(entries) AS entries,
    success,
    sum(requests) AS requests,
    sum(uncosted) AS uncosted,
    sum(value) AS value,
    CAST(NULL AS DECIMAL(38, 18)[]) AS drawn
FROM unit_leaves
GROUP BY
    local_day(placed_at), local_day(task_started_at), leaf, kind, CASE WHEN kind = 'gpu' THEN model END, use_case,
    task_use_case, evidence, wasted, modelled, currency, fx_rate, shown, rate, success
UNION ALL
SELECT
    NULL, min(task_started_at), leaf, NULL, NULL, NULL, task_use_case, NULL, NULL, NULL, NULL, NULL, NULL, NULL, shown, NULL,
    NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, resampled(task_id, converted, NULL)
FROM by_task
GROUP BY local_day(task_started_at), leaf, task_use_case, shown
UNION ALL
SELECT
    NULL, min(first_started_at), 'task', NULL, NULL, use_case, use_case AS task_use_case, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    CASE WHEN setting('currency') <> 'native' THEN setting('currency') END, NULL,
    NULL, NULL, NULL, NULL, 0, coalesce(success, false), NULL, NULL, NULL, resampled(task_id, 1, NULL)
FROM task_facts
GROUP BY local_day(first_started_at), use_case, coalesce(success, false)
