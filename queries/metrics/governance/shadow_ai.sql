/*
title = "Shadow AI"
description = """
Money that model providers billed and no request of any gateway explains, with whom to ask: the account, the
region, the service. A provider or model that the registry lacks is told apart from one whose traffic went
past the gateway. Amounts are the unmetered leaves of ledger/unmetered; share says how much of all the model
money of the window, in that currency, they are. A charge belongs to the window in which its period starts."""
formula = "Σ unmetered leaves × rate"
owner = "governance"
grain = "one group and currency"
dimensions = ["provider", "model", "account", "region", "service", "scope", "state"]
by = ["provider", "model", "account", "region", "state"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "charges", type = "int", role = "measure", unit = "charges", description = "Lines of the bills." },
    { name = "amount", type = "decimal", role = "money", description = "Amount under the basis of the run." },
    { name = "share", type = "decimal", role = "ratio", description = "Of all that model providers billed in the window." },
    { name = "first_day", type = "date", role = "time", description = "First day that is billed." },
    { name = "last_day", type = "date", role = "time", description = "Last day on which a charge starts." },
]
[chart]
kind = "bar"
y = "amount"
[explain]
from = "leaves"
where = "leaf = 'unmetered'"
[explain.columns]
charges = { count = "charge_id" }
amount = { sum = "amount" }
*/
WITH leaves AS (
    SELECT
        l.leaf, l.provider, l.model, l.sub_account AS account, l.region, l.service, l.scope, l.charge_id, l.amount,
        l.kind, l.evidence, l.modelled, l.currency, l.fx_rate,
        charge_day(l.period_start, l.period_end) AS day,
        CASE
            WHEN k.provider_id IS NULL THEN 'provider not registered'
            WHEN l.model IS NULL THEN 'model not registered'
            ELSE 'past the gateway'
        END AS state,
        CASE WHEN setting('currency') <> 'native' AND l.fx_rate IS NOT NULL THEN setting('currency') ELSE l.currency END
            AS shown,
        CASE WHEN setting('currency') = 'native' OR l.fx_rate IS NULL THEN 1 ELSE l.fx_rate END AS rate
    FROM ledger AS l
    LEFT JOIN api_charges AS k ON k.charge_id = l.charge_id
    WHERE l.kind = 'model_api' AND l.evidence = 'billed' AND charge_moment(l.period_start, l.period_end) >= $from AND charge_moment(l.period_start, l.period_end) < $to
),
totals AS (
    SELECT shown AS total_shown, sum_product(amount, rate) AS total
    FROM leaves
    GROUP BY shown
),
grouped AS (
    SELECT
        {{by}},
        shown,
        count(DISTINCT charge_id) AS charges,
        sum_product(amount, rate) AS amount,
        min(day) AS first_day,
        max(day) AS last_day
    FROM leaves
    WHERE leaf = 'unmetered'
    GROUP BY {{by}}, shown
)
SELECT
    {{by}},
    g.shown AS currency,
    g.charges,
    g.amount,
    ratio(g.amount, t.total) AS share,
    g.first_day,
    g.last_day
FROM grouped AS g
INNER JOIN totals AS t ON t.total_shown = g.shown
ORDER BY {{by}}, currency
