//! Views whose rows are worked out month by month, so that new facts cost what their month costs and not what
//! all history does.
//!
//! A view asks for it with a line `months: COLUMN of GRAIN` beside `kept:`; the column says which month a row belongs to,
//! the grain what it is told by: attempts, charges, leaves or tasks. Each month is a session of its own for each grain, over the
//! facts that its rows can depend on (`reach`) and over the rows that finer grains have in all months, in which
//! the view is planned and kept like any other. What is there for all to read is the rows of each month that are its
//! own. The last days of a month whose tasks go on in the next one are worked out apart from the others (`piece`). Facts of one month and of few rows are not cut: nothing would be saved.

mod implied;
mod month;
mod owed;
mod piece;
mod reach;
mod spans;
mod view;

pub(super) use owed::Planner;
pub(super) use piece::Piece;
pub(super) use view::MonthlyView;

use super::kept::{Keys, lasting};
use super::tables::{self, Contents, Facts};
use super::udf::SettingValues;
use super::{Registry, Settings, rates, rules, session, views};
use crate::asset::Assets;
use crate::base::{Error, Result, hash};
use datafusion::catalog::TableProvider;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::prelude::SessionContext;
use futures::future::BoxFuture;
use month::Month;
use reach::{Reach, SAMPLES_US};
use spans::{Labels, Series, Spans};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Fewer months are worked out as one.
const LEAST_MONTHS: usize = 3;
/// Months that reach over more than this many times their own length are worked out as one.
const MOST_OVERLAP: i64 = 4;

/// What the rows of a view are told by. A grain reads its own and the finer ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grain {
    Attempts,
    Charges,
    /// What attempts cost, by their own time or that of their charges.
    Leaves,
    Tasks,
}

impl Grain {
    const ALL: [Grain; 4] = [Grain::Attempts, Grain::Charges, Grain::Leaves, Grain::Tasks];

    fn named(word: &str) -> Option<Grain> {
        match word {
            "attempts" => Some(Grain::Attempts),
            "charges" => Some(Grain::Charges),
            "leaves" => Some(Grain::Leaves),
            "tasks" => Some(Grain::Tasks),
            _ => None,
        }
    }
}

/// How the rows of a view lie in months.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule<'a> {
    /// Says which month a row belongs to.
    pub(super) column: &'a str,
    pub(super) grain: Grain,
}

/// A view of a finer grain, with all its months.
pub(super) struct Finer {
    pub(super) name: String,
    pub(super) grain: Grain,
    pub(super) rows: Arc<MonthlyView>,
    /// Its rows depend on what time it is.
    pub(super) timely: bool,
}

/// The facts and rows that a month of some grain, or a piece of it, is worked out from. Its session is opened when a view has to
/// be planned in it.
pub(super) struct Slice {
    piece: Piece,
    grain: Grain,
    reach: Reach,
    facts: Facts,
    /// When the labels of its tasks were given.
    labels: RangeInclusive<i64>,
    resumed: Series,
    keys: Arc<Keys>,
    context: OnceCell<SessionContext>,
}

/// The months of each grain.
type Slices = BTreeMap<Grain, Vec<Slice>>;

/// The months of a lake, worked out when the first view asks for them.
pub(super) struct Months {
    facts: Facts,
    keys: Keys,
    assets: Assets,
    registry: Registry,
    settings: Settings,
    /// What all months share with the session that reads them.
    runtime: Arc<RuntimeEnv>,
    slices: OnceCell<Option<Slices>>,
}

impl Months {
    /// `None`: this lake is worked out as one.
    pub(super) fn of(
        facts: Facts,
        assets: &Assets,
        registry: &Registry,
        settings: &Settings,
        runtime: &Arc<RuntimeEnv>,
    ) -> Option<Arc<Months>> {
        let folder = settings.kept.clone()?;
        if facts.rows() < folder.months_from {
            return None;
        }
        let settings = Settings {
            cluster: None,
            kept: None,
            ..settings.clone()
        };
        Some(Arc::new(Months {
            facts,
            keys: Keys::for_months(&folder, assets, registry, &settings),
            assets: assets.clone(),
            registry: registry.clone(),
            settings,
            runtime: Arc::clone(runtime),
            slices: OnceCell::new(),
        }))
    }

    /// Whether there are months, if somebody has asked for them already.
    pub(super) fn known(&self) -> Option<bool> {
        self.slices.get().map(Option::is_some)
    }

    pub(super) fn zone(&self) -> chrono_tz::Tz {
        self.settings.zone
    }

