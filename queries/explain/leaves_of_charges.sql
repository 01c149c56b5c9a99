/*
title = "Leaves of these charges"
description = "What the ledger made of them, whole and under the basis of the run: their sum is the charges'."
order = 10
needs = ["charge_id"]
unless = ["leaf"]
money = ["amount"]
count = ["rows"]
*/
SELECT
    l.leaf,
    l.kind,
    l.evidence,
    l.modelled,
    l.currency,
    count(*) AS rows,
    sum(l.amount) AS amount
FROM ledger AS l
LEFT SEMI JOIN explained AS e ON e.charge_id = l.charge_id
GROUP BY l.leaf, l.kind, l.evidence, l.modelled, l.currency
ORDER BY amount DESC NULLS LAST, l.leaf, l.kind, l.evidence, l.modelled, l.currency
