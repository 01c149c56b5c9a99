-- The 50 keys that the gateway says cost most.
SELECT metadata->>'user_api_key_alias' AS key_alias, count(*) AS attempts, sum(spend) AS cost
FROM "LiteLLM_SpendLogs"
GROUP BY 1
ORDER BY cost DESC, key_alias
LIMIT 50
