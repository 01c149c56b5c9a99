/* What attempts at model APIs cost, by day of the reporting zone and class of tokens, with the list cost of their buckets:
what spend_days splits charges for all classes by. class: of the charge; NULL where it is for several. log: of the gateway's
records. provider: of an accrual, the provider by the registry. shown: the currency asked for where there is a rate, else
the own one. started_at: of the day's first attempt of its kind. Under the basis billed there are no accruals.

kept: changes are looked for in months of days, and a month of leaves is a few thousand rows here.
months: started_at of leaves

money: amount in shown
*/
WITH charged AS (
    SELECT charge_id, source
    FROM costs
    WHERE amount IS NOT NULL
        AND charge_category IN ('Usage', 'Purchase')
        AND (charge_class IS DISTINCT FROM 'Correction')
),

traced AS (
    SELECT
        l.started_at,
        h.source,
        l.request_source AS log,
        l.scope,
        l.provider,
        l.evidence,
        l.model,
        l.use_case,
        l.key_alias,
        t.class,
        CASE WHEN setting('currency') = 'native' OR l.fx_rate IS NULL THEN l.currency ELSE setting('currency') END AS shown,
        CASE WHEN setting('currency') = 'native' OR l.fx_rate IS NULL THEN 1 ELSE l.fx_rate END AS rate,
        l.amount,
        l.uncached_cost,
        l.read_cost,
        l.write_cost,
        l.output_cost
    FROM leaf_model_api AS l
    LEFT JOIN charged AS h ON h.charge_id = l.charge_id
    LEFT JOIN token_charges AS t ON t.charge_id = l.charge_id
    WHERE l.leaf = 'request'
        AND (h.charge_id IS NOT NULL OR l.evidence = 'accrued')
        AND (l.evidence = 'billed' OR setting('basis') <> 'billed')
)

SELECT
    min(started_at) AS started_at,
    local_day(started_at) AS day,
    source, log, scope, provider, evidence, model, use_case, key_alias, class, shown,
    sum_product(amount, rate) AS amount,
    CAST(sum(uncached_cost) AS DECIMAL(38, 18)) AS uncached_cost,
    CAST(sum(read_cost) AS DECIMAL(38, 18)) AS read_cost,
    CAST(sum(write_cost) AS DECIMAL(38, 18)) AS write_cost,
    CAST(sum(output_cost) AS DECIMAL(38, 18)) AS output_cost
FROM traced
GROUP BY local_day(started_at), source, log, scope, provider, evidence, model, use_case, key_alias, class, shown
