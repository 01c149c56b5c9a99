/* Why what the gateway metered at list price is not what the provider billed: one row per provider, model,
UTC day, currency and lane. The metric ledger/variance and the view variance add them up.

Metered is Σ list_cost of the attempts that started on the UTC day; billed is Σ amount under setting('basis')
of the provider's model_api charges of that day (token_charge_days) and of its credits, taxes and adjustments
(model NULL: they name none). Purchases are not billed use and are left out. The difference metered − billed
is split in this order, by these definitions, for the tokens m metered and b billed of each class; M and B are
their sums over the classes, P is the bill's list cost ÷ its tokens:

- price: Σ (list cost of the attempts − m × P): our price book against the bill's list price, at what was
  metered. A class without a list price on the bill has none: 0.
- token_class: Σ m × P − M × (Σ b × P) ÷ B: the same number of tokens, split over the classes as the bill does.
- gap: M × (Σ b × P) ÷ B − Σ b × P: more or fewer tokens than the bill has. timing is the part of it that the
  gap of the day before or after, of the other sign, makes up for (requests that were billed on the other
  side of midnight; over all days this part is 0), and list cost that no charge covers yet (accrued).
  coverage is the rest: negative for requests that the gateway did not see.
- discount: list cost − amount of all usage charges that have both, tokens or not.
- credit_and_tax: the credits, taxes and adjustments with their sign turned.
- unexplained: the rest, so that the parts add up. It has no lane here: whoever adds up takes it last.

Tokens without a list price on the bill are worth P where other lines of that class have one, else our own
price, else what they were billed. A charge without a quantity in tokens (a fee per call) is undetermined: it is
in unexplained but for its discount; so is what attempts cost beside tokens (request_cost, such as web
searches), with the other sign: over a provider the two meet there. Price and token class of a day on which a
charge does not say its class are undetermined, too, and so is all of a day whose bill has no quantities. A lane
of money is in the currency asked for where there is a rate, else in its own (shown); rate converts amount to
shown. Lanes of counts have rate 1.

kept: the parts of one row, of its metric and of its check come from one pass.

money: amount in currency
*/
WITH metered AS (
    SELECT
        *,
        fx_rate(currency, setting('currency'), day) AS fx_rate
    FROM metered_tokens
),

metered_classes AS (
    SELECT
        provider,
        model,
        day,
        CASE WHEN fx_rate IS NULL THEN currency ELSE setting('currency') END AS shown,
        class,
        sum(tokens) AS tokens,
        sum(priced_tokens) AS priced_tokens,
        sum_product(list_cost, coalesce(fx_rate, 1)) AS list_cost
    FROM metered
    GROUP BY provider, model, day, CASE WHEN fx_rate IS NULL THEN currency ELSE setting('currency') END, class
),

attempts AS (
    SELECT
        coalesce(provider, '') AS provider,
        CASE WHEN registered THEN model ELSE '' END AS model,
        CAST(started_at AS DATE) AS day,
        coalesce(list_currency, setting('reporting_currency')) AS currency,
        count(*) AS attempts,
        sum(CASE WHEN price_status = 'unpriced' THEN 1 ELSE 0 END) AS unpriced_attempts,
        sum(CASE WHEN price_status = 'priced' THEN list_cost END) AS list_cost,
        sum(uncached_input + cache_read + cache_write + output) AS tokens
    FROM calls
    WHERE price_status IN ('priced', 'unpriced')
    GROUP BY coalesce(provider, ''), CASE WHEN registered THEN model ELSE '' END, CAST(started_at AS DATE),
        coalesce(list_currency, setting('reporting_currency'))
),

metered_days AS (
    SELECT
        *,
        fx_rate(currency, setting('currency'), day) AS fx_rate
    FROM attempts
),

