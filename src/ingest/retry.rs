//! Rejected rows, tried again: the files they came from are read anew, with the mapping files of today. What
//! becomes readable is added, facts that were kept stay what they are, and `ingest_files` and `rejects` then say
//! what is true now.
//!
//! The facts are committed first, then the record of the files, the rejects last: while they are there, a retry
//! that was killed is found and completed by the next one.

use super::delivery::{self, Delivery, FileFacts};
use super::input::{self, Input};
use super::intake::Intake;
use super::plan;
use super::record::{self, Known};
use super::report::{FileReport, IngestReport, Progress, State, Step};
use super::{Fate, Options, Stored, bill, decoded, refuse, refuse_bad_files, store};
use crate::base::{Error, Result};
use crate::schema::TableSchema;
use crate::source::{Catalog, Mapping};
use crate::store::Lake;
use arrow::array::{Array, AsArray};
use arrow::datatypes::TimestampMicrosecondType;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

/// Tables whose import replaces the rows of its source.
const LISTS: [&str; 3] = ["prices", "fx_rates", "grid_intensity"];

/// Files that have to be read together.
struct Group<'a> {
    table: &'static TableSchema,
    source: &'a str,
    files: Vec<&'a Known>,
}

/// How many rows of a (delivery, file) are rejected.
type Rejected = BTreeMap<(String, String), u64>;

/// Reads anew what has rejected rows; only below `paths`, if any are named.
pub async fn retry(
    lake: &Lake,
    catalog: &Catalog,
    paths: &[String],
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<IngestReport> {
    let rejected = record::rejected(lake).await?;
    let known = record::known(lake).await?;
    let bad: Vec<&Known> = known.iter().filter(|k| rejected.contains_key(&key(k))).collect();
    for path in paths {
        if !bad.iter().any(|k| lies_in(&k.path, path)) {
            return Err(
                Error::usage(format!("nothing that was read from {path} has rejected rows"))
                    .advise("`spendscope sql -c \"SELECT DISTINCT path FROM rejects\"` lists what has"),
            );
        }
    }
    let wanted = |k: &&&Known| {
        let place = paths.is_empty() || paths.iter().any(|path| lies_in(&k.path, path));
        // A format that is named without a path is that of the files; with one it may be another.
        let format = !paths.is_empty() || options.format.as_ref().is_none_or(|f| *f == k.format);
        place && format && options.source.as_ref().is_none_or(|s| *s == k.source)
    };
    let bad: Vec<&Known> = bad.iter().filter(wanted).copied().collect();
    let mut report = IngestReport::default();
    let groups = groups(lake, &bad, &known, &rejected, &mut report).await?;
    progress.on(Step::Found {
        files: groups.iter().map(|g| g.files.len()).sum(),
        bytes: groups.iter().flat_map(|g| &g.files).map(|k| k.bytes).sum(),
    })?;
    for group in groups {
        again(lake, catalog, group, &rejected, options, progress, &mut report).await?;
    }
    report.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(report)
}

fn key(known: &Known) -> (String, String) {
    (known.delivery_id.clone(), known.file_hash.clone())
}

/// Is a recorded path the named one, or below it?
fn lies_in(recorded: &str, named: &str) -> bool {
    let below = |path: &Path, folder: &Path| path.starts_with(folder);
    if recorded == named || below(Path::new(recorded), Path::new(named)) {
        return true;
    }
    match (
        Path::new(recorded).canonicalize(),
        Path::new(named).canonicalize(),
    ) {
        (Ok(recorded), Ok(named)) => below(&recorded, &named),
        _ => false,
    }
}

/// A bill is read with all its files, a list with all that is in force of its source, everything else file by file.
async fn groups<'a>(
    lake: &Lake,
    bad: &[&'a Known],
    known: &'a [Known],
    rejected: &Rejected,
    report: &mut IngestReport,
) -> Result<Vec<Group<'a>>> {
    let mut groups: BTreeMap<(&str, &str, &str), Group<'a>> = BTreeMap::new();
    for file in bad {
        let table = record::table(&file.table)?;
        let bill = if table.name == "charges" {
            file.delivery_id.as_str()
        } else {
            ""
        };
        let group = groups
            .entry((table.name, &file.source, bill))
            .or_insert_with(|| Group {
                table,
                source: &file.source,
                files: Vec::new(),
            });
        group.files.push(file);
    }
    let mut all = Vec::new();
    for mut group in groups.into_values() {
        let of_source = |k: &&Known| k.table == group.table.name && k.source == group.source;
        if group.table.name == "charges" {
            let id = group.files[0].delivery_id.clone();
            group.files = known
                .iter()
                .filter(of_source)
                .filter(|k| k.delivery_id == id)
                .collect();
            let months: BTreeSet<&str> = group.files.iter().flat_map(|k| k.months()).collect();
            let months: Vec<&str> = months.into_iter().collect();
            if !months.is_empty() && !bill::in_force(lake, &id, group.source, &months).await? {
                skip(&group.files, rejected, "a newer delivery has replaced it", report);
                continue;
            }
        } else if LISTS.contains(&group.table.name) {
            let held = moments(lake, group.table, "source").await?;
            let (alive, gone): (Vec<_>, Vec<_>) =
                group.files.iter().partition(|k| held.contains_key(&k.file_hash));
            skip(
                &gone,
                rejected,
                "nothing of it is in force: import it again",
                report,
            );
            if alive.is_empty() {
                continue;
            }
            let mut seen = BTreeSet::new();
            group.files = known
                .iter()
                .filter(of_source)
                .filter(|k| held.contains_key(&k.file_hash) && seen.insert(&k.file_hash))
                .collect();
        }
        all.push(group);
    }
    Ok(all)
}

