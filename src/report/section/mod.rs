//! The parts of a report. A data source that is more than one metric has a file here.

mod budget;
mod changes;
mod energy;
mod idle;
mod metric;
mod pools;
mod rates;
mod spend;
mod success;

pub(super) use pools::pools;
pub(super) use success::without_success;

use super::run::Run;
use super::spec::{Data, SectionSpec};
use crate::base::Result;
use crate::frame::{ChartSpec, Frame};
use crate::render::document::{Body, Rows, Section};

/// What a source gives: the line below the title, what is drawn, what is not.
pub(super) struct Part {
    pub subtitle: String,
    pub body: Body,
    /// All rows, where the picture shows only some.
    pub rows: Option<Rows>,
    /// The height that the picture needs, where the spec does not say one.
    pub height: u32,
    pub notices: Vec<String>,
}

impl Part {
    fn chart(subtitle: impl Into<String>, chart: ChartSpec, frame: Frame) -> Part {
        Part {
            subtitle: subtitle.into(),
            body: Body::Chart(chart, frame),
            rows: None,
            height: 0,
            notices: Vec::new(),
        }
    }

    fn empty(subtitle: impl Into<String>, why: impl Into<String>) -> Part {
        Part {
            subtitle: subtitle.into(),
            body: Body::Empty(why.into()),
            rows: None,
            height: 0,
            notices: Vec::new(),
        }
    }

    fn noting(mut self, notice: Option<String>) -> Part {
        self.notices.extend(notice);
        self
    }
}

fn chart(kind: &str, x: &str, y: &[&str]) -> ChartSpec {
    let y = y.iter().map(|s| (*s).to_owned()).collect();
    ChartSpec {
        kind: kind.to_owned(),
        x: x.to_owned(),
        y,
        ..ChartSpec::default()
    }
}

pub(super) async fn build(run: &Run<'_>, spec: &SectionSpec) -> Result<Section> {
    let part = match &spec.data {
        Data::Metric { .. } => metric::build(run, spec).await?,
        Data::Spend { by } => spend::build(run, by).await?,
        Data::Success => success::build(run).await?,
        Data::Pools => pools::build(run).await?,
        Data::Idle => idle::build(run).await?,
        Data::Rates => rates::build(run).await?,
        Data::Energy => energy::build(run).await?,
        Data::Budget => budget::build(run).await?,
    };
    Ok(Section {
        id: spec.id.clone(),
        title: spec.title.clone(),
        subtitle: part.subtitle,
        wide: spec.wide,
        height: if spec.height > 0 { spec.height } else { part.height },
        body: part.body,
        rows: part.rows,
        notices: part.notices,
    })
}
