/* What unit costs are made of: leaves of the ledger (unit_cost_leaves), and a row for each task (leaf = 'task', see unit_tasks), with what is
counted of it and no money. placed_at: when a leaf is in a window.
task_started_at: when its task is, of request leaves and of tasks. use_case is the leaf's own; task_use_case that of the task.
shown and rate: the currency asked for where there is a rate, else the own one; converted: the amount in it, rounded
leaf by leaf. Under the basis billed there are no accruals. value: of a success, what it was worth in setting('currency').
drawn: see unit_leaf_days.

money: amount in currency
money: converted in shown
money: value in shown
*/
SELECT
    *,
    1 AS entries,
    CAST(NULL AS BOOLEAN) AS success,
    CAST(NULL AS BIGINT) AS requests,
    CAST(NULL AS BIGINT) AS uncosted,
    CAST(NULL AS DECIMAL(38, 18)) AS value,
    CAST(NULL AS DECIMAL(38, 18)[]) AS drawn
FROM unit_cost_leaves
UNION ALL
SELECT
    NULL, task_started_at, 'task', NULL, NULL, task_use_case AS use_case, task_use_case,
    task_id, NULL, NULL, NULL, NULL, NULL, NULL,
    shown,
    NULL, NULL,
    NULL, request_source, request_id,
    1, success, requests, uncosted, value,
    NULL
FROM unit_tasks
