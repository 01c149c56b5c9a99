-- Billed against metered per provider, model and UTC day from facts, with factor and residual.
-- The price book with the end of each row, and the list cost of every attempt. A bucket without tokens costs nothing.
WITH priced AS (
    SELECT
        *,
        lead(valid_from) OVER (PARTITION BY provider, model ORDER BY valid_from) AS valid_until
    FROM prices
),
attempts AS (
    SELECT
        r.task_id, r.call_id, r.provider, r.model, r.day, r.started_at, r.key_alias, r.gateway_cache_hit,
        r.uncached_input + r.cache_write + r.output AS weighing_tokens,
        coalesce(r.use_case, a.use_case) AS use_case,
        CASE
            WHEN r.gateway_cache_hit THEN 0
            ELSE
                CASE WHEN r.uncached_input = 0 AND p.model IS NOT NULL THEN 0 ELSE r.uncached_input * p.input_cost_per_token END
                + CASE WHEN r.cache_read = 0 THEN 0 ELSE r.cache_read * p.cache_read_input_token_cost END
                + CASE WHEN r.cache_write = 0 THEN 0 ELSE r.cache_write * p.cache_creation_input_token_cost END
                + CASE WHEN r.output = 0 THEN 0 ELSE r.output * p.output_cost_per_token END
        END AS list_cost
    FROM requests AS r
    LEFT JOIN use_case_aliases AS a ON a.kind = 'key' AND a.alias = r.key_alias
    LEFT JOIN priced AS p
        ON p.provider = r.provider AND p.model = r.model
        AND r.started_at >= p.valid_from AND (p.valid_until IS NULL OR r.started_at < p.valid_until)
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
    FROM attempts
    WHERE list_cost IS NOT NULL AND NOT gateway_cache_hit AND model IN (SELECT model FROM models)
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
