/*
title = "What if: prompts were cached another way"
description = """
What the attempts of the window would have cost under another policy for the provider's prompt cache. as_it_is: what
they cost, by the price book under contract. no_cache: nothing read, nothing written, all of it plain input; its loss is
what the cache saves today. hit_rate: the share of input that is read from the cache rises to a target, by prefixes that
stay the same: what was written is read instead, and when that is not enough plain input too. one_hour: what is written is kept for an hour instead
of five minutes: every write costs the rate of an hour, and what an attempt wrote anew 5 to 60 minutes after one
of the same task and model that had it in the cache is read instead. Only the tasks' own turns count, so what tasks share comes on top. A policy
that prices or history say nothing of has no figure, and reason says why. Attempts without a price are counted and in no
amount. An attempt belongs to the window in which it started. Groups are worked out each by itself."""
formula = "saving = Σ cost − Σ the same tokens × the rates they have under the policy"
owner = "engineering"
grain = "one group, policy and currency"
dimensions = ["provider", "model", "use_case", "team", "day"]
by = ["provider", "model"]
key = ["policy", "currency"]
columns = [
    { name = "policy", type = "text", role = "dimension", description = "as_it_is, no_cache, hit_rate or one_hour." },
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, that of the prices for what has none." },
    { name = "attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts that are paid for by the token." },
    { name = "unpriced_attempts", type = "int", role = "measure", unit = "attempts", description = "Of them without a price: in no amount." },
    { name = "hit_rate_now", type = "decimal", role = "ratio", description = "Input read from the cache ÷ all input, of priced attempts." },
    { name = "hit_rate_after", type = "decimal", role = "ratio", description = "The same under the policy." },
    { name = "cost_now", type = "decimal", role = "money", description = "By the price book." },
    { name = "cost_after", type = "decimal", role = "money", description = "Under the policy." },
    { name = "saving", type = "decimal", role = "money", description = "cost_now − cost_after; negative where the policy costs more." },
    { name = "saving_share", type = "decimal", role = "ratio", description = "saving ÷ cost_now." },
    { name = "quality_change", type = "decimal", role = "ratio", description = "0: the same model reads the same prompt." },
    { name = "reason", type = "text", role = "dimension", description = "Why there is no figure." },
    { name = "assumption", type = "text", role = "dimension", description = "What the figures rest on." },
]
[params.hit_rate]
type = "decimal"
default = "0.8"
description = "Share of the input that hit_rate reads from the cache; what is read more already stays."
[params.model]
type = "text"
default = ""
description = "Only this model."
[chart]
kind = "bar"
x = "model"
y = "saving"
series = "policy"
[explain]
from = "priced"
keys = { policy = "", reason = "", assumption = "" }
column = "cost_now"
[explain.columns]
attempts = { count = "*" }
unpriced_attempts = { count = "*", where = "cost IS NULL" }
cost_now = { sum = "cost" }
cache_read = { sum = "cache_read", where = "cost IS NOT NULL", rate = "1" }
prompt = { sum = "prompt", where = "cost IS NOT NULL", rate = "1" }
hit_rate_now = { over = ["cache_read", "prompt"] }
*/
WITH attempted AS (
    SELECT
        request_source, request_id, task_id, provider, model, use_case, team, started_at, prompt, cache_read, text_in,
        write_5m, write_1h, factor, input_rate, read_rate, write_rate, write_1h_rate, currency, cost,
        fx_rate(currency, setting('currency'), CAST(started_at AS DATE)) AS fx_rate,
        fingerprint(request_source, request_id) AS attempt
    FROM attempt_prices
    WHERE price_status IN ('priced', 'unpriced') AND ($model = '' OR model = $model)
),
-- What the turn before had in the cache, and how long ago. In order by lots, not chat by chat: windows over many small
-- partitions take longest.
turns AS (
    SELECT
        attempt,
        CASE WHEN lag(chat) OVER in_order = chat THEN lag(cached) OVER in_order END AS cached_before,
        CAST(started_at AS BIGINT) - lag(CAST(started_at AS BIGINT)) OVER in_order AS gap_us
    FROM (
        SELECT
            attempt, started_at, request_source, request_id, cache_read + write_5m + write_1h AS cached,
            fingerprint(task_id, coalesce(provider, ''), coalesce(model, '')) AS chat
        FROM attempted
        WHERE cache_read + write_5m + write_1h > 0
    )
    WINDOW in_order AS (PARTITION BY chat % 8 ORDER BY chat, started_at, request_source, request_id)
),
regained AS (
    SELECT attempt, cached_before AS expired
    FROM turns
    WHERE gap_us > 300000000 AND gap_us <= 3600000000 AND cached_before IS NOT NULL
),
valued AS (
    SELECT
        a.request_source, a.request_id, a.task_id, a.provider, a.model, a.use_case, a.team,
        local_day(a.started_at) AS day, a.currency, a.fx_rate, a.cost, a.prompt, a.cache_read, a.text_in,
        a.write_5m + a.write_1h AS written,
        least(a.write_5m, coalesce(r.expired, 0)) AS again,
        a.write_rate IS NOT NULL AS writes_cost,
        a.read_rate IS NOT NULL AND a.cost IS NOT NULL AS readable,
        CASE WHEN a.cost IS NOT NULL THEN token_cost(a.factor, a.cache_read + a.write_5m + a.write_1h, a.input_rate) END AS plain,
        token_cost(a.factor, a.cache_read, a.read_rate, a.write_5m, a.write_rate, a.write_1h, a.write_1h_rate) AS cached,
        -- What its plain input, and what it wrote, would save if it were read.
        CASE
            WHEN a.read_rate IS NOT NULL
                THEN token_cost(a.factor, a.text_in, a.input_rate) - token_cost(a.factor, a.text_in, a.read_rate)
        END AS if_read,
        CASE
            WHEN a.read_rate IS NOT NULL
                THEN
                    token_cost(a.factor, a.write_5m, a.write_rate, a.write_1h, a.write_1h_rate)
                    - token_cost(a.factor, a.write_5m + a.write_1h, a.read_rate)
        END AS if_read_again,
        -- Kept for an hour: NULL where the book does not tell an hour from five minutes.
        CASE
            WHEN a.write_5m = 0 THEN 0
            WHEN a.write_1h_rate <> a.write_rate
                THEN
                    token_cost(a.factor, a.write_5m, a.write_rate)
                    - token_cost(
                        a.factor, a.write_5m - least(a.write_5m, coalesce(r.expired, 0)), a.write_1h_rate,
                        least(a.write_5m, coalesce(r.expired, 0)), a.read_rate
                    )
        END AS if_kept
    FROM regained AS r
    RIGHT JOIN attempted AS a ON r.attempt = a.attempt
    WHERE a.started_at >= $from AND a.started_at < $to
),
converted AS (
    SELECT
        {{by}},
        request_source, request_id, task_id, currency, fx_rate, cost, prompt, cache_read, text_in, written, again,
        writes_cost, readable, plain, cached, if_read, if_read_again, if_kept,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM valued
),
-- Attempts without a price stand with the currency of their group.
priced AS (
    SELECT
        {{by}},
        request_source, request_id, task_id, currency, fx_rate, cost, prompt, cache_read, text_in, written, again,
        writes_cost, readable, plain, cached, if_read, if_read_again, if_kept, rate,
        coalesce(shown, max(shown) OVER (PARTITION BY {{by}}, 1)) AS shown
    FROM converted
),
summed AS (
    SELECT
        {{by}},
        shown,
        count(*) AS attempts,
        count(*) - count(cost) AS unpriced,
        coalesce(sum(prompt) FILTER (WHERE cost IS NOT NULL), 0) AS prompt,
        coalesce(sum(cache_read) FILTER (WHERE cost IS NOT NULL), 0) AS read_tokens,
        coalesce(sum(written) FILTER (WHERE cost IS NOT NULL), 0) AS written,
        coalesce(sum(again) FILTER (WHERE cost IS NOT NULL), 0) AS again,
        -- Only what has a rate for reading can be read.
        coalesce(sum(prompt) FILTER (WHERE readable), 0) AS pool_prompt,
        coalesce(sum(text_in) FILTER (WHERE readable), 0) AS pool_text,
        coalesce(sum(cache_read) FILTER (WHERE readable), 0) AS pool_read,
        coalesce(sum(written) FILTER (WHERE readable), 0) AS pool_written,
        count(*) FILTER (WHERE readable AND writes_cost) AS paid_writers,
        count(*) FILTER (WHERE cost IS NOT NULL AND if_kept IS NULL) AS without_hour,
        sum_product(cost, rate) AS cost,
        sum_product(cached, rate) FILTER (WHERE cost IS NOT NULL) AS cached,
        sum_product(plain, rate) AS plain,
        sum_product(if_read, rate) FILTER (WHERE readable) AS if_read,
        sum_product(if_read_again, rate) FILTER (WHERE readable) AS if_read_again,
        sum_product(if_kept, rate) FILTER (WHERE cost IS NOT NULL) AS if_kept
    FROM priced
    GROUP BY {{by}}, shown
),
-- How many tokens are read more: of what was written first, then of the plain input.
aimed AS (
    SELECT
        {{by}},
        shown, attempts, unpriced, prompt, read_tokens, written, again, pool_read + pool_written AS pool_cached,
        paid_writers, without_hour, cost, cached, plain, if_read, if_read_again, if_kept,
        CAST(pool_text AS DECIMAL(38, 18)) AS pool_text,
        CAST(pool_written AS DECIMAL(38, 18)) AS pool_written,
        greatest(
            money_mul($hit_rate, CAST(pool_prompt AS DECIMAL(38, 18))) - CAST(pool_read AS DECIMAL(38, 18)),
            CAST(0 AS DECIMAL(38, 18))
        ) AS wanted
    FROM summed
),
reached AS (
    SELECT
        {{by}},
        shown, attempts, unpriced, prompt, read_tokens, written, again, pool_cached, paid_writers, without_hour, cost, cached,
        plain, if_read, if_read_again, if_kept, pool_text, pool_written, wanted,
        least(wanted, pool_written) AS of_written,
        least(wanted - least(wanted, pool_written), pool_text) AS of_plain
    FROM aimed
),
policies AS (
    SELECT
        {{by}},
        p.place, p.policy, shown, attempts, unpriced, prompt, read_tokens, cost,
        CASE
            WHEN cost IS NULL THEN 'no attempt has a price'
            WHEN p.policy = 'hit_rate' AND ($hit_rate < 0 OR $hit_rate > 1) THEN 'a hit rate is between 0 and 1'
            WHEN p.policy = 'hit_rate' AND if_read IS NULL THEN 'the book has no price for reading from its cache'
            WHEN p.policy = 'hit_rate' AND wanted > 0 AND pool_cached = 0 AND paid_writers > 0
                THEN 'no support: nothing was written to its cache or read from it, and writing costs'
            WHEN p.policy = 'one_hour' AND written = 0 THEN 'nothing was written to its cache at a price'
            WHEN p.policy = 'one_hour' AND without_hour > 0 THEN 'the book does not tell an hour from five minutes'
        END AS reason,
        CASE p.policy
            WHEN 'as_it_is' THEN CAST(0 AS DECIMAL(38, 18))
            WHEN 'no_cache' THEN cached - plain
            WHEN 'hit_rate'
                THEN
                    coalesce(ratio(money_mul(of_written, if_read_again), pool_written), CAST(0 AS DECIMAL(38, 18)))
                    + coalesce(ratio(money_mul(of_plain, if_read), pool_text), CAST(0 AS DECIMAL(38, 18)))
            ELSE if_kept
        END AS saving,
        CASE p.policy
            WHEN 'no_cache' THEN CAST(0 AS DECIMAL(38, 18))
            WHEN 'hit_rate' THEN CAST(read_tokens AS DECIMAL(38, 18)) + of_written + of_plain
            WHEN 'one_hour' THEN CAST(read_tokens + again AS DECIMAL(38, 18))
            ELSE CAST(read_tokens AS DECIMAL(38, 18))
        END AS read_after
    FROM reached
    CROSS JOIN (
        VALUES (1, 'as_it_is'), (2, 'no_cache'), (3, 'hit_rate'), (4, 'one_hour')
    ) AS p (place, policy)
)
SELECT
    {{by}},
    policy,
    shown AS currency,
    attempts,
    unpriced AS unpriced_attempts,
    ratio(read_tokens, prompt) AS hit_rate_now,
    CASE WHEN reason IS NULL THEN ratio(read_after, CAST(prompt AS DECIMAL(38, 18))) END AS hit_rate_after,
    cost AS cost_now,
    CASE WHEN reason IS NULL THEN cost - saving END AS cost_after,
    CASE WHEN reason IS NULL THEN saving END AS saving,
    CASE WHEN reason IS NULL THEN ratio(CAST(saving AS DECIMAL(38, 18)), cost) END AS saving_share,
    CASE WHEN reason IS NULL THEN 0 END AS quality_change,
    reason,
    CASE
        WHEN reason IS NOT NULL THEN NULL
        WHEN policy = 'as_it_is' THEN 'nothing changes'
        WHEN policy = 'no_cache' THEN 'the same prompts, all of them plain input'
        WHEN policy = 'hit_rate' THEN 'prefixes can be kept the same for that share: what was written is read instead, then plain input'
        ELSE 'what a turn wrote anew 5 to 60 minutes after the last one was still there; prefixes that tasks share come on top'
    END AS assumption
FROM policies
ORDER BY {{by}}, shown, place
