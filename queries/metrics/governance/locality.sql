/*
title = "Where the data went"
description = """
Attempts of use cases that the registry confines to allowed_regions. State inside: the attempt's region is
allowed. outside: it is not. unknown: the log names no region, which is no pass. Regions are compared as
written, without regard to case. Answers from the gateway's cache went nowhere and are left out, and so are
use cases without the rule. An attempt and what it cost belong to the window in which it started."""
formula = "attempts, tokens and Σ request leaves × rate, by state of the region"
owner = "governance"
grain = "one group and currency"
dimensions = ["use_case", "state", "region", "provider", "model", "team", "key_alias", "day"]
by = ["use_case", "state", "region"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts that reached a provider." },
    { name = "tasks", type = "int", role = "measure", unit = "tasks", description = "Tasks with such an attempt." },
    { name = "input_tokens", type = "int", role = "measure", unit = "tokens", description = "Input that went there, cached or not." },
    { name = "output_tokens", type = "int", role = "measure", unit = "tokens", description = "Output that came back." },
    { name = "cost", type = "decimal", role = "money", description = "What they cost, accruals included (not under the basis billed); NULL where nothing is known." },
    { name = "first_at", type = "instant", role = "time", description = "The first of them." },
    { name = "last_at", type = "instant", role = "time", description = "The last of them." },
]
[chart]
kind = "bar"
y = "attempts"
series = "state"
[explain]
from = "parts"
[explain.columns]
attempts = { sum = "attempt", rate = "1", any_currency = true }
tasks = { count = "task_id", where = "attempt = 1", any_currency = true }
input_tokens = { sum = "input_tokens", rate = "1", any_currency = true }
output_tokens = { sum = "output_tokens", rate = "1", any_currency = true }
cost = { sum = "amount" }
*/
WITH confined AS (
    SELECT
        c.source, c.request_id, c.task_id, c.use_case, c.region, c.provider, c.model, c.team, c.key_alias,
        c.started_at, local_day(c.started_at) AS day,
        c.uncached_input + c.cache_read + c.cache_write AS input_tokens,
        c.output AS output_tokens,
        CASE
            WHEN c.region IS NULL THEN 'unknown'
            WHEN strpos(lower(concat(',', array_to_string(u.allowed_regions, ','), ',')), lower(concat(',', c.region, ','))) > 0
                THEN 'inside'
            ELSE 'outside'
        END AS state
    FROM calls AS c
    INNER JOIN use_cases AS u ON u.use_case = c.use_case
    WHERE c.started_at >= $from AND c.started_at < $to
        AND NOT c.gateway_cache_hit AND cardinality(u.allowed_regions) > 0
),
leaves AS (
    SELECT
        request_source, request_id, amount, leaf, kind, evidence, modelled, charge_id, currency, fx_rate,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM request_leaves
    WHERE evidence = 'billed' OR setting('basis') <> 'billed'
),
parts AS (
    SELECT
        task_id, use_case, region, provider, model, team, key_alias, day, state, started_at, input_tokens, output_tokens,
        1 AS attempt, source AS request_source, request_id, NULL AS leaf, NULL AS kind, NULL AS evidence,
        CAST(NULL AS BOOLEAN) AS modelled, NULL AS charge_id, NULL AS currency, CAST(NULL AS DECIMAL(38, 18)) AS fx_rate,
        CASE WHEN setting('currency') <> 'native' THEN setting('currency') END AS shown,
        CAST(NULL AS DECIMAL(38, 18)) AS amount,
        CAST(NULL AS DECIMAL(38, 18)) AS rate
    FROM confined
    UNION ALL
    SELECT
        NULL, c.use_case, c.region, c.provider, c.model, c.team, c.key_alias, c.day, c.state, NULL, NULL, NULL,
        0, l.request_source, l.request_id, l.leaf, l.kind, l.evidence, l.modelled, l.charge_id, l.currency, l.fx_rate,
        l.shown, l.amount, l.rate
    FROM confined AS c
    INNER JOIN leaves AS l ON l.request_source = c.source AND l.request_id = c.request_id
),
grouped AS (
    SELECT
        {{by}},
        shown,
        sum(attempt) AS attempts,
        count(DISTINCT task_id) AS tasks,
        sum(input_tokens) AS input_tokens,
        sum(output_tokens) AS output_tokens,
        sum_product(amount, rate) AS cost,
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
        sum(tasks) OVER (PARTITION BY {{by}}, 1) AS tasks,
        sum(input_tokens) OVER (PARTITION BY {{by}}, 1) AS input_tokens,
        sum(output_tokens) OVER (PARTITION BY {{by}}, 1) AS output_tokens,
        min(first_at) OVER (PARTITION BY {{by}}, 1) AS first_at,
        max(last_at) OVER (PARTITION BY {{by}}, 1) AS last_at,
        count(shown) OVER (PARTITION BY {{by}}, 1) AS currencies,
        cost
    FROM grouped
)
SELECT
    {{by}},
    shown AS currency,
    attempts,
    tasks,
    input_tokens,
    output_tokens,
    cost,
    first_at,
    last_at
FROM spread
WHERE shown IS NOT NULL OR currencies = 0
ORDER BY {{by}}, shown
