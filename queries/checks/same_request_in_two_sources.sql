/*
title = "One request id in two logs"
description = """
A request is known by its log and its id. One id in two logs may be one request that was delivered under two
source names: then its tokens count twice."""
tier = "strict"
severity = "warning"
advice = "Deliver one gateway under one source name."
needs_rows = "requests"
*/
SELECT request_id, count(DISTINCT source) AS sources, min(source) AS first_source, max(source) AS last_source
FROM requests
GROUP BY request_id
HAVING count(DISTINCT source) > 1
ORDER BY request_id
