//! What is off in one series: days that the model does not expect, and steps to another level.

use super::MIN_DAYS;
use super::model::{self, Model, Point};
use super::outcome::{Kind, Unjudged};
use super::panel::{Cell, Grain, Panel, Series};

/// A day is off from here on, in σ of its kind of day.
const OFF: f64 = 4.0;
/// Several in a row are, from here on: their sum in σ of such a sum.
const OFF_TOGETHER: f64 = 6.0;
/// Its neighbours belong to it from here on.
const BESIDE: f64 = 2.5;
/// The noise that an amount has at least: 4 of it, some 12 %, are the least step.
const LEAST_SIGMA: f64 = 0.03;
/// The noise that a price has at least: 4 of it are 4 %.
const LEAST_PRICE_SIGMA: f64 = 0.01;
/// Spend on fewer days is no series.
const MIN_ACTIVE: usize = 10;
/// Spend that was not there for so long is new when it comes.
const NEW_AFTER: usize = 14;
/// `asinh` is like a logarithm from this part of a usual day on, and like the amount itself below.
const UNIT: f64 = 4.0;
/// What is new for so long has settled, and is judged as any other.
const STEP_BACK: usize = 35;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub kind: Kind,
    /// Days of the panel, the second is the first that is not part of it.
    pub from: usize,
    pub to: usize,
    pub up: bool,
    /// How far off, in its own σ.
    pub score: f64,
    /// Growth per day that was to be expected anyway, in logarithms.
    pub trend: f64,
    /// The level that was left began here.
    pub since: usize,
    /// It was seen in the price, not in the amount.
    pub of_price: bool,
}

impl Event {
    /// 1/n of what was expected is the least that is told.
    pub(super) fn least_part(&self) -> i128 {
        match self.kind {
            Kind::Step => 8,
            _ => 4,
        }
    }
}

/// The events of a series in order, or why it is not judged.
pub(super) fn of(panel: &Panel, series: &Series) -> Result<Vec<Event>, Unjudged> {
    let covered: Vec<usize> = (0..panel.days).filter(|d| series.covered[*d]).collect();
    let active: Vec<usize> = covered
        .iter()
        .copied()
        .filter(|d| series.amount[*d] != 0)
        .collect();
    let (Some(start), Some(last)) = (active.first().copied(), active.last().copied()) else {
        return Err(Unjudged::Sparse);
    };
    let silent = covered.iter().filter(|d| **d < start).count();
    let mut events = Vec::new();
    if silent >= NEW_AFTER {
        // Where it went on to the end it is a new level, else it was an episode.
        let ended = last + STEP_BACK < panel.days || active.len() < 5 && last + 3 < panel.days;
        events.push(Event {
            kind: Kind::New,
            from: start,
            to: if ended { last + 1 } else { panel.days },
            up: series.amount[start] > 0,
            score: f64::INFINITY,
            trend: 0.0,
            since: 0,
            of_price: false,
        });
    }
    let judged: Vec<usize> = covered.into_iter().filter(|d| *d >= start).collect();
    if judged.len() < MIN_DAYS {
        return if events.is_empty() {
            Err(Unjudged::Short)
        } else {
            Ok(events)
        };
    }
    if active.len() < MIN_ACTIVE {
        return if events.is_empty() {
            Err(Unjudged::Sparse)
        } else {
            Ok(events)
        };
    }
    let units = [false, true].map(|weekend| unit(series, &active, weekend));
    let points: Vec<Point> = judged
        .iter()
        .map(|day| Point {
            day: *day,
            weekday: series.weekday(*day),
            x: (Cell::size(series.amount[*day]) / units[usize::from(series.weekday(*day) >= 5)]).asinh(),
        })
        .collect();
    let model = model::fit(&points, LEAST_SIGMA);
    let mut own = steps(panel, &points, &model);
    let off = days_off(&points, &model, &own);
    let once: Vec<Event> = off.iter().filter(|e| !weekly(e, &off, &own)).cloned().collect();
    own.extend(once);
    events.extend(own);
    events.extend(new_prices(panel, series, &judged));
    events.sort_by_key(|e| (e.from, e.to));
    // A fall of the last days may be data that is on its way.
    events.retain(|e| e.up || e.from < series.settling);
    Ok(events)
}

/// A part of a usual workday, or day of the weekend where there are such.
fn unit(series: &Series, active: &[usize], weekend: bool) -> f64 {
    let median = |own: &dyn Fn(&usize) -> bool| {
        let days = active.iter().copied().filter(own);
        let sizes: Vec<f64> = days.map(|day| Cell::size(series.amount[day]).abs()).collect();
        (sizes.len() >= MIN_ACTIVE / 2).then(|| model::median(&sizes))
    };
    let all = median(&|_| true).unwrap_or(1.0);
    let own = median(&|day| (series.weekday(*day) >= 5) == weekend);
    // A few cents on some weekends are no usual weekend.
    own.filter(|own| own * 20.0 >= all).unwrap_or(all) / UNIT
}

