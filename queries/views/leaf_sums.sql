/* The billed leaves of each charge, added up by kind of leaf and day of the reporting zone: what the reconciliation of a bill
with its leaves is told from. period_start is that of the day's first leaf.

kept: every report ties its bill to the leaves, of which there are millions.
months: period_start of charges

money: amount in currency
*/
SELECT min(period_start) AS period_start, charge_id, currency, leaf, sum(amount) AS amount, count(*) AS leaves
FROM ledger
WHERE evidence = 'billed'
GROUP BY local_day(period_start), charge_id, currency, leaf
