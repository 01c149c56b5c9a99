/*
title = "What one side of a diff says: amounts by everything a leaf can be told apart by"
description = """
Asked of both sides. Leaves whose period starts in the window; accruals beside the bill, except under the
basis billed, which has none."""
*/
WITH leaves AS (
    SELECT
        provider, service, leaf, evidence, scope, model, use_case, team,
        charge_day(period_start, period_end) AS day,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate,
        amount
    FROM ledger
    WHERE
        charge_moment(period_start, period_end) >= $from AND charge_moment(period_start, period_end) < $to
        AND (evidence = 'billed' OR setting('basis') <> 'billed')
)

SELECT
    provider,
    service,
    leaf,
    evidence,
    scope,
    model,
    use_case,
    team,
    day,
    substr(CAST(day AS VARCHAR), 1, 7) AS month,
    shown AS currency,
    sum_product(amount, rate) AS amount
FROM leaves
GROUP BY provider, service, leaf, evidence, scope, model, use_case, team, day, shown
