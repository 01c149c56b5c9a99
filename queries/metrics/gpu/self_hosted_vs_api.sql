/*
title = "Self-hosted model against the API"
description = """
What a million tokens of a self-hosted model cost with all the time of its devices, idle and dark too, beside
what the same tokens would have cost at the list price of an API model, each bucket at its own price. The price is the
one that held at the end of the window, at the book's plain rates: no tiers, no discounts. Only a price in the
currency of the cost is compared; a bucket with tokens and no price leaves the API's side NULL. Without a
parameter: every model of the registry that has a price."""
formula = "Σ amount of the model's nodes ÷ Mtok; Σ tokens of a bucket × its price ÷ Mtok"
owner = "platform"
grain = "one self-hosted model, API model and currency"
dimensions = ["model"]
by = ["model"]
key = ["currency", "api_provider", "api_model"]
columns = [
    { name = "api_provider", type = "text", role = "dimension", description = "Whose price it is." },
    { name = "api_model", type = "text", role = "dimension", description = "The model it is held against." },
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "mtok", type = "float", role = "measure", unit = "million tokens", description = "Tokens of all buckets that the self-hosted model worked through." },
    { name = "self_hosted_cost", type = "decimal", role = "money", description = "All charges of its nodes." },
    { name = "api_cost", type = "decimal", role = "money", description = "The same tokens at list price." },
    { name = "self_hosted_per_mtok", type = "decimal", role = "money", description = "self_hosted_cost per million tokens." },
    { name = "api_per_mtok", type = "decimal", role = "money", description = "api_cost per million tokens." },
    { name = "cost_ratio", type = "decimal", role = "measure", unit = "times", description = "self_hosted_cost ÷ api_cost: below 1 hosting is cheaper." },
]
[params.api_model]
type = "text"
default = ""
description = "Hold it against this model of the price book alone."
[chart]
kind = "bar"
y = "cost_ratio"
[explain]
from = "states"
keys = { api_provider = "", api_model = "" }
column = "self_hosted_cost"
[explain.columns]
self_hosted_cost = { sum = "amount" }
*/
WITH states AS (
    SELECT
        model, amount, charge_id, host, state, currency, fx_rate,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM gpu_states
    WHERE instant(from_us) >= $from
        AND instant(from_us) < $to
        AND model IS NOT NULL
),
money AS (
    SELECT model, shown, COALESCE(sum_product(amount, rate), 0) AS cost
    FROM states
    GROUP BY model, shown
),
tokens AS (
    SELECT
        model,
        sum(uncached_input) AS uncached_input,
        sum(cache_read) AS cache_read,
        sum(cache_write) AS cache_write,
        sum(output) AS output
    FROM calls
    WHERE self_hosted AND NOT gateway_cache_hit
        AND date_trunc('hour', started_at) >= $from AND date_trunc('hour', started_at) < $to
    GROUP BY model
),
book AS (
    SELECT
        p.provider AS api_provider,
        p.model AS api_model,
        p.currency AS api_currency,
        p.input_cost_per_token AS p_input,
        p.cache_read_input_token_cost AS p_read,
        p.cache_creation_input_token_cost AS p_write,
        p.output_cost_per_token AS p_output
    FROM price_periods AS p
    LEFT JOIN models AS m ON m.model = p.model AND m.provider = p.provider AND NOT m.self_hosted
    WHERE p.layer = 'list' AND p.valid_from < $to AND (p.valid_until IS NULL OR p.valid_until >= $to)
        AND CASE WHEN $api_model = '' THEN m.model IS NOT NULL ELSE p.model = $api_model END
),
buckets AS (
    SELECT
        s.model,
        b.api_provider,
        b.api_model,
        s.shown,
        s.cost,
        t.uncached_input + t.cache_read + t.cache_write + t.output AS tokens,
        CASE WHEN t.uncached_input = 0 THEN 0 ELSE money_mul(CAST(t.uncached_input AS DECIMAL(38, 18)), b.p_input) END AS a,
        CASE WHEN t.cache_read = 0 THEN 0 ELSE money_mul(CAST(t.cache_read AS DECIMAL(38, 18)), b.p_read) END AS b,
        CASE WHEN t.cache_write = 0 THEN 0 ELSE money_mul(CAST(t.cache_write AS DECIMAL(38, 18)), b.p_write) END AS c,
        CASE WHEN t.output = 0 THEN 0 ELSE money_mul(CAST(t.output AS DECIMAL(38, 18)), b.p_output) END AS d
    FROM money AS s
    INNER JOIN tokens AS t ON t.model = s.model
    INNER JOIN book AS b ON b.api_currency = s.shown
),
grouped AS (
    SELECT
        {{by}},
        api_provider,
        api_model,
        shown,
        sum(tokens) AS tokens,
        sum(cost) AS cost,
        CASE WHEN count(*) = count(a + b + c + d) THEN sum(a + b + c + d) END AS api_cost
    FROM buckets
    GROUP BY {{by}}, api_provider, api_model, shown
)
SELECT
    {{by}},
    api_provider,
    api_model,
    shown AS currency,
    measured(tokens) / 1000000 AS mtok,
    CAST(cost AS DECIMAL(38, 18)) AS self_hosted_cost,
    CAST(api_cost AS DECIMAL(38, 18)) AS api_cost,
    ratio(money_mul(CAST(cost AS DECIMAL(38, 18)), CAST(1000000 AS DECIMAL(38, 18))), CAST(tokens AS DECIMAL(38, 18))) AS self_hosted_per_mtok,
    ratio(money_mul(CAST(api_cost AS DECIMAL(38, 18)), CAST(1000000 AS DECIMAL(38, 18))), CAST(tokens AS DECIMAL(38, 18))) AS api_per_mtok,
    ratio(CAST(cost AS DECIMAL(38, 18)), CAST(api_cost AS DECIMAL(38, 18))) AS cost_ratio
FROM grouped
ORDER BY {{by}}, shown, api_provider, api_model
