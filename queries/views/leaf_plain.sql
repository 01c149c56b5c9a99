/* Leaves of the charges that no telemetry and no request explains: direct (a tag names a use case), shared
(a rule of the configuration spreads them), commitment_unused, and unallocated: purchases and whatever no
rule speaks of, or whose rule found nothing to weigh by. One row per charge, or per charge and use case.
Shares follow the names of the use cases, unregistered after them, what is left of fixed shares last. A fee that an AWS bill
charges for a commitment is purchase and unused part in one line, marked Unused: its effective amount is what
nobody used, and a leaf commitment_unused.

kept: whatever reads the ledger reads it, and most charges of a cloud bill are here.
months: period_start of charges

money: amount in currency
*/
WITH plain AS (
    SELECT
        c.*,
        CASE
            WHEN c.kind <> 'other' THEN CAST(NULL AS VARCHAR)
            WHEN s.method = 'fixed' THEN concat('fixed ', CAST(s.rule AS VARCHAR))
            ELSE s.method
        END AS weigher,
        CASE WHEN s.method IN ('requests', 'request_cost') THEN c.charge_period_start END AS weigh_from,
        CASE WHEN s.method IN ('requests', 'request_cost') THEN c.charge_period_end END AS weigh_to
    FROM costs AS c
    LEFT JOIN sharing_rules AS s ON s.rule = c.sharing_rule
    WHERE c.kind NOT IN ('model_api', 'gpu') AND c.amount IS NOT NULL
),

weighed AS (
    SELECT
        *,
        sum(weight) OVER (
            PARTITION BY weigher, weigh_from, weigh_to ORDER BY rest, use_case ASC NULLS LAST
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS upto,
        sum(weight) OVER (PARTITION BY weigher, weigh_from, weigh_to) AS total
    FROM shared_weights
),

leaves AS (
    SELECT
        c.*,
        coalesce(NOT w.rest, false) AS is_share,
        w.use_case AS shared_with,
        CASE
            WHEN w.rest IS NULL THEN c.amount
            ELSE apportion(c.amount, w.upto - w.weight, w.upto, w.total)
        END AS share
    FROM plain AS c
    LEFT JOIN (SELECT * FROM weighed WHERE total > 0) AS w
        ON w.weigher = c.weigher
        AND (w.weigh_from IS NOT DISTINCT FROM c.weigh_from)
        AND (w.weigh_to IS NOT DISTINCT FROM c.weigh_to)
)

SELECT
    charge_period_start AS period_start,
    charge_period_end AS period_end,
    CASE
        WHEN kind = 'commitment_unused' THEN 'commitment_unused'
        WHEN kind = 'commitment_purchase' AND commitment_discount_status = 'Unused' AND setting('basis') = 'effective'
            THEN 'commitment_unused'
        WHEN kind = 'tagged' THEN 'direct'
        WHEN is_share THEN 'shared'
        ELSE 'unallocated'
    END AS leaf,
    kind,
    scope,
    provider,
    service_name AS service,
    CAST(NULL AS VARCHAR) AS model,
    CASE WHEN kind = 'tagged' THEN tagged_use_case ELSE shared_with END AS use_case,
    CAST(NULL AS VARCHAR) AS team,
    CAST(NULL AS VARCHAR) AS key_alias,
    currency,
    share AS amount,
    'billed' AS evidence,
    false AS modelled,
    charge_id,
    CAST(NULL AS VARCHAR) AS task_id,
    CAST(NULL AS VARCHAR) AS request_id,
    CAST(NULL AS VARCHAR) AS request_source,
    arrow_cast(NULL, 'Timestamp(Microsecond, Some("UTC"))') AS started_at,
    CAST(NULL AS BOOLEAN) AS wasted,
    CAST(NULL AS VARCHAR) AS host,
    coalesce(sub_account_name, sub_account_id) AS sub_account,
    region_id AS region,
    fx_rate,
    reporting_rate,
    money_mul(share, fx_rate) AS amount_converted
FROM leaves
WHERE NOT is_share OR share <> 0
