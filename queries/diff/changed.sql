/*
title = "Where the two sides of a diff disagree, as finely as they can be told apart"
description = """
diff_before and diff_after are the answers of amounts.sql. An amount that is in one side only stands against 0."""
*/
WITH sides AS (
    SELECT
        provider, service, leaf, evidence, scope, model, use_case, team, day, month, currency,
        amount AS old_amount, CAST(0 AS DECIMAL(38, 18)) AS new_amount
    FROM diff_before
    UNION ALL
    SELECT
        provider, service, leaf, evidence, scope, model, use_case, team, day, month, currency,
        CAST(0 AS DECIMAL(38, 18)) AS old_amount, amount AS new_amount
    FROM diff_after
)

SELECT provider, service, leaf, evidence, scope, model, use_case, team, day, month, currency
FROM sides
GROUP BY provider, service, leaf, evidence, scope, model, use_case, team, day, month, currency
HAVING sum(old_amount) <> sum(new_amount)
