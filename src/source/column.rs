//! One canonical column as a mapping file defines it, and the reading of a chunk of texts into it.

use super::hashes::Hashes;
use super::parse;
use super::privacy::{Show, unquoted};
use super::repeats::{Constants, Repeats};
use super::tags::{self, TagsBuilder};
use crate::base::money::{self, Exact};
use crate::base::user_key::UserKey;
use crate::base::{Error, Result};
use crate::schema::{TableSchema, Ty};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder,
    RecordBatch, StringArray, StringBuilder, TimestampMicrosecondBuilder, UInt32Array, new_null_array,
};
use arrow::datatypes::Decimal128Type;
use datafusion::physical_expr::PhysicalExpr;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) ty: Ty,
    pub(super) kind: Kind,
    pub(super) parse: Parse,
    /// Texts that mean "no value", besides the empty one; compared without regard to case.
    pub(super) nulls: Vec<String>,
    pub(super) required: bool,
    /// The text that stands for a missing value.
    pub(super) default: Option<String>,
    /// When the fields hold this column's value at all.
    pub(super) when: Option<When>,
    /// What a row is told that lacks a required value.
    pub(super) lacking: Option<String>,
}

/// The fields count where the condition holds; elsewhere the expression does, or nothing.
#[derive(Debug)]
pub(super) struct When {
    pub(super) holds: Arc<dyn PhysicalExpr>,
    pub(super) otherwise: Option<Arc<dyn PhysicalExpr>>,
}

#[derive(Debug)]
pub(super) enum Kind {
    Value(Origin),
    System(System),
    /// The source has no such thing.
    Absent,
}

#[derive(Debug)]
pub(super) enum Origin {
    /// The first of these fields that holds a value.
    Fields(Vec<usize>),
    Expr(Arc<dyn PhysicalExpr>),
    Const(String),
}

/// Columns that decoding fills by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    Source,
    FileHash,
    FileRow,
    ChargeId,
    DeliveryId,
    /// From when an undated price list holds.
    ValidFrom,
    /// UTC day of the instant in this column of the table.
    DayOf(usize),
    /// UTC month of it.
    MonthOf(usize),
    Extra,
    /// Counts of tokens that no column takes.
    Uncounted,
    /// Tags that stand in a field of the source each.
    Tags,
}

