//! Tasks, requests and attempts, hour by hour: what the gateway saw and what became of it.
//! Knows nothing of file formats. Holds one hour and what is still running, never the whole.

use super::chance::{around, between, count, happens, hex, pick, unit};
use super::portfolio::{Portfolio, Rhythm, Spell, UseCase};
use crate::base::seed::{self, Rng};
use crate::base::time::day_start;
use chrono::{Datelike, NaiveDate, Weekday};

const MS_PER_HOUR: i64 = 3_600_000;

/// One attempt at one provider.
#[derive(Clone)]
pub(super) struct Attempt {
    pub id: String,
    pub call_id: String,
    pub task: String,
    pub use_case: usize,
    pub model: usize,
    /// The model that was asked for.
    pub asked: usize,
    pub user: u32,
    /// Milliseconds since the epoch.
    pub start: i64,
    pub first_token: i64,
    pub end: i64,
    pub uncached: u64,
    pub read: u64,
    pub write: u64,
    pub output: u64,
    pub reasoning: u64,
    pub failed: bool,
    pub gateway_hit: bool,
    /// 1 for the first attempt of its request.
    pub number: u32,
}

/// One task that has come to its end.
pub(super) struct Task {
    pub id: String,
    pub use_case: usize,
    pub end: i64,
    /// Every request got an answer.
    pub answered: bool,
}

pub(super) struct Traffic<'a> {
    portfolio: &'a Portfolio,
    rng: Rng,
    from: NaiveDate,
    days: f64,
    /// Tasks an hour per unit of strength, by use case.
    rates: Vec<f64>,
    pending: Vec<Attempt>,
    hour: i64,
    hours: i64,
}

/// What one hour brought, in order of time.
pub(super) struct Hour {
    pub attempts: Vec<Attempt>,
    pub tasks: Vec<Task>,
}

const OFFICE: [f64; 24] = [
    0.02, 0.02, 0.02, 0.02, 0.05, 0.2, 0.6, 1.3, 2.1, 2.6, 2.7, 2.4, 1.9, 2.4, 2.7, 2.5, 2.0, 1.3, 0.7, 0.4,
    0.25, 0.15, 0.08, 0.04,
];
const ALWAYS: [f64; 24] = [
    0.35, 0.3, 0.28, 0.28, 0.35, 0.5, 0.8, 1.1, 1.4, 1.6, 1.6, 1.5, 1.4, 1.5, 1.6, 1.5, 1.4, 1.3, 1.2, 1.1,
    1.0, 0.8, 0.6, 0.45,
];
const NIGHT: [f64; 24] = [
    2.0, 2.1, 2.1, 2.0, 1.7, 1.2, 0.6, 0.4, 0.5, 0.6, 0.6, 0.5, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.7, 0.9, 1.3,
    1.6, 1.8, 1.9,
];

/// How strong a use case is in one hour; 1 is a usual hour on its first day.
fn strength(case: &UseCase, from: NaiveDate, days: f64, day: NaiveDate, hour: usize) -> f64 {
    if day < case.launched {
        return 0.0;
    }
    let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
    let (clock, weekend_factor) = match case.rhythm {
        Rhythm::Office => (OFFICE[hour], 0.12),
        Rhythm::Always => (ALWAYS[hour], 0.6),
        Rhythm::Night => (NIGHT[hour], 0.45),
    };
    let progress = (day - from).num_days() as f64 / days;
    let growth = 1.0 + (case.growth - 1.0) * progress;
    let drift = match &case.drift {
        Some(drift) if day >= drift.from => drift.requests_factor,
        _ => 1.0,
    };
    clock * growth * drift * if weekend { weekend_factor } else { 1.0 }
}

impl<'a> Traffic<'a> {
    pub(super) fn new(
        portfolio: &'a Portfolio,
        seed: u64,
        from: NaiveDate,
        to: NaiveDate,
        attempts: u64,
    ) -> Self {
        let days = ((to - from).num_days().max(1)) as f64;
        let cases = &portfolio.use_cases;
        let total: f64 = cases
            .iter()
            .map(|case| {
                let sum: f64 = from
                    .iter_days()
                    .take_while(|day| *day < to)
                    .flat_map(|day| (0..24).map(move |hour| strength(case, from, days, day, hour)))
                    .sum();
                case.share * sum
            })
            .sum();
        // Retries and fallbacks add about one attempt in twenty.
        let unit = attempts as f64 / (total * 1.05).max(f64::MIN_POSITIVE);
        let rates = cases
            .iter()
            .map(|case| unit * case.share / case.requests_per_task)
            .collect();
        Traffic {
            portfolio,
            rng: seed::generator(seed, "traffic"),
            from,
            days,
            rates,
            pending: Vec::new(),
            hour: 0,
            hours: (to - from).num_days() * 24,
        }
    }

