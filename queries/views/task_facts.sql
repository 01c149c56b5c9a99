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
-- Millions of labels hold the number of their file, in the order of its name, and few rows the name.
WITH files AS (
    SELECT source, file_hash, row_number() OVER (ORDER BY source, file_hash) AS file
    FROM (SELECT DISTINCT source, file_hash FROM outcomes)
),

told AS (
    SELECT o.task, o.success, o.value, o.variant, o.recorded_at, o.file, o.file_row
    FROM (SELECT fingerprint(task_id) AS task, use_case FROM task_costs) AS a
    INNER JOIN (
        SELECT
            fingerprint(l.task_id) AS task, l.use_case, l.success, l.value, l.variant, l.recorded_at, f.file, l.file_row
        FROM files AS f
        INNER JOIN outcomes AS l ON l.source = f.source AND l.file_hash = f.file_hash
    ) AS o ON o.task = a.task AND (o.use_case IS NULL OR o.use_case = a.use_case)
),

-- In order by lots of tasks, not task by task: windows over many small partitions take longest.
labels AS (
    SELECT task, success, value, coalesce(lag(task) OVER newest <> task, true) AS first
    FROM told
    WINDOW newest AS (PARTITION BY task % 16 ORDER BY task, recorded_at DESC, file, file_row)
),

variants AS (
    SELECT task, variant, coalesce(lag(task) OVER newest <> task, true) AS first
    FROM told
    WHERE variant IS NOT NULL
    WINDOW newest AS (PARTITION BY task % 16 ORDER BY task, recorded_at DESC, file, file_row)
),

-- Joined to the few that are told something, not they to all tasks: what stands first is held.
with_variants AS (
    SELECT a.*, v.variant
    FROM (SELECT * FROM variants WHERE first) AS v
    RIGHT JOIN (SELECT *, fingerprint(task_id) AS task FROM task_costs) AS a ON v.task = a.task
)

SELECT a.* EXCEPT (task, variant), l.success, l.value AS outcome_value, a.variant
FROM (SELECT * FROM labels WHERE first) AS l
RIGHT JOIN with_variants AS a ON l.task = a.task
