/* self_hosted_requests, added up by hour and model. Requests of several attempts keep their name, since their attempts may be at
several models and they are counted once; those of one attempt have none, and are counted in lone.

kept: energy is told per request, hour by hour.
months: hour of attempts
*/
SELECT
    date_trunc('hour', asked_at) AS hour,
    model,
    CASE WHEN attempts > 1 THEN concat(task_id, '/', request) END AS request,
    sum(CASE WHEN attempts > 1 THEN 0 ELSE 1 END) AS lone
FROM calls
WHERE self_hosted
GROUP BY date_trunc('hour', asked_at), model, CASE WHEN attempts > 1 THEN concat(task_id, '/', request) END
