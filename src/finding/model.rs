//! What a series usually is: a level for each weekday, a trend where there is one, and steps that stay. Least
//! squares in which a day far off counts little, all in the units of `asinh`.
//!
//! Trend and steps are added one by one, whichever explains more of what is left, as long as each is many times
//! its own error; so growth is not taken for a row of steps, nor a step for growth.

/// More steps than this in four months are no steps.
const MOST_STEPS: usize = 4;
/// Covered days on either side of a step, at least.
pub(super) const STEP_DAYS: usize = 5;
/// A day further off than this many σ pulls at the model no harder than one that is just as far.
const PULLS: f64 = 1.345;
/// A residual counts for no more than this many σ where neighbouring days are compared.
const CLIPPED: f64 = 2.5;
/// A step has to be this many of its own errors high. The greatest of a hundred chance values is about 3.
const STEP_SCORE: f64 = 5.0;
/// There is only one trend, so chance has fewer tries.
const TREND_SCORE: f64 = 3.0;
/// A step smaller than this many of the least noise is no news.
const LEAST_STEP: f64 = 4.0;
/// How far off a step may be seen first.
const NEAR_DAYS: usize = 6;
/// A trend does about as well as a step when its loss is no greater than this many of the step's.
const NO_WORSE: f64 = 1.1;
/// Huber's estimate settles in a few rounds.
const ROUNDS: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Step {
    /// The first day of the new level, among the days of the model.
    pub at: usize,
    /// By how much, and how many of its own errors that is.
    pub height: f64,
    pub score: f64,
}

#[derive(Debug)]
pub(super) struct Model {
    /// How far each day is off, in σ of its kind of day.
    pub off: Vec<f64>,
    /// Per day; 0 where it is not told from none.
    pub trend: f64,
    pub steps: Vec<Step>,
}

/// A day of the model: when, which weekday, and how much.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub day: usize,
    pub weekday: usize,
    pub x: f64,
}

/// What is fitted beside the weekdays.
#[derive(Debug, Clone, Default)]
struct Shape {
    trend: bool,
    steps: Vec<usize>,
}

const WEEK: usize = 7;

impl Shape {
    fn width(&self) -> usize {
        WEEK + usize::from(self.trend) + self.steps.len()
    }

    /// The column of a step, or of the trend.
    fn column(&self, step: Option<usize>) -> usize {
        step.map_or(WEEK, |step| WEEK + usize::from(self.trend) + step)
    }

    fn row(&self, days: &Days<'_>, at: usize) -> Vec<f64> {
        let mut row = vec![0.0; self.width()];
        row[days.points[at].weekday] = 1.0;
        if self.trend {
            row[WEEK] = days.progress(at);
        }
        for (i, step) in self.steps.iter().enumerate() {
            row[self.column(Some(i))] = if at >= *step { 1.0 } else { 0.0 };
        }
        for value in &mut row {
            *value *= days.weights[at];
        }
        row
    }
}

/// The days of a model, weighed so that workdays and the days of weekends scatter alike.
struct Days<'a> {
    points: &'a [Point],
    /// Below this noise the least digit would be an event.
    least_sigma: f64,
    weights: Vec<f64>,
}

impl Days<'_> {
    /// From 0 to 1.
    fn progress(&self, at: usize) -> f64 {
        let (first, last) = (self.points[0].day, self.points[self.points.len() - 1].day);
        (self.points[at].day - first) as f64 / (last - first).max(1) as f64
    }

    fn x(&self, at: usize) -> f64 {
        self.points[at].x * self.weights[at]
    }
}

struct Fit {
    coefficients: Vec<f64>,
    residuals: Vec<f64>,
    /// How much of its weight each day has kept.
    pulls: Vec<f64>,
    inverse: Vec<Vec<f64>>,
    sigma: f64,
    /// The noise of a mean of neighbouring days is that of independent ones, times this.
    persistence: f64,
}

impl Fit {
    fn score(&self, column: usize) -> f64 {
        let error = self.sigma * self.persistence * self.inverse[column][column].max(0.0).sqrt();
        if error > 0.0 {
            self.coefficients[column].abs() / error
        } else {
            0.0
        }
    }

