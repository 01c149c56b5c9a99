/* The leaves of gpu_leaves with energy instead of money: who a node's measured energy went to, hour by hour. Serving
energy is split between the attempts of the model in the hour by the weights that split its money (see
gpu_attempts): a request gets its share of the device, never the whole of it. Idle stays a leaf of its own.

Three boundaries, each in millijoules and each with Σ leaves = Σ devices: `accelerator_mj` as measured,
`node_mj` (× host_factor), `facility_mj` (× pue too, once). `gco2` is what the grid gave off for the facility's
energy, in grams; NULL where no intensity is known for the region and hour. Energy that nothing measured is no
leaf: gpu_energy counts the devices without. */
WITH factors AS (
    -- Factors to nine places: as floating point numbers they would not multiply exactly.
    SELECT
        host_factor,
        pue,
        CAST(CAST(round(host_factor * 1000000000) AS BIGINT) AS DECIMAL(38, 18)) AS host_billionths,
        CAST(CAST(round(pue * 1000000000) AS BIGINT) AS DECIMAL(38, 18)) AS pue_billionths
    FROM energy_factors
),

exact AS (
    SELECT
        host_factor,
        pue,
        ratio(host_billionths, CAST(1000000000 AS DECIMAL(38, 18))) AS host_exact,
        ratio(pue_billionths, CAST(1000000000 AS DECIMAL(38, 18))) AS pue_exact
    FROM factors
),

leaves AS (
    SELECT
        s.host,
        s.hour,
        s.model,
        s.region,
        s.gco2_per_kwh,
        CASE
            WHEN a.request_id IS NOT NULL THEN 'request'
            WHEN s.state = 'serving' THEN 'gpu_serving_untraced'
            ELSE s.state
        END AS leaf,
        a.request_id,
        a.source AS request_source,
        a.task_id,
        a.use_case,
        a.team,
        a.started_at,
        a.wasted,
        CASE
            WHEN a.request_id IS NULL THEN s.energy_mj
            ELSE apportion(s.energy_mj, a.upto - a.weight, a.upto, a.total)
        END AS energy_mj
    FROM energy_states AS s
    LEFT JOIN gpu_attempts AS a ON s.state = 'serving' AND a.model = s.model AND a.hour = s.hour_number
)

SELECT
    l.host,
    l.hour,
    l.leaf,
    l.model,
    l.use_case,
    l.team,
    l.task_id,
    l.request_id,
    l.request_source,
    l.started_at,
    l.wasted,
    l.request_id IS NOT NULL AS modelled,
    l.region,
    l.energy_mj AS accelerator_mj,
    money_mul(l.energy_mj, f.host_exact) AS node_mj,
    money_mul(l.energy_mj, money_mul(f.host_exact, f.pue_exact)) AS facility_mj,
    CAST(l.energy_mj AS DOUBLE) / 3600000000 * f.host_factor * f.pue * l.gco2_per_kwh AS gco2,
    l.gco2_per_kwh
FROM leaves AS l
CROSS JOIN exact AS f
