//! One file per command: what it was asked, what it does, how it ended. Prints through a `Console`.

mod check;
mod cluster;
mod demo;
mod diff;
mod drill;
mod explain;
mod export;
mod findings;
mod forecast;
mod forecast_input;
mod ingest;
mod ingest_explain;
mod ingest_summary;
mod init;
mod journal;
mod lake;
mod mail;
mod metric;
mod open;
mod pull;
mod reconcile;
mod reference;
mod report;
mod schedule;
mod serve;
mod signals;
mod synth;
mod unmatched;

pub use crate::engine::remove_spilled;
pub use check::{CheckRequest, check};
pub use cluster::{ExecutorRequest, cluster_executor, cluster_scheduler};
pub use demo::{DemoRequest, demo};
pub use diff::{DiffRequest, diff};
pub use drill::{drill_list, drill_run};
pub use explain::{ExplainRequest, explain};
pub use export::{FocusRequest, export_focus};
pub use findings::findings;
pub use forecast::{ForecastRequest, GRAINS, forecast};
pub use ingest::{IngestRequest, ingest};
pub use init::init;
pub use lake::{VacuumRequest, lake_compact, lake_history, lake_stats, lake_vacuum, lake_verify};
pub use mail::{MailRequest, mail_report};
pub use metric::{metric_list, metric_run, metric_show};
pub use pull::{PullRequest, pull};
pub use reconcile::reconcile;
pub use reference::{fx_list, prices_list};
pub use report::{FORMATS, Rendering, document, renderings, report};
pub use schedule::{schedule_list, schedule_once, schedule_run};
pub use serve::{ServeRequest, serve};
pub use synth::{SynthRequest, synth};

pub(crate) use metric::{in_words as metric_in_words, listed as metric_frame};
pub(crate) use open::{engine, metrics, traces};

use crate::base::Result;
use crate::frame::Frame;
use crate::render;

/// How a command ended, when it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Done,
    /// A check, budget or drill says no.
    SaysNo,
    /// Done, but rows were set aside.
    Rejected,
}

/// Where a command speaks: data for the next program, talk for the person, progress for the patient.
pub trait Console: Send {
    /// Name of the output format, one of `table_formats`.
    fn format(&self) -> &str;
    /// Bytes for stdout.
    fn data(&mut self, bytes: &[u8]) -> Result<()>;
    /// A line for stderr.
    fn say(&mut self, line: &str);
    /// What long work is doing; `done` out of `total`, of which 0 means unknown.
    fn progress(&mut self, what: &str, done: u64, total: u64);
    /// The same in bytes, with their rate and the time that is left.
    fn progress_bytes(&mut self, what: &str, done: u64, total: u64);
    /// The long work is over.
    fn progress_end(&mut self);
}

/// Writes a frame to stdout in the format that was asked for.
fn show(console: &mut dyn Console, frame: &Frame) -> Result<()> {
    let bytes = render::frame(console.format(), frame)?;
    console.data(&bytes)
}

/// The formats that results can be written in.
pub fn table_formats() -> Vec<&'static str> {
    render::RENDERERS
        .iter()
        .filter(|renderer| matches!(renderer.draw, render::Draw::Frame(_)))
        .map(|renderer| renderer.name)
        .collect()
}
