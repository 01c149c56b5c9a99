/* What each GPU reading stands for: one row per row of gpu_samples.

A reading stands for the time from its timestamp to the next one of the same device or MIG instance,
at most two steps of its source; the last one for one step (span_us), unless the device is one of resumed_series: then it
is read again, who knows when. A reading without an activity has
no state: it ends the one before and covers nothing. Owner, none: unallocated, however busy. A device
that is read through its MIG instances in an hour counts through them alone: its own series would count
it twice.

`parts` is the share of the device in 28ths (a seventh is 4, a quarter of an A30 is 7), so that device
time stays a whole number: parts × microseconds. An instance without a profile counts one slice, the
least there is. Activity is as measured; above 1 is possible on MIG, where GPU_UTIL is 0 by design and
so is no reading.

Where several hold a device at once, `owners` has one line for each, namespace/owner, and `shares` the
fraction each was granted, line by line, empty where no label says so. */
WITH readings AS (
    SELECT
        s.host,
        s.gpu_uuid,
        s.mig_instance,
        s.mig_profile,
        coalesce(s.gpu_model, n.gpu_model) AS gpu_model,
        s.namespace,
        nullif(trim(s.owner), '') AS owner,
        array_to_string(map_keys(s.owners), chr(10)) AS owners,
        array_to_string(map_values(s.owners), chr(10), '') AS shares,
        s.source,
        s.sampled_at,
        CAST(s.sampled_at AS BIGINT) AS from_us,
        CAST(coalesce(t.step_seconds, 60) AS BIGINT) * 1000000 AS step_us,
        CASE
            WHEN s.mig_instance = '' THEN coalesce(s.sm_active, s.gr_engine_active, s.gpu_util / CAST(100 AS DOUBLE))
            ELSE coalesce(s.sm_active, s.gr_engine_active)
        END AS activity,
        CASE
            WHEN s.sm_active IS NOT NULL THEN 'sm_active'
            WHEN s.gr_engine_active IS NOT NULL THEN 'gr_engine_active'
            WHEN s.gpu_util IS NOT NULL AND s.mig_instance = '' THEN 'gpu_util'
        END AS activity_from,
        s.power_w,
        g.gpu_uuid IS NOT NULL AS resumed
    FROM gpu_samples AS s
    LEFT JOIN telemetry_steps AS t ON t.source = s.source
    LEFT JOIN gpu_nodes AS n ON n.host = s.host
    LEFT JOIN resumed_series AS g ON g.gpu_uuid = s.gpu_uuid AND g.mig_instance = s.mig_instance
),

-- Hours in which a device was read by instance.
split AS (
    SELECT DISTINCT gpu_uuid, CAST(sampled_at AS BIGINT) / 3600000000 AS hour, true AS by_instance
    FROM gpu_samples
    WHERE mig_instance <> ''
),

spans AS (
    SELECT
        *,
        least(
            coalesce(
                lead(from_us) OVER (PARTITION BY gpu_uuid, mig_instance ORDER BY from_us) - from_us,
                CASE WHEN resumed THEN 2 * step_us ELSE step_us END
            ),
            2 * step_us
        ) AS span_us
    FROM readings
)

SELECT
    r.host,
    r.gpu_uuid,
    r.mig_instance,
    r.gpu_model,
    r.namespace,
    r.owner,
    r.owners,
    r.shares,
    r.source,
    r.sampled_at,
    r.from_us,
    r.from_us + r.span_us AS to_us,
    r.span_us,
    CASE
        WHEN r.mig_instance = '' THEN 28
        WHEN regexp_like(r.gpu_model, '\bA30\b')
            THEN 7 * least(coalesce(CAST(regexp_match(r.mig_profile, '([0-9]+)g(\.|$)')[1] AS BIGINT), 1), 4)
        ELSE 4 * least(coalesce(CAST(regexp_match(r.mig_profile, '([0-9]+)g(\.|$)')[1] AS BIGINT), 1), 7)
    END AS parts,
    r.activity,
    r.activity_from,
    CASE
        WHEN r.activity IS NULL OR s.by_instance THEN NULL
        WHEN r.owner IS NULL THEN 'gpu_unallocated'
        WHEN r.activity < CAST('0.05' AS DOUBLE) THEN 'gpu_allocated_idle'
        ELSE 'serving'
    END AS state,
    r.power_w
-- The small side stands first: it is the one that is held in memory.
FROM split AS s
RIGHT JOIN spans AS r ON r.mig_instance = '' AND s.gpu_uuid = r.gpu_uuid AND s.hour = r.from_us / 3600000000
