//! Series of GPU metrics folded into one row per device (or MIG instance) and moment. Knows DCGM's
//! ways of saying "no value" and who the owners of a device are; knows nothing of text or JSON.

use super::collect::Collector;
use super::mapping::Mapping;
use super::series_rows::{HolderTexts, Rows};
use crate::base::money::{self, Exact};
use crate::base::{Error, Result};
use ahash::{HashMap, HashMapExt};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The options that all readers of series share.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    /// Names of the metrics that speak of devices; others are passed over with a note.
    series: Vec<String>,
    /// Field → the metrics that carry it. A moment with several takes the larger reading.
    metrics: BTreeMap<String, Vec<Name>>,
    /// What we call a label → what sources call it, first one that is set.
    labels: BTreeMap<String, Vec<String>>,
}

/// One name of a metric. Exporters have renamed metrics and changed their units with it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Name {
    Plain(String),
    Scaled(Scaled),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scaled {
    name: String,
    /// What a reading is multiplied by, to be in the unit of the column.
    scale: f64,
}

impl Name {
    fn parts(&self) -> (&str, f64) {
        match self {
            Name::Plain(name) => (name, 1.0),
            Name::Scaled(scaled) => (&scaled.name, scaled.scale),
        }
    }
}

/// Fields that every row has beside its metrics.
pub(super) const FIELDS: [&str; 10] = [
    "time",
    "uuid",
    "mig_instance",
    "mig_profile",
    "host",
    "gpu_index",
    "gpu_model",
    "namespace",
    "owner",
    "owners",
];

/// Labels that options may give names for.
const LABELS: [&str; 15] = [
    "uuid",
    "mig_instance",
    "mig_profile",
    "host",
    "instance",
    "gpu_index",
    "gpu_model",
    "job",
    "exported_pod",
    "pod",
    "hpc_job",
    "exported_namespace",
    "namespace",
    "share",
    "share_percent",
];

impl Options {
    pub(super) fn check(&self) -> Result<()> {
        if let Some(label) = self.labels.keys().find(|l| !LABELS.contains(&l.as_str())) {
            return Err(Error::config(format!(
                "series have no label '{label}'; known: {}",
                LABELS.join(", ")
            )));
        }
        for pattern in &self.series {
            glob::Pattern::new(pattern).map_err(|e| Error::config(format!("series '{pattern}': {e}")))?;
        }
        let mut factors = self.metrics.values().flatten().map(Name::parts);
        if let Some((name, scale)) = factors.find(|(_, scale)| !scale.is_normal() || *scale < 0.0) {
            return Err(Error::config(format!("metric '{name}': a scale of {scale}")));
        }
        if let Some(metric) = self.metrics.keys().find(|m| FIELDS.contains(&m.as_str())) {
            return Err(Error::config(format!(
                "'{metric}' is a field of its own, not a metric"
            )));
        }
        Ok(())
    }
}

/// Labels of one series, as they stand there.
pub(super) type Labels = BTreeMap<String, String>;

/// Everything that was read so far. Series are folded in memory, since one file may hold each metric
/// of a device in another place, and who the owner is only the whole file tells: about 100 bytes for a reading of
/// eight metrics.
pub(super) struct Fold {
    metrics: Vec<String>,
    /// Which metrics a name carries, and what its readings are multiplied by.
    by_name: HashMap<String, Vec<(usize, f64)>>,
    /// Names of the metrics that speak of devices.
    series: Vec<glob::Pattern>,
    labels: BTreeMap<String, Vec<String>>,
    holders: Vec<Holder>,
    known: HashMap<Holder, usize>,
    devices: BTreeMap<(String, String), usize>,
    moments: Vec<Moments>,
    sets: Sets,
    passed_over: BTreeMap<String, u64>,
}

