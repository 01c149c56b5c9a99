/* Request leaves, told by the attempts that they are for: what each attempt cost, charge by charge, accruals included. The
view attempt_costs has them added up.

attempt: the number that stands for source and request_id. shown and rate: the currency asked for where there is a rate,
else the own one. first: the first leaf of its attempt, one of its model API's where it has some.

money: amount in currency
*/
WITH leaves AS (
    SELECT
        fingerprint(request_source, request_id) AS attempt, started_at, wasted, leaf, kind, evidence, modelled, charge_id,
        currency, fx_rate, amount,
        CASE
            WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency')
            ELSE currency
        END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM request_leaves
)

SELECT
    *,
    coalesce(lag(attempt) OVER in_order <> attempt, true) AS first
FROM leaves
-- In order by lots, not attempt by attempt: windows over many small partitions take longest.
WINDOW in_order AS (PARTITION BY attempt % 8 ORDER BY attempt, kind DESC, shown, currency, fx_rate, charge_id)
