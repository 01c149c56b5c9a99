/* Energy of each device and hour, and how it was measured: see gpu_energy_parts. `day` is the UTC day of the
hour. `energy_mj` is exact, `joules` the same for reading; both NULL where nothing measured (`none`).

A node with fewer devices in the telemetry of a provisioned hour than it has GPUs gets one row with a
NULL gpu_uuid for the missing ones: `devices` says how many. Boundary: the accelerator, idle included.

kept: energy is told for many windows, and each would add up the telemetry of all time.
*/
WITH summed AS (
    SELECT host, gpu_uuid, hour, max(method) AS method, sum(energy_mj) AS energy_mj
    FROM gpu_energy_parts
    GROUP BY host, gpu_uuid, hour
),

-- Devices that sent anything in an hour, measured or not.
heard AS (
    SELECT host, gpu_uuid, hour FROM summed
    UNION
    SELECT host, gpu_uuid, CAST(sampled_at AS BIGINT) / 3600000000 AS hour FROM gpu_samples
),

device_hours AS (
    SELECT h.host, h.gpu_uuid, h.hour, s.method, s.energy_mj
    FROM heard AS h
    LEFT JOIN summed AS s
        ON s.gpu_uuid = h.gpu_uuid AND s.hour = h.hour AND (s.host IS NOT DISTINCT FROM h.host)
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
    d.energy_mj,
    CAST(d.energy_mj AS DOUBLE) / 1000 AS joules,
    coalesce(d.method, 'none') AS method,
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
    CAST(NULL AS DECIMAL(38, 18)) AS energy_mj,
    CAST(NULL AS DOUBLE) AS joules,
    'none' AS method,
    n.gpus - coalesce(s.devices, 0) AS devices
FROM provisioned AS p
INNER JOIN gpu_nodes AS n ON n.host = p.host
LEFT JOIN seen AS s ON s.host = p.host AND s.hour = p.hour
WHERE n.gpus > coalesce(s.devices, 0)