    /// Whether a step or the trend is worth its place.
    fn earns(&self, days: &Days<'_>, shape: &Shape, step: Option<usize>) -> bool {
        let column = shape.column(step);
        match step {
            None => self.score(column) >= TREND_SCORE,
            Some(_) => {
                self.score(column) >= STEP_SCORE
                    && self.coefficients[column].abs() >= LEAST_STEP * days.least_sigma
            }
        }
    }
}

/// The model of at least one day.
pub(super) fn fit(points: &[Point], least_sigma: f64) -> Model {
    let mut days = Days {
        points,
        least_sigma,
        weights: vec![1.0; points.len()],
    };
    let mut shape = Shape::default();
    let first = robust(&days, &shape);
    days.weights = weights(&days, &first.residuals);
    let mut fitted = robust(&days, &shape);
    while shape.steps.len() < MOST_STEPS {
        let Some((wider, fit)) = wider(&days, &shape, &fitted) else {
            break;
        };
        (shape, fitted) = (wider, fit);
    }
    // Backwards: what no longer earns its place beside the others goes.
    while let Some(narrower) = narrower(&days, &shape, &fitted) {
        shape = narrower;
        fitted = robust(&days, &shape);
    }
    // Growth that bends looks like a step on its way: where a trend does about as well, it is growth.
    while !shape.trend {
        let now = loss(&fitted.residuals, fitted.sigma);
        let growing = (0..shape.steps.len()).find_map(|step| {
            let mut growing = shape.clone();
            growing.steps.remove(step);
            growing.trend = true;
            let fit = robust(&days, &growing);
            (loss(&fit.residuals, fitted.sigma) <= NO_WORSE * now).then_some((growing, fit))
        });
        let Some(growing) = growing else { break };
        (shape, fitted) = growing;
    }
    let span = points[points.len() - 1].day - points[0].day;
    Model {
        trend: if shape.trend {
            fitted.coefficients[WEEK] / span.max(1) as f64
        } else {
            0.0
        },
        steps: shape
            .steps
            .iter()
            .enumerate()
            .map(|(i, at)| Step {
                at: *at,
                height: fitted.coefficients[shape.column(Some(i))],
                score: fitted.score(shape.column(Some(i))),
            })
            .collect(),
        off: fitted.residuals.iter().map(|r| r / fitted.sigma).collect(),
    }
}

/// Squares near zero, distances further off.
fn loss(residuals: &[f64], sigma: f64) -> f64 {
    let bound = PULLS * sigma;
    let of = |r: &f64| {
        if r.abs() <= bound {
            r * r / 2.0
        } else {
            bound * (r.abs() - bound / 2.0)
        }
    };
    residuals.iter().map(of).sum()
}

/// Days of a weekend often scatter more than workdays: each kind counts by its own noise.
fn weights(days: &Days<'_>, residuals: &[f64]) -> Vec<f64> {
    let points = days.points;
    let noise_of = |weekend: bool| {
        let own: Vec<f64> = points
            .iter()
            .zip(residuals)
            .filter(|(p, _)| (p.weekday >= 5) == weekend)
            .map(|(_, r)| *r)
            .collect();
        (own.len() >= 6).then(|| noise(&own).max(days.least_sigma))
    };
    let (Some(workday), Some(weekend)) = (noise_of(false), noise_of(true)) else {
        return vec![1.0; points.len()];
    };
    let calmer = (workday / weekend).clamp(0.1, 10.0).min(1.0);
    let weight = |p: &Point| if p.weekday >= 5 { calmer } else { 1.0 };
    points.iter().map(weight).collect()
}

/// The shape with a trend or a step more, if either earns its place.
fn wider(days: &Days<'_>, shape: &Shape, fit: &Fit) -> Option<(Shape, Fit)> {
    let mut tries = Vec::new();
    if !shape.trend {
        let trend = (0..days.points.len()).map(|at| (at, days.progress(at) * days.weights[at]));
        let gain = gain(days, shape, fit, trend);
        let wider = Shape {
            trend: true,
            ..shape.clone()
        };
        tries.push((gain, wider, None));
    }
    if let Some((gain, at)) = best_step(days, shape, fit) {
        let mut wider = shape.clone();
        wider.steps.push(at);
        wider.steps.sort_unstable();
        let place = wider.steps.iter().position(|step| *step == at);
        tries.push((gain, wider, place));
    }
    tries.sort_by(|a, b| b.0.total_cmp(&a.0));
    tries.into_iter().find_map(|(_, mut wider, place)| {
        let mut fitted = robust(days, &wider);
        if let Some(step) = place
            && let Some(at) = moved(days, &wider, &fitted, step)
        {
            wider.steps[step] = at;
            fitted = robust(days, &wider);
        }
        fitted.earns(days, &wider, place).then_some((wider, fitted))
    })
}

