//! Values that a client binds. Each becomes what it is by itself; what it is compared with is the planner's
//! business. Only a text of no stated type is read as what stands where it goes.

use super::encode::type_of;
use super::numeric::Numeric;
use super::statement::Prepared;
use super::trouble::user_error;
use arrow::datatypes::{DataType, Field};
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use datafusion::arrow::datatypes::Date32Type;
use datafusion::common::ParamValues;
use datafusion::common::metadata::ScalarAndMetadata;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::scalar::ScalarValue;
use datafusion_postgres::pgwire::api::Type;
use datafusion_postgres::pgwire::api::portal::{Format, Portal};
use datafusion_postgres::pgwire::error::PgWireResult;
use std::collections::HashMap;
use std::sync::Arc;

/// Types of the parameters `$1`, `$2`, …: what the client said, else what the statement needs, else text.
pub(super) fn types(asked: &[Option<Type>], inferred: &[Option<DataType>]) -> Vec<Type> {
    let one = |place: usize| {
        let said = asked.get(place).cloned().flatten();
        said.filter(|said| *said != Type::UNKNOWN && said.oid() != 0)
            .or_else(|| {
                let needed = inferred.get(place)?.as_ref()?;
                Some(type_of(&Field::new("", needed.clone(), true)))
            })
            .unwrap_or(Type::TEXT)
    };
    (0..asked.len().max(inferred.len())).map(one).collect()
}