    fn start_of_hour(&self) -> i64 {
        day_start(self.from).timestamp_millis() + self.hour * MS_PER_HOUR
    }

    /// The next hour, or `None` when the window and all that runs beyond its end is over. Tasks start
    /// inside the window; the few attempts that would start after its end are cut off.
    pub(super) fn next_hour(&mut self) -> Option<Hour> {
        if self.hour >= self.hours {
            return None;
        }
        let start = self.start_of_hour();
        let day = self.from + chrono::Days::new((self.hour / 24) as u64);
        let clock = (self.hour % 24) as usize;
        let mut tasks = Vec::new();
        for index in 0..self.portfolio.use_cases.len() {
            let case = &self.portfolio.use_cases[index];
            // A drift makes tasks longer, not more frequent.
            let longer = longer(case, day);
            let busier: f64 = spells(case, day).map(|spell| spell.traffic).product();
            let mean = self.rates[index] * strength(case, self.from, self.days, day, clock) / longer * busier;
            for _ in 0..count(&mut self.rng, mean) {
                let at = start + (unit(&mut self.rng) * MS_PER_HOUR as f64) as i64;
                let task = self.task(index, day, at);
                tasks.push(task);
            }
        }
        self.hour += 1;
        let end = self.start_of_hour();
        self.pending
            .sort_by(|a, b| (a.start, &a.id).cmp(&(b.start, &b.id)));
        let later = self.pending.partition_point(|attempt| attempt.start < end);
        let rest = self.pending.split_off(later);
        let attempts = std::mem::replace(&mut self.pending, rest);
        Some(Hour { attempts, tasks })
    }

    fn task(&mut self, index: usize, day: NaiveDate, at: i64) -> Task {
        let portfolio = self.portfolio;
        let case = &portfolio.use_cases[index];
        let rng = &mut self.rng;
        let id = task_id(rng, portfolio.id_digits);
        let most = (2.0 * case.requests_per_task * longer(case, day) - 1.0).min(12.0);
        let requests = 1 + (unit(rng) * most) as u32;
        let user = 1 + (unit(rng) * unit(rng) * 240.0) as u32;
        let asked = case.routes[pick(rng, case.routes.iter().map(|route| route.1))].0;
        let asked = spells(case, day).find_map(|spell| spell.route).unwrap_or(asked);
        let mut time = at;
        let mut answered = true;
        for request in 0..requests {
            let (end, success) = self.request(index, day, &id, asked, user, time, request);
            answered &= success;
            let pause = if case.rhythm == Rhythm::Night {
                2_000.0
            } else {
                40_000.0
            };
            time = end + around(&mut self.rng, pause) as i64;
        }
        Task {
            id,
            use_case: index,
            end: time,
            answered,
        }
    }

