-- GPU utilisation and idle money per pool (the model that the nodes serve) and UTC day from facts. Seconds are whole
-- numbers; money is what remains of the charge after serving time, in decimals.
WITH timed AS (
    SELECT
        host,
        CAST(sampled_at AS BIGINT) / 1000000 AS moment,
        coalesce(sm_active, gr_engine_active, gpu_util / CAST(100 AS DOUBLE)) AS activity,
        owner,
        lead(CAST(sampled_at AS BIGINT) / 1000000) OVER (PARTITION BY gpu_uuid ORDER BY sampled_at) AS next
    FROM gpu_samples
),
readings AS (
    SELECT host, moment, activity, owner, least(coalesce(next - moment, 60), 120) AS span
    FROM timed
    WHERE activity IS NOT NULL
),
-- A reading reaches into the next hour at most: two pieces, of which the second is mostly empty. A UNION of two queries
-- would read and sort the samples twice.
pieces AS (
    SELECT
        r.host,
        r.moment / 3600 + k.next_hour AS hour,
        CASE
            WHEN k.next_hour = 0 THEN least(r.span, 3600 - r.moment % 3600) ELSE r.moment % 3600 + r.span - 3600
        END AS seconds,
        r.activity,
        r.owner
    FROM readings AS r
    CROSS JOIN (VALUES (0), (1)) AS k (next_hour)
    WHERE k.next_hour = 0 OR r.moment % 3600 + r.span > 3600
),
hours AS (
    SELECT
        host,
        hour,
        sum(seconds) FILTER (WHERE owner IS NOT NULL AND activity >= CAST('0.05' AS DOUBLE)) AS serving,
        sum(CAST(seconds AS DOUBLE) * activity) AS active
    FROM pieces
    GROUP BY host, hour
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
