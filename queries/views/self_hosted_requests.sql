/* Requests at models of our own, by the hour in which they were asked: one row per attempt, with the name of its request. lone
counts requests that have no name here: none.
*/
SELECT date_trunc('hour', asked_at) AS hour, model, concat(task_id, '/', request) AS request, 0 AS lone
FROM calls
WHERE self_hosted
