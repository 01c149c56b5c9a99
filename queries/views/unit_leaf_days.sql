/* unit_leaves, added up by days of the reporting zone: what unit costs of whole days are answered from. A leaf has two, its
own and that of its task's first attempt. entries: how many leaves, or tasks, a row stands for. model is that of GPU nodes
alone. placed_at and task_started_at are those of the first row of the day. Columns that tell single leaves apart are NULL.

drawn, in rows that stand for nothing else (entries = 0): resamples of a day's tasks, from which the interval of a ratio is
worked out. Of request leaves: what the tasks cost. Of tasks: how many were drawn, successes apart from all others.

money: amount in currency
money: converted in shown
money: value in shown
*/
SELECT
    placed_at, task_started_at, leaf, kind, model, use_case, task_use_case,
    CAST(NULL AS VARCHAR) AS task_id,
    evidence, wasted, modelled, currency, fx_rate, amount, shown, rate, converted,
    CAST(NULL AS VARCHAR) AS charge_id,
    CAST(NULL AS VARCHAR) AS request_source,
    CAST(NULL AS VARCHAR) AS request_id,
    entries,
    CAST(NULL AS BOOLEAN) AS success,
    CAST(NULL AS BIGINT) AS requests,
    CAST(NULL AS BIGINT) AS uncosted,
    CAST(NULL AS DECIMAL(38, 18)) AS value,
    drawn
FROM unit_cost_days
UNION ALL
SELECT
    NULL, task_started_at, 'task', NULL, NULL, task_use_case AS use_case, task_use_case, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, shown, NULL, NULL, NULL, NULL, NULL,
    entries, success, requests, uncosted, value, drawn
FROM unit_task_days
