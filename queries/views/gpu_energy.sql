/* Joules of each device and hour, and how they were measured. `day` is the UTC day of the hour.

`counter`: differences of the energy counter between readings that carry it, across holes too. A counter
that went down was reset: that interval takes the power at its start × its seconds. `power`: no counter
in all of that UTC day, so each power reading × the time it stands for (as for activity, see gpu_spans).
`none`: neither, joules NULL. A counter's interval that reaches over a full hour is split by its length; a
power reading belongs to the hour it was taken. The MIG instances of a device repeat the figures of the whole
device: the largest of a moment counts, once.

A node with fewer devices in the telemetry of a provisioned hour than it has GPUs gets one row with a
NULL gpu_uuid for the missing ones: `devices` says how many. Boundary: the accelerator, idle included. */
WITH moments AS (
    SELECT
        s.gpu_uuid,
        max(s.host) AS host,
        CAST(s.sampled_at AS BIGINT) AS from_us,
        max(CAST(coalesce(t.step_seconds, 60) AS BIGINT) * 1000000) AS step_us,
        max(s.energy_mj) AS energy_mj,
        max(s.power_w) AS power_w
    FROM gpu_samples AS s
    LEFT JOIN telemetry_steps AS t ON t.source = s.source
    GROUP BY s.gpu_uuid, s.sampled_at
),

neighbours AS (
    SELECT
        gpu_uuid,
        host,
        from_us,
        from_us / 3600000000 AS first_hour,
        energy_mj,
        power_w,
        least(coalesce(lead(from_us) OVER device - from_us, step_us), 2 * step_us) AS span_us,
        -- The next reading that carries the counter.
        lead(CASE WHEN energy_mj IS NOT NULL THEN from_us END) IGNORE NULLS OVER device AS to_us,
        lead(energy_mj) IGNORE NULLS OVER device AS to_mj
    FROM moments
    WINDOW device AS (PARTITION BY gpu_uuid ORDER BY from_us)
),

measured AS (
    SELECT
        gpu_uuid,
        host,
        from_us,
        to_us,
        first_hour,
        power_w * CAST(span_us AS DOUBLE) / 1000000 AS power_joules,
        CASE
            WHEN energy_mj IS NULL OR to_mj IS NULL THEN NULL
            WHEN to_mj >= energy_mj THEN (to_mj - energy_mj) / 1000
            ELSE power_w * CAST(to_us - from_us AS DOUBLE) / 1000000
        END AS counter_joules
    FROM neighbours
),

hours AS (
    SELECT
        *,
        unnest(
            range(
                first_hour,
                1 + CASE WHEN counter_joules IS NULL THEN first_hour ELSE (to_us - 1) / 3600000000 END
            )
        ) AS hour
    FROM measured
),

parts AS (
    SELECT
        gpu_uuid,
        host,
        hour,
        CASE WHEN hour = first_hour THEN power_joules END AS power_joules,
        CASE
            WHEN hour = first_hour AND to_us <= (hour + 1) * 3600000000 THEN counter_joules
            ELSE counter_joules * CAST(
                least(to_us, (hour + 1) * 3600000000) - greatest(from_us, hour * 3600000000) AS DOUBLE
            ) / CAST(to_us - from_us AS DOUBLE)
        END AS counter_joules
    FROM hours
),

summed AS (
    SELECT host, gpu_uuid, hour, sum(counter_joules) AS counter_joules, sum(power_joules) AS power_joules
    FROM parts
    GROUP BY host, gpu_uuid, hour
),

-- A device with a counter is read by it all day: the power of its last reading belongs to no interval.
device_hours AS (
    SELECT
        host,
        gpu_uuid,
        hour,
        counter_joules,
        CASE
            WHEN count(counter_joules) OVER (PARTITION BY host, gpu_uuid, hour / 24) = 0 THEN power_joules
        END AS power_joules
    FROM summed
),

seen AS (
    SELECT host, hour, count(*) AS devices FROM device_hours GROUP BY host, hour
),

provisioned AS (
    SELECT DISTINCT host, hour FROM gpu_charge_hours
)

SELECT
    d.host,
    n.model,
    d.gpu_uuid,
    arrow_cast(CAST(d.hour / 24 AS INT), 'Date32') AS day,
    arrow_cast(d.hour * 3600000000, 'Timestamp(Microsecond, Some("UTC"))') AS hour,
    coalesce(d.counter_joules, d.power_joules) AS joules,
    CASE
        WHEN d.counter_joules IS NOT NULL THEN 'counter'
        WHEN d.power_joules IS NOT NULL THEN 'power'
        ELSE 'none'
    END AS method,
    CAST(1 AS BIGINT) AS devices
FROM device_hours AS d
LEFT JOIN gpu_nodes AS n ON n.host = d.host
UNION ALL
SELECT
    p.host,
    n.model,
    CAST(NULL AS VARCHAR) AS gpu_uuid,
    arrow_cast(CAST(p.hour / 24 AS INT), 'Date32') AS day,
    arrow_cast(p.hour * 3600000000, 'Timestamp(Microsecond, Some("UTC"))') AS hour,
    CAST(NULL AS DOUBLE) AS joules,
    'none' AS method,
    n.gpus - coalesce(s.devices, 0) AS devices
FROM provisioned AS p
INNER JOIN gpu_nodes AS n ON n.host = p.host
LEFT JOIN seen AS s ON s.host = p.host AND s.hour = p.hour
WHERE n.gpus > coalesce(s.devices, 0)
