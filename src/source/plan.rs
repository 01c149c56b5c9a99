//! What a mapping makes of a file, in words: for those who write one, and for those who wonder.

use super::column::{Column, Kind, System};
use super::mapping::Mapping;
use crate::schema::TableSchema;

/// How one column is read, in the words of the mapping file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnPlan {
    /// Column of the table, or `let` and the name of a value that others are made of.
    pub column: String,
    pub from: String,
    pub parse: String,
    pub default: Option<String>,
    pub required: bool,
}

/// How a file and a mapping fit together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit {
    /// The container it was seen in.
    pub reader: &'static str,
    /// What recognition asks for and the file has.
    pub found: Vec<String>,
    /// What it asks for and the file has not.
    pub lacking: Vec<String>,
    /// What the file must not have, and has.
    pub forbidden: Vec<String>,
    /// Names of the file that no column is made of.
    pub unused: Vec<String>,
}

impl Fit {
    /// Would the file be recognised by itself.
    pub fn fits(&self) -> bool {
        self.lacking.is_empty() && self.forbidden.is_empty()
    }
}

impl ColumnPlan {
    /// Columns that decoding fills. `None`: the format has no such thing.
    pub(super) fn by_itself(table: &TableSchema, column: &Column) -> Option<ColumnPlan> {
        let Kind::System(system) = column.kind else {
            return None;
        };
        let of = |at: usize| table.columns.get(at).map_or("", |c| c.name);
        let from = match system {
            System::Source => "name of the source".to_owned(),
            System::FileHash => "BLAKE3 of the file".to_owned(),
            System::FileRow => "row of the file".to_owned(),
            System::ChargeId => "file and row".to_owned(),
            System::DeliveryId => "source and files".to_owned(),
            System::ValidFrom => "--valid-from, else 1970".to_owned(),
            System::DayOf(at) => format!("UTC day of {}", of(at)),
            System::MonthOf(at) => format!("UTC month of {}", of(at)),
            System::Extra => "unknown columns that are kept".to_owned(),
            System::Uncounted => "counts that no column takes".to_owned(),
            System::Tags => "a field per tag".to_owned(),
        };
        Some(ColumnPlan {
            column: column.name.clone(),
            from,
            parse: "by itself".to_owned(),
            default: None,
            required: table.column(&column.name).is_some_and(|c| !c.nullable),
        })
    }
}

impl Mapping {
    /// Every column that this format fills, and the values that they are made of.
    pub fn plan(&self) -> &[ColumnPlan] {
        &self.plan
    }

    /// Columns of the table that this format has nothing for.
    pub fn absent(&self) -> Vec<&str> {
        let absent = self.columns.iter().filter(|c| matches!(c.kind, Kind::Absent));
        absent.map(|c| c.name.as_str()).collect()
    }

    /// Holds the beginning of a file against this format. `None`: it is no container of this format's.
    pub fn fit(&self, head: &[u8]) -> Option<Fit> {
        let (reader, names) = self
            .readers
            .iter()
            .find_map(|r| Some((r, r.kind.names(head, &r.options)?)))?;
        let has = |wanted: &&String| names.iter().any(|n| n.eq_ignore_ascii_case(wanted));
        let recognise = &self.recognise;
        let asked = recognise.all.iter().chain(&recognise.any);
        let mut lacking: Vec<String> = recognise.all.iter().filter(|n| !has(n)).cloned().collect();
        if !recognise.any.is_empty() && !recognise.any.iter().any(|n| has(&n)) {
            lacking.push(format!("one of {}", recognise.any.join(", ")));
        }
        // Readers that make rows of their own name columns in their options.
        let options: Vec<&str> = reader.options.values().filter_map(toml::Value::as_str).collect();
        let used = |name: &str| {
            let name = name.to_ascii_lowercase();
            let of = |field: &str| {
                let field = field.to_ascii_lowercase();
                // Around the field, or inside of it, or below the list in which rows stand.
                name == field
                    || name.starts_with(&format!("{field}."))
                    || field.starts_with(&format!("{name}."))
                    || name.ends_with(&format!(".{field}"))
            };
            self.fields.iter().any(|f| of(f)) || options.iter().any(|o| of(o))
        };
        let kept = |name: &str| self.wants_extra(name) || self.tag_key(name).is_some();
        let unused = names
            .iter()
            // `path=text` and the objects that others stand in are no fields of their own.
            .filter(|n| !n.is_empty() && !n.contains('='))
            .filter(|n| !names.iter().any(|other| other.starts_with(&format!("{n}."))))
            .filter(|n| !used(n) && !kept(n));
        Some(Fit {
            reader: reader.kind.id(),
            found: asked.filter(has).cloned().collect(),
            lacking,
            forbidden: recognise.none.iter().filter(has).cloned().collect(),
            unused: unused.cloned().collect(),
        })
    }
}
