/*
title = "What if: it ran as a batch"
description = """
What the attempts of the window would have cost in the provider's batch tier, which answers within hours instead of at once.
Only what can wait moves: attempts of tasks with one request, in use cases without a latency budget; a task of
several requests would wait for each of them in turn. What stays is counted by why. Both sides are priced from the price
book under contract, so that cost_now is not the bill; a batch rate that the book does not have is half the standard one.
saving_if_cold shows what is left when a batch reads nothing from a cache, which no provider promises. Whether a use case can wait is for
its owner to say: --set use_case=…. What is not paid for by the token is left out. An attempt belongs to the window in
which it started."""
formula = "saving = Σ cost of the moved attempts − Σ the same tokens at batch rates"
owner = "engineering"
grain = "one group and currency"
dimensions = ["use_case", "provider", "model", "team", "day"]
by = ["use_case"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, that of the prices for what has none." },
    { name = "attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts that are paid for by the token." },
    { name = "moved_attempts", type = "int", role = "measure", unit = "attempts", description = "Of them those that would run as a batch." },
    { name = "batched_attempts", type = "int", role = "measure", unit = "attempts", description = "Those that did." },
    { name = "chained_attempts", type = "int", role = "measure", unit = "attempts", description = "Those of tasks with several requests." },
    { name = "urgent_attempts", type = "int", role = "measure", unit = "attempts", description = "Those of use cases with a latency budget." },
    { name = "unpriced_attempts", type = "int", role = "measure", unit = "attempts", description = "Those without a price: in no amount." },
    { name = "cost_now", type = "decimal", role = "money", description = "What the moved attempts cost by the price book." },
    { name = "cost_after", type = "decimal", role = "money", description = "The same at batch rates." },
    { name = "saving", type = "decimal", role = "money", description = "cost_now − cost_after." },
    { name = "saving_share", type = "decimal", role = "ratio", description = "saving ÷ cost_now." },
    { name = "saving_if_cold", type = "decimal", role = "money", description = "The saving when nothing is read from a cache." },
    { name = "quality_change", type = "decimal", role = "ratio", description = "0: the same model gives the same answers, later." },
    { name = "reason", type = "text", role = "dimension", description = "Why nothing moves." },
    { name = "assumption", type = "text", role = "dimension", description = "What the figures rest on." },
]
[params.use_case]
type = "text"
default = ""
description = "Only this use case."
[chart]
kind = "bar"
y = "saving"
[explain]
from = "placed"
keys = { reason = "", assumption = "" }
column = "cost_now"
[explain.columns]
attempts = { count = "*" }
moved_attempts = { count = "*", where = "fate = 'moved'" }
batched_attempts = { count = "*", where = "fate = 'batched'" }
chained_attempts = { count = "*", where = "fate = 'chained'" }
urgent_attempts = { count = "*", where = "fate = 'urgent'" }
unpriced_attempts = { count = "*", where = "fate = 'unpriced'" }
cost_now = { sum = "cost", where = "fate = 'moved'" }
*/
WITH chained AS (
    SELECT fingerprint(task_id) AS task FROM task_attempts WHERE requests > 1
),
attempted AS (
    SELECT
        a.request_source, a.request_id, a.task_id, a.provider, a.model, a.use_case, a.team,
        local_day(a.started_at) AS day, a.tier, a.cost, a.currency,
        fx_rate(a.currency, setting('currency'), CAST(a.started_at AS DATE)) AS fx_rate,
        t.task IS NOT NULL AS chained, u.p95_latency_ms,
        coalesce(b.contract_currency, b.currency) AS batch_currency,
        token_cost(
            uplift(b.contract_factors, 'batch', a.region, a.geo, a.api_base),
            a.text_in, b.contract_input_rate, a.audio_in, b.contract_audio_input_rate,
            a.image_in, b.contract_image_input_rate, a.cache_read, b.contract_read_rate,
            a.write_5m, b.contract_write_rate, a.write_1h, b.contract_write_1h_rate,
            a.text_out, b.contract_output_rate, a.thought, b.contract_reasoning_rate,
            a.audio_out, b.contract_audio_output_rate, a.image_out, b.contract_image_output_rate,
            a.web_searches, b.contract_search_rate
        ) AS batch_cost,
        token_cost(
            uplift(b.contract_factors, 'batch', a.region, a.geo, a.api_base),
            a.text_in + a.cache_read + a.write_5m + a.write_1h, b.contract_input_rate,
            a.audio_in, b.contract_audio_input_rate, a.image_in, b.contract_image_input_rate,
            a.text_out, b.contract_output_rate, a.thought, b.contract_reasoning_rate,
            a.audio_out, b.contract_audio_output_rate, a.image_out, b.contract_image_output_rate,
            a.web_searches, b.contract_search_rate
        ) AS cold_cost
    FROM chained AS t
    RIGHT JOIN attempt_prices AS a ON t.task = fingerprint(a.task_id)
    LEFT JOIN use_cases AS u ON u.use_case = a.use_case
    LEFT JOIN price_rates AS b
        ON b.provider = a.provider
        AND b.model = a.model
        AND b.word = 'batch'
        AND b.valid_from <= a.started_at
        AND (b.valid_until IS NULL OR a.started_at < b.valid_until)
        AND a.prompt > b.over
        AND a.prompt <= b.upto
    WHERE a.started_at >= $from AND a.started_at < $to AND a.price_status IN ('priced', 'unpriced')
        AND ($use_case = '' OR a.use_case = $use_case)
),
sorted AS (
    SELECT
        request_source, request_id, task_id, provider, model, use_case, team, day, currency, fx_rate, cost, batch_cost,
        cold_cost,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate,
        CASE
            WHEN cost IS NULL OR batch_cost IS NULL OR batch_currency <> currency THEN 'unpriced'
            WHEN tier = 'batch' THEN 'batched'
            WHEN p95_latency_ms IS NOT NULL THEN 'urgent'
            WHEN chained THEN 'chained'
            ELSE 'moved'
        END AS fate
    FROM attempted
),
-- Attempts without a price stand with the currency of their group.
placed AS (
    SELECT
        {{by}},
        request_source, request_id, task_id, currency, fx_rate, cost, batch_cost, cold_cost, rate, fate,
        coalesce(shown, max(shown) OVER (PARTITION BY {{by}}, 1)) AS shown
    FROM sorted
),
summed AS (
    SELECT
        {{by}},
        shown,
        count(*) AS attempts,
        count(*) FILTER (WHERE fate = 'moved') AS moved,
        count(*) FILTER (WHERE fate = 'batched') AS batched,
        count(*) FILTER (WHERE fate = 'chained') AS chained,
        count(*) FILTER (WHERE fate = 'urgent') AS urgent,
        count(*) FILTER (WHERE fate = 'unpriced') AS unpriced,
        sum_product(CASE WHEN fate = 'moved' THEN cost END, rate) AS cost_now,
        sum_product(CASE WHEN fate = 'moved' THEN batch_cost END, rate) AS cost_after,
        sum_product(CASE WHEN fate = 'moved' THEN cold_cost END, rate) AS cost_cold
    FROM placed
    GROUP BY {{by}}, shown
),
-- Where all of it stays for a reason, nothing changes: 0. Where no price is known, nothing is known.
figured AS (
    SELECT
        {{by}},
        shown, attempts, moved, batched, chained, urgent, unpriced,
        CASE WHEN moved = 0 AND unpriced < attempts THEN 0 ELSE cost_now END AS cost_now,
        CASE WHEN moved = 0 AND unpriced < attempts THEN 0 ELSE cost_after END AS cost_after,
        CASE WHEN moved = 0 AND unpriced < attempts THEN 0 ELSE cost_cold END AS cost_cold
    FROM summed
)
SELECT
    {{by}},
    shown AS currency,
    attempts,
    moved AS moved_attempts,
    batched AS batched_attempts,
    chained AS chained_attempts,
    urgent AS urgent_attempts,
    unpriced AS unpriced_attempts,
    cost_now,
    cost_after,
    cost_now - cost_after AS saving,
    ratio(cost_now - cost_after, cost_now) AS saving_share,
    cost_now - cost_cold AS saving_if_cold,
    CASE WHEN cost_now IS NOT NULL THEN 0 END AS quality_change,
    CASE
        WHEN moved > 0 THEN NULL
        WHEN unpriced = attempts THEN 'no attempt has a price'
        WHEN urgent > 0 THEN 'its latency budget rules a batch out'
        WHEN chained > 0 THEN 'its tasks take several requests: each would wait for the one before'
        ELSE 'all of it ran as a batch'
    END AS reason,
    CASE
        WHEN moved > 0
            THEN 'answers may come within a day; caches as warm as now; half the standard rates where the book has no batch price'
    END AS assumption
FROM figured
ORDER BY {{by}}, shown
