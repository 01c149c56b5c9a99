//! What a FOCUS file says that FOCUS 1.2 does not allow, under the ids of the specification's own rules. A finding costs no
//! row: the file is read as it is, and its sender can be told.
//!
//! The rules here are those that can be told of a row as it was read. What a reader settles before (types, formats of
//! numbers and instants) has been read or refused with a reason; what needs a provider's word is nobody's to check.

use super::Mapping;
use crate::base::money;
use ahash::{HashMap, HashSet};
use arrow::array::{Array, AsArray, Decimal128Array, RecordBatch, StringArray};
use arrow::datatypes::{Decimal128Type, Int64Type};
use std::collections::BTreeMap;

/// Names of services that are remembered.
const SERVICES: usize = 10_000;

/// A rule that one row keeps or breaks.
struct Rule {
    id: &'static str,
    words: &'static str,
    /// Tells the rows that break it.
    broken: fn(&Rows<'_>, &mut dyn FnMut(usize)),
}

/// Findings of one file.
#[derive(Debug, Default)]
pub struct Conformance {
    rows: u64,
    /// By place in `RULES`: rows, and the first of them.
    found: BTreeMap<usize, (u64, u64)>,
    /// The category of each service, and services that were seen with two.
    categories: HashMap<String, String>,
    torn: HashSet<String>,
    /// Columns that hold a value somewhere.
    seen: HashSet<&'static str>,
}

/// Rows of `charges`.
struct Rows<'a> {
    texts: &'a [Option<&'a StringArray>],
    amounts: &'a [Option<&'a Decimal128Array>],
    count: usize,
}

impl Rows<'_> {
    /// One rule after the other, so that what it asks is asked in a loop of its own.
    #[inline]
    fn broken(&self, by: impl Fn(&Row<'_>) -> bool, found: &mut dyn FnMut(usize)) {
        let (texts, amounts) = (self.texts, self.amounts);
        for at in 0..self.count {
            if by(&Row { texts, amounts, at }) {
                found(at);
            }
        }
    }
}

/// One of them.
struct Row<'a> {
    texts: &'a [Option<&'a StringArray>],
    amounts: &'a [Option<&'a Decimal128Array>],
    at: usize,
}

/// Columns of text, in the order of their names below.
#[derive(Clone, Copy)]
enum T {
    RegionId,
    RegionName,
    ProviderName,
    PublisherName,
    InvoiceIssuerName,
    BillingAccountId,
    BillingAccountType,
    SubAccountId,
    SubAccountName,
    SubAccountType,
    ChargeCategory,
    ChargeClass,
    ChargeFrequency,
    PricingCategory,
    PricingUnit,
    ConsumedUnit,
    ServiceName,
    ServiceCategory,
    ServiceSubcategory,
    SkuId,
    SkuMeter,
    SkuPriceId,
    SkuPriceDetails,
    ResourceId,
    ResourceType,
    CommitmentDiscountId,
    CommitmentDiscountName,
    CommitmentDiscountCategory,
    CommitmentDiscountType,
    CommitmentDiscountStatus,
    CommitmentDiscountUnit,
}

const TEXTS: [&str; 31] = [
    "region_id",
    "region_name",
    "provider_name",
    "publisher_name",
    "invoice_issuer_name",
    "billing_account_id",
    "billing_account_type",
    "sub_account_id",
    "sub_account_name",
    "sub_account_type",
    "charge_category",
    "charge_class",
    "charge_frequency",
    "pricing_category",
    "pricing_unit",
    "consumed_unit",
    "service_name",
    "service_category",
    "service_subcategory",
    "sku_id",
    "sku_meter",
    "sku_price_id",
    "sku_price_details",
    "resource_id",
    "resource_type",
    "commitment_discount_id",
    "commitment_discount_name",
    "commitment_discount_category",
    "commitment_discount_type",
    "commitment_discount_status",
    "commitment_discount_unit",
];

/// Columns of amounts, likewise.
#[derive(Clone, Copy)]
enum A {
    BilledCost,
    EffectiveCost,
    ListCost,
    ContractedCost,
    ListUnitPrice,
    ContractedUnitPrice,
    PricingQuantity,
    ConsumedQuantity,
    CommitmentDiscountQuantity,
}

const AMOUNTS: [&str; 9] = [
    "billed_cost",
    "effective_cost",
    "list_cost",
    "contracted_cost",
    "list_unit_price",
    "contracted_unit_price",
    "pricing_quantity",
    "consumed_quantity",
    "commitment_discount_quantity",
];

