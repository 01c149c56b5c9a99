/* What use cost, day by day, as finely as the leaves tell it apart, with the quantity that was paid for: what
`spendscope findings` looks for changes in. One row per day of the reporting zone and everything else that is
not amount or quantity; what a column cannot say is NULL.

A charge for more than a day is spread over its days, so that a monthly fee is no peak on the first of the
month; a request stands on the day it started. Taxes, credits, adjustments and corrections of earlier periods
are left out: they say nothing of the day. What no bill covers yet is accrued at list cost, source NULL.

source: of the bill. log: of the gateway's records behind the row. item: what has one price: a class of tokens
(a charge for all classes is split by the list cost of the attempts in each), the GPUs of a pool, a meter of a
service. quantity: tokens, device-hours, or what the bill counts, in unit; NULL where the bill counts nothing.
pool: how GPU nodes are bought, and which GPU. currency: setting('currency') where there is a rate, else the
bill's own.

money: amount in currency
*/
WITH billed_as AS (
    SELECT provider_id, min(biller) AS biller, min(scope) AS scope, min(shown) AS shown
    FROM biller_months
    GROUP BY provider_id
),

by_class AS (
    SELECT
        l.day, l.source, l.log, l.scope,
        CASE WHEN l.evidence = 'accrued' THEN coalesce(b.biller, l.provider) ELSE l.provider END AS provider,
        l.model, l.use_case, l.key_alias, l.class, l.shown,
        sum(l.amount) AS amount,
        CAST(sum(l.uncached_cost) AS DECIMAL(38, 18)) AS uncached_cost,
        CAST(sum(l.read_cost) AS DECIMAL(38, 18)) AS read_cost,
        CAST(sum(l.write_cost) AS DECIMAL(38, 18)) AS write_cost,
        CAST(sum(l.output_cost) AS DECIMAL(38, 18)) AS output_cost
    FROM leaf_class_days AS l
    LEFT JOIN billed_as AS b ON b.provider_id = l.provider
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
),

totalled AS (
    SELECT *, uncached_cost + read_cost + write_cost + output_cost AS all_costs FROM by_class
),

-- A charge that names its class stands whole in it; so does one whose attempts have no list cost, under no class.
in_classes AS (
    SELECT
        day, source, log, scope, provider, model, use_case, key_alias, shown,
        CASE WHEN t.class IS NULL AND all_costs > 0 THEN p.class ELSE t.class END AS class,
        CASE
            WHEN t.class IS NOT NULL OR all_costs = 0 THEN amount
            WHEN p.class = 'uncached_input' THEN apportion(amount, CAST(0 AS DECIMAL(38, 18)), uncached_cost, all_costs)
            WHEN p.class = 'cache_read' THEN apportion(amount, uncached_cost, uncached_cost + read_cost, all_costs)
            WHEN p.class = 'cache_write'
                THEN apportion(amount, uncached_cost + read_cost, all_costs - output_cost, all_costs)
            ELSE apportion(amount, all_costs - output_cost, all_costs, all_costs)
        END AS amount
    FROM totalled AS t
    INNER JOIN (VALUES ('uncached_input'), ('cache_read'), ('cache_write'), ('output')) AS p (class)
        ON (t.class IS NULL AND all_costs > 0) OR p.class = 'output'
),

tokens AS (
    SELECT
        m.day,
        m.log,
        coalesce(b.scope, 'AI') AS scope,
        coalesce(b.biller, m.provider) AS provider,
        m.model,
        m.use_case,
        m.key_alias,
        coalesce(b.shown, m.list_currency, setting('reporting_currency')) AS shown,
        p.class,
        CASE p.class
            WHEN 'uncached_input' THEN m.uncached_input
            WHEN 'cache_read' THEN m.cache_read
            WHEN 'cache_write' THEN m.cache_write
            ELSE m.output
        END AS tokens
    FROM call_token_days AS m
    CROSS JOIN (VALUES ('uncached_input'), ('cache_read'), ('cache_write'), ('output')) AS p (class)
    LEFT JOIN billed_as AS b ON b.provider_id = m.provider
),

-- Tokens are counted by the gateway, amounts by the bill: one row has both.
used AS (
    SELECT
        day, source, log, scope, provider, model, use_case, key_alias, class, shown, amount,
        CAST(NULL AS DECIMAL(38, 18)) AS quantity
    FROM in_classes
    WHERE amount <> 0
    UNION ALL
    SELECT
        day, NULL, log, scope, provider, model, use_case, key_alias, class, shown,
        CAST(0 AS DECIMAL(38, 18)), CAST(tokens AS DECIMAL(38, 18))
    FROM tokens
    WHERE tokens > 0
),

rows AS (
    SELECT
        day, max(source) AS source, log, scope, provider, model, use_case, key_alias, CAST(NULL AS VARCHAR) AS pool,
        class AS item, CASE WHEN class IS NOT NULL THEN 'tokens' END AS unit, shown,
        CAST(sum(amount) AS DECIMAL(38, 18)) AS amount, CAST(sum(quantity) AS DECIMAL(38, 18)) AS quantity
    FROM used
    GROUP BY day, log, scope, provider, model, use_case, key_alias, class, shown
    UNION ALL
    SELECT
        day, source, NULL, scope, provider, model, use_case, NULL, pool, item, unit, shown, amount, quantity
    FROM charge_item_days
)

SELECT
    day, source, log, scope, provider, model, use_case, key_alias, pool, item, unit,
    shown AS currency,
    CAST(sum(amount) AS DECIMAL(38, 18)) AS amount,
    CAST(sum(quantity) AS DECIMAL(38, 18)) AS quantity
FROM rows
GROUP BY day, source, log, scope, provider, model, use_case, key_alias, pool, item, unit, shown
