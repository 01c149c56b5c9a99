/*
title = "Charges"
description = "The lines of bills under it. whole: all of these lines under the basis of the run; amount: the part in this figure."
order = 20
needs = ["charge_id"]
money = ["whole", "amount"]
count = ["charges", "rows"]
*/
WITH parts AS (
    SELECT charge_id, count(*) AS rows, sum(figure_amount) AS amount
    FROM explained
    WHERE charge_id IS NOT NULL
    GROUP BY charge_id
)

SELECT
    c.provider,
    c.service_name AS service,
    c.model,
    c.currency,
    count(*) AS charges,
    sum(p.rows) AS rows,
    sum(c.amount) AS whole,
    sum(p.amount) AS amount
FROM parts AS p
INNER JOIN costs AS c ON c.charge_id = p.charge_id
GROUP BY c.provider, c.service_name, c.model, c.currency
ORDER BY amount DESC NULLS LAST, c.provider, c.service_name, c.model, c.currency
