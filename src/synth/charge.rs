//! One billed line in FOCUS's words, and the columns of each version as its publishers write them.

use super::portfolio::Focus;
use crate::base::money::format_short;
use std::borrow::Cow;

/// Texts are what the file says; NULL is empty.
#[derive(Clone, Default)]
pub(super) struct Charge {
    pub provider: Cow<'static, str>,
    pub issuer: &'static str,
    pub invoice: String,
    pub account: (&'static str, &'static str),
    pub sub_account: (&'static str, &'static str),
    pub billing: (String, String),
    pub period: (String, String),
    pub category: &'static str,
    pub class: &'static str,
    pub description: Cow<'static, str>,
    pub frequency: &'static str,
    pub billed: i128,
    pub effective: i128,
    pub list: i128,
    pub contracted: i128,
    pub list_price: Option<i128>,
    pub contracted_price: Option<i128>,
    pub pricing_category: &'static str,
    /// Scale 18.
    pub quantity: Option<i128>,
    pub consumed: Option<i128>,
    pub unit: &'static str,
    pub currency: &'static str,
    pub service: &'static str,
    pub service_category: &'static str,
    pub service_subcategory: &'static str,
    pub sku: Cow<'static, str>,
    pub meter: Cow<'static, str>,
    pub resource_id: Cow<'static, str>,
    pub resource_name: Cow<'static, str>,
    pub resource_type: &'static str,
    pub region: &'static str,
    pub commitment: Option<Discount>,
    pub tags: &'static str,
}

#[derive(Clone)]
pub(super) struct Discount {
    pub id: &'static str,
    pub name: &'static str,
    /// Used, Unused, or empty on the purchase itself.
    pub status: &'static str,
    pub quantity: i128,
}

pub(super) type Field = for<'a> fn(&'a Charge) -> Cow<'a, str>;

fn decimal(amount: i128) -> Cow<'static, str> {
    Cow::Owned(format_short(amount))
}

fn maybe(amount: Option<i128>) -> Cow<'static, str> {
    amount.map_or(Cow::Borrowed(""), decimal)
}

fn nothing(_: &Charge) -> Cow<'_, str> {
    Cow::Borrowed("")
}

fn commitment<'a>(charge: &'a Charge, of: impl Fn(&'a Discount) -> Cow<'a, str>) -> Cow<'a, str> {
    charge.commitment.as_ref().map_or(Cow::Borrowed(""), of)
}

/// How a column is filled. Columns that are not listed are NULL in these bills.
#[rustfmt::skip]
const FIELDS: &[(&str, Field)] = &[
    ("ProviderName", |c| (&*c.provider).into()),
    ("PublisherName", |c| (&*c.provider).into()),
    ("ServiceProviderName", |c| (&*c.provider).into()),
    ("HostProviderName", |c| (&*c.provider).into()),
    ("InvoiceIssuerName", |c| c.issuer.into()),
    ("InvoiceId", |c| (&*c.invoice).into()),
    ("BillingAccountId", |c| c.account.0.into()),
    ("BillingAccountName", |c| c.account.1.into()),
    ("BillingAccountType", |_| "Organisation".into()),
    ("SubAccountId", |c| c.sub_account.0.into()),
    ("SubAccountName", |c| c.sub_account.1.into()),
    ("SubAccountType", |_| "Project".into()),
    ("BillingPeriodStart", |c| (&*c.billing.0).into()),
    ("BillingPeriodEnd", |c| (&*c.billing.1).into()),
    ("ChargePeriodStart", |c| (&*c.period.0).into()),
    ("ChargePeriodEnd", |c| (&*c.period.1).into()),
    ("ChargeCategory", |c| c.category.into()),
    ("ChargeClass", |c| c.class.into()),
    ("ChargeDescription", |c| (&*c.description).into()),
    ("ChargeFrequency", |c| c.frequency.into()),
    ("BilledCost", |c| decimal(c.billed)),
    ("EffectiveCost", |c| decimal(c.effective)),
    ("ListCost", |c| decimal(c.list)),
    ("ContractedCost", |c| decimal(c.contracted)),
    ("ListUnitPrice", |c| maybe(c.list_price)),
    ("ContractedUnitPrice", |c| maybe(c.contracted_price)),
    ("PricingCategory", |c| c.pricing_category.into()),
    ("PricingQuantity", |c| maybe(c.quantity)),
    ("PricingUnit", |c| if c.quantity.is_some() { c.unit.into() } else { "".into() }),
    ("PricingCurrency", |c| c.currency.into()),
    ("PricingCurrencyContractedUnitPrice", |c| maybe(c.contracted_price)),
    ("PricingCurrencyEffectiveCost", |c| decimal(c.effective)),
    ("PricingCurrencyListUnitPrice", |c| maybe(c.list_price)),
    ("BillingCurrency", |c| c.currency.into()),
    ("ConsumedQuantity", |c| maybe(c.consumed)),
    ("ConsumedUnit", |c| if c.consumed.is_some() { c.unit.into() } else { "".into() }),
    ("ServiceName", |c| c.service.into()),
    ("ServiceCategory", |c| c.service_category.into()),
    ("ServiceSubcategory", |c| c.service_subcategory.into()),
    ("SkuId", |c| (&*c.sku).into()),
    ("SkuMeter", |c| (&*c.meter).into()),
    ("ResourceId", |c| (&*c.resource_id).into()),
    ("ResourceName", |c| (&*c.resource_name).into()),
    ("ResourceType", |c| c.resource_type.into()),
    ("RegionId", |c| c.region.into()),
    ("RegionName", |c| c.region.into()),
    ("CommitmentDiscountId", |c| commitment(c, |d| d.id.into())),
    ("CommitmentDiscountName", |c| commitment(c, |d| d.name.into())),
    ("CommitmentDiscountCategory", |c| commitment(c, |_| "Usage".into())),
    ("CommitmentDiscountType", |c| commitment(c, |_| "Reserved Instance".into())),
    ("CommitmentDiscountStatus", |c| commitment(c, |d| d.status.into())),
    ("CommitmentDiscountQuantity", |c| commitment(c, |d| decimal(d.quantity))),
    ("CommitmentDiscountUnit", |c| commitment(c, |_| "Hours".into())),
    ("Tags", |c| c.tags.into()),
];

