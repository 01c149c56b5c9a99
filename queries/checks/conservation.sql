/*
title = "Leaves add up to their charge"
description = """
The promise of the ledger: for every charge with an amount, its leaves add up to it, to the last digit. A leaf
without a charge breaks it too. Accruals are no part of it. An empty lake keeps no promise."""
tier = "always"
severity = "error"
advice = "This is a defect of a view, not of the data: report it with the charge."
needs_rows = "charges"
*/
WITH bill AS (
    SELECT charge_id, currency, sum(amount) AS amount
    FROM costs
    WHERE amount IS NOT NULL
    GROUP BY charge_id, currency
),
split AS (
    SELECT charge_id, currency, sum(amount) AS leaves
    FROM ledger
    WHERE evidence = 'billed'
    GROUP BY charge_id, currency
)
SELECT
    COALESCE(b.charge_id, s.charge_id) AS charge_id,
    COALESCE(b.currency, s.currency) AS currency,
    b.amount,
    s.leaves,
    COALESCE(b.amount, 0) - COALESCE(s.leaves, 0) AS difference
FROM bill AS b
FULL JOIN split AS s ON s.charge_id = b.charge_id AND s.currency = b.currency
WHERE b.amount IS NULL OR s.leaves IS NULL OR b.amount <> s.leaves
ORDER BY charge_id, currency
