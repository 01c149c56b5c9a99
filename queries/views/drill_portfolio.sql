/* What a budget drill is fed: spend by day and driver, and the quantities behind it. One row per day,
days, driver, part, scope and currency. Σ amount is Σ of the ledger's leaves, accruals included, so that
the last days are not cheap only because their bill is late.

days: over how many days the row is spread, from day on; a monthly seat is about 30. driver_kind:
model_api (driver provider/model, part the token class), gpu (driver the GPU model, part the purchase
kind), other (driver the service). The spend of a model's day is apportioned to token classes by the list
cost of its attempts of that day; part 'all' where no priced attempt tells the classes apart. A model of
the registry stands under its registry provider. quantity: tokens of the model's priced attempts;
provisioned GPU-hours. used: serving GPU-hours. Where several rows share a day, driver and part, the first
carries the quantities, so that they can be added up. currency: setting('currency') where there is a
rate, else the native one. */
WITH leaves AS (
    SELECT
        charge_day(l.period_start, l.period_end) AS day,
        greatest(
            1, (arrow_cast(l.period_end, 'Int64') - arrow_cast(l.period_start, 'Int64') + 86399999999) / 86400000000
        ) AS days,
        CASE
            WHEN n.host IS NOT NULL AND l.kind = 'gpu' THEN 'gpu'
            WHEN l.kind = 'model_api' THEN 'model_api'
            ELSE 'other'
        END AS driver_kind,
        coalesce(m.provider, l.provider, 'unknown') || '/' || coalesce(l.model, '(no model)') AS model_driver,
        coalesce(l.service, l.provider, 'unknown') AS service,
        n.gpu_model,
        n.purchase,
        l.scope,
        CASE WHEN l.amount_converted IS NULL THEN l.currency ELSE setting('currency') END AS currency,
        coalesce(l.amount_converted, l.amount) AS amount
    FROM ledger AS l
    LEFT JOIN gpu_nodes AS n ON n.host = l.host
    LEFT JOIN models AS m ON m.model = l.model
),

spent AS (
    SELECT
        day,
        days,
        driver_kind,
        CASE driver_kind WHEN 'gpu' THEN gpu_model WHEN 'model_api' THEN model_driver ELSE service END AS driver,
        CASE driver_kind WHEN 'gpu' THEN purchase WHEN 'model_api' THEN 'all' ELSE '' END AS part,
        scope,
        currency,
        CAST(sum(amount) AS DECIMAL(38, 18)) AS amount
    FROM leaves
    GROUP BY 1, 2, 3, 4, 5, 6, 7
),

placed AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY day, driver_kind, driver, part ORDER BY days, currency = setting('currency') DESC, scope, currency
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
