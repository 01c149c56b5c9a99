/* Charges whose leaves do not add up to their amount: none, or the promise is broken. A charge without an
amount must have no leaf, and a leaf must have a charge.

money: amount, leaves, difference in currency
*/
WITH leaves AS (
    SELECT charge_id, currency, sum(amount) AS leaves
    FROM leaf_sums
    GROUP BY charge_id, currency
)

SELECT
    coalesce(c.charge_id, l.charge_id) AS charge_id,
    coalesce(c.currency, l.currency) AS currency,
    c.amount,
    l.leaves,
    coalesce(c.amount, 0) - coalesce(l.leaves, 0) AS difference
FROM costs AS c
FULL JOIN leaves AS l ON l.charge_id = c.charge_id AND l.currency = c.currency
WHERE coalesce(c.amount, 0) <> coalesce(l.leaves, 0) OR (c.amount IS NULL AND l.leaves IS NOT NULL)
