/* Leaves of the charges of kind gpu, with the columns of the view ledger. Σ leaves = amount for every
charge that has an amount, with or without telemetry; a request's share of 0 is left out.

A charge is apportioned once over (hour, state), see gpu_states. The serving part of an hour is apportioned
again, to the attempts on the node's model that started in that hour, see gpu_attempts. Nobody to carry
it: gpu_serving_untraced.

kept: ledger, tasks and the weights of sharing read it.
months: period_start of charges

money: amount in currency
*/
WITH leaves AS (
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
        a.key_alias,
        a.region AS request_region,
        a.started_at,
        a.wasted,
        CASE
            WHEN a.request_id IS NULL THEN s.amount
            ELSE apportion(s.amount, a.upto - a.weight, a.upto, a.total)
        END AS share
    FROM gpu_states AS s
    LEFT JOIN gpu_attempts AS a ON s.state = 'serving' AND a.model = s.model AND a.hour = s.hour
    WHERE s.amount IS NOT NULL
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
    key_alias,
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
    money_mul(share, fx_rate) AS amount_converted,
    request_region
FROM leaves
WHERE request_id IS NULL OR share <> CAST(0 AS DECIMAL(38, 18))
