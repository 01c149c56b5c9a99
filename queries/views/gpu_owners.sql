/* Who held the devices that each GPU charge paid for: one row per charge, hour, state and owner, with device
time and the part of the amount. Σ amounts = the charge's, and Σ device_s over all rows of a node and hour is what
gpu_hours says is provisioned. Rows without an owner: gpu_unallocated, gpu_dark, and what was granted to nobody.

Several owners of one reading (time-slicing, fractions) share it: the device is counted once, and split evenly.
Where a label says which fraction each of them was granted, it is split by these; what is left of the
device then belongs to nobody, though its state is the device's, and fractions above 1 together are taken in
proportion. Owners stand in order of namespace/owner, nobody last.

money: amount in currency
*/
WITH holders AS (
    SELECT
        resource_id,
        from_us,
        to_us,
        state,
        CAST(time AS DECIMAL(38, 18)) AS held,
        namespace,
        owner,
        owners,
        shares,
        unnest(string_to_array(coalesce(owners, ''), chr(10))) AS holder,
        unnest(string_to_array(coalesce(shares, ''), chr(10))) AS share
    FROM gpu_slot_time
    WHERE state IN ('serving', 'gpu_allocated_idle') AND owners IS NOT NULL
),

granted AS (
    SELECT
        resource_id,
        from_us,
        to_us,
        state,
        held,
        namespace,
        owner,
        owners,
        shares,
        holder,
        CAST(nullif(share, '') AS DECIMAL(38, 18)) AS share,
        count(*) OVER sharers AS n,
        count(nullif(share, '')) OVER sharers AS told
    FROM holders
    WINDOW sharers AS (PARTITION BY resource_id, from_us, state, namespace, owner, owners, shares)
),

-- Fractions count where all have one; else all are alike.
weighed AS (
    SELECT
        *,
        CASE WHEN told = n THEN share ELSE CAST(1 AS DECIMAL(38, 18)) END AS weight,
        sum(CASE WHEN told = n THEN share ELSE CAST(1 AS DECIMAL(38, 18)) END) OVER (
            PARTITION BY resource_id, from_us, state, namespace, owner, owners, shares ORDER BY holder
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS upto,
        sum(CASE WHEN told = n THEN share ELSE CAST(1 AS DECIMAL(38, 18)) END) OVER (
            PARTITION BY resource_id, from_us, state, namespace, owner, owners, shares
        ) AS sum_of_all,
        row_number() OVER (
            PARTITION BY resource_id, from_us, state, namespace, owner, owners, shares ORDER BY holder
        ) AS place
    FROM granted
),

parts AS (
    SELECT resource_id, from_us, to_us, state, namespace, owner, CAST(time AS DECIMAL(38, 18)) AS held
    FROM gpu_slot_time
    WHERE state IN ('serving', 'gpu_allocated_idle') AND owners IS NULL
    UNION ALL
    SELECT
        resource_id,
        from_us,
        to_us,
        state,
        nullif(split_part(holder, '/', 1), '') AS namespace,
        substr(holder, strpos(holder, '/') + 1) AS owner,
        apportion(
            held,
            CAST(upto - weight AS DECIMAL(38, 18)),
            CAST(upto AS DECIMAL(38, 18)),
            CAST(greatest(sum_of_all, CAST(1 AS DECIMAL(38, 18))) AS DECIMAL(38, 18))
        ) AS held
    FROM weighed
    UNION ALL
    -- What was granted to nobody.
    SELECT
        resource_id,
        from_us,
        to_us,
        state,
        CAST(NULL AS VARCHAR) AS namespace,
        CAST(NULL AS VARCHAR) AS owner,
        apportion(
            held,
            CAST(sum_of_all AS DECIMAL(38, 18)),
            CAST(1 AS DECIMAL(38, 18)),
            CAST(1 AS DECIMAL(38, 18))
        ) AS held
    FROM weighed
    WHERE place = 1 AND sum_of_all < CAST(1 AS DECIMAL(38, 18))
),

owned AS (
    SELECT
        c.charge_id,
        c.hour,
        p.state,
        p.namespace,
        p.owner,
        sum(p.held) AS held
    FROM gpu_charge_hours AS c
    INNER JOIN parts AS p
        ON p.resource_id = c.resource_id AND p.from_us / 3600000000 = c.hour
        AND p.from_us >= c.from_us AND p.to_us <= c.to_us
    GROUP BY c.charge_id, c.hour, p.state, p.namespace, p.owner
),

shares AS (
    SELECT
        charge_id,
        hour,
        state,
        namespace,
        owner,
        true AS found,
        held,
        sum(held) OVER (
            PARTITION BY charge_id, hour, state ORDER BY namespace NULLS LAST, owner NULLS LAST
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS upto,
        sum(held) OVER (PARTITION BY charge_id, hour, state) AS total
    FROM owned
    WHERE held > CAST(0 AS DECIMAL(38, 18))
)

SELECT
    s.charge_id,
    s.host,
    s.resource_id,
    s.model,
    s.purchase,
    s.gpu_model,
    s.scope,
    s.provider,
    s.region_id AS region,
    arrow_cast(s.from_us, 'Timestamp(Microsecond, Some("UTC"))') AS period_start,
    arrow_cast(s.to_us, 'Timestamp(Microsecond, Some("UTC"))') AS period_end,
    s.state,
    o.namespace,
    o.owner,
    CASE
        WHEN o.found THEN s.device_s * (CAST(o.held AS DOUBLE) / CAST(o.total AS DOUBLE))
        ELSE s.device_s
    END AS device_s,
    s.currency,
    CASE
        WHEN o.found
            THEN apportion(
                s.amount,
                CAST(o.upto - o.held AS DECIMAL(38, 18)),
                CAST(o.upto AS DECIMAL(38, 18)),
                CAST(o.total AS DECIMAL(38, 18))
            )
        ELSE s.amount
    END AS amount,
    s.fx_rate
FROM gpu_states AS s
LEFT JOIN shares AS o ON o.charge_id = s.charge_id AND o.hour = s.hour AND o.state = s.state
