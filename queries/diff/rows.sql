/*
title = "What changed, by provider, service and leaf, with the files that brought it"
description = """
{{by}} are the further columns that were asked for. Rows that say the same on both sides are left out.
diff_causes is the answer of causes.sql; a row without a file is one whose cause was not traced."""
*/
WITH sides AS (
    SELECT
        provider, service, leaf, evidence, scope, model, use_case, team, day, month, currency,
        amount AS old_amount, CAST(0 AS DECIMAL(38, 18)) AS new_amount, CAST(NULL AS VARCHAR) AS file
    FROM diff_before
    UNION ALL
    SELECT
        provider, service, leaf, evidence, scope, model, use_case, team, day, month, currency,
        CAST(0 AS DECIMAL(38, 18)) AS old_amount, amount AS new_amount, CAST(NULL AS VARCHAR) AS file
    FROM diff_after
    UNION ALL
    SELECT
        provider, service, leaf, evidence, scope, model, use_case, team, day, month, currency,
        CAST(0 AS DECIMAL(38, 18)) AS old_amount, CAST(0 AS DECIMAL(38, 18)) AS new_amount, file
    FROM diff_causes
)

SELECT
    {{by}},
    provider,
    service,
    leaf,
    evidence,
    currency,
    sum(old_amount) AS old_amount,
    sum(new_amount) AS new_amount,
    sum(new_amount) - sum(old_amount) AS difference,
    array_to_string(array_sort(array_agg(DISTINCT file) FILTER (WHERE file IS NOT NULL)), '; ') AS brought_by
FROM sides
GROUP BY {{by}}, provider, service, leaf, evidence, currency
HAVING sum(old_amount) <> sum(new_amount)
ORDER BY {{by}}, provider, service, leaf, evidence, currency
