/* Device time of each node by state, in slots: the stretches between full hours and the ends of charge
periods, so that any charge and hour is made of whole slots.

All times are 28ths of a device × microseconds, exact. Where more is covered than the node has
(GPUs × length), the states are cut in proportion; `dark` is what no reading covers. `active` is
Σ activity × time, cut alike.

kept: it is the costliest look at telemetry.
*/
WITH edges AS (
    SELECT DISTINCT resource_id, host, gpus, hour, unnest(make_array(from_us, to_us)) AS edge
    FROM gpu_charge_hours
),

slots AS (
    SELECT
        resource_id,
        host,
        gpus,
        hour,
        edge AS from_us,
        lead(edge) OVER (PARTITION BY resource_id, hour ORDER BY edge) AS to_us
    FROM edges
),

-- Readings cut at full hours. Most lie inside one.
readings AS (
    SELECT
        host,
        parts,
        activity,
        state,
        from_us,
        to_us,
        unnest(range(from_us / 3600000000, (to_us - 1) / 3600000000 + 1)) AS hour
    FROM gpu_spans
    WHERE state IS NOT NULL AND span_us > 0
),

covered AS (
    SELECT
        s.resource_id,
        s.host,
        s.gpus,
        s.hour,
        s.from_us,
        s.to_us,
        r.state,
        r.activity,
        r.parts * (
            least(r.to_us, s.to_us, (s.hour + 1) * 3600000000) - greatest(r.from_us, s.from_us, s.hour * 3600000000)
        ) AS time
    FROM slots AS s
    LEFT JOIN readings AS r
        ON r.host = s.host AND r.hour = s.hour AND r.from_us < s.to_us AND r.to_us > s.from_us
    WHERE s.to_us IS NOT NULL
),

states AS (
    SELECT
        resource_id,
        host,
        hour,
        from_us,
        to_us,
        CAST((to_us - from_us) * gpus * 28 AS DECIMAL(38, 18)) AS capacity,
        CAST(sum(CASE WHEN state = 'serving' THEN time ELSE 0 END) AS DECIMAL(38, 18)) AS serving,
        CAST(sum(CASE WHEN state = 'gpu_allocated_idle' THEN time ELSE 0 END) AS DECIMAL(38, 18)) AS allocated_idle,
        CAST(sum(CASE WHEN state = 'gpu_unallocated' THEN time ELSE 0 END) AS DECIMAL(38, 18)) AS unallocated,
        CAST(coalesce(sum(time), 0) AS DECIMAL(38, 18)) AS covered,
        coalesce(sum(activity * CAST(time AS DOUBLE)), CAST(0 AS DOUBLE)) AS active
    FROM covered
    GROUP BY resource_id, host, gpus, hour, from_us, to_us
)

SELECT
    resource_id,
    host,
    hour,
    from_us,
    to_us,
    capacity,
    CASE
        WHEN covered <= capacity THEN serving
        ELSE apportion(capacity, CAST(0 AS DECIMAL(38, 18)), serving, covered)
    END AS serving,
    CASE
        WHEN covered <= capacity THEN allocated_idle
        ELSE apportion(capacity, serving, CAST(serving + allocated_idle AS DECIMAL(38, 18)), covered)
    END AS allocated_idle,
    CASE
        WHEN covered <= capacity THEN unallocated
        ELSE apportion(capacity, CAST(serving + allocated_idle AS DECIMAL(38, 18)), covered, covered)
    END AS unallocated,
    least(covered, capacity) AS covered,
    CAST(capacity - least(covered, capacity) AS DECIMAL(38, 18)) AS dark,
    CASE
        WHEN covered <= capacity THEN active
        ELSE active * CAST(capacity AS DOUBLE) / CAST(covered AS DOUBLE)
    END AS active
FROM states
