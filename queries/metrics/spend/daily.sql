/*
title = "Spend per day"
description = """
The amount under the basis of the run, by day of the reporting time zone. Charges for more than an hour keep
their provider's UTC day. Every charge of the window is in exactly one day, so the days add up to the window
in any zone."""
formula = "Σ amount × rate per day and group"
owner = "finance"
grain = "one group, day and currency"
dimensions = ["scope", "provider", "service", "region", "sub_account", "source", "kind", "model"]
by = ["scope"]
key = ["day", "currency"]
columns = [
    { name = "day", type = "date", role = "time", description = "Day of the reporting zone; UTC day for charges of more than an hour." },
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "amount", type = "decimal", role = "money", description = "Amount under the basis of the run." },
    { name = "charges", type = "int", role = "measure", unit = "charges", description = "Lines of the bills." },
]
[chart]
kind = "area"
x = "day"
y = "amount"
series = "scope"
[explain]
from = "charged"
[explain.columns]
amount = { sum = "amount" }
charges = { count = "*" }
*/
WITH charged AS (
    SELECT
        scope, provider, service_name AS service, region_id AS region, sub_account_id AS sub_account, source,
        kind, model,
        charge_day(charge_period_start, charge_period_end) AS day,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate,
        amount, charge_id, currency, fx_rate
    FROM costs
    WHERE charge_moment(charge_period_start, charge_period_end) >= $from
        AND charge_moment(charge_period_start, charge_period_end) < $to
)
SELECT
    {{by}},
    day,
    shown AS currency,
    sum_product(amount, rate) AS amount,
    count(*) AS charges
FROM charged
GROUP BY {{by}}, day, shown
ORDER BY {{by}}, day, shown
