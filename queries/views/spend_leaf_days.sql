/* spend_leaves, added up by day of the reporting zone: what a sum over whole days is answered from. See placed_leaf_days.

money: amount in currency
*/
SELECT
    l.* EXCEPT (provider),
    CASE WHEN l.evidence = 'accrued' THEN coalesce(b.biller, l.provider) ELSE l.provider END AS provider
FROM placed_leaf_days AS l
LEFT JOIN billers AS b ON b.provider_id = l.provider
