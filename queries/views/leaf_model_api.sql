/* Leaves of the charges of kind model_api, and the accruals: one row per charge and attempt of its pool
that carries a share (request), one per charge without an attempt (unmetered), one per priced attempt
that no charge covers (request, accrued).

The pool of a charge is the attempts of its provider that started inside its period: those of its model
where its texts name one; of models that are not in the registry where they name none and the units are
tokens; else all. What ran on provisioned throughput is in no such pool, but in that of the charges that pay for it, and
in none other. An attempt weighs the list cost of its buckets in the charge's token classes (where it is of all
classes, what is metered by the request too; of provisioned ones what they would cost on demand); where all
weigh nothing, each weighs 1. Shares follow (started_at, source, request_id). A charge without an amount under the
basis covers its attempts all the same: the bill is here, and an accrual beside it would call it late. It makes
no leaf, and reconciliation counts it in null_amounts. One pass over calls in order serves
all three kinds of leaves. period_start and period_end are the charge's own, an accrual's the hour of its
attempt. request_region: of the attempt; uncached_cost … output_cost: its list cost by bucket.

kept: ledger, tasks and the weights of sharing read it.
months: period_start of charges

money: amount in currency
*/
-- Every model of the registry, and '' for those that are in none.
WITH pool_names AS (
    SELECT provider, model AS pool FROM models
    UNION ALL
    SELECT provider, '' AS pool FROM providers
    UNION ALL
    SELECT '' AS provider, CAST(rule AS VARCHAR) AS pool FROM provisioned_rules
),

-- Throughput that is provisioned is a pool of its own, beside all providers, and has no classes.
claims AS (
    SELECT
        charge_id,
        charge_period_start,
        charge_period_end,
        CASE WHEN provisioned_rule IS NULL THEN provider_id ELSE '' END AS provider_id,
        CASE WHEN provisioned_rule IS NULL THEN pool ELSE CAST(provisioned_rule AS VARCHAR) END AS pool,
        of_uncached OR provisioned_rule IS NOT NULL AS of_uncached,
        of_read OR provisioned_rule IS NOT NULL AS of_read,
        of_write OR provisioned_rule IS NOT NULL AS of_write,
        of_output OR provisioned_rule IS NOT NULL AS of_output
    FROM token_charges
),

-- Days make the join with attempts one on equal keys.
pools AS (
    SELECT
        c.charge_id,
        c.provider_id,
        n.pool,
        c.charge_period_start,
        c.charge_period_end,
        c.of_uncached,
        c.of_read,
        c.of_write,
        c.of_output,
        unnest(
            generate_series(
                CAST(c.charge_period_start AS DATE),
                CAST(c.charge_period_end - INTERVAL '1 microsecond' AS DATE),
                INTERVAL '1' DAY
            )
        ) AS day
    FROM claims AS c
    INNER JOIN pool_names AS n ON n.provider = c.provider_id AND (c.pool = '*' OR c.pool = n.pool)
    WHERE c.charge_period_start < c.charge_period_end
),

attempts AS (
    SELECT
        source,
        request_id,
        day,
        task_id,
        started_at,
        provider,
        model,
        CASE WHEN provisioned_rule IS NULL THEN provider ELSE '' END AS pool_of,
        CASE
            WHEN provisioned_rule IS NOT NULL THEN CAST(provisioned_rule AS VARCHAR)
            WHEN registered THEN model
            ELSE ''
        END AS pool,
        use_case,
        team,
        key_alias,
        region,
        status = 'failure' OR superseded AS wasted,
        price_status,
        list_cost,
        list_currency,
        coalesce(uncached_cost, 0) AS uncached_cost,
        coalesce(read_cost, 0) AS read_cost,
        coalesce(write_cost, 0) AS write_cost,
        coalesce(output_cost, 0) AS output_cost,
        coalesce(request_cost, 0) AS request_cost
    FROM calls
    WHERE NOT gateway_cache_hit
),

