/* Charges of kind model_api by UTC day: what each says of its day in tokens, at list price and under
setting('basis').

A charge stands on the UTC day on which its period starts. One that counts tokens and reaches over several
UTC days is spread over them by the tokens that the gateway metered for its model and class on each, since
the bill does not say when; with none metered it stays on its first day. Shares add up to the charge exactly.
provider: the registry's, else the bill's own name. model: '' where the charge names none. list_cost is the
bill's own; NULL where it has none.

money: list_cost, amount in currency
*/
WITH spans AS (
    SELECT
        charge_id,
        coalesce(provider_id, provider) AS provider,
        provider_id,
        CASE WHEN pool = '*' THEN '' ELSE pool END AS model,
        class,
        coalesce(class, '*') AS weighed_by,
        tokens,
        list_cost,
        amount,
        currency,
        fx_rate,
        CAST(charge_period_start AS DATE) AS first_day,
        greatest(
            CAST(charge_period_end - INTERVAL '1 microsecond' AS DATE), CAST(charge_period_start AS DATE)
        ) AS last_day
    FROM token_charges
),

days AS (
    SELECT *, unnest(generate_series(first_day, last_day, INTERVAL '1' DAY)) AS day
    FROM spans
    WHERE tokens IS NOT NULL AND first_day < last_day
),

weights AS (
    SELECT provider, model, day, class AS weighed_by, sum(tokens) AS tokens
    FROM metered_tokens
    GROUP BY provider, model, day, class
    UNION ALL
    SELECT provider, model, day, '*' AS weighed_by, sum(tokens) AS tokens
    FROM metered_tokens
    GROUP BY provider, model, day
),

weighed AS (
    SELECT
        d.*,
        coalesce(w.tokens, 0) AS weight,
        sum(coalesce(w.tokens, 0)) OVER (
            PARTITION BY d.charge_id ORDER BY d.day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS upto,
        sum(coalesce(w.tokens, 0)) OVER (PARTITION BY d.charge_id) AS total
    FROM days AS d
    LEFT JOIN weights AS w
        ON w.provider = d.provider_id AND w.model = d.model AND w.day = d.day AND w.weighed_by = d.weighed_by
)

SELECT
    charge_id, provider, model, first_day AS day, class, tokens, list_cost, amount, currency, fx_rate
FROM spans
WHERE tokens IS NULL OR first_day = last_day
UNION ALL
SELECT
    charge_id,
    provider,
    model,
    CAST(day AS DATE) AS day,
    class,
    CASE WHEN total = 0 THEN tokens ELSE apportion(tokens, upto - weight, upto, total) END AS tokens,
    CASE WHEN total = 0 THEN list_cost ELSE apportion(list_cost, upto - weight, upto, total) END AS list_cost,
    CASE WHEN total = 0 THEN amount ELSE apportion(amount, upto - weight, upto, total) END AS amount,
    currency,
    fx_rate
FROM weighed
WHERE CASE WHEN total = 0 THEN CAST(day AS DATE) = first_day ELSE weight > 0 END
