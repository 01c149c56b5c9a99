/*
title = "Our own charges as FOCUS 1.2: whole ($grain = 'charges'), or split to who used what ($grain = 'usage')"
description = """
Both grains hold each charge whose period starts in the window, once: Σ BilledCost is the bill's, to the last digit.
usage: a charge of which the ledger has several leaves stands as one row per leaf, use case, team, key, model, host, UTC
day and class of tokens; each of its amounts and quantities is apportioned by the leaves under setting('basis'), so that
the parts add up to it, and x_AllocatedFrom names it. A leaf of a charge that mixes classes of tokens is parted by what
each class costs at list. ConsumedQuantity: the tokens that the charge counts, apportioned; those that the gateway
saw where the charge counts none. x_MeteredTokens and x_Requests are what the gateway saw in either case.

What FOCUS asks for and a bill does not say is put in by the rules below, and x_Derived names the columns. A cost that
no column of the bill has stays NULL. SkuPriceDetails: FOCUS 1.2 knows no token properties, so their keys begin with x_.
"""
*/
WITH charged AS (
    SELECT
        *,
        charge_category IN ('Usage', 'Purchase') AND charge_class IS DISTINCT FROM 'Correction' AS priced,
        coalesce(effective_cost, billed_cost) AS effective,
        coalesce(list_cost, contracted_cost, effective_cost, billed_cost) AS listed,
        coalesce(contracted_cost, list_cost, effective_cost, billed_cost) AS contracted,
        coalesce(service_category, 'Other') AS category,
        max(CASE WHEN service_subcategory NOT LIKE 'Other%' THEN service_subcategory END) OVER (
            PARTITION BY provider, service_name, service_category
        ) AS known_subcategory
    FROM costs
    WHERE charge_period_start >= $from AND charge_period_start < $to
),

-- What cannot be told from one another by price has one quantity: 1, or -1 where it is a refund.
quantified AS (
    SELECT
        *,
        CASE
            WHEN charge_category = 'Tax' THEN NULL
            WHEN pricing_quantity IS NOT NULL OR NOT priced THEN pricing_quantity
            WHEN listed < 0 THEN CAST(-1 AS DECIMAL(38, 18))
            ELSE CAST(1 AS DECIMAL(38, 18))
        END AS quantity,
        CASE
            WHEN charge_category = 'Tax' THEN NULL
            WHEN pricing_quantity IS NOT NULL THEN coalesce(pricing_unit, 'Units')
            WHEN priced THEN 'Units'
        END AS unit,
        CASE
            WHEN charge_category = 'Tax' THEN NULL
            WHEN sku_id IS NOT NULL OR NOT priced THEN sku_id
            ELSE concat_ws('/', provider, service_name, coalesce(sku_meter, resource_type))
        END AS sku
    FROM charged
),

filled AS (
    SELECT
        *,
        CASE
            WHEN charge_category = 'Tax' THEN NULL
            WHEN list_unit_price IS NOT NULL OR NOT priced THEN list_unit_price
            ELSE ratio(listed, quantity)
        END AS list_price,
        CASE
            WHEN charge_category = 'Tax' THEN NULL
            WHEN contracted_unit_price IS NOT NULL OR NOT priced THEN contracted_unit_price
            ELSE ratio(contracted, quantity)
        END AS contracted_price,
        CASE
            WHEN charge_category = 'Tax' THEN NULL
            WHEN sku_price_id IS NOT NULL OR NOT priced THEN sku_price_id
            ELSE sku
        END AS sku_price,
        CASE
            WHEN service_subcategory LIKE 'Other%' AND service_subcategory <> concat('Other (', category, ')')
                THEN coalesce(known_subcategory, concat('Other (', category, ')'))
            ELSE coalesce(service_subcategory, known_subcategory, concat('Other (', category, ')'))
        END AS subcategory,
        coalesce(pricing_currency, billing_currency) AS priced_in
    FROM quantified
),

leaves AS (
    SELECT
        l.charge_id,
        l.leaf,
        l.model,
        l.use_case,
        l.team,
        l.host,
        l.modelled,
        l.request_source,
        l.request_id,
        l.amount,
        l.period_start,
        l.started_at
    FROM ledger AS l
    INNER JOIN charged AS c ON c.charge_id = l.charge_id
    WHERE $grain = 'usage' AND l.evidence = 'billed'
),

