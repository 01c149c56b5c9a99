//! Reports: a TOML spec over metrics becomes a Document, which renderers draw.
//!
//! A report runs metrics and puts their frames in order; it works out no amount that SQL could have worked
//! out, draws nothing and writes no file. The few data sources of a section that are more than one metric
//! (a budget with its projection, GPU pools against their SLO) have a file each under `section/`.

mod annex;
mod burn;
mod change;
mod drill;
mod finding;
mod forecast;
mod headline;
mod late;
mod reckon;
mod run;
mod section;
mod spec;
mod stamp;
mod unmatched;
mod words;

pub use change::changes;
pub use drill::drill;
pub use forecast::{ForecastPart, forecast};
pub use late::late;
pub use spec::Spec;
pub use words::period as period_in_words;

use crate::base::Result;
use crate::base::time::Window;
use crate::engine::{Engine, Settings};
use crate::metric::Catalog;
use crate::render::document::Document;
use run::Run;
use tokio::sync::Mutex;

/// Runs the metrics of a report for a window and for the one before it.
pub async fn build(
    spec: &Spec,
    engine: &Engine,
    catalog: &Catalog,
    settings: &Settings,
    window: Window,
) -> Result<Document> {
    let (asked, before) = (window, window.previous(settings.zone));
    // A window that is still running is held against as much of the one before it.
    let running = settings.now > asked.from && settings.now < asked.to;
    let (window, previous) = if running {
        let passed = settings.now - asked.from;
        let cut = Window {
            to: before.to.min(before.from + passed),
            ..before
        };
        (
            Window {
                to: settings.now,
                ..asked
            },
            cut,
        )
    } else {
        (asked, before)
    };
    let name = words::period(&before, settings.zone);
    let name = if running {
        format!("as much of {name}")
    } else {
        name
    };
    let run = Run {
        engine,
        catalog,
        settings,
        window,
        previous,
        before: name,
        answers: Mutex::default(),
    };
    let mut headlines = Vec::with_capacity(spec.headline.len());
    for headline in &spec.headline {
        headlines.push(headline::build(&run, headline).await?);
    }
    let mut sections = Vec::with_capacity(spec.section.len());
    for section in &spec.section {
        sections.push(section::build(&run, section).await?);
    }
    let annexes = annex::build(&run).await?;
    let mut findings = finding::build(&run, &headlines, spec.findings).await?;
    if spec.verdict {
        findings.splice(0..0, annex::verdict(&annexes)?);
    }
    Ok(Document {
        name: spec.name.clone(),
        title: spec.title.clone(),
        period: words::compared(&asked, &before, settings.zone, running),
        stamps: stamp::build(&run).await?,
        headlines,
        findings,
        sections,
        annexes,
        moment: settings.now,
        footer: spec
            .footer
            .iter()
            .cloned()
            .chain(unmatched::sentence(&run).await?)
            .collect(),
    })
}
