/*
title = "Purchase and covered usage both counted"
description = """
Under every basis either the purchase of a commitment counts, or the usage that it covers; both is the same money
twice. Found where a commitment's purchases and its covered lines are both more than nothing under the basis of
the run. A covered line may bill a remainder of its own: that is no finding while it stays below its effective cost."""
tier = "always"
severity = "error"
advice = "The bill gives its purchases an effective cost, or bills covered usage again: report it, and choose another basis meanwhile."
needs_rows = "costs"
*/
WITH lines AS (
    SELECT
        commitment_discount_id AS commitment, currency, amount, effective_cost,
        charge_category = 'Purchase' AND coalesce(commitment_discount_status <> 'Unused', true) AS purchase,
        charge_category = 'Usage' AND commitment_discount_status IN ('Used', 'Unused') AS covered
    FROM costs
    WHERE commitment_discount_id IS NOT NULL
),
summed AS (
    SELECT
        commitment, currency,
        sum(CASE WHEN purchase THEN amount END) AS purchased,
        sum(CASE WHEN covered THEN amount END) AS covered,
        sum(CASE WHEN covered THEN effective_cost END) AS covered_effective
    FROM lines
    GROUP BY commitment, currency
)
SELECT commitment, currency, purchased, covered
FROM summed
WHERE purchased > 0 AND covered > 0 AND (setting('basis') <> 'billed' OR covered >= covered_effective)
ORDER BY commitment, currency
