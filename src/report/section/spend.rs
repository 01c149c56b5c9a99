//! Spend stacked by a dimension: areas over days, columns where there are few of them, and weeks when days
//! would be too many.

use super::super::{reckon, run::Run, words};
use super::{Part, changes, chart};
use crate::base::{Error, Result, money, time};
use crate::frame::build::{days, decimals, texts};
use crate::frame::{ChartSpec, Frame, Role, unnamed};
use chrono::{DateTime, Duration, NaiveDate, Utc};
use datafusion::common::ScalarValue;
use std::collections::{BTreeMap, BTreeSet};

/// Fewer days than this are columns: an area would show slopes between them that nobody measured.
const LEAST_DAYS: usize = 8;
/// More days than this are weeks.
const MOST_DAYS: u64 = 190;
/// More parts than the palette has colours are put together.
const MOST_PARTS: usize = 6;
const REST: &str = "other";
/// Dimensions of the metric that are columns of the view by the same name.
const PLAIN_COLUMNS: [&str; 5] = ["scope", "provider", "source", "kind", "model"];

pub(super) async fn build(run: &Run<'_>, by: &str) -> Result<Part> {
    let frame = run.metric("spend/daily", Some(&[by]), run.window).await?;
    let all: Vec<usize> = (0..frame.rows()).collect();
    let (rows, others) = reckon::split_currency(&frame, all, run.currency(), "amount")?;
    let weekly = run.window.days() > MOST_DAYS;
    let grain = if weekly {
        "week, named by its Monday"
    } else {
        "day"
    };
    let subtitle = format!("{} per {grain}, {} cost", run.currency(), run.settings.basis);

    let mut totals: BTreeMap<String, i128> = BTreeMap::new();
    let mut cells = BTreeMap::new();
    let mut put = |name: &str, day: NaiveDate, amount: i128| -> Result<()> {
        let time = if weekly { reckon::week(day) } else { day };
        reckon::add(totals.entry(name.to_owned()).or_insert(0), amount)?;
        reckon::add(cells.entry((time, name.to_owned())).or_insert(0_i128), amount)
    };
    for row in rows {
        let (Some(day), Some(amount)) = (
            reckon::day(&frame, "day", row)?,
            reckon::amount(&frame, "amount", row)?,
        ) else {
            continue;
        };
        let name = frame.text(by, row)?.unwrap_or_else(|| unnamed(by));
        put(&name, day, amount)?;
    }
    let long = long_charges(run, by).await?;
    for charge in &long {
        // Taken from its first day, and given to all of its days inside the window.
        put(&charge.name, charge.first, -charge.amount)?;
        let days: Vec<NaiveDate> = reckon::days_between(charge.first, charge.last).collect();
        for (day, i) in days.iter().zip(0_i128..) {
            let share = money::apportion(charge.amount, i, i + 1, days.len() as i128)
                .ok_or_else(|| Error::internal("an amount of a report is out of range"))?;
            put(&charge.name, *day, share)?;
        }
    }
    totals.retain(|_, total| *total != 0);
    if totals.is_empty() {
        return Ok(Part::empty(subtitle, "No spend in this window.").noting(words::left_out(&others)));
    }
    let order = order(&totals);
    let mut drawn: BTreeMap<_, i128> = BTreeMap::new();
    for ((time, name), amount) in cells {
        let at = order.iter().position(|n| *n == name).unwrap_or(order.len());
        reckon::add(drawn.entry((time, at)).or_insert(0), amount)?;
    }
    // A day on which others were charged and this one was not is a zero; a day without any charge is a gap.
    let name = |at: usize| order.get(at).map_or(REST, String::as_str);
    let times: BTreeSet<NaiveDate> = drawn.keys().map(|(time, _)| *time).collect();
    let parts = drawn.keys().map(|(_, at)| at + 1).max().unwrap_or(0);
    for time in &times {
        for at in 0..parts {
            drawn.entry((*time, at)).or_insert(0);
        }
    }
    let lines: Vec<_> = drawn.into_iter().collect();
    let frame = Frame::of(vec![
        ("day", Role::Time, "", days(lines.iter().map(|l| l.0.0))),
        (
            by,
            Role::Dimension,
            "",
            texts(lines.iter().map(|l| Some(name(l.0.1)))),
        ),
        (
            "currency",
            Role::Currency,
            "",
            texts(lines.iter().map(|_| Some(run.currency()))),
        ),
        (
            "amount",
            Role::Money,
            "",
            decimals(lines.iter().map(|l| Some(l.1))),
        ),
    ])?;
    let kind = if times.len() < LEAST_DAYS {
        "stacked_bar"
    } else {
        "area"
    };
    let chart = ChartSpec {
        series: Some(by.to_owned()),
        ..chart(kind, "day", &["amount"])
    };
    let (chart, frame) = if weekly {
        (chart, frame)
    } else {
        changes::noted(run, chart, frame).await?
    };
    let spread =
        (!long.is_empty()).then(|| "Charges for longer than a day are spread over their days.".to_owned());
    Ok(Part::chart(subtitle, chart, frame)
        .noting(spread)
        .noting(words::left_out(&others)))
}