/// Reads a group anew and stores what came out.
async fn again(
    lake: &Lake,
    catalog: &Catalog,
    group: Group<'_>,
    rejected: &Rejected,
    options: &Options,
    progress: &mut dyn Progress,
    report: &mut IngestReport,
) -> Result<()> {
    // When something without a time of its own was read, the lake knows better than its file.
    let column = match group.table.name {
        "gpu_samples" => "sampled_at",
        _ => "valid_from",
    };
    let moments = moments(lake, group.table, column).await?;
    let hashes = group.files.iter().map(|k| k.file_hash.as_str());
    let id = delivery::id(group.source, group.table.name, hashes);
    let mut intake = Intake::new(lake, group.table, &id, options)?;
    let mut facts = Vec::new();
    let mut read_files = Vec::new();
    let mut failed: Vec<(&Known, String)> = Vec::new();
    for file in &group.files {
        let moment = match moments.get(&file.file_hash).map(Vec::as_slice) {
            Some([one]) => Some(*one),
            _ => None,
        };
        let options = Options {
            observed_at: options.observed_at.or(moment),
            valid_from: options.valid_from.or(moment),
            ..options.clone()
        };
        match one(catalog, group.table, file, &mut intake, &options, progress).await {
            Ok(Ok(read)) => {
                facts.push(FileFacts {
                    delivery_id: file.delivery_id.clone(),
                    ..read
                });
                read_files.push(*file);
            }
            Ok(Err(why)) => failed.push((file, why)),
            Err(e) => {
                intake.discard().await;
                return Err(e);
            }
        }
    }
    // A bill or a list that lacks a file would lose what that file had.
    let whole = group.table.name == "charges" || LISTS.contains(&group.table.name);
    for (file, why) in &failed {
        skip(&[*file], rejected, why, report);
    }
    if whole && let Some((file, _)) = failed.first() {
        let why = format!("delivered together with {}, which cannot be read anew", file.path);
        skip(&read_files, rejected, &why, report);
        intake.discard().await;
        return Ok(());
    }
    if facts.is_empty() {
        intake.discard().await;
        return Ok(());
    }
    let mut rows = intake.finish().await?;
    if !failed.is_empty() {
        // What was read of them before they failed.
        let half = failed.iter().map(|(file, _)| file.file_hash.clone()).collect();
        rows = rows.without(lake, group.table, &half, options).await?;
    }
    let mut delivery = Delivery::of(group.table, group.source, facts, rows);
    if delivery.table.name == "charges" {
        delivery.again = Some(
            group
                .files
                .iter()
                .flat_map(|k| k.months())
                .map(str::to_owned)
                .collect(),
        );
    }
    if options.strict && refuse_bad_files(lake, &mut delivery, options, report).await? {
        return Ok(());
    }
    let stored = store(lake, &delivery, options, progress).await?;
    if !matches!(stored, Stored::Committed(_)) {
        delivery.rows.discard().await;
    }
    let fates = match stored {
        Stored::Committed(fates) | Stored::Present(fates) => fates,
        Stored::Empty => vec![Fate::default(); delivery.files.len()],
        Stored::Superseded(why) => {
            skip(&read_files, rejected, &why, report);
            return Ok(());
        }
        Stored::Refused { reason, advice } => {
            refuse(&delivery, reason, advice, report);
            return Ok(());
        }
    };
    progress.on(Step::Committed {
        table: delivery.table.name,
    })?;
    record::rewrite_files(lake, &delivery, &fates).await?;
    progress.on(Step::Committed {
        table: "ingest_files",
    })?;
    record::rewrite_rejects(lake, &delivery).await?;
    progress.on(Step::Committed { table: "rejects" })?;
    for (file, fate) in delivery.files.iter().zip(&fates) {
        let mut told = decoded(&delivery, file, State::Ingested, fate);
        let before = rejected.get(&(file.delivery_id.clone(), file.hash.clone()));
        told.notes.push(format!(
            "{} rows were rejected before, {} are now",
            before.copied().unwrap_or_default(),
            file.rows_rejected()
        ));
        report.files.push(told);
    }
    Ok(())
}

