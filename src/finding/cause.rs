//! One finding for one cause. A runaway key shows in its key, its use case, its model, its provider and its scope;
//! a new price in a model and in all who use it. Told is the series that fits the change best: most of what it
//! holds has changed (precision), and it holds most of what has changed (recall). Of two that fit alike, a change
//! of price is told of the model, all else of who used it.

use super::baseline::Baseline;
use super::driver::Change;
use super::event::Event;
use super::outcome::{Finding, Kind};
use super::panel::{Cell, Grain, Panel, Series};
use crate::base::Result;
use std::collections::BTreeSet;

/// Events of two series begin together, give or take a day or two.
const TOGETHER_DAYS: usize = 2;
/// A step that was seen in the noise a few days off may be one that is known better.
const WEEK: usize = 7;
/// A cell has changed when it moved by this part of what its series did, and out of its own noise.
const PART_OF_MOVE: f64 = 0.4;
const NOISES: f64 = 2.0;
/// Two series fit alike when their scores differ by less.
const ALIKE: f64 = 0.06;
/// What is left of a series' change without its causes, at least, to be told of as well.
const LEFT: f64 = 0.5;

#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub series: &'a Series,
    pub event: Event,
    /// Its first days, and what was expected of them: they say whose change it is.
    pub onset: Vec<usize>,
    pub at_onset: Baseline,
    /// The days that are counted.
    pub days: Vec<usize>,
    pub baseline: Baseline,
    pub change: Change,
}

impl Candidate<'_> {
    pub(super) fn finding(self, panel: &Panel, also: Vec<(Grain, String)>) -> Result<Finding> {
        Finding::new(panel, &self, also)
    }

    /// How far its amount moved, as a part of the larger of before and now.
    fn relative(&self) -> f64 {
        let (now, before) = (Cell::size(self.change.actual), Cell::size(self.change.expected));
        let larger = now.abs().max(before.abs());
        if larger > 0.0 {
            (now - before).abs() / larger
        } else {
            0.0
        }
    }

    fn rank(&self) -> usize {
        let order = match self.change.driver() {
            "price" => [
                Grain::Model,
                Grain::Pool,
                Grain::Provider,
                Grain::UseCase,
                Grain::Key,
                Grain::Scope,
            ],
            _ if self.series.grain == Grain::UseCase && self.series.name == "unregistered" => {
                return 2;
            }
            _ => [
                Grain::UseCase,
                Grain::Key,
                Grain::Pool,
                Grain::Model,
                Grain::Provider,
                Grain::Scope,
            ],
        };
        order
            .iter()
            .position(|g| *g == self.series.grain)
            .unwrap_or(order.len())
    }
}

/// A candidate for each cause, and in which other series it shows.
pub(super) fn one_each<'a>(
    panel: &Panel,
    candidates: Vec<Candidate<'a>>,
) -> Vec<(Candidate<'a>, Vec<(Grain, String)>)> {
    let mut groups: Vec<Vec<Candidate<'a>>> = Vec::new();
    for candidate in candidates {
        let (mine, others): (Vec<_>, Vec<_>) = groups
            .into_iter()
            .partition(|group| group.iter().any(|other| together(&candidate, other)));
        groups = others;
        let mut joined: Vec<Candidate<'a>> = mine.into_iter().flatten().collect();
        joined.push(candidate);
        groups.push(joined);
    }
    let told = groups
        .into_iter()
        .flat_map(|group| choose(panel, group))
        .collect();
    without_sums(panel, told)
}

/// A broad series also steps where the causes in it began on other days: what they explain of it is told of them.
fn without_sums<'a>(
    panel: &Panel,
    mut told: Vec<(Candidate<'a>, Vec<(Grain, String)>)>,
) -> Vec<(Candidate<'a>, Vec<(Grain, String)>)> {
    told.sort_by_key(|(c, _)| (!c.event.of_price, c.series.cells.len(), c.rank()));
    let mut kept: Vec<(Candidate<'a>, Vec<(Grain, String)>)> = Vec::new();
    for (candidate, also) in told {
        let own: BTreeSet<usize> = candidate.series.cells.iter().copied().collect();
        let overlaps = |other: &Candidate<'_>| {
            let steps = candidate.event.kind != Kind::Episode && other.event.kind != Kind::Episode;
            let near = steps && candidate.event.from.abs_diff(other.event.from) <= WEEK;
            let days = other.event.from..other.event.to;
            let shared = candidate.onset.iter().filter(|day| days.contains(day)).count();
            let part = shared * 2 >= candidate.onset.len()
                && other.series.cells.iter().all(|at| own.contains(at))
                && other.series.cells.len() < own.len();
            other.series.currency == candidate.series.currency && (near || part)
        };
        let inside: BTreeSet<usize> = kept
            .iter()
            .filter(|(other, _)| overlaps(other))
            .flat_map(|(other, _)| other.series.cells.iter().copied())
            .collect();
        let cells = &candidate.series.cells;
        let moved = movements(panel, &candidate, cells, PART_OF_MOVE * candidate.relative());
        let mass = |skip: &BTreeSet<usize>| -> f64 {
            let cells = cells.iter().filter(|at| !skip.contains(at));
            let moved = cells.filter_map(|at| moved[*at].as_ref()).filter(|m| m.changed);
            moved.map(|m| m.by.abs()).sum()
        };
        if mass(&inside) >= LEFT * mass(&BTreeSet::new()) {
            kept.push((candidate, also));
        } else if let Some((_, names)) = kept.iter_mut().find(|(other, _)| overlaps(other)) {
            names.push((candidate.series.grain, candidate.series.name.clone()));
        }
    }
    for (_, names) in &mut kept {
        names.sort();
        names.dedup();
    }
    kept
}

