/*
title = "Waste by kind"
description = """
Money for attempts that gave no answer, by what became of the request. Failed: nothing came after the attempt,
nobody answered. Retried: the same model was asked again. Fell back: another model was asked. Each wasted
attempt is of one kind, and the kinds add up to `waste` of unit/cost_per_successful_task to the last digit.
A task and all its attempts belong to the window in which its first attempt started; use_case is the task's.
A group that cost something in a currency without a rate has a second row; the attempts stand in both."""
formula = "Σ request leaves of attempts that failed or were superseded × rate, by kind"
owner = "engineering"
grain = "one group and currency"
dimensions = ["use_case", "model", "provider", "team", "key_alias", "region"]
by = ["use_case", "model"]
key = ["currency"]
rows = { each = "attempt_leaves", sums = "attempt_costs", whole_days = false }
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts, wasted or not." },
    { name = "failed_attempts", type = "int", role = "measure", unit = "attempts", description = "Failed, and nothing came after." },
    { name = "retried_attempts", type = "int", role = "measure", unit = "attempts", description = "Superseded by an attempt on the same model." },
    { name = "fallback_attempts", type = "int", role = "measure", unit = "attempts", description = "Superseded by an attempt on another model." },
    { name = "failed_cost", type = "decimal", role = "money", description = "Cost of failed attempts." },
    { name = "retried_cost", type = "decimal", role = "money", description = "Cost of retried attempts." },
    { name = "fallback_cost", type = "decimal", role = "money", description = "Cost of attempts that another model took over." },
    { name = "waste", type = "decimal", role = "money", description = "The three together." },
    { name = "cost", type = "decimal", role = "money", description = "Cost of all attempts." },
    { name = "waste_share", type = "decimal", role = "ratio", description = "waste ÷ cost." },
    { name = "uncosted_attempts", type = "int", role = "measure", unit = "attempts", description = "Wasted attempts that no price and no bill speaks of; they are in no amount." },
]
[chart]
kind = "bar"
y = "waste"
[explain]
from = "parts"
[explain.columns]
attempts = { count = "*", where = "anchor", any_currency = true }
failed_attempts = { count = "*", where = "anchor AND kind_of_waste = 'failed'", any_currency = true }
retried_attempts = { count = "*", where = "anchor AND kind_of_waste = 'retried'", any_currency = true }
fallback_attempts = { count = "*", where = "anchor AND kind_of_waste = 'fallback'", any_currency = true }
waste = { sum = "amount", where = "kind_of_waste IS NOT NULL" }
cost = { sum = "amount" }
waste_share = { over = ["waste", "cost"] }
uncosted_attempts = { count = "*", where = "uncosted", any_currency = true }
*/
-- Joins hold all tasks, and all attempts: names, of which there are few, are numbers meanwhile.
WITH tasked AS (
    SELECT fingerprint(task_id) AS task, arrow_cast(use_case, 'Dictionary(Int32, Utf8)') AS use_case
    FROM task_attempts
    WHERE first_started_at >= $from AND first_started_at < $to
),
called AS (
    SELECT
        source AS request_source, request_id, provider, team, key_alias, region, status, superseded,
        arrow_cast(model, 'Dictionary(Int32, Utf8)') AS model,
        price_status = 'unpriced'
        OR (price_status = 'self_hosted' AND uncached_input + cache_write + output > 0) AS priceless,
        fingerprint(task_id) AS task,
        fingerprint(source, request_id) AS attempt
    FROM calls
    WHERE started_at >= $from
),
-- Who was asked next. Most requests take one attempt.
followed AS (
    SELECT
        fingerprint(c.source, c.request_id) AS attempt,
        lead(c.model) OVER (PARTITION BY c.task_id, c.request ORDER BY c.attempt, c.source, c.request_id) AS next_model
    FROM calls AS c
    WHERE c.attempts > 1 AND c.started_at >= $from
),
placed AS (
    SELECT
        c.request_source, c.request_id, c.model, c.provider, c.team, c.key_alias, c.region, c.priceless, c.task, c.attempt,
        CASE
            WHEN c.superseded AND (f.next_model IS NOT DISTINCT FROM c.model) THEN 'retried'
            WHEN c.superseded THEN 'fallback'
            WHEN c.status = 'failure' THEN 'failed'
        END AS kind_of_waste
    FROM followed AS f
    RIGHT JOIN called AS c ON f.attempt = c.attempt
),
kinds AS (
    SELECT
        p.request_source, p.request_id, p.model, p.provider, p.team, p.key_alias, p.region, p.priceless, p.attempt, p.kind_of_waste,
        t.use_case
    FROM tasked AS t
    INNER JOIN placed AS p ON p.task = t.task
),
costs AS (
    SELECT attempt, leaf, kind, evidence, modelled, charge_id, currency, fx_rate, amount, shown, rate, first
    FROM {{rows}}
    WHERE started_at >= $from AND (evidence = 'billed' OR setting('basis') <> 'billed')
),
joined AS (
    SELECT
        CAST(k.model AS VARCHAR) AS model, CAST(k.use_case AS VARCHAR) AS use_case, k.provider, k.team, k.key_alias, k.region,
        k.priceless, k.kind_of_waste, k.request_source, k.request_id,
        c.leaf, c.kind, c.evidence, c.modelled, c.charge_id, c.currency, c.fx_rate, c.amount, c.shown, c.rate,
        coalesce(c.first, true) AS first
    FROM costs AS c
    RIGHT JOIN kinds AS k ON c.attempt = k.attempt
),
-- Every attempt once without money, in the reporting currency: there it is counted, whatever it cost and
-- in whichever currency.
parts AS (
    SELECT
        j.model, j.provider, j.team, j.key_alias, j.region, j.use_case, j.kind_of_waste, j.rate, k.anchor,
        j.request_source, j.request_id, j.leaf, j.kind, j.evidence, j.modelled, j.charge_id, j.currency, j.fx_rate,
        k.anchor AND j.kind_of_waste IS NOT NULL AND j.priceless AND j.amount IS NULL AS uncosted,
        CASE
            WHEN NOT k.anchor THEN j.shown
            WHEN setting('currency') <> 'native' THEN setting('currency')
        END AS shown,
        CASE WHEN NOT k.anchor THEN j.amount END AS amount
    FROM (VALUES (false), (true)) AS k (anchor)
    CROSS JOIN joined AS j
    WHERE (k.anchor AND j.first) OR (NOT k.anchor AND j.amount IS NOT NULL)
),
-- Running totals, each rounded once: their differences add up to the last of them exactly.
grouped AS (
    SELECT
        {{by}},
        shown,
        count(*) FILTER (WHERE anchor) AS attempts,
        count(*) FILTER (WHERE anchor AND kind_of_waste = 'failed') AS failed,
        count(*) FILTER (WHERE anchor AND kind_of_waste = 'retried') AS retried,
        count(*) FILTER (WHERE anchor AND kind_of_waste = 'fallback') AS fallback,
        count(*) FILTER (WHERE uncosted) AS uncosted,
        COALESCE(sum_product(CASE WHEN kind_of_waste = 'failed' THEN amount END, rate), 0) AS upto_failed,
        COALESCE(sum_product(CASE WHEN kind_of_waste IN ('failed', 'retried') THEN amount END, rate), 0) AS upto_retried,
        COALESCE(sum_product(CASE WHEN kind_of_waste IS NOT NULL THEN amount END, rate), 0) AS waste,
        COALESCE(sum_product(amount, rate), 0) AS cost
    FROM parts
    GROUP BY {{by}}, shown
),
spread AS (
    SELECT
        {{by}},
        shown,
        sum(attempts) OVER (PARTITION BY {{by}}, 1) AS attempts,
        sum(failed) OVER (PARTITION BY {{by}}, 1) AS failed,
        sum(retried) OVER (PARTITION BY {{by}}, 1) AS retried,
        sum(fallback) OVER (PARTITION BY {{by}}, 1) AS fallback,
        sum(uncosted) OVER (PARTITION BY {{by}}, 1) AS uncosted,
        count(shown) OVER (PARTITION BY {{by}}, 1) AS currencies,
        upto_failed, upto_retried, waste, cost
    FROM grouped
)
SELECT
    {{by}},
    shown AS currency,
    attempts,
    failed AS failed_attempts,
    retried AS retried_attempts,
    fallback AS fallback_attempts,
    upto_failed AS failed_cost,
    upto_retried - upto_failed AS retried_cost,
    waste - upto_retried AS fallback_cost,
    waste,
    cost,
    ratio(waste, cost) AS waste_share,
    uncosted AS uncosted_attempts
FROM spread
WHERE shown IS NOT NULL OR currencies = 0
ORDER BY {{by}}, shown
