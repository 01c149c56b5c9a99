//! Files into the lake: recognised, decoded, checked, and stored once, whatever the order, however
//! often, and wherever the last run was killed.
//!
//! Facts are committed first, then their rejects, then the record of the files: a run that dies in
//! between is completed by running it again. This is the only writer of the canonical tables; it knows
//! nothing of formats (`source`) and nothing of Delta (`store`).

mod bill;
mod delivery;
mod events;
mod explain;
mod groups;
mod identity;
mod input;
mod intake;
mod lists;
mod overlap;
mod parts;
mod plan;
mod pump;
mod record;
mod remote;
mod report;
mod retry;
mod row;
mod samples;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use explain::{Decoded, Explained, Kind, Understood, explain};
pub use record::rows_of;
pub use report::{FileReport, IngestReport, Progress, Refused, State, Step};
pub use retry::retry;

use crate::base::user_key::UserKey;
use crate::base::{Context, Error, Result};
use crate::source::{Bytes, Catalog, Conformance, DecodeContext, Mapping, decode};
use crate::store::{ATTEMPTS, Lake, busy};
use arrow::array::RecordBatch;
use delivery::{Delivery, FileFacts, StoredTotals};
use input::Input;
use intake::{Rows, read_all};
use plan::{File, Plan};
use record::{Fate, Known};
use std::collections::{HashMap, HashSet};
use std::io::Read;

/// What the user may say beside the names of the files.
#[derive(Debug, Clone)]
pub struct Options {
    /// Mapping file to read everything with. Not given: recognised from the content of each file.
    pub format: Option<String>,
    /// Name under which the files are delivered. Not given: what the mapping file says.
    pub source: Option<String>,
    /// Refuse a file with a bad row instead of keeping its good ones.
    pub strict: bool,
    /// Let a delivery leave a billing month with much less than it has now.
    pub accept_shrink: bool,
    /// Let a delivery stand beside another export of the same account and days.
    pub accept_overlap: bool,
    /// Microseconds: when scrapes without time stamps were taken. Not given: when the file was written.
    pub observed_at: Option<i64>,
    /// Microseconds: from when undated price lists hold.
    pub valid_from: Option<i64>,
    /// Zone of the clocks behind local times. Not given: UTC.
    pub zone: Option<chrono_tz::Tz>,
    /// Most bytes that one compressed file may unpack to.
    pub unpack_limit: u64,
    /// Most bytes of memory that the rows of a list may take. Facts go to data files while they are read.
    pub held_limit: u64,
    /// What users are hashed with. Not given: plain SHA-256.
    pub users: Option<UserKey>,
    /// Options for reading from object stores.
    pub store_options: HashMap<String, String>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            format: None,
            source: None,
            strict: false,
            accept_shrink: false,
            accept_overlap: false,
            observed_at: None,
            valid_from: None,
            zone: None,
            unpack_limit: 16 << 30,
            held_limit: 512 << 20,
            users: None,
            store_options: HashMap::new(),
        }
    }
}

/// What became of a delivery's facts.
#[derive(Debug)]
enum Stored {
    Committed(Vec<Fate>),
    /// The lake holds exactly these facts already.
    Present(Vec<Fate>),
    /// No rows: nothing to add and nothing to replace.
    Empty,
    Refused {
        reason: String,
        advice: String,
    },
    /// Read anew for the sake of its rejects, and replaced by a newer delivery since.
    Superseded(String),
}

/// Ingests files, folders, patterns and object URLs.
pub async fn ingest(
    lake: &Lake,
    catalog: &Catalog,
    inputs: &[String],
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<IngestReport> {
    let files = input::expand(inputs, &options.store_options, options.unpack_limit, progress).await?;
    ingest_files(lake, catalog, files, options, progress).await
}

/// Content that was fetched and lies in memory.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it is shown and recorded as, where a file has its path. No secrets in here.
    pub name: String,
    pub bytes: bytes::Bytes,
}

