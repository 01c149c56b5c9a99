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
WITH placed AS (
    SELECT
        source, request_id, task_id, started_at, model, provider, team, key_alias, region, status, superseded,
        price_status = 'unpriced'
        OR (price_status = 'self_hosted' AND uncached_input + cache_write + output > 0) AS priceless,
        first_value(use_case) OVER task AS use_case,
        min(started_at) OVER (PARTITION BY task_id) AS task_started_at,
        lead(model) OVER (PARTITION BY task_id, request ORDER BY attempt, source, request_id) AS next_model
    FROM calls
    WINDOW task AS (
        PARTITION BY task_id ORDER BY started_at, source, request_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )
),
kinds AS (
    SELECT
        source, request_id, model, provider, team, key_alias, region, use_case, priceless,
        CASE
            WHEN superseded AND (next_model IS NOT DISTINCT FROM model) THEN 'retried'
            WHEN superseded THEN 'fallback'
            WHEN status = 'failure' THEN 'failed'
        END AS kind_of_waste
    FROM placed
    WHERE task_started_at >= $from AND task_started_at < $to
),
leaves AS (
    SELECT
        request_source, request_id, amount, leaf, kind, evidence, modelled, charge_id, currency, fx_rate,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM request_leaves
    WHERE evidence = 'billed' OR setting('basis') <> 'billed'
),
joined AS (
    SELECT
        k.model, k.provider, k.team, k.key_alias, k.region, k.use_case, k.priceless, k.kind_of_waste, k.source AS request_source, k.request_id,
        l.amount, l.shown, l.rate, l.leaf, l.kind, l.evidence, l.modelled, l.charge_id, l.currency, l.fx_rate,
        row_number() OVER (PARTITION BY k.source, k.request_id ORDER BY l.leaf, l.charge_id, l.currency) AS place
    FROM kinds AS k
    LEFT JOIN leaves AS l ON l.request_source = k.source AND l.request_id = k.request_id
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
    FROM joined AS j
    CROSS JOIN (VALUES (false), (true)) AS k (anchor)
    WHERE (k.anchor AND j.place = 1) OR (NOT k.anchor AND j.amount IS NOT NULL)
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
