/* unit_cost_leaves, added up by days of the reporting zone, as in unit_leaf_days: sums, and of request leaves resamples of
what the tasks of a day cost (drawn), by the days of their leaves, since they add up. owned_at: when the first of a row's leaves
is in a window.

kept: a few rows a day, however many tasks there are.
months: owned_at of leaves

money: amount in currency
money: converted in shown
*/
WITH by_task AS (
    SELECT
        min(placed_at) AS owned_at, min(task_started_at) AS task_started_at, leaf, task_use_case, task_id, shown,
        sum(converted) AS converted
    FROM unit_cost_leaves
    WHERE leaf = 'request'
    GROUP BY local_day(placed_at), leaf, task_use_case, task_id, shown
)

SELECT
    min(placed_at) AS owned_at,
    min(placed_at) AS placed_at,
    min(task_started_at) AS task_started_at,
    leaf,
    kind,
    CASE WHEN kind = 'gpu' THEN model END AS model,
    use_case,
    task_use_case,
    evidence,
    wasted,
    modelled,
    currency,
    fx_rate,
    sum(amount) AS amount,
    shown,
    rate,
    sum(converted) AS converted,
    count(*) AS entries,
    CAST(NULL AS DECIMAL(38, 18)[]) AS drawn
FROM unit_cost_leaves
GROUP BY
    local_day(placed_at), local_day(task_started_at), leaf, kind, CASE WHEN kind = 'gpu' THEN model END, use_case,
    task_use_case, evidence, wasted, modelled, currency, fx_rate, shown, rate
UNION ALL
SELECT
    min(owned_at), NULL, min(task_started_at), leaf, NULL, NULL, NULL, task_use_case, NULL, NULL, NULL, NULL, NULL, NULL,
    shown, NULL, NULL, 0, resampled(task_id, converted, NULL)
FROM by_task
GROUP BY local_day(owned_at), local_day(task_started_at), leaf, task_use_case, shown