/// Ingests what a connector fetched, as files of one call.
pub async fn ingest_loaded(
    lake: &Lake,
    catalog: &Catalog,
    loaded: Vec<Loaded>,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<IngestReport> {
    let files = loaded.into_iter().map(Input::loaded).collect();
    ingest_files(lake, catalog, files, options, progress).await
}

async fn ingest_files(
    lake: &Lake,
    catalog: &Catalog,
    files: Vec<Input>,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<IngestReport> {
    progress.on(Step::Found {
        files: files.len(),
        bytes: files.iter().map(|f| f.bytes).sum(),
    })?;
    let mut report = IngestReport::default();
    let plans = plan::plan(catalog, files, options, &mut report).await?;
    let known = record::known(lake).await?;
    for plan in plans {
        run(lake, plan, &known, options, progress, &mut report).await?;
    }
    report.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(report)
}

async fn run(
    lake: &Lake,
    plan: Plan,
    known: &[Known],
    options: &Options,
    progress: &mut dyn Progress,
    report: &mut IngestReport,
) -> Result<()> {
    let table = plan.table;
    let deliveries = if table.name == "charges" {
        groups::deliveries(lake, plan, known, options, progress, report).await?
    } else {
        let Plan { source, files, .. } = without_known(plan, known, options, report);
        match files.is_empty() {
            true => Vec::new(),
            false => {
                let (facts, rows) = read_all(lake, &files, table, &source, options, progress).await?;
                vec![Delivery::of(table, &source, facts, rows)]
            }
        }
    };
    for delivery in deliveries {
        deliver(lake, delivery, options, progress, report).await?;
    }
    Ok(())
}

/// Stores one delivery and its record; or says why not.
async fn deliver(
    lake: &Lake,
    mut delivery: Delivery,
    options: &Options,
    progress: &mut dyn Progress,
    report: &mut IngestReport,
) -> Result<()> {
    if options.strict && refuse_bad_files(lake, &mut delivery, options, report).await? {
        return Ok(());
    }
    let table = delivery.table;
    let stored = store(lake, &delivery, options, progress).await?;
    if !matches!(stored, Stored::Committed(_)) {
        delivery.rows.discard().await;
    }
    let (state, fates) = match stored {
        Stored::Committed(fates) => (State::Ingested, fates),
        Stored::Present(fates) => (State::AlreadyIngested, fates),
        Stored::Empty => (State::Empty, vec![Fate::default(); delivery.files.len()]),
        Stored::Refused { reason, advice } => {
            refuse(&delivery, reason, advice, report);
            return Ok(());
        }
        Stored::Superseded(reason) => {
            refuse(&delivery, reason, String::new(), report);
            return Ok(());
        }
    };
    progress.on(Step::Committed { table: table.name })?;
    record::write_rejects(lake, &delivery).await?;
    progress.on(Step::Committed { table: "rejects" })?;
    record::write_files(lake, &delivery, &fates).await?;
    progress.on(Step::Committed {
        table: "ingest_files",
    })?;
    for (file, fate) in delivery.files.iter().zip(&fates) {
        // A file all of whose rows were rejected was read; one without rows was not worth reading.
        let state = match (state, file.rows_in) {
            (State::Ingested | State::Empty, 0) => State::Empty,
            (State::Empty, _) => State::Ingested,
            (state, _) => state,
        };
        report.files.push(decoded(&delivery, file, state, fate));
    }
    Ok(())
}

/// A delivery that changes nothing, and why.
fn refuse(delivery: &Delivery, reason: String, advice: String, report: &mut IngestReport) {
    report.refused.push(Refused {
        source: delivery.source.clone(),
        table: delivery.table.name,
        reason,
        advice,
    });
    for file in &delivery.files {
        report
            .files
            .push(decoded(delivery, file, State::Refused, &Fate::default()));
    }
}

/// Commits the facts, each try from a fresh look at the table.
async fn store(
    lake: &Lake,
    delivery: &Delivery,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<Stored> {
    progress.on(Step::Committing {
        table: delivery.table.name,
    })?;
    let table = delivery.table;
    for _ in 0..ATTEMPTS {
        let stored = match table.name {
            "charges" => bill::attempt(lake, delivery, options).await?,
            "requests" | "outcomes" => events::attempt(lake, delivery).await?,
            "gpu_samples" => samples::attempt(lake, delivery).await?,
            "prices" | "fx_rates" | "grid_intensity" => lists::attempt(lake, delivery).await?,
            other => return Err(Error::config(format!("a mapping file may not write to {other}"))),
        };
        if let Some(stored) = stored {
            return Ok(stored);
        }
    }
    Err(busy(table))
}

/// Leaves out the files that the lake knows. Bills are another matter: see `groups`.
fn without_known(mut plan: Plan, known: &[Known], options: &Options, report: &mut IngestReport) -> Plan {
    match plan.table.name {
        // A later import of the same source may have replaced a list; only its rows can tell.
        "prices" | "fx_rates" | "grid_intensity" => return plan,
        // The same scrape text taken at another moment is another set of facts.
        "gpu_samples" if options.observed_at.is_some() => return plan,
        _ => {}
    }
    let hashes: HashSet<(&str, &str)> = known
        .iter()
        .filter(|k| k.table == plan.table.name)
        .map(|k| (k.source.as_str(), k.file_hash.as_str()))
        .collect();
    let (done, left) = plan.files.drain(..).partition(|file: &File| {
        // A format whose source has another name by now: the lake may know the file by the old one.
        let former = options.source.is_none() && hashes.contains(&(&file.mapping.id, &file.input.hash));
        former || hashes.contains(&(&plan.source, &file.input.hash))
    });
    plan.files = left;
    all_known(&done, &plan.source, report);
    plan
}

fn all_known(files: &[File], source: &str, report: &mut IngestReport) {
    for file in files {
        report
            .files
            .push(told(&file.input, &file.mapping, source, State::AlreadyIngested));
    }
}

/// Decodes one file into `sink`, measures what comes out, and checks that it is what was counted. After an error,
/// what `sink` got of the file must be dropped.
fn read(
    file: &Input,
    mapping: &Mapping,
    source: &str,
    options: &Options,
    progress: &mut dyn Progress,
    sink: &mut dyn FnMut(RecordBatch) -> Result<()>,
) -> Result<FileFacts> {
    progress.on(Step::Reading {
        path: &file.path,
        bytes: file.bytes,
    })?;
    let mut stream = file.open(options.unpack_limit)?;
    let mut magic = Vec::new();
    if let Err(e) = stream.by_ref().take(4).read_to_end(&mut magic) {
        // What broke off so early is told when it is read.
        if e.kind() != std::io::ErrorKind::UnexpectedEof {
            return Err(Error::from(e).context(file.path.clone()));
        }
    }
    let content = if input::is_parquet(&magic) {
        Bytes::Random(input::whole(magic, stream).context(file.path.clone())?.into())
    } else {
        Bytes::Stream(Box::new(std::io::Cursor::new(magic).chain(stream)))
    };
    let context = DecodeContext {
        source: source.to_owned(),
        file_hash: file.hash.clone(),
        file_name: file.path.clone(),
        observed_at: options.observed_at.or(file.modified),
        valid_from: options.valid_from,
        zone: options.zone,
        users: options.users.clone(),
    };
    let mut rows = 0;
    let mut stored = StoredTotals::new(mapping.table);
    let mut bill = bill::Measured::default();
    let mut conformance = Conformance::of(mapping);
    let result = decode(mapping, content, &context, &mut |batch| {
        rows += batch.num_rows() as u64;
        stored.add(&batch);
        if mapping.table.name == "charges" {
            bill.add(&batch)?;
        }
        if let Some(conformance) = &mut conformance {
            conformance.look(&batch);
        }
        sink(batch)?;
        progress.on(Step::Decoded {
            path: &file.path,
            rows,
        })
    })?;
    let facts = FileFacts {
        // A bill's file gets the name of its delivery when all of it is read.
        delivery_id: delivery::id(source, mapping.table.name, [file.hash.as_str()]),
        path: file.path.clone(),
        bytes: file.bytes,
        hash: file.hash.clone(),
        format: mapping.id.clone(),
        export: None,
        rows_out: rows,
        bill,
        rows_in: result.rows_in,
        rejects: result.rejects,
        totals: result.totals,
        cut_off: result.cut_off,
        notes: result
            .notes
            .into_iter()
            .chain(conformance.iter().flat_map(Conformance::notes))
            .collect(),
    };
    if facts.rows_out != result.rows_out {
        return Err(Error::internal(format!(
            "{}: {} rows were decoded, {} arrived; nothing was written",
            file.path, result.rows_out, facts.rows_out
        )));
    }
    stored.check(&facts)?;
    progress.on(Step::Read {
        path: &file.path,
        bytes: file.bytes,
        rows: facts.rows_in,
    })?;
    Ok(facts)
}

/// With --strict: a bad row refuses its file, and a bill's file its whole delivery. True when nothing is left.
async fn refuse_bad_files(
    lake: &Lake,
    delivery: &mut Delivery,
    options: &Options,
    report: &mut IngestReport,
) -> Result<bool> {
    let bad: Vec<bool> = delivery.files.iter().map(|f| !f.rejects.is_empty()).collect();
    if !bad.contains(&true) {
        return Ok(false);
    }
    for file in delivery.files.iter().filter(|f| !f.rejects.is_empty()) {
        let first = &file.rejects[0];
        report.refused.push(Refused {
            source: delivery.source.clone(),
            table: delivery.table.name,
            reason: format!(
                "{}: {} rows cannot be read; the first: line {}, {}: {}",
                file.path,
                file.rows_rejected(),
                first.line,
                first.column,
                first.reason
            ),
            advice: "mend the file, or leave --strict out to keep its good rows".into(),
        });
    }
    let whole = delivery.table.name == "charges";
    let mut left = Vec::new();
    let mut gone = HashSet::new();
    for file in std::mem::take(&mut delivery.files) {
        if whole || !file.rejects.is_empty() {
            report
                .files
                .push(decoded(delivery, &file, State::Refused, &Fate::default()));
            gone.insert(file.hash);
        } else {
            left.push(file);
        }
    }
    delivery.files = left;
    let rows = std::mem::replace(&mut delivery.rows, Rows::Held(Vec::new()));
    if delivery.files.is_empty() {
        rows.discard().await;
        return Ok(true);
    }
    delivery.rows = rows.without(lake, delivery.table, &gone, options).await?;
    Ok(false)
}

fn blank(file: &Input, state: State) -> FileReport {
    FileReport {
        path: file.path.clone(),
        bytes: file.bytes,
        hash: file.hash.clone(),
        state,
        format: String::new(),
        source: String::new(),
        table: "",
        rows_in: 0,
        rows_kept: 0,
        rows_known: 0,
        rows_rejected: 0,
        totals: Vec::new(),
        notes: Vec::new(),
    }
}

fn told(file: &Input, mapping: &Mapping, source: &str, state: State) -> FileReport {
    FileReport {
        format: mapping.id.clone(),
        source: source.to_owned(),
        table: mapping.table.name,
        ..blank(file, state)
    }
}

fn decoded(delivery: &Delivery, file: &FileFacts, state: State, fate: &Fate) -> FileReport {
    FileReport {
        path: file.path.clone(),
        bytes: file.bytes,
        hash: file.hash.clone(),
        state,
        format: file.format.clone(),
        source: delivery.source.clone(),
        table: delivery.table.name,
        rows_in: file.rows_in,
        rows_kept: fate.kept,
        rows_known: fate.known,
        rows_rejected: file.rows_rejected(),
        totals: file.totals.clone(),
        notes: file.notes.iter().chain(&fate.notes).cloned().collect(),
    }
}
