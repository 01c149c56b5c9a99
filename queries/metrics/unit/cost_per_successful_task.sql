/*
title = "Cost per successful task"
description = """
Dollars per useful result. Direct cost is what the use case's tasks and own charges cost, failed, retried and
fallen-back attempts included; loaded cost adds its shared charges and its part of the idle time of the GPU
nodes it uses. A task belongs to the window in which its first attempt started, its attempts count whenever
they ran; charges count where they start. Under the basis billed nothing is accrued. Without a success there is no cost per success: NULL.
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
    { name = "value", type = "decimal", role = "money", description = "Worth of the successful tasks, where outcomes or the registry say one; in the reporting currency only." },
    { name = "cost_per_successful_task_low", type = "decimal", role = "money", unit = "per success", description = "2.5th percentile of the bootstrap over tasks." },
    { name = "cost_per_successful_task_high", type = "decimal", role = "money", unit = "per success", description = "97.5th percentile of the bootstrap over tasks." },
]
[chart]
kind = "bar"
y = "cost_per_successful_task"
[interval]
costs = "member_costs"
successes = "member_successes"
fixed = "fixed_cost"
low = "cost_per_successful_task_low"
high = "cost_per_successful_task_high"
seed = 20260901
resamples = 1000
*/
WITH tasked AS (
    SELECT task_id, use_case, requests, success, state, value
    FROM tasks
    WHERE first_started_at >= $from AND first_started_at < $to
),
money AS (
    SELECT
        leaf, kind, model, use_case, task_id, evidence, amount, wasted,
        period_start >= $from AND period_start < $to AS inside,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM ledger
    WHERE evidence = 'billed' OR setting('basis') <> 'billed'
),
request_money AS (
    SELECT
        t.use_case, t.task_id, m.shown, m.rate, m.amount, m.evidence, m.wasted
    FROM money AS m
    INNER JOIN tasked AS t ON t.task_id = m.task_id
    WHERE m.leaf = 'request'
),
task_costs AS (
    SELECT task_id, shown, sum_product(amount, rate) AS cost
    FROM request_money
    GROUP BY task_id, shown
),
-- Idle money of each self-hosted model, and who used the model: use cases by name, unregistered last.
idle AS (
    SELECT model, shown, sum_product(amount, rate) AS amount
    FROM money
    WHERE inside AND leaf IN ('gpu_allocated_idle', 'gpu_unallocated', 'gpu_dark', 'gpu_serving_untraced')
    GROUP BY model, shown
),
serving AS (
    SELECT model, shown, use_case, GREATEST(sum_product(amount, rate), 0) AS weight
    FROM money
    WHERE inside AND leaf = 'request' AND kind = 'gpu'
    GROUP BY model, shown, use_case
),
weighed AS (
    SELECT
        model, shown, use_case, weight,
        sum(weight) OVER (
            PARTITION BY model, shown ORDER BY use_case ASC NULLS LAST ROWS UNBOUNDED PRECEDING
        ) AS upto,
        sum(weight) OVER (PARTITION BY model, shown) AS total
    FROM serving
),
carried AS (
    SELECT w.use_case, i.shown, apportion(i.amount, w.upto - w.weight, w.upto, w.total) AS amount
    FROM idle AS i
    INNER JOIN weighed AS w ON w.model = i.model AND w.shown = i.shown
    WHERE w.total > 0
    UNION ALL
    SELECT '(no use case)' AS use_case, i.shown, i.amount
    FROM idle AS i
    LEFT JOIN (SELECT DISTINCT model, shown FROM weighed WHERE total > 0) AS w
        ON w.model = i.model AND w.shown = i.shown
    WHERE w.model IS NULL
),
currencies AS (
    SELECT setting('currency') AS shown WHERE setting('currency') <> 'native'
    UNION
    SELECT shown FROM request_money
    UNION
    SELECT shown FROM money WHERE inside AND leaf IN ('direct', 'shared')
    UNION
    SELECT shown FROM carried
),
-- Everything a row is made of, one kind of part after another.
parts AS (
    SELECT
        'task' AS part, t.use_case, k.shown, t.task_id, t.requests, t.success, t.state, t.value,
        COALESCE(c.cost, 0) AS amount, CAST(1 AS DECIMAL(38, 18)) AS rate, NULL AS evidence, false AS wasted
    FROM tasked AS t
    CROSS JOIN currencies AS k
    LEFT JOIN task_costs AS c ON c.task_id = t.task_id AND c.shown = k.shown
    UNION ALL
    SELECT 'request', use_case, shown, task_id, 0, NULL, NULL, NULL, amount, rate, evidence, wasted
    FROM request_money
    UNION ALL
    SELECT leaf, use_case, shown, NULL, 0, NULL, NULL, NULL, amount, rate, evidence, false
    FROM money
    WHERE inside AND leaf IN ('direct', 'shared')
    UNION ALL
    SELECT 'idle', use_case, shown, NULL, 0, NULL, NULL, NULL, amount, 1, 'billed', false
    FROM carried
    UNION ALL
    SELECT 'registered', u.use_case, k.shown, NULL, 0, NULL, NULL, NULL, 0, 1, NULL, false
    FROM use_cases AS u
    CROSS JOIN currencies AS k
),
grouped AS (
    SELECT
        {{by}},
        shown,
        sum(requests) AS requests,
        count(*) FILTER (WHERE part = 'task') AS tasks,
        count(*) FILTER (WHERE part = 'task' AND state = 'success') AS successes,
        count(*) FILTER (WHERE part = 'task' AND state = 'pending') AS pending,
        count(*) FILTER (WHERE part = 'task' AND state = 'unlabelled') AS unlabelled,
        count(*) FILTER (WHERE part = 'task' AND success IS NOT NULL) AS labelled,
        COALESCE(sum_product(CASE WHEN part IN ('request', 'direct') THEN amount END, rate), 0) AS direct_cost,
        COALESCE(sum_product(CASE WHEN part <> 'task' THEN amount END, rate), 0) AS loaded_cost,
        COALESCE(sum_product(CASE WHEN wasted THEN amount END, rate), 0) AS waste,
        COALESCE(sum_product(CASE WHEN evidence = 'accrued' AND part <> 'shared' THEN amount END, rate), 0)
            AS accrued_cost,
        sum(CASE WHEN part = 'task' AND state = 'success' AND shown = setting('currency') THEN value END) AS value,
        sum(CASE WHEN part = 'task' THEN amount END) AS task_cost,
        array_agg(amount ORDER BY task_id) FILTER (WHERE part = 'task') AS member_costs,
        array_agg(state = 'success' ORDER BY task_id) FILTER (WHERE part = 'task') AS member_successes
    FROM parts
    GROUP BY {{by}}, shown
)
SELECT
    {{by}},
    shown AS currency,
    requests,
    tasks,
    successes,
    pending,
    unlabelled,
    ratio(labelled, tasks) AS labelled_coverage,
    direct_cost,
    loaded_cost,
    ratio(direct_cost, requests) AS cost_per_query,
    ratio(direct_cost, successes) AS cost_per_successful_task,
    ratio(loaded_cost, successes) AS loaded_cost_per_successful_task,
    waste,
    accrued_cost,
    value,
    member_costs,
    member_successes,
    direct_cost - COALESCE(task_cost, 0) AS fixed_cost
FROM grouped
WHERE shown = setting('currency') OR direct_cost <> 0 OR loaded_cost <> 0
ORDER BY {{by}}, shown
