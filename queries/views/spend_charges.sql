/* Lines of the bills as spend is told by: by which instant a line is in a window (placed_at), its day, and its four costs
in a currency that is shown. shown and rate: the currency asked for where there is a rate, else the own one. Under
list and contracted prices a purchase that covers usage counts 0, since the usage stands there too.

charges and null_amounts are 1 or 0, so that counting is adding them up.

money: amount, billed_cost, effective_cost, list_cost, contracted_cost in currency
*/
SELECT
    charge_moment(charge_period_start, charge_period_end) AS placed_at,
    charge_day(charge_period_start, charge_period_end) AS day,
    scope,
    provider,
    service_name AS service,
    region_id AS region,
    sub_account_id AS sub_account,
    source,
    kind,
    model,
    charge_category AS category,
    currency,
    fx_rate,
    CASE
        WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency')
        ELSE currency
    END AS shown,
    CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate,
    amount,
    billed_cost,
    effective_cost,
    CASE WHEN covering_purchase THEN 0 ELSE list_cost END AS list_cost,
    CASE WHEN covering_purchase THEN 0 ELSE contracted_cost END AS contracted_cost,
    charge_id,
    1 AS charges,
    CASE WHEN amount IS NULL THEN 1 ELSE 0 END AS null_amounts
FROM costs
