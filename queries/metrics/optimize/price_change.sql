/*
title = "What if: a model's price changes"
description = """
What the attempts of the window would have cost with other rates, all else being as it was: the list or contract rate of
one class of tokens, or of all, times one plus the change. Both sides are priced from the price book under contract, at
the moment of each attempt, so that cost_now is not the bill. Other lists of prices, whole: see --book and --book-at of
gateway/list_cost. What is not paid for by the token (self-hosted, provisioned, answers of the gateway's cache) is left
out; attempts without a price are counted and in no amount. An attempt belongs to the window in which it started."""
formula = "saving = −change × Σ cost of the class; cost_after = cost_now − saving"
owner = "finance"
grain = "one group and currency"
dimensions = ["provider", "model", "use_case", "team", "region", "day"]
by = ["provider", "model"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, that of the prices for what has none." },
    { name = "attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts that are paid for by the token." },
    { name = "unpriced_attempts", type = "int", role = "measure", unit = "attempts", description = "Of them without a price: in no amount." },
    { name = "cost_now", type = "decimal", role = "money", description = "By the price book." },
    { name = "affected_cost", type = "decimal", role = "money", description = "The part of it whose rate changes." },
    { name = "cost_after", type = "decimal", role = "money", description = "With the changed rate." },
    { name = "saving", type = "decimal", role = "money", description = "cost_now − cost_after; negative for a dearer model." },
    { name = "saving_share", type = "decimal", role = "ratio", description = "saving ÷ cost_now." },
    { name = "quality_change", type = "decimal", role = "ratio", description = "0: the same model gives the same answers." },
    { name = "reason", type = "text", role = "dimension", description = "Why there is no figure." },
    { name = "assumption", type = "text", role = "dimension", description = "What the figures rest on." },
]
[params.change]
type = "decimal"
default = "-0.1"
description = "By how much the rates change: -0.2 is 20 % less, 0.5 half as much again."
[params.provider]
type = "text"
default = ""
description = "Only this provider, as the registry names it."
[params.model]
type = "text"
default = ""
description = "Only this model."
[params.class]
type = "text"
default = ""
description = "Only the rates of this class: input, cache_read, cache_write, output or search."
[chart]
kind = "bar"
x = "model"
y = "saving"
[explain]
from = "priced"
keys = { reason = "", assumption = "" }
column = "cost_now"
[explain.columns]
attempts = { count = "*" }
unpriced_attempts = { count = "*", where = "cost IS NULL" }
cost_now = { sum = "cost" }
affected_cost = { sum = "affected" }
*/
WITH attempted AS (
    SELECT
        request_source, request_id, task_id, provider, model, use_case, team, region, local_day(started_at) AS day,
        currency, cost, fx_rate(currency, setting('currency'), CAST(started_at AS DATE)) AS fx_rate,
        CASE
            WHEN cost IS NULL THEN NULL
            WHEN $class = '' THEN cost
            WHEN $class = 'input'
                THEN token_cost(factor, text_in, input_rate, audio_in, audio_input_rate, image_in, image_input_rate)
            WHEN $class = 'cache_read' THEN token_cost(factor, cache_read, read_rate)
            WHEN $class = 'cache_write' THEN token_cost(factor, write_5m, write_rate, write_1h, write_1h_rate)
            WHEN $class = 'output'
                THEN
                    token_cost(
                        factor, text_out, output_rate, thought, reasoning_rate, audio_out, audio_output_rate,
                        image_out, image_output_rate
                    )
            WHEN $class = 'search' THEN token_cost(factor, web_searches, search_rate)
        END AS affected
    FROM attempt_prices
    WHERE started_at >= $from AND started_at < $to AND price_status IN ('priced', 'unpriced')
        AND ($provider = '' OR provider = $provider) AND ($model = '' OR model = $model)
),
converted AS (
    SELECT
        request_source, request_id, task_id, provider, model, use_case, team, region, day, currency, fx_rate, cost,
        affected,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM attempted
),
-- Attempts without a price stand with the currency of their group.
priced AS (
    SELECT
        {{by}},
        request_source, request_id, task_id, currency, fx_rate, cost, affected, rate,
        coalesce(shown, max(shown) OVER (PARTITION BY {{by}}, 1)) AS shown
    FROM converted
),
summed AS (
    SELECT
        {{by}},
        shown,
        count(*) AS attempts,
        count(*) - count(cost) AS unpriced,
        sum_product(cost, rate) AS cost,
        sum_product(affected, rate) AS affected
    FROM priced
    GROUP BY {{by}}, shown
)
SELECT
    {{by}},
    shown AS currency,
    attempts,
    unpriced AS unpriced_attempts,
    cost AS cost_now,
    affected AS affected_cost,
    cost + money_mul(affected, $change) AS cost_after,
    -money_mul(affected, $change) AS saving,
    ratio(-money_mul(affected, $change), cost) AS saving_share,
    CASE WHEN affected IS NOT NULL THEN 0 END AS quality_change,
    CASE
        WHEN $class NOT IN ('', 'input', 'cache_read', 'cache_write', 'output', 'search')
            THEN concat('there is no class ', $class, ': input, cache_read, cache_write, output, search')
        WHEN cost IS NULL THEN 'no attempt has a price'
    END AS reason,
    CASE
        WHEN affected IS NOT NULL
            THEN 'the same traffic and the same tokens: nobody asks more because it is cheaper, or less because it is dear'
    END AS assumption
FROM summed
ORDER BY {{by}}, shown