accrued AS (
    SELECT
        coalesce(c.provider, '') AS provider,
        CASE WHEN c.registered THEN c.model ELSE '' END AS model,
        CAST(c.started_at AS DATE) AS day,
        c.list_currency AS currency,
        sum(c.list_cost) AS list_cost,
        sum(c.uncached_input + c.cache_read + c.cache_write + c.output) AS tokens
    FROM calls AS c
    LEFT SEMI JOIN (SELECT request_source, request_id FROM leaf_model_api WHERE evidence = 'accrued') AS l
        ON l.request_source = c.source AND l.request_id = c.request_id
    GROUP BY coalesce(c.provider, ''), CASE WHEN c.registered THEN c.model ELSE '' END,
        CAST(c.started_at AS DATE), c.list_currency
),

accrued_days AS (
    SELECT
        provider,
        model,
        day,
        CASE
            WHEN fx_rate(currency, setting('currency'), day) IS NULL THEN currency ELSE setting('currency')
        END AS shown,
        sum_product(list_cost, coalesce(fx_rate(currency, setting('currency'), day), 1)) AS list_cost,
        sum(tokens) AS tokens
    FROM accrued
    GROUP BY provider, model, day,
        CASE
            WHEN fx_rate(currency, setting('currency'), day) IS NULL THEN currency ELSE setting('currency')
        END
),

usage AS (
    SELECT
        *,
        CASE WHEN fx_rate IS NULL THEN currency ELSE setting('currency') END AS shown,
        coalesce(fx_rate, 1) AS rate
    FROM token_charge_days
),

billed_classes AS (
    SELECT
        provider,
        model,
        day,
        shown,
        coalesce(class, 'mixed') AS class,
        sum(tokens) AS tokens,
        coalesce(sum(tokens) FILTER (WHERE list_cost IS NOT NULL), 0) AS listed_tokens,
        coalesce(sum_product(list_cost, rate), 0) AS listed_cost,
        coalesce(sum(tokens) FILTER (WHERE list_cost IS NULL), 0) AS unlisted_tokens,
        coalesce(sum_product(amount, rate) FILTER (WHERE list_cost IS NULL), 0) AS unlisted_amount
    FROM usage
    WHERE tokens IS NOT NULL
    GROUP BY provider, model, day, shown, coalesce(class, 'mixed')
),

both AS (
    SELECT
        coalesce(m.provider, b.provider) AS provider,
        coalesce(m.model, b.model) AS model,
        coalesce(m.day, b.day) AS day,
        coalesce(m.shown, b.shown) AS shown,
        coalesce(b.quantified, false) AS quantified,
        coalesce(b.class = 'mixed', false) AS mixed,
        coalesce(m.tokens, 0) AS metered_tokens,
        coalesce(m.priced_tokens, 0) AS priced_tokens,
        coalesce(m.list_cost, 0) AS list_cost,
        coalesce(b.tokens, 0) AS billed_tokens,
        coalesce(b.listed_tokens, 0) AS listed_tokens,
        coalesce(b.listed_cost, 0) AS listed_cost,
        coalesce(b.unlisted_tokens, 0) AS unlisted_tokens,
        coalesce(b.unlisted_amount, 0) AS unlisted_amount
    FROM metered_classes AS m
    FULL JOIN (SELECT *, true AS quantified FROM billed_classes) AS b
        ON b.provider = m.provider AND b.model = m.model AND b.day = m.day AND b.shown = m.shown
        AND b.class = m.class
),

priced AS (
    SELECT
        *,
        CASE
            WHEN listed_tokens > 0 THEN apportion(listed_cost, 0, metered_tokens, listed_tokens)
            ELSE list_cost
        END AS metered_worth,
        listed_cost + CASE
            WHEN unlisted_tokens = 0 THEN 0
            WHEN listed_tokens > 0 THEN apportion(listed_cost, 0, unlisted_tokens, listed_tokens)
            WHEN priced_tokens > 0 THEN apportion(list_cost, 0, unlisted_tokens, priced_tokens)
            ELSE unlisted_amount
        END AS billed_worth
    FROM both
),

