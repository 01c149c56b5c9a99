//! What `\d`, `\dt`, `\dv`, `\df` and `\m` show, as tables.

use crate::base::Result;
use crate::engine::{FunctionInfo, Relation, RelationKind};
use crate::frame::{Frame, Role, build::texts};

type Cells<'a> = Vec<Option<&'a str>>;

fn table(columns: Vec<(&str, Cells<'_>)>) -> Result<Frame> {
    let columns = columns
        .into_iter()
        .map(|(name, cells)| (name, Role::Dimension, "", texts(cells)));
    Frame::of(columns.collect())
}

/// Tables, views or both.
pub(super) fn relations(all: &[Relation], kind: Option<RelationKind>) -> Result<Frame> {
    let shown: Vec<&Relation> = all
        .iter()
        .filter(|relation| kind.is_none_or(|kind| relation.kind == kind))
        .collect();
    table(vec![
        ("name", shown.iter().map(|r| Some(r.name.as_str())).collect()),
        ("kind", shown.iter().map(|r| Some(r.kind.name())).collect()),
        ("one row is", shown.iter().map(|r| said(&r.about)).collect()),
    ])
}

pub(super) fn columns(relation: &Relation) -> Result<Frame> {
    let columns = &relation.columns;
    table(vec![
        ("column", columns.iter().map(|c| Some(c.name.as_str())).collect()),
        (
            "type",
            columns.iter().map(|c| Some(c.data_type.as_str())).collect(),
        ),
        (
            "null",
            columns
                .iter()
                .map(|c| Some(if c.nullable { "yes" } else { "no" }))
                .collect(),
        ),
        (
            "unit",
            columns
                .iter()
                .map(|c| Some(c.unit.as_deref().unwrap_or("")))
                .collect(),
        ),
        (
            "meaning",
            columns
                .iter()
                .map(|c| Some(c.about.as_deref().unwrap_or("")))
                .collect(),
        ),
    ])
}

/// Those in whose name or explanation the word stands; of one that is named, all there is to say.
pub(super) fn functions(all: &[FunctionInfo], word: Option<&str>) -> Result<Frame> {
    let word = word.unwrap_or_default().to_lowercase();
    let shown: Vec<&FunctionInfo> = all
        .iter()
        .filter(|f| f.name.to_lowercase().contains(&word) || f.about.to_lowercase().contains(&word))
        .collect();
    table(vec![
        (
            "function",
            shown.iter().map(|f| Some(f.signature.as_str())).collect(),
        ),
        ("kind", shown.iter().map(|f| Some(f.kind.name())).collect()),
        ("gives", shown.iter().map(|f| said(&f.about)).collect()),
    ])
}

/// The first sentence or line: a table has no room for more.
fn said(about: &str) -> Option<&str> {
    Some(about.lines().next().unwrap_or("").trim())
}
