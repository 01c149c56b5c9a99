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
WITH shown_leaves AS (
    SELECT
        fingerprint(task_id) AS task, amount, fx_rate, wasted,
        CASE
            WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency')
            ELSE currency
        END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM request_leaves
    WHERE evidence = 'billed' OR setting('basis') <> 'billed'
),

-- Millions of tasks hold the number of a currency, and few rows its name.
currencies AS (
    SELECT shown, fingerprint(shown) AS number
    FROM (SELECT DISTINCT shown FROM shown_leaves)
),

sums AS (
    SELECT
        task,
        sum_product(amount, fx_rate) AS cost,
        sum_product(amount, fx_rate) FILTER (WHERE wasted) AS waste,
        count(*) FILTER (WHERE fx_rate IS NULL) AS unconverted,
        min(fingerprint(shown)) AS least,
        max(fingerprint(shown)) AS greatest,
        sum_product(amount, rate) AS shown_cost
    FROM shown_leaves
    GROUP BY task
),

costs_of_tasks AS (
    SELECT s.task, s.cost, s.waste, s.unconverted, s.shown_cost, c.shown, s.least <> s.greatest AS mixed
    FROM currencies AS c
    RIGHT JOIN sums AS s ON c.number = s.least
),

-- A priced attempt has its cost from the price book until the bill comes; these have none from anywhere.
without_cost AS (
    SELECT fingerprint(c.task_id) AS task, count(*) AS uncosted
    FROM calls AS c
    LEFT ANTI JOIN request_leaves AS l ON l.request_source = c.source AND l.request_id = c.request_id
    WHERE
        c.price_status = 'unpriced'
        OR (c.price_status = 'self_hosted' AND c.uncached_input + c.cache_write + c.output > 0)
    GROUP BY fingerprint(c.task_id)
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
FROM costs_of_tasks AS c
RIGHT JOIN counted AS a ON c.task = a.task
