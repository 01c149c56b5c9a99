/*
title = "Leaves"
description = "The parts of the bill that the figure sums, by where the money went and what it rests on."
order = 10
needs = ["leaf"]
money = ["amount", "in_figure"]
count = ["rows"]
*/
SELECT
    e.leaf,
    e.kind,
    e.evidence,
    e.modelled,
    e.currency,
    count(*) AS rows,
    sum(e.figure_amount) AS amount,
    sum_product(e.figure_amount, e.figure_rate) AS in_figure
FROM explained AS e
GROUP BY e.leaf, e.kind, e.evidence, e.modelled, e.currency
ORDER BY in_figure DESC NULLS LAST, e.leaf, e.kind, e.evidence, e.modelled, e.currency
