/* What a budget drill is fed: spend by day and driver, and the quantities behind it. One row per day,
days, driver, part, scope, currency and native currency. Σ amount is the bill under setting('basis') plus the list cost of
the attempts after each model provider's last billed day: without it the last days would be cheap only
because their bill is late. It reads costs and not the ledger, since a drill needs no leaves.

days: over how many days the row is spread, from day on; a monthly seat is about 30. driver_kind:
model_api (driver provider/model, part the token class), gpu (driver the GPU model, part the purchase
kind), other (driver the service). The spend of a model's day is apportioned to token classes by the list
cost of its attempts of that day; part 'all' where no priced attempt tells the classes apart. quantity:
tokens of the model's priced attempts; provisioned GPU-hours. used: serving GPU-hours. Where several rows
share a day, driver and part, the first carries the quantities, so that they can be added up. currency:
setting('currency') where there is a rate, else the native one. native_currency: what the charge was billed
in, or the attempt priced in.

money: amount in currency
*/
WITH billed_until AS (
    SELECT provider_id AS provider, max(charge_period_end) AS until
    FROM costs
    WHERE kind = 'model_api'
    GROUP BY provider_id
),

charged AS (
    SELECT
        charge_day(c.charge_period_start, c.charge_period_end) AS day,
        greatest(
            1,
            (arrow_cast(c.charge_period_end, 'Int64') - arrow_cast(c.charge_period_start, 'Int64') + 86399999999)
            / 86400000000
        ) AS days,
        CASE WHEN c.kind IN ('gpu', 'model_api') THEN c.kind ELSE 'other' END AS driver_kind,
        CASE c.kind
            WHEN 'gpu' THEN n.gpu_model
            WHEN 'model_api'
                THEN coalesce(c.provider_id, c.provider, 'unknown') || '/' || coalesce(c.model, '(no model)')
            ELSE coalesce(c.service_name, c.provider, 'unknown')
        END AS driver,
        CASE c.kind WHEN 'gpu' THEN n.purchase WHEN 'model_api' THEN 'all' ELSE '' END AS part,
        c.scope,
        CASE WHEN c.amount_converted IS NULL THEN c.currency ELSE setting('currency') END AS currency,
        c.currency AS native_currency,
        coalesce(c.amount_converted, c.amount) AS amount
    FROM costs AS c
    LEFT JOIN gpu_nodes AS n ON n.resource_id = c.resource_id
    UNION ALL
    SELECT
        local_day(a.started_at) AS day,
        1 AS days,
        'model_api' AS driver_kind,
        a.provider || '/' || a.model AS driver,
        'all' AS part,
        'AI' AS scope,
        a.list_currency AS currency,
        a.list_currency AS native_currency,
        a.list_cost AS amount
    FROM calls AS a
    LEFT JOIN billed_until AS b ON b.provider = a.provider
    WHERE a.price_status = 'priced' AND (b.until IS NULL OR a.started_at >= b.until)
),

spent AS (
    SELECT
        day,
        days,
        driver_kind,
        driver,
        part,
        scope,
        currency,
        native_currency,
        CAST(sum(amount) AS DECIMAL(38, 18)) AS amount
    FROM charged
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
),

placed AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY day, driver_kind, driver, part ORDER BY days, currency = setting('currency') DESC, scope, currency, native_currency
        ) AS place
    FROM spent
),

tokens AS (
    SELECT
        local_day(started_at) AS day,
        provider || '/' || model AS driver,
        sum(uncached_input) AS uncached_tokens,
        sum(cache_read) AS read_tokens,
        sum(cache_write) AS write_tokens,
        sum(output) AS output_tokens,
        CAST(sum(uncached_cost) AS DECIMAL(38, 18)) AS to_uncached,
        CAST(sum(uncached_cost + read_cost) AS DECIMAL(38, 18)) AS to_read,
        CAST(sum(uncached_cost + read_cost + write_cost) AS DECIMAL(38, 18)) AS to_write,
        CAST(sum(uncached_cost + read_cost + write_cost + output_cost) AS DECIMAL(38, 18)) AS total
    FROM calls
    WHERE price_status = 'priced'
    GROUP BY 1, 2
),

hours AS (
    SELECT
        local_day(hour) AS day,
        gpu_model AS driver,
        purchase AS part,
        CAST(sum(provisioned_s) / 3600 AS DECIMAL(38, 18)) AS quantity,
        CAST(sum(serving_s) / 3600 AS DECIMAL(38, 18)) AS used
    FROM gpu_hours
    GROUP BY 1, 2, 3
),

classes AS (
    SELECT
        s.*,
        t.uncached_tokens,
        t.read_tokens,
        t.write_tokens,
        t.output_tokens,
        t.to_uncached,
        t.to_read,
        t.to_write,
        t.total,
        h.quantity AS hours,
        h.used,
        v.class
    FROM placed AS s
    CROSS JOIN (VALUES ('uncached_input'), ('cache_read'), ('cache_write'), ('output')) AS v (class)
    LEFT JOIN tokens AS t
        ON s.driver_kind = 'model_api'
        AND s.days = 1
        AND t.day = s.day
        AND t.driver = s.driver
        AND t.total > CAST(0 AS DECIMAL(38, 18))
    LEFT JOIN hours AS h
        ON s.driver_kind = 'gpu' AND h.day = s.day AND h.driver = s.driver AND h.part = s.part
)

SELECT
    day,
    days,
    driver_kind,
    driver,
    CASE WHEN total IS NULL THEN part ELSE class END AS part,
    scope,
    currency,
    native_currency,
    CASE
        WHEN total IS NULL THEN amount
        WHEN class = 'uncached_input' THEN apportion(amount, CAST(0 AS DECIMAL(38, 18)), to_uncached, total)
        WHEN class = 'cache_read' THEN apportion(amount, to_uncached, to_read, total)
        WHEN class = 'cache_write' THEN apportion(amount, to_read, to_write, total)
        ELSE apportion(amount, to_write, total, total)
    END AS amount,
    CASE
        WHEN place > 1 THEN NULL
        WHEN driver_kind = 'gpu' THEN hours
        WHEN total IS NULL THEN NULL
        WHEN class = 'uncached_input' THEN CAST(uncached_tokens AS DECIMAL(38, 18))
        WHEN class = 'cache_read' THEN CAST(read_tokens AS DECIMAL(38, 18))
        WHEN class = 'cache_write' THEN CAST(write_tokens AS DECIMAL(38, 18))
        ELSE CAST(output_tokens AS DECIMAL(38, 18))
    END AS quantity,
    CASE WHEN place = 1 THEN used END AS used
FROM classes
WHERE total IS NOT NULL OR class = 'output'
