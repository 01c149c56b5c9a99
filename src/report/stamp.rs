//! As-of moment, coverage, basis, currency and time zone: what a reader must know to trust the rest.

use super::reckon;
use super::run::Run;
use crate::base::{Result, time};
use crate::engine::NATIVE;
use crate::frame::Frame;
use crate::render::document::Stamp;
use crate::render::number;
use datafusion::common::ScalarValue;

pub(super) async fn build(run: &Run<'_>) -> Result<Vec<Stamp>> {
    let settings = run.settings;
    let stamp = |label: &str, value: String| Stamp {
        label: label.to_owned(),
        value,
        warns: false,
    };
    let now = settings.now.with_timezone(&settings.zone);
    let mut stamps = vec![stamp("as of", now.format("%-d %b %Y %H:%M").to_string())];
    stamps.push(bills(run).await?);
    if let Some(missing) = super::late(run.engine, settings, run.window).await? {
        stamps.push(Stamp {
            label: "late data".to_owned(),
            value: missing,
            warns: true,
        });
    }
    if let Some(labelled) = labelled(run).await? {
        stamps.push(stamp("labelled tasks", number::percent(labelled)));
    }
    stamps.extend(rejects(run).await?);
    stamps.push(stamp("basis", settings.basis.name().to_owned()));
    let currency = if settings.currency == NATIVE {
        format!("{} charges only", run.currency())
    } else {
        settings.currency.clone()
    };
    stamps.push(stamp("currency", currency));
    if let Some(prices) = settings.repriced() {
        stamps.push(Stamp {
            label: "re-priced".to_owned(),
            value: prices,
            warns: true,
        });
    }
    stamps.push(stamp("time zone", settings.zone.name().to_owned()));
    Ok(stamps)
}

/// Up to when every source that billed in the window has done so: the earliest of their last charges.
async fn bills(run: &Run<'_>) -> Result<Stamp> {
    const LAST: &str = "SELECT min(upto) AS upto FROM (SELECT max(charge_period_end) AS upto FROM charges \
         WHERE charge_moment(charge_period_start, charge_period_end) >= $from
        AND charge_moment(charge_period_start, charge_period_end) < $to GROUP BY source)";
    let instant = |i: chrono::DateTime<chrono::Utc>| {
        ScalarValue::TimestampMicrosecond(Some(i.timestamp_micros()), Some("UTC".into()))
    };
    let params = [("from", instant(run.window.from)), ("to", instant(run.window.to))];
    let frame = Frame::guess(run.engine.query(LAST, &params).await?);
    let label = "billed up to".to_owned();
    let Some(upto) = frame.micros("upto", 0)? else {
        return Ok(Stamp {
            label,
            value: "no bill in this window".to_owned(),
            warns: true,
        });
    };
    // A period ends at the midnight after its last day.
    let last = run.local_day(time::from_micros(upto - 1));
    let wanted = run.last_day();
    let missing = (wanted - last).num_days();
    let date = last.min(wanted).format("%-d %b").to_string();
    // A bill of yesterday is as fresh as bills get.
    if missing > 1 || (missing == 1 && run.settings.now >= run.window.to + chrono::Duration::days(1)) {
        let days = if missing == 1 {
            "1 day".to_owned()
        } else {
            format!("{missing} days")
        };
        return Ok(Stamp {
            label,
            value: format!("{date} ({days} missing)"),
            warns: true,
        });
    }
    Ok(Stamp {
        label,
        value: date,
        warns: false,
    })
}

async fn labelled(run: &Run<'_>) -> Result<Option<i128>> {
    let frame = run
        .metric("unit/cost_per_successful_task", Some(&[]), run.window)
        .await?;
    let rows: Vec<usize> = (0..frame.rows()).collect();
    let unlabelled = ["pending".to_owned(), "unlabelled".to_owned()];
    let all = [String::from("tasks")];
    let without = reckon::share(&frame, &unlabelled, &all, &rows)?;
    Ok(without.map(|w| crate::base::money::ONE - w))
}

/// Rows that no number here has seen.
async fn rejects(run: &Run<'_>) -> Result<Option<Stamp>> {
    let frame = Frame::guess(run.engine.query("SELECT count(*) AS n FROM rejects", &[]).await?);
    let count = frame.int("n", 0)?.unwrap_or(0);
    Ok((count > 0).then(|| Stamp {
        label: "rejected rows".to_owned(),
        value: number::count(count),
        warns: true,
    }))
}
