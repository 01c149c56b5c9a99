//! Rows of folded series on their way to a chunk: times, devices and most readings repeat, and each of their texts
//! is there once.

use super::collect::Collector;
use super::mapping::Mapping;
use super::repeats::{Ids, Repeats};
use super::series::FIELDS;
use super::tags::TagsBuilder;
use super::{BATCH_BYTES, BATCH_ROWS, MAX_RECORD_BYTES};
use crate::base::Result;
use ahash::{HashMap, HashMapExt};
use arrow::array::{StringArray, StringBuilder};

/// What a set of holders says, in the order of the fields behind the device.
pub(super) type HolderTexts = [String; 7];

/// Folded rows on their way to a chunk: what repeats is there once.
pub(super) struct Rows<'a> {
    /// Fields of the mapping for `FIELDS`, then for the metrics.
    slots: Vec<Option<usize>>,
    fields: usize,
    time: Numbered<i64>,
    device: (&'a str, &'a str),
    devices: [Texts; 2],
    sets: HashMap<usize, u32>,
    holders: [StringBuilder; 7],
    set_ids: Ids,
    metrics: Vec<Numbered<u64>>,
    lines: Vec<u64>,
    /// Bytes of text of the rows that wait.
    bytes: usize,
}

/// Texts of a field in a chunk, and which of them each row has.
#[derive(Default)]
struct Texts {
    texts: StringBuilder,
    count: u32,
    ids: Ids,
}

impl Texts {
    /// A text that is not there yet, or nothing. Gives its place.
    fn push(&mut self, text: &str) -> u32 {
        self.texts
            .append_option(Some(text).filter(|text| !text.is_empty()));
        self.count += 1;
        self.count - 1
    }
}

/// Texts of numbers; most of them come again.
#[derive(Default)]
struct Numbered<T> {
    texts: Texts,
    known: HashMap<T, u32>,
}

impl<T: Copy + Eq + std::hash::Hash> Numbered<T> {
    fn add(&mut self, number: T, write: impl FnOnce() -> String) {
        let id = match self.known.get(&number) {
            Some(id) => *id,
            None => {
                let id = self.texts.push(&write());
                self.known.insert(number, id);
                id
            }
        };
        self.texts.ids.push(id);
    }
}

/// Longest text of a number.
const NUMBER_BYTES: usize = 24;

impl<'a> Rows<'a> {
    pub(super) fn new(mapping: &Mapping, metrics: &[String]) -> Rows<'a> {
        let names = FIELDS.into_iter().chain(metrics.iter().map(String::as_str));
        Rows {
            slots: names.map(|name| mapping.field(name)).collect(),
            fields: mapping.fields.len(),
            time: Numbered::default(),
            device: ("", ""),
            devices: Default::default(),
            sets: HashMap::new(),
            holders: Default::default(),
            set_ids: Ids::new(),
            metrics: metrics.iter().map(|_| Numbered::default()).collect(),
            lines: Vec::new(),
            bytes: 0,
        }
    }

    /// The rows that follow are of this device.
    pub(super) fn device(&mut self, uuid: &'a str, mig: &'a str) {
        self.device = (uuid, mig);
        self.devices[0].push(uuid);
        self.devices[1].push(mig);
    }

    pub(super) fn add(
        &mut self,
        ordinal: u64,
        micros: i64,
        set: usize,
        told: &HolderTexts,
        values: &[f64],
        out: &mut Collector<'_>,
    ) -> Result<()> {
        let texts = told.iter().map(String::len).sum::<usize>() + self.device.0.len() + self.device.1.len();
        if texts > MAX_RECORD_BYTES {
            let reason = format!("the row is longer than {} MiB", MAX_RECORD_BYTES >> 20);
            out.reject(ordinal, "", None, reason);
            return Ok(());
        }
        self.bytes += texts + NUMBER_BYTES * (values.len() + 1);
        self.time.add(micros, || micros.to_string());
        for device in &mut self.devices {
            device.ids.push(device.count - 1);
        }
        let new = self.sets.len() as u32;
        let id = *self.sets.entry(set).or_insert(new);
        if id == new {
            for (texts, text) in self.holders.iter_mut().zip(told) {
                texts.append_option(Some(text).filter(|text| !text.is_empty()));
            }
        }
        self.set_ids.push(id);
        for (metric, value) in self.metrics.iter_mut().zip(values) {
            metric.add(value.to_bits(), || match value.is_nan() {
                true => String::new(),
                false => value.to_string(),
            });
        }
        self.lines.push(ordinal);
        if self.lines.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
            self.hand_on(out)?;
        }
        Ok(())
    }

    /// Hands the rows on as a chunk.
    pub(super) fn hand_on(&mut self, out: &mut Collector<'_>) -> Result<()> {
        self.bytes = 0;
        if self.lines.is_empty() {
            return Ok(());
        }
        let lines = std::mem::take(&mut self.lines);
        let mut fields = vec![StringArray::new_null(1); self.fields];
        let mut ids = vec![Ids::new(); self.fields];
        let mut slots = self.slots.iter();
        let mut put = |texts: StringArray, its: Ids| {
            if let Some(slot) = slots.next().copied().flatten() {
                (fields[slot], ids[slot]) = (texts, its);
            }
        };
        let numbered = |texts: &mut Texts| {
            texts.count = 0;
            (texts.texts.finish(), std::mem::take(&mut texts.ids))
        };
        self.time.known.clear();
        let (texts, its) = numbered(&mut self.time.texts);
        put(texts, its);
        for device in &mut self.devices {
            let (texts, its) = numbered(device);
            put(texts, its);
        }
        self.sets.clear();
        let its = std::mem::take(&mut self.set_ids);
        for texts in &mut self.holders {
            put(texts.finish(), its.clone());
        }
        for metric in &mut self.metrics {
            metric.known.clear();
            let (texts, its) = numbered(&mut metric.texts);
            put(texts, its);
        }
        let (uuid, mig) = self.device;
        self.device(uuid, mig);
        let none = TagsBuilder::of_none()?;
        let repeats = Repeats::new(lines.len(), ids, Ids::new(), Ids::new());
        out.repeats(fields, none.clone(), none, lines, repeats)
    }
}
