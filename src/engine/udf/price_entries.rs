//! `price_entries(input, output, read, write, extra)`: everything a price row says, one entry per rate.
//!
//! A price map writes rates under keys such as `cache_read_input_token_cost_above_200k_tokens_batches`:
//! what is priced, from which length of the prompt on, in which service tier. This is the one place
//! that takes such keys apart. It knows the grammar, and no provider.

use super::args;
use crate::base::money;
use arrow::array::{
    Array, ArrayBuilder, ArrayRef, Decimal128Builder, Int64Builder, ListArray, StringBuilder, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Price of 1 of what the row's second name says. A name that begins another one stands after it.
pub(super) const RATES: [(&str, &str); 11] = [
    ("input_cost_per_token", "input"),
    ("output_cost_per_token", "output"),
    ("cache_read_input_token_cost", "read"),
    ("cache_creation_input_token_cost_above_1hr", "write_1h"),
    ("cache_creation_input_token_cost", "write"),
    ("output_cost_per_reasoning_token", "reasoning"),
    ("input_cost_per_audio_token", "audio_input"),
    ("input_cost_per_image_token", "image_input"),
    ("output_cost_per_audio_token", "audio_output"),
    ("output_cost_per_image_token", "image_output"),
    ("web_search_cost_per_query", "search"),
];

/// Rates by ranges of the prompt's length, as a JSON list.
const RANGES: &str = "tiered_pricing";
/// Price of a search by how much of the web it reads. Logs do not tell the size; `medium` is what
/// providers take when nothing is asked for.
const SEARCH: &str = "search_context_cost_per_query";
const SEARCH_SIZES: [&str; 3] = [
    "search_context_size_medium",
    "search_context_size_low",
    "search_context_size_high",
];

/// Rates of some hours, as a JSON object beside the hours that they hold in (see `in_hours`).
const OFF_PEAK_PRICING: &str = "off_peak_pricing";

pub(super) const STANDARD: &str = "standard";
/// Off-peak hours are a tier that nobody asks for by name.
const OFF_PEAK: &str = "off_peak";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) rate: &'static str,
    pub(super) tier: String,
    /// Tokens of prompt above which it holds.
    pub(super) above: i64,
    pub(super) price: i128,
}

/// What a key prices, in which tier, above how many tokens; `None` for a key that is no token's price.
fn key(text: &str) -> Option<(&'static str, String, i64)> {
    let (rate, rest) = RATES
        .iter()
        .find_map(|(name, rate)| text.strip_prefix(name).map(|rest| (*rate, rest)))?;
    let (above, rest) = match rest.strip_prefix("_above_") {
        Some(rest) => {
            let (thousands, rest) = rest.split_once("k_tokens")?;
            (thousands.parse::<i64>().ok()?.checked_mul(1000)?, rest)
        }
        None => (0, rest),
    };
    let tier = match rest.strip_prefix('_') {
        None if rest.is_empty() => STANDARD,
        Some("batches") => "batch",
        Some(word) if !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()) => word,
        _ => return None,
    };
    Some((rate, tier.to_owned(), above))
}

/// `[{"input_cost_per_token": 4e-07, "range": [0, 256000]}, …]`
fn ranges(text: &str) -> Vec<Entry> {
    let steps: Vec<BTreeMap<String, Box<RawValue>>> = serde_json::from_str(text).unwrap_or_default();
    let mut entries = Vec::new();
    for step in &steps {
        let bounds: Vec<Box<RawValue>> = step
            .get("range")
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .unwrap_or_default();
        let from = bounds.first().and_then(|raw| money::parse(raw.get()).ok());
        let Some(from) = from.and_then(|from| i64::try_from(from / money::ONE).ok()) else {
            continue;
        };
        for (name, raw) in step {
            if let (Some((rate, tier, 0)), Ok(price)) = (key(name), money::parse(raw.get())) {
                entries.push(Entry {
                    rate,
                    tier,
                    above: from,
                    price,
                });
            }
        }
    }
    entries
}

fn off_peak(text: &str) -> Vec<Entry> {
    let rates: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).unwrap_or_default();
    let price = |name: &str, raw: &RawValue| match (key(name), money::parse(raw.get())) {
        (Some((rate, tier, above)), Ok(price)) if tier == STANDARD => Some(Entry {
            rate,
            tier: OFF_PEAK.to_owned(),
            above,
            price,
        }),
        _ => None,
    };
    rates.iter().filter_map(|(name, raw)| price(name, raw)).collect()
}

fn search(text: &str) -> Option<i128> {
    if let Ok(price) = money::parse(text) {
        return Some(price);
    }
    let sizes: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).ok()?;
    SEARCH_SIZES
        .iter()
        .find_map(|size| money::parse(sizes.get(*size)?.get()).ok())
}

/// `standard` are the four prices that have columns of their own, in the order of the arguments.
pub(super) fn entries<'a>(
    standard: [Option<i128>; 4],
    extra: impl Iterator<Item = (&'a str, &'a str)>,
) -> Vec<Entry> {
    let plain = |rate: &'static str, price| Entry {
        rate,
        tier: STANDARD.to_owned(),
        above: 0,
        price,
    };
    let mut found: Vec<Entry> = ["input", "output", "read", "write"]
        .into_iter()
        .zip(standard)
        .filter_map(|(rate, price)| price.map(|price| plain(rate, price)))
        .collect();
    let mut more = Vec::new();
    for (name, value) in extra {
        match name {
            RANGES => more.extend(ranges(value)),
            OFF_PEAK_PRICING => more.extend(off_peak(value)),
            SEARCH => more.extend(search(value).map(|price| plain("search", price))),
            _ => {
                if let (Some((rate, tier, above)), Ok(price)) = (key(name), money::parse(value)) {
                    more.push(Entry {
                        rate,
                        tier,
                        above,
                        price,
                    });
                }
            }
        }
    }
    // A price of its own key goes before the same one in a list of ranges.
    for entry in more {
        let same = |e: &Entry| (e.rate, &e.tier, e.above) == (entry.rate, &entry.tier, entry.above);
        if !found.iter().any(same) {
            found.push(entry);
        }
    }
    found
}

