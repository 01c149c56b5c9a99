/* When the first and the last attempt of each task started; a task is told by the number that stands for its name.

kept: which months depend on each other is read from it.
*/
SELECT fingerprint(task_id) AS task, min(started_at) AS first_started_at, max(started_at) AS last_started_at
FROM requests
GROUP BY fingerprint(task_id)
