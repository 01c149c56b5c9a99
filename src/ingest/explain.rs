//! What ingesting some files would do, told without a lake: nothing can be written from here.

use super::delivery::FileFacts;
use super::input::{self, Input};
use super::parts::{self, Role};
use super::{Options, plan, read};
use crate::base::{Error, Result};
use crate::source::{Catalog, ControlTotal, Fit, Mapping, Reject};
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use std::sync::Arc;

/// One file, as far as it was understood.
#[derive(Debug)]
pub struct Explained {
    pub path: String,
    /// Found in a folder, not named: it may be anything.
    pub found: bool,
    /// What reads it, or why nothing does.
    pub format: Result<Kind>,
}

#[derive(Debug)]
pub enum Kind {
    Rows(Box<Understood>),
    /// A manifest, or what lies beside the parts of an export: in words.
    Other(String),
}

#[derive(Debug)]
pub struct Understood {
    pub mapping: Arc<Mapping>,
    pub source: String,
    /// How the file and what recognition asks for fit together.
    pub fit: Option<Fit>,
    /// What decoding gave, or why the file as a whole cannot be read.
    pub rows: Result<Decoded>,
}

#[derive(Debug)]
pub struct Decoded {
    /// The first rows as they would be stored.
    pub first: RecordBatch,
    pub rows_in: u64,
    pub rows_out: u64,
    pub rows_rejected: u64,
    pub rejects: Vec<Reject>,
    pub totals: Vec<ControlTotal>,
    pub notes: Vec<String>,
}

/// Reads every file as `ingest` would, and shows at most `rows` of each.
pub async fn explain(
    catalog: &Catalog,
    inputs: &[String],
    options: &Options,
    rows: usize,
) -> Result<Vec<Explained>> {
    let files = input::expand(inputs, &options.store_options, options.unpack_limit, &mut ()).await?;
    let sorted = parts::sort(files, options).await?;
    let mut all = Vec::new();
    for (file, why) in sorted.aside {
        all.push(Explained {
            path: file.path,
            found: true,
            format: Ok(Kind::Other(format!("left alone: {why}"))),
        });
    }
    for export in sorted.exports {
        all.push(Explained {
            path: export.manifest.path,
            found: false,
            format: match export.trouble {
                None => Ok(Kind::Other(format!(
                    "the manifest of {}, in {} parts",
                    export.title, export.parts
                ))),
                Some(trouble) => Err(Error::data(trouble.reason).advise(trouble.advice)),
            },
        });
    }
    for (file, role) in sorted.files {
        all.push(Explained {
            found: file.found,
            format: match role {
                Role::Aside(why) => Ok(Kind::Other(format!("left alone: {why}"))),
                _ => understand(catalog, &file, options, rows).map(|u| Kind::Rows(Box::new(u))),
            },
            path: file.path,
        });
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(all)
}

fn understand(catalog: &Catalog, file: &Input, options: &Options, rows: usize) -> Result<Understood> {
    let head = file.head(options.unpack_limit)?;
    let mapping = plan::mapping_of(catalog, file.name(), &head, options)?;
    let source = options.source.clone().unwrap_or_else(|| mapping.source.clone());
    let (mut first, mut left) = (Vec::new(), rows);
    let facts = read(file, &mapping, &source, options, &mut (), &mut |batch| {
        if left > 0 || first.is_empty() {
            let batch = batch.slice(0, left.min(batch.num_rows()));
            left -= batch.num_rows();
            first.push(batch);
        }
        Ok(())
    });
    Ok(Understood {
        fit: mapping.fit(&head),
        rows: facts.and_then(|facts| decoded(&mapping, facts, &first)),
        source,
        mapping,
    })
}

fn decoded(mapping: &Mapping, facts: FileFacts, first: &[RecordBatch]) -> Result<Decoded> {
    Ok(Decoded {
        first: concat_batches(&mapping.table.arrow(), first).map_err(Error::from)?,
        rows_in: facts.rows_in,
        rows_out: facts.rows_out,
        rows_rejected: facts.rows_rejected(),
        rejects: facts.rejects,
        totals: facts.totals,
        notes: facts.notes,
    })
}
