/* Leaves of the charges of kind gpu, with the columns of the view ledger. Σ leaves = amount for every
charge that has an amount, with or without telemetry; a request's share of 0 is left out.

A charge is apportioned once over (hour, state): hours ascending, in each hour serving, allocated idle,
unallocated, dark. The serving part of an hour is apportioned again, to the attempts on the node's model
that started in that hour, by uncached_input + cache_write + 2.5 × output, doubled here to stay whole;
attempts answered by the gateway's cache take no part. Nobody to carry it: gpu_serving_untraced. A charge
that pays for no device time at all is dark as a whole.

kept: ledger, tasks and the weights of sharing read it.

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
        sum(dark) AS dark
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
        END AS weight
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
        sum(weight) OVER (
            PARTITION BY charge_id ORDER BY hour, place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS upto,
        sum(weight) OVER (PARTITION BY charge_id) AS total
    FROM weights
    WHERE weight > CAST(0 AS DECIMAL(38, 18))
),

states AS (
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
        n.model,
        coalesce(s.from_us, CAST(c.charge_period_start AS BIGINT)) AS from_us,
        coalesce(s.to_us, CAST(c.charge_period_end AS BIGINT)) AS to_us,
        s.hour,
        coalesce(s.state, 'gpu_dark') AS state,
        CASE WHEN s.state = 'serving' THEN n.model END AS serving_model,
        CASE
            WHEN s.charge_id IS NULL THEN c.amount
            ELSE apportion(c.amount, CAST(s.upto - s.weight AS DECIMAL(38, 18)), s.upto, s.total)
        END AS amount
    FROM costs AS c
    INNER JOIN gpu_nodes AS n ON n.resource_id = c.resource_id
    LEFT JOIN shares AS s ON s.charge_id = c.charge_id
    WHERE c.kind = 'gpu' AND c.amount IS NOT NULL
),

tokens AS (
    SELECT
        model,
        CAST(started_at AS BIGINT) / 3600000000 AS hour,
        started_at,
        source,
        request_id,
        task_id,
        use_case,
        team,
        status = 'failure' OR superseded AS wasted,
        2 * (uncached_input + cache_write) + 5 * output AS weight
    FROM calls
    WHERE self_hosted AND NOT gateway_cache_hit
),

attempts AS (
    SELECT
        model,
        hour,
        started_at,
        source,
        request_id,
        task_id,
        use_case,
        team,
        wasted,
        weight,
        sum(weight) OVER (
            PARTITION BY model, hour ORDER BY started_at, source, request_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS upto,
        sum(weight) OVER (PARTITION BY model, hour) AS total
    FROM tokens
    WHERE weight > 0
),

leaves AS (
    SELECT
        s.*,
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
            WHEN a.request_id IS NULL THEN s.amount
            ELSE apportion(s.amount, a.upto - a.weight, a.upto, a.total)
        END AS share
    FROM states AS s
    LEFT JOIN attempts AS a ON a.model = s.serving_model AND a.hour = s.hour
)

SELECT
    arrow_cast(from_us, 'Timestamp(Microsecond, Some("UTC"))') AS period_start,
    arrow_cast(to_us, 'Timestamp(Microsecond, Some("UTC"))') AS period_end,
    leaf,
    kind,
    scope,
    provider,
    service_name AS service,
    model,
    use_case,
    team,
    currency,
    share AS amount,
    'billed' AS evidence,
    request_id IS NOT NULL AS modelled,
    charge_id,
    task_id,
    request_id,
    request_source,
    started_at,
    wasted,
    host,
    sub_account,
    region_id AS region,
    fx_rate,
    reporting_rate,
    money_mul(share, fx_rate) AS amount_converted
FROM leaves
WHERE request_id IS NULL OR share <> CAST(0 AS DECIMAL(38, 18))
