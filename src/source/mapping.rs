//! Mapping files: where each canonical column comes from, how its text is read, what is required.
//! Unknown keys, unknown columns and impossible combinations are errors when the file is read.
//!
//! ```toml
//! title = "Bills of Example Cloud"
//! table = "charges"
//! source = "example"                   # name to deliver under; left out: the file's own
//! rows = ["page.items[]", "page"]      # JSON: rows stand inside; what they do not say is taken from around them.
//!                                      # `*`: every object in there is a row, its key is the field `*`
//! where = "cents IS NOT NULL"          # entries for which this does not hold are no rows, and no rejects
//! null_values = ["-"]                  # besides the empty text; without regard to case
//! instant_formats = ["%d.%m.%Y"]       # besides the common ones
//! zone = "Europe/Berlin"               # of the clock behind `parse = "local"`; left out: the caller's
//! extra = ["*"]                        # unknown columns that are kept in `extra`
//!
//! [recognise]                          # column names, JSON keys or metrics
//! all = ["Amount", "Day"]              # each must be there
//! any = ["Product", "Service"]         # and one of these
//! none = ["kind=summary"]              # and none of these. JSON: inner keys are paths, texts are path=text
//!
//! [usage]                              # requests: numbers in here that no field takes go to `uncounted`
//! at = ["usage"]
//! known = ["usage.total"]              # except these, which only repeat others
//!
//! [reader.csv]                         # one or more of `reader::READERS`, with its options
//! delimiter = ";"
//!
//! [let]                                # typed values that expressions use
//! cents = { from = "Amount", parse = "int" }
//! paid = { expr = "greatest(cents, 0)", parse = "int" }       # over those that come from fields
//!
//! [columns]                            # `from`, `expr` or `const`; then how to read the text
//! provider = { const = "Example Cloud" }
//! billed_cost = { expr = "CAST(cents AS DECIMAL(38, 18)) / 100" }
//! service_name = { from = ["Product", "meta.product"] }       # the first that holds a value
//! charge_category = { from = "Kind", parse = "enum", values = ["Usage", "Tax"], spellings = { vat = "Tax" }, default = "Usage" }
//! billing_currency = { from = "Cur", parse = "currency", required = true }
//! effective_cost = { from = "Cost", when = "cents > 0", otherwise = "0" }   # where it does not hold, the expression
//! tags = { prefix = ["Label/"] }      # one column of the source per key: Label/team, Label/stage
//! ```
//!
//! `parse` is one of `text`, `int`, `float`, `bool`, `money`, `currency`, `instant`, `timestamp` (an
//! instant in words or seconds since 1970), `local` (an instant in the zone of the host's clock), `unix_seconds`, `unix_millis`, `unix_micros`, `unix_nanos`,
//! `date`, `tags`, `tag` (the value of the tag `key`), `sum` (of the amounts under `key` in a JSON list),
//! `enum`, `pseudonym`, `origin` (scheme and host of a URL);
//! left out, it follows from the column's type. What the table requires is required; `lacking` says why in a
//! reject.

use super::column::{Column, Kind, OnUnknown, Origin, Parse, System, When};
use super::expr::Environment;
use super::json_path::Trie;
use super::plan::ColumnPlan;
use super::reader::{self, Reader};
use crate::base::{Error, Result};
use crate::schema::{TABLES, TableSchema, Ty};
use datafusion::physical_expr::PhysicalExpr;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One parsed mapping file, ready to decode.
#[derive(Debug)]
pub struct Mapping {
    pub id: String,
    pub table: &'static TableSchema,
    pub title: String,
    /// Name of the source where the user gives none.
    pub source: String,
    pub(super) recognise: Recognise,
    pub(super) readers: Vec<ReaderChoice>,
    /// Fields of the source that some column wants, each once.
    pub(super) fields: Vec<String>,
    pub(super) trie: Trie,
    /// Where rows stand inside of what a reader finds. The first path that is there counts.
    pub(super) rows: Vec<RowPath>,
    /// Named values that expressions use, in order of name.
    pub(super) lets: Vec<Column>,
    /// The same, made from those above.
    pub(super) derived: Vec<Column>,
    /// What `derived` sees.
    pub(super) given: Environment,
    /// What columns see.
    pub(super) environment: Environment,
    /// Holds for the entries that are rows of this table.
    pub(super) only: Option<Arc<dyn PhysicalExpr>>,
    /// One per column of the table, in its order.
    pub(super) columns: Vec<Column>,
    /// Names of unknown fields that go to the column `extra`.
    pub(super) extra: Vec<glob::Pattern>,
    /// Beginnings of the fields that hold one tag each.
    pub(super) tag_prefixes: Vec<String>,
    nulls: Vec<String>,
    /// The same in the words of the mapping file: named values, then columns.
    pub(super) plan: Vec<ColumnPlan>,
}

