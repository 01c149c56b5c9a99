/*
title = "Cost per million tokens"
description = """
What a million billed tokens cost, by model and class of tokens where the bill tells them apart; class NULL is
charges that mix them. A blended figure over classes moves with the mix, so compare class by class. Charges of
model APIs without a quantity in tokens are in no rate; without_quantity says how much money that is. Credits and
taxes are not in it."""
formula = "Σ amount × 1,000,000 ÷ Σ billed tokens, of charges with tokens"
owner = "engineering"
grain = "one group and currency"
dimensions = ["provider", "model", "class", "service", "sub_account", "region", "day"]
by = ["provider", "model", "class"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "charges", type = "int", role = "measure", unit = "charges", description = "Lines of the bills with tokens and an amount." },
    { name = "tokens", type = "decimal", role = "measure", unit = "tokens", description = "Billed tokens." },
    { name = "amount", type = "decimal", role = "money", description = "Their amount under the basis of the run." },
    { name = "cost_per_mtok", type = "decimal", role = "money", unit = "per million tokens", description = "amount ÷ tokens × 1,000,000; NULL without tokens." },
    { name = "list_per_mtok", type = "decimal", role = "money", unit = "per million tokens", description = "The same at the bill's list price; NULL where some of them say none." },
    { name = "without_quantity", type = "decimal", role = "money", description = "Amount of charges that do not count tokens." },
]
[chart]
kind = "bar"
y = "cost_per_mtok"
[explain]
from = "charged"
[explain.columns]
charges = { count = "charge_id" }
tokens = { sum = "tokens", rate = "1" }
amount = { sum = "amount", where = "tokens IS NOT NULL" }
without_quantity = { sum = "amount", where = "tokens IS NULL" }
*/
WITH charged AS (
    SELECT
        coalesce(provider_id, provider) AS provider, model, class, service_name AS service,
        coalesce(sub_account_name, sub_account_id) AS sub_account, region_id AS region,
        CAST(charge_period_start AS DATE) AS day, charge_id, kind, tokens, list_cost, amount, currency, fx_rate,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM token_charges
    WHERE amount IS NOT NULL AND charge_moment(charge_period_start, charge_period_end) >= $from
        AND charge_moment(charge_period_start, charge_period_end) < $to
),
summed AS (
    SELECT
        {{by}},
        shown AS currency,
        count(tokens) AS charges,
        COALESCE(sum(tokens), 0) AS tokens,
        COALESCE(sum_product(amount, rate) FILTER (WHERE tokens IS NOT NULL), 0) AS amount,
        CASE
            WHEN count(tokens) = count(*) FILTER (WHERE tokens IS NOT NULL AND list_cost IS NOT NULL)
                THEN sum_product(list_cost, rate) FILTER (WHERE tokens IS NOT NULL)
        END AS list_cost,
        COALESCE(sum_product(amount, rate) FILTER (WHERE tokens IS NULL), 0) AS without_quantity
    FROM charged
    GROUP BY {{by}}, shown
)
SELECT
    {{by}},
    currency,
    charges,
    tokens,
    amount,
    ratio(money_mul(amount, 1000000), tokens) AS cost_per_mtok,
    ratio(money_mul(list_cost, 1000000), tokens) AS list_per_mtok,
    without_quantity
FROM summed
ORDER BY {{by}}, currency
