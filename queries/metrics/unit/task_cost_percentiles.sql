/*
title = "Cost of a task, percentiles"
description = """
How the cost of one task spreads: a mean hides the few tasks that loop. A task's cost is Σ request leaves of
all its attempts, whenever they ran; it belongs to the window in which its first attempt started. Percentiles
are by nearest rank, so each is the exact cost of some task: the smallest cost that at least so many in a
hundred tasks do not exceed. Tasks whose cost is not wholly known are left out and counted: an attempt without
price and bill, or parts in two currencies without a rate between them."""
formula = "cost of the task at rank ⌈p ÷ 100 × tasks⌉ in order of cost; mean = Σ cost ÷ tasks"
owner = "engineering"
grain = "one group and currency"
dimensions = ["use_case", "state", "variant", "last_model", "day"]
by = ["use_case"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "tasks", type = "int", role = "measure", unit = "tasks", description = "Tasks whose cost is known." },
    { name = "left_out", type = "int", role = "measure", unit = "tasks", description = "Tasks of the group whose cost is not wholly known, in whichever currency." },
    { name = "cost", type = "decimal", role = "money", description = "Σ cost of the tasks." },
    { name = "mean", type = "decimal", role = "money", unit = "per task", description = "cost ÷ tasks." },
    { name = "p50", type = "decimal", role = "money", unit = "per task", description = "Half of the tasks cost no more." },
    { name = "p90", type = "decimal", role = "money", unit = "per task", description = "9 of 10 tasks cost no more." },
    { name = "p95", type = "decimal", role = "money", unit = "per task", description = "19 of 20 tasks cost no more." },
    { name = "p99", type = "decimal", role = "money", unit = "per task", description = "99 of 100 tasks cost no more." },
    { name = "max", type = "decimal", role = "money", unit = "per task", description = "The dearest task." },
]
[chart]
kind = "bar"
y = "p95"
[explain]
from = "valued"
[explain.columns]
tasks = { count = "task_id", where = "cost IS NOT NULL" }
left_out = { count = "task_id", where = "cost IS NULL", any_currency = true }
cost = { sum = "cost", rate = "1" }
mean = { over = ["cost", "tasks"] }
*/
-- A task that nothing was asked for is known to cost nothing. NULLIF keeps the planner from taking the column for
-- one that is never NULL.
WITH valued AS (
    SELECT
        task_id, use_case, state, variant, last_model, local_day(first_started_at) AS day,
        shown_cost AS cost,
        NULLIF(
            CASE
                WHEN shown_cost IS NOT NULL AND shown_currency IS NOT NULL THEN shown_currency
                WHEN setting('currency') <> 'native' THEN setting('currency')
            END,
            ''
        ) AS shown
    FROM tasks
    WHERE first_started_at >= $from AND first_started_at < $to
),
grouped AS (
    SELECT
        {{by}},
        shown,
        count(cost) AS tasks,
        count(*) - count(cost) AS left_out,
        sum(cost) AS cost,
        nearest_ranks(cost, 50, 90, 95, 99) AS ranks,
        max(cost) AS dearest
    FROM valued
    GROUP BY {{by}}, shown
),
spread AS (
    SELECT
        {{by}},
        shown,
        tasks,
        sum(left_out) OVER (PARTITION BY {{by}}, 1) AS left_out,
        sum(tasks) OVER (PARTITION BY {{by}}, 1) AS known,
        cost, ranks, dearest
    FROM grouped
)
SELECT
    {{by}},
    shown AS currency,
    tasks,
    left_out,
    cost,
    ratio(cost, tasks) AS mean,
    ranks[1] AS p50,
    ranks[2] AS p90,
    ranks[3] AS p95,
    ranks[4] AS p99,
    dearest AS max
FROM spread
WHERE tasks > 0 OR known = 0
ORDER BY {{by}}, shown
