//! `diff`: what restatements and late data changed between what was known at two moments.
//!
//! Two engines over one lake, one as it was at each moment, under the same settings: the same
//! registry, basis, currency, zone, and the same `now`, that of the newer moment. So the clock never
//! makes a difference by itself, only what has arrived does. The ledger is added up on both sides and
//! compared in SQL (`queries/diff/`); nothing is computed here.

use super::{Console, Status, open, show};
use crate::base::time::from_micros;
use crate::base::{Error, Result, money};
use crate::config::Config;
use crate::engine::{Engine, NATIVE};
use crate::frame::Frame;
use arrow::array::RecordBatch;
use chrono::{DateTime, SecondsFormat, Utc};
use datafusion::scalar::ScalarValue;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Further columns that rows can be told apart by, in the order in which they are shown.
const DIMENSIONS: [&str; 6] = ["day", "month", "scope", "model", "use_case", "team"];
/// Files that are named one by one.
const FILES: usize = 20;
/// What an older side's price book said: a list that is imported again is new as a file, not as a price.
const PRICES: &str = "SELECT provider, model, valid_from, currency, input_cost_per_token, output_cost_per_token, \
    cache_read_input_token_cost, cache_creation_input_token_cost FROM prices";
/// Microseconds of the years 1 and 9999: a window around everything.
const EVER: (i64, i64) = (-62_135_596_800_000_000, 253_370_764_800_000_000);

#[derive(Debug, Default)]
pub struct DiffRequest {
    /// The older moment. The newer one is the configuration's `as_of`, or the lake as it is.
    pub since: DateTime<Utc>,
    pub by: Vec<String>,
}

pub async fn diff(config: &Config, request: &DiffRequest, console: &mut dyn Console) -> Result<Status> {
    let by = columns(&request.by)?;
    let until = config.as_of.unwrap_or(config.settings.now);
    if request.since >= until {
        return Err(Error::usage(format!(
            "--as-of {} is not before {}",
            moment(request.since),
            moment(until)
        ))
        .advise("--as-of is the older moment, --to-as-of the newer one (default: now)"));
    }
    let after = open::engine(config).await?;
    let before = open::engine_at(config, Some(request.since)).await?;
    let asked = Asked { config };
    let window = asked.window();

    let old = before.query(asked.sql("amounts")?, &window).await?;
    let new = after.query(asked.sql("amounts")?, &window).await?;
    after.lend("diff_before", old)?;
    after.lend("diff_after", new)?;
    let known = before
        .query("SELECT delivery_id, file_hash FROM ingest_files", &[])
        .await?;
    let nothing_known = known.num_rows() == 0;
    after.lend("diff_files_before", known)?;

    let changed = after.query(asked.sql("changed")?, &[]).await?;
    let moved_within = changed.num_rows();
    if moved_within > 0 {
        asked.causes(&before, &after, changed, &window).await?;
    }
    let rows = match moved_within {
        0 => None,
        _ => {
            let list = by.iter().map(|column| format!("{column}, ")).collect::<String>();
            // The names come from our list, never from the user's text.
            let sql = asked
                .sql("rows")?
                .replace("{{by}}, ", &list)
                .replace("{{by}},", list.trim_end());
            Some(Frame::guess(after.query(&sql, &[]).await?)).filter(|frame| frame.rows() > 0)
        }
    };
    let totals = Frame::guess(after.query(asked.sql("totals")?, &[]).await?);
    if let Some(rows) = &rows {
        if config.settings.currency == NATIVE {
            tie(rows, &totals)?;
        }
        show(console, rows)?;
    }

    if nothing_known {
        console.say(&format!(
            "nothing was known at {}: everything is new",
            moment(request.since)
        ));
    }
    say_totals(&totals, console)?;
    let files = Frame::guess(after.query(asked.sql("files")?, &[]).await?);
    say_files(&files, console)?;
    match (&rows, moved_within) {
        (Some(rows), _) => console.say(&format!(
            "{} rows changed between {} and {}",
            rows.rows(),
            moment(request.since),
            moment(until)
        )),
        (None, 0) => console.say(&format!(
            "no amount changed between {} and {}",
            moment(request.since),
            moment(until)
        )),
        (None, _) => console.say(
            "no row changed, but amounts moved inside rows: --by day, --by model or --by use_case shows them",
        ),
    }
    Ok(Status::Done)
}

