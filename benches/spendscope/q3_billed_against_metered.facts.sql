-- Billed against metered per provider, model and UTC day from facts, with factor and residual.
-- Prices are linear in tokens: tokens are added up first, by all that their price depends on, and priced then. Between two
-- changes of the price book a model has one price. A bucket with tokens and no price makes the cost of its attempt unknown, so
-- attempts are told apart by the buckets that they have tokens in.
WITH priced AS (
    SELECT
        *,
        lead(valid_from) OVER (PARTITION BY provider, model ORDER BY valid_from) AS valid_until
    FROM prices
),
changes AS (SELECT DISTINCT valid_from AS at FROM prices),
epochs AS (
    SELECT at AS since, lead(at) OVER (ORDER BY at) AS until FROM changes
    UNION ALL
    SELECT NULL AS since, min(at) AS until FROM changes
),
tokens AS (
    SELECT
        r.provider, r.model, r.day,
        e.since,
        CASE WHEN r.uncached_input = 0 THEN 0 ELSE 1 END + CASE WHEN r.cache_read = 0 THEN 0 ELSE 2 END
        + CASE WHEN r.cache_write = 0 THEN 0 ELSE 4 END + CASE WHEN r.output = 0 THEN 0 ELSE 8 END AS buckets,
        sum(r.uncached_input) AS uncached_input,
        sum(r.cache_read) AS cache_read,
        sum(r.cache_write) AS cache_write,
        sum(r.output) AS output
    FROM epochs AS e
    INNER JOIN requests AS r
        ON (e.since IS NULL OR r.started_at >= e.since) AND (e.until IS NULL OR r.started_at < e.until)
    WHERE NOT r.gateway_cache_hit
    GROUP BY 1, 2, 3, 4, 5
),
listed AS (
    SELECT
        t.provider,
        t.model,
        t.day,
        CASE
            WHEN p.model IS NOT NULL THEN token_cost(
                NULL,
                t.uncached_input, p.input_cost_per_token,
                t.cache_read, p.cache_read_input_token_cost,
                t.cache_write, p.cache_creation_input_token_cost,
                t.output, p.output_cost_per_token
            )
        END AS list_cost
    FROM tokens AS t
    LEFT JOIN priced AS p
        ON p.provider = t.provider AND p.model = t.model
        AND t.since >= p.valid_from AND (p.valid_until IS NULL OR t.since < p.valid_until)
),
lines AS (
    SELECT
        service_name,
        concat_ws(' ', sku_id, sku_meter, charge_description) AS text,
        CAST(charge_period_start AS DATE) AS day,
        sum(effective_cost) AS amount
    FROM charges
    WHERE
        service_name IN ('OpenAI API', 'Claude API', 'Amazon Bedrock') AND charge_category = 'Usage'
        AND billing_currency = 'USD'
    GROUP BY 1, 2, 3
),
-- The longest name that matches wins; `lines` is named once, since a plan reads the charges as often as it is.
named AS (
    SELECT l.day, m.provider, first_value(m.model ORDER BY length(m.model) DESC) AS model, max(l.amount) AS amount
    FROM lines AS l
    INNER JOIN models AS m
        ON m.provider = CASE l.service_name
            WHEN 'OpenAI API' THEN 'openai' WHEN 'Claude API' THEN 'anthropic' ELSE 'bedrock'
        END
        AND regexp_like(lower(l.text), lower(replace(coalesce(nullif(m.charge_match, ''), m.model), '(?i)', '')))
    GROUP BY l.service_name, l.text, l.day, m.provider
),
billed AS (SELECT provider, model, day, sum(amount) AS billed FROM named GROUP BY provider, model, day),
metered AS (
    SELECT provider, model, day, sum(list_cost) AS metered
    FROM listed
    WHERE list_cost IS NOT NULL AND model IN (SELECT model FROM models)
    GROUP BY provider, model, day
)
SELECT
    coalesce(m.provider, b.provider) AS provider,
    coalesce(m.model, b.model) AS model,
    coalesce(m.day, b.day) AS day,
    coalesce(m.metered, 0) AS metered,
    coalesce(b.billed, 0) AS billed,
    coalesce(m.metered, 0) - coalesce(b.billed, 0) AS difference,
    ratio(coalesce(b.billed, 0), coalesce(m.metered, 0)) AS factor
FROM metered AS m
FULL JOIN billed AS b ON b.provider = m.provider AND b.model = m.model AND b.day = m.day
ORDER BY 1, 2, 3
