/*
title = "Effective and billed add up alike over a whole term"
description = """
Over the whole term of everything that was bought ahead, a source's effective costs add up to its billed costs: money
is only moved in time. A source is compared when its purchases are all of commitments whose terms are there from
end to end (view commitment_terms), and it has such purchases; month by month the two differ and rightly so. Corrections that
change only one of the two are found, too. Rounding of amortised amounts may leave up to a cent per commitment."""
tier = "on_request"
severity = "warning"
advice = "Look for a purchase or covered usage that is in another delivery, or ask the provider."
needs_rows = "commitment_terms"
*/
WITH bought AS (
    SELECT
        c.source, c.billing_currency AS currency,
        count(DISTINCT c.commitment_discount_id) AS commitments,
        bool_and(coalesce(t.whole AND t.sources = 1, false)) AS whole
    FROM charges AS c
    LEFT JOIN commitment_terms AS t
        ON t.commitment = c.commitment_discount_id AND t.currency = c.billing_currency
    WHERE c.commitment_discount_id IS NOT NULL
        OR (c.charge_category = 'Purchase' AND c.billed_cost <> 0 AND c.effective_cost = 0)
    GROUP BY c.source, c.billing_currency
),
summed AS (
    SELECT source, billing_currency AS currency, sum(effective_cost) AS effective, sum(billed_cost) AS billed
    FROM charges
    GROUP BY source, billing_currency
)
SELECT s.source, s.currency, s.billed, s.effective, s.effective - s.billed AS difference
FROM summed AS s
INNER JOIN bought AS b ON b.source = s.source AND b.currency = s.currency
WHERE b.whole AND abs(s.effective - s.billed) > CAST(b.commitments AS DECIMAL(20, 0)) * 0.01
ORDER BY s.source, s.currency
