/* Requests by day for a budget drill: how many were asked, and how many of them the gateway's cache
answered. A request counts once, on the day of its first attempt, whatever its retries. */
SELECT
    local_day(started_at) AS day,
    count(*) AS requests,
    sum(CASE WHEN gateway_cache_hit THEN 1 ELSE 0 END) AS gateway_cache_hits
FROM calls
WHERE attempt = 1
GROUP BY 1
