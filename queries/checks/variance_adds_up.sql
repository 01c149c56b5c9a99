/*
title = "The variance adds up, and nothing is missing from it"
description = """
The parts of the variance add up to metered − billed on every row. And what it started from is whole: metered is
Σ list_cost of the attempts at each provider, billed is Σ amount of its charges, credits and taxes, in their own
currencies, told from the facts themselves. A charge spread over days or a join that loses a row would show here."""
tier = "always"
severity = "error"
advice = "This is a defect of a view, not of the data: report it with the provider and the day."
needs_rows = "charges"
*/
WITH facts AS (
    SELECT coalesce(provider_id, provider) AS provider, currency, 'billed' AS lane, amount
    FROM costs
    WHERE kind = 'model_api' OR (provider_id IS NOT NULL AND charge_category IN ('Credit', 'Tax', 'Adjustment'))
    UNION ALL
    SELECT provider, list_currency AS currency, 'metered' AS lane, list_cost AS amount
    FROM calls
    WHERE price_status = 'priced'
),
wanted AS (
    SELECT coalesce(provider, '') AS provider, currency, lane, sum(amount) AS amount
    FROM facts
    GROUP BY coalesce(provider, ''), currency, lane
),
got AS (
    SELECT coalesce(provider, '') AS provider, currency, lane, sum(amount) AS amount
    FROM variance_lanes
    WHERE lane IN ('billed', 'metered')
    GROUP BY coalesce(provider, ''), currency, lane
),
broken AS (
    SELECT
        coalesce(w.provider, g.provider) AS provider,
        CAST(NULL AS VARCHAR) AS model,
        CAST(NULL AS DATE) AS day,
        coalesce(w.currency, g.currency) AS currency,
        coalesce(w.lane, g.lane) AS what,
        coalesce(w.amount, 0) - coalesce(g.amount, 0) AS difference
    FROM wanted AS w
    FULL JOIN got AS g ON g.provider = w.provider AND g.currency = w.currency AND g.lane = w.lane
    WHERE coalesce(w.amount, 0) <> coalesce(g.amount, 0)
    UNION ALL
    SELECT
        provider,
        model,
        day,
        currency,
        'parts' AS what,
        difference - price - token_class - coverage - timing - discount - credit_and_tax - unexplained AS difference
    FROM variance
    WHERE difference <> price + token_class + coverage + timing + discount + credit_and_tax + unexplained
)
SELECT provider, model, day, currency, what, difference
FROM broken
ORDER BY provider, model, day, currency, what
