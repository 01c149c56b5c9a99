/*
title = "Budget burn"
description = """
Every budget of the registry in the period that holds the end of the window (or the present, if that is
earlier): what is spent, and where a straight line through the days so far ends. The day that runs counts as
a day. Spend is the billed leaves of the budget's scope and use case under the basis of the run; only money
that is shown in the budget's own currency can be compared with it, other rows are counted in left_out."""
formula = "forecast = spent × days of the period ÷ days so far"
owner = "finance"
grain = "one budget"
key = ["name", "currency"]
columns = [
    { name = "name", type = "text", role = "dimension", description = "Budget of the registry." },
    { name = "scope", type = "text", role = "dimension", description = "Scope it is for; NULL for all." },
    { name = "use_case", type = "text", role = "dimension", description = "Use case it is for; NULL for all." },
    { name = "period", type = "text", role = "dimension", description = "month, quarter or year." },
    { name = "period_start", type = "date", role = "time", description = "First day of the period." },
    { name = "period_end", type = "date", role = "time", description = "First day after the period." },
    { name = "currency", type = "text", role = "currency", description = "Currency of the budget." },
    { name = "budget", type = "decimal", role = "money", description = "What may be spent in the period." },
    { name = "spent", type = "decimal", role = "money", description = "What is spent so far." },
    { name = "spent_share", type = "decimal", role = "ratio", description = "spent ÷ budget." },
    { name = "elapsed_share", type = "decimal", role = "ratio", description = "Days so far ÷ days of the period." },
    { name = "forecast", type = "decimal", role = "money", description = "Spend at the end of the period at the pace so far." },
    { name = "forecast_share", type = "decimal", role = "ratio", description = "forecast ÷ budget; above 1 it breaches." },
    { name = "left_out", type = "int", role = "measure", unit = "leaves", description = "Leaves in another currency that cannot be compared." },
]
[chart]
kind = "bar"
x = "name"
y = "forecast_share"
[explain]
from = "leaves"
where = """
day >= CAST($at_period_start AS DATE) AND day < CAST($at_period_end AS DATE) AND shown = $at_currency
AND ($at_scope IS NULL OR scope = $at_scope) AND ($at_use_case IS NULL OR use_case = $at_use_case)"""
keys = { name = "", scope = "", use_case = "", period = "", period_start = "", period_end = "", currency = "" }
column = "spent"
[explain.columns]
spent = { sum = "amount" }
*/
WITH moment AS (
    SELECT LEAST($to, now_utc()) AS as_of
),
today AS (
    SELECT as_of, local_day(as_of - INTERVAL '1 microsecond') AS day
    FROM moment
),
begun AS (
    SELECT
        b.name, b.scope, b.use_case, b.period, b.currency, b.amount, t.day AS today,
        CAST(CASE b.period
            WHEN 'month' THEN date_trunc('month', t.day)
            WHEN 'quarter' THEN date_trunc('quarter', t.day)
            ELSE date_trunc('year', t.day)
        END AS DATE) AS period_start
    FROM budgets AS b
    CROSS JOIN today AS t
),
periods AS (
    SELECT
        name, scope, use_case, period, currency, amount, today, period_start,
        CAST(CASE period
            WHEN 'month' THEN period_start + INTERVAL '1 month'
            WHEN 'quarter' THEN period_start + INTERVAL '3 months'
            ELSE period_start + INTERVAL '12 months'
        END AS DATE) AS period_end
    FROM begun
),
leaves AS (
    SELECT
        l.scope, l.leaf, l.kind, l.evidence, l.modelled, l.charge_id, l.request_source, l.request_id, l.host,
        l.period_start, l.currency, l.fx_rate,
        CASE WHEN l.leaf IN ('request', 'direct', 'shared') THEN l.use_case END AS use_case,
        charge_day(l.period_start, l.period_end) AS day,
        l.amount,
        CASE WHEN setting('currency') <> 'native' AND l.fx_rate IS NOT NULL THEN setting('currency') ELSE l.currency END
            AS shown,
        CASE WHEN setting('currency') = 'native' OR l.fx_rate IS NULL THEN 1 ELSE l.fx_rate END AS rate
    FROM ledger AS l
    -- The days that count are those of the budgets' periods (below); what began before the longest of them need not be read.
    WHERE l.evidence = 'billed' AND l.period_start < LEAST($to, now_utc())
        AND l.period_start >= date_trunc(setting('longest_budget'), LEAST($to, now_utc()) - INTERVAL '2 days') - INTERVAL '2 days'
),
-- Few rows for the join below, whose condition is no plain equality.
summed AS (
    SELECT scope, use_case, day, shown, rate, sum(amount) AS amount, count(*) AS entries
    FROM leaves
    GROUP BY scope, use_case, day, shown, rate
),
burnt AS (
    SELECT
        p.name, p.scope, p.use_case, p.period, p.period_start, p.period_end, p.currency,
        p.amount AS budget,
        COALESCE(sum_product(CASE WHEN s.shown = p.currency THEN s.amount END, s.rate), 0) AS spent,
        COALESCE(sum(CASE WHEN s.shown <> p.currency THEN s.entries END), 0) AS left_out,
        CAST(p.today AS INT) - CAST(p.period_start AS INT) + 1 AS days_so_far,
        CAST(p.period_end AS INT) - CAST(p.period_start AS INT) AS days
    FROM periods AS p
    LEFT JOIN summed AS s
        ON s.day >= p.period_start AND s.day < p.period_end
        AND (p.scope IS NULL OR s.scope = p.scope)
        AND (p.use_case IS NULL OR s.use_case = p.use_case)
    GROUP BY p.name, p.scope, p.use_case, p.period, p.period_start, p.period_end, p.currency, p.amount, p.today
)
SELECT
    name, scope, use_case, period, period_start, period_end, currency, budget, spent,
    ratio(spent, budget) AS spent_share,
    ratio(days_so_far, days) AS elapsed_share,
    apportion(spent, 0, days, days_so_far) AS forecast,
    ratio(apportion(spent, 0, days, days_so_far), budget) AS forecast_share,
    left_out
FROM burnt
ORDER BY name, currency
