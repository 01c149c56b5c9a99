//! Prometheus's text format, as the DCGM exporter serves it. A scrape has no clock of its own: lines
//! without a time stamp take the moment the caller names.

use super::guard::{Line, Lines};
use super::{Input, Reader, options, skip_bom};
use crate::base::{Error, Result};
use crate::source::MAX_RECORD_BYTES;
use crate::source::collect::Collector;
use crate::source::decode::DecodeContext;
use crate::source::mapping::Mapping;
use crate::source::parse;
use crate::source::series::{Fold, Handle, Labels, Options};
use ahash::HashMap;
use memchr::memrchr;
use std::io::Read;
use std::rc::Rc;

#[derive(Debug)]
pub(super) struct PrometheusText;

impl Reader for PrometheusText {
    fn id(&self) -> &'static str {
        "prometheus_text"
    }

    fn check(&self, table: &toml::Table) -> Result<()> {
        options::<Options>(self.id(), table)?.check()
    }

    fn names(&self, head: &[u8], _: &toml::Table) -> Option<Vec<String>> {
        let head = String::from_utf8_lossy(skip_bom(head).ok()?);
        let mut lines: Vec<&str> = head.lines().collect();
        // The last line may be cut off.
        if lines.len() > 1 && !head.ends_with('\n') {
            lines.pop();
        }
        let (mut names, mut samples, mut broken) = (Vec::new(), 0, 0);
        for line in lines {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Ok(sample) = sample(line) else {
                broken += 1;
                continue;
            };
            samples += 1;
            let family = if sample.metric.starts_with("DCGM_FI_") {
                "DCGM_FI_*"
            } else {
                sample.metric
            };
            if names.last().is_none_or(|n| n != family) {
                names.push(family.to_owned());
            }
        }
        (samples > broken).then_some(names)
    }

    fn read(
        &self,
        input: Input,
        table: &toml::Table,
        mapping: &Mapping,
        ctx: &DecodeContext,
        out: &mut Collector<'_>,
    ) -> Result<()> {
        let mark = input.head().len() - skip_bom(input.head())?.len();
        let mut input = input.into_read();
        std::io::copy(&mut input.by_ref().take(mark as u64), &mut std::io::sink())?;
        let mut lines = Lines::new(input);
        let mut fold = Fold::new(options(self.id(), table)?);
        let mut series = KnownSeries::default();
        // Lines of one scrape have one time.
        let mut last_time = (String::new(), 0);
        let mut line = 0;
        loop {
            line += 1;
            let (bytes, ended) = match lines.next()? {
                Line::End => break,
                Line::TooLong => {
                    out.reject(
                        line,
                        "",
                        None,
                        format!("the line is longer than {} MiB", MAX_RECORD_BYTES >> 20),
                    );
                    continue;
                }
                Line::Whole(bytes) => (bytes, true),
                Line::Unended(bytes) => (bytes, false),
            };
            let Ok(text) = simdutf8::basic::from_utf8(bytes) else {
                out.reject(line, "", None, "not UTF-8");
                continue;
            };
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let known = series.find(text);
            let sample = match known {
                Some(known) => reading(&text[known.raw.len()..]).map(|(value, time)| (None, value, time)),
                None => sample(text).map(|sample| {
                    let (value, time) = (sample.value, sample.time);
                    (Some(sample), value, time)
                }),
            };
            let (new, value, time) = match sample {
                Ok(sample) => sample,
                Err(reason) => {
                    out.reject(line, "", Some(text), reason);
                    continue;
                }
            };
            // Half a number is a number, too, and half a time stamp one of another day. The format wants a
            // line end after the last line.
            if !ended {
                out.reject(line, "", Some(text), "the file ends inside this line: it was cut off, or lacks the line end that the format asks for");
                continue;
            }
            let known = match new {
                None => series.again(),
                Some(sample) => {
                    let opened = fold.open(sample.metric, &sample.labels);
                    series.remember(text, &sample, opened)
                }
            };
            let handle = match &known.opened {
                Ok(Some(handle)) => handle,
                Ok(None) => continue,
                Err(reason) => {
                    out.reject(line, "UUID", None, reason.as_str());
                    continue;
                }
            };
            let micros = match (time, ctx.observed_at) {
                (Some(time), _) if time == last_time.0 => last_time.1,
                (Some(time), _) => match time_stamp(time) {
                    Ok(micros) => {
                        last_time.0.clear();
                        last_time.0.push_str(time);
                        last_time.1 = micros;
                        micros
                    }
                    Err(reason) => {
                        out.reject(line, &known.metric, Some(time), reason);
                        continue;
                    }
                },
                (None, Some(micros)) => micros,
                (None, None) => {
                    return Err(Error::data(format!(
                        "line {line} has no time stamp, and the scrape has no time"
                    ))
                    .advise("say when the text was scraped, as in --at 2026-09-14T10:00:00Z"));
                }
            };
            if let Err(reason) = fold.take(handle, micros, value) {
                out.reject(line, &known.metric, Some(value), reason);
            }
        }
        series.count_into(&mut fold);
        fold.finish(mapping, out)
    }
}

/// Series that are kept as they stand in the text. More are read anew each time.
const MOST_KNOWN: usize = 1 << 16;

/// Longest name and labels that are kept so.
const LONGEST_KNOWN: usize = 2 << 10;

/// Series by their name and labels as they are written: a scrape writes them as the one before did, and in the
/// same order.
#[derive(Default)]
struct KnownSeries {
    all: Vec<Known>,
    places: HashMap<Rc<str>, usize>,
    /// The one that was met last, or a new one that is not kept.
    at: usize,
    new: Option<Known>,
}

