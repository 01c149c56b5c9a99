-- The 50 keys that the gateway says cost most.
SELECT key_alias, count(*) AS attempts, sum(gateway_cost) AS cost
FROM requests
GROUP BY key_alias
ORDER BY cost DESC, key_alias
LIMIT 50
