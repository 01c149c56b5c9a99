/* Measured energy of each node and hour by the state of its devices: the states that their time has in gpu_spans.
Σ energy_mj over all rows = Σ energy_mj of gpu_energy, exactly.

What a device took while no activity was read is gpu_dark, as its time is. A stretch of measured energy in which
the state changes, or in which the slices of a device have several, is split by slices × time. `region` is
the node's of the registry, else that of its charges in the hour, else the one that all its charges name;
gco2_per_kwh is NULL where no figure holds.

kept: energy_leaves and metrics read it.
*/
WITH spans AS (
    SELECT
        gpu_uuid,
        state,
        parts,
        from_us,
        to_us,
        unnest(range(from_us / 3600000000, (to_us - 1) / 3600000000 + 1)) AS hour
    FROM gpu_spans
    WHERE state IS NOT NULL AND span_us > 0
),

overlaps AS (
    SELECT
        e.gpu_uuid,
        e.host,
        e.hour,
        e.from_us,
        e.to_us,
        e.energy_mj,
        s.state,
        s.parts * (least(e.to_us, s.to_us) - greatest(e.from_us, s.from_us)) AS time
    FROM gpu_energy_parts AS e
    LEFT JOIN spans AS s
        ON s.gpu_uuid = e.gpu_uuid AND s.hour = e.hour AND s.from_us < e.to_us AND s.to_us > e.from_us
),

timed AS (
    SELECT
        host,
        hour,
        energy_mj,
        28 * (to_us - from_us) AS all_time,
        coalesce(sum(CASE WHEN state = 'serving' THEN time END), 0) AS serving,
        coalesce(sum(CASE WHEN state = 'gpu_allocated_idle' THEN time END), 0) AS allocated_idle,
        coalesce(sum(CASE WHEN state = 'gpu_unallocated' THEN time END), 0) AS unallocated
    FROM overlaps
    GROUP BY gpu_uuid, host, hour, from_us, to_us, energy_mj
),

weighed AS (
    SELECT
        host,
        hour,
        energy_mj,
        serving,
        allocated_idle,
        unallocated,
        greatest(all_time, serving + allocated_idle + unallocated) AS total
    FROM timed
),

split AS (
    SELECT
        host,
        hour,
        sum(apportion(energy_mj, CAST(0 AS BIGINT), serving, total)) AS serving,
        sum(apportion(energy_mj, serving, serving + allocated_idle, total)) AS allocated_idle,
        sum(
            apportion(energy_mj, serving + allocated_idle, serving + allocated_idle + unallocated, total)
        ) AS unallocated,
        sum(apportion(energy_mj, serving + allocated_idle + unallocated, total, total)) AS dark
    FROM weighed
    GROUP BY host, hour
),

states AS (
    SELECT
        h.host,
        h.hour,
        s.state,
        CASE s.place
            WHEN 1 THEN h.serving
            WHEN 2 THEN h.allocated_idle
            WHEN 3 THEN h.unallocated
            ELSE h.dark
        END AS energy_mj
    FROM split AS h
    CROSS JOIN (
        VALUES (1, 'serving'), (2, 'gpu_allocated_idle'), (3, 'gpu_unallocated'), (4, 'gpu_dark')
    ) AS s (place, state)
),

charged AS (
    SELECT host, hour, min(region_id) AS region
    FROM gpu_charge_hours
    GROUP BY host, hour
),

-- A counter runs over hours that nobody was charged for. A node stands where its charges say, if they agree.
known AS (
    SELECT host, min(region) AS region
    FROM charged
    GROUP BY host
    HAVING min(region) = max(region)
),

placed AS (
    SELECT
        s.host,
        s.hour,
        arrow_cast(s.hour * 3600000000, 'Timestamp(Microsecond, Some("UTC"))') AS at,
        s.state,
        s.energy_mj,
        n.model,
        coalesce(n.region, c.region, k.region) AS region
    FROM states AS s
    LEFT JOIN gpu_nodes AS n ON n.host = s.host
    LEFT JOIN charged AS c ON c.host = s.host AND c.hour = s.hour
    LEFT JOIN known AS k ON k.host = s.host
    WHERE s.energy_mj <> CAST(0 AS DECIMAL(38, 18))
)

SELECT
    p.host,
    p.hour AS hour_number,
    p.at AS hour,
    p.state,
    p.model,
    p.region,
    CAST(p.energy_mj AS DECIMAL(38, 18)) AS energy_mj,
    g.gco2_per_kwh
FROM placed AS p
LEFT JOIN grid_periods AS g
    ON g.region = p.region AND g.valid_from <= p.at AND (g.valid_to IS NULL OR p.at < g.valid_to)
