//! What each file of a call is, told before anything is written: of which format, for which table, part of
//! which export.

use super::input::Input;
use super::parts::{self, Export, Listed, Role, Sorted, Trouble};
use super::report::{FileReport, IngestReport, Refused, State};
use super::{Options, blank, told};
use crate::base::{Error, Result};
use crate::schema::TableSchema;
use crate::source::{Catalog, Mapping};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A recognised file, not yet decoded.
#[derive(Debug)]
pub(super) struct File {
    pub(super) input: Input,
    pub(super) mapping: Arc<Mapping>,
    pub(super) part: Option<Listed>,
}

/// Files of one table and source.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) table: &'static TableSchema,
    pub(super) source: String,
    pub(super) files: Vec<File>,
}

/// Recognises every file before anything is written: a wrong name in the list changes nothing.
pub(super) async fn plan(
    catalog: &Catalog,
    files: Vec<Input>,
    options: &Options,
    report: &mut IngestReport,
) -> Result<Vec<Plan>> {
    let Sorted {
        files,
        mut exports,
        aside: left,
    } = parts::sort(files, options).await?;
    for (file, why) in left {
        report.files.push(aside(&file, why));
    }
    let mut known = Vec::new();
    let mut unknown: BTreeMap<usize, Vec<(Input, Error)>> = BTreeMap::new();
    for (file, role) in files {
        if let Role::Aside(why) = role {
            report.files.push(aside(&file, why));
            continue;
        }
        if let Some(why) = file.left_alone() {
            if !file.found {
                return Err(Error::data(why).context(file.path.clone()));
            }
            report.files.push(aside(&file, why.to_owned()));
            continue;
        }
        let head = file.head(options.unpack_limit)?;
        match (mapping_of(catalog, file.name(), &head, options), role) {
            (Ok(mapping), Role::Part(listed)) => known.push((file, mapping, Some(listed))),
            (Ok(mapping), _) => known.push((file, mapping, None)),
            (Err(e), Role::Part(listed)) => unknown.entry(listed.export).or_default().push((file, e)),
            (Err(e), _) if file.found => report.files.push(FileReport {
                notes: vec![e.to_string()],
                ..blank(&file, State::Unknown)
            }),
            (Err(e), _) => return Err(e),
        }
    }
    let formats: Vec<BTreeSet<String>> = (0..exports.len())
        .map(|at| {
            let of_export = known
                .iter()
                .filter(|(_, _, part)| part.is_some_and(|p| p.export == at));
            of_export.map(|(_, mapping, _)| mapping.id.clone()).collect()
        })
        .collect();
    for (at, files) in unknown {
        unreadable(&mut exports[at], files, formats[at].is_empty(), options, report);
    }
    let mut plans: BTreeMap<(&'static str, String), Plan> = BTreeMap::new();
    for (file, mapping, part) in known {
        let source = options.source.clone().unwrap_or_else(|| mapping.source.clone());
        if source.is_empty() {
            return Err(Error::usage("a source needs a name").advise("pass --source NAME"));
        }
        if part.is_some_and(|p| exports[p.export].trouble.is_some()) {
            report.files.push(told(&file, &mapping, &source, State::Refused));
            continue;
        }
        let stray = exports
            .iter()
            .zip(&formats)
            .find(|(export, formats)| formats.contains(&mapping.id) && export.covers(&file.path));
        if let (Some((export, _)), None, true) = (stray, part, file.found && mapping.table.name == "charges")
        {
            let why = format!(
                "no part of {}, which {} lists",
                export.title, export.manifest.path
            );
            report.files.push(aside(&file, why));
            continue;
        }
        let plan = plans
            .entry((mapping.table.name, source.clone()))
            .or_insert_with(|| Plan {
                table: mapping.table,
                source,
                files: Vec::new(),
            });
        if let Some(twin) = plan.files.iter().find(|twin| twin.input.hash == file.hash) {
            let notes = vec![format!("the same content as {}", twin.input.path)];
            report.files.push(FileReport {
                notes,
                ..told(&file, &mapping, &plan.source, State::AlreadyIngested)
            });
            continue;
        }
        plan.files.push(File {
            input: file,
            mapping,
            part,
        });
    }
    for (export, formats) in exports.into_iter().zip(&formats) {
        manifest_told(catalog, export, formats.first(), options, report);
    }
    Ok(plans.into_values().collect())
}

/// Parts that nothing reads: with readable ones beside them a hole in the bill, else an export of something else.
fn unreadable(
    export: &mut Export,
    files: Vec<(Input, Error)>,
    all: bool,
    options: &Options,
    report: &mut IngestReport,
) {
    let bill = !all || !export.manifest.found;
    for (file, error) in files {
        if bill && export.trouble.is_none() {
            export.trouble = Some(Trouble {
                reason: format!("a part of {} cannot be read: {error}", export.title),
                advice: error.advice().unwrap_or("fetch the export again").to_owned(),
            });
        }
        let state = if bill { State::Refused } else { State::Unknown };
        report.files.push(FileReport {
            notes: vec![error.to_string()],
            source: options.source.clone().unwrap_or_default(),
            ..blank(&file, state)
        });
    }
}

fn manifest_told(
    catalog: &Catalog,
    export: Export,
    format: Option<&String>,
    options: &Options,
    report: &mut IngestReport,
) {
    let said = match export.parts {
        0 => format!("{}, without parts", export.title),
        parts => format!("{}, in {parts} parts", export.title),
    };
    report.files.push(FileReport {
        notes: vec![said],
        ..blank(&export.manifest, State::Manifest)
    });
    let Some(Trouble { reason, advice }) = export.trouble else {
        return;
    };
    let mapping = format.and_then(|id| catalog.get(id));
    report.refused.push(Refused {
        source: match (&options.source, mapping) {
            (Some(source), _) => source.clone(),
            (None, Some(mapping)) => mapping.source.clone(),
            (None, None) => export.title,
        },
        table: "charges",
        reason,
        advice,
    });
}

fn aside(file: &Input, why: String) -> FileReport {
    FileReport {
        notes: vec![why],
        ..blank(file, State::LeftAlone)
    }
}

/// The format that was named, or the one that the content shows.
pub(super) fn mapping_of(
    catalog: &Catalog,
    name: &str,
    head: &[u8],
    options: &Options,
) -> Result<Arc<Mapping>> {
    match &options.format {
        Some(id) => catalog.named(id),
        None => catalog.detect(name, head),
    }
}