#[derive(Debug)]
pub(super) struct ReaderChoice {
    pub(super) kind: &'static dyn Reader,
    pub(super) options: toml::Table,
}

/// A path to rows: keys, and whether the value of each is a list of what comes next.
#[derive(Debug)]
pub(super) struct RowPath(pub(super) Vec<(String, bool)>);

impl RowPath {
    fn parse(text: &str) -> RowPath {
        let key = |part: &str| match part.strip_suffix("[]") {
            Some(key) => (key.to_owned(), true),
            None => (part.to_owned(), false),
        };
        RowPath(text.split('.').map(key).collect())
    }

    /// Whether several rows can stand in one place.
    pub(super) fn is_list(&self) -> bool {
        self.0.iter().any(|(key, list)| *list || key == "*")
    }
}

/// What must stand in a file for it to be of this format. Names are compared without regard to case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recognise {
    /// All of these.
    #[serde(default)]
    pub(super) all: Vec<String>,
    /// And at least one of these, when there are any.
    #[serde(default)]
    pub(super) any: Vec<String>,
    /// And none of these.
    #[serde(default)]
    pub(super) none: Vec<String>,
}

/// Objects that count tokens.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Usage {
    at: Vec<String>,
    /// Numbers in there that are parts or sums of others.
    #[serde(default)]
    known: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MappingFile {
    title: String,
    table: String,
    source: Option<String>,
    #[serde(default)]
    rows: Vec<String>,
    #[serde(rename = "where")]
    only: Option<String>,
    #[serde(default)]
    usage: Usage,
    /// Texts that mean "no value", besides the empty one.
    #[serde(default)]
    null_values: Vec<String>,
    /// Further ways to write an instant or a day, as `chrono` formats.
    #[serde(default)]
    instant_formats: Vec<String>,
    /// Zone of local times, as the tz database names it.
    zone: Option<String>,
    #[serde(default)]
    extra: Vec<String>,
    recognise: Recognise,
    reader: BTreeMap<String, toml::Table>,
    #[serde(default, rename = "let")]
    lets: BTreeMap<String, ColumnFile>,
    columns: BTreeMap<String, ColumnFile>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnFile {
    from: Option<OneOrMany>,
    expr: Option<String>,
    #[serde(rename = "const")]
    constant: Option<String>,
    parse: Option<ParseName>,
    /// The tag that `parse = "tag"` picks, the amount that `parse = "sum"` adds up.
    key: Option<String>,
    /// The source has one field per tag, called by one of these and the key of the tag.
    #[serde(default)]
    prefix: Vec<String>,
    /// Canonical spellings of an enum.
    #[serde(default)]
    values: Vec<String>,
    /// Other spellings and what they mean.
    #[serde(default)]
    spellings: BTreeMap<String, String>,
    /// What to do with a value outside `values`.
    #[serde(default)]
    unknown: OnUnknown,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    null_values: Vec<String>,
    default: Option<String>,
    /// `from` holds the value of the rows for which this holds.
    when: Option<String>,
    /// What the others have.
    otherwise: Option<String>,
    /// Why a row without a value is refused, where "a value is required" would not say enough.
    lacking: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum ParseName {
    Text,
    Int,
    Float,
    Bool,
    Money,
    Currency,
    Instant,
    Timestamp,
    Local,
    UnixSeconds,
    UnixMillis,
    UnixMicros,
    UnixNanos,
    Date,
    Tags,
    Tag,
    Sum,
    Enum,
    Pseudonym,
    Origin,
}

impl Mapping {
    /// The options of one of its readers, as they stand in the mapping file.
    pub fn reader_options(&self, reader: &str) -> Option<&toml::Table> {
        let choice = self.readers.iter().find(|choice| choice.kind.id() == reader)?;
        Some(&choice.options)
    }

    /// Reads a mapping file. `id` is its name without ending, such as `focus`.
    pub fn parse(id: &str, toml: &str) -> Result<Mapping> {
        Self::build(id, toml).map_err(|e| e.context(format!("mapping file {id}")))
    }

    fn build(id: &str, text: &str) -> Result<Mapping> {
        let file: MappingFile = toml::from_str(text).map_err(|e| Error::config(e.to_string()))?;
        let table = TableSchema::named(&file.table).ok_or_else(|| {
            let known: Vec<_> = TABLES.iter().map(|t| t.name).collect();
            Error::config(format!("there is no table '{}'", file.table))
                .advise(format!("one of {}", known.join(", ")))
        })?;
        let mut fields = Fields::default();
        let mut lets = Vec::new();
        for (name, column) in file.lets.iter().filter(|(_, c)| c.expr.is_none()) {
            let parse = column.parse.unwrap_or(ParseName::Text);
            lets.push(column.build(name, parse.ty(), false, &file, &mut fields, None)?);
        }
        let given = Environment::new(lets.iter())?;
        let mut derived = Vec::new();
        for (name, column) in file.lets.iter().filter(|(_, c)| c.expr.is_some()) {
            let parse = column.parse.unwrap_or(ParseName::Text);
            derived.push(column.build(name, parse.ty(), false, &file, &mut fields, Some(&given))?);
        }
        let environment = Environment::new(lets.iter().chain(&derived))?;
        let only = match &file.only {
            Some(sql) => Some(
                environment
                    .condition(sql)
                    .map_err(|e| e.context("where".to_owned()))?,
            ),
            None => None,
        };
        for name in file.columns.keys() {
            if table.column(name).is_none() {
                return Err(Error::config(format!(
                    "the table {} has no column '{name}'",
                    table.name
                )));
            }
        }
        let mut plan: Vec<ColumnPlan> = file
            .lets
            .iter()
            .map(|(name, said)| said.plan(&format!("let {name}"), Ty::Text))
            .collect();
        let mut columns = Vec::new();
        let mut tag_prefixes = Vec::new();
        for column in table.columns {
            let built = match file.columns.get(column.name) {
                Some(said) if !said.prefix.is_empty() => {
                    if column.name != "tags"
                        || said.from.is_some()
                        || said.prefix.iter().any(String::is_empty)
                    {
                        return Err(Error::config(format!(
                            "column '{}': 'prefix' stands alone, in the column 'tags', and is not empty",
                            column.name
                        )));
                    }
                    tag_prefixes = said.prefix.clone();
                    Column::system(column.name, column.ty, System::Tags)
                }
                Some(said) => said.build(
                    column.name,
                    column.ty,
                    !column.nullable,
                    &file,
                    &mut fields,
                    Some(&environment),
                )?,
                None => match System::of(table, column.name) {
                    Some(system) => Column::system(column.name, column.ty, system),
                    None if column.nullable => Column::absent(column.name, column.ty),
                    None => {
                        return Err(Error::config(format!(
                            "the required column '{}' is not mapped",
                            column.name
                        )));
                    }
                },
            };
            plan.extend(match file.columns.get(column.name) {
                Some(said) => {
                    let mut plan = said.plan(column.name, column.ty);
                    plan.required |= !column.nullable;
                    Some(plan)
                }
                None => ColumnPlan::by_itself(table, &built),
            });
            columns.push(built);
        }
        let mut extra = Vec::new();
        for pattern in &file.extra {
            let pattern =
                glob::Pattern::new(pattern).map_err(|e| Error::config(format!("extra '{pattern}': {e}")))?;
            extra.push(pattern);
        }
        if !extra.is_empty() && table.column("extra").is_none() {
            return Err(Error::config(format!(
                "the table {} has no column 'extra'",
                table.name
            )));
        }
        let readers = readers(&file.reader)?;
        if !file.usage.at.is_empty() && table.column("uncounted").is_none() {
            return Err(Error::config(format!(
                "the table {} has no column 'uncounted'",
                table.name
            )));
        }
        let trie = Trie::new(&fields.0).counting(&file.usage.at, &file.usage.known);
        Ok(Mapping {
            id: id.to_owned(),
            table,
            title: file.title,
            source: file.source.unwrap_or_else(|| id.to_owned()),
            recognise: file.recognise,
            readers,
            fields: fields.0,
            trie,
            rows: file.rows.iter().map(|path| RowPath::parse(path)).collect(),
            lets,
            derived,
            given,
            environment,
            only,
            columns,
            extra,
            tag_prefixes,
            nulls: file.null_values,
            plan,
        })
    }

    /// Whether a text means "no value" in the whole file.
    pub(super) fn is_null(&self, text: &str) -> bool {
        self.nulls.iter().any(|n| n.eq_ignore_ascii_case(text))
    }

    /// Whether some times are local and only the caller can say where.
    pub(super) fn asks_for_a_zone(&self) -> bool {
        let all = self.columns.iter().chain(&self.lets).chain(&self.derived);
        all.into_iter().any(|c| matches!(c.parse, Parse::Local(_, None)))
    }

    pub(super) fn field(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|f| f == name)
    }

    pub(super) fn wants_extra(&self, name: &str) -> bool {
        self.extra.iter().any(|p| p.matches(name))
    }

    /// The key of the tag that a field of this name holds.
    pub(super) fn tag_key<'a>(&self, name: &'a str) -> Option<&'a str> {
        let keys = self
            .tag_prefixes
            .iter()
            .filter_map(|p| name.strip_prefix(p.as_str()));
        keys.filter(|key| !key.is_empty()).min_by_key(|key| key.len())
    }
}