fn steps(panel: &Panel, points: &[Point], model: &Model) -> Vec<Event> {
    let mut found: Vec<Event> = Vec::new();
    let mut since = points.first().map_or(0, |p| p.day);
    let mut skip = false;
    for (i, step) in model.steps.iter().enumerate() {
        let from = points[step.at].day;
        if std::mem::take(&mut skip) {
            // The way back of an episode: the level after it is the one before it.
            continue;
        }
        let next = model.steps.get(i + 1);
        let to = next.map_or(panel.days, |next| points[next.at].day);
        let back = next.is_some_and(|next| {
            to - from <= STEP_BACK
                && (step.height + next.height).abs() < 0.4 * step.height.abs().max(next.height.abs())
        });
        found.push(Event {
            kind: if back { Kind::Episode } else { Kind::Step },
            from,
            to,
            up: step.height > 0.0,
            score: step.score,
            trend: model.trend,
            since,
            of_price: false,
        });
        skip = back;
        if !back {
            since = from;
        }
    }
    found
}

fn days_off(points: &[Point], model: &Model, steps: &[Event]) -> Vec<Event> {
    let z = &model.off;
    let mut found = Vec::new();
    let mut at = 0;
    while at < z.len() {
        let up = z[at] > 0.0;
        let mut end = at;
        while end < z.len() && z[end].abs() >= BESIDE && (z[end] > 0.0) == up {
            end += 1;
        }
        if end == at {
            at += 1;
            continue;
        }
        let run = &z[at..end];
        let furthest = run.iter().fold(0.0_f64, |most, z| most.max(z.abs()));
        // Several days that are each a little off are as rare as one that is far off.
        let together = run.iter().map(|z| z.abs()).sum::<f64>() / (run.len() as f64).sqrt();
        if furthest >= OFF || (run.len() >= 3 && together >= OFF_TOGETHER) {
            let from = points[at].day;
            found.push(Event {
                kind: Kind::Episode,
                from,
                to: points[end - 1].day + 1,
                up,
                score: furthest,
                trend: model.trend,
                since: steps
                    .iter()
                    .filter(|s| s.from <= from && s.kind == Kind::Step)
                    .map(|s| s.from)
                    .max()
                    .unwrap_or_else(|| points.first().map_or(0, |p| p.day)),
                of_price: false,
            });
        }
        at = end;
    }
    found
}

/// Whether it comes back each week of a new level: then it is how the level is made, and counted with it.
fn weekly(event: &Event, off: &[Event], steps: &[Event]) -> bool {
    let inside =
        |step: &Event, one: &Event| step.kind == Kind::Step && step.from <= one.from && one.to <= step.to;
    let again = |step: &Event| {
        off.iter()
            .any(|other| other.up == event.up && inside(step, other) && other.from.abs_diff(event.from) == 7)
    };
    steps.iter().any(|step| inside(step, event) && again(step))
}

/// Steps in what a unit costs, whatever happened to the quantities. A price scatters far less than an amount, so
/// a new one is seen at once. The index is what the day cost over what it had cost at each item's mean price.
fn new_prices(panel: &Panel, series: &Series, judged: &[usize]) -> Vec<Event> {
    if !matches!(series.grain, Grain::Model | Grain::Pool) {
        return Vec::new();
    }
    let mut at_mean = vec![0.0; panel.days];
    let mut actual = vec![0.0; panel.days];
    for at in &series.cells {
        let cell = &panel.cells[*at];
        let priced = |day: &&usize| cell.amount[**day] > 0 && cell.quantity[**day] > 0;
        let (mut cost, mut quantity) = (0.0, 0.0);
        for day in judged.iter().filter(priced) {
            cost += Cell::size(cell.amount[*day]);
            quantity += Cell::size(cell.quantity[*day]);
        }
        if quantity > 0.0 {
            for day in judged.iter().filter(priced) {
                at_mean[*day] += cost / quantity * Cell::size(cell.quantity[*day]);
                actual[*day] += Cell::size(cell.amount[*day]);
            }
        }
    }
    let points: Vec<Point> = judged
        .iter()
        .filter(|day| at_mean[**day] > 0.0 && actual[**day] > 0.0)
        .map(|day| Point {
            day: *day,
            weekday: series.weekday(*day),
            x: (actual[*day] / at_mean[*day]).ln(),
        })
        .collect();
    if points.len() < MIN_DAYS {
        return Vec::new();
    }
    let model = model::fit(&points, LEAST_PRICE_SIGMA);
    let mut found = steps(panel, &points, &model);
    for event in &mut found {
        event.of_price = true;
        event.trend = 0.0;
    }
    found
}
