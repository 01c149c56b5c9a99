/* Device-seconds of each GPU node and hour that some charge pays for; the four states add up to
provisioned_s, and utilisation is Σ active_s / Σ provisioned_s.

Time is provisioned once, however many charges pay for it (see gpu_charge_slots). Hours are cut at the
ends of charge periods. active_s is Σ activity × seconds over all readings, owned or not.

columns, others as in gpu_nodes:
hour: The hour that began at this instant.
provisioned_s [device-second]: Time that some charge pays for.
serving_s [device-second]: Part of it in which a device worked.
allocated_idle_s [device-second]: Part of it in which a device was allocated and idle.
unallocated_s [device-second]: Part of it in which a device was nobody's.
dark_s [device-second]: Part of it of which no telemetry speaks.
active_s [device-second]: Activity × seconds; over provisioned_s it is the utilisation.
*/
-- A whole number of 28ths of a microsecond turns into seconds with one rounding.
WITH hours AS (
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
    FROM gpu_charge_slots
    WHERE counts
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
