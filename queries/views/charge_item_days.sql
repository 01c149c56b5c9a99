/* What is charged day by day, other than what attempts cost, as finely as the bills tell it apart, with the quantity that was paid
for: the rows of spend_days that no attempt is behind.

A charge for more than a day is spread over its days. GPU nodes stand on the days of their hours. pool: how nodes are bought, and
which GPU. item: what has one price. at: 00:00 of UTC of the day.

kept: changes are looked for in months of days, and most days are over.
months: at of leaves

money: amount in shown
*/
WITH charged AS (
    SELECT
        charge_id, source, scope, provider, service_name, model, kind, tagged_use_case, currency, fx_rate, amount,
        sku_meter, charge_period_start, charge_period_end,
        coalesce(pricing_unit, consumed_unit) AS unit,
        CASE WHEN pricing_unit IS NULL THEN consumed_quantity ELSE pricing_quantity END AS quantity
    FROM costs
    WHERE amount IS NOT NULL
        AND charge_category IN ('Usage', 'Purchase')
        AND (charge_class IS DISTINCT FROM 'Correction')
),

whole AS (
    SELECT
        h.source,
        h.scope,
        h.provider,
        CASE WHEN h.kind = 'model_api' THEN l.model END AS model,
        CASE WHEN h.kind = 'tagged' THEN h.tagged_use_case END AS use_case,
        CASE WHEN h.kind = 'model_api' THEN t.class ELSE concat_ws(' / ', h.service_name, h.sku_meter) END AS item,
        CASE WHEN h.kind = 'model_api' THEN CASE WHEN t.token_units THEN 'tokens past the gateway' END ELSE h.unit END AS unit,
        CASE WHEN h.kind = 'model_api' AND NOT t.token_units THEN NULL ELSE h.quantity END AS quantity,
        CASE WHEN setting('currency') = 'native' OR h.fx_rate IS NULL THEN h.currency ELSE setting('currency') END AS shown,
        CASE WHEN setting('currency') = 'native' OR h.fx_rate IS NULL THEN 1 ELSE h.fx_rate END AS rate,
        coalesce(l.amount, h.amount) AS amount,
        charge_day(h.charge_period_start, h.charge_period_end) AS first_day,
        greatest(
            1,
            (arrow_cast(h.charge_period_end, 'Int64') - arrow_cast(h.charge_period_start, 'Int64') + 86399999999)
            / 86400000000
        ) AS days
    FROM charged AS h
    LEFT JOIN (SELECT * FROM leaf_model_api WHERE leaf = 'unmetered') AS l ON l.charge_id = h.charge_id
    LEFT JOIN token_charges AS t ON t.charge_id = h.charge_id
    WHERE h.kind <> 'gpu' AND (h.kind <> 'model_api' OR l.charge_id IS NOT NULL)
),

-- Lines of one day are added up before, those of several days after they are spread.
spread AS (
    SELECT *, unnest(generate_series(0, days - 1)) AS place FROM whole WHERE days > 1
),

plain AS (
    SELECT
        first_day AS day, source, scope, provider, model, use_case, item, unit, shown,
        sum_product(amount, rate) AS amount,
        CAST(sum(quantity) AS DECIMAL(38, 18)) AS quantity
    FROM whole
    WHERE days = 1
    GROUP BY first_day, source, scope, provider, model, use_case, item, unit, shown
    UNION ALL
    SELECT
        arrow_cast(arrow_cast(first_day, 'Int32') + CAST(place AS INT), 'Date32'), source, scope, provider, model, use_case, item, unit, shown,
        sum_product(apportion(amount, place, place + 1, days), rate),
        CAST(sum(apportion(quantity, place, place + 1, days)) AS DECIMAL(38, 18))
    FROM spread
    GROUP BY arrow_cast(arrow_cast(first_day, 'Int32') + CAST(place AS INT), 'Date32'), source, scope, provider, model, use_case, item, unit, shown
),

gpus AS (
    SELECT
        local_day(instant(s.from_us)) AS day,
        h.source,
        s.scope,
        s.provider,
        s.model,
        concat(replace(s.purchase, '_', ' '), ' ', s.gpu_model) AS pool,
        CASE WHEN setting('currency') = 'native' OR s.fx_rate IS NULL THEN s.currency ELSE setting('currency') END AS shown,
        sum_product(s.amount, CASE WHEN setting('currency') = 'native' OR s.fx_rate IS NULL THEN 1 ELSE s.fx_rate END) AS amount,
        CAST(CAST(round(sum(s.device_s)) AS BIGINT) AS DECIMAL(38, 18)) AS device_s
    FROM gpu_states AS s
    INNER JOIN charged AS h ON h.charge_id = s.charge_id
    GROUP BY 1, 2, 3, 4, 5, 6, 7
)

SELECT
    arrow_cast(day, 'Timestamp(Microsecond, Some("UTC"))') AS at,
    day, source, scope, provider, model, use_case, CAST(NULL AS VARCHAR) AS pool, item, unit, shown, amount, quantity
FROM plain
UNION ALL
SELECT
    arrow_cast(day, 'Timestamp(Microsecond, Some("UTC"))'),
    day, source, scope, provider, model, NULL, pool, pool AS item, 'device-hours', shown, amount,
    ratio(device_s, CAST(3600 AS DECIMAL(38, 18)))
FROM gpus
