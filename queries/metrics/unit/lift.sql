/*
title = "Lift of an experiment"
description = """
What a variant changes against its control: success as a difference of shares, value as a difference of means,
each with a 95 % interval. Arms are the variants that outcomes name; the control is the registry's
control_variant of the use case. Tasks without an outcome are in no arm, since only an outcome names one. An
interval that holds 0 says: nothing is shown. With too few tasks in an arm there is no figure, and reason says
why. A success is worth what its outcome says, else what the registry says; a failure is worth 0 unless its
outcome says otherwise; where a success has no value at all, values are not compared. Values are in the
reporting currency, converted at the rate of the task's first day. Intervals: of shares by Newcombe (1998),
method 10: with Wilson limits l and u of each share p, from d − √((p₁−l₁)² + (u₀−p₀)²) to
d + √((u₁−p₁)² + (p₀−l₀)²); of means by Welch: d ± t · √(s₁²÷n₁ + s₀²÷n₀), t of Student's distribution with
Welch's degrees of freedom. Variants are compared with the control one by one: with many of them, one in
twenty intervals misses."""
formula = "success rate of the variant − success rate of the control; value per task likewise"
owner = "product"
grain = "one use case and variant other than the control"
key = ["use_case", "variant", "currency"]
columns = [
    { name = "use_case", type = "text", role = "dimension", description = "The use case; NULL is unregistered traffic." },
    { name = "variant", type = "text", role = "dimension", description = "The arm that is compared; NULL where only the control ran." },
    { name = "control", type = "text", role = "dimension", description = "The arm that it is compared with." },
    { name = "currency", type = "text", role = "currency", description = "Currency of the values." },
    { name = "tasks", type = "int", role = "measure", unit = "tasks", description = "Labelled tasks of the variant." },
    { name = "control_tasks", type = "int", role = "measure", unit = "tasks", description = "Labelled tasks of the control." },
    { name = "success_rate", type = "decimal", role = "ratio", description = "Successes ÷ tasks of the variant." },
    { name = "control_success_rate", type = "decimal", role = "ratio", description = "Successes ÷ tasks of the control." },
    { name = "lift", type = "decimal", role = "ratio", description = "success_rate − control_success_rate." },
    { name = "lift_low", type = "float", role = "ratio", description = "Lower end of its 95 % interval." },
    { name = "lift_high", type = "float", role = "ratio", description = "Upper end of its 95 % interval." },
    { name = "value_per_task", type = "decimal", role = "money", unit = "per task", description = "Σ value ÷ tasks of the variant." },
    { name = "control_value_per_task", type = "decimal", role = "money", unit = "per task", description = "Σ value ÷ tasks of the control." },
    { name = "value_lift", type = "decimal", role = "money", unit = "per task", description = "value_per_task − control_value_per_task." },
    { name = "value_lift_low", type = "float", role = "measure", unit = "currency per task", description = "Lower end of its 95 % interval." },
    { name = "value_lift_high", type = "float", role = "measure", unit = "currency per task", description = "Upper end of its 95 % interval." },
    { name = "reason", type = "text", role = "dimension", description = "Why a figure is missing." },
]
[params.min_per_arm]
type = "int"
default = "30"
description = "Labelled tasks that each arm must have before anything is said."
[chart]
kind = "bar"
x = "use_case"
y = "lift"
series = "variant"
[explain]
from = "labelled"
keys = { currency = "" }
[explain.columns]
tasks = { count = "task_id" }
successes = { count = "task_id", where = "state = 'success'" }
success_rate = { over = ["successes", "tasks"] }
*/
WITH labelled AS (
    SELECT
        t.task_id,
        t.use_case,
        t.variant,
        COALESCE(u.control_variant, 'control') AS control,
        t.state,
        money_mul(
            CASE WHEN t.value IS NULL AND t.state = 'failure' THEN 0 ELSE t.value END,
            CASE WHEN setting('currency') = 'native' THEN 1 ELSE t.value_rate END
        ) AS value
    FROM tasks AS t
    LEFT JOIN use_cases AS u ON u.use_case = t.use_case
    WHERE t.first_started_at >= $from AND t.first_started_at < $to
        AND t.variant IS NOT NULL AND t.state IN ('success', 'failure')
),
arms AS (
    SELECT
        use_case, variant, control,
        count(*) AS tasks,
        count(*) FILTER (WHERE state = 'success') AS successes,
        count(*) - count(value) AS valueless,
        COALESCE(sum(value), 0) AS value,
        sum_product_exact(value, value) AS squares
    FROM labelled
    GROUP BY use_case, variant, control
),
compared AS (
    SELECT
        COALESCE(a.use_case, c.use_case) AS use_case,
        a.variant,
        COALESCE(a.control, c.control) AS control,
        COALESCE(a.tasks, 0) AS tasks,
        a.successes, a.value, a.squares,
        COALESCE(c.tasks, 0) AS control_tasks,
        c.successes AS control_successes, c.value AS control_value, c.squares AS control_squares,
        a.tasks >= $min_per_arm AND c.tasks >= $min_per_arm AS enough,
        a.valueless = 0 AND c.valueless = 0 AS valued
    FROM (
        SELECT use_case, variant, control, tasks, successes, valueless, value, squares
        FROM arms
        WHERE variant <> control
    ) AS a
    FULL JOIN (
        SELECT use_case, control, tasks, successes, valueless, value, squares
        FROM arms
        WHERE variant = control
    ) AS c ON (c.use_case IS NOT DISTINCT FROM a.use_case) AND c.control = a.control
)
SELECT
    use_case,
    variant,
    control,
    CASE WHEN setting('currency') = 'native' THEN setting('reporting_currency') ELSE setting('currency') END
        AS currency,
    tasks,
    control_tasks,
    ratio(successes, tasks) AS success_rate,
    ratio(control_successes, control_tasks) AS control_success_rate,
    CASE WHEN enough THEN ratio(successes, tasks) - ratio(control_successes, control_tasks) END AS lift,
    CASE WHEN enough THEN newcombe_low(successes, tasks, control_successes, control_tasks) END AS lift_low,
    CASE WHEN enough THEN newcombe_high(successes, tasks, control_successes, control_tasks) END AS lift_high,
    CASE WHEN valued THEN ratio(value, tasks) END AS value_per_task,
    CASE WHEN valued THEN ratio(control_value, control_tasks) END AS control_value_per_task,
    CASE WHEN enough AND valued THEN ratio(value, tasks) - ratio(control_value, control_tasks) END AS value_lift,
    CASE
        WHEN enough AND valued THEN welch_low(tasks, value, squares, control_tasks, control_value, control_squares)
    END AS value_lift_low,
    CASE
        WHEN enough AND valued THEN welch_high(tasks, value, squares, control_tasks, control_value, control_squares)
    END AS value_lift_high,
    CASE
        WHEN variant IS NULL THEN 'no variant beside the control'
        WHEN control_tasks = 0 THEN 'no control arm'
        WHEN NOT enough THEN concat('fewer than ', CAST($min_per_arm AS VARCHAR), ' labelled tasks in an arm')
        WHEN NOT valued THEN 'some successes have no value: set value_per_success'
    END AS reason
FROM compared
ORDER BY use_case, variant
