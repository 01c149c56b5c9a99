//! Which files of a call are one delivery of a bill: those that one manifest lists, and those that none does;
//! and all of them where they tell of the same month, since a delivery replaces its month whole.

use super::delivery::{self, Delivery, FileFacts};
use super::plan::{File, Plan};
use super::record::{Fate, Known};
use super::report::{IngestReport, Progress, Refused, State};
use super::{Options, all_known, bill, decoded, read_all};
use crate::base::Result;
use crate::store::Lake;
use std::collections::{BTreeMap, BTreeSet};

struct Group {
    files: Vec<File>,
    months: BTreeSet<String>,
    /// Nothing while the lake holds them and nobody needs them again.
    facts: Option<Vec<FileFacts>>,
}

/// What is to be stored of the bills of one source. What the lake holds already is only reported.
pub(super) async fn deliveries(
    lake: &Lake,
    plan: Plan,
    known: &[Known],
    options: &Options,
    progress: &mut dyn Progress,
    report: &mut IngestReport,
) -> Result<Vec<Delivery>> {
    let Plan { table, source, files } = plan;
    if in_force(lake, &source, &files, known).await?.is_some() {
        all_known(&files, &source, report);
        return Ok(Vec::new());
    }
    let mut by_export: BTreeMap<Option<usize>, Vec<File>> = BTreeMap::new();
    for file in files {
        by_export
            .entry(file.part.map(|p| p.export))
            .or_default()
            .push(file);
    }
    let single = by_export.len() == 1;
    let mut groups = Vec::new();
    for files in by_export.into_values() {
        let months = match single {
            true => None,
            false => in_force(lake, &source, &files, known).await?,
        };
        let mut group = Group {
            files,
            months: months.clone().unwrap_or_default(),
            facts: None,
        };
        if months.is_none() {
            group.read(&source, options, progress)?;
            if let Some(reason) = group.miscounted() {
                let delivery = Delivery::of(table, &source, group.facts.unwrap_or_default())?;
                report.refused.push(Refused {
                    source: source.clone(),
                    table: table.name,
                    reason,
                    advice: "fetch the export again; or name its files without the manifest".to_owned(),
                });
                for file in &delivery.files {
                    report
                        .files
                        .push(decoded(&delivery, file, State::Refused, &Fate::default()));
                }
                continue;
            }
        }
        groups.push(group);
    }
    while let Some((one, two)) = meeting(&groups) {
        let mut other = groups.remove(two);
        let group = &mut groups[one];
        group.read(&source, options, progress)?;
        other.read(&source, options, progress)?;
        group.files.append(&mut other.files);
        group.months.append(&mut other.months);
        if let (Some(facts), Some(more)) = (&mut group.facts, other.facts) {
            facts.extend(more);
        }
    }
    let mut all = Vec::new();
    for group in groups {
        match group.facts {
            None => all_known(&group.files, &source, report),
            Some(facts) => all.push(Delivery::of(table, &source, facts)?),
        }
    }
    Ok(all)
}

/// Two groups that tell of one month, one of which is new.
fn meeting(groups: &[Group]) -> Option<(usize, usize)> {
    (0..groups.len()).find_map(|one| {
        let two = (one + 1..groups.len()).find(|two| {
            let (a, b) = (&groups[one], &groups[*two]);
            (a.facts.is_some() || b.facts.is_some()) && !a.months.is_disjoint(&b.months)
        })?;
        Some((one, two))
    })
}

impl Group {
    fn read(&mut self, source: &str, options: &Options, progress: &mut dyn Progress) -> Result<()> {
        if self.facts.is_none() {
            let facts = read_all(&self.files, source, options, progress)?;
            self.months = bill::months(&facts)?;
            self.facts = Some(facts);
        }
        Ok(())
    }

    /// The parts whose rows are not as many as their manifest says.
    fn miscounted(&self) -> Option<String> {
        let pairs = self.files.iter().zip(self.facts.iter().flatten());
        let wrong: Vec<String> = pairs
            .filter_map(|(file, facts)| {
                let rows = file.part?.rows?;
                (rows != facts.rows_in).then(|| {
                    format!(
                        "{} has {} rows, its manifest says {rows}",
                        facts.path, facts.rows_in
                    )
                })
            })
            .collect();
        (!wrong.is_empty()).then(|| wrong.join("; "))
    }
}

/// The months of a delivery of exactly these files, when the lake has it and it is in force.
async fn in_force(
    lake: &Lake,
    source: &str,
    files: &[File],
    known: &[Known],
) -> Result<Option<BTreeSet<String>>> {
    let id = delivery::id(source, "charges", files.iter().map(|f| f.input.hash.as_str()));
    let records: Vec<_> = known.iter().filter(|k| k.delivery_id == id).collect();
    let complete = files
        .iter()
        .all(|f| records.iter().any(|k| k.file_hash == f.input.hash));
    let months: BTreeSet<String> = records
        .iter()
        .flat_map(|k| k.months())
        .map(str::to_owned)
        .collect();
    if !complete || months.is_empty() {
        return Ok(None);
    }
    let names: Vec<&str> = months.iter().map(String::as_str).collect();
    let held = bill::in_force(lake, &id, source, &names).await?;
    Ok(held.then_some(months))
}
