/* Device-seconds of each GPU node and hour that some charge pays for; the four states add up to
provisioned_s, and utilisation is Σ active_s / Σ provisioned_s.

Time is provisioned once, however many charges pay for it: of two charges for the same stretch the one
that provisions more of it counts (they are two amounts, but the same devices). Hours are cut at the
ends of charge periods. active_s is Σ activity × seconds over all readings, owned or not. */
WITH paid AS (
    SELECT
        host,
        resource_id,
        hour,
        kept,
        serving,
        allocated_idle,
        unallocated,
        dark,
        active,
        row_number() OVER (
            PARTITION BY resource_id, from_us
            ORDER BY kept * CAST(serving + allocated_idle + unallocated + dark AS DOUBLE) DESC, charge_id ASC
        ) AS place
    FROM gpu_charge_slots
),

-- A whole number of 28ths of a microsecond turns into seconds with one rounding.
hours AS (
    SELECT
        host,
        resource_id,
        hour,
        sum(kept * CAST(CAST(serving + allocated_idle + unallocated + dark AS BIGINT) AS DOUBLE)) AS provisioned,
        sum(kept * CAST(CAST(serving AS BIGINT) AS DOUBLE)) AS serving,
        sum(kept * CAST(CAST(allocated_idle AS BIGINT) AS DOUBLE)) AS allocated_idle,
        sum(kept * CAST(CAST(unallocated AS BIGINT) AS DOUBLE)) AS unallocated,
        sum(kept * CAST(CAST(dark AS BIGINT) AS DOUBLE)) AS dark,
        sum(kept * active) AS active
    FROM paid
    WHERE place = 1
    GROUP BY host, resource_id, hour
)

SELECT
    h.host,
    h.resource_id,
    n.model,
    n.purchase,
    n.gpu_model,
    arrow_cast(h.hour * 3600000000, 'Timestamp(Microsecond, Some("UTC"))') AS hour,
    h.provisioned / 28000000 AS provisioned_s,
    h.serving / 28000000 AS serving_s,
    h.allocated_idle / 28000000 AS allocated_idle_s,
    h.unallocated / 28000000 AS unallocated_s,
    h.dark / 28000000 AS dark_s,
    h.active / 28000000 AS active_s
FROM hours AS h
INNER JOIN gpu_nodes AS n ON n.resource_id = h.resource_id
