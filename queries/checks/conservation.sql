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
SELECT charge_id, currency, amount, leaves, difference
FROM imbalances
ORDER BY charge_id, currency