/// The readers of a `[reader]` section, in the order of the list of readers, in which they are tried.
pub(super) fn readers(named: &BTreeMap<String, toml::Table>) -> Result<Vec<ReaderChoice>> {
    let mut readers = Vec::new();
    for kind in reader::READERS {
        if let Some(options) = named.get(kind.id()) {
            kind.check(options)?;
            readers.push(ReaderChoice {
                kind: *kind,
                options: options.clone(),
            });
        }
    }
    if let Some(unknown) = named.keys().find(|id| reader::named(id).is_none()) {
        let known: Vec<_> = reader::READERS.iter().map(|r| r.id()).collect();
        return Err(Error::config(format!("there is no reader '{unknown}'"))
            .advise(format!("one of {}", known.join(", "))));
    }
    if readers.is_empty() {
        return Err(Error::config("no reader is named"));
    }
    Ok(readers)
}

#[derive(Default)]
struct Fields(Vec<String>);

impl Fields {
    fn slot(&mut self, name: &str) -> usize {
        match self.0.iter().position(|f| f == name) {
            Some(slot) => slot,
            None => {
                self.0.push(name.to_owned());
                self.0.len() - 1
            }
        }
    }
}

impl ColumnFile {
    /// In words, for people.
    fn plan(&self, column: &str, ty: Ty) -> ColumnPlan {
        let from = match (&self.from, &self.expr, &self.constant) {
            (Some(OneOrMany::One(field)), ..) => field.clone(),
            (Some(OneOrMany::Many(all)), ..) => all.join(", else "),
            (_, Some(sql), _) => format!("expr: {sql}"),
            (.., Some(text)) => format!("const: {text}"),
            _ => format!("a tag from each field {}*", self.prefix.join("*, ")),
        };
        // A named value without a parser is text; an expression has its type already.
        let name = match self.parse {
            Some(name) => name,
            None => ParseName::for_ty(ty),
        };
        let mut parse = match serde_json::to_value(name) {
            Ok(serde_json::Value::String(name)) => name,
            _ => String::new(),
        };
        if let Some(key) = &self.key {
            parse = format!("{parse} {key}");
        }
        if !self.values.is_empty() {
            parse = format!("{parse}: {}", self.values.join(", "));
        }
        ColumnPlan {
            column: column.to_owned(),
            from,
            parse,
            default: self.default.clone(),
            required: self.required,
        }
    }