attempts AS (
    SELECT
        l.*,
        a.key_alias,
        a.provider AS attempt_provider,
        t.class,
        coalesce(l.request_id IS NOT NULL AND (t.tokens IS NOT NULL OR t.consumed_quantity IS NULL), false)
        AND t.charge_id IS NOT NULL AS of_tokens,
        CASE WHEN t.of_uncached THEN coalesce(a.uncached_cost, 0) ELSE 0 END AS uncached_cost,
        CASE WHEN t.of_read THEN coalesce(a.read_cost, 0) ELSE 0 END AS read_cost,
        CASE WHEN t.of_write THEN coalesce(a.write_cost, 0) ELSE 0 END AS write_cost,
        CASE WHEN t.of_output THEN coalesce(a.output_cost, 0) ELSE 0 END AS output_cost,
        a.uncached_input,
        a.cache_read,
        a.cache_write,
        a.output
    FROM leaves AS l
    LEFT JOIN calls AS a ON a.source = l.request_source AND a.request_id = l.request_id
    LEFT JOIN token_charges AS t ON t.charge_id = l.charge_id
),

classes AS (
    SELECT 'uncached_input' AS piece, 'Input' AS direction, 'Uncached' AS cache_action
    UNION ALL
    SELECT 'cache_read' AS piece, 'Input' AS direction, 'Read' AS cache_action
    UNION ALL
    SELECT 'cache_write' AS piece, 'Input' AS direction, 'Write' AS cache_action
    UNION ALL
    SELECT 'output' AS piece, 'Output' AS direction, CAST(NULL AS VARCHAR) AS cache_action
),

-- A charge of one class: its leaves are of it. Of several: a leaf is parted by their costs, where there are any.
mixed AS (
    SELECT
        a.*,
        p.piece,
        uncached_cost + read_cost + write_cost + output_cost AS whole,
        CASE p.piece
            WHEN 'uncached_input' THEN 0
            WHEN 'cache_read' THEN uncached_cost
            WHEN 'cache_write' THEN uncached_cost + read_cost
            ELSE uncached_cost + read_cost + write_cost
        END AS below,
        CASE p.piece
            WHEN 'uncached_input' THEN uncached_cost
            WHEN 'cache_read' THEN uncached_cost + read_cost
            WHEN 'cache_write' THEN uncached_cost + read_cost + write_cost
            ELSE uncached_cost + read_cost + write_cost + output_cost
        END AS upto
    FROM attempts AS a
    CROSS JOIN classes AS p
    WHERE a.of_tokens AND a.class IS NULL AND a.uncached_cost + a.read_cost + a.write_cost + a.output_cost > 0
),

pieces AS (
    SELECT * EXCEPT (piece, whole, below, upto), piece, apportion(amount, below, upto, whole) AS share
    FROM mixed
    WHERE upto > below
    UNION ALL
    SELECT *, CASE WHEN of_tokens THEN class END AS piece, amount AS share
    FROM attempts
    WHERE NOT (of_tokens AND class IS NULL AND uncached_cost + read_cost + write_cost + output_cost > 0)
),

grouped AS (
    SELECT
        charge_id,
        leaf,
        model,
        use_case,
        team,
        key_alias,
        attempt_provider,
        host,
        piece,
        CAST(coalesce(started_at, period_start) AS DATE) AS day,
        bool_or(modelled) AS modelled,
        count(request_id) AS requests,
        sum(
            CASE
                WHEN piece = 'uncached_input' THEN uncached_input
                WHEN piece = 'cache_read' THEN cache_read
                WHEN piece = 'cache_write' THEN cache_write
                WHEN piece = 'output' THEN output
                ELSE uncached_input + cache_read + cache_write + output
            END
        ) AS tokens,
        abs(sum(share)) AS weight
    FROM pieces
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
),

