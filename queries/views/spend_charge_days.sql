/* spend_charges, added up by day: what a sum over whole days of the reporting zone is answered from. Amounts stay in their
own currency, beside their rate. placed_at is that of the day's first line of its kind; no row names a single line.

kept: a month of lines is a few hundred rows here.
months: placed_at of charges

money: amount, billed_cost, effective_cost, list_cost, contracted_cost in currency
*/
SELECT
    min(placed_at) AS placed_at,
    day,
    scope,
    provider,
    service,
    region,
    sub_account,
    source,
    kind,
    model,
    category,
    currency,
    fx_rate,
    shown,
    rate,
    sum(amount) AS amount,
    sum(billed_cost) AS billed_cost,
    sum(effective_cost) AS effective_cost,
    sum(list_cost) AS list_cost,
    sum(contracted_cost) AS contracted_cost,
    CAST(NULL AS VARCHAR) AS charge_id,
    sum(charges) AS charges,
    sum(null_amounts) AS null_amounts
FROM spend_charges
GROUP BY
    local_day(placed_at), day, scope, provider, service, region, sub_account, source, kind, model, category, currency,
    fx_rate, shown, rate