    /// Cuts the months, unless somebody has.
    pub(super) async fn cut_once(&self) -> Result<()> {
        self.slices.get_or_try_init(|| self.cut()).await.map(|_| ())
    }

    /// The months of a grain.
    async fn slices(&self, grain: Grain) -> Result<Option<&[Slice]>> {
        self.cut_once().await?;
        let slices = self.slices.get().and_then(Option::as_ref);
        Ok(slices.and_then(|slices| slices.get(&grain)).map(Vec::as_slice))
    }

    /// Boxed, since a session of a month is made of what every session is made of.
    fn cut(&self) -> BoxFuture<'_, Result<Option<Slices>>> {
        Box::pin(async {
            let zone = self.settings.zone;
            let spans = spans::read(self).await?;
            let months = spans.months(&self.facts, zone);
            if months.len() < LEAST_MONTHS {
                return Ok(None);
            }
            let length = |month: &Month| {
                let own = month.stretch(zone);
                own.to - own.from
            };
            let own: i64 = months.iter().map(length).sum();
            let mut slices = Slices::new();
            for grain in Grain::ALL {
                let cut = |month: &Month| match grain {
                    Grain::Tasks => Piece::cut(*month, spans.ties.goes_on(month.stretch(zone)), zone),
                    Grain::Attempts | Grain::Charges | Grain::Leaves => vec![Piece::whole(*month)],
                };
                let pieces: Vec<Piece> = months.iter().flat_map(cut).collect();
                let reaches: Vec<_> = pieces
                    .iter()
                    .map(|piece| spans.ties.reach(grain, piece.stretch(zone), piece.days(zone)))
                    .collect();
                let requests = reaches.iter().map(|reach| reach.facts.requests);
                let all: i64 = requests.map(|stretch| stretch.to - stretch.from).sum();
                if all > own.saturating_mul(MOST_OVERLAP) {
                    return Ok(None);
                }
                let of_grain = pieces
                    .iter()
                    .zip(reaches)
                    .map(|(piece, reach)| self.slice(&spans, &months, *piece, grain, reach))
                    .collect();
                slices.insert(grain, of_grain);
            }
            Ok(Some(slices))
        })
    }

    /// One of these months.
    fn slice(&self, spans: &Spans, months: &[Month], piece: Piece, grain: Grain, reach: Reach) -> Slice {
        let cut = |facts: reach::Facts| {
            let requests = (facts.requests.from, facts.requests.to);
            self.facts
                .within(requests, SAMPLES_US, &spans.bills(facts.charges))
        };
        let facts = cut(reach.facts);
        let resumed = |reach: &Reach| spans.resumed(reach.facts.requests.to + SAMPLES_US);
        let mut contents = facts.contents();
        contents.insert(tables::RESUMED.to_owned(), format!("{:?}", resumed(&reach)));
        let labels = spans.labels.get(&piece.month);
        if grain == Grain::Tasks {
            contents.insert(tables::OUTCOMES.to_owned(), format!("{labels:?}"));
        }
        let finer = [(Grain::Attempts, reach.attempts), (Grain::Charges, reach.charges)];
        let settings = lasting(&SettingValues::new(&self.settings, &self.registry));
        for (grain, rows) in finer {
            let Some(rows) = rows else { continue };
            let zone = self.settings.zone;
            let others = months
                .iter()
                .filter(|other| other.stretch(zone).meets(&rows.stretch));
            let telemetry: Vec<Series> = others
                .map(|other| resumed(&spans.ties.reach(grain, other.stretch(zone), other.days(zone))))
                .collect();
            let what = format!("{rows:?}\n{settings}\n{telemetry:?}");
            let behind = named(&cut(rows.facts).contents(), &what);
            for (view, _) in self.views().filter(|(_, rule)| rule.grain == grain) {
                contents.insert(view.to_owned(), behind.clone());
            }
        }
        let cut = format!("{grain:?} {reach:?}");
        let keys = self.keys.of_part(&piece.to_string(), &cut, contents);
        Slice {
            piece,
            grain,
            reach,
            facts,
            labels: labels.map_or_else(|| Labels::default().given(), Labels::given),
            resumed: resumed(&reach),
            keys: Arc::new(keys),
            context: OnceCell::new(),
        }
    }

    /// Views that lie in months.
    fn views(&self) -> impl Iterator<Item = (&str, Rule<'_>)> {
        let views = self.assets.under(views::FOLDER);
        views.filter_map(|view| Some((view.name(), rule(&view.text)?)))
    }

    /// The session of a month, with the finer rows that it may read.
    async fn context<'a>(&self, slice: &'a Slice, finer: &[Finer]) -> Result<&'a SessionContext> {
        let context = slice
            .context
            .get_or_try_init(|| async {
                let charges = slice.reach.facts.charges;
                let mut facts = slice.facts.meeting(charges.from, charges.to)?;
                if slice.grain == Grain::Tasks {
                    facts.insert(tables::OUTCOMES, self.facts.outcomes(slice.labels.clone())?);
                }
                let keys = Arc::clone(&slice.keys);
                // A finer view that is not there yet is no view of this month's facts, and a coarser one never is.
                let own = |text: &str| rule(text).is_none_or(|rule| rule.grain == slice.grain);
                self.session(facts, &slice.resumed, keys, &own).await
            })
            .await?;
        for view in finer.iter().filter(|view| view.grain < slice.grain) {
            let rows = match view.grain {
                Grain::Attempts => slice.reach.attempts,
                Grain::Charges => slice.reach.charges,
                Grain::Leaves | Grain::Tasks => None,
            };
            let Some(rows) = rows.filter(|_| !context.table_exist(&view.name).unwrap_or(true)) else {
                continue;
            };
            let known = Arc::new(view.rows.within(&rows.stretch)?) as Arc<dyn TableProvider>;
            context.register_table(&view.name, known)?;
            if view.timely {
                slice.keys.is_timely(&view.name);
            }
        }
        Ok(context)
    }

    /// A session in which these views say what those of one month's facts alone do. Where earlier sessions left their
    /// rows it is `found` with these, whose views are those of the last month that was asked for.
    async fn session_of(
        &self,
        month: &str,
        views: &[&str],
        found: &SessionContext,
    ) -> Result<SessionContext> {
        let facts = self.facts.of_month(month);
        let keys = self.keys.of_part(&format!("of-{month}"), "", facts.contents());
        let recalled: Option<Vec<_>> = views.iter().map(|view| keys.recall(view, "")).collect();
        let Some(recalled) = recalled else {
            return self
                .session(facts.whole(), &Series::new(), Arc::new(keys), &|_| true)
                .await;
        };
        for (view, rows) in views.iter().zip(recalled) {
            found.deregister_table(*view)?;
            found.register_table(*view, Arc::new(rows))?;
        }
        Ok(found.clone())
    }

    /// A session without any table.
    fn empty_session(&self) -> Result<SessionContext> {
        session::open(&self.settings, &self.registry, Arc::clone(&self.runtime))
    }

    /// A session over the labels of all tasks alone.
    fn session_of_labels(&self) -> Result<SessionContext> {
        let context = self.empty_session()?;
        context.register_table(tables::OUTCOMES, self.facts.outcomes(i64::MIN..=i64::MAX)?)?;
        Ok(context)
    }

    /// A session over some of the facts, whose views are kept under names of their own: those whose text is wanted.
    async fn session(
        &self,
        facts: tables::Providers,
        resumed: &Series,
        keys: Arc<Keys>,
        wanted: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<SessionContext> {
        let context = self.empty_session()?;
        tables::register_part(&context, facts, &self.registry, resumed)?;
        rates(&context, &self.settings).await?;
        rules::create(&context, &self.registry, &self.assets).await?;
        let memory = self.settings.memory_limit / LEAST_MONTHS;
        views::create_part(&context, &self.assets, memory, keys, wanted)?;
        Ok(context)
    }
}

/// A name for all of some contents.
fn named(contents: &Contents, what: &str) -> String {
    let mut all: Vec<String> = contents
        .iter()
        .map(|(table, content)| format!("{table} {content}"))
        .collect();
    all.sort_unstable();
    hash::content_hash(format!("{what}\n{}", all.join("\n")).as_bytes())
}

impl fmt::Debug for Months {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Months").finish_non_exhaustive()
    }
}

/// How the rows of a view belong to months, if its comment says so.
pub(super) fn rule(text: &str) -> Option<Rule<'_>> {
    let (comment, _) = text.trim_start().strip_prefix("/*")?.split_once("*/")?;
    let line = comment
        .lines()
        .find_map(|line| line.trim().strip_prefix("months: "))?;
    let (column, grain) = line.split_once(" of ")?;
    Some(Rule {
        column: column.trim(),
        grain: Grain::named(grain.trim())?,
    })
}

fn lost(what: &str) -> Error {
    Error::internal(format!("a month of the lake has no {what}"))
}
