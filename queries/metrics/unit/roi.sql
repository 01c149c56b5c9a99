/*
title = "Return on an AI feature"
description = """
What a feature gave back for what it cost. Where an experiment ran (basis `lift`), the value is what the
variant's tasks were worth beyond as many tasks of the control; where none ran (basis `value`), it is what all
its successes were worth, and nobody knows what would have come without the feature. The two are never added.
Cost is the direct cost: request leaves of the tasks, and charges of the use case's own, of which a variant
carries its part by number of tasks. Shared and idle cost are not in it. A task belongs to the window in which
its first attempt started. Values and costs are in the reporting currency of the run; where a part of either
is unknown there is no figure, and reason says why."""
formula = "lift: (Σ value of the variant − Σ value of the control × tasks ÷ control tasks − cost) ÷ cost; value: (Σ value − cost) ÷ cost"
owner = "product"
explain = "none: it is worked out from unit/lift (value) and unit/cost_per_query (cost), which can be explained"
grain = "one use case, and variant where an experiment ran"
key = ["use_case", "variant", "currency"]
columns = [
    { name = "use_case", type = "text", role = "dimension", description = "The use case; NULL is unregistered traffic." },
    { name = "variant", type = "text", role = "dimension", description = "The arm; NULL where no experiment ran." },
    { name = "basis", type = "text", role = "dimension", description = "lift: against a control. value: without one." },
    { name = "currency", type = "text", role = "currency", description = "Currency of values and costs." },
    { name = "tasks", type = "int", role = "measure", unit = "tasks", description = "Tasks whose cost and value stand here; in an arm the labelled ones." },
    { name = "control_tasks", type = "int", role = "measure", unit = "tasks", description = "Labelled tasks of the control." },
    { name = "labelled", type = "int", role = "measure", unit = "tasks", description = "Tasks with an outcome." },
    { name = "value_added", type = "decimal", role = "money", description = "What the feature gave: against the control, or all of it." },
    { name = "cost", type = "decimal", role = "money", description = "Direct cost." },
    { name = "net", type = "decimal", role = "money", description = "value_added − cost." },
    { name = "roi", type = "decimal", role = "ratio", description = "net ÷ cost." },
    { name = "roi_low", type = "float", role = "ratio", description = "With the lower end of the value's 95 % interval; for lift only." },
    { name = "roi_high", type = "float", role = "ratio", description = "With the upper end of the value's 95 % interval; for lift only." },
    { name = "reason", type = "text", role = "dimension", description = "Why a figure is missing." },
]
[params.min_per_arm]
type = "int"
default = "30"
description = "Labelled tasks that each arm must have before anything is said."
[chart]
kind = "bar"
x = "use_case"
y = "roi"
series = "basis"
*/
WITH tasked AS (
    SELECT
        fingerprint(t.task_id) AS task, t.use_case, t.variant, t.state, t.uncosted,
        COALESCE(u.control_variant, 'control') AS control,
        money_mul(
            CASE WHEN t.value IS NULL AND t.state = 'failure' THEN 0 ELSE t.value END,
            CASE WHEN setting('currency') = 'native' THEN 1 ELSE t.value_rate END
        ) AS value
    FROM tasks AS t
    LEFT JOIN use_cases AS u ON u.use_case = t.use_case
    WHERE t.first_started_at >= $from AND t.first_started_at < $to
),
leaves AS (
    SELECT
        fingerprint(task_id) AS task, amount,
        CASE WHEN setting('currency') = 'native' THEN reporting_rate ELSE fx_rate END AS rate
    FROM request_leaves
    WHERE (evidence = 'billed' OR setting('basis') <> 'billed') AND started_at >= $from
),
-- Tasks without money, what they cost, and the use case's own charges, which belong to no task.
joined AS (
    SELECT
        use_case, variant, control, state, value, uncosted, true AS anchor, false AS own,
        CAST(NULL AS DECIMAL(38, 18)) AS amount, CAST(NULL AS DECIMAL(38, 18)) AS rate
    FROM tasked
    UNION ALL
    SELECT t.use_case, t.variant, t.control, NULL, NULL, NULL, false, false, l.amount, l.rate
    FROM tasked AS t
    INNER JOIN leaves AS l ON l.task = t.task
    UNION ALL
    SELECT
        use_case, NULL, NULL, NULL, NULL, NULL, false, true, amount,
        CASE WHEN setting('currency') = 'native' THEN reporting_rate ELSE fx_rate END
    FROM leaf_plain
    WHERE leaf = 'direct' AND charge_moment(period_start, period_end) >= $from AND charge_moment(period_start, period_end) < $to
),
arms AS (
    SELECT
        use_case, variant, control,
        count(*) FILTER (WHERE anchor) AS tasks,
        count(*) FILTER (WHERE state IN ('success', 'failure')) AS labelled,
        count(*) FILTER (WHERE state IN ('success', 'failure') AND value IS NULL) AS valueless,
        COALESCE(sum(uncosted), 0) + count(*) FILTER (WHERE amount IS NOT NULL AND rate IS NULL) AS unknown_costs,
        COALESCE(sum(CASE WHEN state IN ('success', 'failure') THEN value END), 0) AS value,
        sum_product_exact(
            CASE WHEN state IN ('success', 'failure') THEN value END,
            CASE WHEN state IN ('success', 'failure') THEN value END
        ) AS squares,
        COALESCE(sum_product(CASE WHEN NOT own THEN amount END, rate), 0) AS task_cost,
        COALESCE(sum_product(CASE WHEN own THEN amount END, rate), 0) AS own_cost
    FROM joined
    GROUP BY use_case, variant, control
),
totals AS (
    SELECT
        use_case,
        sum(tasks) AS tasks,
        sum(labelled) AS labelled,
        sum(valueless) AS valueless,
        sum(unknown_costs) AS unknown_costs,
        sum(value) AS value,
        sum(task_cost) AS task_cost,
        sum(own_cost) AS own_cost,
        sum(CASE WHEN control IS NULL THEN unknown_costs ELSE 0 END) AS own_unknown,
        sum(CASE WHEN variant <> control THEN 1 ELSE 0 END) AS variants
    FROM arms
    GROUP BY use_case
),
returned AS (
    SELECT
        a.use_case, a.variant, 'lift' AS basis, a.labelled AS tasks, COALESCE(c.labelled, 0) AS control_tasks, a.labelled,
        a.labelled >= $min_per_arm AND c.labelled >= $min_per_arm AS enough,
        a.valueless = 0 AND c.valueless = 0 AS valued,
        a.unknown_costs + t.own_unknown AS unknown_costs,
        a.value - apportion(c.value, 0, a.labelled, c.labelled) AS value_added,
        a.task_cost + apportion(t.own_cost, 0, a.tasks, t.tasks) AS cost,
        welch_low(a.labelled, a.value, a.squares, c.labelled, c.value, c.squares) * a.labelled AS value_low,
        welch_high(a.labelled, a.value, a.squares, c.labelled, c.value, c.squares) * a.labelled AS value_high
    FROM arms AS a
    INNER JOIN totals AS t ON (t.use_case IS NOT DISTINCT FROM a.use_case)
    LEFT JOIN (
        SELECT use_case, control, labelled, valueless, value, squares
        FROM arms
        WHERE variant = control
    ) AS c ON (c.use_case IS NOT DISTINCT FROM a.use_case) AND c.control = a.control
    WHERE a.variant <> a.control
    UNION ALL
    SELECT
        use_case, NULL, 'value', tasks, 0, labelled, labelled > 0, valueless = 0, unknown_costs, value,
        task_cost + own_cost, NULL, NULL
    FROM totals
    WHERE variants = 0
),
figures AS (
    SELECT
        use_case, variant, basis, tasks, control_tasks, labelled, enough, valued, unknown_costs,
        CASE WHEN enough AND valued THEN value_added END AS value_added,
        CASE WHEN unknown_costs = 0 THEN cost END AS cost,
        CASE WHEN enough AND valued THEN value_low END AS value_low,
        CASE WHEN enough AND valued THEN value_high END AS value_high
    FROM returned
)
SELECT
    use_case,
    variant,
    basis,
    CASE WHEN setting('currency') = 'native' THEN setting('reporting_currency') ELSE setting('currency') END
        AS currency,
    tasks,
    control_tasks,
    labelled,
    value_added,
    cost,
    value_added - cost AS net,
    ratio(value_added - cost, cost) AS roi,
    (value_low - cost) / NULLIF(cost, 0) AS roi_low,
    (value_high - cost) / NULLIF(cost, 0) AS roi_high,
    CASE
        WHEN basis = 'lift' AND control_tasks = 0 THEN 'no control arm'
        WHEN basis = 'lift' AND NOT enough
            THEN concat('fewer than ', CAST($min_per_arm AS VARCHAR), ' labelled tasks in an arm')
        WHEN NOT enough THEN 'no outcome yet'
        WHEN NOT valued THEN 'some successes have no value: set value_per_success'
        WHEN unknown_costs > 0 THEN 'the cost is not wholly known'
        WHEN cost = 0 THEN 'it cost nothing'
    END AS reason
FROM figures
ORDER BY use_case, variant
