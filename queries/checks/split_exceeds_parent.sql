/*
title = "Split costs larger than their parent"
description = """
The children of a resource and period claim more than its lines cost. They share what there is, in proportion, so
that the sum stays the bill; which of them claims too much cannot be told."""
tier = "always"
severity = "warning"
advice = "Deliver the bill again when the provider has finished the month; split costs are estimates until then."
needs_rows = "charges"
*/
WITH children AS (
    SELECT
        source, billing_month, split_parent_resource_id AS parent, charge_period_start, charge_period_end,
        billing_currency AS currency, sum(split_cost) AS claimed
    FROM charges
    WHERE split_parent_resource_id IS NOT NULL AND split_cost > 0
    GROUP BY source, billing_month, split_parent_resource_id, charge_period_start, charge_period_end, billing_currency
),
parents AS (
    SELECT
        source, billing_month, resource_id, charge_period_start, charge_period_end, billing_currency AS currency,
        sum(effective_cost) AS cost
    FROM charges
    WHERE split_parent_resource_id IS NULL AND resource_id IS NOT NULL AND charge_category = 'Usage'
    GROUP BY source, billing_month, resource_id, charge_period_start, charge_period_end, billing_currency
)
SELECT c.source, c.billing_month, c.parent, c.charge_period_start, c.currency, p.cost, c.claimed
FROM children AS c
INNER JOIN parents AS p
    ON p.source = c.source AND p.billing_month = c.billing_month AND p.resource_id = c.parent
    AND p.charge_period_start = c.charge_period_start AND p.charge_period_end = c.charge_period_end
    AND p.currency = c.currency
WHERE c.claimed > p.cost
ORDER BY c.source, c.billing_month, c.parent, c.charge_period_start
