/* Device time of each node by state and owner, in slots: the stretches between full hours and the ends of
charge periods, so that any charge and hour is made of whole slots. One row per slot, state and set of owners; a
slot that no reading covers has one row without a state.

`time` is in 28ths of a device × microseconds, exact; `active` is Σ activity × time. What a node has
(GPUs × length) is not looked at here: see gpu_slots.

kept: it is the costliest look at telemetry.
months: from_us of charges
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
        namespace,
        owner,
        owners,
        shares,
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
        r.namespace,
        r.owner,
        r.owners,
        r.shares,
        r.activity,
        r.parts * (
            least(r.to_us, s.to_us, (s.hour + 1) * 3600000000) - greatest(r.from_us, s.from_us, s.hour * 3600000000)
        ) AS time
    FROM slots AS s
    LEFT JOIN readings AS r
        ON r.host = s.host AND r.hour = s.hour AND r.from_us < s.to_us AND r.to_us > s.from_us
    WHERE s.to_us IS NOT NULL
)

SELECT
    resource_id,
    host,
    gpus,
    hour,
    from_us,
    to_us,
    state,
    namespace,
    owner,
    owners,
    shares,
    coalesce(sum(time), 0) AS time,
    coalesce(sum(activity * CAST(time AS DOUBLE)), CAST(0 AS DOUBLE)) AS active
FROM covered
GROUP BY resource_id, host, gpus, hour, from_us, to_us, state, namespace, owner, owners, shares
