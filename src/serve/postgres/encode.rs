//! Columns and cells as PostgreSQL's types. Decimals are NUMERIC with all their digits, maps and structs are
//! JSON, instants are `timestamptz` in UTC; the rest is the library's.

use super::numeric::Numeric;
use super::trouble::told;
use crate::base::Error;
use crate::render;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Decimal256Type, DecimalType, Field, Schema};
use bytes::BytesMut;
use datafusion_postgres::arrow_pg::datatypes::field_into_pg_type;
use datafusion_postgres::arrow_pg::encoder::encode_value;
use datafusion_postgres::pgwire::api::Type;
use datafusion_postgres::pgwire::api::portal::Format;
use datafusion_postgres::pgwire::api::results::{DataRowEncoder, FieldFormat, FieldInfo};
use datafusion_postgres::pgwire::error::PgWireResult;
use datafusion_postgres::pgwire::messages::data::DataRow;
use datafusion_postgres::pgwire::types::ToSqlText;
use datafusion_postgres::pgwire::types::format::FormatOptions;
use std::error::Error as Cause;
use std::sync::Arc;
use tokio_postgres::types::{IsNull, ToSql, to_sql_checked};

/// How the cells of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Numeric,
    Json,
    /// As Arrow shows it: types that PostgreSQL has no name for.
    Shown,
    Library,
}

fn way(field: &Field) -> Way {
    match field.data_type() {
        DataType::Decimal128(..) | DataType::Decimal256(..) => Way::Numeric,
        DataType::Map(..) | DataType::Struct(_) | DataType::Union(..) => Way::Json,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            let nested = item.data_type().is_nested() || matches!(item.data_type(), DataType::Decimal128(..));
            if nested { Way::Json } else { Way::Library }
        }
        DataType::Null => Way::Shown,
        _ => match field_into_pg_type(&Arc::new(field.clone())) {
            Ok(_) => Way::Library,
            Err(_) => Way::Shown,
        },
    }
}

/// The type that a client is told.
pub(super) fn type_of(field: &Field) -> Type {
    match way(field) {
        Way::Numeric => Type::NUMERIC,
        Way::Json => Type::JSON,
        Way::Shown => Type::TEXT,
        Way::Library => field_into_pg_type(&Arc::new(field.clone())).unwrap_or(Type::TEXT),
    }
}

/// NUMERIC with its precision and scale, as PostgreSQL packs them.
fn modifier(data_type: &DataType) -> i32 {
    match data_type {
        DataType::Decimal128(precision, scale) if *scale >= 0 => {
            (i32::from(*precision) << 16 | i32::from(*scale)) + 4
        }
        _ => -1,
    }
}

/// The columns of a result, each in the format that was asked for.
pub(super) fn fields(schema: &Schema, format: &Format) -> Vec<FieldInfo> {
    let one = |(place, field): (usize, &Arc<Field>)| {
        let data_type = type_of(field);
        let size = match data_type {
            Type::BOOL | Type::CHAR => 1,
            Type::INT2 => 2,
            Type::INT4 | Type::FLOAT4 | Type::DATE | Type::OID => 4,
            Type::INT8 | Type::FLOAT8 | Type::TIMESTAMP | Type::TIMESTAMPTZ | Type::TIME => 8,
            Type::INTERVAL => 16,
            _ => -1,
        };
        // A client may name fewer formats than there are columns; those are text.
        let format = match format {
            Format::Individual(codes) => codes
                .get(place)
                .map_or(FieldFormat::Text, |c| FieldFormat::from(*c)),
            Format::UnifiedText => FieldFormat::Text,
            Format::UnifiedBinary => FieldFormat::Binary,
        };
        FieldInfo::new(field.name().clone(), None, None, data_type, format)
            .with_type_size(size)
            .with_type_modifier(modifier(field.data_type()))
    };
    schema.fields().iter().enumerate().map(one).collect()
}

/// The rows of one batch, one by one.
pub(super) struct Rows {
    batch: RecordBatch,
    fields: Arc<Vec<FieldInfo>>,
    ways: Vec<Way>,
    encoder: DataRowEncoder,
    row: usize,
}

impl Rows {
    pub(super) fn of(batch: RecordBatch, fields: &Arc<Vec<FieldInfo>>) -> Rows {
        Rows {
            ways: batch
                .schema_ref()
                .fields()
                .iter()
                .map(|field| way(field))
                .collect(),
            encoder: DataRowEncoder::new(Arc::clone(fields)),
            fields: Arc::clone(fields),
            batch,
            row: 0,
        }
    }

