/* Leaves of the ledger as spend is told by (placed_leaves), and under whose name: an accrual takes the name under which its
provider's model charges come, where some have come.

money: amount in currency
*/
SELECT
    l.* EXCEPT (provider),
    CASE WHEN l.evidence = 'accrued' THEN coalesce(b.biller, l.provider) ELSE l.provider END AS provider
FROM placed_leaves AS l
LEFT JOIN billers AS b ON b.provider_id = l.provider