days AS (
    SELECT
        provider,
        model,
        day,
        shown,
        max(CASE WHEN quantified THEN 1 ELSE 0 END) = 1 AS quantified,
        max(CASE WHEN mixed THEN 1 ELSE 0 END) = 1 AS mixed,
        sum(metered_tokens) AS metered_tokens,
        sum(billed_tokens) AS billed_tokens,
        sum(list_cost) AS list_cost,
        sum(metered_worth) AS metered_worth,
        sum(billed_worth) AS billed_worth
    FROM priced
    GROUP BY provider, model, day, shown
),

-- What was metered, worth what the bill's mean token is worth; where the bill has none, what it is worth itself.
mixes AS (
    SELECT
        d.*,
        coalesce(a.list_cost, 0) AS accrued,
        CASE
            WHEN d.billed_tokens > 0 THEN apportion(d.billed_worth, 0, d.metered_tokens, d.billed_tokens)
            ELSE d.metered_worth
        END AS mean_worth
    FROM days AS d
    LEFT JOIN accrued_days AS a
        ON a.provider = d.provider AND a.model = d.model AND a.day = d.day AND a.shown = d.shown
),

steps AS (
    SELECT
        *,
        CASE WHEN quantified AND NOT mixed THEN list_cost - metered_worth ELSE 0 END AS price,
        CASE WHEN quantified AND NOT mixed THEN metered_worth - mean_worth ELSE 0 END AS token_class,
        CASE WHEN quantified THEN mean_worth - billed_worth ELSE accrued END AS gap
    FROM mixes
),

-- A day's gap is offered to the neighbours whose gap has the other sign, to both in proportion to theirs.
beside AS (
    SELECT
        *,
        abs(gap) AS size,
        CASE
            WHEN lag(day) OVER run = day - INTERVAL '1' DAY AND ((lag(gap) OVER run > 0 AND gap < 0) OR (lag(gap) OVER run < 0 AND gap > 0))
                THEN abs(lag(gap) OVER run)
            ELSE 0
        END AS before,
        CASE
            WHEN lead(day) OVER run = day + INTERVAL '1' DAY AND ((lead(gap) OVER run > 0 AND gap < 0) OR (lead(gap) OVER run < 0 AND gap > 0))
                THEN abs(lead(gap) OVER run)
            ELSE 0
        END AS after
    FROM steps
    WINDOW run AS (PARTITION BY provider, model, shown ORDER BY day)
),

offered AS (
    SELECT
        *,
        coalesce(apportion(size, 0, before, before + after), 0) AS to_before
    FROM beside
),

met AS (
    SELECT
        *,
        CASE
            WHEN before = 0 THEN 0
            ELSE least(to_before, lag(CASE WHEN after = 0 THEN 0 ELSE size - to_before END) OVER run)
        END
        + CASE
            WHEN after = 0 THEN 0
            ELSE least(size - to_before, lead(to_before) OVER run)
        END AS shifted
    FROM offered
    WINDOW run AS (PARTITION BY provider, model, shown ORDER BY day)
),

timed AS (
    SELECT
        *,
        CASE WHEN gap < 0 THEN -shifted ELSE shifted END AS across_midnight,
        CASE WHEN gap > shifted THEN least(gap - shifted, accrued) ELSE 0 END AS not_billed_yet
    FROM met
),

credits AS (
    SELECT
        provider_id AS provider,
        '' AS model,
        CAST(charge_period_start AS DATE) AS day,
        currency,
        CASE WHEN fx_rate IS NULL THEN currency ELSE setting('currency') END AS shown,
        coalesce(fx_rate, 1) AS rate,
        sum(amount) AS amount,
        count(*) - count(amount) AS null_amounts
    FROM costs
    WHERE provider_id IS NOT NULL AND charge_category IN ('Credit', 'Tax', 'Adjustment')
    GROUP BY provider_id, CAST(charge_period_start AS DATE), currency,
        CASE WHEN fx_rate IS NULL THEN currency ELSE setting('currency') END, coalesce(fx_rate, 1)
),

