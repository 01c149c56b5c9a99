/*
title = "Corrections of a time to come"
description = """
A correction stands in the billing period that was open when it was made, with the charge period of the line it
corrects. One whose charge period starts after its billing period has ended corrects nothing that was billed."""
tier = "strict"
severity = "warning"
advice = "Ask the provider which line is meant; the amount counts in the month of its charge period."
needs_rows = "charges"
*/
SELECT source, billing_month, charge_id, charge_period_start, billing_period_end, billed_cost
FROM charges
WHERE charge_class = 'Correction' AND charge_period_start >= billing_period_end
ORDER BY source, billing_month, charge_id
