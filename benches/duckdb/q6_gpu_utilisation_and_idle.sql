-- GPU utilisation and idle money per pool (the model that the nodes serve) and UTC day. A reading stands until the next one
-- of its device, at most two steps of 60 s, the last one for one step; time is cut at full hours; what no reading covers is
-- dark and counts as provisioned. Activity is SM_ACTIVE, else GPU_UTIL. A charge's amount goes to the states by their part of its device time.
WITH timed AS (
    SELECT
        host,
        uuid,
        epoch(sampled_at)::BIGINT AS moment,
        coalesce(sm_active, gpu_util / 100) AS activity,
        owner IS NULL AS unowned
    FROM gpu_samples
),
spans AS (
    SELECT
        *,
        least(coalesce(lead(moment) OVER (PARTITION BY uuid ORDER BY moment) - moment, 60), 120) AS span
    FROM timed
),
readings AS (SELECT * FROM spans WHERE activity IS NOT NULL),
pieces AS (
    SELECT host, moment - moment % 3600 AS hour, least(span, 3600 - moment % 3600) AS seconds, activity, unowned FROM readings
    UNION ALL
    SELECT host, moment - moment % 3600 + 3600, moment % 3600 + span - 3600, activity, unowned FROM readings
    WHERE moment % 3600 + span > 3600
),
hours AS (
    SELECT
        host,
        hour,
        sum(seconds) FILTER (WHERE NOT unowned AND activity >= 0.05) AS serving,
        sum(seconds * activity) AS active
    FROM pieces
    GROUP BY host, hour
),
paid AS (
    SELECT
        n.model,
        n.host,
        n.gpus * 3600 AS provisioned,
        c.BillingCurrency AS currency,
        c.EffectiveCost::DOUBLE
        / (n.gpus * epoch(c.ChargePeriodEnd - c.ChargePeriodStart)) AS per_second,
        unnest(range(epoch(c.ChargePeriodStart)::BIGINT, epoch(c.ChargePeriodEnd)::BIGINT, 3600)) AS hour
    FROM charges AS c
    INNER JOIN gpu_nodes AS n ON n.resource_id = c.ResourceId
    WHERE c.ChargeCategory = 'Usage'
)
SELECT
    p.model,
    make_timestamp(p.hour * 1000000)::DATE AS day,
    p.currency,
    sum(p.provisioned)::DOUBLE AS provisioned_s,
    sum(h.active) AS active_s,
    sum(h.active) / sum(p.provisioned) AS utilization,
    sum(p.per_second * (p.provisioned - coalesce(h.serving, 0))) AS idle_cost
FROM paid AS p
LEFT JOIN hours AS h ON h.host = p.host AND h.hour = p.hour
GROUP BY ALL
ORDER BY ALL;
