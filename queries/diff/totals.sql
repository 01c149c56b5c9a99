/*
title = "The bill and the accruals of both sides of a diff, by currency"
description = "Sums over diff_before and diff_after, so the differences of the rows add up to them."
*/
WITH sides AS (
    SELECT currency, evidence, amount AS old_amount, CAST(0 AS DECIMAL(38, 18)) AS new_amount FROM diff_before
    UNION ALL
    SELECT currency, evidence, CAST(0 AS DECIMAL(38, 18)) AS old_amount, amount AS new_amount FROM diff_after
)

SELECT
    currency,
    evidence,
    sum(old_amount) AS old_amount,
    sum(new_amount) AS new_amount,
    sum(new_amount) - sum(old_amount) AS difference
FROM sides
GROUP BY currency, evidence
ORDER BY evidence DESC, currency