const CATEGORIES: [&str; 19] = [
    "AI and Machine Learning",
    "Analytics",
    "Business Applications",
    "Compute",
    "Databases",
    "Developer Tools",
    "Identity",
    "Integration",
    "Internet of Things",
    "Management and Governance",
    "Media",
    "Migration",
    "Mobile",
    "Multicloud",
    "Networking",
    "Other",
    "Security",
    "Storage",
    "Web",
];

impl<'a> Row<'a> {
    #[inline]
    fn text(&self, column: T) -> Option<&'a str> {
        let array = self.texts[column as usize]?;
        array.is_valid(self.at).then(|| array.value(self.at))
    }

    #[inline]
    fn amount(&self, column: A) -> Option<i128> {
        let array = self.amounts[column as usize]?;
        array.is_valid(self.at).then(|| array.value(self.at))
    }

    #[inline]
    fn no_text(&self, column: T) -> bool {
        self.text(column).is_none()
    }

    #[inline]
    fn no_amount(&self, column: A) -> bool {
        self.amount(column).is_none()
    }

    #[inline]
    fn category(&self, name: &str) -> bool {
        self.text(T::ChargeCategory) == Some(name)
    }

    /// Usage and purchases have a price, unless they put an old one right.
    #[inline]
    fn priced(&self) -> bool {
        (self.category("Usage") || self.category("Purchase"))
            && self.text(T::ChargeClass) != Some("Correction")
    }

    /// Is the cost the price times the quantity, to nine digits?
    fn is_product(&self, price: A, cost: A) -> bool {
        let (Some(price), Some(quantity), Some(cost)) = (
            self.amount(price),
            self.amount(A::PricingQuantity),
            self.amount(cost),
        ) else {
            return true;
        };
        let one = 10_i128.pow(18);
        money::mul(price, quantity).is_none_or(|product| {
            product.abs_diff(cost) <= (cost.unsigned_abs().max(one.unsigned_abs())) / 1_000_000_000
        })
    }
}

macro_rules! rule {
    ($id:literal, $words:literal, $broken:expr) => {
        Rule {
            id: $id,
            words: $words,
            broken: |rows, found| rows.broken($broken, found),
        }
    };
}

