/*
title = "What if: another model answers"
description = """
What history would have cost, and how often it would have succeeded, had the attempts of a use case that ran elsewhere
gone to one model. Both sides are priced from the price book under contract, the same tokens at the moment of each
attempt, so that cost_now is not the bill. Caches are as warm on both sides as they were: saving_if_cold shows what is
left of the saving when the other model reads nothing from a cache. Input that the other model has no cache price for
costs its plain input. Success is that of the other model's own tasks in this use case, all of whose attempts ran on it, with Wilson's
interval; quality_change holds it against the tasks that would move, with Newcombe's. Without enough labelled tasks on
either side, without a price on both, or for a model of one's own, there is no saving, and reason says why. A task
belongs to the window in which its first attempt started. A task with an attempt elsewhere that is not paid for by the
token, or has no price on one side, stays where it is and is counted. Without parameters: every use case with every model that answered some
of its tasks alone."""
formula = "saving = Σ cost of the moved attempts − Σ the same tokens × rates of the other model; quality_change = success rate of its own tasks − that of the moved ones; net = saving + value_per_success × moved tasks × quality_change"
owner = "engineering"
grain = "one use case, model and currency"
key = ["use_case", "provider", "model", "currency"]
columns = [
    { name = "use_case", type = "text", role = "dimension", description = "Whose traffic moves; NULL is unregistered traffic." },
    { name = "provider", type = "text", role = "dimension", description = "Where it moves to." },
    { name = "model", type = "text", role = "dimension", description = "The model that would have answered." },
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, that of the prices for what has none." },
    { name = "moved_tasks", type = "int", role = "measure", unit = "tasks", description = "Tasks with an attempt on another model, all of which can be priced on both sides." },
    { name = "moved_attempts", type = "int", role = "measure", unit = "attempts", description = "Their attempts elsewhere." },
    { name = "left_out_tasks", type = "int", role = "measure", unit = "tasks", description = "Tasks with one elsewhere that has no price on one side, or is not paid for by the token." },
    { name = "cost_now", type = "decimal", role = "money", description = "What the moved attempts cost by the price book." },
    { name = "cost_after", type = "decimal", role = "money", description = "The same tokens at the other model's rates." },
    { name = "saving", type = "decimal", role = "money", description = "cost_now − cost_after; negative where it costs more." },
    { name = "saving_share", type = "decimal", role = "ratio", description = "saving ÷ cost_now." },
    { name = "saving_if_cold", type = "decimal", role = "money", description = "The saving when nothing is read from a cache over there." },
    { name = "own_tasks", type = "int", role = "measure", unit = "tasks", description = "Labelled tasks that ran on the other model alone: the support." },
    { name = "success_rate_now", type = "decimal", role = "ratio", description = "Successes ÷ labelled tasks of those that would move." },
    { name = "success_rate_after", type = "decimal", role = "ratio", description = "Successes ÷ labelled tasks of its own." },
    { name = "success_rate_after_low", type = "float", role = "ratio", description = "Lower end of its 95 % interval." },
    { name = "success_rate_after_high", type = "float", role = "ratio", description = "Upper end of its 95 % interval." },
    { name = "quality_change", type = "decimal", role = "ratio", description = "success_rate_after − success_rate_now." },
    { name = "quality_change_low", type = "float", role = "ratio", description = "Lower end of its 95 % interval; one that holds 0 shows nothing." },
    { name = "quality_change_high", type = "float", role = "ratio", description = "Upper end of its 95 % interval." },
    { name = "cost_per_success_now", type = "decimal", role = "money", unit = "per success", description = "cost_now ÷ (moved tasks × success_rate_now)." },
    { name = "cost_per_success_after", type = "decimal", role = "money", unit = "per success", description = "cost_after ÷ (moved tasks × success_rate_after)." },
    { name = "cost_per_task_after", type = "decimal", role = "money", unit = "per task", description = "cost_after ÷ moved tasks: what the what-if says of a task." },
    { name = "own_cost_per_task", type = "decimal", role = "money", unit = "per task", description = "What the other model's own tasks did cost: far from it, and they were other tasks or other lengths of answer." },
    { name = "value_change", type = "decimal", role = "money", description = "value_per_success × moved tasks × quality_change; NULL where the registry says no value." },
    { name = "net", type = "decimal", role = "money", description = "saving + value_change." },
    { name = "reason", type = "text", role = "dimension", description = "Why there is no figure." },
    { name = "assumption", type = "text", role = "dimension", description = "What the figures rest on." },
]
[params.use_case]
type = "text"
default = ""
description = "Only this use case."
[params.model]
type = "text"
default = ""
description = "Only this model, as the registry or the log names it."
[params.min_tasks]
type = "int"
default = "30"
description = "Labelled tasks that each side must have before anything is said."
[chart]
kind = "bar"
x = "use_case"
y = "saving"
series = "model"
[explain]
from = "considered"
keys = { provider = "to_provider", model = "to_model", reason = "", assumption = "" }
column = "cost_now"
[explain.columns]
moved_tasks = { count = "task_id", where = "moves", any_currency = true }
moved_attempts = { count = "*", where = "moves", any_currency = true }
left_out_tasks = { count = "task_id", where = "NOT stays AND NOT moves", any_currency = true }
cost_now = { sum = "cost", where = "moves" }
*/
-- Joins hold all tasks: names, of which there are few, are numbers meanwhile.
WITH tasked AS (
    SELECT
        fingerprint(task_id) AS task,
        arrow_cast(use_case, 'Dictionary(Int32, Utf8)') AS use_case,
        arrow_cast(state, 'Dictionary(Int32, Utf8)') AS state
    FROM tasks
    WHERE first_started_at >= $from AND first_started_at < $to AND ($use_case = '' OR use_case = $use_case)
),
attempts AS (
    SELECT
        CAST(t.use_case AS VARCHAR) AS use_case, coalesce(CAST(t.use_case AS VARCHAR), '') AS bucket,
        CAST(t.state AS VARCHAR) AS state, t.task, a.request_source, a.request_id, a.task_id, a.attempt, a.ran_on, a.provider, a.model,
        a.started_at, a.tier_word, a.region, a.geo, a.api_base, a.prompt, a.text_in, a.audio_in, a.image_in, a.cache_read,
        a.write_5m, a.write_1h, a.text_out, a.thought, a.audio_out, a.image_out, a.web_searches, a.cost, a.currency,
        CAST(a.started_at AS DATE) AS day,
        CASE
            WHEN setting('currency') <> 'native'
                AND fx_rate(a.currency, setting('currency'), CAST(a.started_at AS DATE)) IS NOT NULL
                THEN setting('currency')
            ELSE a.currency
        END AS shown
    FROM tasked AS t
    INNER JOIN (
        SELECT
            request_source, request_id, task_id, provider, model, started_at, tier_word, region, geo, api_base, prompt,
            text_in, audio_in, image_in, cache_read, write_5m, write_1h, text_out, thought, audio_out, image_out,
            web_searches, cost, currency,
            fingerprint(request_source, request_id) AS attempt,
            fingerprint(task_id) AS task,
            fingerprint(provider, model) AS ran_on
        FROM attempt_prices
        WHERE started_at >= $from
    ) AS a ON a.task = t.task
),
ran AS (
    SELECT
        bucket, task, state,
        CASE WHEN min(ran_on) = max(ran_on) AND count(ran_on) = count(*) THEN min(ran_on) END AS ran_on,
        count(*) - count(cost) AS unpriced,
        CASE WHEN min(shown) = max(shown) THEN min(shown) END AS shown,
        sum_product(cost, fx_rate(currency, shown, day)) AS cost
    FROM attempts
    GROUP BY bucket, task, state
),
-- Tasks by the model that answered them alone, which are what is known of it; the others have none.
answered AS (
    SELECT
        bucket, ran_on,
        count(*) AS tasks,
        count(*) FILTER (WHERE state IN ('success', 'failure')) AS labelled,
        count(*) FILTER (WHERE state = 'success') AS successes,
        CASE
            WHEN sum(unpriced) = 0 AND min(shown) = max(shown) THEN ratio(sum(cost), count(*))
        END AS cost_per_task,
        min(shown) AS shown
    FROM ran
    GROUP BY bucket, ran_on
),
names AS (
    SELECT DISTINCT ran_on, provider, model FROM attempts WHERE ran_on IS NOT NULL
),
known AS (
    SELECT provider, model FROM models
    UNION
    SELECT provider, model FROM attempts WHERE model IS NOT NULL
),
buckets AS (
    SELECT coalesce(use_case, '') AS bucket, min(use_case) AS use_case
    FROM (SELECT CAST(use_case AS VARCHAR) AS use_case FROM tasked)
    GROUP BY 1
),
candidates AS (
    SELECT b.bucket, b.use_case, n.provider AS to_provider, n.model AS to_model, true AS is_known
    FROM buckets AS b
    INNER JOIN answered AS a ON a.bucket = b.bucket
    INNER JOIN names AS n ON n.ran_on = a.ran_on
    WHERE $model = ''
    UNION ALL
    SELECT b.bucket, b.use_case, k.provider, coalesce(k.model, w.model), k.model IS NOT NULL
    FROM buckets AS b
    CROSS JOIN (SELECT $model AS model) AS w
    LEFT JOIN known AS k ON k.model = w.model
    WHERE w.model <> ''
),
-- A model that the book has no price of takes nothing.
numbered AS (
    SELECT
        c.bucket, c.use_case, c.to_provider, c.to_model, c.is_known,
        y.model IS NOT NULL AS offered,
        row_number() OVER (ORDER BY c.bucket, c.to_provider, c.to_model) AS place
    FROM candidates AS c
    LEFT JOIN (SELECT DISTINCT provider, model FROM price_rates) AS y ON y.provider = c.to_provider AND y.model = c.to_model
),
repriced AS (
    SELECT
        c.place, c.bucket, c.use_case, c.to_provider, c.to_model, c.offered,
        a.request_source, a.request_id, a.task_id, a.task, a.attempt, a.state, a.cost, a.currency, a.shown, a.day,
        coalesce(a.provider = c.to_provider AND a.model = c.to_model, false) AS stays,
        coalesce(y.contract_currency, y.currency) AS to_currency,
        uplift(y.contract_factors, a.tier_word, a.region, a.geo, a.api_base) AS factor,
        a.prompt, a.text_in, a.audio_in, a.image_in, a.cache_read, a.write_5m, a.write_1h, a.text_out, a.thought,
        a.audio_out, a.image_out, a.web_searches,
        y.contract_input_rate AS input_rate,
        y.contract_read_rate AS read_rate,
        y.contract_write_rate AS write_rate,
        y.contract_write_1h_rate AS write_1h_rate,
        y.contract_output_rate AS output_rate,
        y.contract_reasoning_rate AS reasoning_rate,
        y.contract_audio_input_rate AS audio_input_rate,
        y.contract_image_input_rate AS image_input_rate,
        y.contract_audio_output_rate AS audio_output_rate,
        y.contract_image_output_rate AS image_output_rate,
        y.contract_search_rate AS search_rate
    FROM numbered AS c
    INNER JOIN attempts AS a ON a.bucket = c.bucket
    LEFT JOIN price_rates AS y
        ON y.provider = c.to_provider
        AND y.model = c.to_model
        AND y.word = a.tier_word
        AND y.valid_from <= a.started_at
        AND (y.valid_until IS NULL OR a.started_at < y.valid_until)
        AND a.prompt > y.over
        AND a.prompt <= y.upto
        AND y.off_peak = coalesce(in_hours(y.off_peak_hours, a.started_at), false)
),
costed AS (
    SELECT
        place, bucket, use_case, to_provider, to_model, offered, request_source, request_id, task_id, task, attempt, state, stays,
        cost, currency, shown,
        fx_rate(currency, shown, day) AS rate,
        fx_rate(to_currency, shown, day) AS to_rate,
        CASE
            WHEN to_currency IS NOT NULL
                THEN
                    token_cost(
                        factor, text_in, input_rate, audio_in, audio_input_rate, image_in, image_input_rate,
                        cache_read, coalesce(read_rate, input_rate), write_5m, coalesce(write_rate, input_rate),
                        write_1h, coalesce(write_1h_rate, input_rate), text_out, output_rate, thought, reasoning_rate,
                        audio_out, audio_output_rate, image_out, image_output_rate, web_searches, search_rate
                    )
        END AS warm,
        CASE
            WHEN to_currency IS NOT NULL
                THEN
                    token_cost(
                        factor, text_in + cache_read + write_5m + write_1h, input_rate, audio_in, audio_input_rate,
                        image_in, image_input_rate, text_out, output_rate, thought, reasoning_rate,
                        audio_out, audio_output_rate, image_out, image_output_rate, web_searches, search_rate
                    )
        END AS cold
    FROM repriced
),
-- Tasks with an attempt elsewhere that has no price on one side; the first such attempt stands for the task.
blocked AS (
    SELECT place, task, min(attempt) AS attempt
    FROM costed
    WHERE offered AND NOT stays AND (cost IS NULL OR warm IS NULL OR rate IS NULL OR to_rate IS NULL)
    GROUP BY place, task
),
-- A task moves whole or not at all.
considered AS (
    SELECT
        c.place, c.bucket, c.use_case, c.to_provider, c.to_model, c.offered, c.request_source, c.request_id, c.task_id, c.state, c.stays,
        c.cost, c.currency, c.shown, c.rate, c.to_rate, c.warm, c.cold,
        c.offered AND NOT c.stays AND b.task IS NULL AS moves,
        coalesce(b.attempt = c.attempt, false) AS blocks
    FROM blocked AS b
    RIGHT JOIN costed AS c ON b.place = c.place AND b.task = c.task
),
moving AS (
    SELECT
        place, shown,
        count(*) FILTER (WHERE moves) AS moved,
        count(*) FILTER (WHERE blocks) AS left_out,
        count(*) FILTER (WHERE blocks AND state IN ('success', 'failure')) AS left_labelled,
        count(*) FILTER (WHERE blocks AND state = 'success') AS left_successes,
        sum_product(cost, rate) FILTER (WHERE moves) AS cost_now,
        sum_product(warm, to_rate) FILTER (WHERE moves) AS cost_after,
        sum_product(cold, to_rate) FILTER (WHERE moves) AS cost_cold
    FROM considered
    WHERE offered AND NOT stays
    GROUP BY place, shown
),
-- One row for each currency in which something moves; one without, where nothing does.
counted AS (
    SELECT
        place, cost_now, cost_after, cost_cold,
        CASE WHEN moved > 0 THEN shown END AS shown,
        sum(moved) OVER all_of_it AS moved,
        sum(left_out) OVER all_of_it AS left_out,
        sum(left_labelled) OVER all_of_it AS left_labelled,
        sum(left_successes) OVER all_of_it AS left_successes,
        moved > 0 OR (sum(moved) OVER all_of_it = 0 AND row_number() OVER (PARTITION BY place ORDER BY shown) = 1) AS stands
    FROM moving
    WINDOW all_of_it AS (PARTITION BY place)
),
totals AS (
    SELECT bucket, sum(tasks) AS tasks, sum(labelled) AS labelled, sum(successes) AS successes
    FROM answered
    GROUP BY bucket
),
alone AS (
    SELECT a.bucket, n.provider, n.model, a.tasks, a.labelled, a.successes, a.cost_per_task, a.shown
    FROM answered AS a
    INNER JOIN names AS n ON n.ran_on = a.ran_on
),
-- Tasks with an attempt elsewhere are all but those that the model answered alone.
elsewhere AS (
    SELECT
        c.place, c.use_case, c.to_provider, c.to_model, c.is_known,
        coalesce(a.labelled, 0) AS own_labelled,
        coalesce(a.successes, 0) AS own_successes,
        a.cost_per_task,
        a.shown AS own_shown,
        CASE WHEN c.is_known THEN coalesce(t.tasks, 0) - coalesce(a.tasks, 0) ELSE 0 END AS tasks,
        CASE WHEN c.offered THEN t.labelled - coalesce(a.labelled, 0) ELSE 0 END AS labelled,
        CASE WHEN c.offered THEN t.successes - coalesce(a.successes, 0) ELSE 0 END AS successes,
        c.offered
    FROM numbered AS c
    LEFT JOIN totals AS t ON t.bucket = c.bucket
    LEFT JOIN alone AS a ON a.bucket = c.bucket AND a.provider = c.to_provider AND a.model = c.to_model
),
joined AS (
    SELECT
        e.use_case, e.to_provider, e.to_model, e.is_known, e.own_labelled, e.own_successes, e.cost_per_task, e.own_shown,
        coalesce(
            n.shown,
            CASE WHEN setting('currency') = 'native' THEN setting('reporting_currency') ELSE setting('currency') END
        ) AS shown,
        CASE WHEN e.offered THEN e.tasks - coalesce(n.left_out, 0) ELSE 0 END AS tasks,
        e.labelled - coalesce(n.left_labelled, 0) AS labelled,
        e.successes - coalesce(n.left_successes, 0) AS successes,
        coalesce(n.moved, 0) AS moved,
        CASE WHEN e.offered THEN coalesce(n.left_out, 0) ELSE e.tasks END AS left_out,
        coalesce(p.self_hosted, false) AS self_hosted,
        n.cost_now, n.cost_after, n.cost_cold,
        money_mul(
            u.value_per_success,
            fx_rate(
                setting('reporting_currency'), coalesce(n.shown, setting('reporting_currency')),
                CAST($to AS DATE)
            )
        ) AS value_per_success
    FROM elsewhere AS e
    LEFT JOIN counted AS n ON n.place = e.place AND n.stands
    LEFT JOIN providers AS p ON p.provider = e.to_provider
    LEFT JOIN use_cases AS u ON u.use_case = e.use_case
),
judged AS (
    SELECT
        use_case, to_provider, to_model, shown, tasks, labelled, successes, moved, left_out, own_labelled, own_successes,
        cost_now, cost_after, cost_cold, value_per_success,
        is_known AND tasks + left_out = 0 AS is_there,
        CASE WHEN own_shown = shown THEN cost_per_task END AS own_cost_per_task,
        CASE
            WHEN NOT is_known THEN 'nothing is known of this model: no request ran on it, and the registry does not name it'
            WHEN tasks = 0 AND left_out = 0 THEN 'nothing to move: all of it runs there'
            WHEN self_hosted THEN 'a model of one''s own is paid for by the hour, not by the token: see gpu/self_hosted_vs_api'
            WHEN tasks = 0 THEN 'no task has a price on both sides'
            WHEN own_labelled < $min_tasks
                THEN concat('no support: ', own_labelled, ' labelled tasks ran on it alone, fewer than ', $min_tasks)
            WHEN labelled < $min_tasks
                THEN concat('no support: ', labelled, ' labelled tasks would move, fewer than ', $min_tasks)
        END AS reason
    FROM joined
),
figured AS (
    SELECT
        use_case, to_provider, to_model, shown, tasks, labelled, successes, moved, left_out, own_labelled, own_successes,
        own_cost_per_task, reason,
        CASE WHEN is_there THEN 0 ELSE cost_now END AS cost_now,
        CASE WHEN is_there THEN 0 WHEN reason IS NULL THEN cost_after END AS cost_after,
        CASE WHEN is_there THEN 0 WHEN reason IS NULL THEN cost_cold END AS cost_cold,
        CASE
            WHEN is_there THEN 0
            WHEN reason IS NULL THEN ratio(own_successes * labelled - successes * own_labelled, own_labelled * labelled)
        END AS quality_change,
        CASE
            WHEN is_there THEN money_mul(value_per_success, 0)
            WHEN reason IS NULL
                THEN
                    ratio(
                        money_mul(
                            value_per_success,
                            CAST(tasks * (own_successes * labelled - successes * own_labelled) AS DECIMAL(38, 18))
                        ),
                        CAST(own_labelled * labelled AS DECIMAL(38, 18))
                    )
        END AS value_change
    FROM judged
)
SELECT
    use_case,
    to_provider AS provider,
    to_model AS model,
    shown AS currency,
    tasks AS moved_tasks,
    moved AS moved_attempts,
    left_out AS left_out_tasks,
    cost_now,
    cost_after,
    cost_now - cost_after AS saving,
    ratio(cost_now - cost_after, cost_now) AS saving_share,
    cost_now - cost_cold AS saving_if_cold,
    own_labelled AS own_tasks,
    ratio(successes, labelled) AS success_rate_now,
    ratio(own_successes, own_labelled) AS success_rate_after,
    wilson_low(own_successes, own_labelled) AS success_rate_after_low,
    wilson_high(own_successes, own_labelled) AS success_rate_after_high,
    quality_change,
    CASE WHEN reason IS NULL THEN newcombe_low(own_successes, own_labelled, successes, labelled) END AS quality_change_low,
    CASE WHEN reason IS NULL THEN newcombe_high(own_successes, own_labelled, successes, labelled) END AS quality_change_high,
    CASE
        WHEN reason IS NULL
            THEN ratio(money_mul(cost_now, CAST(labelled AS DECIMAL(38, 18))), tasks * successes)
    END AS cost_per_success_now,
    CASE
        WHEN reason IS NULL
            THEN ratio(money_mul(cost_after, CAST(own_labelled AS DECIMAL(38, 18))), tasks * own_successes)
    END AS cost_per_success_after,
    ratio(cost_after, tasks) AS cost_per_task_after,
    own_cost_per_task,
    value_change,
    cost_now - cost_after + value_change AS net,
    reason,
    CASE
        WHEN reason IS NULL
            THEN 'the same tokens in and out, the same share of them read from a cache; the moved tasks are like those that the model was given: nobody drew lots'
    END AS assumption
FROM figured
ORDER BY use_case, saving DESC NULLS LAST, provider, model, currency
