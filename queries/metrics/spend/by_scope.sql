/*
title = "Spend by scope"
description = """
All charges whose period starts in the window, under each of the four cost bases, which are never added to
each other. A purchase whose usage the bill lists too (billed, but 0 under effective) counts 0 in the list and
contracted columns, as that usage counts there. A basis that a bill does not carry is NULL and counted in null_amounts."""
formula = "Σ cost × rate per group; without a rate the amount stays in its own currency"
owner = "finance"
grain = "one group and currency"
dimensions = ["scope", "provider", "service", "region", "sub_account", "source", "kind", "model", "category"]
by = ["scope"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "billed_cost", type = "decimal", role = "money", description = "What the invoices ask for." },
    { name = "effective_cost", type = "decimal", role = "money", description = "What was used, commitments amortised." },
    { name = "list_cost", type = "decimal", role = "money", description = "At list prices." },
    { name = "contracted_cost", type = "decimal", role = "money", description = "At negotiated prices, before commitments." },
    { name = "charges", type = "int", role = "measure", unit = "charges", description = "Lines of the bills." },
    { name = "null_amounts", type = "int", role = "measure", unit = "charges", description = "Lines without an amount under the basis of the run." },
]
rows = { each = "spend_charges", sums = "spend_charge_days" }
[chart]
kind = "bar"
y = "effective_cost"
[explain]
from = "charged"
[explain.columns]
billed_cost = { sum = "billed_cost" }
effective_cost = { sum = "effective_cost" }
list_cost = { sum = "list_cost" }
contracted_cost = { sum = "contracted_cost" }
charges = { count = "*" }
null_amounts = { count = "*", where = "amount IS NULL" }
*/
WITH charged AS (
    SELECT
        scope, provider, service, region, sub_account, source, kind, model, category, shown, rate,
        billed_cost, effective_cost, list_cost, contracted_cost, amount, charges, null_amounts,
        charge_id, currency, fx_rate
    FROM {{rows}}
    WHERE placed_at >= $from AND placed_at < $to
)
SELECT
    {{by}},
    shown AS currency,
    sum_product(billed_cost, rate) AS billed_cost,
    sum_product(effective_cost, rate) AS effective_cost,
    sum_product(list_cost, rate) AS list_cost,
    sum_product(contracted_cost, rate) AS contracted_cost,
    sum(charges) AS charges,
    sum(null_amounts) AS null_amounts
FROM charged
GROUP BY {{by}}, shown
ORDER BY {{by}}, shown
