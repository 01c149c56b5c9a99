/*
title = "Prohibited use"
description = """
Traffic and own charges of use cases whose risk tier is prohibited: each row should not be. An attempt and
what it cost belong to the window in which it started, a charge tagged with the use case where its period
starts. Answers from the gateway's cache are use too."""
formula = "attempts, and Σ request and direct leaves × rate, of use cases of risk tier prohibited"
owner = "governance"
grain = "one group and currency"
dimensions = ["use_case", "team", "key_alias", "provider", "model", "region"]
by = ["use_case", "team"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts, answers from the gateway's cache included." },
    { name = "amount", type = "decimal", role = "money", description = "What they cost, accruals included (not under the basis billed); NULL where nothing is known." },
    { name = "first_at", type = "instant", role = "time", description = "The first attempt." },
    { name = "last_at", type = "instant", role = "time", description = "The last attempt." },
]
[chart]
kind = "bar"
y = "attempts"
[explain]
from = "parts"
[explain.columns]
attempts = { sum = "attempt", rate = "1", any_currency = true }
amount = { sum = "amount" }
*/
WITH banned AS (
    SELECT use_case FROM use_cases WHERE risk_tier = 'prohibited'
),
called AS (
    SELECT c.source, c.request_id, c.use_case, c.team, c.key_alias, c.provider, c.model, c.region, c.started_at
    FROM calls AS c
    LEFT SEMI JOIN banned AS b ON b.use_case = c.use_case
    WHERE c.started_at >= $from AND c.started_at < $to
),
leaves AS (
    SELECT
        l.leaf, l.use_case, l.team, l.provider, l.model, l.region, l.request_source, l.request_id, l.period_start,
        l.period_end, l.amount, l.kind, l.evidence, l.modelled, l.charge_id, l.currency, l.fx_rate,
        CASE WHEN setting('currency') <> 'native' AND l.fx_rate IS NOT NULL THEN setting('currency') ELSE l.currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR l.fx_rate IS NULL THEN 1 ELSE l.fx_rate END AS rate
    FROM ledger AS l
    LEFT SEMI JOIN banned AS b ON b.use_case = l.use_case
    WHERE l.leaf IN ('request', 'direct') AND (l.evidence = 'billed' OR setting('basis') <> 'billed')
),
parts AS (
    SELECT
        use_case, team, key_alias, provider, model, region, started_at, 1 AS attempt,
        source AS request_source, request_id, NULL AS leaf, NULL AS kind, NULL AS evidence,
        CAST(NULL AS BOOLEAN) AS modelled, NULL AS charge_id, NULL AS currency, CAST(NULL AS DECIMAL(38, 18)) AS fx_rate,
        CASE WHEN setting('currency') <> 'native' THEN setting('currency') END AS shown,
        CAST(NULL AS DECIMAL(38, 18)) AS amount,
        CAST(NULL AS DECIMAL(38, 18)) AS rate
    FROM called
    UNION ALL
    SELECT
        c.use_case, c.team, c.key_alias, c.provider, c.model, c.region, NULL, 0,
        l.request_source, l.request_id, l.leaf, l.kind, l.evidence, l.modelled, l.charge_id, l.currency, l.fx_rate,
        l.shown, l.amount, l.rate
    FROM called AS c
    INNER JOIN leaves AS l
        ON l.leaf = 'request' AND l.request_source = c.source AND l.request_id = c.request_id
    UNION ALL
    SELECT
        l.use_case, l.team, NULL, l.provider, l.model, l.region, NULL, 0,
        NULL, NULL, l.leaf, l.kind, l.evidence, l.modelled, l.charge_id, l.currency, l.fx_rate,
        l.shown, l.amount, l.rate
    FROM leaves AS l
    WHERE l.leaf = 'direct' AND charge_moment(l.period_start, l.period_end) >= $from AND charge_moment(l.period_start, l.period_end) < $to
),
grouped AS (
    SELECT
        {{by}},
        shown,
        sum(attempt) AS attempts,
        sum_product(amount, rate) AS amount,
        min(started_at) AS first_at,
        max(started_at) AS last_at
    FROM parts
    GROUP BY {{by}}, shown
),
spread AS (
    SELECT
        {{by}},
        shown,
        sum(attempts) OVER (PARTITION BY {{by}}, 1) AS attempts,
        min(first_at) OVER (PARTITION BY {{by}}, 1) AS first_at,
        max(last_at) OVER (PARTITION BY {{by}}, 1) AS last_at,
        count(shown) OVER (PARTITION BY {{by}}, 1) AS currencies,
        amount
    FROM grouped
)
SELECT
    {{by}},
    shown AS currency,
    attempts,
    amount,
    first_at,
    last_at
FROM spread
WHERE shown IS NOT NULL OR currencies = 0
ORDER BY {{by}}, shown