    fn build(
        &self,
        name: &str,
        ty: Ty,
        must: bool,
        file: &MappingFile,
        fields: &mut Fields,
        environment: Option<&Environment>,
    ) -> Result<Column> {
        let fail = |what: &str| Err(Error::config(format!("column '{name}': {what}")));
        let parse_name = self.parse.unwrap_or_else(|| ParseName::for_ty(ty));
        if parse_name.ty() != ty {
            return fail("its type and its parser do not fit together");
        }
        if parse_name != ParseName::Enum && (!self.values.is_empty() || !self.spellings.is_empty()) {
            return fail("'values' and 'spellings' belong to parse = \"enum\"");
        }
        let origin = match (&self.from, &self.expr, &self.constant) {
            (Some(OneOrMany::One(field)), None, None) => Origin::Fields(vec![fields.slot(field)]),
            (Some(OneOrMany::Many(all)), None, None) if !all.is_empty() => {
                Origin::Fields(all.iter().map(|f| fields.slot(f)).collect())
            }
            (None, Some(sql), None) => match environment {
                Some(environment) => Origin::Expr(
                    environment
                        .plan(sql)
                        .map_err(|e| e.context(format!("column '{name}'")))?,
                ),
                None => return fail("takes no expression"),
            },
            (None, None, Some(text)) => Origin::Const(text.clone()),
            _ => return fail("say exactly one of 'from', 'expr' and 'const'"),
        };
        let said = |e: Error| e.context(format!("column '{name}'"));
        let when = match (&self.when, &self.otherwise, environment) {
            (None, None, _) => None,
            (Some(when), otherwise, Some(environment)) if matches!(origin, Origin::Fields(_)) => Some(When {
                holds: environment.condition(when).map_err(said)?,
                otherwise: match otherwise {
                    Some(sql) => Some(environment.plan(sql).map_err(said)?),
                    None => None,
                },
            }),
            _ => return fail("'when' belongs to 'from' in [columns], and 'otherwise' to 'when'"),
        };
        let parse = match parse_name {
            // Whatever a mapping file says: neither keys nor users are stored in clear.
            ParseName::Text | ParseName::Pseudonym if name == "user_hash" => Parse::User,
            ParseName::Text if name == "api_key_hash" => Parse::Pseudonym,
            ParseName::Text => Parse::Text,
            ParseName::Int => Parse::Int,
            ParseName::Float => Parse::Float,
            ParseName::Bool => Parse::Bool,
            ParseName::Money => Parse::Money,
            ParseName::Currency => Parse::Currency,
            ParseName::Instant => Parse::Instant(file.instant_formats.clone()),
            ParseName::Timestamp => Parse::Timestamp(file.instant_formats.clone()),
            ParseName::Local => {
                let zone = match &file.zone {
                    Some(name) => match name.parse() {
                        Ok(zone) => Some(zone),
                        Err(_) => return fail("'zone' is no zone of the tz database"),
                    },
                    None => None,
                };
                Parse::Local(file.instant_formats.clone(), zone)
            }
            ParseName::UnixSeconds => Parse::Unix(0),
            ParseName::UnixMillis => Parse::Unix(3),
            ParseName::UnixMicros => Parse::Unix(6),
            ParseName::UnixNanos => Parse::Unix(9),
            ParseName::Date => Parse::Date(file.instant_formats.clone()),
            ParseName::Tags => Parse::Tags,
            ParseName::Tag => match &self.key {
                Some(key) => Parse::Tag(key.clone()),
                None => return fail("parse = \"tag\" needs a 'key'"),
            },
            ParseName::Sum => match &self.key {
                Some(key) => Parse::Sum(key.clone()),
                None => return fail("parse = \"sum\" needs a 'key'"),
            },
            ParseName::Enum if self.values.is_empty() => return fail("parse = \"enum\" needs 'values'"),
            ParseName::Enum => Parse::Enum {
                values: self.values.clone(),
                spellings: self.spellings.clone(),
                unknown: self.unknown,
            },
            ParseName::Pseudonym => Parse::Pseudonym,
            ParseName::Origin => Parse::Origin,
        };
        let nulls = file
            .null_values
            .iter()
            .chain(&self.null_values)
            .filter(|n| !n.is_empty())
            .cloned()
            .collect();
        Ok(Column {
            name: name.to_owned(),
            ty,
            kind: Kind::Value(origin),
            parse,
            nulls,
            required: must || self.required,
            default: self.default.clone(),
            when,
            lacking: self.lacking.clone(),
        })
    }
}