static RULES: &[Rule] = &[
    rule!("BilledCost-C-003-M", "BilledCost is missing", |r| r
        .no_amount(A::BilledCost)),
    rule!(
        "BilledCost-C-005-C",
        "BilledCost is not 0 where somebody else than the provider sends the invoice",
        |r| {
            let (provider, issuer) = (r.text(T::ProviderName), r.text(T::InvoiceIssuerName));
            provider.is_some() && issuer.is_some() && provider != issuer && r.amount(A::BilledCost) != Some(0)
        }
    ),
    rule!("BillingAccountId-C-001-M", "BillingAccountId is missing", |r| r
        .no_text(T::BillingAccountId)),
    rule!(
        "BillingAccountType-C-005-C",
        "BillingAccountType is missing where there is a BillingAccountId",
        |r| !r.no_text(T::BillingAccountId) && r.no_text(T::BillingAccountType)
    ),
    rule!(
        "ChargeClass-C-005-C",
        "ChargeClass is something else than Correction",
        |r| { r.text(T::ChargeClass).is_some_and(|class| class != "Correction") }
    ),
    rule!("ChargeFrequency-C-002-M", "ChargeFrequency is missing", |r| r
        .no_text(T::ChargeFrequency)),
    rule!(
        "ChargeFrequency-C-003-M",
        "ChargeFrequency is none of One-Time, Recurring and Usage-Based",
        |r| {
            let allowed = ["One-Time", "Recurring", "Usage-Based"];
            r.text(T::ChargeFrequency).is_some_and(|f| !allowed.contains(&f))
        }
    ),
    rule!("ChargeFrequency-C-004-C", "a Purchase is Usage-Based", |r| r
        .category("Purchase")
        && r.text(T::ChargeFrequency) == Some("Usage-Based")),
    rule!(
        "CommitmentDiscountCategory-C-004-C",
        "CommitmentDiscountCategory is missing where there is a CommitmentDiscountId",
        |r| !r.no_text(T::CommitmentDiscountId) && r.no_text(T::CommitmentDiscountCategory)
    ),
    rule!(
        "CommitmentDiscountName-C-004-C",
        "CommitmentDiscountName stands without a CommitmentDiscountId",
        |r| r.no_text(T::CommitmentDiscountId) && !r.no_text(T::CommitmentDiscountName)
    ),
    rule!(
        "CommitmentDiscountQuantity-C-007-C",
        "CommitmentDiscountQuantity stands without a CommitmentDiscountId",
        |r| r.no_text(T::CommitmentDiscountId) && !r.no_amount(A::CommitmentDiscountQuantity)
    ),
    rule!(
        "CommitmentDiscountStatus-C-003-C",
        "CommitmentDiscountStatus stands without a CommitmentDiscountId",
        |r| r.no_text(T::CommitmentDiscountId) && !r.no_text(T::CommitmentDiscountStatus)
    ),
    rule!(
        "CommitmentDiscountType-C-005-C",
        "CommitmentDiscountType is missing where there is a CommitmentDiscountId",
        |r| !r.no_text(T::CommitmentDiscountId) && r.no_text(T::CommitmentDiscountType)
    ),
    rule!(
        "CommitmentDiscountUnit-C-006-C",
        "CommitmentDiscountUnit is missing where there is a CommitmentDiscountQuantity",
        |r| !r.no_amount(A::CommitmentDiscountQuantity) && r.no_text(T::CommitmentDiscountUnit)
    ),
    rule!(
        "ConsumedQuantity-C-004-C",
        "ConsumedQuantity stands on a charge that is no usage, or on what nobody used",
        |r| {
            let used = r.category("Usage") && r.text(T::CommitmentDiscountStatus) != Some("Unused");
            !used && !r.no_amount(A::ConsumedQuantity)
        }
    ),
    rule!(
        "ConsumedUnit-C-005-C",
        "ConsumedUnit stands without a ConsumedQuantity",
        |r| r.no_amount(A::ConsumedQuantity) && !r.no_text(T::ConsumedUnit)
    ),
    rule!(
        "ConsumedUnit-C-006-C",
        "ConsumedUnit is missing where there is a ConsumedQuantity",
        |r| !r.no_amount(A::ConsumedQuantity) && r.no_text(T::ConsumedUnit)
    ),
    rule!("ContractedCost-C-003-M", "ContractedCost is missing", |r| r
        .no_amount(A::ContractedCost)),
    rule!(
        "ContractedUnitPrice-C-006-C",
        "ContractedUnitPrice is missing on usage or a purchase",
        |r| r.priced() && r.no_amount(A::ContractedUnitPrice)
    ),
    rule!(
        "ContractedUnitPrice-C-009-C",
        "ContractedUnitPrice is negative",
        |r| r.amount(A::ContractedUnitPrice).is_some_and(|price| price < 0)
    ),
    rule!(
        "ContractedUnitPrice-C-011-C",
        "ContractedCost is not ContractedUnitPrice × PricingQuantity",
        |r| {
            r.text(T::ChargeClass) != Some("Correction")
                && !r.is_product(A::ContractedUnitPrice, A::ContractedCost)
        }
    ),
    rule!("EffectiveCost-C-003-M", "EffectiveCost is missing", |r| r
        .no_amount(A::EffectiveCost)),
    rule!(
        "EffectiveCost-C-005-C",
        "EffectiveCost of a Purchase is not 0",
        |r| r.category("Purchase") && r.amount(A::EffectiveCost).is_some_and(|cost| cost != 0)
    ),
    rule!("InvoiceIssuerName-C-003-M", "InvoiceIssuerName is missing", |r| r
        .no_text(T::InvoiceIssuerName)),
    rule!("ListCost-C-003-M", "ListCost is missing", |r| r
        .no_amount(A::ListCost)),
    rule!(
        "ListUnitPrice-C-005-C",
        "ListUnitPrice is missing on usage or a purchase",
        |r| r.priced() && r.no_amount(A::ListUnitPrice)
    ),
    rule!("ListUnitPrice-C-008-M", "ListUnitPrice is negative", |r| r
        .amount(A::ListUnitPrice)
        .is_some_and(|price| price < 0)),
    rule!(
        "ListUnitPrice-C-010-C",
        "ListCost is not ListUnitPrice × PricingQuantity",
        |r| r.text(T::ChargeClass) != Some("Correction") && !r.is_product(A::ListUnitPrice, A::ListCost)
    ),
    rule!(
        "PricingCategory-C-003-C",
        "PricingCategory stands on a tax",
        |r| r.category("Tax") && !r.no_text(T::PricingCategory)
    ),
    rule!(
        "PricingCategory-C-004-C",
        "PricingCategory is missing on usage or a purchase",
        |r| r.priced() && r.no_text(T::PricingCategory)
    ),
    rule!(
        "PricingCategory-C-007-M",
        "PricingCategory is none of Standard, Dynamic, Committed and Other",
        |r| {
            let allowed = ["Standard", "Dynamic", "Committed", "Other"];
            r.text(T::PricingCategory).is_some_and(|c| !allowed.contains(&c))
        }
    ),
    rule!(
        "PricingQuantity-C-004-C",
        "PricingQuantity stands on a tax",
        |r| r.category("Tax") && !r.no_amount(A::PricingQuantity)
    ),
    rule!(
        "PricingQuantity-C-005-C",
        "PricingQuantity is missing on usage or a purchase",
        |r| r.priced() && r.no_amount(A::PricingQuantity)
    ),
    rule!(
        "PricingUnit-C-005-C",
        "PricingUnit stands without a PricingQuantity",
        |r| r.no_amount(A::PricingQuantity) && !r.no_text(T::PricingUnit)
    ),
    rule!(
        "PricingUnit-C-006-C",
        "PricingUnit is missing where there is a PricingQuantity",
        |r| !r.no_amount(A::PricingQuantity) && r.no_text(T::PricingUnit)
    ),
    rule!("ProviderName-C-003-M", "ProviderName is missing", |r| r
        .no_text(T::ProviderName)),
    rule!("PublisherName-C-003-M", "PublisherName is missing", |r| r
        .no_text(T::PublisherName)),
    rule!(
        "RegionName-C-004-C",
        "RegionName stands without a RegionId",
        |r| r.no_text(T::RegionId) && !r.no_text(T::RegionName)
    ),
    rule!(
        "RegionName-C-005-C",
        "RegionName is missing where there is a RegionId",
        |r| !r.no_text(T::RegionId) && r.no_text(T::RegionName)
    ),
    rule!(
        "ResourceType-C-004-C",
        "ResourceType stands without a ResourceId",
        |r| r.no_text(T::ResourceId) && !r.no_text(T::ResourceType)
    ),
    rule!(
        "ResourceType-C-005-C",
        "ResourceType is missing where there is a ResourceId",
        |r| !r.no_text(T::ResourceId) && r.no_text(T::ResourceType)
    ),
    rule!("ServiceCategory-C-002-M", "ServiceCategory is missing", |r| r
        .no_text(T::ServiceCategory)),
    rule!(
        "ServiceCategory-C-003-M",
        "ServiceCategory is none of FOCUS's",
        |r| r
            .text(T::ServiceCategory)
            .is_some_and(|c| !CATEGORIES.contains(&c))
    ),
    rule!("ServiceName-C-003-M", "ServiceName is missing", |r| r
        .no_text(T::ServiceName)),
    rule!(
        "ServiceSubcategory-C-002-M",
        "ServiceSubcategory is missing",
        |r| r.no_text(T::ServiceSubcategory)
    ),
    rule!(
        "ServiceSubcategory-C-004-M",
        "ServiceSubcategory is of another ServiceCategory",
        |r| {
            // Told for those that name their category; the others are the provider's word.
            let of = r.text(T::ServiceSubcategory);
            let of = of.and_then(|s| s.strip_prefix("Other (")?.strip_suffix(')'));
            of.is_some_and(|of| r.text(T::ServiceCategory) != Some(of))
        }
    ),
    rule!("SkuId-C-004-C", "SkuId stands on a tax", |r| r.category("Tax")
        && !r.no_text(T::SkuId)),
    rule!("SkuId-C-005-C", "SkuId is missing on usage or a purchase", |r| r
        .priced()
        && r.no_text(T::SkuId)),
    rule!("SkuMeter-C-004-C", "SkuMeter stands without a SkuId", |r| r
        .no_text(T::SkuId)
        && !r.no_text(T::SkuMeter)),
    rule!(
        "SkuPriceDetails-C-004-C",
        "SkuPriceDetails stands without a SkuPriceId",
        |r| r.no_text(T::SkuPriceId) && !r.no_text(T::SkuPriceDetails)
    ),
    rule!(
        "SkuPriceId-C-005-C",
        "SkuPriceId is missing on usage or a purchase",
        |r| r.priced() && r.no_text(T::SkuPriceId)
    ),
    rule!(
        "SubAccountName-C-005-C",
        "SubAccountName is missing where there is a SubAccountId",
        |r| !r.no_text(T::SubAccountId) && r.no_text(T::SubAccountName)
    ),
    rule!(
        "SubAccountType-C-005-C",
        "SubAccountType is missing where there is a SubAccountId",
        |r| !r.no_text(T::SubAccountId) && r.no_text(T::SubAccountType)
    ),
];

