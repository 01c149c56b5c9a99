//! Changes that the weeks before do not explain, in words.

use super::run::Run;
use crate::base::Result;
use crate::base::time::Window;
use crate::engine::{Engine, Settings};
use crate::finding::{self, Finding, HISTORY_DAYS, Inputs, Kind, Outcome};
use crate::frame::Frame;
use crate::render::document::{self, Mood};
use crate::render::number;
use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use datafusion::common::ScalarValue;

/// A part of a change that is smaller than one in so many is not told.
const LEAST_SHARE: i128 = 10;

/// The findings of a window, without those about less than `least`.
pub async fn changes(
    engine: &Engine,
    settings: &Settings,
    window: Window,
    least: Option<i128>,
) -> Result<Outcome> {
    let local = |instant: DateTime<Utc>| instant.with_timezone(&settings.zone).date_naive();
    let first = local(window.from);
    let until = local(window.to - chrono::Duration::microseconds(1)) + Days::new(1);
    let date = |day: NaiveDate| {
        let epoch = NaiveDate::default().num_days_from_ce();
        ScalarValue::Date32(Some(day.num_days_from_ce() - epoch))
    };
    let params = [
        ("from", date(first - Days::new(HISTORY_DAYS))),
        ("to", date(until)),
    ];
    finding::find(&Inputs {
        rows: Frame::guess(engine.query(finding::ROWS, &params).await?),
        window: (first, until),
        today: local(settings.now),
        least,
    })
}

/// The changes of a report's window in its currency, the dearest first, each with its money.
pub(super) async fn sentences(run: &Run<'_>) -> Result<Vec<(i128, document::Finding)>> {
    let outcome = changes(run.engine, run.settings, run.window, None).await?;
    let shown = outcome.found.iter().filter(|f| f.currency == run.currency());
    Ok(shown
        .map(|finding| {
            let mood = if finding.change.total > 0 {
                Mood::Bad
            } else {
                Mood::Good
            };
            let text = sentence(finding);
            (finding.change.total.abs(), document::Finding { text, mood })
        })
        .collect())
}

fn sentence(finding: &Finding) -> String {
    let change = &finding.change;
    let money = |amount: i128| number::money(amount, &finding.currency);
    let day = |day: NaiveDate| day.format("%-d %b").to_string();
    let what = if change.total > 0 { "more" } else { "less" };
    let (from, last) = (finding.from, finding.to - Days::new(1));
    let course = match finding.kind {
        Kind::New => format!("is new since {}", day(from)),
        Kind::Step => format!("costs {what} since {}", day(from)),
        Kind::Episode if from == last => format!("cost {what} on {}", day(from)),
        Kind::Episode => format!("cost {what} from {} to {}", day(from), day(last)),
    };
    let mut text = format!(
        "The {} {} {course}: {}",
        finding.grain.name(),
        finding.name,
        money(change.actual)
    );
    if finding.kind == Kind::New {
        text.push('.');
        return text;
    }
    let mix = if change.mix > 0 {
        "a dearer mix"
    } else {
        "a cheaper mix"
    };
    let mut parts = vec![
        (change.price, "price"),
        (change.volume, "volume"),
        (change.mix, mix),
    ];
    parts.retain(|(part, _)| part.abs().saturating_mul(LEAST_SHARE) >= change.total.abs());
    parts.sort_by_key(|(part, _)| -part.abs());
    let parts: Vec<String> = parts
        .iter()
        .map(|(part, by)| {
            let sign = if *part < 0 { "\u{2212}" } else { "+" };
            format!("{sign}{} by {by}", money(part.abs()))
        })
        .collect();
    text.push_str(&format!(
        " instead of about {} ({}).",
        money(change.expected),
        parts.join(", ")
    ));
    text
}
