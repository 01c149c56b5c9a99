//! `findings`: what changed that the weeks before do not explain.

use super::{Console, Status, open, show};
use crate::base::Result;
use crate::config::Config;
use crate::report;

/// What a person is shown of a finding; the other formats have every column.
const SHOWN: [&str; 11] = [
    "finding", "grain", "name", "what", "from", "currency", "actual", "expected", "price", "volume", "mix",
];

/// `least` leaves out what is about less money, in whichever currency a finding is.
pub async fn findings(config: &Config, least: Option<i128>, console: &mut dyn Console) -> Result<Status> {
    let window = config.window_or_month()?;
    let engine = open::engine(config).await?;
    let outcome = report::changes(&engine, &config.settings, window, least).await?;
    let frame = outcome.frame()?;
    if console.format() == "table" {
        show(console, &frame.pick(&SHOWN)?)?;
        for (number, finding) in outcome.found.iter().enumerate() {
            console.say(&format!(
                "the rows of finding {}: spendscope sql -c \"{}\"",
                number + 1,
                finding.rows
            ));
        }
    } else {
        show(console, &frame)?;
    }
    console.say(&format!(
        "{} series judged on the days from {} to {}; expected is the mean of comparable days, an estimate",
        outcome.judged,
        outcome.days.0,
        outcome.days.1.pred_opt().unwrap_or(outcome.days.1),
    ));
    for (why, series) in &outcome.unjudged {
        console.say(&format!("{} series not judged: {}", series.len(), why.reason()));
    }
    Ok(Status::Done)
}
