-- GPU utilisation and idle money per pool (the model that the nodes serve) and UTC day from facts. Seconds are whole
-- numbers; money is what remains of the charge after serving time, in decimals.
WITH read AS (
    SELECT
        gpu_uuid,
        host,
        CAST(sampled_at AS BIGINT) / 1000000 AS moment,
        coalesce(sm_active, gr_engine_active, gpu_util / CAST(100 AS DOUBLE)) AS activity,
        owner IS NOT NULL AS owned
    FROM gpu_samples
),
timed AS (
    SELECT host, moment, activity, owned, lead(moment) OVER (PARTITION BY gpu_uuid ORDER BY moment) AS next
    FROM read
),
readings AS (
    SELECT
        host, moment / 3600 AS hour, moment % 3600 AS since, activity, owned, least(coalesce(next - moment, 60), 120) AS span
    FROM timed
    WHERE activity IS NOT NULL
),
-- A reading reaches into the next hour at most; what it has there is added up beside what it has in its own.
begun AS (
    SELECT
        host,
        hour,
        sum(least(span, 3600 - since)) FILTER (WHERE owned AND activity >= CAST('0.05' AS DOUBLE)) AS serving,
        sum(CAST(least(span, 3600 - since) AS DOUBLE) * activity) AS active,
        sum(since + span - 3600) FILTER (WHERE owned AND activity >= CAST('0.05' AS DOUBLE) AND since + span > 3600)
            AS serving_after,
        sum(CAST(since + span - 3600 AS DOUBLE) * activity) FILTER (WHERE since + span > 3600) AS active_after
    FROM readings
    GROUP BY host, hour
),
hours AS (
    SELECT
        b.host,
        b.hour + k.after AS hour,
        sum(CASE WHEN k.after = 0 THEN b.serving ELSE b.serving_after END) AS serving,
        sum(CASE WHEN k.after = 0 THEN b.active ELSE b.active_after END) AS active
    FROM begun AS b
    CROSS JOIN (VALUES (0), (1)) AS k (after)
    GROUP BY b.host, b.hour + k.after
),
bills AS (
    SELECT
        n.model,
        n.host,
        n.gpus * 3600 AS provisioned,
        c.billing_currency AS currency,
        c.effective_cost,
        n.gpus * (CAST(c.charge_period_end AS BIGINT) - CAST(c.charge_period_start AS BIGINT)) / 1000000 AS paid_s,
        unnest(generate_series(
            CAST(c.charge_period_start AS BIGINT) / 3600000000, CAST(c.charge_period_end AS BIGINT) / 3600000000 - 1
        )) AS hour
    FROM charges AS c
    INNER JOIN gpu_nodes AS n ON n.resource_id = c.resource_id
    WHERE c.charge_category = 'Usage'
)
SELECT
    b.model,
    CAST(to_timestamp_seconds(b.hour * 3600) AS DATE) AS day,
    b.currency,
    CAST(sum(b.provisioned) AS DOUBLE) AS provisioned_s,
    sum(h.active) AS active_s,
    sum(h.active) / CAST(sum(b.provisioned) AS DOUBLE) AS utilization,
    sum(apportion(b.effective_cost, 0, b.provisioned - coalesce(h.serving, 0), b.paid_s)) AS idle_cost
FROM bills AS b
LEFT JOIN hours AS h ON h.host = b.host AND h.hour = b.hour
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
