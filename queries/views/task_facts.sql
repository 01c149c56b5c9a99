/* What of a task does not depend on the clock: its attempts, what they cost (task_costs), and its label. The view tasks
says what came of it.

use_case is that of the first attempt. The newest outcome wins; one that names a use case counts there
only. cost and waste are converted request leaves, accruals included (the basis billed has none); waste is that
of attempts that failed or were superseded. They are NULL where nothing about the cost is known, and the known part
where something is missing: uncosted counts attempts that no price and no bill speaks of (a self-hosted one that
weighs nothing is known to cost nothing), unconverted leaves without a rate. outcome_value: the outcome's own.
variant: the arm that the newest outcome with one names. last_model: the model of the last attempt, which gave the
answer. first_source and first_request name the first attempt.

shown_cost: the cost in one currency, shown_currency: the one asked for where there is a rate, else the leaves' own.
It is NULL where not all of the cost is known, or parts of it are in two currencies without a rate between them.

kept: unit metrics read it several times.
months: first_started_at of tasks

money: shown_cost in shown_currency
*/
WITH told AS (
    SELECT a.task_id, o.success, o.value, o.variant, o.recorded_at, o.source, o.file_hash, o.file_row
    FROM task_costs AS a
    INNER JOIN outcomes AS o ON o.task_id = a.task_id AND (o.use_case IS NULL OR o.use_case = a.use_case)
),

-- In order by lots of tasks, not task by task: windows over many small partitions take longest.
labels AS (
    SELECT task_id, success, value, coalesce(lag(task_id) OVER newest <> task_id, true) AS first
    FROM told
    WINDOW newest AS (PARTITION BY right(task_id, 1) ORDER BY task_id, recorded_at DESC, source, file_hash, file_row)
),

variants AS (
    SELECT task_id, variant, coalesce(lag(task_id) OVER newest <> task_id, true) AS first
    FROM told
    WHERE variant IS NOT NULL
    WINDOW newest AS (PARTITION BY right(task_id, 1) ORDER BY task_id, recorded_at DESC, source, file_hash, file_row)
)

SELECT a.*, l.success, l.value AS outcome_value, v.variant
FROM (SELECT * FROM variants WHERE first) AS v
RIGHT JOIN task_costs AS a ON v.task_id = a.task_id
LEFT JOIN (SELECT * FROM labels WHERE first) AS l ON l.task_id = a.task_id
