/* Charges of GPU nodes, cut at full hours: one row per charge and hour of its period.

`provisioned` is what the whole charge paid for, in 28ths of a device × microseconds: GPUs × period, or
GPUs × ConsumedQuantity where that is in hours and less. A negative quantity takes back hours, so its
size counts; a quantity of 0 says nothing about the time and is not used. A charge without length has no
hours and does not appear.

kept: slots, energy and hours read it.
months: from_us of charges
*/
WITH bills AS (
    SELECT
        c.charge_id,
        n.host,
        n.resource_id,
        n.gpus,
        c.region_id,
        CAST(c.charge_period_start AS BIGINT) AS start_us,
        CAST(c.charge_period_end AS BIGINT) AS end_us,
        CASE
            WHEN lower(trim(c.consumed_unit)) IN ('hours', 'hour', 'hrs', 'hr', 'h')
                THEN abs(nullif(c.consumed_quantity, CAST(0 AS DECIMAL(38, 18))))
        END AS consumed_hours
    FROM costs AS c
    INNER JOIN gpu_nodes AS n ON n.resource_id = c.resource_id
    WHERE c.kind = 'gpu'
),

hours AS (
    SELECT
        charge_id,
        host,
        resource_id,
        gpus,
        region_id,
        start_us,
        end_us,
        -- least() ignores NULL, which is a charge that does not say.
        least(
            CAST((end_us - start_us) * gpus * 28 AS DECIMAL(38, 18)),
            CAST(consumed_hours * gpus * 100800000000 AS DECIMAL(38, 18))
        ) AS provisioned,
        unnest(range(start_us / 3600000000, (end_us - 1) / 3600000000 + 1)) AS hour
    FROM bills
    WHERE start_us < end_us
)

SELECT
    charge_id,
    host,
    resource_id,
    gpus,
    region_id,
    provisioned,
    hour,
    greatest(start_us, hour * 3600000000) AS from_us,
    least(end_us, (hour + 1) * 3600000000) AS to_us
FROM hours
