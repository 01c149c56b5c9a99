/* The names under which the model charges of each provider of the registry came, by month of the charges, with a scope and a
currency that they are shown in: of several, those that sort first.

kept: accruals take their names from it, and all bills are read for a few rows.
months: placed_at of charges
*/
SELECT
    provider_id,
    provider AS biller,
    min(charge_period_start) AS placed_at,
    min(scope) AS scope,
    min(CASE WHEN fx_rate IS NULL THEN currency ELSE setting('currency') END) AS shown
FROM costs
WHERE kind = 'model_api' AND provider_id IS NOT NULL
GROUP BY provider_id, provider, date_trunc('month', charge_period_start)
