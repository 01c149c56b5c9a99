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
rows = { each = "spend_charges", sums = "spend_charge_days" }
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
        scope, provider, service, region, sub_account, source, kind, model, day, shown, rate, amount, charges,
        charge_id, currency, fx_rate
    FROM {{rows}}
    WHERE placed_at >= $from AND placed_at < $to
)
SELECT
    {{by}},
    day,
    shown AS currency,
    sum_product(amount, rate) AS amount,
    sum(charges) AS charges
FROM charged
GROUP BY {{by}}, day, shown
ORDER BY {{by}}, day, shown
