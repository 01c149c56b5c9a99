/*
title = "Requests"
description = "The attempts in the gateway's log under it, with their list cost and their part of the figure."
order = 30
needs = ["request_id", "request_source"]
money = ["list_cost", "amount"]
count = ["attempts", "requests"]
*/
WITH parts AS (
    SELECT request_source, request_id, currency, sum(figure_amount) AS amount
    FROM explained
    WHERE request_id IS NOT NULL
    GROUP BY request_source, request_id, currency
)

SELECT
    k.provider,
    k.model,
    k.price_status,
    count(*) AS attempts,
    count(DISTINCT fingerprint(k.task_id, k.request)) AS requests,
    k.list_currency,
    sum(k.list_cost) AS list_cost,
    p.currency,
    sum(p.amount) AS amount
FROM parts AS p
INNER JOIN calls AS k ON k.source = p.request_source AND k.request_id = p.request_id
GROUP BY k.provider, k.model, k.price_status, k.list_currency, p.currency
ORDER BY amount DESC NULLS LAST, attempts DESC, k.provider, k.model, k.price_status, p.currency