/// A charge for more than a day: a licence of a month, a rack of a year.
struct LongCharge {
    name: String,
    first: NaiveDate,
    last: NaiveDate,
    amount: i128,
}

/// A month's fee drawn on its first day would hide every other day. The picture spreads it; the metric, the
/// ledger and the totals beside the picture leave it whole.
async fn long_charges(run: &Run<'_>, by: &str) -> Result<Vec<LongCharge>> {
    if !PLAIN_COLUMNS.contains(&by) {
        return Ok(Vec::new());
    }
    let sql = format!(
        "WITH long AS (
            SELECT {by} AS name, charge_period_start, charge_period_end, amount,
                CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN currency
                    ELSE setting('currency') END AS shown,
                CASE WHEN setting('currency') = 'native' OR fx_rate IS NULL THEN 1 ELSE fx_rate END AS rate
            FROM costs
            WHERE charge_moment(charge_period_start, charge_period_end) >= $from
                AND charge_moment(charge_period_start, charge_period_end) < $to
                AND charge_period_start >= $from - INTERVAL '1 day' AND charge_period_start < $to + INTERVAL '1 day'
                AND amount IS NOT NULL
                AND charge_period_end > charge_period_start + INTERVAL '1 day'
        )
        SELECT name, charge_day(charge_period_start, charge_period_end) AS first, charge_period_end AS upto,
            sum_product(amount, rate) AS amount
        FROM long WHERE shown = $currency
        GROUP BY name, charge_day(charge_period_start, charge_period_end), charge_period_end
        ORDER BY name, first, upto"
    );
    let instant =
        |i: DateTime<Utc>| ScalarValue::TimestampMicrosecond(Some(i.timestamp_micros()), Some("UTC".into()));
    let params = [
        ("from", instant(run.window.from)),
        ("to", instant(run.window.to)),
        ("currency", ScalarValue::from(run.currency())),
    ];
    let frame = Frame::guess(run.engine.query(&sql, &params).await?);
    let end = run.local_day(run.window.to - Duration::microseconds(1));
    let mut charges = Vec::new();
    for row in 0..frame.rows() {
        let (Some(first), Some(upto), Some(amount)) = (
            reckon::day(&frame, "first", row)?,
            frame.micros("upto", row)?,
            frame.decimal("amount", row)?,
        ) else {
            continue;
        };
        let name = frame.text("name", row)?.unwrap_or_else(|| unnamed(by));
        let last = time::from_micros(upto - 1).date_naive().min(end).max(first);
        charges.push(LongCharge {
            name,
            first,
            last,
            amount,
        });
    }
    Ok(charges)
}

/// AI at the bottom, on the zero line, where its course can be read; then by size.
fn order(totals: &BTreeMap<String, i128>) -> Vec<String> {
    let mut names: Vec<(&String, i128)> = totals.iter().map(|(n, t)| (n, *t)).collect();
    names.sort_by_key(|(name, total)| (*name != "AI", -*total));
    names.truncate(MOST_PARTS);
    names.into_iter().map(|(name, _)| name.clone()).collect()
}