/// What one series says about its device, metric and values aside.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct Holder {
    mig_profile: String,
    host: String,
    gpu_index: String,
    gpu_model: String,
    scrape: (String, String),
    carries_exported_pod: bool,
    exported_pod: String,
    pod: String,
    hpc_job: String,
    exported_namespace: String,
    namespace: String,
    /// The fraction of the device that was granted, where a label says so.
    share: Option<String>,
}

/// What is known of one device, moment by moment in order of arrival.
#[derive(Default)]
struct Moments {
    times: Vec<i64>,
    latest: Option<i64>,
    /// One per metric and moment, NaN where there is none.
    values: Vec<f64>,
    /// Which set of holders each moment has.
    sets: Vec<usize>,
    /// The moment that was met last.
    last: usize,
    /// Where each time stands; made when times come out of order.
    at: Option<HashMap<i64, usize>>,
}

impl Moments {
    fn find(&mut self, micros: i64, metrics: usize) -> usize {
        for near in [self.last, self.last + 1] {
            if self.times.get(near) == Some(&micros) {
                self.last = near;
                return near;
            }
        }
        if self.latest.is_some_and(|latest| micros <= latest) {
            let times = &self.times;
            let at = self
                .at
                .get_or_insert_with(|| times.iter().copied().zip(0..).collect());
            if let Some(found) = at.get(&micros) {
                self.last = *found;
                return *found;
            }
        }
        self.last = self.times.len();
        self.latest = self.latest.max(Some(micros));
        self.times.push(micros);
        self.values.resize(self.times.len() * metrics, f64::NAN);
        self.sets.push(0);
        if let Some(at) = &mut self.at {
            at.insert(micros, self.last);
        }
        self.last
    }
}

/// Sets of holders. Most moments have one of a few.
struct Sets {
    /// The first one is empty.
    all: Vec<Set>,
    grown: HashMap<(usize, usize), usize>,
}

#[derive(Default, Clone)]
struct Set {
    holders: Vec<usize>,
    /// Belongs to one moment alone.
    own: bool,
}

/// Larger sets of holders are not shared: each of them would be kept in all its steps.
const LARGEST_SHARED: usize = 8;

impl Sets {
    /// The set with one holder more.
    fn with(&mut self, set: usize, holder: usize) -> usize {
        let Set { holders, own } = &self.all[set];
        if holders.contains(&holder) {
            return set;
        }
        if *own {
            self.all[set].holders.push(holder);
            return set;
        }
        if let Some(found) = self.grown.get(&(set, holder)) {
            return *found;
        }
        let mut new = self.all[set].clone();
        new.own = new.holders.len() >= LARGEST_SHARED;
        new.holders.push(holder);
        if !new.own {
            self.grown.insert((set, holder), self.all.len());
        }
        self.all.push(new);
        self.all.len() - 1
    }
}

/// A series that takes readings.
pub(super) struct Handle {
    device: usize,
    holder: usize,
    metrics: Vec<(usize, f64)>,
}

impl Fold {
    pub(super) fn new(options: Options) -> Fold {
        let metrics: Vec<String> = options.metrics.keys().cloned().collect();
        let mut by_name: HashMap<String, Vec<(usize, f64)>> = HashMap::new();
        for (at, names) in options.metrics.values().enumerate() {
            for (name, scale) in names.iter().map(Name::parts) {
                by_name.entry(name.to_owned()).or_default().push((at, scale));
            }
        }
        Fold {
            metrics,
            by_name,
            series: options
                .series
                .iter()
                .filter_map(|p| glob::Pattern::new(p).ok())
                .collect(),
            labels: options.labels,
            holders: Vec::new(),
            known: HashMap::new(),
            devices: BTreeMap::new(),
            moments: Vec::new(),
            sets: Sets {
                all: vec![Set::default()],
                grown: HashMap::new(),
            },
            passed_over: BTreeMap::new(),
        }
    }

