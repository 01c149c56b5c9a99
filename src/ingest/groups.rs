//! Which files of a call are one delivery of a bill: those that one manifest lists, and those that none does;
//! and all of them where they tell of the same month, since a delivery replaces its month whole.

use super::delivery::{self, Delivery, FileFacts};
use super::intake::{Intake, Rows, read_all};
use super::plan::{File, Plan};
use super::record::{Fate, Known};
use super::report::{IngestReport, Progress, Refused, State};
use super::{Options, all_known, bill, decoded};
use crate::base::{Error, Result};
use crate::schema::TableSchema;
use crate::store::Lake;
use std::collections::{BTreeMap, BTreeSet};

struct Group {
    files: Vec<File>,
    months: BTreeSet<String>,
    /// Nothing while the lake holds them and nobody needs them again.
    facts: Option<Vec<FileFacts>>,
    rows: Vec<Rows>,
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
            rows: Vec::new(),
        };
        if months.is_none() {
            group.read(lake, table, &source, options, progress).await?;
            if let Some(reason) = group.miscounted() {
                for rows in &group.rows {
                    rows.discard().await;
                }
                let facts = group.facts.unwrap_or_default();
                let delivery = Delivery::of(table, &source, facts, Rows::Held(Vec::new()));
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
        group.read(lake, table, &source, options, progress).await?;
        other.read(lake, table, &source, options, progress).await?;
        group.files.append(&mut other.files);
        group.months.append(&mut other.months);
        group.rows.append(&mut other.rows);
        if let (Some(facts), Some(more)) = (&mut group.facts, other.facts) {
            facts.extend(more);
        }
    }
    let mut all = Vec::new();
    for group in groups {
        match group.facts {
            None => all_known(&group.files, &source, report),
            Some(facts) => {
                let rows = one(lake, table, &source, &facts, group.rows, options).await?;
                all.push(Delivery::of(table, &source, facts, rows));
            }
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

/// The rows of a delivery together. Where groups met, their rows bear the name of a delivery that is none any more:
/// they are written anew.
async fn one(
    lake: &Lake,
    table: &'static TableSchema,
    source: &str,
    facts: &[FileFacts],
    mut rows: Vec<Rows>,
    options: &Options,
) -> Result<Rows> {
    if rows.len() == 1
        && let Some(only) = rows.pop()
    {
        return Ok(only);
    }
    let id = delivery::id(source, table.name, facts.iter().map(|f| f.hash.as_str()));
    let mut intake = Intake::new(lake, table, &id, options)?;
    for rows in rows {
        if let Err(e) = rows.again(&mut intake, &Ok::<_, Error>).await {
            intake.discard().await;
            return Err(e);
        }
    }
    intake.finish().await
}

impl Group {
    async fn read(
        &mut self,
        lake: &Lake,
        table: &'static TableSchema,
        source: &str,
        options: &Options,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        if self.facts.is_none() {
            let (facts, rows) = read_all(lake, &self.files, table, source, options, progress).await?;
            self.months = bill::months(&facts);
            self.facts = Some(facts);
            self.rows.push(rows);
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
