/* What unit costs are made of: leaves of the ledger (request, direct and shared ones, and the idle time of GPU nodes), and a
row for each task (leaf = 'task'), with what is counted of it and no money. placed_at: when a leaf is in a window.
task_started_at: when its task is, of request leaves and of tasks. use_case is the leaf's own; task_use_case that of the task.
shown and rate: the currency asked for where there is a rate, else the own one; converted: the amount in it, rounded
leaf by leaf. Under the basis billed there are no accruals. value: of a success, what it was worth in setting('currency').
drawn: see unit_leaf_days.

money: amount in currency
money: converted in shown
money: value in shown
*/
WITH leaves AS (
    SELECT
        charge_moment(period_start, period_end) AS placed_at,
        leaf, kind, model, use_case, task_id, evidence, wasted, modelled, currency, fx_rate, amount,
        CASE
            WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency')
            ELSE currency
        END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate,
        charge_id, request_source, request_id
    FROM ledger
    WHERE (evidence = 'billed' OR setting('basis') <> 'billed')
        -- No other leaf is anybody's, and there may be millions.
        AND leaf IN (
            'request', 'direct', 'shared', 'gpu_allocated_idle', 'gpu_unallocated', 'gpu_dark', 'gpu_serving_untraced'
        )
)

SELECT
    l.placed_at, t.first_started_at AS task_started_at, l.leaf, l.kind, l.model, l.use_case, t.use_case AS task_use_case,
    l.task_id, l.evidence, l.wasted, l.modelled, l.currency, l.fx_rate, l.amount, l.shown, l.rate,
    money_mul(l.amount, l.rate) AS converted,
    l.charge_id, l.request_source, l.request_id,
    1 AS entries,
    CAST(NULL AS BOOLEAN) AS success,
    CAST(NULL AS BIGINT) AS requests,
    CAST(NULL AS BIGINT) AS uncosted,
    CAST(NULL AS DECIMAL(38, 18)) AS value,
    CAST(NULL AS DECIMAL(38, 18)[]) AS drawn
FROM leaves AS l
LEFT JOIN task_facts AS t ON t.task_id = l.task_id AND l.leaf = 'request'
UNION ALL
SELECT
    NULL, t.first_started_at, 'task', NULL, NULL, t.use_case, t.use_case AS task_use_case,
    t.task_id, NULL, NULL, NULL, NULL, NULL, NULL,
    CASE WHEN setting('currency') <> 'native' THEN setting('currency') END,
    NULL, NULL,
    NULL, t.first_source, t.first_request,
    1, t.success, t.requests, t.uncosted,
    CASE
        WHEN t.success
            THEN money_mul(
                coalesce(t.outcome_value, u.value_per_success),
                fx_rate(setting('reporting_currency'), setting('currency'), CAST(t.first_started_at AS DATE))
            )
    END,
    NULL
FROM task_facts AS t
LEFT JOIN use_cases AS u ON u.use_case = t.use_case