    /// Opens a series. `Ok(None)`: it does not speak of devices. `Err`: why it is refused.
    pub(super) fn open(
        &mut self,
        metric: &str,
        labels: &Labels,
    ) -> std::result::Result<Option<Handle>, String> {
        let metrics = self.by_name.get(metric).cloned().unwrap_or_default();
        if metrics.is_empty() {
            self.pass_over(metric, 1);
            if !self.series.iter().any(|p| p.matches(metric)) {
                return Ok(None);
            }
        }
        let label = |name: &str| {
            let names = self.labels.get(name).map(Vec::as_slice).unwrap_or_default();
            names
                .iter()
                .filter_map(|n| labels.get(n))
                .find(|v| !v.is_empty())
                .cloned()
                .unwrap_or_default()
        };
        let carries = |name: &str| {
            self.labels
                .get(name)
                .is_some_and(|names| names.iter().any(|n| labels.contains_key(n)))
        };
        let uuid = label("uuid");
        if uuid.is_empty() {
            return Err(format!("{metric} names no device: the label UUID is missing"));
        }
        let instance = label("instance");
        let host = Some(label("host")).filter(|h| !h.is_empty()).unwrap_or_else(|| {
            instance
                .rsplit_once(':')
                .map_or(instance.as_str(), |(host, _)| host)
                .to_owned()
        });
        let device = (device(uuid, &host, &label("gpu_index"))?, label("mig_instance"));
        let holder = Holder {
            mig_profile: label("mig_profile"),
            gpu_index: label("gpu_index"),
            gpu_model: label("gpu_model"),
            scrape: (
                label("job"),
                if host.is_empty() { instance } else { host.clone() },
            ),
            host,
            carries_exported_pod: carries("exported_pod"),
            exported_pod: label("exported_pod"),
            pod: label("pod"),
            hpc_job: label("hpc_job"),
            exported_namespace: label("exported_namespace"),
            namespace: label("namespace"),
            share: share(&label("share"), 0).or_else(|| share(&label("share_percent"), 2)),
        };
        let holder = match self.known.get(&holder) {
            Some(at) => *at,
            None => {
                self.holders.push(holder.clone());
                self.known.insert(holder, self.holders.len() - 1);
                self.holders.len() - 1
            }
        };
        let new = self.moments.len();
        let device = *self.devices.entry(device).or_insert(new);
        if device == new {
            self.moments.push(Moments::default());
        }
        Ok(Some(Handle {
            device,
            holder,
            metrics,
        }))
    }

    /// Takes one reading. `Err`: why its value is refused.
    pub(super) fn take(
        &mut self,
        series: &Handle,
        micros: i64,
        value: &str,
    ) -> std::result::Result<(), String> {
        let value = reading(value)?;
        let metrics = self.metrics.len();
        let moments = &mut self.moments[series.device];
        let at = moments.find(micros, metrics);
        moments.sets[at] = self.sets.with(moments.sets[at], series.holder);
        if let Some(value) = value {
            for (metric, scale) in &series.metrics {
                let known = &mut moments.values[at * metrics + metric];
                // NaN is less than any number here.
                *known = known.max(value * scale);
            }
        }
        Ok(())
    }

    /// Whether some column takes a metric.
    pub(super) fn takes(&self, metric: &str) -> bool {
        self.by_name.contains_key(metric)
    }

    /// Counts lines of a metric that no column takes.
    pub(super) fn pass_over(&mut self, metric: &str, lines: u64) {
        match self.passed_over.get_mut(metric) {
            Some(count) => *count += lines,
            None => {
                self.passed_over.insert(metric.to_owned(), lines);
            }
        }
    }