/// A few days off, a step may explain more than where it was seen first.
fn moved(days: &Days<'_>, shape: &Shape, fit: &Fit, step: usize) -> Option<usize> {
    let now = shape.steps[step];
    let free = |at: &usize| {
        let others = shape.steps.iter().enumerate().filter(|(i, _)| *i != step);
        let apart = others
            .map(|(_, other)| other.abs_diff(*at))
            .min()
            .unwrap_or(STEP_DAYS);
        *at >= STEP_DAYS && at + STEP_DAYS <= days.points.len() && apart >= STEP_DAYS
    };
    let losses = (now.saturating_sub(NEAR_DAYS)..=now + NEAR_DAYS)
        .filter(free)
        .map(|at| {
            let mut shape = shape.clone();
            shape.steps[step] = at;
            let rows: Vec<Vec<f64>> = (0..days.points.len()).map(|at| shape.row(days, at)).collect();
            let tried = least_squares(days, &rows, &fit.pulls);
            (loss(&tried.residuals, fit.sigma), at)
        });
    let best = losses.min_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.1 != now).then_some(best.1)
}

fn narrower(days: &Days<'_>, shape: &Shape, fit: &Fit) -> Option<Shape> {
    let weakest = (0..shape.steps.len())
        .filter(|i| !fit.earns(days, shape, Some(*i)))
        .min_by(|a, b| {
            fit.score(shape.column(Some(*a)))
                .total_cmp(&fit.score(shape.column(Some(*b))))
        });
    let mut narrower = shape.clone();
    if let Some(step) = weakest {
        narrower.steps.remove(step);
        return Some(narrower);
    }
    narrower.trend = false;
    (shape.trend && !fit.earns(days, shape, None)).then_some(narrower)
}

/// How much of the squares that are left a column would explain; its values are those not 0.
fn gain(days: &Days<'_>, shape: &Shape, fit: &Fit, column: impl Iterator<Item = (usize, f64)>) -> f64 {
    let (mut with, mut own, mut sum) = (vec![0.0; shape.width()], 0.0, 0.0);
    for (at, value) in column {
        let pull = fit.pulls[at];
        sum += pull * value * fit.residuals[at];
        own += pull * value * value;
        for (w, x) in with.iter_mut().zip(shape.row(days, at)) {
            *w += pull * value * x;
        }
    }
    explained(fit, sum, own, &with)
}

/// What the other columns leave of one explains that much.
fn explained(fit: &Fit, sum: f64, own: f64, with: &[f64]) -> f64 {
    let known: f64 = with
        .iter()
        .zip(&fit.inverse)
        .map(|(w, line)| w * dot(line, with))
        .sum();
    let rest = own - known;
    if rest > 1e-3 { sum * sum / rest } else { 0.0 }
}

/// The step that would explain most.
fn best_step(days: &Days<'_>, shape: &Shape, fit: &Fit) -> Option<(f64, usize)> {
    let points = days.points.len();
    let (mut with, mut own, mut sum) = (vec![0.0; shape.width()], 0.0, 0.0);
    let mut best: Option<(f64, usize)> = None;
    for at in (STEP_DAYS..points).rev() {
        let (weight, pull) = (days.weights[at], fit.pulls[at]);
        sum += pull * weight * fit.residuals[at];
        own += pull * weight * weight;
        for (w, x) in with.iter_mut().zip(shape.row(days, at)) {
            *w += pull * weight * x;
        }
        let free = at + STEP_DAYS <= points && shape.steps.iter().all(|step| step.abs_diff(at) >= STEP_DAYS);
        if free {
            let gain = explained(fit, sum, own, &with);
            if best.is_none_or(|(most, _)| gain > most) {
                best = Some((gain, at));
            }
        }
    }
    best
}