struct Known {
    /// From the name to the bracket behind the labels.
    raw: Rc<str>,
    metric: String,
    opened: std::result::Result<Option<Handle>, String>,
    /// What followed it the last time.
    next: usize,
    /// Times that it was met again.
    met: u64,
}

impl KnownSeries {
    /// The series that a line is of.
    fn find(&mut self, line: &str) -> Option<&Known> {
        let next = self.all.get(self.at).map_or(0, |known| known.next);
        let found = match self.all.get(next) {
            Some(known) if line.starts_with(&*known.raw) => next,
            _ => {
                let end = memrchr(b'}', line.as_bytes())? + 1;
                *self.places.get(&line[..end])?
            }
        };
        self.follow(found);
        self.all.get(found)
    }

    fn follow(&mut self, found: usize) {
        if let Some(before) = self.all.get_mut(self.at) {
            before.next = found;
        }
        self.at = found;
    }

    /// The series that was found, once more.
    fn again(&mut self) -> &Known {
        let known = &mut self.all[self.at];
        known.met += 1;
        known
    }

    /// Keeps a series that was opened.
    fn remember(
        &mut self,
        line: &str,
        sample: &Sample<'_>,
        opened: std::result::Result<Option<Handle>, String>,
    ) -> &Known {
        let raw: Rc<str> = line[..sample.labels_end].into();
        let keep = raw.ends_with('}') && raw.len() <= LONGEST_KNOWN && self.all.len() < MOST_KNOWN;
        let known = Known {
            metric: sample.metric.to_owned(),
            opened,
            next: self.all.len() + 1,
            met: 0,
            raw,
        };
        if !keep {
            return self.new.insert(known);
        }
        let place = self.all.len();
        self.places.insert(Rc::clone(&known.raw), place);
        self.all.push(known);
        self.follow(place);
        &self.all[place]
    }

    /// Tells how often each series was met that no column takes.
    fn count_into(self, fold: &mut Fold) {
        for known in self.all.into_iter().filter(|known| known.met > 0) {
            if !fold.takes(&known.metric) {
                fold.pass_over(&known.metric, known.met);
            }
        }
    }
}

/// Milliseconds; a decimal point makes it seconds, as OpenMetrics writes them.
fn time_stamp(text: &str) -> std::result::Result<i64, String> {
    let digits = if text.contains('.') { 0 } else { 3 };
    match parse::unix(text, digits) {
        Ok(Some(micros)) => Ok(micros),
        _ => Err("not a time stamp in milliseconds".to_owned()),
    }
}

struct Sample<'a> {
    metric: &'a str,
    labels: Labels,
    /// Where its value begins.
    labels_end: usize,
    value: &'a str,
    time: Option<&'a str>,
}

/// Takes a line `name{label="value", …} value [time]` apart.
fn sample(line: &str) -> std::result::Result<Sample<'_>, String> {
    let end = line
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
        .unwrap_or(line.len());
    let (metric, rest) = line.split_at(end);
    if metric.is_empty() || metric.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("not a metric name".to_owned());
    }
    let (labels, rest) = match rest.trim_start().strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Labels::new(), rest),
    };
    let (value, time) = reading(rest)?;
    Ok(Sample {
        metric,
        labels,
        labels_end: line.len() - rest.len(),
        value,
        time,
    })
}

/// A value, and a time stamp if there is one.
fn reading(text: &str) -> std::result::Result<(&str, Option<&str>), String> {
    // An exemplar may follow after a hash.
    let text = text.split_once('#').map_or(text, |(before, _)| before);
    let mut words = text.split_ascii_whitespace();
    let Some(value) = words.next() else {
        return Err("the value is missing".to_owned());
    };
    let time = words.next();
    if words.next().is_some() {
        return Err("more than a value and a time stamp".to_owned());
    }
    Ok((value, time))
}

fn labels(text: &str) -> std::result::Result<(Labels, &str), String> {
    let mut labels = Labels::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Ok((labels, after));
        }
        let (name, after) = rest.split_once('=').ok_or("a label has no value")?;
        let mut quoted = after
            .trim_start()
            .strip_prefix('"')
            .ok_or("a label's value is not quoted")?
            .char_indices();
        let mut value = String::new();
        let start = after.trim_start().len() - quoted.as_str().len();
        let end = loop {
            match quoted.next() {
                Some((at, '"')) => break at + 1,
                Some((_, '\\')) => match quoted.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, other)) => value.push(other),
                    None => return Err("a label's value is not closed".to_owned()),
                },
                Some((_, c)) => value.push(c),
                None => return Err("a label's value is not closed".to_owned()),
            }
        };
        labels.insert(name.trim().to_owned(), value);
        rest = after.trim_start()[start + end..].trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_are_taken_apart() {
        let line = r#"M_1{a="x", b="q\"\\\n},", c=""} 6.6e+09 1789379897250"#;
        let sample = sample(line).unwrap();
        assert_eq!(
            (sample.metric, sample.value, sample.time),
            ("M_1", "6.6e+09", Some("1789379897250"))
        );
        assert_eq!(sample.labels["b"], "q\"\\\n},");
        assert_eq!(sample.labels["c"], "");
        assert_eq!(time_stamp("1789379897250"), Ok(1_789_379_897_250_000));
        assert_eq!(time_stamp("1789379897.25"), Ok(1_789_379_897_250_000));
    }

    #[test]
    fn broken_lines_say_what_is_wrong() {
        for line in [
            "{a=\"b\"} 1",
            "m{a=\"b} 1",
            "m{a=b} 1",
            "m{a} 1",
            "m{a=\"b\"}",
            "m 1 2 3",
        ] {
            assert!(sample(line).is_err(), "{line}");
        }
        assert!(sample("m{} 1").is_ok() && sample("m 1 # {trace=\"x\"} 2").is_ok());
    }
}
