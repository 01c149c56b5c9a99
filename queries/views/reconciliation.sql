/* The bill against its leaves under setting('basis'): one row per currency. difference must be 0, and so
must unbalanced, which counts charges of their own, since two errors can cancel out in a sum.

columns:
currency: Currency of the amounts.
bill [currency]: Sum of the charges.
leaves [currency]: Sum of the billed leaves of the ledger.
difference [currency]: bill less leaves; 0 where the ledger is right.
charges [charge]: How many lines the bill has.
null_amounts [charge]: Lines without an amount under setting('basis').
unbalanced [charge]: Lines whose leaves do not add up to them.

money: bill, leaves, difference in currency
*/
WITH leaves AS (
    SELECT charge_id, currency, sum(amount) AS leaves
    FROM leaf_sums
    GROUP BY charge_id, currency
),

compared AS (
    SELECT
        coalesce(c.currency, l.currency) AS currency,
        c.charge_id,
        c.amount,
        coalesce(c.amount, 0) AS bill,
        coalesce(l.leaves, 0) AS leaves
    FROM costs AS c
    FULL JOIN leaves AS l ON l.charge_id = c.charge_id AND l.currency = c.currency
)

SELECT
    currency,
    sum(bill) AS bill,
    sum(leaves) AS leaves,
    sum(bill) - sum(leaves) AS difference,
    count(charge_id) AS charges,
    count(charge_id) - count(amount) AS null_amounts,
    sum(CASE WHEN bill <> leaves THEN 1 ELSE 0 END) AS unbalanced
FROM compared
GROUP BY currency
