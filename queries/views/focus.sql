/* Charges in FOCUS's columns and words, of every version from 1.0 to 1.4: one row per line of a bill.

Amounts are those of the bill, in the currency of the bill. A column that the source of a charge does not have is
NULL. ProviderName (to 1.3) and ServiceProviderName (from 1.3) are two names of one thing, so that each stands in for
the other; all other provider columns are as delivered. Tags are a map: Tags['team'], Tags->>'team', and
json_extract_string(Tags, '$.team') say the same. Names need no quotes and may be written in any case.
focus_data_table is the same under the name that FOCUS's own queries use.

columns, others as in charges:
ProviderName: Who made the service available: ProviderName (1.0 to 1.3), else ServiceProviderName.
ServiceProviderName: Who made the service available: ServiceProviderName (1.3 on), else ProviderName.
BilledCost [BillingCurrency]: What the invoice asks for. NULL where the source has none.
EffectiveCost [BillingCurrency]: What was used, commitments amortised.
ListCost [BillingCurrency]: At list prices, before any discount.
ContractedCost [BillingCurrency]: At negotiated prices, before commitments.
ListUnitPrice, ContractedUnitPrice [BillingCurrency per PricingUnit]: The price of one PricingUnit at list, and as
  negotiated.
PricingCurrencyEffectiveCost [PricingCurrency]: EffectiveCost in the currency of the price list.
PricingCurrencyListUnitPrice, PricingCurrencyContractedUnitPrice [PricingCurrency per PricingUnit]: The unit prices in
  the currency of the price list.
PricingQuantity [PricingUnit]: How much the price was multiplied by.
ConsumedQuantity [ConsumedUnit]: How much was used.
CommitmentDiscountQuantity [CommitmentDiscountUnit]: How much of a commitment was bought or used (1.1 on).
x_ChargeId: The line of the bill, as charges.charge_id names it.
x_Source: Name under which the bill was delivered.

money: BilledCost, EffectiveCost, ListCost, ContractedCost, ListUnitPrice, ContractedUnitPrice in BillingCurrency
money: PricingCurrencyEffectiveCost, PricingCurrencyListUnitPrice, PricingCurrencyContractedUnitPrice in PricingCurrency
*/
SELECT
    allocated_method_details AS "AllocatedMethodDetails",
    allocated_method_id AS "AllocatedMethodId",
    allocated_resource_id AS "AllocatedResourceId",
    allocated_resource_name AS "AllocatedResourceName",
    allocated_tags AS "AllocatedTags",
    availability_zone AS "AvailabilityZone",
    billed_cost AS "BilledCost",
    billing_account_id AS "BillingAccountId",
    billing_account_name AS "BillingAccountName",
    billing_account_type AS "BillingAccountType",
    billing_currency AS "BillingCurrency",
    billing_period_end AS "BillingPeriodEnd",
    billing_period_start AS "BillingPeriodStart",
    capacity_reservation_id AS "CapacityReservationId",
    capacity_reservation_status AS "CapacityReservationStatus",
    charge_category AS "ChargeCategory",
    charge_class AS "ChargeClass",
    charge_description AS "ChargeDescription",
    charge_frequency AS "ChargeFrequency",
    charge_period_end AS "ChargePeriodEnd",
    charge_period_start AS "ChargePeriodStart",
    commitment_discount_category AS "CommitmentDiscountCategory",
    commitment_discount_id AS "CommitmentDiscountId",
    commitment_discount_name AS "CommitmentDiscountName",
    commitment_discount_quantity AS "CommitmentDiscountQuantity",
    commitment_discount_status AS "CommitmentDiscountStatus",
    commitment_discount_type AS "CommitmentDiscountType",
    commitment_discount_unit AS "CommitmentDiscountUnit",
    commitment_program_eligibility_details AS "CommitmentProgramEligibilityDetails",
    consumed_quantity AS "ConsumedQuantity",
    consumed_unit AS "ConsumedUnit",
    contract_applied AS "ContractApplied",
    contracted_cost AS "ContractedCost",
    contracted_unit_price AS "ContractedUnitPrice",
    effective_cost AS "EffectiveCost",
    host_provider_name AS "HostProviderName",
    invoice_detail_id AS "InvoiceDetailId",
    invoice_id AS "InvoiceId",
    invoice_issuer_name AS "InvoiceIssuerName",
    list_cost AS "ListCost",
    list_unit_price AS "ListUnitPrice",
    pricing_category AS "PricingCategory",
    pricing_currency AS "PricingCurrency",
    pricing_currency_contracted_unit_price AS "PricingCurrencyContractedUnitPrice",
    pricing_currency_effective_cost AS "PricingCurrencyEffectiveCost",
    pricing_currency_list_unit_price AS "PricingCurrencyListUnitPrice",
    pricing_quantity AS "PricingQuantity",
    pricing_unit AS "PricingUnit",
    coalesce(provider_name, provider) AS "ProviderName",
    publisher_name AS "PublisherName",
    region_id AS "RegionId",
    region_name AS "RegionName",
    resource_id AS "ResourceId",
    resource_name AS "ResourceName",
    resource_type AS "ResourceType",
    service_category AS "ServiceCategory",
    service_name AS "ServiceName",
    coalesce(service_provider_name, provider) AS "ServiceProviderName",
    service_subcategory AS "ServiceSubcategory",
    sku_id AS "SkuId",
    sku_meter AS "SkuMeter",
    sku_price_details AS "SkuPriceDetails",
    sku_price_id AS "SkuPriceId",
    sub_account_id AS "SubAccountId",
    sub_account_name AS "SubAccountName",
    sub_account_type AS "SubAccountType",
    tags AS "Tags",
    charge_id AS "x_ChargeId",
    source AS "x_Source"
FROM charges
