/*
title = "Cache hit rates"
description = """
Two caches, two rates: the provider's prompt cache (share of input tokens read from it) and the gateway's own
(share of requests answered without a provider). Savings are what reading saved less what writing cost extra,
at the prices of the moment, and may be negative. A request and all its attempts belong to the window in
which it was asked. By model, requests are those with an attempt on it. Amounts are over priced attempts in
the currency of the price book; attempts without a price stand with the currency of their group."""
formula = "cache_read ÷ (cache_read + cache_write + uncached_input); gateway_hits ÷ requests"
owner = "engineering"
grain = "one group and currency of its prices"
dimensions = ["model", "provider", "use_case", "team", "key_alias", "region", "day"]
by = ["model"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "Currency of the price book; NULL where nothing is priced." },
    { name = "attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts at a provider." },
    { name = "requests", type = "int", role = "measure", unit = "requests", description = "Requests with such an attempt." },
    { name = "gateway_hits", type = "int", role = "measure", unit = "attempts", description = "Answered from the cache of the gateway." },
    { name = "uncached_input", type = "int", role = "measure", unit = "tokens", description = "Input neither read from nor written to a cache." },
    { name = "cache_read", type = "int", role = "measure", unit = "tokens", description = "Input read from the prompt cache." },
    { name = "cache_write", type = "int", role = "measure", unit = "tokens", description = "Input written to the prompt cache." },
    { name = "output", type = "int", role = "measure", unit = "tokens", description = "Output, reasoning included." },
    { name = "reasoning", type = "int", role = "measure", unit = "tokens", description = "Reasoning, a part of output." },
    { name = "list_cost", type = "decimal", role = "money", description = "List cost of the priced attempts." },
    { name = "cache_token_hit_rate", type = "decimal", role = "ratio", description = "Share of input tokens read from the prompt cache." },
    { name = "request_cache_hit_rate", type = "decimal", role = "ratio", description = "Share of requests answered by the gateway." },
    { name = "cache_savings", type = "decimal", role = "money", description = "Saved by the prompt cache; may be negative." },
    { name = "unpriced_attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts without a price; they are in no amount." },
    { name = "overlap_attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts whose cache details exceeded the prompt." },
]
rows = { each = "counted_calls", sums = "call_days" }
[chart]
kind = "bar"
y = "cache_token_hit_rate"
[explain]
from = "valued"
keys = { currency = "currency" }
column = "list_cost"
[explain.columns]
attempts = { count = "*" }
requests = { count = "request" }
gateway_hits = { count = "*", where = "gateway_cache_hit" }
cache_read = { sum = "cache_read" }
cache_write = { sum = "cache_write" }
uncached_input = { sum = "uncached_input" }
output = { sum = "output" }
reasoning = { sum = "reasoning" }
list_cost = { sum = "list_cost" }
cache_savings = { sum = "cache_savings" }
input = { plus = ["cache_read", "cache_write", "uncached_input"] }
cache_token_hit_rate = { over = ["cache_read", "input"] }
request_cache_hit_rate = { over = ["gateway_hits", "requests"] }
unpriced_attempts = { count = "*", where = "price_status = 'unpriced'" }
*/
WITH valued AS (
    SELECT
        {{by}},
        COALESCE(list_currency, max(list_currency) OVER (PARTITION BY {{by}}, 1)) AS currency,
        request_source, request_id, request, attempts AS tries, entries, lone, gateway_cache_hit,
        uncached_input, cache_read, cache_write, output, reasoning, overlap, price_status, list_cost, cache_savings
    FROM {{rows}}
    WHERE asked_at >= $from AND asked_at < $to
),
-- A lone attempt is a request of its own: only of the others several may be one.
summed AS (
    SELECT
        {{by}},
        currency,
        sum(entries) AS attempts,
        sum(lone) + count(DISTINCT CASE WHEN tries > 1 THEN request END) AS requests,
        COALESCE(sum(entries) FILTER (WHERE gateway_cache_hit), 0) AS gateway_hits,
        sum(uncached_input) AS uncached_input,
        sum(cache_read) AS cache_read,
        sum(cache_write) AS cache_write,
        sum(output) AS output,
        sum(reasoning) AS reasoning,
        sum(list_cost) AS list_cost,
        sum(cache_savings) AS cache_savings,
        COALESCE(sum(entries) FILTER (WHERE price_status = 'unpriced'), 0) AS unpriced_attempts,
        COALESCE(sum(entries) FILTER (WHERE overlap), 0) AS overlap_attempts
    FROM valued
    GROUP BY {{by}}, currency
)
SELECT
    {{by}},
    currency,
    attempts,
    requests,
    gateway_hits,
    uncached_input,
    cache_read,
    cache_write,
    output,
    reasoning,
    list_cost,
    ratio(cache_read, cache_read + cache_write + uncached_input) AS cache_token_hit_rate,
    ratio(gateway_hits, requests) AS request_cache_hit_rate,
    cache_savings,
    unpriced_attempts,
    overlap_attempts
FROM summed
ORDER BY {{by}}, currency
