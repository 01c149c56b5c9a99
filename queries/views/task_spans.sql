/* When the first and the last attempt of each task started.

kept: which months depend on each other is read from it.
*/
SELECT task_id, min(started_at) AS first_started_at, max(started_at) AS last_started_at
FROM requests
GROUP BY task_id
