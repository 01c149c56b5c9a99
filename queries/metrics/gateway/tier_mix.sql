/*
title = "Tier mix"
description = """
Which tier of models the traffic goes to: shares of the requests, tokens and money of the whole window. A request
counts for the tier of the attempt that served it; tokens and money are those of every attempt, retries and
fallbacks too. Money is request leaves, accruals included. Tier NULL is models that the registry does not know or
gives no tier. Answers of the gateway's cache came from no tier and are left out."""
formula = "requests, tokens and cost of the group ÷ those of all groups; cost per currency"
owner = "engineering"
grain = "one group and currency"
dimensions = ["tier", "model", "provider", "use_case", "team", "key_alias", "region", "day"]
by = ["tier"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "requests", type = "int", role = "measure", unit = "requests", description = "Requests that an attempt of the group served." },
    { name = "attempts", type = "int", role = "measure", unit = "attempts", description = "All attempts." },
    { name = "tokens", type = "int", role = "measure", unit = "tokens", description = "Their tokens." },
    { name = "cost", type = "decimal", role = "money", description = "What they cost." },
    { name = "request_share", type = "decimal", role = "ratio", description = "requests ÷ all requests." },
    { name = "token_share", type = "decimal", role = "ratio", description = "tokens ÷ all tokens." },
    { name = "cost_share", type = "decimal", role = "ratio", description = "cost ÷ all cost in the currency." },
]
[chart]
kind = "bar"
y = "cost_share"
[explain]
from = "attempted"
[explain.columns]
requests = { sum = "request", rate = "1", any_currency = true }
tokens = { sum = "tokens", rate = "1", any_currency = true }
attempts = { count = "*", where = "stands", any_currency = true }
cost = { sum = "amount" }
*/
WITH called AS (
    SELECT
        m.tier, c.model, c.provider, c.use_case, c.team, c.key_alias, c.region, local_day(c.started_at) AS day,
        c.source AS request_source, c.request_id, c.task_id,
        fingerprint(c.source, c.request_id) AS attempt,
        CASE WHEN c.superseded THEN 0 ELSE 1 END AS request,
        c.uncached_input + c.cache_read + c.cache_write + c.output AS tokens
    FROM calls AS c
    LEFT JOIN models AS m ON m.provider = c.provider AND m.model = c.model
    WHERE NOT c.gateway_cache_hit AND c.started_at >= $from AND c.started_at < $to
),
paid AS (
    SELECT attempt, shown, rate, amount, first
    FROM attempt_costs
    WHERE started_at >= $from AND started_at < $to AND (evidence = 'billed' OR setting('basis') <> 'billed')
),
-- An attempt that was paid in two currencies is counted in the first of them.
attempted AS (
    SELECT
        c.tier, c.model, c.provider, c.use_case, c.team, c.key_alias, c.region, c.day, c.request_source, c.request_id, c.task_id,
        coalesce(p.first, true) AS stands,
        CASE WHEN coalesce(p.first, true) THEN c.request ELSE 0 END AS request,
        CASE WHEN coalesce(p.first, true) THEN c.tokens ELSE 0 END AS tokens,
        coalesce(
            p.shown,
            CASE WHEN setting('currency') = 'native' THEN setting('reporting_currency') ELSE setting('currency') END
        ) AS shown,
        coalesce(p.rate, 1) AS rate,
        p.amount
    FROM paid AS p
    RIGHT JOIN called AS c ON p.attempt = c.attempt
),
summed AS (
    SELECT
        {{by}},
        shown AS currency,
        sum(request) AS requests,
        count(*) FILTER (WHERE stands) AS attempts,
        sum(tokens) AS tokens,
        COALESCE(sum_product(amount, rate), 0) AS cost
    FROM attempted
    GROUP BY {{by}}, shown
)
SELECT
    {{by}},
    currency,
    requests,
    attempts,
    tokens,
    cost,
    ratio(requests, sum(requests) OVER ()) AS request_share,
    ratio(tokens, sum(tokens) OVER ()) AS token_share,
    ratio(cost, sum(cost) OVER (PARTITION BY currency)) AS cost_share
FROM summed
ORDER BY {{by}}, currency