    fn encode(&mut self) -> PgWireResult<DataRow> {
        let schema = self.batch.schema_ref();
        for (place, info) in self.fields.iter().enumerate() {
            let array = self.batch.column(place);
            let encoder = &mut self.encoder;
            let (ty, format, options) = (info.datatype(), info.format(), info.format_options());
            if array.is_null(self.row) || *array.data_type() == DataType::Null {
                encoder.encode_field_with_type_and_format(&Nothing, ty, format, options)?;
                continue;
            }
            match self.ways[place] {
                Way::Numeric => {
                    let number = Numeric(decimal(array, self.row));
                    encoder.encode_field_with_type_and_format(&number, ty, format, options)?;
                }
                Way::Json => {
                    let json = render::json_cell(array.as_ref(), self.row).map_err(|e| told(&e))?;
                    encoder.encode_field_with_type_and_format(
                        &Text(json.to_string()),
                        ty,
                        format,
                        options,
                    )?;
                }
                Way::Shown => {
                    let text = arrow::util::display::array_value_to_string(array, self.row)
                        .map_err(|e| told(&Error::from(e)))?;
                    encoder.encode_field_with_type_and_format(&Text(text), ty, format, options)?;
                }
                Way::Library => encode_value(encoder, array, self.row, schema.field(place), info)?,
            }
        }
        Ok(self.encoder.take_row())
    }
}

impl Iterator for Rows {
    type Item = PgWireResult<DataRow>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.row == self.batch.num_rows() {
            return None;
        }
        let row = self.encode();
        self.row += 1;
        Some(row)
    }
}

/// Every digit, those behind the point too: as PostgreSQL writes a NUMERIC of this scale.
fn decimal(array: &ArrayRef, row: usize) -> String {
    match array.data_type() {
        DataType::Decimal256(precision, scale) => Decimal256Type::format_decimal(
            array.as_primitive::<Decimal256Type>().value(row),
            *precision,
            *scale,
        ),
        DataType::Decimal128(precision, scale) => Decimal128Type::format_decimal(
            array.as_primitive::<Decimal128Type>().value(row),
            *precision,
            *scale,
        ),
        _ => String::new(),
    }
}

/// A batch with the types that the client was told, where running knew better than planning.
pub(super) fn as_told(batch: RecordBatch, told_as: &Arc<Schema>) -> crate::base::Result<RecordBatch> {
    let same = |(a, b): (&Arc<Field>, &Arc<Field>)| a.data_type() == b.data_type();
    if batch.schema_ref().fields().iter().zip(told_as.fields()).all(same) {
        return Ok(batch);
    }
    let columns = batch
        .columns()
        .iter()
        .zip(told_as.fields())
        .map(|(column, field)| match column.data_type() == field.data_type() {
            true => Ok(Arc::clone(column)),
            false => cast(column, field.data_type()),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let fields: Vec<Field> = told_as
        .fields()
        .iter()
        .map(|f| f.as_ref().clone().with_nullable(true))
        .collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// NULL of any type.
#[derive(Debug)]
struct Nothing;

impl ToSql for Nothing {
    fn to_sql(&self, _: &Type, _: &mut BytesMut) -> Result<IsNull, Box<dyn Cause + Sync + Send>> {
        Ok(IsNull::Yes)
    }
    fn accepts(_: &Type) -> bool {
        true
    }
    to_sql_checked!();
}

impl ToSqlText for Nothing {
    fn to_sql_text(
        &self,
        _: &Type,
        _: &mut BytesMut,
        _: &FormatOptions,
    ) -> Result<IsNull, Box<dyn Cause + Sync + Send>> {
        Ok(IsNull::Yes)
    }
}

/// A text of any type whose binary form is its text: `text` and `json`.
#[derive(Debug)]
struct Text(String);

impl ToSql for Text {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Cause + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }
    fn accepts(_: &Type) -> bool {
        true
    }
    to_sql_checked!();
}

impl ToSqlText for Text {
    fn to_sql_text(
        &self,
        _: &Type,
        out: &mut BytesMut,
        _: &FormatOptions,
    ) -> Result<IsNull, Box<dyn Cause + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }
}
