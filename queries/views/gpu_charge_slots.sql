/* What each GPU charge paid for, slot by slot: device time by state, in 28ths of a device × microseconds.

A charge that consumed less than its period: covered time takes part first, and what is left of the
provisioned time is dark, spread over the slots in proportion to what no reading covers. Covered time above the
provisioned leaves nothing dark and is cut in proportion: `kept` is the part that stays, 1 otherwise. Shares of an
amount do not need the cut, since all parts shrink alike.

Time is provisioned once, however many charges pay for it: of two charges for the same stretch the one
that provisions more of it counts (they are two amounts, but the same devices). `counts` marks it.

kept: gpu_hours and gpu_leaves read it.
months: from_us of charges
*/
WITH pairs AS (
    SELECT
        c.charge_id,
        c.host,
        c.resource_id,
        c.hour,
        c.provisioned,
        s.from_us,
        s.to_us,
        s.capacity,
        s.serving,
        s.allocated_idle,
        s.unallocated,
        s.covered,
        s.dark,
        s.active
    FROM gpu_charge_hours AS c
    INNER JOIN gpu_slots AS s
        ON s.resource_id = c.resource_id AND s.hour = c.hour AND s.from_us >= c.from_us AND s.to_us <= c.to_us
),

sums AS (
    SELECT
        *,
        sum(covered) OVER (PARTITION BY charge_id) AS all_covered,
        sum(dark) OVER (PARTITION BY charge_id ORDER BY from_us ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
            AS dark_upto,
        sum(dark) OVER (PARTITION BY charge_id) AS all_dark
    FROM pairs
),

slots AS (
    SELECT
        charge_id,
        host,
        resource_id,
        hour,
        from_us,
        to_us,
        serving,
        allocated_idle,
        unallocated,
        CASE
            WHEN provisioned >= all_covered + all_dark THEN dark
            WHEN provisioned <= all_covered THEN CAST(0 AS DECIMAL(38, 18))
            ELSE apportion(
                CAST(provisioned - all_covered AS DECIMAL(38, 18)),
                CAST(dark_upto - dark AS DECIMAL(38, 18)),
                dark_upto,
                all_dark
            )
        END AS dark,
        active,
        CASE
            WHEN provisioned < all_covered THEN CAST(provisioned AS DOUBLE) / CAST(all_covered AS DOUBLE)
            ELSE CAST(1 AS DOUBLE)
        END AS kept
    FROM sums
)

SELECT
    *,
    row_number() OVER (
        PARTITION BY resource_id, from_us
        ORDER BY kept * CAST(serving + allocated_idle + unallocated + dark AS DOUBLE) DESC, charge_id ASC
    ) = 1 AS counts
FROM slots
