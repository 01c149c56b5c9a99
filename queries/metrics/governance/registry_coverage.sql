/*
title = "Inside and outside the registry"
description = """
Model traffic and the money for it, held against the registry three times: by use case, by provider, by model.
State registered: the registry has the name. unregistered: somebody uses one that it has not. nameless: the
attempt or the charge names none. Unmetered charges have no request and so no use case; they stand beside the
requests of their provider and model. Each aspect adds up to the same total, so the three are never added. An
attempt and what it cost belong to the window in which it started, an unmetered charge where its period starts."""
formula = "Σ request and unmetered leaves × rate, and attempts, by state of the name"
owner = "governance"
grain = "one aspect, group and currency"
dimensions = ["state", "name"]
by = ["state"]
key = ["aspect", "currency"]
rows = { each = "attempt_leaves", sums = "attempt_costs", whole_days = false }
columns = [
    { name = "aspect", type = "text", role = "dimension", description = "use_case, provider or model: what the registry is asked for." },
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts, answers from the gateway's cache included." },
    { name = "amount", type = "decimal", role = "money", description = "What they cost, accruals included (not under the basis billed); NULL where nothing is known." },
    { name = "unmetered", type = "decimal", role = "money", description = "The part of amount that no request explains." },
    { name = "attempts_share", type = "decimal", role = "ratio", description = "Of all attempts of the aspect." },
    { name = "amount_share", type = "decimal", role = "ratio", description = "Of the amount of the aspect in that currency." },
]
[chart]
kind = "bar"
x = "aspect"
y = "amount"
series = "state"
[explain]
from = "stated"
[explain.columns]
attempts = { sum = "attempt", rate = "1", any_currency = true }
amount = { sum = "amount" }
unmetered = { sum = "amount", where = "leaf = 'unmetered'" }
*/
WITH called AS (
    SELECT
        c.source, c.request_id, c.use_case, c.provider, c.model,
        fingerprint(c.source, c.request_id) AS attempt,
        u.use_case IS NOT NULL AS known_use_case,
        p.provider IS NOT NULL AS known_provider,
        COALESCE(c.registered, false) AS known_model
    FROM calls AS c
    LEFT JOIN use_cases AS u ON u.use_case = c.use_case
    LEFT JOIN providers AS p ON p.provider = c.provider
    WHERE c.started_at >= $from AND c.started_at < $to
),
paid AS (
    SELECT attempt, shown, amount, rate, first, kind, evidence, modelled, charge_id, currency, fx_rate
    FROM {{rows}}
    WHERE started_at >= $from AND started_at < $to AND (evidence = 'billed' OR setting('basis') <> 'billed')
),
unmetered AS (
    SELECT
        l.request_source, l.request_id, l.provider, l.model, l.amount, l.leaf, k.provider_id,
        l.kind, l.evidence, l.modelled, l.charge_id, l.currency, l.fx_rate,
        CASE WHEN setting('currency') <> 'native' AND l.fx_rate IS NOT NULL THEN setting('currency') ELSE l.currency END
            AS shown,
        CASE WHEN setting('currency') = 'native' OR l.fx_rate IS NULL THEN 1 ELSE l.fx_rate END AS rate
    FROM ledger AS l
    LEFT JOIN api_charges AS k ON k.charge_id = l.charge_id
    WHERE l.leaf = 'unmetered'
        AND charge_moment(l.period_start, l.period_end) >= $from AND charge_moment(l.period_start, l.period_end) < $to
),
joined AS (
    SELECT
        c.source, c.request_id, c.use_case, c.provider, c.model, c.known_use_case, c.known_provider, c.known_model,
        p.shown, p.amount, p.rate, p.kind, p.evidence, p.modelled, p.charge_id, p.currency, p.fx_rate,
        coalesce(p.first, true) AS first
    FROM paid AS p
    RIGHT JOIN called AS c ON p.attempt = c.attempt
),
-- Every attempt once without money, and all money once.
facts AS (
    SELECT
        j.use_case, j.provider, j.model, j.known_use_case, j.known_provider, j.known_model,
        CASE WHEN k.anchor THEN 1 ELSE 0 END AS attempt,
        CASE
            WHEN NOT k.anchor THEN j.shown
            WHEN setting('currency') <> 'native' THEN setting('currency')
        END AS shown,
        CASE WHEN NOT k.anchor THEN j.amount END AS amount,
        j.rate, j.source AS request_source, j.request_id,
        CASE WHEN NOT k.anchor THEN 'request' END AS leaf,
        j.kind, j.evidence, j.modelled, j.charge_id, j.currency, j.fx_rate
    FROM (VALUES (false), (true)) AS k (anchor)
    CROSS JOIN joined AS j
    WHERE (k.anchor AND j.first) OR (NOT k.anchor AND j.amount IS NOT NULL)
    UNION ALL
    SELECT
        NULL, COALESCE(provider_id, provider), model, false, provider_id IS NOT NULL, model IS NOT NULL, 0,
        shown, amount, rate, request_source, request_id, leaf, kind, evidence, modelled, charge_id, currency, fx_rate
    FROM unmetered
),
aspects AS (
    SELECT
        a.aspect,
        CASE a.aspect WHEN 'use_case' THEN f.use_case WHEN 'provider' THEN f.provider ELSE f.model END AS name,
        CASE a.aspect
            WHEN 'use_case' THEN f.known_use_case
            WHEN 'provider' THEN f.known_provider
            ELSE f.known_model
        END AS known,
        f.attempt, f.shown, f.amount, f.rate, f.request_source, f.request_id, f.leaf, f.kind, f.evidence, f.modelled,
        f.charge_id, f.currency, f.fx_rate
    FROM (VALUES ('use_case'), ('provider'), ('model')) AS a (aspect)
    CROSS JOIN facts AS f
),
stated AS (
    SELECT
        aspect, name,
        CASE WHEN name IS NULL THEN 'nameless' WHEN known THEN 'registered' ELSE 'unregistered' END AS state,
        attempt, shown, amount, rate, request_source, request_id, leaf, kind, evidence, modelled, charge_id, currency,
        fx_rate
    FROM aspects
),
grouped AS (
    SELECT
        {{by}},
        aspect,
        shown,
        sum(attempt) AS attempts,
        count(amount) AS entries,
        COALESCE(sum_product(amount, rate), 0) AS amount,
        COALESCE(sum_product(CASE WHEN leaf = 'unmetered' THEN amount END, rate), 0) AS unmetered
    FROM stated
    GROUP BY {{by}}, aspect, shown
),
spread AS (
    SELECT
        {{by}},
        aspect,
        shown,
        sum(attempts) OVER (PARTITION BY {{by}}, aspect) AS attempts,
        sum(attempts) OVER (PARTITION BY aspect) AS all_attempts,
        count(shown) OVER (PARTITION BY {{by}}, aspect) AS currencies,
        sum(amount) OVER (PARTITION BY aspect, shown) AS all_amount,
        CASE WHEN entries > 0 THEN amount END AS amount,
        CASE WHEN entries > 0 THEN unmetered END AS unmetered
    FROM grouped
)
SELECT
    {{by}},
    aspect,
    shown AS currency,
    attempts,
    amount,
    unmetered,
    ratio(attempts, all_attempts) AS attempts_share,
    ratio(amount, all_amount) AS amount_share
FROM spread
WHERE shown IS NOT NULL OR currencies = 0
ORDER BY aspect, {{by}}, shown
