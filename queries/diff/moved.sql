/*
title = "The leaves that differ between the two sides of a diff, each with a number"
description = "Asked of either side: diff_leaves_before and diff_leaves_after are the answers of leaves.sql."
*/
WITH sides AS (
    SELECT
        charge, charge_source, billing_month, charge_period_start, charge_period_end,
        request_source, request_id, request_provider, request_model, started_at, host, kind,
        provider, service, leaf, evidence, scope, model, use_case, team, day, month, native_currency, currency,
        CAST(0 AS DECIMAL(38, 18)) AS old_native, native_amount AS new_native,
        CAST(0 AS DECIMAL(38, 18)) AS old_amount, amount AS new_amount
    FROM diff_leaves_after
    UNION ALL
    SELECT
        charge, charge_source, billing_month, charge_period_start, charge_period_end,
        request_source, request_id, request_provider, request_model, started_at, host, kind,
        provider, service, leaf, evidence, scope, model, use_case, team, day, month, native_currency, currency,
        native_amount AS old_native, CAST(0 AS DECIMAL(38, 18)) AS new_native,
        amount AS old_amount, CAST(0 AS DECIMAL(38, 18)) AS new_amount
    FROM diff_leaves_before
)

SELECT
    row_number() OVER () AS moved,
    charge, charge_source, billing_month, charge_period_start, charge_period_end,
    request_source, request_id, request_provider, request_model, started_at, host, kind,
    provider, service, leaf, evidence, scope, model, use_case, team, day, month, native_currency, currency,
    sum(old_native) <> sum(new_native) AS native_moved
FROM sides
GROUP BY
    charge, charge_source, billing_month, charge_period_start, charge_period_end,
    request_source, request_id, request_provider, request_model, started_at, host, kind,
    provider, service, leaf, evidence, scope, model, use_case, team, day, month, native_currency, currency
HAVING sum(old_amount) <> sum(new_amount)
