//! What nothing of the configuration or the price book speaks of, in one sentence under every report.

use super::run::Run;
use crate::base::Result;
use crate::render::number;
use std::collections::BTreeMap;

/// How a reader calls the things of the metric, in the order in which they are said.
const WORDS: [(&str, &str); 10] = [
    (
        "unknown_provider",
        "charges and attempts of providers outside the registry",
    ),
    ("unknown_sku", "charges of models that the registry does not know"),
    ("unpriced_model", "attempts without a price"),
    ("no_use_case", "attempts without a use case"),
    ("unregistered_use_case", "attempts of unregistered use cases"),
    ("no_rate", "charges without an exchange rate"),
    ("no_amount", "charges without an amount"),
    ("unknown_token_class", "charges that do not say which tokens"),
    ("unknown_host", "readings of hosts without a node"),
    ("rejected_row", "rows that could not be read"),
];

/// The sentence; none where everything is matched.
pub(super) async fn sentence(run: &Run<'_>) -> Result<Option<String>> {
    let frame = run
        .metric("ledger/unmatched", Some(&["what"]), run.window)
        .await?;
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    let mut amounts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in 0..frame.rows() {
        let what = frame.text("what", row)?.unwrap_or_default();
        *counts.entry(what.clone()).or_default() += frame.int("count", row)?.unwrap_or_default();
        if let (Some(amount), Some(currency)) = (frame.decimal("amount", row)?, frame.text("currency", row)?)
        {
            amounts
                .entry(what)
                .or_default()
                .push(number::money(amount, &currency));
        }
    }
    let parts: Vec<String> = WORDS
        .iter()
        .filter_map(|(what, words)| {
            let count = number::count(*counts.get(*what)?);
            Some(match amounts.get(*what) {
                Some(amounts) => format!("{count} {words} ({})", amounts.join(" and ")),
                None => format!("{count} {words}"),
            })
        })
        .collect();
    Ok((!parts.is_empty()).then(|| {
        format!(
            "Not matched: {}. What mends each: spendscope metric run ledger/unmatched.",
            parts.join("; ")
        )
    }))
}
