/*
title = "Split costs without their parent"
description = """
Children of a resource that has no line of its own in the same source, period and currency: there is nothing they
could take their cost from, so they count 0."""
tier = "always"
severity = "warning"
advice = "Deliver all parts of the export in one call, or ask why the parent's lines are missing."
needs_rows = "charges"
*/
WITH parents AS (
    SELECT DISTINCT source, billing_month, resource_id, charge_period_start, charge_period_end, billing_currency
    FROM charges
    WHERE split_parent_resource_id IS NULL AND resource_id IS NOT NULL AND charge_category = 'Usage'
)
SELECT
    c.source, c.billing_month, c.split_parent_resource_id AS parent, c.billing_currency AS currency,
    count(*) AS charges, sum(c.split_cost) AS claimed
FROM charges AS c
LEFT ANTI JOIN parents AS p
    ON p.source = c.source AND p.billing_month = c.billing_month AND p.resource_id = c.split_parent_resource_id
    AND p.charge_period_start = c.charge_period_start AND p.charge_period_end = c.charge_period_end
    AND p.billing_currency = c.billing_currency
WHERE c.split_parent_resource_id IS NOT NULL AND c.split_cost > 0
GROUP BY c.source, c.billing_month, c.split_parent_resource_id, c.billing_currency
ORDER BY c.source, c.billing_month, c.split_parent_resource_id, c.billing_currency
