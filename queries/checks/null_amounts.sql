/*
title = "Charges without an amount"
description = """
A charge whose amount is missing under the basis of the run makes no leaf. It is counted here, never taken as 0."""
tier = "strict"
severity = "warning"
advice = "Choose a basis that the bill carries, or ask the provider for the column."
needs_rows = "charges"
*/
SELECT source, billing_month, currency, count(*) AS charges
FROM costs
WHERE amount IS NULL
GROUP BY source, billing_month, currency
ORDER BY source, billing_month, currency
