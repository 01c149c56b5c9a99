/*
title = "GPU pools against their SLO"
description = """
The service level objective of a pool says what part of the device time that is paid for must do something; what is
left is the error budget, in device-hours of idleness. Each pool of the configuration ([[gpu_slo]]) is judged over its
own window of days up to the end of the asked one, or to the clock if that is earlier; $from plays no part.
Device time without telemetry is paid for and shows no work, so it spends the budget, and is shown. burn_rate is how
fast the budget is spent: 1 spends exactly all of it, 2 twice as much; burn_rate_recent is that of the last hours, and a
recent one far above the other is news. exhausted_at is the hour in which idleness passed the budget of the whole window.
Days without any charge are in no sum: days counts those that have one. over_budget_cost is what the idleness beyond the
budget cost, at the pool's own price per device-hour. Hours are taken whole, each in the window in which it starts."""
formula = "utilization = Σ activity × device-seconds ÷ Σ provisioned; budget = (1 − target) × provisioned; spent = provisioned − active; burn_rate = (spent ÷ provisioned) ÷ (1 − target)"
owner = "platform"
grain = "one pool of the configuration and currency"
key = ["slo", "currency"]
columns = [
    { name = "slo", type = "int", role = "dimension", description = "Place of the objective in the configuration, from 0." },
    { name = "pool", type = "text", role = "dimension", description = "How its nodes are bought where that is one way, else its condition." },
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "nodes", type = "int", role = "measure", unit = "nodes", description = "Registered nodes of the pool." },
    { name = "window_days", type = "int", role = "measure", unit = "days", description = "Over how many days it is judged." },
    { name = "days", type = "int", role = "measure", unit = "days", description = "Of them with device time that is paid for." },
    { name = "target", type = "float", role = "ratio", description = "min_utilization of the objective." },
    { name = "utilization", type = "float", role = "ratio", description = "What it was." },
    { name = "attained", type = "bool", role = "dimension", description = "utilization is at or above the target; NULL without device time." },
    { name = "days_attained", type = "int", role = "measure", unit = "days", description = "Days on which it was." },
    { name = "attainment", type = "decimal", role = "ratio", description = "days_attained ÷ days." },
    { name = "device_hours", type = "float", role = "measure", unit = "device-hours", description = "Device time that is paid for." },
    { name = "budget_hours", type = "float", role = "measure", unit = "device-hours", description = "Of it what may be idle." },
    { name = "spent_hours", type = "float", role = "measure", unit = "device-hours", description = "What was." },
    { name = "dark_hours", type = "float", role = "measure", unit = "device-hours", description = "Of that without telemetry: nobody knows." },
    { name = "budget_left", type = "float", role = "ratio", description = "1 − spent ÷ budget; below 0 it is overspent." },
    { name = "burn_rate", type = "float", role = "measure", unit = "times", description = "Spent ÷ budget of the time so far." },
    { name = "burn_rate_recent", type = "float", role = "measure", unit = "times", description = "The same over the last recent_hours that have device time." },
    { name = "exhausted_at", type = "instant", role = "time", description = "When the budget was spent; NULL while some is left." },
    { name = "cost", type = "decimal", role = "money", description = "What the pool's device time cost." },
    { name = "idle_cost", type = "decimal", role = "money", description = "cost × spent ÷ device time." },
    { name = "over_budget_cost", type = "decimal", role = "money", description = "The part of idle_cost beyond the budget; 0 while some is left." },
]
[params.recent_hours]
type = "int"
default = "24"
description = "How many hours back burn_rate_recent looks."
[chart]
kind = "bullet"
x = "pool"
y = "utilization"
[explain]
from = "hours"
keys = { currency = "", pool = "", attained = "", exhausted_at = "" }
column = "device_hours"
[explain.columns]
device_hours = { sum = "provisioned_s / 3600" }
dark_hours = { sum = "dark_s / 3600" }
active_hours = { sum = "active_s / 3600", rate = "1" }
days = { count = "day" }
cost = { sum = "amount", from = "paid" }
*/
WITH ended AS (
    SELECT
        s.slo, s.pool, s.min_utilization, s.window_days,
        least(CAST($to AS BIGINT), CAST(now_utc() AS BIGINT)) AS to_us
    FROM gpu_slo AS s
),
windows AS (
    SELECT
        slo, pool, min_utilization, window_days,
        instant(to_us - window_days * 86400000000) AS since,
        instant(to_us) AS until
    FROM ended
),
members AS (
    SELECT
        w.slo, w.pool, w.min_utilization, w.window_days, w.since, w.until, m.host, n.purchase
    FROM windows AS w
    LEFT JOIN gpu_slo_hosts AS m ON m.slo = w.slo
    LEFT JOIN gpu_nodes AS n ON n.host = m.host
),
pools AS (
    SELECT
        slo, min_utilization, window_days,
        count(DISTINCT host) AS nodes,
        CASE WHEN min(purchase) = max(purchase) THEN replace(min(purchase), '_', ' ') ELSE min(pool) END AS pool
    FROM members
    GROUP BY slo, min_utilization, window_days
),
hours AS (
    SELECT
        m.slo, m.min_utilization, g.host, g.hour, local_day(g.hour) AS day, g.provisioned_s, g.active_s, g.dark_s
    FROM members AS m
    INNER JOIN gpu_hours AS g ON g.host = m.host AND g.hour >= m.since AND g.hour < m.until
),
-- The last hour with device time is the youngest that the recent rate may look at: bills come late.
marked AS (
    SELECT
        slo, min_utilization, hour, day, provisioned_s, active_s, dark_s,
        CAST(max(hour) OVER (PARTITION BY slo) AS BIGINT) - CAST(hour AS BIGINT) < $recent_hours * 3600000000 AS recent
    FROM hours
),
sums AS (
    SELECT
        slo,
        sum(provisioned_s) AS provisioned_s,
        sum(active_s) AS active_s,
        sum(dark_s) AS dark_s,
        sum(CASE WHEN recent THEN provisioned_s ELSE measured(0) END) AS recent_provisioned_s,
        sum(CASE WHEN recent THEN active_s ELSE measured(0) END) AS recent_active_s
    FROM marked
    GROUP BY slo
),
by_day AS (
    SELECT slo, min_utilization, day, sum(provisioned_s) AS provisioned_s, sum(active_s) AS active_s
    FROM hours
    GROUP BY slo, min_utilization, day
),
attained_days AS (
    SELECT
        slo,
        count(*) AS days,
        count(*) FILTER (WHERE active_s >= min_utilization * provisioned_s) AS attained
    FROM by_day
    WHERE provisioned_s > 0
    GROUP BY slo
),
by_hour AS (
    SELECT slo, min_utilization, hour, sum(provisioned_s) AS provisioned_s, sum(active_s) AS active_s
    FROM hours
    GROUP BY slo, min_utilization, hour
),
spending AS (
    SELECT
        slo, hour,
        sum(provisioned_s - active_s) OVER (
            PARTITION BY slo ORDER BY hour ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS spent_s,
        (1 - min_utilization) * sum(provisioned_s) OVER (PARTITION BY slo) AS budget_s
    FROM by_hour
),
exhausted AS (
    -- A millisecond of device time is noise of the sums.
    SELECT slo, min(hour) AS hour
    FROM spending
    WHERE spent_s > budget_s + 0.001
    GROUP BY slo
),
paid AS (
    SELECT
        m.slo, g.host, g.charge_id, g.amount, g.currency, g.fx_rate, g.state,
        CASE WHEN setting('currency') <> 'native' AND g.fx_rate IS NOT NULL THEN setting('currency') ELSE g.currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR g.fx_rate IS NULL THEN 1 ELSE g.fx_rate END AS rate
    FROM members AS m
    INNER JOIN gpu_states AS g
        ON g.host = m.host AND g.hour IS NOT NULL AND g.device_s > 0
        AND instant(g.hour * 3600000000) >= m.since AND instant(g.hour * 3600000000) < m.until
),
money AS (
    SELECT slo, shown, sum_product(amount, rate) AS cost
    FROM paid
    GROUP BY slo, shown
),
joined AS (
    SELECT
        p.slo, p.pool, p.nodes, p.window_days, p.min_utilization AS target,
        coalesce(d.days, 0) AS days,
        d.attained,
        s.provisioned_s, s.active_s, s.dark_s, s.recent_provisioned_s, s.recent_active_s,
        e.hour AS exhausted_at,
        coalesce(
            m.shown,
            CASE WHEN setting('currency') = 'native' THEN setting('reporting_currency') ELSE setting('currency') END
        ) AS shown,
        m.cost,
        -- Money is multiplied by whole seconds.
        CAST(CAST(round(s.provisioned_s) AS BIGINT) AS DECIMAL(38, 18)) AS provisioned,
        CAST(CAST(round(s.provisioned_s - s.active_s) AS BIGINT) AS DECIMAL(38, 18)) AS spent,
        CAST(CAST(round((1 - p.min_utilization) * s.provisioned_s) AS BIGINT) AS DECIMAL(38, 18)) AS budget
    FROM pools AS p
    LEFT JOIN sums AS s ON s.slo = p.slo
    LEFT JOIN attained_days AS d ON d.slo = p.slo
    LEFT JOIN exhausted AS e ON e.slo = p.slo
    LEFT JOIN money AS m ON m.slo = p.slo
)
SELECT
    slo,
    pool,
    shown AS currency,
    nodes,
    window_days,
    days,
    target,
    active_s / NULLIF(provisioned_s, 0) AS utilization,
    CASE WHEN provisioned_s > 0 THEN active_s >= target * provisioned_s END AS attained,
    attained AS days_attained,
    ratio(attained, days) AS attainment,
    provisioned_s / 3600 AS device_hours,
    (1 - target) * provisioned_s / 3600 AS budget_hours,
    (provisioned_s - active_s) / 3600 AS spent_hours,
    dark_s / 3600 AS dark_hours,
    1 - (provisioned_s - active_s) / NULLIF((1 - target) * provisioned_s, 0) AS budget_left,
    (provisioned_s - active_s) / NULLIF((1 - target) * provisioned_s, 0) AS burn_rate,
    (recent_provisioned_s - recent_active_s) / NULLIF((1 - target) * recent_provisioned_s, 0) AS burn_rate_recent,
    exhausted_at,
    cost,
    ratio(money_mul(cost, spent), provisioned) AS idle_cost,
    ratio(money_mul(cost, greatest(spent - budget, CAST(0 AS DECIMAL(38, 18)))), provisioned) AS over_budget_cost
FROM joined
ORDER BY slo, currency
