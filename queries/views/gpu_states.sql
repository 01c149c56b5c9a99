/* What each GPU charge paid for, by hour and state, and its part of the amount: one row per charge, hour and
state that has time, and one dark row for a charge that pays for no device time at all. Σ amounts = the
charge's.

A charge is apportioned once over (hour, state): hours ascending, in each hour serving, allocated idle,
unallocated, dark. `weight` is in 28ths of a device × microseconds. `device_s` counts each stretch once, however many
charges pay for it.

kept: leaves and owners read it.
months: from_us of charges

money: amount in currency
*/
WITH hours AS (
    SELECT
        charge_id,
        hour,
        min(from_us) AS from_us,
        max(to_us) AS to_us,
        sum(serving) AS serving,
        sum(allocated_idle) AS allocated_idle,
        sum(unallocated) AS unallocated,
        sum(dark) AS dark,
        sum(CASE WHEN counts THEN kept * CAST(CAST(serving AS BIGINT) AS DOUBLE) END) AS once_serving,
        sum(CASE WHEN counts THEN kept * CAST(CAST(allocated_idle AS BIGINT) AS DOUBLE) END) AS once_allocated_idle,
        sum(CASE WHEN counts THEN kept * CAST(CAST(unallocated AS BIGINT) AS DOUBLE) END) AS once_unallocated,
        sum(CASE WHEN counts THEN kept * CAST(CAST(dark AS BIGINT) AS DOUBLE) END) AS once_dark
    FROM gpu_charge_slots
    GROUP BY charge_id, hour
),

weights AS (
    SELECT
        h.charge_id,
        h.hour,
        h.from_us,
        h.to_us,
        s.place,
        s.state,
        CASE s.place
            WHEN 1 THEN h.serving
            WHEN 2 THEN h.allocated_idle
            WHEN 3 THEN h.unallocated
            ELSE h.dark
        END AS weight,
        CASE s.place
            WHEN 1 THEN h.once_serving
            WHEN 2 THEN h.once_allocated_idle
            WHEN 3 THEN h.once_unallocated
            ELSE h.once_dark
        END AS once
    FROM hours AS h
    CROSS JOIN (
        VALUES (1, 'serving'), (2, 'gpu_allocated_idle'), (3, 'gpu_unallocated'), (4, 'gpu_dark')
    ) AS s (place, state)
),

shares AS (
    SELECT
        charge_id,
        hour,
        from_us,
        to_us,
        state,
        weight,
        once,
        sum(weight) OVER (
            PARTITION BY charge_id ORDER BY hour, place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS upto,
        sum(weight) OVER (PARTITION BY charge_id) AS total
    FROM weights
    WHERE weight > CAST(0 AS DECIMAL(38, 18))
)

SELECT
    c.charge_id,
    c.kind,
    c.scope,
    c.provider,
    c.service_name,
    c.currency,
    coalesce(c.sub_account_name, c.sub_account_id) AS sub_account,
    c.region_id,
    c.fx_rate,
    c.reporting_rate,
    n.host,
    n.resource_id,
    n.model,
    n.purchase,
    n.gpu_model,
    coalesce(s.from_us, CAST(c.charge_period_start AS BIGINT)) AS from_us,
    coalesce(s.to_us, CAST(c.charge_period_end AS BIGINT)) AS to_us,
    s.hour,
    coalesce(s.state, 'gpu_dark') AS state,
    coalesce(s.weight, CAST(0 AS DECIMAL(38, 18))) AS weight,
    coalesce(s.once, CAST(0 AS DOUBLE)) / 28000000 AS device_s,
    CASE
        WHEN s.charge_id IS NULL THEN c.amount
        ELSE apportion(c.amount, CAST(s.upto - s.weight AS DECIMAL(38, 18)), s.upto, s.total)
    END AS amount
FROM costs AS c
INNER JOIN gpu_nodes AS n ON n.resource_id = c.resource_id
LEFT JOIN shares AS s ON s.charge_id = c.charge_id
WHERE c.kind = 'gpu'