usage_days AS (
    SELECT
        provider,
        model,
        day,
        currency,
        shown,
        rate,
        sum(amount) AS amount,
        sum(list_cost - amount) AS discount,
        sum(CASE WHEN tokens IS NULL OR class IS NULL THEN amount END) AS undetermined,
        sum(CASE WHEN list_cost IS NULL THEN amount END) AS without_list_price,
        sum(tokens) AS tokens,
        count(*) - count(amount) AS null_amounts
    FROM usage
    GROUP BY provider, model, day, currency, shown, rate
),

metered_lanes AS (
    SELECT
        provider,
        model,
        day,
        currency,
        CASE WHEN fx_rate IS NULL THEN currency ELSE setting('currency') END AS shown,
        coalesce(fx_rate, 1) AS rate,
        list_cost,
        tokens,
        attempts,
        unpriced_attempts
    FROM metered_days
),

lanes AS (
    SELECT
        provider,
        model,
        day,
        currency,
        shown,
        rate,
        unnest(['metered', 'metered_tokens', 'attempts', 'unpriced_attempts']) AS lane,
        unnest(
            [
                CAST(list_cost AS DECIMAL(38, 18)),
                CAST(tokens AS DECIMAL(38, 18)),
                CAST(attempts AS DECIMAL(38, 18)),
                CAST(unpriced_attempts AS DECIMAL(38, 18))
            ]
        ) AS amount
    FROM metered_lanes
    UNION ALL
    SELECT
        provider,
        model,
        day,
        currency,
        shown,
        rate,
        unnest(
            ['billed', 'discount', 'undetermined', 'without_list_price', 'billed_tokens', 'null_amounts']
        ) AS lane,
        unnest(
            [
                amount,
                discount,
                undetermined,
                without_list_price,
                tokens,
                CAST(null_amounts AS DECIMAL(38, 18))
            ]
        ) AS amount
    FROM usage_days
    UNION ALL
    SELECT
        provider,
        model,
        day,
        currency,
        shown,
        rate,
        unnest(['billed', 'credit_and_tax', 'null_amounts']) AS lane,
        unnest([amount, -amount, CAST(null_amounts AS DECIMAL(38, 18))]) AS amount
    FROM credits
    UNION ALL
    SELECT
        provider,
        model,
        day,
        shown AS currency,
        shown,
        1 AS rate,
        unnest(['price', 'token_class', 'coverage', 'timing']) AS lane,
        unnest(
            [
                price,
                token_class,
                gap - across_midnight - not_billed_yet,
                across_midnight + not_billed_yet
            ]
        ) AS amount
    FROM timed
    UNION ALL
    SELECT
        provider,
        model,
        day,
        shown AS currency,
        shown,
        1 AS rate,
        'unbilled_tokens' AS lane,
        CAST(tokens AS DECIMAL(38, 18)) AS amount
    FROM accrued_days
)

SELECT
    nullif(provider, '') AS provider,
    nullif(model, '') AS model,
    day,
    charge_moment(
        arrow_cast(day, 'Timestamp(Microsecond, Some("UTC"))'),
        arrow_cast(day, 'Timestamp(Microsecond, Some("UTC"))') + INTERVAL '1' DAY
    ) AS placed_at,
    currency,
    shown,
    CASE
        WHEN lane IN ('metered_tokens', 'attempts', 'unpriced_attempts', 'billed_tokens', 'null_amounts') THEN 1
        ELSE rate
    END AS rate,
    lane,
    CAST(amount AS DECIMAL(38, 18)) AS amount
FROM lanes
WHERE amount IS NOT NULL
