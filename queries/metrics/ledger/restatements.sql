/*
title = "Restatements"
description = """
Deliveries of bills by billing month, and what each changed against the one that it replaced: a provider that
delivers a month again restates it. amount is billed_cost by the control totals of the delivery's files; a
delivery of several months counts under all of them together, as it was delivered. Told are the deliveries since
the window began, whenever it ends: a month is restated after it is over. `spendscope diff` names the lines that
moved."""
formula = "change = Σ billed_cost of the delivery − the same of the delivery before it, of the same source, months and currency"
owner = "finance"
grain = "one delivery and currency"
explain = "none: it is read off the record of what was ingested, not off the ledger"
key = ["source", "period", "delivered_at", "delivery", "currency"]
columns = [
    { name = "source", type = "text", role = "dimension", description = "Name under which it was delivered." },
    { name = "period", type = "text", role = "dimension", description = "Billing months." },
    { name = "delivered_at", type = "instant", role = "time", description = "When it was ingested." },
    { name = "delivery", type = "text", role = "dimension", description = "Its id." },
    { name = "currency", type = "text", role = "currency", description = "The currency of the bill; nothing is converted." },
    { name = "number", type = "int", role = "measure", unit = "deliveries", description = "1 for the first delivery of these months." },
    { name = "files", type = "int", role = "measure", unit = "files", description = "Files of the delivery." },
    { name = "charges", type = "int", role = "measure", unit = "charges", description = "Lines with the currency." },
    { name = "amount", type = "decimal", role = "money", description = "Σ billed_cost." },
    { name = "before", type = "decimal", role = "money", description = "The same of the delivery before; NULL for the first." },
    { name = "change", type = "decimal", role = "money", description = "amount − before; NULL for the first." },
    { name = "current", type = "bool", role = "dimension", description = "No later delivery has replaced it." },
]
[chart]
kind = "bar"
x = "source"
y = "change"
*/
WITH delivered AS (
    SELECT
        source, period, delivery_id AS delivery, currency,
        max(ingested_at) AS delivered_at,
        count(DISTINCT file_hash) AS files,
        sum(rows) AS charges,
        sum(stored_total) AS amount
    FROM control_totals
    WHERE table_name = 'charges' AND column_name = 'billed_cost'
    GROUP BY source, period, delivery_id, currency
),
ordered AS (
    SELECT
        source, period, delivery, currency, delivered_at, files, charges, amount,
        row_number() OVER (PARTITION BY source, period, currency ORDER BY delivered_at, delivery) AS number,
        lag(amount) OVER (PARTITION BY source, period, currency ORDER BY delivered_at, delivery) AS before,
        lead(delivery) OVER (PARTITION BY source, period, currency ORDER BY delivered_at, delivery) AS later
    FROM delivered
)
SELECT
    source,
    period,
    delivered_at,
    delivery,
    currency,
    number,
    files,
    charges,
    amount,
    before,
    amount - before AS change,
    later IS NULL AS current
FROM ordered
WHERE delivered_at >= $from
ORDER BY source, period, delivered_at, delivery, currency
