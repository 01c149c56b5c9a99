/*
title = "Production features with measured lift"
description = """
How many AI features in production were ever held against a control: registry use cases of stage production
with a control and another variant, each with enough labelled tasks in the window. A feature counts whatever
the lift came out as; one without an experiment is believed in, not measured."""
formula = "production use cases with measured lift ÷ production use cases"
owner = "product"
grain = "one group"
dimensions = ["use_case", "owner", "risk_tier"]
by = []
columns = [
    { name = "in_production", type = "int", role = "measure", unit = "use cases", description = "Use cases of the registry in stage production." },
    { name = "with_experiment", type = "int", role = "measure", unit = "use cases", description = "Those with any variant beside the control." },
    { name = "measured", type = "int", role = "measure", unit = "use cases", description = "Those with enough labelled tasks in both arms." },
    { name = "measured_share", type = "decimal", role = "ratio", description = "measured ÷ in_production." },
]
[params.min_per_arm]
type = "int"
default = "30"
description = "Labelled tasks that each arm must have."
[chart]
kind = "bar"
y = "measured_share"
[explain]
from = "features"
keys = { currency = "" }
[explain.columns]
in_production = { count = "*" }
with_experiment = { count = "*", where = "variant_tasks > 0" }
measured = { count = "*", where = "variant_tasks >= $min_per_arm AND control_tasks >= $min_per_arm" }
measured_share = { over = ["measured", "in_production"] }
*/
WITH arms AS (
    SELECT t.use_case, t.variant, u.control_variant AS control, count(*) AS tasks
    FROM tasks AS t
    INNER JOIN use_cases AS u ON u.use_case = t.use_case
    WHERE t.first_started_at >= $from AND t.first_started_at < $to
        AND t.variant IS NOT NULL AND t.state IN ('success', 'failure')
    GROUP BY t.use_case, t.variant, u.control_variant
),
experiments AS (
    SELECT
        use_case,
        max(CASE WHEN variant = control THEN tasks ELSE 0 END) AS control_tasks,
        max(CASE WHEN variant <> control THEN tasks ELSE 0 END) AS variant_tasks
    FROM arms
    GROUP BY use_case
),
features AS (
    SELECT
        u.use_case, u.owner, u.risk_tier,
        COALESCE(e.variant_tasks, 0) AS variant_tasks,
        COALESCE(e.control_tasks, 0) AS control_tasks
    FROM use_cases AS u
    LEFT JOIN experiments AS e ON e.use_case = u.use_case
    WHERE u.stage = 'production'
),
grouped AS (
    SELECT
        {{by}},
        count(*) AS in_production,
        count(*) FILTER (WHERE variant_tasks > 0) AS with_experiment,
        count(*) FILTER (WHERE variant_tasks >= $min_per_arm AND control_tasks >= $min_per_arm) AS measured
    FROM features
    GROUP BY {{by}}, true
)
SELECT
    {{by}},
    in_production,
    with_experiment,
    measured,
    ratio(measured, in_production) AS measured_share
FROM grouped
ORDER BY {{by}}, in_production
