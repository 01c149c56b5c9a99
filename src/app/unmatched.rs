//! What nothing of the configuration or the price book speaks of, said in a few lines where it matters.

use super::Console;
use crate::base::{Result, money};
use crate::engine::Engine;
use crate::frame::Frame;
use crate::metric::{self, Catalog, Params};
use std::fmt::Write;

/// Lines that are said; the metric has them all.
const SAID: usize = 8;

/// Says what is unmatched in a window; nothing where nothing is.
pub(super) async fn say(
    engine: &Engine,
    catalog: &Catalog,
    params: &Params,
    console: &mut dyn Console,
) -> Result<()> {
    let frame = metric::run(engine, catalog.get("ledger/unmatched")?, params).await?;
    if frame.rows() == 0 {
        return Ok(());
    }
    console.say("unmatched:");
    for row in 0..frame.rows().min(SAID) {
        console.say(&format!("  {}", line(&frame, row)?));
    }
    if frame.rows() > SAID {
        console.say(&format!(
            "  … and {} more: spendscope metric run ledger/unmatched",
            frame.rows() - SAID
        ));
    }
    Ok(())
}

/// `unknown_provider Cohere (bill): 30 lines, 82.69 USD; [providers.NAME] charge_match = …`
fn line(frame: &Frame, row: usize) -> Result<String> {
    let text = |column| frame.text(column, row).map(Option::unwrap_or_default);
    let count = frame.int("count", row)?.unwrap_or_default();
    let mut line = format!(
        "{} {}: {count} {}{}",
        text("what")?,
        text("name")?,
        counted(&text("what")?),
        if count == 1 { "" } else { "s" },
    );
    if let Some(amount) = frame.decimal("amount", row)? {
        let _ = write!(line, ", {} {}", money::format_short(amount), text("currency")?);
    }
    let _ = write!(line, "; {}", text("fix")?);
    Ok(line)
}

/// What the metric counts of each thing.
fn counted(what: &str) -> &'static str {
    match what {
        "unpriced_model" | "no_use_case" | "unregistered_use_case" => "attempt",
        "unknown_sku" | "unknown_token_class" | "no_amount" | "no_rate" => "charge",
        "unknown_host" => "reading",
        // A provider is unknown in bills and in logs; a row that could not be read is one of a file.
        _ => "line",
    }
}
