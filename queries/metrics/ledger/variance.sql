/*
title = "Metered against billed, and why they differ"
description = """
What the gateway metered at list price, what the provider billed under the basis of the run (credits and taxes
included), and the difference split by cause in one fixed order: price, token class, coverage, timing, discount,
credit and tax, unexplained. The parts add up to the difference exactly: unexplained is the rest. None is clamped,
none is netted against another. Days are UTC days of the attempts' start and of the charges' period; a charge of
several days stands on each by the tokens metered there. The view variance_lanes defines each part. Model NULL
is what names no model of the registry: fees per call, credits, taxes, attempts of unknown models. Amounts of
different currencies are not compared: under native, or without a rate, each currency has a row of its own."""
formula = "Σ list_cost of attempts − Σ billed = price + token_class + coverage + timing + discount + credit_and_tax + unexplained; factor = billed ÷ metered; token_coverage = (metered_tokens − unbilled_tokens) ÷ billed_tokens"
owner = "finance"
grain = "one group and currency"
dimensions = ["provider", "model", "day"]
by = ["provider", "model", "day"]
key = ["currency"]
columns = [
    { name = "currency", type = "text", role = "currency", description = "The reporting currency for what has a rate, the own one for what has none." },
    { name = "metered", type = "decimal", role = "money", description = "List cost of the attempts by our price book; attempts without a price are not in it." },
    { name = "billed", type = "decimal", role = "money", description = "Charges of the provider's model API, its credits, taxes and adjustments." },
    { name = "difference", type = "decimal", role = "money", description = "metered − billed." },
    { name = "price", type = "decimal", role = "money", description = "Our list price against the bill's, on the tokens that were metered." },
    { name = "token_class", type = "decimal", role = "money", description = "The same number of tokens, split over input, cache and output as on the bill." },
    { name = "coverage", type = "decimal", role = "money", description = "Tokens the bill has and the gateway does not (negative), or the other way round (positive)." },
    { name = "timing", type = "decimal", role = "money", description = "Billed on the neighbouring day, or not billed yet." },
    { name = "discount", type = "decimal", role = "money", description = "The bill's list cost less what was billed." },
    { name = "credit_and_tax", type = "decimal", role = "money", description = "Credits, taxes and adjustments, sign turned." },
    { name = "unexplained", type = "decimal", role = "money", description = "The rest; undetermined says how much of the bill could not be compared at all." },
    { name = "factor", type = "decimal", role = "measure", unit = "×", description = "billed ÷ metered, sums over sums." },
    { name = "metered_tokens", type = "int", role = "measure", unit = "tokens", description = "Tokens of all attempts at the provider." },
    { name = "unbilled_tokens", type = "int", role = "measure", unit = "tokens", description = "Those of attempts that no charge covers yet." },
    { name = "billed_tokens", type = "decimal", role = "measure", unit = "tokens", description = "Tokens on the bill." },
    { name = "token_coverage", type = "decimal", role = "ratio", description = "Metered and due tokens ÷ billed tokens; NULL where the bill has none." },
    { name = "undetermined", type = "decimal", role = "money", description = "Billed by charges without a token quantity or without a token class." },
    { name = "without_list_price", type = "decimal", role = "money", description = "Billed by charges that do not say their list cost: their discount is not known." },
    { name = "unpriced_attempts", type = "int", role = "measure", unit = "attempts", description = "Attempts without a price in our book." },
    { name = "null_amounts", type = "int", role = "measure", unit = "charges", description = "Charges without an amount under the basis." },
]
[chart]
kind = "bar"
y = "difference"
[explain]
from = "lanes"
[explain.columns]
metered = { sum = "amount", where = "lane = 'metered'" }
billed = { sum = "amount", where = "lane = 'billed'" }
difference = { sum = "signed", where = "lane IN ('metered', 'billed')" }
price = { sum = "amount", where = "lane = 'price'" }
token_class = { sum = "amount", where = "lane = 'token_class'" }
coverage = { sum = "amount", where = "lane = 'coverage'" }
timing = { sum = "amount", where = "lane = 'timing'" }
discount = { sum = "amount", where = "lane = 'discount'" }
credit_and_tax = { sum = "amount", where = "lane = 'credit_and_tax'" }
factor = { over = ["billed", "metered"] }
*/
WITH lanes AS (
    SELECT
        provider, model, day, lane, shown, rate, amount, currency,
        CASE WHEN lane = 'billed' THEN -amount ELSE amount END AS signed
    FROM variance_lanes
    WHERE placed_at >= $from AND placed_at < $to
),
summed AS (
    SELECT
        {{by}},
        shown AS currency,
        COALESCE(sum_product(amount, rate) FILTER (WHERE lane = 'metered'), 0) AS metered,
        COALESCE(sum_product(amount, rate) FILTER (WHERE lane = 'billed'), 0) AS billed,
        COALESCE(sum_product(amount, rate) FILTER (WHERE lane = 'price'), 0) AS price,
        COALESCE(sum_product(amount, rate) FILTER (WHERE lane = 'token_class'), 0) AS token_class,
        COALESCE(sum_product(amount, rate) FILTER (WHERE lane = 'coverage'), 0) AS coverage,
        COALESCE(sum_product(amount, rate) FILTER (WHERE lane = 'timing'), 0) AS timing,
        COALESCE(sum_product(amount, rate) FILTER (WHERE lane = 'discount'), 0) AS discount,
        COALESCE(sum_product(amount, rate) FILTER (WHERE lane = 'credit_and_tax'), 0) AS credit_and_tax,
        COALESCE(sum_product(amount, rate) FILTER (WHERE lane = 'undetermined'), 0) AS undetermined,
        COALESCE(sum_product(amount, rate) FILTER (WHERE lane = 'without_list_price'), 0) AS without_list_price,
        COALESCE(sum(amount) FILTER (WHERE lane = 'metered_tokens'), 0) AS metered_tokens,
        COALESCE(sum(amount) FILTER (WHERE lane = 'unbilled_tokens'), 0) AS unbilled_tokens,
        COALESCE(sum(amount) FILTER (WHERE lane = 'billed_tokens'), 0) AS billed_tokens,
        COALESCE(sum(amount) FILTER (WHERE lane = 'unpriced_attempts'), 0) AS unpriced_attempts,
        COALESCE(sum(amount) FILTER (WHERE lane = 'null_amounts'), 0) AS null_amounts
    FROM lanes
    GROUP BY {{by}}, shown
)
SELECT
    {{by}},
    currency,
    metered,
    billed,
    metered - billed AS difference,
    price,
    token_class,
    coverage,
    timing,
    discount,
    credit_and_tax,
    metered - billed - price - token_class - coverage - timing - discount - credit_and_tax AS unexplained,
    ratio(billed, metered) AS factor,
    CAST(metered_tokens AS BIGINT) AS metered_tokens,
    CAST(unbilled_tokens AS BIGINT) AS unbilled_tokens,
    billed_tokens,
    ratio(metered_tokens - unbilled_tokens, billed_tokens) AS token_coverage,
    undetermined,
    without_list_price,
    CAST(unpriced_attempts AS BIGINT) AS unpriced_attempts,
    CAST(null_amounts AS BIGINT) AS null_amounts
FROM summed
ORDER BY {{by}}, currency