/// Rules about columns that only some providers have: they hold where the column is.
const OPTIONAL: [&str; 15] = [
    "BillingAccountType-C-005-C",
    "CommitmentDiscountCategory-C-004-C",
    "CommitmentDiscountType-C-005-C",
    "CommitmentDiscountUnit-C-006-C",
    "ConsumedUnit-C-006-C",
    "ContractedUnitPrice-C-006-C",
    "ListUnitPrice-C-005-C",
    "PricingCategory-C-004-C",
    "RegionName-C-005-C",
    "ResourceType-C-005-C",
    "ServiceSubcategory-C-002-M",
    "SkuId-C-005-C",
    "SkuPriceId-C-005-C",
    "SubAccountName-C-005-C",
    "SubAccountType-C-005-C",
];

/// For each ServiceName, there is one ServiceCategory: told of the whole file.
const ONE_CATEGORY: &str = "ServiceName-C-005-C";

impl Conformance {
    /// For files that say that they are FOCUS.
    pub fn of(mapping: &Mapping) -> Option<Conformance> {
        (mapping.id == "focus").then(Conformance::default)
    }

    /// Takes rows of `charges` in the order of the file.
    pub fn look(&mut self, batch: &RecordBatch) {
        let texts = TEXTS.map(|name| batch.column_by_name(name)?.as_string_opt::<i32>());
        let amounts = AMOUNTS.map(|name| batch.column_by_name(name)?.as_primitive_opt::<Decimal128Type>());
        let held = |name: &&str| {
            batch
                .column_by_name(name)
                .is_some_and(|c| c.null_count() < c.len())
        };
        self.seen
            .extend(TEXTS.iter().chain(&AMOUNTS).copied().filter(held));
        let lines = batch
            .column_by_name("file_row")
            .and_then(|c| c.as_primitive_opt::<Int64Type>());
        let before = self.rows;
        self.rows += batch.num_rows() as u64;
        let line = |at: usize| {
            let counted = before + at as u64 + 1;
            lines.map_or(counted, |lines| u64::try_from(lines.value(at)).unwrap_or(0))
        };
        let rows = Rows {
            texts: &texts,
            amounts: &amounts,
            count: batch.num_rows(),
        };
        for (place, rule) in RULES.iter().enumerate() {
            (rule.broken)(&rows, &mut |at| {
                self.found.entry(place).or_insert_with(|| (0, line(at))).0 += 1;
            });
        }
        for at in 0..batch.num_rows() {
            let row = Row {
                texts: &texts,
                amounts: &amounts,
                at,
            };
            if let (Some(service), Some(category)) = (row.text(T::ServiceName), row.text(T::ServiceCategory))
            {
                match self.categories.get(service) {
                    None if self.categories.len() < SERVICES => {
                        self.categories.insert(service.to_owned(), category.to_owned());
                    }
                    Some(known) if known != category && !self.torn.contains(service) => {
                        self.torn.insert(service.to_owned());
                    }
                    _ => {}
                }
            }
        }
    }