/// The columns of `--by`, each once and in our order.
fn columns(by: &[String]) -> Result<Vec<&'static str>> {
    if let Some(unknown) = by.iter().find(|name| !DIMENSIONS.contains(&name.as_str())) {
        return Err(
            Error::usage(format!("a diff cannot be told apart by '{unknown}'"))
                .advise(format!("--by {}", DIMENSIONS.join(", "))),
        );
    }
    Ok(DIMENSIONS
        .into_iter()
        .filter(|name| by.iter().any(|wanted| wanted == name))
        .collect())
}

/// What both sides are asked.
struct Asked<'a> {
    config: &'a Config,
}

impl Asked<'_> {
    fn sql(&self, name: &str) -> Result<&str> {
        let path = format!("diff/{name}.sql");
        match self.config.assets.get(&path) {
            Some(asset) => Ok(&asset.text),
            None => Err(Error::internal(format!("there is no query {path}"))),
        }
    }

    fn window(&self) -> [(&'static str, ScalarValue); 2] {
        let (from, to) = match self.config.window {
            Some(window) => (window.from.timestamp_micros(), window.to.timestamp_micros()),
            None => EVER,
        };
        let bound = |micros| ScalarValue::TimestampMicrosecond(Some(micros), Some(Arc::from("UTC")));
        [("from", bound(from)), ("to", bound(to))]
    }

    /// Lends `after` the table of causes.
    async fn causes(
        &self,
        before: &Engine,
        after: &Engine,
        changed: RecordBatch,
        window: &[(&str, ScalarValue)],
    ) -> Result<()> {
        for engine in [before, after] {
            engine.lend("diff_changed", changed.clone())?;
        }
        let old = before.query(self.sql("leaves")?, window).await?;
        let new = after.query(self.sql("leaves")?, window).await?;
        after.lend("diff_leaves_before", old)?;
        after.lend("diff_leaves_after", new)?;
        let prices = before.query(PRICES, &[]).await?;
        after.lend("diff_prices_before", prices)?;
        let moved = after.query(self.sql("moved")?, &[]).await?;
        after.lend("diff_moved", moved)?;
        let causes = after.query(self.sql("causes")?, &[]).await?;
        after.lend("diff_causes", causes)
    }
}

/// The differences of the rows must be the difference of the bills; a diff that loses money is no diff.
fn tie(rows: &Frame, totals: &Frame) -> Result<()> {
    let sums = |frame: &Frame| -> Result<BTreeMap<(String, String), i128>> {
        let mut sums = BTreeMap::new();
        for row in 0..frame.rows() {
            let key = |column| Ok::<_, Error>(frame.text(column, row)?.unwrap_or_default());
            *sums.entry((key("currency")?, key("evidence")?)).or_default() +=
                frame.decimal("difference", row)?.unwrap_or_default();
        }
        sums.retain(|_, difference| *difference != 0);
        Ok(sums)
    };
    let (rows, totals) = (sums(rows)?, sums(totals)?);
    if rows == totals {
        return Ok(());
    }
    Err(Error::internal(format!(
        "the rows of the diff add up to {rows:?}, the totals say {totals:?}"
    )))
}

fn say_totals(totals: &Frame, console: &mut dyn Console) -> Result<()> {
    for row in 0..totals.rows() {
        let currency = totals.text("currency", row)?.unwrap_or_default();
        let what = match totals.text("evidence", row)?.as_deref() {
            Some("accrued") => "accruals",
            _ => "bill",
        };
        let amount = |column| {
            totals
                .decimal(column, row)
                .map(|amount| money::format_short(amount.unwrap_or_default()))
        };
        console.say(&format!(
            "{currency} {what}: {} → {}, difference {}",
            amount("old_amount")?,
            amount("new_amount")?,
            amount("difference")?
        ));
    }
    Ok(())
}

fn say_files(files: &Frame, console: &mut dyn Console) -> Result<()> {
    for row in 0..files.rows().min(FILES) {
        let text = |column| files.text(column, row).map(Option::unwrap_or_default);
        let at = files.micros("ingested_at", row)?.map(from_micros);
        console.say(&format!(
            "arrived {}: {} ({}) → {}, {} rows",
            at.map(moment).unwrap_or_default(),
            text("path")?,
            text("hash")?,
            text("table_name")?,
            files.int("rows_kept", row)?.unwrap_or_default(),
        ));
    }
    if files.rows() > FILES {
        console.say(&format!("… and {} further files", files.rows() - FILES));
    }
    Ok(())
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