impl ParseName {
    fn for_ty(ty: Ty) -> ParseName {
        match ty {
            Ty::Text | Ty::Totals => ParseName::Text,
            Ty::Int => ParseName::Int,
            Ty::Float => ParseName::Float,
            Ty::Bool => ParseName::Bool,
            Ty::Money => ParseName::Money,
            Ty::Instant => ParseName::Instant,
            Ty::Date => ParseName::Date,
            Ty::Tags => ParseName::Tags,
        }
    }

    fn ty(self) -> Ty {
        match self {
            ParseName::Text
            | ParseName::Currency
            | ParseName::Tag
            | ParseName::Enum
            | ParseName::Pseudonym
            | ParseName::Origin => Ty::Text,
            ParseName::Int => Ty::Int,
            ParseName::Float => Ty::Float,
            ParseName::Bool => Ty::Bool,
            ParseName::Money | ParseName::Sum => Ty::Money,
            ParseName::Instant
            | ParseName::Timestamp
            | ParseName::Local
            | ParseName::UnixSeconds
            | ParseName::UnixMillis
            | ParseName::UnixMicros
            | ParseName::UnixNanos => Ty::Instant,
            ParseName::Date => Ty::Date,
            ParseName::Tags => Ty::Tags,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const GOOD: &str = r#"
        title = "test"
        table = "outcomes"
        [recognise]
        all = ["task"]
        [reader.csv]
        [let]
        n = { from = "n", parse = "int" }
        [columns]
        task_id = { from = "task" }
        success = { expr = "n > 0" }
        recorded_at = { from = "at" }
    "#;

    fn error(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        Mapping::parse("test", &GOOD.replacen(from, to, 1))
            .expect_err(to)
            .to_string()
    }

    #[test]
    fn mistakes_are_found_when_the_file_is_read() {
        assert!(Mapping::parse("test", GOOD).is_ok());
        for (from, to, words) in [
            ("title", "titel", "unknown field `titel`"),
            ("\"outcomes\"", "\"results\"", "no table 'results'"),
            ("reader.csv", "reader.xml", "no reader 'xml'"),
            (
                "[reader.csv]",
                "[reader.csv]\ndelimeter = ';'",
                "unknown field `delimeter`",
            ),
            ("task_id =", "task =", "no column 'task'"),
            (
                "recorded_at = { from = \"at\" }",
                "",
                "required column 'recorded_at'",
            ),
            (
                "{ from = \"at\" }",
                "{ from = \"at\", const = \"x\" }",
                "exactly one of",
            ),
            (
                "{ from = \"at\" }",
                "{ from = \"at\", parse = \"int\" }",
                "do not fit together",
            ),
            (
                "{ from = \"at\" }",
                "{ from = \"at\", null = \"x\" }",
                "unknown field `null`",
            ),
            (
                "{ from = \"task\" }",
                "{ from = \"task\", parse = \"enum\" }",
                "needs 'values'",
            ),
            (
                "{ from = \"task\" }",
                "{ from = \"task\", parse = \"tag\" }",
                "needs a 'key'",
            ),
            (
                "{ from = \"at\" }",
                "{ from = \"at\", otherwise = \"1\" }",
                "'otherwise' to 'when'",
            ),
            ("n > 0", "m > 0", "'m > 0' over n"),
            ("n > 0", "random() > 0.5", "not on random"),
            ("n > 0", "now() > now()", "not on now"),
            ("n > 0", "n > (SELECT 1)", "column 'success'"),
        ] {
            let error = error(from, to);
            assert!(
                error.starts_with("mapping file test: ") && error.contains(words),
                "{to}: {error}"
            );
        }
    }

    #[test]
    fn a_field_may_count_in_some_rows_only() {
        let mapping = GOOD.replace(
            "success = { expr = \"n > 0\" }",
            "success = { from = \"ok\", when = \"n > 0\", otherwise = \"CASE WHEN n = 0 THEN false END\" }",
        );
        let text = "task,n,ok,at\na,1,yes,2026-09-14\nb,0,yes,2026-09-14\nc,-1,yes,2026-09-14\n";
        let (report, batch) = crate::source::testing::decode_text(&mapping, text).unwrap();
        assert_eq!(
            crate::source::testing::texts(&batch, "success"),
            ["true", "false"]
        );
        assert_eq!(
            (report.rejects[0].line, report.rejects[0].reason.as_str()),
            (4, "a value is required")
        );
    }

    #[test]
    fn an_expression_that_fails_costs_its_row_only() {
        let mapping = GOOD.replace("n > 0", "10 / n > 0");
        let text = "task,n,at\na,1,2026-09-14\nb,0,2026-09-14\nc,,2026-09-14\nd,-1,2026-09-14\n";
        let (report, batch) = crate::source::testing::decode_text(&mapping, text).unwrap();
        assert_eq!(crate::source::testing::texts(&batch, "task_id"), ["a", "d"]);
        let found: Vec<_> = report
            .rejects
            .iter()
            .map(|r| (r.line, r.reason.as_str()))
            .collect();
        assert_eq!(found[1], (4, "a value is required"));
        assert!(
            found[0].0 == 3 && found[0].1.contains("ivide by zero"),
            "{found:?}"
        );
    }
}
