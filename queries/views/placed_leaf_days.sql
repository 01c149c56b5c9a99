/* placed_leaves, added up by day of the reporting zone. Amounts stay in their
own currency, beside their rate, so that a converted total is rounded once, as from the leaves themselves.

placed_at is that of the day's first leaf of its kind. Columns that tell single leaves apart are NULL.

kept: a month of leaves is a few thousand rows here.
months: placed_at of charges

money: amount in currency
*/
SELECT
    min(placed_at) AS placed_at,
    leaf,
    kind,
    scope,
    provider,
    service,
    model,
    use_case,
    team,
    key_alias,
    sub_account,
    region,
    evidence,
    modelled,
    currency,
    fx_rate,
    shown,
    rate,
    sum(amount) AS amount,
    CAST(NULL AS VARCHAR) AS charge_id,
    CAST(NULL AS VARCHAR) AS request_source,
    CAST(NULL AS VARCHAR) AS request_id,
    CAST(NULL AS VARCHAR) AS task_id,
    CAST(NULL AS VARCHAR) AS host,
    arrow_cast(NULL, 'Timestamp(Microsecond, Some("UTC"))') AS period_start
FROM placed_leaves
GROUP BY
    local_day(placed_at), leaf, kind, scope, provider, service, model, use_case, team, key_alias, sub_account, region,
    evidence, modelled, currency, fx_rate, shown, rate
