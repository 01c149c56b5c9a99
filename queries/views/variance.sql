/* Metered against billed per provider, model, UTC day and currency, and why they differ; variance_lanes says
what each part is. The parts from price to unexplained add up to the difference exactly: unexplained is the
rest. factor: billed ÷ metered. model NULL: charges and attempts of models that are in no registry entry, fees
that name no model, credits and taxes.

columns:
provider: Model provider by the registry.
model: Model by the registry; NULL of models and fees that it does not know.
day: UTC day of the attempts and of the charges.
currency: Currency of the amounts.
metered [currency]: What was metered, at list price.
billed [currency]: What was billed.
difference [currency]: metered less billed; the parts from price to unexplained add up to it.
price [currency]: Part of the difference due to other prices than the list's.
token_class [currency]: Part due to tokens billed in another class than metered.
coverage [currency]: Part due to usage that is metered or billed only.
timing [currency]: Part due to usage that the bill counts on another day.
discount [currency]: Part due to discounts.
credit_and_tax [currency]: Part due to credits and taxes.
unexplained [currency]: What is left of the difference.
factor [ratio]: billed ÷ metered.
metered_tokens [token]: Tokens that were metered.
unbilled_tokens [token]: Tokens that were metered and not billed.
billed_tokens [token]: Tokens that were billed.
undetermined [currency]: Part of unexplained that no cause can be told of.
without_list_price [currency]: Billed amounts that have no list price.
unpriced_attempts [attempt]: Attempts without a price.
null_amounts [charge]: Lines without an amount under setting('basis').

money: metered, billed, difference, price, token_class, coverage, timing, discount, credit_and_tax, unexplained in currency
*/
WITH summed AS (
    SELECT
        provider,
        model,
        day,
        shown AS currency,
        coalesce(sum_product(amount, rate) FILTER (WHERE lane = 'metered'), 0) AS metered,
        coalesce(sum_product(amount, rate) FILTER (WHERE lane = 'billed'), 0) AS billed,
        coalesce(sum_product(amount, rate) FILTER (WHERE lane = 'price'), 0) AS price,
        coalesce(sum_product(amount, rate) FILTER (WHERE lane = 'token_class'), 0) AS token_class,
        coalesce(sum_product(amount, rate) FILTER (WHERE lane = 'coverage'), 0) AS coverage,
        coalesce(sum_product(amount, rate) FILTER (WHERE lane = 'timing'), 0) AS timing,
        coalesce(sum_product(amount, rate) FILTER (WHERE lane = 'discount'), 0) AS discount,
        coalesce(sum_product(amount, rate) FILTER (WHERE lane = 'credit_and_tax'), 0) AS credit_and_tax,
        coalesce(sum_product(amount, rate) FILTER (WHERE lane = 'undetermined'), 0) AS undetermined,
        coalesce(sum_product(amount, rate) FILTER (WHERE lane = 'without_list_price'), 0) AS without_list_price,
        coalesce(sum(amount) FILTER (WHERE lane = 'metered_tokens'), 0) AS metered_tokens,
        coalesce(sum(amount) FILTER (WHERE lane = 'unbilled_tokens'), 0) AS unbilled_tokens,
        coalesce(sum(amount) FILTER (WHERE lane = 'billed_tokens'), 0) AS billed_tokens,
        CAST(coalesce(sum(amount) FILTER (WHERE lane = 'unpriced_attempts'), 0) AS BIGINT) AS unpriced_attempts,
        CAST(coalesce(sum(amount) FILTER (WHERE lane = 'null_amounts'), 0) AS BIGINT) AS null_amounts
    FROM variance_lanes
    GROUP BY provider, model, day, shown
)

SELECT
    provider,
    model,
    day,
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
    metered_tokens,
    unbilled_tokens,
    billed_tokens,
    undetermined,
    without_list_price,
    unpriced_attempts,
    null_amounts
FROM summed
