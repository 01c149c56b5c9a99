/*
title = "Lines of one bill in two sources"
description = """
Lines that say the same about the same account, time, resource and amount under two source names: a bill that was
exported twice, by hand or by a backfill. Every one of them counts twice. Lines without an amount are left out."""
tier = "strict"
severity = "warning"
advice = "If one export repeats the other: deliver it under the other's --source, where it replaces the period."
needs_rows = "charges"
*/
WITH lines AS (
    SELECT
        min(source) AS first_source,
        max(source) AS last_source,
        billing_month,
        billing_currency,
        max(billed_cost) AS billed_cost
    FROM charges
    WHERE billed_cost <> 0
    GROUP BY
        provider, billing_account_id, sub_account_id, billing_month, charge_period_start, charge_period_end,
        charge_category, charge_description, service_name, sku_id, sku_meter, resource_id, billing_currency,
        billed_cost
    HAVING count(DISTINCT source) > 1
)

SELECT
    first_source,
    last_source,
    billing_month,
    billing_currency AS currency,
    count(*) AS lines,
    sum(billed_cost) AS billed_cost
FROM lines
GROUP BY first_source, last_source, billing_month, billing_currency
ORDER BY first_source, last_source, billing_month, billing_currency
