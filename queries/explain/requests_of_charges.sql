/*
title = "Requests that carry these charges"
description = "The attempts in the gateway's log over which the ledger spread them."
order = 30
needs = ["charge_id"]
unless = ["request_id"]
money = ["list_cost", "amount"]
count = ["attempts", "requests"]
*/
WITH parts AS (
    SELECT l.request_source, l.request_id, l.currency, sum(l.amount) AS amount
    FROM ledger AS l
    LEFT SEMI JOIN explained AS e ON e.charge_id = l.charge_id
    WHERE l.request_id IS NOT NULL
    GROUP BY l.request_source, l.request_id, l.currency
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
