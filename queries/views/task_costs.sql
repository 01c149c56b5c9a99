/* Tasks with their attempts and what they cost, without what came of them: the view task_facts has the outcomes.

task_attempts has what is counted of it. cost and waste are converted request leaves, accruals included (the basis billed has none); waste is that
of attempts that failed or were superseded. They are NULL where nothing about the cost is known, and the known part
where something is missing: uncosted counts attempts that no price and no bill speaks of (a self-hosted one that
weighs nothing is known to cost nothing), unconverted leaves without a rate.

shown_cost: the cost in one currency, shown_currency: the one asked for where there is a rate, else the leaves' own.
It is NULL where not all of the cost is known, or parts of it are in two currencies without a rate between them.

kept: task_facts reads it whenever outcomes arrive.
months: first_started_at of tasks

money: shown_cost in shown_currency
*/
-- A priced attempt has its cost from the price book until the bill comes; these have none from anywhere.
WITH without_cost AS (
    SELECT c.task, count(*) AS uncosted
    FROM (
        SELECT fingerprint(source, request_id) AS attempt, fingerprint(task_id) AS task
        FROM calls
        WHERE
            price_status = 'unpriced'
            OR (price_status = 'self_hosted' AND uncached_input + cache_write + output > 0)
    ) AS c
    LEFT ANTI JOIN (SELECT fingerprint(request_source, request_id) AS attempt FROM request_leaves) AS l
        ON l.attempt = c.attempt
    GROUP BY c.task
),

counted AS (
    SELECT a.*, w.uncosted
    FROM without_cost AS w
    RIGHT JOIN (SELECT *, fingerprint(task_id) AS task FROM task_attempts) AS a ON w.task = a.task
)

SELECT
    a.task_id,
    a.use_case,
    a.first_started_at,
    a.last_started_at,
    a.requests,
    a.attempts,
    a.last_model,
    a.first_source,
    a.first_request,
    CASE
        WHEN c.cost IS NOT NULL OR (coalesce(a.uncosted, 0) = 0 AND coalesce(c.unconverted, 0) = 0)
            THEN coalesce(c.cost, 0)
    END AS cost,
    CASE
        WHEN c.cost IS NOT NULL OR (coalesce(a.uncosted, 0) = 0 AND coalesce(c.unconverted, 0) = 0)
            THEN coalesce(c.waste, 0)
    END AS waste,
    coalesce(a.uncosted, 0) AS uncosted,
    coalesce(c.unconverted, 0) AS unconverted,
    c.shown AS shown_currency,
    CASE WHEN coalesce(a.uncosted, 0) = 0 AND NOT coalesce(c.mixed, false) THEN coalesce(c.shown_cost, 0) END AS shown_cost
FROM task_sums AS c
RIGHT JOIN counted AS a ON c.task = a.task