/// Least squares, then again and again with less weight on the days that are far off (Huber's estimate).
fn robust(days: &Days<'_>, shape: &Shape) -> Fit {
    let rows: Vec<Vec<f64>> = (0..days.points.len()).map(|at| shape.row(days, at)).collect();
    let mut fit = least_squares(days, &rows, &vec![1.0; rows.len()]);
    for _ in 0..ROUNDS {
        let pulls: Vec<f64> = fit
            .residuals
            .iter()
            .map(|r| (PULLS * fit.sigma / r.abs().max(f64::MIN_POSITIVE)).min(1.0))
            .collect();
        fit = least_squares(days, &rows, &pulls);
    }
    fit
}

fn least_squares(days: &Days<'_>, rows: &[Vec<f64>], pulls: &[f64]) -> Fit {
    let width = rows.first().map_or(WEEK, Vec::len);
    let mut normal = vec![vec![0.0; width]; width];
    let mut right = vec![0.0; width];
    for (at, (row, pull)) in rows.iter().zip(pulls).enumerate() {
        for i in (0..width).filter(|i| row[*i] != 0.0) {
            right[i] += pull * row[i] * days.x(at);
            for j in 0..width {
                normal[i][j] += pull * row[i] * row[j];
            }
        }
    }
    // A weekday that was never seen has no effect.
    for (i, line) in normal.iter_mut().enumerate() {
        line[i] += 1e-6;
    }
    let inverse = invert(normal);
    let coefficients: Vec<f64> = inverse.iter().map(|line| dot(line, &right)).collect();
    let residuals: Vec<f64> = rows
        .iter()
        .enumerate()
        .map(|(at, row)| days.x(at) - dot(row, &coefficients))
        .collect();
    let sigma = noise(&residuals).max(days.least_sigma);
    Fit {
        persistence: persistence(&residuals, sigma),
        coefficients,
        residuals,
        pulls: pulls.to_vec(),
        inverse,
        sigma,
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Gauss and Jordan, with pivots; the matrix is small and positive definite.
fn invert(mut matrix: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let width = matrix.len();
    let mut inverse: Vec<Vec<f64>> = (0..width)
        .map(|i| (0..width).map(|j| if i == j { 1.0 } else { 0.0 }).collect())
        .collect();
    for i in 0..width {
        let pivot = (i..width)
            .max_by(|a, b| matrix[*a][i].abs().total_cmp(&matrix[*b][i].abs()))
            .unwrap_or(i);
        matrix.swap(i, pivot);
        inverse.swap(i, pivot);
        let by = matrix[i][i];
        for (a, b) in matrix[i].iter_mut().zip(&mut inverse[i]) {
            *a /= by;
            *b /= by;
        }
        let (line, right) = (matrix[i].clone(), inverse[i].clone());
        for k in (0..width).filter(|k| *k != i) {
            let factor = matrix[k][i];
            if factor != 0.0 {
                for j in 0..width {
                    matrix[k][j] -= factor * line[j];
                    inverse[k][j] -= factor * right[j];
                }
            }
        }
    }
    inverse
}

/// How much wider a mean of neighbouring days scatters than one of independent ones.
fn persistence(residuals: &[f64], sigma: f64) -> f64 {
    let clipped: Vec<f64> = residuals
        .iter()
        .map(|r| r.clamp(-CLIPPED * sigma, CLIPPED * sigma))
        .collect();
    let variance = dot(&clipped, &clipped);
    if variance <= 0.0 || clipped.len() < 2 {
        return 1.0;
    }
    let phi = (dot(&clipped[1..], &clipped[..clipped.len() - 1]) / variance).clamp(0.0, 0.5);
    ((1.0 + phi) / (1.0 - phi)).sqrt()
}

/// The standard deviation that the median distance from zero stands for.
fn noise(residuals: &[f64]) -> f64 {
    let distances: Vec<f64> = residuals.iter().map(|r| r.abs()).collect();
    1.4826 * median(&distances)
}

pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        n if n.is_multiple_of(2) => (sorted[middle - 1] + sorted[middle]) / 2.0,
        _ => sorted[middle],
    }
}