const V1_0: &str = "AvailabilityZone BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodEnd \
    BillingPeriodStart ChargeCategory ChargeClass ChargeDescription ChargeFrequency ChargePeriodEnd ChargePeriodStart \
    CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName CommitmentDiscountStatus CommitmentDiscountType \
    ConsumedQuantity ConsumedUnit ContractedCost ContractedUnitPrice EffectiveCost InvoiceIssuerName ListCost ListUnitPrice \
    PricingCategory PricingQuantity PricingUnit ProviderName PublisherName RegionId RegionName ResourceId ResourceName \
    ResourceType ServiceCategory ServiceName SkuId SkuPriceId SubAccountId SubAccountName Tags";

const V1_2: &str = "ProviderName PublisherName InvoiceIssuerName InvoiceId BillingAccountId BillingAccountName BillingAccountType \
    SubAccountId SubAccountName SubAccountType BillingPeriodStart BillingPeriodEnd ChargePeriodStart ChargePeriodEnd \
    ChargeCategory ChargeClass ChargeDescription ChargeFrequency BilledCost EffectiveCost ListCost ContractedCost ListUnitPrice \
    ContractedUnitPrice PricingCategory PricingQuantity PricingUnit PricingCurrency PricingCurrencyContractedUnitPrice \
    PricingCurrencyEffectiveCost PricingCurrencyListUnitPrice BillingCurrency ConsumedQuantity ConsumedUnit ServiceName \
    ServiceCategory ServiceSubcategory SkuId SkuMeter SkuPriceId SkuPriceDetails ResourceId ResourceName ResourceType RegionId \
    RegionName AvailabilityZone CommitmentDiscountId CommitmentDiscountName CommitmentDiscountCategory CommitmentDiscountType \
    CommitmentDiscountStatus CommitmentDiscountQuantity CommitmentDiscountUnit CapacityReservationId CapacityReservationStatus \
    Tags";

const V1_3: &str = "ProviderName PublisherName ServiceProviderName HostProviderName InvoiceIssuerName InvoiceId BillingAccountId \
    BillingAccountName BillingAccountType SubAccountId SubAccountName SubAccountType BillingPeriodStart BillingPeriodEnd \
    ChargePeriodStart ChargePeriodEnd ChargeCategory ChargeClass ChargeDescription ChargeFrequency BilledCost EffectiveCost \
    ListCost ContractedCost ListUnitPrice ContractedUnitPrice PricingCategory PricingQuantity PricingUnit PricingCurrency \
    PricingCurrencyContractedUnitPrice PricingCurrencyEffectiveCost PricingCurrencyListUnitPrice BillingCurrency \
    ConsumedQuantity ConsumedUnit ServiceName ServiceCategory ServiceSubcategory SkuId SkuMeter SkuPriceId SkuPriceDetails \
    ResourceId ResourceName ResourceType RegionId RegionName AvailabilityZone CommitmentDiscountId CommitmentDiscountName \
    CommitmentDiscountCategory CommitmentDiscountType CommitmentDiscountStatus CommitmentDiscountQuantity \
    CommitmentDiscountUnit ContractApplied CapacityReservationId CapacityReservationStatus AllocatedMethodId \
    AllocatedMethodDetails AllocatedResourceId AllocatedResourceName AllocatedTags Tags";

/// The columns of one version, each with what fills it.
pub(super) fn columns(version: Focus) -> Vec<(&'static str, Field)> {
    let names = match version {
        Focus::V1_0 => V1_0,
        Focus::V1_2 => V1_2,
        Focus::V1_3 => V1_3,
    };
    names
        .split_whitespace()
        .map(|name| {
            (
                name,
                FIELDS
                    .iter()
                    .find(|field| field.0 == name)
                    .map_or(nothing as Field, |field| field.1),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_has_its_columns_and_every_field_its_place() {
        for (version, count) in [(Focus::V1_0, 43), (Focus::V1_2, 57), (Focus::V1_3, 65)] {
            assert_eq!(columns(version).len(), count);
        }
        for (name, _) in FIELDS {
            assert!(
                columns(Focus::V1_3).iter().any(|column| column.0 == *name),
                "{name}"
            );
        }
    }
}
