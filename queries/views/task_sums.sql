/* What the attempts of each task that have leaves cost, accruals included (the basis billed has none); a task is told by the number
that stands for its name. The view task_costs has all tasks.

cost and waste are converted, waste is that of attempts that failed or were superseded; unconverted counts leaves without a rate.
shown_cost: the cost in shown, one of the currencies; mixed: there are two.

kept: its rows are narrow and their number is known before they are joined to those of tasks, which are wide.

money: shown_cost in shown
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
)

SELECT s.task, s.cost, s.waste, s.unconverted, s.shown_cost, c.shown, s.least <> s.greatest AS mixed
FROM currencies AS c
RIGHT JOIN sums AS s ON c.number = s.least
