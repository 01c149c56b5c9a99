/*
title = "Spend by invoice month and month of usage"
description = """
What the invoices of each billing month ask for, by the month in which the money was used: usage that is billed
late, corrections of an earlier month and refunds stand on the invoice that carries them, under the month they are
about. The window is over the start of the billing period. All rows of an invoice add up to its payable amount, which is
billed_cost; effective_cost stands beside it and is not to be compared with an invoice."""
formula = "Σ cost × rate per billing month, UTC month of the charge's start, and group; without a rate the amount stays in its own currency"
owner = "finance"
grain = "one billing month, month of usage, group and currency"
dimensions = ["source", "provider", "invoice", "issuer", "service", "category", "sub_account"]
by = ["provider"]
key = ["billing_month", "usage_month", "currency"]
columns = [
    { name = "billing_month", type = "text", role = "dimension", description = "Month of the invoice." },
    { name = "usage_month", type = "text", role = "dimension", description = "UTC month in which the charge's period starts." },
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "billed_cost", type = "decimal", role = "money", description = "What the invoice asks for." },
    { name = "effective_cost", type = "decimal", role = "money", description = "What was used, commitments amortised." },
    { name = "corrections", type = "decimal", role = "money", description = "The part of billed_cost that corrects earlier lines." },
    { name = "credits", type = "decimal", role = "money", description = "The part of billed_cost that is credits." },
    { name = "tax", type = "decimal", role = "money", description = "The part of billed_cost that is tax." },
    { name = "charges", type = "int", role = "measure", unit = "charges", description = "Lines of the bills." },
]
[chart]
kind = "bar"
x = "billing_month"
y = "billed_cost"
series = "usage_month"
[explain]
from = "charged"
keys = { billing_month = "billing_month", usage_month = "usage_month" }
[explain.columns]
billed_cost = { sum = "billed_cost" }
effective_cost = { sum = "effective_cost" }
charges = { count = "*" }
*/
WITH charged AS (
    SELECT
        source, provider, invoice_id AS invoice, invoice_issuer_name AS issuer, service_name AS service,
        charge_category AS category, sub_account_id AS sub_account, billing_month,
        to_char(charge_period_start, '%Y-%m') AS usage_month,
        coalesce(charge_class = 'Correction', false) AS correction,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate,
        billed_cost, effective_cost, charge_id, currency, fx_rate
    FROM costs
    WHERE billing_period_start >= $from AND billing_period_start < $to
)
SELECT
    {{by}},
    billing_month,
    usage_month,
    shown AS currency,
    sum_product(billed_cost, rate) AS billed_cost,
    sum_product(effective_cost, rate) AS effective_cost,
    coalesce(sum_product(CASE WHEN correction THEN billed_cost END, rate), 0) AS corrections,
    coalesce(sum_product(CASE WHEN category = 'Credit' AND NOT correction THEN billed_cost END, rate), 0) AS credits,
    coalesce(sum_product(CASE WHEN category = 'Tax' AND NOT correction THEN billed_cost END, rate), 0) AS tax,
    count(*) AS charges
FROM charged
GROUP BY {{by}}, billing_month, usage_month, shown
ORDER BY {{by}}, billing_month, usage_month, shown