    /// Hands on all rows, in order of device and time.
    pub(super) fn finish(self, mapping: &Mapping, out: &mut Collector<'_>) -> Result<()> {
        let exporting: BTreeSet<&(String, String)> = self
            .holders
            .iter()
            .filter(|h| h.carries_exported_pod)
            .map(|h| &h.scrape)
            .collect();
        let owners: Vec<Option<(&str, &str)>> = self
            .holders
            .iter()
            .map(|h| h.owner(exporting.contains(&h.scrape)))
            .collect();
        let mut texts: Vec<Option<HolderTexts>> = Vec::new();
        texts.resize_with(self.sets.all.len(), || None);
        let mut rows = Rows::new(mapping, &self.metrics);
        let mut ordinal = 0;
        for ((uuid, mig), device) in &self.devices {
            let moments = &self.moments[*device];
            let mut order: Vec<usize> = (0..moments.times.len()).collect();
            if !moments.times.is_sorted() {
                order.sort_unstable_by_key(|at| moments.times[*at]);
            }
            rows.device(uuid, mig);
            for at in order {
                ordinal += 1;
                let set = moments.sets[at];
                let told = texts[set].get_or_insert_with(|| self.told(&self.sets.all[set].holders, &owners));
                let values = &moments.values[at * self.metrics.len()..][..self.metrics.len()];
                rows.add(ordinal, moments.times[at], set, told, values, out)?;
            }
        }
        rows.hand_on(out)?;
        if !self.passed_over.is_empty() {
            let names: Vec<_> = self
                .passed_over
                .iter()
                .map(|(name, n)| format!("{name} ({n})"))
                .collect();
            out.note(format!(
                "series of metrics that no column takes: {}",
                names.join(", ")
            ));
        }
        Ok(())
    }
}

impl Fold {
    fn told(&self, set: &[usize], owners: &[Option<(&str, &str)>]) -> HolderTexts {
        // Whatever several series say: the last in order of text, so that no order of arrival counts.
        let most = |what: fn(&Holder) -> &str| {
            let all = set.iter().map(|holder| what(&self.holders[*holder]));
            all.max().unwrap_or_default().to_owned()
        };
        let mut all: BTreeMap<(&str, &str), Option<&str>> = BTreeMap::new();
        for holder in set {
            if let Some(owner) = owners[*holder] {
                let share = all.entry(owner).or_default();
                *share = (*share).max(self.holders[*holder].share.as_deref());
            }
        }
        let (owner, namespace) = all.keys().next_back().copied().unwrap_or_default();
        [
            most(|h| &h.mig_profile),
            most(|h| &h.host),
            most(|h| &h.gpu_index),
            most(|h| &h.gpu_model),
            namespace.to_owned(),
            owner.to_owned(),
            shared(&all),
        ]
    }
}

impl Holder {
    /// Who holds the device, and the namespace. Where the scrape renames the workload's labels, `pod`
    /// is the exporter itself and never the owner.
    fn owner(&self, exporting: bool) -> Option<(&str, &str)> {
        let (pod, namespace) = if exporting {
            (&self.exported_pod, &self.exported_namespace)
        } else {
            (&self.pod, &self.namespace)
        };
        if !pod.is_empty() {
            return Some((pod, namespace));
        }
        (!self.hpc_job.is_empty()).then_some((self.hpc_job.as_str(), ""))
    }
}

/// Who a device is. Where a tool has masked its UUID with zeros, all devices would be one: the host and the
/// index on it take its place.
fn device(uuid: String, host: &str, index: &str) -> std::result::Result<String, String> {
    let digits = uuid.trim_start_matches(|c: char| c.is_ascii_alphabetic() || c == '-');
    if digits.is_empty() || digits.contains(|c| c != '0' && c != '-') {
        return Ok(uuid);
    }
    if host.is_empty() || index.is_empty() {
        return Err(
            "the UUID is masked, and host and index are not both there to tell the device".to_owned(),
        );
    }
    Ok(format!("{uuid}@{host}/{index}"))
}

/// A fraction above 0, written in one way. `places`: how far its point is to be moved, 2 for percent.
fn share(text: &str, places: u32) -> Option<String> {
    let fraction = Exact::parse(text.trim().trim_end_matches('%')).ok()?.round();
    let fraction = money::div_half_even(fraction.into(), i128::from(10_u32.pow(places)).into())?;
    (fraction > 0).then(|| money::format_short(fraction))
}