    /// All attempts of one request: one or two tries of the model that was asked for, then the fallback.
    #[allow(clippy::too_many_arguments)]
    fn request(
        &mut self,
        index: usize,
        day: NaiveDate,
        task: &str,
        asked: usize,
        user: u32,
        at: i64,
        request: u32,
    ) -> (i64, bool) {
        let portfolio = self.portfolio;
        let case = &portfolio.use_cases[index];
        let (input_factor, cache_factor) = match &case.drift {
            Some(drift) if day >= drift.from => (drift.input_factor, drift.cache_factor),
            _ => (1.0, 1.0),
        };
        let cache_factor = spells(case, day).fold(cache_factor, |factor, spell| factor * spell.cache);
        let rng = &mut self.rng;
        let prompt = 20 + around(rng, case.input * input_factor);
        let output = 5 + around(rng, case.output);
        let gateway_hit = happens(rng, case.gateway_cached);
        let call_id = hex(rng, portfolio.id_digits);
        let mut time = at;
        // Some errors are worth a second try of the same model, others send the router on at once.
        let tries = if happens(rng, 0.45) { 2 } else { 1 };
        for number in 1..=3_u32 {
            let chosen = if number <= tries { asked } else { case.fallback };
            let model = &portfolio.models[chosen];
            let failing = self.failing(chosen, time);
            let rng = &mut self.rng;
            let warm = if request == 0 {
                case.cached * 0.5
            } else {
                case.cached
            } * cache_factor;
            let cached = (prompt as f64 * warm * between(rng, 0.85, 1.1)).min(prompt as f64 * 0.97) as u64;
            let caches = !model.prices.is_empty() && prompt > 1_024;
            let writes = model.prices.iter().any(|price| price.cache_write.is_some());
            let fresh = prompt - cached;
            let (read, write) = match (caches, writes) {
                (false, _) => (0, 0),
                (true, false) => (cached, 0),
                (true, true) => (cached, (fresh as f64 * case.cached * 0.8) as u64),
            };
            let failed = !gateway_hit && happens(rng, failing);
            // A third of the failures breaks off half-way: the provider bills what it has done.
            let half_way = failed && happens(rng, 0.33);
            let done = if half_way { between(rng, 0.1, 0.8) } else { 1.0 };
            let written = if failed && !half_way {
                0
            } else {
                (output as f64 * done) as u64
            };
            let wait = model.ttft_ms * between(rng, 0.6, 2.2) + prompt as f64 * 0.012;
            let (first, last) = if gateway_hit {
                (4.0, 9.0)
            } else if failed && !half_way {
                (wait, wait + between(rng, 200.0, 9_000.0))
            } else {
                (
                    wait,
                    wait + written as f64 * 1_000.0 / (model.tokens_per_second * between(rng, 0.7, 1.25)),
                )
            };
            let billed = !failed || half_way;
            let keep = |tokens: u64| if billed { tokens } else { 0 };
            let reasoning = if model.tier == Some("frontier") {
                written / 3
            } else {
                0
            };
            let id = request_id(rng, portfolio.providers[model.provider].id, portfolio.id_digits);
            self.pending.push(Attempt {
                id,
                call_id: call_id.clone(),
                task: task.to_owned(),
                use_case: index,
                model: chosen,
                asked,
                user,
                start: time,
                first_token: time + first as i64,
                end: time + last as i64,
                uncached: keep(prompt - read - write),
                read: keep(read),
                write: keep(write),
                output: keep(written),
                reasoning: keep(reasoning),
                failed,
                gateway_hit,
                number,
            });
            let end = time + last as i64;
            if !failed {
                return (end, true);
            }
            time = end + 400 * i64::from(number);
            if number == 2 && happens(&mut self.rng, 0.15) {
                break; // the caller gave up
            }
        }
        (time, false)
    }

    fn failing(&self, model: usize, at: i64) -> f64 {
        let provider = self.portfolio.models[model].provider;
        let hour = at.div_euclid(MS_PER_HOUR);
        for incident in &self.portfolio.incidents {
            let first = day_start(incident.day).timestamp_millis() / MS_PER_HOUR;
            let hours = first + i64::from(incident.hours.start)..first + i64::from(incident.hours.end);
            if incident.provider == provider && hours.contains(&hour) {
                return incident.failing;
            }
        }
        0.028
    }
}

fn spells(case: &UseCase, day: NaiveDate) -> impl Iterator<Item = &Spell> {
    case.spells.iter().filter(move |spell| spell.days.contains(&day))
}

fn longer(case: &UseCase, day: NaiveDate) -> f64 {
    match &case.drift {
        Some(drift) if day >= drift.from => drift.requests_factor,
        _ => 1.0,
    }
}

fn task_id(rng: &mut Rng, digits: usize) -> String {
    let text = hex(rng, digits);
    if digits < 32 {
        return format!("task-{text}");
    }
    format!(
        "{}-{}-{}-{}-{}",
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..32]
    )
}

fn request_id(rng: &mut Rng, provider: &str, digits: usize) -> String {
    let prefix = match provider {
        "openai" | "self-hosted" => "chatcmpl-",
        "anthropic" => "msg_01",
        _ => "req-",
    };
    format!("{prefix}{}", hex(rng, digits))
}