/// One file, decoded anew; or why it cannot be.
async fn one(
    catalog: &Catalog,
    table: &'static TableSchema,
    known: &Known,
    intake: &mut Intake,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<std::result::Result<FileFacts, String>> {
    let path = std::slice::from_ref(&known.path);
    let there = input::expand(path, &options.store_options, options.unpack_limit, progress);
    let found = match there.await {
        Ok(found) => found,
        Err(e) => return Ok(Err(format!("it is gone: {e}"))),
    };
    let [file] = found.as_slice() else {
        return Ok(Err("it is no file any more".to_owned()));
    };
    if file.hash != known.file_hash {
        return Ok(Err(
            "it has changed since: ingest it as the new file that it is".to_owned()
        ));
    }
    let mapping = match mapping_of(catalog, file, known, options) {
        Ok(mapping) => mapping,
        Err(e) => return Ok(Err(e.to_string())),
    };
    if mapping.table.name != table.name {
        return Ok(Err(format!(
            "it was read as {}, and the format {} makes {} of it",
            table.name, mapping.id, mapping.table.name
        )));
    }
    match intake.read(file, &mapping, &known.source, options, progress) {
        Err(e) if e.kind() == crate::base::ErrorKind::Data => Ok(Err(e.to_string())),
        other => other.map(Ok),
    }
}

/// The format that is named, else the one it was read with, else what its content shows.
fn mapping_of(catalog: &Catalog, file: &Input, known: &Known, options: &Options) -> Result<Arc<Mapping>> {
    if options.format.is_none() {
        if let Some(mapping) = catalog.get(&known.format) {
            return Ok(Arc::clone(mapping));
        }
        let head = file.head(options.unpack_limit)?;
        return plan::mapping_of(catalog, file.name(), &head, options).map_err(|e| {
            Error::data(format!(
                "it was read with the mapping '{}', which is not there: pass it with --mapping ({e})",
                known.format
            ))
        });
    }
    plan::mapping_of(catalog, file.name(), &[], options)
}

/// Files whose rejected rows stay, and why.
fn skip(files: &[&Known], rejected: &Rejected, why: &str, report: &mut IngestReport) {
    for file in files {
        report.files.push(FileReport {
            path: file.path.clone(),
            bytes: file.bytes,
            hash: file.file_hash.clone(),
            state: State::Skipped,
            format: file.format.clone(),
            source: file.source.clone(),
            table: record::table(&file.table).map_or("", |t| t.name),
            rows_in: 0,
            rows_kept: 0,
            rows_known: 0,
            rows_rejected: rejected.get(&key(file)).copied().unwrap_or_default(),
            totals: Vec::new(),
            notes: vec![why.to_owned()],
        });
    }
}

/// The files that the rows of a table come from, with at most two values of a column of instants.
async fn moments(
    lake: &Lake,
    table: &'static TableSchema,
    column: &str,
) -> Result<HashMap<String, Vec<i64>>> {
    let mut all: HashMap<String, Vec<i64>> = HashMap::new();
    let (Some(snapshot), Some(_), Some(_)) = (
        lake.snapshot(table, None).await?,
        table.column("file_hash"),
        table.column(column),
    ) else {
        return Ok(all);
    };
    for batch in snapshot.read(&["file_hash", column], &[]).await? {
        let hashes = batch.column(0).as_string::<i32>();
        let instants = batch.column(1).as_primitive_opt::<TimestampMicrosecondType>();
        for row in 0..batch.num_rows() {
            let hash = hashes.value(row);
            if !all.contains_key(hash) {
                all.insert(hash.to_owned(), Vec::new());
            }
            let (Some(values), Some(instants)) = (all.get_mut(hash), instants) else {
                continue;
            };
            if instants.is_valid(row) && values.len() < 2 && !values.contains(&instants.value(row)) {
                values.push(instants.value(row));
            }
        }
    }
    Ok(all)
}
