#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Runs a query of one column with the functions registered.

use crate::engine::{Registry, Settings, session};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono_tz::Tz;
use datafusion::error::Result;

fn run(zone: Tz, sql: &str) -> Result<Vec<String>> {
    let mut settings = Settings::new(crate::base::time::from_micros(1_790_812_800_000_000));
    settings.zone = zone;
    let shared = session::runtime(&settings).expect("memory");
    let context = session::open(&settings, &Registry::default(), shared).expect("a session");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let batches = runtime.block_on(async { context.sql(sql).await?.collect().await })?;
    let options = FormatOptions::default().with_null("NULL");
    let mut shown = Vec::new();
    for batch in batches {
        let column = ArrayFormatter::try_new(batch.column(0).as_ref(), &options)?;
        shown.extend((0..batch.num_rows()).map(|row| column.value(row).to_string()));
    }
    Ok(shown)
}

pub(in crate::engine) fn query(sql: &str) -> Vec<String> {
    query_in(Tz::Europe__Berlin, sql)
}

pub(super) fn query_in(zone: Tz, sql: &str) -> Vec<String> {
    run(zone, sql).expect(sql)
}

pub(super) fn fails(sql: &str) -> String {
    run(Tz::Europe__Berlin, sql).expect_err(sql).to_string()
}
