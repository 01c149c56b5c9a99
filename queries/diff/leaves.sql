/*
title = "The leaves of one side of a diff that stand where the sides disagree, with the facts under them"
description = """
Asked of both sides. diff_changed is the answer of changed.sql. charge names a line of a bill by what it says,
since a line that is delivered again has another file and row."""
*/
WITH places AS (
    SELECT coalesce(provider, '') AS provider, coalesce(service, '') AS service, day
    FROM diff_changed
    GROUP BY coalesce(provider, ''), coalesce(service, ''), day
),

leaves AS (
    SELECT
        *,
        charge_day(period_start, period_end) AS day,
        CASE WHEN setting('currency') <> 'native' AND fx_rate IS NOT NULL THEN setting('currency') ELSE currency END AS shown,
        CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
    FROM ledger
    WHERE
        charge_moment(period_start, period_end) >= $from AND charge_moment(period_start, period_end) < $to
        AND (evidence = 'billed' OR setting('basis') <> 'billed')
),

lines AS (
    SELECT
        charge_id,
        source,
        billing_month,
        file_hash,
        charge_period_start,
        charge_period_end,
        md5(
            array_to_string(
                make_array(
                    source, billing_month, provider, service_name, service_category, charge_category, charge_class,
                    charge_description, CAST(charge_period_start AS VARCHAR), CAST(charge_period_end AS VARCHAR),
                    CAST(billed_cost AS VARCHAR), CAST(effective_cost AS VARCHAR), CAST(list_cost AS VARCHAR),
                    CAST(contracted_cost AS VARCHAR), billing_currency, CAST(consumed_quantity AS VARCHAR),
                    consumed_unit, pricing_unit, sku_id, sku_meter, sku_price_id, sku_price_details, resource_id,
                    resource_name, sub_account_id, region_id, commitment_discount_id, commitment_discount_status,
                    array_to_string(map_keys(tags), '|', ''), array_to_string(map_values(tags), '|', ''),
                    array_to_string(map_keys(extra), '|', ''), array_to_string(map_values(extra), '|', '')
                ),
                '|',
                'NULL'
            )
        ) AS charge
    FROM charges
)

SELECT
    c.charge,
    c.source AS charge_source,
    c.billing_month,
    c.file_hash AS charge_file,
    c.charge_period_start,
    c.charge_period_end,
    r.source AS request_source,
    r.request_id,
    r.file_hash AS request_file,
    r.provider AS request_provider,
    r.model AS request_model,
    r.started_at,
    r.list_cost,
    l.host,
    l.kind,
    l.provider,
    l.service,
    l.leaf,
    l.evidence,
    l.scope,
    l.model,
    l.use_case,
    l.team,
    l.day,
    substr(CAST(l.day AS VARCHAR), 1, 7) AS month,
    l.currency AS native_currency,
    l.shown AS currency,
    sum(l.amount) AS native_amount,
    sum_product(l.amount, l.rate) AS amount
FROM leaves AS l
INNER JOIN places AS p
    ON p.provider = coalesce(l.provider, '') AND p.service = coalesce(l.service, '') AND p.day = l.day
LEFT JOIN lines AS c ON c.charge_id = l.charge_id
LEFT JOIN calls AS r ON r.request_id = l.request_id AND r.source = l.request_source
GROUP BY
    c.charge, c.source, c.billing_month, c.file_hash, c.charge_period_start, c.charge_period_end,
    r.source, r.request_id, r.file_hash, r.provider, r.model, r.started_at, r.list_cost,
    l.host, l.kind, l.provider, l.service, l.leaf, l.evidence, l.scope, l.model, l.use_case, l.team, l.day,
    l.currency, l.shown
