/*
title = "List cost"
description = """
What attempts cost by the price book, under the contracts over it, and by the gateway's own claim: three opinions
side by side, none of them the bill. Other prices for the same window: --book NAME counts one book only, --book-at
DATE takes the prices of that day; run it with and without to compare. An attempt belongs to the window in which it
started. Answers from the gateway's cache are left out; what ran on provisioned throughput costs 0 here."""
formula = "Σ tokens × rate of price_rates"
owner = "finance"
grain = "one group and currency"
dimensions = ["provider", "model", "use_case", "team", "service_tier", "region", "day"]
by = ["provider", "model"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "Currency of the prices; NULL for attempts without any." },
    { name = "price_book", type = "text", role = "dimension", description = "Whose list prices count: one book, or all." },
    { name = "prices_of", type = "text", role = "dimension", description = "Of when the prices are: a moment, or the start of each attempt." },
    { name = "attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts at a provider whose list price is in this currency." },
    { name = "unpriced_attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts without a list price; they are in no list cost." },
    { name = "list_cost", type = "decimal", role = "money", description = "At list prices." },
    { name = "contract_cost", type = "decimal", role = "money", description = "Under the contracts that hold, at list where none does." },
    { name = "gateway_cost", type = "decimal", role = "money", description = "What the gateway claimed." },
]
[chart]
kind = "bar"
y = "list_cost"
[explain]
from = "opinions"
keys = { currency = "currency" }
column = "list_cost"
[explain.columns]
attempts = { count = "*", where = "opinion = 'list'" }
unpriced_attempts = { count = "*", where = "opinion = 'list' AND price_status = 'unpriced'" }
list_cost = { sum = "list_cost" }
contract_cost = { sum = "contract_cost" }
gateway_cost = { sum = "gateway_cost" }
*/
WITH attempted AS (
    SELECT
        source AS request_source, request_id, task_id, provider, model, use_case, team,
        coalesce(service_tier, 'standard') AS service_tier, region, local_day(started_at) AS day, price_status,
        list_currency, list_cost, contract_currency, contract_cost, gateway_currency, gateway_cost
    FROM calls
    WHERE started_at >= $from AND started_at < $to AND NOT gateway_cache_hit AND NOT self_hosted
),
opinions AS (
    SELECT
        request_source, request_id, task_id, provider, model, use_case, team, service_tier, region, day, price_status,
        'list' AS opinion,
        list_currency AS currency,
        list_cost,
        CAST(NULL AS DECIMAL(38, 18)) AS contract_cost,
        CAST(NULL AS DECIMAL(38, 18)) AS gateway_cost
    FROM attempted
    UNION ALL
    SELECT
        request_source, request_id, task_id, provider, model, use_case, team, service_tier, region, day, price_status,
        'contract' AS opinion,
        contract_currency AS currency,
        CAST(NULL AS DECIMAL(38, 18)) AS list_cost,
        contract_cost,
        CAST(NULL AS DECIMAL(38, 18)) AS gateway_cost
    FROM attempted
    WHERE contract_cost IS NOT NULL
    UNION ALL
    SELECT
        request_source, request_id, task_id, provider, model, use_case, team, service_tier, region, day, price_status,
        'gateway' AS opinion,
        gateway_currency AS currency,
        CAST(NULL AS DECIMAL(38, 18)) AS list_cost,
        CAST(NULL AS DECIMAL(38, 18)) AS contract_cost,
        gateway_cost
    FROM attempted
    WHERE gateway_cost IS NOT NULL
)
SELECT
    {{by}},
    currency,
    CASE WHEN setting('price_book') = '' THEN 'all' ELSE setting('price_book') END AS price_book,
    CASE WHEN setting('price_moment') = '' THEN 'start of the attempt' ELSE setting('price_moment') END AS prices_of,
    count(*) FILTER (WHERE opinion = 'list') AS attempts,
    count(*) FILTER (WHERE opinion = 'list' AND price_status = 'unpriced') AS unpriced_attempts,
    sum(list_cost) AS list_cost,
    sum(contract_cost) AS contract_cost,
    sum(gateway_cost) AS gateway_cost
FROM opinions
GROUP BY {{by}}, currency
ORDER BY {{by}}, currency