fn entry_fields() -> Fields {
    Fields::from(vec![
        Field::new("rate", DataType::Utf8, true),
        Field::new("tier", DataType::Utf8, true),
        Field::new("above", DataType::Int64, true),
        Field::new("price", money::data_type(), true),
    ])
}

/// A list of structs: `rate`, `tier`, `above`, `price`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct PriceEntries {
    signature: Signature,
}

impl Default for PriceEntries {
    fn default() -> Self {
        PriceEntries {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for PriceEntries {
    fn name(&self) -> &str {
        "price_entries"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 5)?;
        let mut wanted = types[..4]
            .iter()
            .map(|ty| args::amount(self.name(), ty))
            .collect::<Result<Vec<_>>>()?;
        wanted.push(types[4].clone());
        Ok(wanted)
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::new_list(DataType::Struct(entry_fields()), true))
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let standard = arrays[..4]
            .iter()
            .map(args::decimals)
            .collect::<Result<Vec<_>>>()?;
        let extra = args::pairs(&arrays[4])?;
        let mut rates = StringBuilder::new();
        let mut tiers = StringBuilder::new();
        let mut above = Int64Builder::new();
        let mut prices = Decimal128Builder::new().with_data_type(money::data_type());
        let mut lengths = Vec::with_capacity(call.number_rows);
        for row in 0..call.number_rows {
            let before = rates.len();
            let own = [0, 1, 2, 3].map(|i| (!standard[i].is_null(row)).then(|| standard[i].value(row)));
            for entry in entries(own, extra.of(row)) {
                rates.append_value(entry.rate);
                tiers.append_value(&entry.tier);
                above.append_value(entry.above);
                prices.append_value(entry.price);
            }
            lengths.push(rates.len() - before);
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(rates.finish()),
            Arc::new(tiers.finish()),
            Arc::new(above.finish()),
            Arc::new(prices.finish()),
        ];
        let rows = StructArray::try_new(entry_fields(), columns, None)?;
        let item = Arc::new(Field::new_list_field(DataType::Struct(entry_fields()), true));
        let lists = ListArray::try_new(item, OffsetBuffer::from_lengths(lengths), Arc::new(rows), None)?;
        Ok(ColumnarValue::Array(Arc::new(lists)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn said(text: &str) -> Option<(&'static str, String, i64)> {
        key(text)
    }

    #[test]
    fn keys_of_the_price_map_are_taken_apart() {
        for (text, rate, tier, above) in [
            ("input_cost_per_token", "input", "standard", 0),
            ("output_cost_per_token_batches", "output", "batch", 0),
            (
                "input_cost_per_token_above_200k_tokens",
                "input",
                "standard",
                200_000,
            ),
            (
                "cache_creation_input_token_cost_above_1hr_above_200k_tokens",
                "write_1h",
                "standard",
                200_000,
            ),
            (
                "cache_read_input_token_cost_above_272k_tokens_priority",
                "read",
                "priority",
                272_000,
            ),
            ("output_cost_per_token_ultrafast", "output", "ultrafast", 0),
            ("output_cost_per_reasoning_token", "reasoning", "standard", 0),
        ] {
            assert_eq!(said(text), Some((rate, tier.to_owned(), above)), "{text}");
        }
        for text in [
            "input_cost_per_token_cache_hit",
            "cache_creation_input_token_cost_above_12hr",
            "cache_creation_input_token_cost_above_12hr_above_272k_tokens_flex",
            "input_cost_per_image",
            "input_cost_per_audio_per_second",
            "output_cost_per_image_token_",
            "max_input_tokens",
        ] {
            assert_eq!(said(text), None, "{text}");
        }
    }

    #[test]
    fn ranges_and_searches_are_rates_too() {
        let of = |rate: &str, above: i64, found: &[Entry]| {
            found
                .iter()
                .find(|e| e.rate == rate && e.above == above)
                .map(|e| money::format_short(e.price))
        };
        let extra = [
            (
                "tiered_pricing",
                r#"[{"input_cost_per_token": 4e-07, "range": [0, 256000.0]},
                    {"input_cost_per_token": 1.2e-06, "output_cost_per_reasoning_token": 1.2e-05, "range": [256000.0, 1000000.0]},
                    {"input_cost_per_query": 0.005, "max_results_range": [0, 25]}]"#,
            ),
            (
                "search_context_cost_per_query",
                r#"{"search_context_size_high": 0.014, "search_context_size_medium": 0.01}"#,
            ),
            ("input_cost_per_token_flex", "soon"),
        ];
        let found = entries([None, Some(money::ONE), None, None], extra.into_iter());
        assert_eq!(found.len(), 5);
        assert_eq!(of("output", 0, &found).as_deref(), Some("1"));
        assert_eq!(of("input", 0, &found).as_deref(), Some("0.0000004"));
        assert_eq!(of("input", 256_000, &found).as_deref(), Some("0.0000012"));
        assert_eq!(of("reasoning", 256_000, &found).as_deref(), Some("0.000012"));
        assert_eq!(of("search", 0, &found).as_deref(), Some("0.01"));
        let both = entries([Some(1), None, None, None], extra.into_iter());
        assert_eq!(
            both.iter()
                .find(|e| e.rate == "input" && e.above == 0)
                .unwrap()
                .price,
            1
        );
    }
}
