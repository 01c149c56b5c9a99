/* Tasks and what is counted of their attempts: the view task_costs has what they cost.

use_case is that of the first attempt. last_model: the model of the last attempt, which gave the answer. first_source and
first_request name the first attempt.

kept: leaves are told by when their task began.
months: first_started_at of attempts
*/
-- In order by lots of tasks, not task by task: windows over many small partitions take longest.
WITH in_order AS (
    SELECT
        task_id, use_case, started_at, source, request_id, model, attempt,
        coalesce(lag(task_id) OVER tasks <> task_id, true) AS first,
        coalesce(lead(task_id) OVER tasks <> task_id, true) AS last
    FROM calls
    WINDOW tasks AS (PARTITION BY right(task_id, 1) ORDER BY task_id, started_at, source, request_id)
)

SELECT
    task_id,
    max(CASE WHEN first THEN use_case END) AS use_case,
    min(started_at) AS first_started_at,
    max(started_at) AS last_started_at,
    max(CASE WHEN first THEN source END) AS first_source,
    max(CASE WHEN first THEN request_id END) AS first_request,
    max(CASE WHEN last THEN model END) AS last_model,
    sum(CASE WHEN attempt = 1 THEN 1 ELSE 0 END) AS requests,
    count(*) AS attempts
FROM in_order
GROUP BY task_id
