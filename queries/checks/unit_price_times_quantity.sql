/*
title = "Costs that are not price times quantity"
description = """
FOCUS defines list and contracted cost as unit price × pricing quantity. Differences beyond a cent and a thousandth
of the cost are counted per source, month and column; corrections are left out, since the rule is not for them. The
lines are ingested as they are: this says what the bill itself does not keep."""
tier = "strict"
severity = "info"
advice = "Report it to the provider; the ledger uses the costs, not the unit prices."
needs_rows = "charges"
*/
WITH lines AS (
    SELECT
        source, billing_month, provider, 'list_cost' AS column_name, list_cost AS said,
        money_mul(list_unit_price, pricing_quantity) AS computed
    FROM charges
    WHERE coalesce(charge_class, '') <> 'Correction'
    UNION ALL
    SELECT
        source, billing_month, provider, 'contracted_cost', contracted_cost,
        money_mul(contracted_unit_price, pricing_quantity)
    FROM charges
    WHERE coalesce(charge_class, '') <> 'Correction'
)
SELECT source, billing_month, provider, column_name, count(*) AS charges, sum(said) AS said, sum(computed) AS computed
FROM lines
WHERE abs(said - computed) > 0.01 AND abs(said - computed) * 1000 > abs(said)
GROUP BY source, billing_month, provider, column_name
ORDER BY source, billing_month, provider, column_name
