/*
title = "Unused commitment that was consumed"
description = """
A line with the status Unused says that nobody used what was paid for; it carries no consumed quantity and no unit.
One that does is usage with a wrong status, or counts consumption that never was."""
tier = "strict"
severity = "warning"
advice = "Report it to the provider; the amount stays in the leaf commitment_unused."
needs_rows = "charges"
*/
SELECT source, billing_month, charge_id, commitment_discount_id, consumed_quantity, consumed_unit
FROM charges
WHERE commitment_discount_status = 'Unused' AND charge_category = 'Usage'
    AND (consumed_quantity IS NOT NULL OR consumed_unit IS NOT NULL)
ORDER BY source, billing_month, charge_id
