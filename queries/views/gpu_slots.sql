/* Device time of each node by state, slot by slot (see gpu_slot_time).

All times are 28ths of a device × microseconds, exact. Where more is covered than the node has
(GPUs × length), the states are cut in proportion; `dark` is what no reading covers. `active` is
Σ activity × time, cut alike. */
WITH states AS (
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
        CAST(sum(time) AS DECIMAL(38, 18)) AS covered,
        sum(active) AS active
    FROM gpu_slot_time
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
