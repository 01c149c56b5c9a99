/* unit_leaves, added up by task, or by use case where a leaf is no task's, and by day of the reporting zone: what unit
costs of whole days are answered from. A task has one row where its attempts stand on many charges. model is that of
GPU nodes alone. placed_at is that of the day's first leaf of its kind. Columns that tell single leaves apart are NULL.

kept: tasks are fewer than the leaves of their attempts, and the rest is a few rows a day.
months: placed_at

money: amount in currency
money: converted in shown
*/
WITH leaves AS (
    SELECT
        placed_at, leaf, kind, use_case, evidence, wasted, modelled, currency, fx_rate, amount, shown, rate, converted,
        CASE WHEN leaf = 'request' THEN task_id END AS task_id,
        CASE WHEN kind = 'gpu' THEN model END AS model
    FROM unit_leaves
)

SELECT
    min(placed_at) AS placed_at,
    leaf,
    kind,
    model,
    use_case,
    task_id,
    evidence,
    wasted,
    modelled,
    currency,
    fx_rate,
    sum(amount) AS amount,
    shown,
    rate,
    CAST(NULL AS VARCHAR) AS charge_id,
    CAST(NULL AS VARCHAR) AS request_source,
    CAST(NULL AS VARCHAR) AS request_id,
    sum(converted) AS converted
FROM leaves
GROUP BY
    local_day(placed_at), leaf, kind, model, use_case, task_id, evidence, wasted, modelled, currency, fx_rate, shown, rate
