/*
title = "What the gateway claims and what the price book says"
description = """
Models whose gateway_cost is more than 1 % away from the list cost of the same attempts: the gateway prices
with another list, or counts another kind of token twice."""
tier = "strict"
severity = "warning"
advice = "Compare the price book with the price map of the gateway."
needs_rows = "requests"
*/
SELECT
    provider, model, list_currency AS currency, count(*) AS attempts,
    sum(gateway_cost) AS gateway_cost,
    sum(list_cost) AS list_cost,
    sum(gateway_cost) - sum(list_cost) AS difference
FROM calls
WHERE price_status = 'priced' AND gateway_cost IS NOT NULL AND gateway_currency = list_currency
GROUP BY provider, model, list_currency
HAVING abs(sum(gateway_cost) - sum(list_cost)) * 100 > abs(sum(list_cost))
ORDER BY provider, model, list_currency
