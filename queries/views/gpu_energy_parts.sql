/* Measured energy of each device, cut at full hours: one row per stretch, exact in millijoules. Σ parts of a
device = its measured energy.

`counter`: differences of the energy counter between readings that carry it, across holes too. A counter
that went down was reset: that interval takes the power at its start × its seconds. `power`: no counter
in all of that UTC day, so each power reading × the time it stands for (as for activity, see gpu_spans), to the
nearest millijoule. A stretch that reaches over a full hour is split by its length. The MIG instances of a
device repeat the figures of the whole device: the largest of a moment counts, once.

kept: gpu_energy and energy_states read it.
*/
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
        span_us,
        CASE
            WHEN to_mj >= energy_mj THEN CAST(CAST(round(to_mj - energy_mj) AS BIGINT) AS DECIMAL(38, 18))
            WHEN to_mj < energy_mj
                THEN CAST(CAST(round(power_w * CAST(to_us - from_us AS DOUBLE) / 1000) AS BIGINT) AS DECIMAL(38, 18))
        END AS counter_mj,
        CAST(CAST(round(power_w * CAST(span_us AS DOUBLE) / 1000) AS BIGINT) AS DECIMAL(38, 18)) AS power_mj
    FROM neighbours
),

stretches AS (
    SELECT gpu_uuid, host, 'counter' AS method, from_us, to_us, counter_mj AS mj
    FROM measured
    WHERE counter_mj IS NOT NULL
    UNION ALL
    SELECT gpu_uuid, host, 'power' AS method, from_us, from_us + span_us AS to_us, power_mj AS mj
    FROM measured
    WHERE power_mj IS NOT NULL AND span_us > 0
),

hours AS (
    SELECT
        *,
        unnest(range(from_us / 3600000000, (to_us - 1) / 3600000000 + 1)) AS hour
    FROM stretches
),

parts AS (
    SELECT
        gpu_uuid,
        host,
        method,
        hour,
        greatest(from_us, hour * 3600000000) AS from_us,
        least(to_us, (hour + 1) * 3600000000) AS to_us,
        apportion(
            mj,
            greatest(from_us, hour * 3600000000) - from_us,
            least(to_us, (hour + 1) * 3600000000) - from_us,
            to_us - from_us
        ) AS energy_mj
    FROM hours
),

-- A device with a counter is read by it all day: the power of its last reading belongs to no interval.
counted AS (
    SELECT DISTINCT gpu_uuid, host, hour / 24 AS day
    FROM parts
    WHERE method = 'counter'
)

SELECT gpu_uuid, host, method, hour, from_us, to_us, energy_mj
FROM parts
WHERE method = 'counter'
UNION ALL
SELECT p.gpu_uuid, p.host, p.method, p.hour, p.from_us, p.to_us, p.energy_mj
FROM parts AS p
LEFT ANTI JOIN counted AS c ON c.gpu_uuid = p.gpu_uuid AND (c.host IS NOT DISTINCT FROM p.host) AND c.day = p.hour / 24
WHERE p.method = 'power'
