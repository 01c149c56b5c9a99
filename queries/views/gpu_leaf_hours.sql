/* gpu_leaves, added up by the hour (or the charge's own period) that they stand in: requests of an hour are one row.
Amounts stay in their own currency. Columns that tell single leaves apart are NULL.

kept: idle time is looked at again and again, and its rows are as many as hours of nodes, however many requests they served.
months: period_start of charges

money: amount in currency
*/
SELECT
    period_start,
    period_end,
    leaf,
    kind,
    scope,
    provider,
    service,
    model,
    host,
    region,
    evidence,
    modelled,
    currency,
    fx_rate,
    sum(amount) AS amount,
    CAST(NULL AS VARCHAR) AS charge_id,
    CAST(NULL AS VARCHAR) AS request_source,
    CAST(NULL AS VARCHAR) AS request_id
FROM gpu_leaves
GROUP BY
    period_start, period_end, leaf, kind, scope, provider, service, model, host, region, evidence, modelled, currency, fx_rate