shares AS (
    SELECT
        *,
        sum(weight) OVER in_order AS upto,
        row_number() OVER in_order AS place,
        sum(weight) OVER charge AS total,
        count(*) OVER charge AS places
    FROM grouped
    WINDOW
        in_order AS (
            PARTITION BY charge_id
            ORDER BY day, leaf, model, use_case, team, key_alias, attempt_provider, host, piece
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ),
        charge AS (PARTITION BY charge_id)
),

-- Bounds of every row in its charge: of 1 where it is the whole.
lines AS (
    SELECT
        c.*,
        s.leaf,
        s.model AS leaf_model,
        s.use_case,
        s.team,
        s.key_alias,
        s.attempt_provider,
        s.host,
        s.modelled,
        s.requests,
        s.tokens AS metered_tokens,
        s.day,
        p.direction,
        p.cache_action,
        s.piece,
        coalesce(s.places, 1) AS places,
        t.tokens AS charge_tokens,
        CASE WHEN s.total > 0 THEN s.upto - s.weight ELSE CAST(coalesce(s.place - 1, 0) AS DECIMAL(38, 18)) END AS low,
        CASE WHEN s.total > 0 THEN s.upto ELSE CAST(coalesce(s.place, 1) AS DECIMAL(38, 18)) END AS high,
        CASE WHEN s.total > 0 THEN s.total ELSE CAST(coalesce(s.places, 1) AS DECIMAL(38, 18)) END AS total
    FROM filled AS c
    LEFT JOIN shares AS s ON s.charge_id = c.charge_id
    LEFT JOIN classes AS p ON p.piece = s.piece
    LEFT JOIN token_charges AS t ON $grain = 'usage' AND t.charge_id = c.charge_id
),

-- Tokens of a split line are the charge's own where it counts them; else what the gateway saw.
parts AS (
    SELECT
        *,
        apportion(billed_cost, low, high, total) AS part_billed,
        apportion(effective, low, high, total) AS part_effective,
        apportion(listed, low, high, total) AS part_listed,
        apportion(contracted, low, high, total) AS part_contracted,
        apportion(quantity, low, high, total) AS part_quantity,
        CASE
            WHEN charge_category <> 'Usage' OR commitment_discount_status IS NOT DISTINCT FROM 'Unused' THEN NULL
            WHEN charge_tokens IS NOT NULL THEN apportion(charge_tokens, low, high, total)
            WHEN consumed_quantity IS NOT NULL THEN apportion(consumed_quantity, low, high, total)
            WHEN piece IS NOT NULL THEN CAST(metered_tokens AS DECIMAL(38, 18))
        END AS consumed,
        CASE
            WHEN charge_tokens IS NOT NULL THEN 'Tokens'
            WHEN consumed_quantity IS NOT NULL THEN coalesce(consumed_unit, 'Units')
            WHEN piece IS NOT NULL THEN 'Tokens'
        END AS consumed_in,
        charge_tokens IS NULL AND consumed_quantity IS NULL AND piece IS NOT NULL AS consumed_metered,
        CASE
            WHEN priced_in = billing_currency THEN apportion(effective, low, high, total)
            ELSE apportion(pricing_currency_effective_cost, low, high, total)
        END AS part_priced_in,
        CASE
            WHEN commitment_discount_id IS NOT NULL AND priced
                THEN apportion(commitment_discount_quantity, low, high, total)
        END AS part_commitment,
        CASE
            WHEN places > 1
                THEN greatest(charge_period_start, arrow_cast(day, 'Timestamp(Microsecond, Some("UTC"))'))
            ELSE charge_period_start
        END AS part_start,
        CASE
            WHEN places > 1 AND requests > 0
                THEN least(
                    charge_period_end,
                    arrow_cast(day, 'Timestamp(Microsecond, Some("UTC"))') + INTERVAL '1' DAY
                )
            ELSE charge_period_end
        END AS part_end,
        concat_ws(
            ',',
            CASE WHEN direction IS NOT NULL THEN concat('"x_TokenDirection":"', direction, '"') END,
            CASE WHEN cache_action IS NOT NULL THEN concat('"x_TokenCacheAction":"', cache_action, '"') END
        ) AS token_properties,
        nullif(trim(trim(sku_price_details), '{}'), '') AS properties
    FROM lines
)

