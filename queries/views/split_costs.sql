/* AWS split cost allocation: what lines are worth once children have taken over their share of the lines
of their parent. One row per line that changes, with its four amounts; all other lines are worth what
they say.

A bill with split costs lists the instance with its whole cost, and again what each task or pod used of
it: adding them counts the same money twice or more. Here the children take their cost from the parent's
usage lines of the same period, so that the sum stays the bill whatever the order of the lines.
split_cost is in terms of the effective cost; under the other bases the parent's amount is divided in the
same proportion, the rest staying with the parent. Where the children claim more than the parent has,
they share what it has (the check split_exceeds_parent lists them); a child without a parent takes
nothing (split_without_parent). Of several lines of a parent the largest gives first: an instance's hours
before its traffic. What a child says it costs itself stays with it. GPU nodes of the registry are divided by their telemetry instead, and their children
take nothing.

kept: costs reads it, and everything reads costs. */
WITH children AS (
    SELECT
        source, billing_month, split_parent_resource_id AS parent, charge_period_start, charge_period_end,
        billing_currency, charge_id, split_cost AS weight, effective_cost, billed_cost, list_cost, contracted_cost
    FROM charges
    WHERE split_parent_resource_id IS NOT NULL AND split_cost > 0
),

claims AS (
    SELECT
        *,
        sum(weight) OVER (
            PARTITION BY source, billing_month, parent, charge_period_start, charge_period_end, billing_currency
            ORDER BY charge_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS upto
    FROM children
),

claimed AS (
    SELECT
        source, billing_month, parent, charge_period_start, charge_period_end, billing_currency,
        sum(weight) AS weight
    FROM children
    GROUP BY source, billing_month, parent, charge_period_start, charge_period_end, billing_currency
),

parents AS (
    SELECT
        p.source, p.billing_month, p.resource_id AS parent, p.charge_period_start, p.charge_period_end,
        p.billing_currency, p.charge_id, p.effective_cost, p.billed_cost, p.list_cost, p.contracted_cost
    FROM charges AS p
    INNER JOIN claimed AS c
        ON c.source = p.source AND c.billing_month = p.billing_month AND c.parent = p.resource_id
        AND c.charge_period_start = p.charge_period_start AND c.charge_period_end = p.charge_period_end
        AND c.billing_currency = p.billing_currency
    LEFT ANTI JOIN gpu_nodes AS n ON n.resource_id = p.resource_id
    WHERE p.split_parent_resource_id IS NULL AND p.charge_category = 'Usage'
),

groups AS (
    SELECT
        c.*,
        greatest(c.weight, coalesce(p.effective_cost, 0)) AS total,
        p.effective_cost, p.billed_cost, p.list_cost, p.contracted_cost
    FROM claimed AS c
    INNER JOIN (
        SELECT
            source, billing_month, parent, charge_period_start, charge_period_end, billing_currency,
            sum(effective_cost) AS effective_cost, sum(billed_cost) AS billed_cost,
            sum(list_cost) AS list_cost, sum(contracted_cost) AS contracted_cost
        FROM parents
        GROUP BY source, billing_month, parent, charge_period_start, charge_period_end, billing_currency
    ) AS p
        ON p.source = c.source AND p.billing_month = c.billing_month AND p.parent = c.parent
        AND p.charge_period_start = c.charge_period_start AND p.charge_period_end = c.charge_period_end
        AND p.billing_currency = c.billing_currency
),

-- One row per parent line and basis: what the children of its group take, and what stands before it.
giving AS (
    SELECT
        charge_id,
        basis,
        amount,
        taken,
        sum(greatest(coalesce(amount, 0), 0)) OVER siblings - greatest(coalesce(amount, 0), 0) AS given_before,
        sum(greatest(coalesce(amount, 0), 0)) OVER whole AS can_give,
        row_number() OVER siblings AS place
    FROM (
        SELECT
            p.source, p.billing_month, p.parent, p.charge_period_start, p.charge_period_end, p.billing_currency,
            p.charge_id,
            b.basis,
            CASE b.basis
                WHEN 'effective' THEN p.effective_cost WHEN 'billed' THEN p.billed_cost
                WHEN 'list' THEN p.list_cost ELSE p.contracted_cost
            END AS amount,
            apportion(
                CASE b.basis
                    WHEN 'effective' THEN g.effective_cost WHEN 'billed' THEN g.billed_cost
                    WHEN 'list' THEN g.list_cost ELSE g.contracted_cost
                END,
                CAST(0 AS DECIMAL(38, 18)), g.weight, g.total
            ) AS taken
        FROM parents AS p
        INNER JOIN groups AS g
            ON g.source = p.source AND g.billing_month = p.billing_month AND g.parent = p.parent
            AND g.charge_period_start = p.charge_period_start AND g.charge_period_end = p.charge_period_end
            AND g.billing_currency = p.billing_currency
        CROSS JOIN (VALUES ('effective'), ('billed'), ('list'), ('contracted')) AS b (basis)
    )
    WINDOW
        siblings AS (
            PARTITION BY
                source, billing_month, parent, charge_period_start, charge_period_end, billing_currency, basis
            ORDER BY amount DESC NULLS LAST, charge_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ),
        whole AS (
            PARTITION BY
                source, billing_month, parent, charge_period_start, charge_period_end, billing_currency, basis
        )
),

-- The first line also gives what positive lines cannot: only where the parent's sum is below zero.
given AS (
    SELECT
        charge_id,
        basis,
        amount
        - least(greatest(taken - given_before, 0), greatest(amount, 0))
        - CASE WHEN place = 1 THEN taken - least(greatest(taken, 0), can_give) ELSE 0 END AS amount
    FROM giving
)

SELECT
    charge_id,
    true AS found,
    max(CASE WHEN basis = 'effective' THEN amount END) AS effective_cost,
    max(CASE WHEN basis = 'billed' THEN amount END) AS billed_cost,
    max(CASE WHEN basis = 'list' THEN amount END) AS list_cost,
    max(CASE WHEN basis = 'contracted' THEN amount END) AS contracted_cost
FROM given
GROUP BY charge_id
UNION ALL
SELECT
    c.charge_id,
    true AS found,
    CASE WHEN g.effective_cost IS NULL THEN c.effective_cost
        ELSE coalesce(c.effective_cost, 0) + apportion(g.effective_cost, c.upto - c.weight, c.upto, g.total)
    END AS effective_cost,
    CASE WHEN g.billed_cost IS NULL THEN c.billed_cost
        ELSE coalesce(c.billed_cost, 0) + apportion(g.billed_cost, c.upto - c.weight, c.upto, g.total)
    END AS billed_cost,
    CASE WHEN g.list_cost IS NULL THEN c.list_cost
        ELSE coalesce(c.list_cost, 0) + apportion(g.list_cost, c.upto - c.weight, c.upto, g.total)
    END AS list_cost,
    CASE WHEN g.contracted_cost IS NULL THEN c.contracted_cost
        ELSE coalesce(c.contracted_cost, 0) + apportion(g.contracted_cost, c.upto - c.weight, c.upto, g.total)
    END AS contracted_cost
FROM claims AS c
INNER JOIN groups AS g
    ON g.source = c.source AND g.billing_month = c.billing_month AND g.parent = c.parent
    AND g.charge_period_start = c.charge_period_start AND g.charge_period_end = c.charge_period_end
    AND g.billing_currency = c.billing_currency