    /// Does the file say anything in the column that a rule is called after?
    fn has_column_of(&self, rule: &str) -> bool {
        let column = rule.split('-').next().unwrap_or_default();
        let same = |name: &str| name.replace('_', "").eq_ignore_ascii_case(column);
        self.seen.iter().any(|name| same(name))
    }

    /// What was found, a rule each.
    pub fn notes(&self) -> Vec<String> {
        let mut said: Vec<String> = self
            .found
            .iter()
            .filter_map(|(place, (rows, first))| {
                let rule = RULES.get(*place)?;
                // A column that a provider need not have, and has not.
                if OPTIONAL.contains(&rule.id) && !self.has_column_of(rule.id) {
                    return None;
                }
                let rows = match *rows {
                    1 => format!("row {first}"),
                    rows => format!("{rows} rows from row {first} on"),
                };
                Some(format!("FOCUS 1.2 {}: {} ({rows})", rule.id, rule.words))
            })
            .collect();
        if !self.torn.is_empty() {
            let mut names: Vec<&str> = self.torn.iter().map(String::as_str).collect();
            names.sort_unstable();
            names.truncate(3);
            said.push(format!(
                "FOCUS 1.2 {ONE_CATEGORY}: a ServiceName has several ServiceCategories ({})",
                names.join(", ")
            ));
        }
        said
    }
}

