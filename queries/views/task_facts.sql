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

money: shown_cost in shown_currency
*/
WITH labelled AS (
    SELECT
        a.task_id,
        o.success,
        o.value,
        first_value(o.variant) IGNORE NULLS OVER (
            PARTITION BY a.task_id ORDER BY o.recorded_at DESC, o.source, o.file_hash, o.file_row
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS variant,
        row_number() OVER (PARTITION BY a.task_id ORDER BY o.recorded_at DESC, o.source, o.file_hash, o.file_row) AS place
    FROM task_costs AS a
    INNER JOIN outcomes AS o ON o.task_id = a.task_id AND (o.use_case IS NULL OR o.use_case = a.use_case)
)

SELECT a.*, l.success, l.value AS outcome_value, l.variant
FROM task_costs AS a
LEFT JOIN (SELECT * FROM labelled WHERE place = 1) AS l ON l.task_id = a.task_id
