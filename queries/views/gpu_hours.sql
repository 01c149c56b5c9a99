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
        kept * CAST(serving AS DOUBLE) / 28000000 AS serving_s,
        kept * CAST(allocated_idle AS DOUBLE) / 28000000 AS allocated_idle_s,
        kept * CAST(unallocated AS DOUBLE) / 28000000 AS unallocated_s,
        CAST(dark AS DOUBLE) / 28000000 AS dark_s,
        kept * active / 28000000 AS active_s,
        row_number() OVER (
            PARTITION BY resource_id, from_us
            ORDER BY kept * CAST(serving + allocated_idle + unallocated + dark AS DOUBLE) DESC, charge_id ASC
        ) AS place
    FROM gpu_charge_slots
),

hours AS (
    SELECT
        host,
        resource_id,
        hour,
        sum(serving_s) AS serving_s,
        sum(allocated_idle_s) AS allocated_idle_s,
        sum(unallocated_s) AS unallocated_s,
        sum(dark_s) AS dark_s,
        sum(active_s) AS active_s
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
    h.serving_s + h.allocated_idle_s + h.unallocated_s + h.dark_s AS provisioned_s,
    h.serving_s,
    h.allocated_idle_s,
    h.unallocated_s,
    h.dark_s,
    h.active_s
FROM hours AS h
INNER JOIN gpu_nodes AS n ON n.resource_id = h.resource_id
