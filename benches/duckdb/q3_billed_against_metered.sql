-- Billed (effective cost of charges that name a registered model) against metered (list cost of its attempts), per
-- provider, model and UTC day, with factor and residual. Which charge is whose stands in the registry: provider by
-- service, model by its name or pattern in the meter, else in the description; the longest match wins.
WITH lines AS (
    SELECT
        ServiceName, concat_ws(' ', SkuId, SkuMeter, ChargeDescription) AS text,
        ChargePeriodStart::DATE AS day, sum(EffectiveCost) AS amount
    FROM charges
    WHERE
        ServiceName IN ('OpenAI API', 'Claude API', 'Amazon Bedrock') AND ChargeCategory = 'Usage'
        AND BillingCurrency = 'USD'
    GROUP BY ALL
),
texts AS (SELECT DISTINCT ServiceName, text FROM lines),
names AS (
    SELECT t.ServiceName, t.text, m.provider, arg_max(m.model, length(m.model)) AS model
    FROM texts AS t
    INNER JOIN models AS m
        ON m.provider = CASE t.ServiceName
            WHEN 'OpenAI API' THEN 'openai' WHEN 'Claude API' THEN 'anthropic' ELSE 'bedrock'
        END
        AND regexp_matches(lower(t.text), lower(coalesce(nullif(m.charge_match, ''), m.model)))
    GROUP BY ALL
),
billed AS (
    SELECT n.provider, n.model, l.day, sum(l.amount) AS billed
    FROM lines AS l
    INNER JOIN names AS n ON n.ServiceName = l.ServiceName AND n.text = l.text
    GROUP BY ALL
),
metered AS (
    SELECT provider, model, day, sum(list_cost) AS metered
    FROM attempts
    WHERE list_cost IS NOT NULL AND NOT gateway_cache_hit AND model IN (SELECT model FROM models)
    GROUP BY ALL
)
SELECT
    coalesce(m.provider, b.provider) AS provider,
    coalesce(m.model, b.model) AS model,
    coalesce(m.day, b.day) AS day,
    coalesce(m.metered, 0) AS metered,
    coalesce(b.billed, 0) AS billed,
    coalesce(m.metered, 0) - coalesce(b.billed, 0) AS difference,
    coalesce(b.billed, 0)::DOUBLE / nullif(coalesce(m.metered, 0), 0)::DOUBLE AS factor
FROM metered AS m
FULL JOIN billed AS b ON b.provider = m.provider AND b.model = m.model AND b.day = m.day
ORDER BY ALL;
