/* The money of unit_leaves: leaves of the ledger that somebody's unit costs are made of (request, direct and shared ones, and the
idle time of GPU nodes). placed_at: when a leaf is in a window. task_started_at and task_use_case: of the task of a request leaf.
shown and rate: the currency asked for where there is a rate, else the own one; converted: the amount in it, rounded
leaf by leaf. Under the basis billed there are no accruals.

money: amount in currency
money: converted in shown
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
    l.charge_id, l.request_source, l.request_id
FROM task_attempts AS t
RIGHT JOIN leaves AS l ON l.task_id = t.task_id AND l.leaf = 'request'