/// Ids of all rules that are looked at.
pub fn conformance_rules() -> Vec<&'static str> {
    RULES.iter().map(|rule| rule.id).chain([ONE_CATEGORY]).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::array::ArrayRef;
    use std::sync::Arc;

    fn batch(columns: &[(&str, [Option<&str>; 3])], amounts: &[(&str, [Option<i128>; 3])]) -> RecordBatch {
        let texts = columns
            .iter()
            .map(|(name, values)| (*name, Arc::new(StringArray::from(values.to_vec())) as ArrayRef));
        let amounts = amounts.iter().map(|(name, values)| {
            let values = values.map(|v| v.map(|v| v * 10_i128.pow(18)));
            let array = Decimal128Array::from(values.to_vec()).with_data_type(money::data_type());
            (*name, Arc::new(array) as ArrayRef)
        });
        RecordBatch::try_from_iter(texts.chain(amounts)).unwrap()
    }

    #[test]
    fn findings_name_the_rule_and_where_it_is_broken() {
        let mut seen = Conformance::default();
        let all = |text: &'static str| [Some(text); 3];
        let rows = batch(
            &[
                ("provider_name", all("A")),
                ("publisher_name", all("A")),
                ("invoice_issuer_name", [Some("A"), Some("B"), Some("A")]),
                ("billing_account_id", all("1")),
                ("charge_category", [Some("Usage"), Some("Usage"), Some("Tax")]),
                (
                    "charge_frequency",
                    [Some("Usage-Based"), Some("sometimes"), Some("One-Time")],
                ),
                ("service_name", all("S")),
                (
                    "service_category",
                    [Some("Compute"), Some("Storage"), Some("Compute")],
                ),
                ("service_subcategory", all("Other (Compute)")),
                ("sku_id", [Some("s"), None, None]),
                ("pricing_category", [Some("Standard"), Some("Standard"), None]),
                ("pricing_unit", [Some("Hours"), Some("Hours"), None]),
            ],
            &[
                ("billed_cost", [Some(6), Some(1), Some(1)]),
                ("effective_cost", [Some(6), Some(1), Some(1)]),
                ("contracted_cost", [Some(6), Some(1), None]),
                ("list_cost", [Some(6), Some(1), Some(1)]),
                ("list_unit_price", [Some(2), Some(1), None]),
                ("pricing_quantity", [Some(3), Some(2), None]),
            ],
        );
        seen.look(&rows);
        assert_eq!(
            seen.notes(),
            [
                "FOCUS 1.2 BilledCost-C-005-C: BilledCost is not 0 where somebody else than the provider sends the \
                 invoice (row 2)",
                "FOCUS 1.2 ChargeFrequency-C-003-M: ChargeFrequency is none of One-Time, Recurring and Usage-Based (row 2)",
                "FOCUS 1.2 ContractedCost-C-003-M: ContractedCost is missing (row 3)",
                "FOCUS 1.2 ListUnitPrice-C-010-C: ListCost is not ListUnitPrice × PricingQuantity (row 2)",
                "FOCUS 1.2 ServiceSubcategory-C-004-M: ServiceSubcategory is of another ServiceCategory (row 2)",
                "FOCUS 1.2 SkuId-C-005-C: SkuId is missing on usage or a purchase (row 2)",
                "FOCUS 1.2 ServiceName-C-005-C: a ServiceName has several ServiceCategories (S)",
            ]
        );
        // The same rows again are the same rules in more rows.
        seen.look(&rows);
        let missing = "FOCUS 1.2 ContractedCost-C-003-M: ContractedCost is missing (2 rows from row 3 on)";
        assert!(seen.notes().iter().any(|note| note == missing));
    }

    #[test]
    fn a_file_that_keeps_the_rules_says_nothing() {
        assert!(Conformance::default().notes().is_empty());
    }

    #[test]
    fn rules_are_in_order_and_no_two_have_an_id() {
        let ids = conformance_rules();
        assert!(ids[..ids.len() - 1].is_sorted());
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        assert!(OPTIONAL.iter().all(|id| ids.contains(id)));
    }
}