/// A parameter that is cast has the type that it is cast to, where nothing else says what it is.
pub(super) fn casts(plan: &LogicalPlan, known: &mut HashMap<String, Option<DataType>>) -> PlanResult<()> {
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                let told = match expr {
                    Expr::Cast(cast) => Some((cast.expr.as_ref(), cast.field.data_type().clone())),
                    // `= ANY($1)`: drivers leave the type of a list of texts to us, and say that of others.
                    Expr::ScalarFunction(function) if LISTS.contains(&function.name()) => {
                        let texts = DataType::new_list(DataType::Utf8, true);
                        function.args.first().map(|list| (list, texts))
                    }
                    _ => None,
                };
                if let Some((Expr::Placeholder(place), data_type)) = told
                    && let Some(unknown @ None) = known.get_mut(&place.id)
                {
                    *unknown = Some(data_type);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(())
}

/// Functions whose first argument is a list.
const LISTS: [&str; 2] = ["array_has", "array_contains"];

/// NULLs of these types: enough to know what columns a statement has.
pub(super) fn blanks(types: &[Type]) -> ParamValues {
    let blank = |ty: &Type| -> ScalarValue {
        match *ty {
            Type::BOOL => ScalarValue::Boolean(None),
            Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => ScalarValue::Int64(None),
            Type::FLOAT4 | Type::FLOAT8 => ScalarValue::Float64(None),
            Type::NUMERIC => ScalarValue::Decimal128(None, 38, 18),
            Type::DATE => ScalarValue::Date32(None),
            Type::TIMESTAMP => ScalarValue::TimestampMicrosecond(None, None),
            Type::TIMESTAMPTZ => ScalarValue::TimestampMicrosecond(None, Some(utc())),
            Type::BYTEA => ScalarValue::Binary(None),
            Type::TEXT_ARRAY | Type::VARCHAR_ARRAY => array(None, DataType::Utf8),
            Type::INT2_ARRAY | Type::INT4_ARRAY | Type::INT8_ARRAY => array(None, DataType::Int64),
            _ => ScalarValue::Utf8(None),
        }
    };
    list(types.iter().map(blank).collect())
}

fn list(values: Vec<ScalarValue>) -> ParamValues {
    ParamValues::List(values.into_iter().map(ScalarAndMetadata::from).collect())
}

fn utc() -> Arc<str> {
    Arc::from("UTC")
}

/// The values that were bound.
pub(super) fn values(portal: &Portal<Prepared>) -> PgWireResult<ParamValues> {
    let prepared = &portal.statement.statement;
    let known = prepared.parameter_types(&portal.statement.parameter_types);
    let count = portal.parameter_len();
    if count != known.len() {
        let message = format!(
            "{count} values were bound, and the statement has {} parameters",
            known.len()
        );
        return Err(user_error("08P01", message));
    }
    if let Format::Individual(codes) = &portal.parameter_format
        && codes.len() != count
    {
        return Err(user_error(
            "08P01",
            "as many formats as values, or one for all of them",
        ));
    }
    let values = known.iter().enumerate().map(|(place, ty)| {
        let said = portal.statement.parameter_types.get(place).cloned().flatten();
        let said = said.is_some_and(|said| said != Type::UNKNOWN && said.oid() != 0);
        let needed = prepared.needed(place).filter(|_| !said);
        let value = value(portal, place, ty)?;
        match (needed, &value) {
            // A text where something else is needed was written by hand, or by a driver that leaves types to us.
            (Some(needed), ScalarValue::Utf8(Some(text))) if *needed != DataType::Utf8 => {
                ScalarValue::try_from_string(text.clone(), needed)
                    .map_err(|_| user_error("22P02", format!("'{text}' cannot be read as {needed}")))
            }
            _ => Ok(value),
        }
    });
    Ok(list(values.collect::<PgWireResult<_>>()?))
}

fn value(portal: &Portal<Prepared>, place: usize, ty: &Type) -> PgWireResult<ScalarValue> {
    Ok(match *ty {
        Type::BOOL => ScalarValue::Boolean(portal.parameter::<bool>(place, ty)?),
        Type::INT2 => ScalarValue::Int64(portal.parameter::<i16>(place, ty)?.map(i64::from)),
        Type::INT4 => ScalarValue::Int64(portal.parameter::<i32>(place, ty)?.map(i64::from)),
        Type::INT8 => ScalarValue::Int64(portal.parameter::<i64>(place, ty)?),
        Type::OID => ScalarValue::Int64(match portal.parameter_format.is_binary(place) {
            true => portal.parameter::<u32>(place, ty)?.map(i64::from),
            false => portal.parameter::<i64>(place, &Type::INT8)?,
        }),
        Type::FLOAT4 => ScalarValue::Float64(portal.parameter::<f32>(place, ty)?.map(f64::from)),
        Type::FLOAT8 => ScalarValue::Float64(portal.parameter::<f64>(place, ty)?),
        Type::NUMERIC => match portal.parameter::<Numeric>(place, ty)? {
            Some(number) => number.scalar().map_err(|e| user_error("22003", e.to_string()))?,
            None => ScalarValue::Decimal128(None, 38, 18),
        },
        Type::DATE => {
            let day = portal.parameter::<NaiveDate>(place, ty)?;
            ScalarValue::Date32(day.map(Date32Type::from_naive_date))
        }
        Type::TIME => {
            let time = portal.parameter::<NaiveTime>(place, ty)?;
            ScalarValue::Time64Nanosecond(time.map(|time| {
                i64::from(time.num_seconds_from_midnight()) * 1_000_000_000 + i64::from(time.nanosecond())
            }))
        }
        Type::TIMESTAMP => {
            let moment = portal.parameter::<NaiveDateTime>(place, ty)?;
            ScalarValue::TimestampMicrosecond(moment.map(|m| m.and_utc().timestamp_micros()), None)
        }
        Type::TIMESTAMPTZ => {
            let moment = portal.parameter::<DateTime<FixedOffset>>(place, ty)?;
            ScalarValue::TimestampMicrosecond(moment.map(|m| m.timestamp_micros()), Some(utc()))
        }
        Type::BYTEA => ScalarValue::Binary(portal.parameter::<Vec<u8>>(place, ty)?),
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY => {
            let texts = portal.parameter::<Vec<Option<String>>>(place, ty)?;
            array(
                texts.map(|t| t.into_iter().map(ScalarValue::Utf8).collect()),
                DataType::Utf8,
            )
        }
        Type::INT8_ARRAY => {
            let counts = portal.parameter::<Vec<Option<i64>>>(place, ty)?;
            array(
                counts.map(|c| c.into_iter().map(ScalarValue::Int64).collect()),
                DataType::Int64,
            )
        }
        Type::INT4_ARRAY => {
            let counts = portal.parameter::<Vec<Option<i32>>>(place, ty)?;
            let wide = |c: Option<i32>| ScalarValue::Int64(c.map(i64::from));
            array(counts.map(|c| c.into_iter().map(wide).collect()), DataType::Int64)
        }
        Type::INT2_ARRAY => {
            let counts = portal.parameter::<Vec<Option<i16>>>(place, ty)?;
            let wide = |c: Option<i16>| ScalarValue::Int64(c.map(i64::from));
            array(counts.map(|c| c.into_iter().map(wide).collect()), DataType::Int64)
        }
        // uuid, json, names and whatever else is written as text; in binary only those that are text there too.
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::JSON => {
            ScalarValue::Utf8(portal.parameter::<String>(place, &Type::TEXT)?)
        }
        _ if portal.parameter_format.is_binary(place) => {
            return Err(user_error(
                "0A000",
                format!("values of type {} in binary", ty.name()),
            ));
        }
        _ => ScalarValue::Utf8(portal.parameter::<String>(place, &Type::TEXT)?),
    })
}

fn array(values: Option<Vec<ScalarValue>>, item: DataType) -> ScalarValue {
    match values {
        Some(values) => ScalarValue::List(ScalarValue::new_list_nullable(&values, &item)),
        None => ScalarValue::new_null_list(item, true, 1),
    }
}