/// How cells moved over the days of one candidate.
fn movements(panel: &Panel, of: &Candidate<'_>, cells: &[usize], threshold: f64) -> Vec<Option<Moved>> {
    let mut moved: Vec<Option<Moved>> = Vec::new();
    moved.resize_with(panel.cells.len(), || None);
    for at in cells {
        let amounts = &panel.cells[*at].amount;
        let now: f64 = of.onset.iter().map(|d| Cell::size(amounts[*d])).sum();
        let before = of.at_onset.expected(amounts).map_or(0.0, Cell::size);
        let weight = now.abs().max(before.abs());
        let by = now - before;
        let changed = by.abs() > threshold * weight && by.abs() > NOISES * of.at_onset.noise(amounts);
        moved[*at] = Some(Moved { weight, by, changed });
    }
    moved
}

/// Whether two events may be one: they share money and time.
fn together(a: &Candidate<'_>, b: &Candidate<'_>) -> bool {
    if a.series.currency != b.series.currency {
        return false;
    }
    let cells: BTreeSet<usize> = a.series.cells.iter().copied().collect();
    if !b.series.cells.iter().any(|c| cells.contains(c)) {
        return false;
    }
    if a.event.from.abs_diff(b.event.from) <= TOGETHER_DAYS {
        return true;
    }
    let days: BTreeSet<usize> = a.days.iter().copied().collect();
    let shared = b.days.iter().filter(|d| days.contains(d)).count();
    let brief = a.event.kind == Kind::Episode && b.event.kind == Kind::Episode;
    brief && shared * 2 > a.days.len() + b.days.len() - shared
}

/// How one cell moved over the days of a group.
struct Moved {
    /// The larger of before and now.
    weight: f64,
    by: f64,
    changed: bool,
}

fn choose<'a>(panel: &Panel, group: Vec<Candidate<'a>>) -> Vec<(Candidate<'a>, Vec<(Grain, String)>)> {
    if group.len() == 1 {
        return group.into_iter().map(|only| (only, Vec::new())).collect();
    }
    let threshold = PART_OF_MOVE * group.iter().map(Candidate::relative).fold(0.0_f64, f64::max);
    // The clearest event says which days are compared.
    let Some(clearest) = group.iter().max_by(|a, b| {
        a.relative()
            .total_cmp(&b.relative())
            .then(a.event.score.total_cmp(&b.event.score))
    }) else {
        return Vec::new();
    };
    let cells: BTreeSet<usize> = group
        .iter()
        .flat_map(|c| c.series.cells.iter().copied())
        .collect();
    let cells: Vec<usize> = cells.into_iter().collect();
    let mut moved = movements(panel, clearest, &cells, threshold);
    let whole: Vec<f64> = group.iter().map(|c| mass(c.series, &moved)).collect();
    let mut left: Vec<(usize, Candidate<'a>)> = group.into_iter().enumerate().collect();
    let mut told: Vec<(Candidate<'a>, Vec<(Grain, String)>)> = Vec::new();
    while !left.is_empty() {
        let all: f64 = cells
            .iter()
            .filter_map(|at| moved[*at].as_ref())
            .filter(|m| m.changed)
            .map(|m| m.by.abs())
            .sum();
        let scores: Vec<f64> = left.iter().map(|(_, c)| fits(c.series, &moved, all)).collect();
        let best = scores.iter().copied().fold(0.0_f64, f64::max);
        // A price that is seen to change is nobody's use.
        let price = (0..left.len()).any(|i| left[i].1.event.of_price && scores[i] > 0.0);
        let pick = (0..left.len())
            .filter(|i| scores[*i] >= best - ALIKE || price)
            .filter(|i| !price || left[*i].1.event.of_price)
            .min_by(|a, b| {
                let (a, b) = (&left[*a].1, &left[*b].1);
                (a.rank(), -a.change.total.abs(), &a.series.name).cmp(&(
                    b.rank(),
                    -b.change.total.abs(),
                    &b.series.name,
                ))
            })
            .unwrap_or(0);
        let (_, picked) = left.remove(pick);
        for at in &picked.series.cells {
            moved[*at] = None;
        }
        let mut also = Vec::new();
        let mut rest = Vec::new();
        for (at, other) in left {
            if whole[at] <= 0.0 || mass(other.series, &moved) < LEFT * whole[at] {
                also.push((other.series.grain, other.series.name.clone()));
            } else {
                rest.push((at, other));
            }
        }
        left = rest;
        also.sort();
        told.push((picked, also));
    }
    told
}

/// What of a series has changed and is not told yet.
fn mass(series: &Series, moved: &[Option<Moved>]) -> f64 {
    series
        .cells
        .iter()
        .filter_map(|at| moved[*at].as_ref())
        .filter(|m| m.changed)
        .map(|m| m.by.abs())
        .sum()
}

/// Precision and recall in one figure, with precision counting double.
fn fits(series: &Series, moved: &[Option<Moved>], all: f64) -> f64 {
    let own = || series.cells.iter().filter_map(|at| moved[*at].as_ref());
    let weight: f64 = own().map(|m| m.weight).sum();
    let changed: f64 = own().filter(|m| m.changed).map(|m| m.weight).sum();
    if weight <= 0.0 || all <= 0.0 || changed <= 0.0 {
        return 0.0;
    }
    let (precision, recall) = (changed / weight, mass(series, moved) / all);
    1.25 * precision * recall / (0.25 * precision + recall)
}