/// The owners of one device as JSON: `namespace/owner` and the fraction each was granted, or an empty text. Nothing
/// for one owner without a fraction, who is told by the column `owner` alone.
fn shared(owners: &BTreeMap<(&str, &str), Option<&str>>) -> String {
    if owners.len() < 2 && owners.values().all(Option::is_none) {
        return String::new();
    }
    let entries = owners.iter().map(|((owner, namespace), share)| {
        (format!("{namespace}/{owner}"), share.unwrap_or_default().into())
    });
    serde_json::Value::Object(entries.collect()).to_string()
}

/// A reading, or nothing where the source says that it has none: NaN, infinities and the blank values
/// of DCGM as 64-bit integers (from 9223372036854775792), which as floats are 2^63, as floats
/// (from 140737488355328) and as 32-bit integers (from 2147483632).
fn reading(text: &str) -> std::result::Result<Option<f64>, String> {
    let value: f64 = match text.trim() {
        "+Inf" | "-Inf" | "Inf" => return Ok(None),
        text => text.parse().map_err(|_| "not a number".to_owned())?,
    };
    let blank = (9_223_372_036_854_775_000.0..=9_223_372_036_854_776_000.0).contains(&value)
        || (140_737_488_355_328.0..140_737_488_355_336.0).contains(&value)
        || (2_147_483_632.0..2_147_483_640.0).contains(&value);
    Ok((value.is_finite() && !blank).then_some(value))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn blanks_are_no_readings() {
        for text in [
            "NaN",
            "+Inf",
            "-Inf",
            "inf",
            "9223372036854775792",
            "9223372036854775794",
            "9223372036854775799",
            "9223372036854775808",
            "9.223372036854776e+18",
            "140737488355328",
            "140737488355330",
            "2147483632",
            "2147483635",
        ] {
            assert_eq!(reading(text), Ok(None), "{text}");
        }
        assert_eq!(reading("6.634254336e+09"), Ok(Some(6_634_254_336.0)));
        assert_eq!(reading("409.692000"), Ok(Some(409.692)));
        assert_eq!(reading("2147483640"), Ok(Some(2_147_483_640.0)));
        assert!(reading("n/a").is_err());
    }

    #[test]
    fn a_masked_uuid_is_told_by_host_and_index() {
        let masked = "GPU-00000000-0000-0000-0000-000000000000";
        let of = |uuid: &str, host, index| device(uuid.to_owned(), host, index);
        assert_eq!(of(masked, "n1", "3"), Ok(format!("{masked}@n1/3")));
        assert!(of(masked, "n1", "").is_err() && of(masked, "", "3").is_err());
        for uuid in [
            "GPU-604ac76c-d9cf-fef3-62e9-d92044ab6e52",
            "GPU-OLD",
            "g1",
            "GPU-",
        ] {
            assert_eq!(of(uuid, "", ""), Ok(uuid.to_owned()));
        }
    }

    #[test]
    fn a_share_is_a_fraction_however_it_is_written() {
        assert_eq!(share("0.250", 0).as_deref(), Some("0.25"));
        assert_eq!(share(" 25% ", 2).as_deref(), Some("0.25"));
        for text in ["", "0", "-1", "half"] {
            assert_eq!(share(text, 0), None, "{text}");
        }
    }

    #[test]
    fn one_owner_needs_no_list() {
        let owners = |list: &[(&'static str, Option<&'static str>)]| {
            shared(
                &list
                    .iter()
                    .map(|(owner, share)| ((*owner, "ml"), *share))
                    .collect(),
            )
        };
        assert_eq!(owners(&[]), "");
        assert_eq!(owners(&[("a", None)]), "");
        assert_eq!(owners(&[("a", Some("0.5"))]), r#"{"ml/a":"0.5"}"#);
        assert_eq!(owners(&[("a", None), ("b", None)]), r#"{"ml/a":"","ml/b":""}"#);
    }
}