impl System {
    pub(super) fn of(table: &TableSchema, column: &str) -> Option<System> {
        Some(match column {
            "source" => System::Source,
            "file_hash" => System::FileHash,
            "file_row" => System::FileRow,
            "charge_id" => System::ChargeId,
            "delivery_id" => System::DeliveryId,
            "valid_from" => System::ValidFrom,
            "day" => System::DayOf(
                table
                    .index_of("started_at")
                    .or_else(|| table.index_of("sampled_at"))?,
            ),
            "billing_month" => System::MonthOf(table.index_of("billing_period_start")?),
            "extra" => System::Extra,
            "uncounted" => System::Uncounted,
            _ => return None,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnUnknown {
    /// The row is refused.
    #[default]
    Reject,
    /// The value is kept as it is.
    Keep,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parse {
    Text,
    Int,
    Float,
    Bool,
    Money,
    /// Upper case.
    Currency,
    /// An instant, in a common form or in one of these formats.
    Instant(Vec<String>),
    /// The same, or seconds since 1970.
    Timestamp(Vec<String>),
    /// An instant of a clock in this zone, else in the caller's.
    Local(Vec<String>, Option<chrono_tz::Tz>),
    /// Units of 10^-n seconds since 1970.
    Unix(u32),
    Date(Vec<String>),
    Tags,
    /// The value of one tag.
    Tag(String),
    /// The sum of the amounts under this key in a JSON list.
    Sum(String),
    Enum {
        values: Vec<String>,
        spellings: BTreeMap<String, String>,
        unknown: OnUnknown,
    },
    /// SHA-256 instead of the value.
    Pseudonym,
    /// The same for a user, under the key for user names where there is one.
    User,
    /// Scheme and host of a URL.
    Origin,
}

/// A chunk of rows as texts.
pub(super) struct Chunk {
    /// One per field of the mapping: a text a row, or with `repeats` each different text.
    pub(super) fields: Vec<StringArray>,
    pub(super) repeats: Option<Repeats>,
    /// Line of each row in its file.
    pub(super) lines: Vec<u64>,
    /// Ordinal of each row, from 1.
    pub(super) rows: Vec<u64>,
    /// Unknown fields that are kept.
    pub(super) extra: ArrayRef,
    /// Counts of tokens that no field takes.
    pub(super) uncounted: ArrayRef,
    /// Fields that hold one tag each.
    pub(super) tags: ArrayRef,
    /// Zone of local times that the mapping knows no zone of.
    pub(super) zone: chrono_tz::Tz,
    /// What users are hashed with.
    pub(super) users: Option<UserKey>,
    /// What keys and users were hashed to.
    pub(super) hashes: Hashes,
    /// Columns of one text.
    pub(super) constants: Constants,
}

impl Chunk {
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// A field with one text a row.
    pub(super) fn field(&self, slot: usize) -> &StringArray {
        let texts = &self.fields[slot];
        match &self.repeats {
            Some(repeats) => repeats.field(slot, texts),
            None => texts,
        }
    }
}

/// What is wrong with the rows of a chunk.
pub(super) struct Problems {
    show: Show,
    pub(super) good: Vec<bool>,
    pub(super) found: Vec<Problem>,
}

pub(super) struct Problem {
    pub(super) row: usize,
    pub(super) column: String,
    pub(super) value: Option<String>,
    pub(super) reason: String,
}

impl Problems {
    pub(super) fn new(rows: usize, show: Show) -> Problems {
        Problems {
            show,
            good: vec![true; rows],
            found: Vec::new(),
        }
    }

    pub(super) fn show(&self) -> Show {
        self.show
    }

    /// The same problem in another row.
    pub(super) fn repeat(&mut self, row: usize, problem: &Problem) {
        self.good[row] = false;
        self.found.push(Problem {
            row,
            column: problem.column.clone(),
            value: problem.value.clone(),
            reason: problem.reason.clone(),
        });
    }

    pub(super) fn add(&mut self, row: usize, column: &str, value: Option<&str>, reason: String) {
        self.good[row] = false;
        let value = value.map(|value| self.show.value(value));
        self.found.push(Problem {
            row,
            column: column.to_owned(),
            value,
            reason,
        });
    }
}

/// Feeds the text of every row to a parser and its result to a builder.
macro_rules! each_row {
    ($self:ident, $source:ident, $problems:ident, $builder:expr, $parse:expr) => {
        each_row!($self, $source, $problems, $builder, row, $parse)
    };
    ($self:ident, $source:ident, $problems:ident, $builder:expr, $row:ident, $parse:expr) => {{
        let mut builder = $builder;
        for $row in 0..$source.rows {
            match $source.text($row).or($self.default.as_deref().map(|d| (d, None))) {
                None => {
                    if $self.required {
                        $problems.add($row, &$source.named(None, $self), None, $self.lack());
                    }
                    builder.append_null();
                }
                Some((text, field)) => match $parse(text) {
                    Ok(Some(value)) => builder.append_value(value),
                    Ok(None) => {
                        if $self.required {
                            $problems.add($row, &$source.named(field, $self), Some(text), $self.lack());
                        }
                        builder.append_null();
                    }
                    Err(reason) => {
                        $problems.add($row, &$source.named(field, $self), Some(text), reason);
                        builder.append_null();
                    }
                },
            }
        }
        Arc::new(builder.finish()) as ArrayRef
    }};
}

/// Where the texts of a column come from in one chunk.
pub(super) struct Texts<'a> {
    pub(super) rows: usize,
    fields: &'a [String],
    pub(super) from: Vec<(usize, &'a StringArray)>,
    /// The one of them whose texts are those of all rows, as they are.
    whole: Option<(usize, &'a StringArray)>,
    /// The first candidate, which gives the column its name in a reject.
    pub(super) first: Option<usize>,
    pub(super) constant: Option<&'a str>,
    /// Rows whose fields do not count, and what does instead of them.
    instead: Option<(Vec<bool>, Option<&'a StringArray>)>,
    nulls: &'a [String],
    /// Which lengths the texts of `nulls` have, as bits; the last one is for all longer ones.
    null_lengths: u64,
    zone: chrono_tz::Tz,
    users: Option<&'a UserKey>,
    hashes: &'a Hashes,
    constants: &'a Constants,
}

impl<'a> Texts<'a> {
    /// Texts of a column of a chunk, from nowhere yet.
    pub(super) fn new(rows: usize, fields: &'a [String], nulls: &'a [String], chunk: &'a Chunk) -> Texts<'a> {
        Texts {
            rows,
            fields,
            from: Vec::new(),
            whole: None,
            first: None,
            constant: None,
            instead: None,
            nulls,
            null_lengths: nulls
                .iter()
                .fold(0, |lengths, null| lengths | length_bit(null.as_bytes())),
            zone: chunk.zone,
            users: chunk.users.as_ref(),
            hashes: &chunk.hashes,
            constants: &chunk.constants,
        }
    }

    /// Whether a text stands for no value.
    #[inline]
    fn is_nothing(&self, text: &str) -> bool {
        let trimmed = match text.as_bytes() {
            // Most begin and end with a sign that is no blank.
            [b'!'..=b'~', .., b'!'..=b'~'] | [b'!'..=b'~'] => text,
            _ => text.trim(),
        };
        trimmed.is_empty()
            || (self.null_lengths & length_bit(trimmed.as_bytes()) != 0
                && self.nulls.iter().any(|n| n.eq_ignore_ascii_case(trimmed)))
    }

    /// Sees whether the texts of all rows are one field's as they are.
    fn find_whole(&self) -> Option<(usize, &'a StringArray)> {
        let [(slot, first), rest @ ..] = self.from.as_slice() else {
            return None;
        };
        if self.constant.is_some() || self.instead.is_some() || (!rest.is_empty() && first.null_count() > 0) {
            return None;
        }
        let bytes = first.value_data();
        let ends = first.value_offsets();
        let nothing = |row: usize, from: i32, to: i32| {
            let text = &bytes[from as usize..to as usize];
            // Most texts are seen to be values by their first and last signs and their length.
            match text {
                [b'!'..=b'~', .., b'!'..=b'~'] if self.null_lengths & length_bit(text) == 0 => false,
                _ => first.is_valid(row) && self.is_nothing(first.value(row)),
            }
        };
        let mut places = ends.iter().zip(&ends[1..]).enumerate();
        (!places.any(|(row, (from, to))| nothing(row, *from, *to))).then_some((*slot, *first))
    }

    #[inline]
    pub(super) fn text(&self, row: usize) -> Option<(&'a str, Option<usize>)> {
        if let Some((slot, texts)) = self.whole {
            return texts.is_valid(row).then(|| (texts.value(row), Some(slot)));
        }
        self.text_of_any(row)
    }

    fn text_of_any(&self, row: usize) -> Option<(&'a str, Option<usize>)> {
        if let Some(text) = self.constant {
            return Some((text, None));
        }
        if let Some((rows, values)) = &self.instead
            && rows[row]
        {
            return values
                .filter(|values| values.is_valid(row))
                .map(|values| (values.value(row), None));
        }
        for (slot, array) in &self.from {
            if array.is_null(row) {
                continue;
            }
            let text = array.value(row);
            if self.is_nothing(text) {
                continue;
            }
            return Some((text, Some(*slot)));
        }
        None
    }

    /// What a problem calls the column: the field that held the value, else the first candidate.
    fn named(&self, field: Option<usize>, column: &Column) -> String {
        let field = field.or(self.first);
        field
            .and_then(|slot| self.fields.get(slot))
            .cloned()
            .unwrap_or_else(|| column.name.clone())
    }
}

#[inline]
fn length_bit(text: &[u8]) -> u64 {
    1 << text.len().min(63)
}

impl Column {
    pub(super) fn absent(name: &str, ty: Ty) -> Column {
        Column::bare(name, ty, Kind::Absent)
    }

    pub(super) fn system(name: &str, ty: Ty, system: System) -> Column {
        Column::bare(name, ty, Kind::System(system))
    }

    fn bare(name: &str, ty: Ty, kind: Kind) -> Column {
        Column {
            name: name.to_owned(),
            ty,
            kind,
            parse: Parse::Text,
            nulls: Vec::new(),
            required: false,
            default: None,
            when: None,
            lacking: None,
        }
    }

    fn lack(&self) -> String {
        let words = self.lacking.as_deref();
        words.unwrap_or("a value is required").to_owned()
    }

    /// Whether it reads the same fields in the same way as another.
    pub(super) fn reads_like(&self, other: &Column) -> bool {
        let (Kind::Value(Origin::Fields(own)), Kind::Value(Origin::Fields(others))) =
            (&self.kind, &other.kind)
        else {
            return false;
        };
        let plain = self.when.is_none() && other.when.is_none();
        plain
            && own == others
            && self.ty == other.ty
            && self.parse == other.parse
            && self.nulls == other.nulls
            && self.default == other.default
    }

    /// Reads the column of a chunk. Rows that do not parse are NULL and stand in `problems`.
    /// `amounts` receives what the source said, for control totals.
    pub(super) fn read(
        &self,
        fields: &[String],
        chunk: &Chunk,
        environment: &RecordBatch,
        problems: &mut Problems,
        amounts: Option<&mut Vec<Option<Exact>>>,
    ) -> Result<ArrayRef> {
        let rows = chunk.len();
        let nulls = self.nulls.as_slice();
        match &self.kind {
            Kind::Value(Origin::Fields(slots)) => {
                let from = slots.iter().map(|slot| (*slot, chunk.field(*slot)));
                let mut values = None;
                let mut rest = None;
                if let Some(when) = &self.when {
                    let holds = self.evaluate(&when.holds, environment, problems)?;
                    let holds = holds.as_boolean();
                    let elsewhere = |row| holds.is_null(row) || !holds.value(row);
                    rest = Some((0..rows).map(elsewhere).collect::<Vec<_>>());
                    if let Some(otherwise) = &when.otherwise {
                        let other = self.evaluate(otherwise, environment, problems)?;
                        values = Some(arrow::compute::cast(&other, &arrow::datatypes::DataType::Utf8)?);
                    }
                }
                let values = values.as_ref().map(|values| values.as_string::<i32>());
                self.parse(
                    Texts {
                        // Most fields of a log are missing in most files.
                        from: from.filter(|(_, texts)| texts.null_count() < rows).collect(),
                        first: slots.first().copied(),
                        instead: rest.map(|rest| (rest, values)),
                        ..Texts::new(rows, fields, nulls, chunk)
                    },
                    problems,
                    amounts,
                )
            }
            Kind::Value(Origin::Const(text)) => {
                let texts = Texts {
                    constant: Some(text),
                    ..Texts::new(rows, fields, nulls, chunk)
                };
                self.parse(texts, problems, amounts)
            }
            Kind::Value(Origin::Expr(expr)) => {
                let values = self.evaluate(expr, environment, problems)?;
                if *values.data_type() == self.ty.arrow() && matches!(self.parse, Parse::Text)
                    || !is_text(&values)
                {
                    let values = arrow::compute::cast(&values, &self.ty.arrow())?;
                    if let (Some(amounts), Some(money)) =
                        (amounts, values.as_primitive_opt::<Decimal128Type>())
                    {
                        *amounts = money.iter().map(|v| v.map(Exact::from_stored)).collect();
                    }
                    return Ok(self.checked(values, problems));
                }
                let values = arrow::compute::cast(&values, &arrow::datatypes::DataType::Utf8)?;
                let from = vec![(usize::MAX, values.as_string::<i32>())];
                self.parse(
                    Texts {
                        from,
                        ..Texts::new(rows, fields, nulls, chunk)
                    },
                    problems,
                    amounts,
                )
            }
            Kind::System(_) | Kind::Absent => Err(Error::internal(format!(
                "column '{}' has no texts to read",
                self.name
            ))),
        }
    }

    /// Marks the rows in which an expression gave nothing although a value is required.
    fn checked(&self, values: ArrayRef, problems: &mut Problems) -> ArrayRef {
        if self.required {
            for row in 0..values.len() {
                if values.is_null(row) && problems.good[row] {
                    problems.add(row, &self.name, None, self.lack());
                }
            }
        }
        values
    }

    /// Evaluates an expression over a chunk. When it fails, row by row: an overflow in one row costs
    /// that row only.
    fn evaluate(
        &self,
        expr: &Arc<dyn PhysicalExpr>,
        environment: &RecordBatch,
        problems: &mut Problems,
    ) -> Result<ArrayRef> {
        let rows = environment.num_rows();
        if let Ok(values) = expr.evaluate(environment).and_then(|v| v.into_array(rows)) {
            return Ok(values);
        }
        let ty = expr.data_type(&environment.schema())?;
        let mut parts = Vec::with_capacity(rows);
        for row in 0..rows {
            match expr
                .evaluate(&environment.slice(row, 1))
                .and_then(|v| v.into_array(1))
            {
                Ok(value) => parts.push(value),
                Err(e) => {
                    problems.add(row, &self.name, None, unquoted(&e.find_root().to_string()));
                    parts.push(new_null_array(&ty, 1));
                }
            }
        }
        let parts: Vec<&dyn Array> = parts.iter().map(|a| a.as_ref()).collect();
        Ok(arrow::compute::concat(&parts)?)
    }

    pub(super) fn parse<'a>(
        &'a self,
        mut texts: Texts<'a>,
        problems: &mut Problems,
        amounts: Option<&mut Vec<Option<Exact>>>,
    ) -> Result<ArrayRef> {
        if amounts.is_none()
            && texts.instead.is_none()
            && let Some(array) = self.same_in_all(&texts, problems)?
        {
            return Ok(array);
        }
        texts.whole = texts.find_whole();
        if matches!(self.parse, Parse::Text)
            && let Some((_, whole)) = texts.whole
            && (whole.null_count() == 0 || (!self.required && self.default.is_none()))
        {
            return Ok(Arc::new(whole.clone()));
        }
        self.parse_each(&texts, problems, amounts)
    }

    /// The column where all rows have the same text, or none.
    fn same_in_all<'a>(&'a self, texts: &Texts<'a>, problems: &mut Problems) -> Result<Option<ArrayRef>> {
        let constant = match (texts.constant, &self.default) {
            (None, _) if !texts.from.is_empty() => return Ok(None),
            (None, None) if self.required => return Ok(None),
            (None, None) => return Ok(Some(texts.constants.nothing(&self.ty.arrow(), texts.rows))),
            (None, Some(default)) => default.as_str(),
            (Some(constant), _) => constant,
        };
        if texts.rows < 2 {
            return Ok(None);
        }
        let one = Texts {
            rows: 1,
            from: Vec::new(),
            constant: Some(constant),
            instead: None,
            ..*texts
        };
        let mut wrong = Problems::new(1, problems.show);
        let array = self.parse_each(&one, &mut wrong, None)?;
        if !wrong.found.is_empty() {
            return Ok(None);
        }
        let first = UInt32Array::from_value(0, texts.rows);
        Ok(Some(arrow::compute::take(&array, &first, None)?))
    }

    fn parse_each<'a>(
        &'a self,
        texts: &Texts<'a>,
        problems: &mut Problems,
        amounts: Option<&mut Vec<Option<Exact>>>,
    ) -> Result<ArrayRef> {
        let rows = texts.rows;
        let array = match &self.parse {
            Parse::Text => {
                each_row!(
                    self,
                    texts,
                    problems,
                    StringBuilder::with_capacity(rows, rows * 16),
                    keep
                )
            }
            Parse::Int => each_row!(
                self,
                texts,
                problems,
                Int64Builder::with_capacity(rows),
                parse::int
            ),
            Parse::Float => each_row!(
                self,
                texts,
                problems,
                Float64Builder::with_capacity(rows),
                parse::float
            ),
            Parse::Bool => each_row!(
                self,
                texts,
                problems,
                BooleanBuilder::with_capacity(rows),
                parse::bool
            ),
            Parse::Money | Parse::Sum(_) => {
                let mut exact = vec![None; if amounts.is_some() { rows } else { 0 }];
                let builder = Decimal128Builder::with_capacity(rows).with_data_type(money::data_type());
                let array = each_row!(self, texts, problems, builder, row, |t| {
                    let amount = match &self.parse {
                        Parse::Sum(key) => parse::sum(t, key)?,
                        _ => Exact::parse(t).map_err(|reason| reason.to_string())?,
                    };
                    if let Some(exact) = exact.get_mut(row) {
                        *exact = Some(amount);
                    }
                    Ok::<_, String>(Some(amount.round()))
                });
                if let Some(amounts) = amounts {
                    *amounts = exact;
                }
                array
            }
            Parse::Currency => self.once_each(texts, problems, parse::currency),
            Parse::Instant(formats) => {
                each_row!(self, texts, problems, instants(rows), |t| parse::instant(
                    t, formats
                ))
            }
            Parse::Timestamp(formats) => {
                each_row!(self, texts, problems, instants(rows), |t| parse::timestamp(
                    t, formats
                ))
            }
            Parse::Local(formats, zone) => {
                let zone = zone.unwrap_or(texts.zone);
                each_row!(self, texts, problems, instants(rows), |t| parse::local(
                    t, formats, zone
                ))
            }
            Parse::Unix(digits) => {
                each_row!(self, texts, problems, instants(rows), |t| parse::unix(t, *digits))
            }
            Parse::Date(formats) => {
                each_row!(self, texts, problems, Date32Builder::with_capacity(rows), |t| {
                    parse::date(t, formats)
                })
            }
            Parse::Tags => {
                let mut builder = TagsBuilder::default();
                let mut known = Known::default();
                for row in 0..rows {
                    let pairs: &[(String, Option<String>)] = match texts.text(row) {
                        None => &[],
                        Some((text, field)) => match known.entry(text).or_insert_with(|| tags::parse(text)) {
                            Ok(pairs) => pairs.as_slice(),
                            Err(reason) => {
                                problems.add(row, &texts.named(field, self), Some(text), reason.clone());
                                &[]
                            }
                        },
                    };
                    builder.append(pairs)?;
                }
                Arc::new(builder.finish()?)
            }
            Parse::Tag(key) => self.once_each(texts, problems, |t| tags::value_of(t, key)),
            Parse::Enum {
                values,
                spellings,
                unknown,
            } => self.once_each(texts, problems, |t| parse::one_of(t, values, spellings, *unknown)),
            Parse::Pseudonym | Parse::User => {
                let key = texts.users.filter(|_| matches!(self.parse, Parse::User));
                let builder = StringBuilder::with_capacity(rows, rows * 64);
                self.written(texts, problems, builder, |builder, text| {
                    texts.hashes.of(text, key, |hash| builder.append_value(hash));
                    Ok(true)
                })
            }
            Parse::Origin => self.once_each(texts, problems, parse::origin),
        };
        Ok(array)
    }

    /// Texts of which there are few: each is parsed once.
    fn once_each<'a>(
        &'a self,
        texts: &Texts<'a>,
        problems: &mut Problems,
        parse: impl Fn(&str) -> std::result::Result<Option<String>, String>,
    ) -> ArrayRef {
        let mut known = Known::default();
        let builder = StringBuilder::with_capacity(texts.rows, texts.rows * 8);
        self.written(texts, problems, builder, |builder, text| {
            match known.entry(text).or_insert_with(|| parse(text)) {
                Ok(Some(value)) => {
                    builder.append_value(value);
                    Ok(true)
                }
                Ok(None) => Ok(false),
                Err(reason) => Err(reason.clone()),
            }
        })
    }

    /// Feeds the text of every row to `write`, which appends a value, or says that there is none.
    fn written<'a>(
        &'a self,
        texts: &Texts<'a>,
        problems: &mut Problems,
        mut builder: StringBuilder,
        mut write: impl FnMut(&mut StringBuilder, &'a str) -> std::result::Result<bool, String>,
    ) -> ArrayRef {
        for row in 0..texts.rows {
            let found = texts.text(row).or(self.default.as_deref().map(|d| (d, None)));
            let Some((text, field)) = found else {
                if self.required {
                    problems.add(row, &texts.named(None, self), None, self.lack());
                }
                builder.append_null();
                continue;
            };
            let reason = match write(&mut builder, text) {
                Ok(true) => continue,
                Ok(false) => self.required.then(|| self.lack()),
                Err(reason) => Some(reason),
            };
            if let Some(reason) = reason {
                problems.add(row, &texts.named(field, self), Some(text), reason);
            }
            builder.append_null();
        }
        Arc::new(builder.finish())
    }
}

/// What came of texts.
type Known<'a, T> = HashMap<&'a str, std::result::Result<T, String>, ahash::RandomState>;

fn keep(text: &str) -> std::result::Result<Option<&str>, String> {
    Ok(Some(text))
}

fn is_text(values: &ArrayRef) -> bool {
    use arrow::datatypes::DataType;
    matches!(
        values.data_type(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

fn instants(rows: usize) -> TimestampMicrosecondBuilder {
    TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(crate::base::time::data_type())
}
