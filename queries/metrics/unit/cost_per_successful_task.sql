/*
title = "Cost per successful task"
description = """
Dollars per useful result. Direct cost is what the use case's tasks and own charges cost, failed, retried and
fallen-back attempts included; loaded cost adds its shared charges and its part of the idle time of the GPU
nodes it uses. A task belongs to the window in which its first attempt started, its attempts count whenever
they ran; charges count where they start. Under the basis billed nothing is accrued. Without a success there is no cost per success: NULL.
Where every attempt's cost is unknown, so is the sum: NULL, not 0.
Pending tasks have not failed: the two bounds say what becomes of the figure if all of them do, or none.
Read it beside labelled_coverage, and with the interval: how far the figure could have come out otherwise
with the same kind of tasks (own and shared charges held fixed). Idle time of a model that no use case used
is the row `(no use case)`. A use case that cost something in a currency without a rate has a row for it."""
formula = "(Σ request and direct leaves [+ shared + idle share]) × rate ÷ tasks whose winning outcome is a success"
owner = "engineering"
grain = "one use case and currency; NULL is unregistered traffic"
dimensions = ["use_case"]
by = ["use_case"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "requests", type = "int", role = "measure", unit = "requests", description = "Requests, however many attempts they took." },
    { name = "tasks", type = "int", role = "measure", unit = "tasks", description = "Distinct tasks." },
    { name = "successes", type = "int", role = "measure", unit = "tasks", description = "Tasks whose winning outcome is a success." },
    { name = "pending", type = "int", role = "measure", unit = "tasks", description = "Tasks without an outcome, still inside the maturity window." },
    { name = "unlabelled", type = "int", role = "measure", unit = "tasks", description = "Tasks without an outcome, past the maturity window." },
    { name = "labelled_coverage", type = "decimal", role = "ratio", description = "Tasks with an outcome ÷ tasks." },
    { name = "direct_cost", type = "decimal", role = "money", description = "Request leaves of the tasks and direct leaves, accrued ones included." },
    { name = "loaded_cost", type = "decimal", role = "money", description = "Direct cost, shared charges and the share of idle GPU time." },
    { name = "cost_per_query", type = "decimal", role = "money", unit = "per request", description = "Direct cost ÷ requests." },
    { name = "cost_per_successful_task", type = "decimal", role = "money", unit = "per success", description = "Direct cost ÷ successes." },
    { name = "loaded_cost_per_successful_task", type = "decimal", role = "money", unit = "per success", description = "Loaded cost ÷ successes." },
    { name = "waste", type = "decimal", role = "money", description = "Cost of attempts that failed or were superseded." },
    { name = "accrued_cost", type = "decimal", role = "money", description = "The part of direct cost that no bill covers yet." },
    { name = "value", type = "decimal", role = "money", description = "Worth of the successful tasks, where outcomes or the registry say one; not on rows of another currency." },
    { name = "cost_per_success_if_pending_succeed", type = "decimal", role = "money", unit = "per success", description = "Direct cost ÷ (successes + pending): the lower bound while tasks mature." },
    { name = "cost_per_success_if_pending_fail", type = "decimal", role = "money", unit = "per success", description = "Direct cost ÷ successes: the upper bound while tasks mature." },
    { name = "uncosted_attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts that no price and no bill speaks of; they are in no amount." },
    { name = "cost_per_successful_task_low", type = "decimal", role = "money", unit = "per success", description = "2.5th percentile of the bootstrap over tasks." },
    { name = "cost_per_successful_task_high", type = "decimal", role = "money", unit = "per success", description = "97.5th percentile of the bootstrap over tasks." },
]
rows = { each = "unit_leaves", sums = "unit_leaf_days" }
[chart]
kind = "bar"
y = "cost_per_successful_task"
[interval]
members = "drawn_tasks"
costs = "drawn_costs"
successes = "drawn_successes"
fixed = "fixed_cost"
count = "tasks"
low = "cost_per_successful_task_low"
high = "cost_per_successful_task_high"
[explain]
from = "parts"
[explain.columns]
requests = { sum = "requests", where = "anchor", any_currency = true }
tasks = { count = "*", where = "anchor", any_currency = true }
successes = { count = "*", where = "anchor AND state = 'success'", any_currency = true }
pending = { count = "*", where = "anchor AND state = 'pending'", any_currency = true }
unlabelled = { count = "*", where = "anchor AND state = 'unlabelled'", any_currency = true }
labelled = { count = "*", where = "anchor AND state IN ('success', 'failure')", any_currency = true }
labelled_coverage = { over = ["labelled", "tasks"] }
direct_cost = { sum = "amount", where = "own" }
own_and_shared = { sum = "amount", where = "own OR shared" }
idle_carried = { sum = "carried", rate = "1" }
loaded_cost = { plus = ["own_and_shared", "idle_carried"] }
waste = { sum = "amount", where = "own AND wasted" }
accrued_cost = { sum = "amount", where = "own AND evidence = 'accrued'" }
value = { sum = "value", where = "anchor AND state = 'success'", rate = "1" }
successes_and_pending = { count = "*", where = "anchor AND state IN ('success', 'pending')", any_currency = true }
cost_per_success_if_pending_succeed = { over = ["direct_cost", "successes_and_pending"] }
cost_per_success_if_pending_fail = { over = ["direct_cost", "successes"] }
uncosted_attempts = { sum = "uncosted", where = "anchor", rate = "1", any_currency = true }
cost_per_query = { over = ["direct_cost", "requests"] }
cost_per_successful_task = { over = ["direct_cost", "successes"] }
loaded_cost_per_successful_task = { over = ["loaded_cost", "successes"] }
*/
WITH placed AS (
    SELECT
        task_id, success, requests, uncosted, value, entries, drawn, use_case, task_use_case,
        leaf, evidence, wasted, amount, shown, rate, converted, model,
        kind, modelled, charge_id, request_source, request_id, currency, fx_rate,
        leaf = 'task' AS task,
        leaf IN ('gpu_allocated_idle', 'gpu_unallocated', 'gpu_dark', 'gpu_serving_untraced') AS idle,
        COALESCE(task_started_at >= $from AND task_started_at < $to, false) AS known,
        COALESCE(placed_at >= $from AND placed_at < $to, false) AS inside
    FROM {{rows}}
    -- Known or inside, in the words of the columns: months and files are told by them.
    WHERE (task_started_at >= $from AND task_started_at < $to) OR (placed_at >= $from AND placed_at < $to)
),
-- Request leaves are where their task is; whatever else starts inside the window stands for itself.
joined AS (
    SELECT
        task_id, success, requests, uncosted, value, entries, drawn, task, known, idle,
        CASE WHEN known THEN task_use_case ELSE use_case END AS use_case,
        leaf, evidence, wasted, amount, shown, rate, converted,
        kind, modelled, charge_id, request_source, request_id, currency, fx_rate,
        CASE WHEN inside AND kind = 'gpu' THEN model END AS node_model
    FROM placed
),
-- Idle money of each self-hosted model by charge, and who used the model.
used AS (
    SELECT
        node_model, shown, use_case, leaf, evidence, modelled, currency, fx_rate,
        CASE WHEN idle THEN charge_id END AS charge_id,
        sum(CASE WHEN idle OR node_model IS NULL THEN 0 ELSE converted END) AS weight,
        sum(CASE WHEN idle THEN converted END) AS idle
    FROM joined
    WHERE kind = 'gpu' AND (idle OR leaf = 'request')
    GROUP BY
        node_model, shown, use_case, leaf, evidence, modelled, currency, fx_rate, CASE WHEN idle THEN charge_id END
),
-- Use cases by name, unregistered last.
spread AS (
    SELECT
        use_case, shown, leaf, evidence, modelled, currency, fx_rate, charge_id, weight, idle,
        sum(weight) OVER (
            PARTITION BY node_model, shown ORDER BY use_case ASC NULLS LAST ROWS UNBOUNDED PRECEDING
        ) AS upto,
        sum(weight) OVER (PARTITION BY node_model, shown) AS total,
        sum(idle) OVER (PARTITION BY node_model, shown) AS idle_total
    FROM used
),
parts AS (
    -- What is somebody's own, or shared, and tasks with an outcome; those without are drawn here, and counted below.
    SELECT
        task AND success IS NOT NULL AS anchor, task_id, requests,
        CASE WHEN success THEN 'success' WHEN NOT success THEN 'failure' END AS state,
        value, uncosted, evidence, wasted, shown, amount, rate, converted,
        leaf, kind, modelled, charge_id, request_source, request_id, currency, fx_rate, use_case,
        (leaf = 'request' AND known) OR leaf = 'direct' AS own,
        leaf = 'shared' AS shared,
        CAST(NULL AS DECIMAL(38, 18)) AS carried,
        entries, task, drawn
    FROM joined
    WHERE NOT idle
    UNION ALL
    -- What each use case carries of the idle time of a model, and what nobody does.
    SELECT
        false, NULL, NULL, NULL, NULL, NULL, evidence, NULL, shown, NULL, NULL, NULL,
        CASE WHEN idle IS NULL THEN 'idle, carried' ELSE leaf END,
        'gpu', modelled, charge_id, NULL, NULL, currency, fx_rate,
        CASE WHEN idle IS NULL THEN use_case ELSE '(no use case)' END,
        false, false,
        CASE
            WHEN idle IS NOT NULL THEN idle
            WHEN weight <> 0 AND total > 0 THEN apportion(idle_total, upto - weight, upto, total)
        END,
        1, false, NULL
    FROM spread
    WHERE idle IS NULL OR total <= 0
    UNION ALL
    -- Tasks without an outcome: the clock says what they are. Like all tasks they are counted in the reporting
    -- currency, whatever they cost and in whichever currency.
    SELECT
        true, task_id, requests, state, NULL, uncosted, NULL, NULL,
        CASE WHEN setting('currency') <> 'native' THEN setting('currency') END,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, first_source, first_request, NULL, NULL, use_case,
        false, false, NULL,
        1, false, NULL
    FROM tasks
    WHERE success IS NULL AND first_started_at >= $from AND first_started_at < $to
    UNION ALL
    SELECT
        false, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        CASE WHEN setting('currency') <> 'native' THEN setting('currency') END,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, use_case, NULL, true, NULL,
        1, false, NULL
    FROM use_cases
),
-- A task's leaves as one row first: it is drawn once.
summed AS (
    SELECT
        {{by}},
        shown,
        CASE WHEN task OR (own AND leaf = 'request') THEN task_id END AS member,
        state, rate, anchor, own, shared, wasted, task,
        evidence = 'accrued' AS accrued,
        leaf = 'direct' AS direct,
        sum(entries) AS entries,
        sum(requests) AS requests,
        sum(uncosted) AS uncosted,
        sum(value) AS value,
        sum(amount) AS amount,
        sum(converted) AS converted,
        sum(carried) AS carried,
        sum(entries) FILTER (WHERE ((own OR shared) AND amount IS NOT NULL) OR carried IS NOT NULL) AS borne,
        resampled(NULL, NULL, drawn) AS drawn
    FROM parts
    WHERE anchor OR own OR shared OR carried IS NOT NULL OR task
    GROUP BY
        {{by}}, shown, CASE WHEN task OR (own AND leaf = 'request') THEN task_id END, state, rate, anchor, own, shared,
        wasted, task, evidence = 'accrued', leaf = 'direct'
),
grouped AS (
    SELECT
        {{by}},
        shown,
        sum(requests) FILTER (WHERE anchor) AS requests,
        COALESCE(sum(entries) FILTER (WHERE anchor), 0) AS tasks,
        COALESCE(sum(entries) FILTER (WHERE anchor AND state = 'success'), 0) AS successes,
        COALESCE(sum(entries) FILTER (WHERE anchor AND state = 'pending'), 0) AS pending,
        COALESCE(sum(entries) FILTER (WHERE anchor AND state = 'unlabelled'), 0) AS unlabelled,
        COALESCE(sum(uncosted) FILTER (WHERE anchor), 0) AS uncosted,
        COALESCE(sum(entries) FILTER (WHERE own), 0) AS own_leaves,
        COALESCE(sum(borne), 0) AS borne_leaves,
        COALESCE(sum_product(CASE WHEN own THEN amount END, rate), 0) AS direct_cost,
        COALESCE(sum_product(CASE WHEN own OR shared THEN amount END, rate), 0) + COALESCE(sum(carried), 0)
            AS loaded_cost,
        COALESCE(sum_product(CASE WHEN own AND wasted THEN amount END, rate), 0) AS waste,
        COALESCE(sum_product(CASE WHEN own AND accrued THEN amount END, rate), 0) AS accrued_cost,
        sum(CASE WHEN state = 'success' THEN value END) AS value,
        COALESCE(sum_product(CASE WHEN own AND direct THEN amount END, rate), 0) AS fixed_cost,
        resampled(CASE WHEN task THEN member END, 1, CASE WHEN task THEN drawn END) AS drawn_tasks,
        resampled(
            CASE WHEN task AND state = 'success' THEN member END, 1, CASE WHEN task AND state = 'success' THEN drawn END
        ) AS drawn_successes,
        resampled(CASE WHEN NOT task THEN member END, COALESCE(converted, 0), CASE WHEN NOT task THEN drawn END)
            AS drawn_costs
    FROM summed
    GROUP BY {{by}}, shown
),
counted AS (
    SELECT
        {{by}},
        shown,
        COALESCE(sum(requests) OVER (PARTITION BY {{by}}, 1), 0) AS requests,
        sum(tasks) OVER (PARTITION BY {{by}}, 1) AS tasks,
        sum(successes) OVER (PARTITION BY {{by}}, 1) AS successes,
        sum(pending) OVER (PARTITION BY {{by}}, 1) AS pending,
        sum(unlabelled) OVER (PARTITION BY {{by}}, 1) AS unlabelled,
        count(shown) OVER (PARTITION BY {{by}}, 1) AS currencies,
        sum(uncosted) OVER (PARTITION BY {{by}}, 1) AS uncosted,
        own_leaves, borne_leaves, direct_cost, loaded_cost, waste, accrued_cost, value, fixed_cost,
        -- In a currency without a rate only some tasks cost anything: no interval there.
        CASE WHEN shown = setting('currency') THEN drawn_tasks END AS drawn_tasks,
        drawn_costs, drawn_successes
    FROM grouped
),
-- Nothing is made up: where no amount is known and attempts have none, the cost is not 0.
known AS (
    SELECT
        {{by}},
        shown, requests, tasks, successes, pending, unlabelled, currencies, uncosted,
        CASE WHEN own_leaves > 0 OR uncosted = 0 THEN direct_cost END AS direct_cost,
        CASE WHEN borne_leaves > 0 OR uncosted = 0 THEN loaded_cost END AS loaded_cost,
        CASE WHEN own_leaves > 0 OR uncosted = 0 THEN waste END AS waste,
        CASE WHEN own_leaves > 0 OR uncosted = 0 THEN accrued_cost END AS accrued_cost,
        value, fixed_cost,
        CASE WHEN own_leaves > 0 OR uncosted = 0 THEN drawn_tasks END AS drawn_tasks,
        drawn_costs, drawn_successes
    FROM counted
)
SELECT
    {{by}},
    shown AS currency,
    requests,
    tasks,
    successes,
    pending,
    unlabelled,
    ratio(tasks - pending - unlabelled, tasks) AS labelled_coverage,
    direct_cost,
    loaded_cost,
    ratio(direct_cost, requests) AS cost_per_query,
    ratio(direct_cost, successes) AS cost_per_successful_task,
    ratio(loaded_cost, successes) AS loaded_cost_per_successful_task,
    waste,
    accrued_cost,
    value,
    ratio(direct_cost, successes + pending) AS cost_per_success_if_pending_succeed,
    ratio(direct_cost, successes) AS cost_per_success_if_pending_fail,
    uncosted AS uncosted_attempts,
    drawn_costs,
    drawn_successes,
    drawn_tasks,
    fixed_cost
FROM known
WHERE shown IS NOT NULL OR currencies = 0
ORDER BY {{by}}, shown