covered AS (
    SELECT
        true AS attempted,
        p.charge_id AS covered_by,
        a.source AS request_source,
        a.request_id,
        a.task_id,
        a.started_at,
        a.provider AS attempt_provider,
        a.model AS attempt_model,
        a.use_case,
        a.team,
        a.key_alias,
        a.region AS attempt_region,
        a.uncached_cost,
        a.read_cost,
        a.write_cost,
        a.output_cost,
        a.wasted,
        a.list_cost,
        a.list_currency,
        CASE WHEN p.charge_id IS NULL THEN a.list_currency END AS accrued_currency,
        CASE WHEN p.charge_id IS NULL THEN right(a.request_id, 2) ELSE '' END AS lot,
        a.day,
        CASE WHEN p.of_uncached THEN a.uncached_cost ELSE 0 END
        + CASE WHEN p.of_read THEN a.read_cost ELSE 0 END
        + CASE WHEN p.of_write THEN a.write_cost ELSE 0 END
        + CASE WHEN p.of_output THEN a.output_cost ELSE 0 END
        + CASE
            WHEN p.of_uncached AND p.of_read AND p.of_write AND p.of_output THEN a.request_cost
            ELSE 0
        END AS weight
    FROM pools AS p
    RIGHT JOIN attempts AS a
        ON a.pool_of = p.provider_id
        AND a.pool = p.pool
        AND a.day = p.day
        AND a.started_at >= p.charge_period_start
        AND a.started_at < p.charge_period_end
    WHERE p.charge_id IS NOT NULL OR a.price_status = 'priced'
),

totals AS (
    SELECT covered_by, sum(weight) AS total, count(*) AS places
    FROM covered
    WHERE covered_by IS NOT NULL
    GROUP BY covered_by
),

-- What no charge covers is weighed by nothing: it stands in a few lots, since windows over many partitions of one
-- row would take longest.
weighed AS (
    SELECT
        *,
        sum(weight) OVER so_far AS upto,
        row_number() OVER so_far AS place
    FROM covered
    WINDOW
        so_far AS (
            PARTITION BY covered_by, lot ORDER BY started_at, request_source, request_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
),

charged AS (
    SELECT c.*, true AS billed, t.total, t.places
    FROM costs AS c
    LEFT JOIN totals AS t ON t.covered_by = c.charge_id
    WHERE c.kind = 'model_api'
),

leaves AS (
    SELECT
        c.billed IS NULL AS accrued,
        w.attempted IS NULL AS unmetered,
        CASE
            WHEN c.billed IS NULL THEN w.list_cost
            WHEN w.attempted IS NULL THEN c.amount
            WHEN c.total = 0 THEN apportion(c.amount, w.place - 1, w.place, c.places)
            ELSE apportion(c.amount, w.upto - w.weight, w.upto, c.total)
        END AS share,
        c.charge_id,
        c.charge_period_start,
        c.charge_period_end,
        c.scope,
        c.provider,
        c.service_name,
        c.model AS charge_model,
        c.currency,
        coalesce(c.sub_account_name, c.sub_account_id) AS sub_account,
        c.region_id,
        c.fx_rate,
        c.reporting_rate,
        fx_rate(w.accrued_currency, setting('currency'), w.day) AS accrued_fx_rate,
        fx_rate(w.accrued_currency, setting('reporting_currency'), w.day) AS accrued_reporting_rate,
        w.*
    FROM charged AS c
    FULL JOIN weighed AS w ON w.covered_by = c.charge_id
)

SELECT
    CASE WHEN accrued THEN date_trunc('hour', started_at) ELSE charge_period_start END AS period_start,
    CASE
        WHEN accrued THEN date_trunc('hour', started_at) + INTERVAL '1' HOUR ELSE charge_period_end
    END AS period_end,
    CASE WHEN unmetered THEN 'unmetered' ELSE 'request' END AS leaf,
    'model_api' AS kind,
    CASE WHEN accrued THEN 'AI' ELSE scope END AS scope,
    CASE WHEN accrued THEN attempt_provider ELSE provider END AS provider,
    service_name AS service,
    CASE WHEN unmetered THEN charge_model ELSE attempt_model END AS model,
    use_case,
    team,
    key_alias,
    CASE WHEN accrued THEN list_currency ELSE currency END AS currency,
    share AS amount,
    CASE WHEN accrued THEN 'accrued' ELSE 'billed' END AS evidence,
    false AS modelled,
    charge_id,
    task_id,
    request_id,
    request_source,
    started_at,
    wasted,
    CAST(NULL AS VARCHAR) AS host,
    sub_account,
    CASE WHEN accrued THEN attempt_region ELSE region_id END AS region,
    CASE WHEN accrued THEN accrued_fx_rate ELSE fx_rate END AS fx_rate,
    CASE WHEN accrued THEN accrued_reporting_rate ELSE reporting_rate END AS reporting_rate,
    money_mul(share, CASE WHEN accrued THEN accrued_fx_rate ELSE fx_rate END) AS amount_converted,
    attempt_region AS request_region,
    uncached_cost,
    read_cost,
    write_cost,
    output_cost
FROM leaves
WHERE share IS NOT NULL AND (unmetered OR accrued OR share <> 0)
