/*
title = "How much of the model bill the gateway saw"
description = """
The model_api charges of the window, and the part of them that met an attempt in the gateway's log: coverage is
the money that somebody can be asked about. The rest is unmetered, and ledger/unmetered says in which account and
region. A charge is covered whole or not at all: that half of its tokens passed the gateway by is told by
ledger/variance (coverage, token_coverage). Nothing billed gives no row and no coverage, never 100 %."""
formula = "coverage = request leaves of model_api charges ÷ model_api charges"
owner = "finance"
grain = "one group and currency"
dimensions = ["provider", "model", "service", "sub_account", "region", "scope"]
by = ["provider", "model"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "charges", type = "int", role = "measure", unit = "charges", description = "Lines of the bills with an amount." },
    { name = "unmetered_charges", type = "int", role = "measure", unit = "charges", description = "Those that no attempt explains." },
    { name = "billed", type = "decimal", role = "money", description = "Their amount under the basis of the run." },
    { name = "metered", type = "decimal", role = "money", description = "The part that attempts explain." },
    { name = "unmetered", type = "decimal", role = "money", description = "The part that passed the gateway by." },
    { name = "coverage", type = "decimal", role = "ratio", description = "metered ÷ billed." },
]
[chart]
kind = "bar"
y = "coverage"
[explain]
from = "charged"
[explain.columns]
charges = { count = "charge_id" }
billed = { sum = "amount" }
metered = { sum = "amount", where = "NOT unmetered" }
unmetered = { sum = "amount", where = "unmetered" }
coverage = { over = ["metered", "billed"] }
*/
WITH passed_by AS (
    SELECT charge_id, true AS found
    FROM leaf_model_api
    WHERE leaf = 'unmetered'
),
charged AS (
    SELECT
        coalesce(c.provider_id, c.provider) AS provider, c.model, c.service_name AS service,
        coalesce(c.sub_account_name, c.sub_account_id) AS sub_account, c.region_id AS region, c.scope,
        c.charge_id, c.kind, c.amount, c.currency, c.fx_rate,
        coalesce(p.found, false) AS unmetered,
        CASE WHEN setting('currency') <> 'native' AND c.fx_rate IS NOT NULL THEN setting('currency') ELSE c.currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR c.fx_rate IS NULL THEN 1 ELSE c.fx_rate END AS rate
    FROM costs AS c
    LEFT JOIN passed_by AS p ON p.charge_id = c.charge_id
    WHERE c.kind = 'model_api' AND c.amount IS NOT NULL
        AND charge_moment(c.charge_period_start, c.charge_period_end) >= $from
            AND charge_moment(c.charge_period_start, c.charge_period_end) < $to
),
summed AS (
    SELECT
        {{by}},
        shown AS currency,
        count(*) AS charges,
        count(*) FILTER (WHERE unmetered) AS unmetered_charges,
        sum_product(amount, rate) AS billed,
        COALESCE(sum_product(amount, rate) FILTER (WHERE NOT unmetered), 0) AS metered,
        COALESCE(sum_product(amount, rate) FILTER (WHERE unmetered), 0) AS unmetered
    FROM charged
    GROUP BY {{by}}, shown
)
SELECT
    {{by}},
    currency,
    charges,
    unmetered_charges,
    billed,
    metered,
    unmetered,
    ratio(metered, billed) AS coverage
FROM summed
ORDER BY {{by}}, currency