SELECT
    availability_zone AS "AvailabilityZone",
    part_billed AS "BilledCost",
    coalesce(billing_account_id, source) AS "BillingAccountId",
    billing_account_name AS "BillingAccountName",
    coalesce(billing_account_type, 'Billing Account') AS "BillingAccountType",
    billing_currency AS "BillingCurrency",
    billing_period_end AS "BillingPeriodEnd",
    billing_period_start AS "BillingPeriodStart",
    capacity_reservation_id AS "CapacityReservationId",
    capacity_reservation_status AS "CapacityReservationStatus",
    charge_category AS "ChargeCategory",
    charge_class AS "ChargeClass",
    coalesce(charge_description, sku_meter, service_name) AS "ChargeDescription",
    CASE
        WHEN lower(charge_frequency) = 'one-time' THEN 'One-Time'
        WHEN lower(charge_frequency) = 'recurring' THEN 'Recurring'
        WHEN lower(charge_frequency) = 'usage-based' THEN 'Usage-Based'
        WHEN charge_category = 'Purchase' THEN 'One-Time'
        ELSE 'Usage-Based'
    END AS "ChargeFrequency",
    part_end AS "ChargePeriodEnd",
    part_start AS "ChargePeriodStart",
    CASE WHEN commitment_discount_id IS NOT NULL THEN commitment_discount_category END AS "CommitmentDiscountCategory",
    commitment_discount_id AS "CommitmentDiscountId",
    CASE WHEN commitment_discount_id IS NOT NULL THEN commitment_discount_name END AS "CommitmentDiscountName",
    part_commitment AS "CommitmentDiscountQuantity",
    CASE WHEN commitment_discount_id IS NOT NULL THEN commitment_discount_status END AS "CommitmentDiscountStatus",
    CASE
        WHEN commitment_discount_id IS NOT NULL THEN coalesce(commitment_discount_type, 'Commitment')
    END AS "CommitmentDiscountType",
    CASE WHEN part_commitment IS NOT NULL THEN coalesce(commitment_discount_unit, 'Units') END
        AS "CommitmentDiscountUnit",
    consumed AS "ConsumedQuantity",
    CASE WHEN consumed IS NOT NULL THEN consumed_in END AS "ConsumedUnit",
    part_contracted AS "ContractedCost",
    contracted_price AS "ContractedUnitPrice",
    part_effective AS "EffectiveCost",
    invoice_id AS "InvoiceId",
    coalesce(invoice_issuer_name, provider_name, provider) AS "InvoiceIssuerName",
    part_listed AS "ListCost",
    list_price AS "ListUnitPrice",
    CASE
        WHEN charge_category = 'Tax' THEN NULL
        WHEN pricing_category IS NULL AND priced THEN 'Other'
        ELSE pricing_category
    END AS "PricingCategory",
    priced_in AS "PricingCurrency",
    CASE
        WHEN priced_in = billing_currency THEN contracted_price
        ELSE pricing_currency_contracted_unit_price
    END AS "PricingCurrencyContractedUnitPrice",
    part_priced_in AS "PricingCurrencyEffectiveCost",
    CASE
        WHEN priced_in = billing_currency THEN list_price
        ELSE pricing_currency_list_unit_price
    END AS "PricingCurrencyListUnitPrice",
    part_quantity AS "PricingQuantity",
    CASE WHEN part_quantity IS NOT NULL THEN unit END AS "PricingUnit",
    coalesce(provider_name, service_provider_name, provider) AS "ProviderName",
    coalesce(publisher_name, provider_name, provider) AS "PublisherName",
    region_id AS "RegionId",
    CASE WHEN region_id IS NOT NULL THEN coalesce(region_name, region_id) END AS "RegionName",
    resource_id AS "ResourceId",
    CASE WHEN resource_id IS NOT NULL THEN resource_name END AS "ResourceName",
    CASE WHEN resource_id IS NOT NULL THEN coalesce(resource_type, 'Resource') END AS "ResourceType",
    category AS "ServiceCategory",
    coalesce(service_name, provider) AS "ServiceName",
    subcategory AS "ServiceSubcategory",
    sku AS "SkuId",
    CASE WHEN sku IS NOT NULL THEN coalesce(sku_meter, service_name, provider) END AS "SkuMeter",
    CASE
        WHEN sku_price IS NULL THEN NULL
        WHEN token_properties = '' THEN sku_price_details
        ELSE concat('{', concat_ws(',', properties, token_properties), '}')
    END AS "SkuPriceDetails",
    sku_price AS "SkuPriceId",
    sub_account_id AS "SubAccountId",
    CASE WHEN sub_account_id IS NOT NULL THEN coalesce(sub_account_name, sub_account_id) END AS "SubAccountName",
    CASE WHEN sub_account_id IS NOT NULL THEN coalesce(sub_account_type, 'Sub Account') END AS "SubAccountType",
    tags AS "Tags",
    CASE WHEN places > 1 THEN charge_id END AS "x_AllocatedFrom",
    allocated_method_details AS "x_AllocatedMethodDetails",
    allocated_method_id AS "x_AllocatedMethodId",
    allocated_resource_id AS "x_AllocatedResourceId",
    allocated_resource_name AS "x_AllocatedResourceName",
    allocated_tags AS "x_AllocatedTags",
    charge_id AS "x_ChargeId",
    nullif(
        concat_ws(
            ',',
            CASE WHEN billing_account_id IS NULL THEN 'BillingAccountId' END,
            CASE WHEN billing_account_type IS NULL THEN 'BillingAccountType' END,
            CASE WHEN charge_description IS NULL THEN 'ChargeDescription' END,
            CASE WHEN charge_frequency IS NULL THEN 'ChargeFrequency' END,
            CASE WHEN consumed_metered AND consumed IS NOT NULL THEN 'ConsumedQuantity' END,
            CASE WHEN contracted_cost IS NULL THEN 'ContractedCost' END,
            CASE WHEN contracted_unit_price IS NULL AND contracted_price IS NOT NULL THEN 'ContractedUnitPrice' END,
            CASE WHEN effective_cost IS NULL THEN 'EffectiveCost' END,
            CASE WHEN invoice_issuer_name IS NULL THEN 'InvoiceIssuerName' END,
            CASE WHEN list_cost IS NULL THEN 'ListCost' END,
            CASE WHEN list_unit_price IS NULL AND list_price IS NOT NULL THEN 'ListUnitPrice' END,
            CASE WHEN pricing_category IS NULL AND priced THEN 'PricingCategory' END,
            CASE WHEN pricing_currency IS NULL THEN 'PricingCurrency' END,
            CASE WHEN pricing_quantity IS NULL AND quantity IS NOT NULL THEN 'PricingQuantity' END,
            CASE WHEN publisher_name IS NULL THEN 'PublisherName' END,
            CASE WHEN service_category IS NULL THEN 'ServiceCategory' END,
            CASE WHEN service_name IS NULL THEN 'ServiceName' END,
            CASE WHEN service_subcategory IS DISTINCT FROM subcategory THEN 'ServiceSubcategory' END,
            CASE WHEN sku_id IS NULL AND sku IS NOT NULL THEN 'SkuId' END,
            CASE WHEN sku_meter IS NULL AND sku IS NOT NULL THEN 'SkuMeter' END,
            CASE WHEN sku_price_id IS NULL AND sku_price IS NOT NULL THEN 'SkuPriceId' END
        ),
        ''
    ) AS "x_Derived",
    host AS "x_Host",
    host_provider_name AS "x_HostProviderName",
    key_alias AS "x_KeyAlias",
    kind AS "x_Kind",
    leaf AS "x_Leaf",
    metered_tokens AS "x_MeteredTokens",
    coalesce(leaf_model, model) AS "x_Model",
    attempt_provider AS "x_ModelProvider",
    modelled AS "x_Modelled",
    requests AS "x_Requests",
    scope AS "x_Scope",
    scope_rule AS "x_ScopeRule",
    service_provider_name AS "x_ServiceProviderName",
    source AS "x_Source",
    split_parent_resource_id AS "x_SplitParentResourceId",
    team AS "x_Team",
    use_case AS "x_UseCase"
FROM parts
ORDER BY
    billing_period_start, source, charge_period_start, charge_id, part_start, leaf, leaf_model, use_case, team,
    key_alias, attempt_provider, host, piece
