//! What the servers count, as Prometheus reads it. Lock-free; nothing here names a user or a statement.

use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the histogram of latencies, in milliseconds.
const BOUNDS_MS: [u64; 11] = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10_000, 60_000];

#[derive(Debug, Default)]
pub struct Histogram {
    counts: [AtomicU64; BOUNDS_MS.len()],
    count: AtomicU64,
    sum_us: AtomicU64,
}

impl Histogram {
    pub fn observe(&self, took: Duration) {
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let exact_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(place) = BOUNDS_MS.iter().position(|bound| ms < *bound) {
            self.counts[place].fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(exact_us, Ordering::Relaxed);
    }

    fn write(&self, out: &mut String, name: &str, label: &str) {
        let mut below = 0;
        for (bound, count) in BOUNDS_MS.iter().zip(&self.counts) {
            below += count.load(Ordering::Relaxed);
            let seconds = *bound as f64 / 1000.0;
            let _ = writeln!(out, "{name}_bucket{{{label},le=\"{seconds}\"}} {below}");
        }
        let count = self.count.load(Ordering::Relaxed);
        let sum = self.sum_us.load(Ordering::Relaxed) as f64 / 1e6;
        let _ = writeln!(out, "{name}_bucket{{{label},le=\"+Inf\"}} {count}");
        let _ = writeln!(out, "{name}_sum{{{label}}} {sum}");
        let _ = writeln!(out, "{name}_count{{{label}}} {count}");
    }
}

/// One server's counts.
#[derive(Debug, Default)]
pub struct Side {
    pub requests: AtomicU64,
    pub errors: AtomicU64,
    /// Lines that are open.
    pub open: AtomicI64,
    /// Lines that were turned away: too many, or not let in.
    pub refused: AtomicU64,
    pub latency: Histogram,
}

#[derive(Debug, Default)]
pub struct Gauges {
    pub postgres: Side,
    pub http: Side,
    pub running: AtomicI64,
    pub cancelled: AtomicU64,
    pub timed_out: AtomicU64,
    pub rows: AtomicU64,
    pub reopened: AtomicU64,
    pub stale: AtomicU64,
}

/// Counts for as long as it lives.
pub(super) struct Held<'g>(&'g AtomicI64);

impl<'g> Held<'g> {
    pub(super) fn one(gauge: &'g AtomicI64) -> Held<'g> {
        gauge.fetch_add(1, Ordering::Relaxed);
        Held(gauge)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) fn more(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Gauges {
    /// In the text format of Prometheus.
    pub(super) fn text(&self, out: &mut String) {
        let sides = [("postgres", &self.postgres), ("http", &self.http)];
        let mut family = |name: &str, kind: &str, help: &str, value: &dyn Fn(&Side) -> i64| {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (label, side) in sides {
                let _ = writeln!(out, "{name}{{server=\"{label}\"}} {}", value(side));
            }
        };
        let count = |counter: &AtomicU64| i64::try_from(counter.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
        family(
            "spendscope_requests_total",
            "counter",
            "Statements and page requests that were answered.",
            &|side| count(&side.requests),
        );
        family(
            "spendscope_errors_total",
            "counter",
            "Those of them that failed.",
            &|side| count(&side.errors),
        );
        family(
            "spendscope_connections",
            "gauge",
            "Lines that are open.",
            &|side| side.open.load(Ordering::Relaxed),
        );
        family(
            "spendscope_connections_refused_total",
            "counter",
            "Lines and requests that were turned away: too many, or not let in.",
            &|side| count(&side.refused),
        );
        let name = "spendscope_request_duration_seconds";
        let _ = writeln!(
            out,
            "# HELP {name} From the request to its last row.\n# TYPE {name} histogram"
        );
        for (label, side) in sides {
            side.latency.write(out, name, &format!("server=\"{label}\""));
        }
        let mut single = |name: &str, kind: &str, help: &str, value: i64| {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
        };
        single(
            "spendscope_queries_running",
            "gauge",
            "Statements that were begun and not ended, those waiting for their turn or reader included.",
            self.running.load(Ordering::Relaxed),
        );
        single(
            "spendscope_queries_cancelled_total",
            "counter",
            "Statements that their client cancelled or left.",
            count(&self.cancelled),
        );
        single(
            "spendscope_queries_timed_out_total",
            "counter",
            "Statements that worked longer than they may.",
            count(&self.timed_out),
        );
        single(
            "spendscope_rows_total",
            "counter",
            "Rows that were handed out.",
            count(&self.rows),
        );
        single(
            "spendscope_lake_reopened_total",
            "counter",
            "How often a newer state of the lake was opened.",
            count(&self.reopened),
        );
        single(
            "spendscope_lake_refresh_errors_total",
            "counter",
            "How often the lake could not be looked at; the state before is served then.",
            count(&self.stale),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up() {
        let gauges = Gauges::default();
        for ms in [1, 7, 30, 90_000] {
            gauges.http.latency.observe(Duration::from_millis(ms));
        }
        let mut text = String::new();
        gauges.text(&mut text);
        let line = |needle: &str| {
            text.lines()
                .find(|l| l.starts_with(needle))
                .map(|l| l.rsplit(' ').next())
        };
        let bucket = |le: &str| {
            line(&format!(
                "spendscope_request_duration_seconds_bucket{{server=\"http\",le=\"{le}\"}}"
            ))
        };
        assert_eq!(bucket("0.005"), Some(Some("1")));
        assert_eq!(bucket("0.01"), Some(Some("2")));
        assert_eq!(bucket("60"), Some(Some("3")));
        assert_eq!(bucket("+Inf"), Some(Some("4")));
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            let value = line.rsplit(' ').next().unwrap_or_default();
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
}
