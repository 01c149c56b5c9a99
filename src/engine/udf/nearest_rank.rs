//! `nearest_rank(value, percent)`: the percentile of a group, which is one of its values. `nearest_ranks(value, percent, …)`
//! is a list of several, for which the values are held once.

use super::args;
use super::one_group::OneGroup;
use arrow::array::{
    Array, ArrayRef, ArrowNativeTypeOp, ArrowPrimitiveType, AsArray, BooleanArray, ListArray, PrimitiveArray,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::{ScalarValue, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Literal;
use std::sync::Arc;

/// The smallest value that at least so many in a hundred of the group's values do not exceed: the value at
/// rank ⌈percent ÷ 100 × n⌉. Exact, whatever its type; nothing is interpolated. NULL counts for nothing, and
/// a group without values has none. The values of a group are held, and picked from without sorting them.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct NearestRank {
    signature: Signature,
    several: bool,
}

impl NearestRank {
    pub(super) fn one() -> Self {
        NearestRank {
            signature: Signature::user_defined(Volatility::Immutable),
            several: false,
        }
    }

    pub(super) fn several() -> Self {
        NearestRank {
            several: true,
            ..NearestRank::one()
        }
    }
}

impl AggregateUDFImpl for NearestRank {
    fn name(&self) -> &str {
        match self.several {
            true => "nearest_ranks",
            false => "nearest_rank",
        }
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match self.several && types.len() > 2 {
            true => {}
            false => args::count(self.name(), types, 2)?,
        }
        let value = match &types[0] {
            DataType::Float32 | DataType::Float64 => DataType::Float64,
            whole if whole.is_integer() => DataType::Int64,
            other => args::amount(self.name(), other)?,
        };
        let percents = std::iter::repeat_n(DataType::Int64, types.len() - 1);
        Ok(std::iter::once(value).chain(percents).collect())
    }
    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match self.several {
            true => DataType::List(item(&types[0])),
            false => types[0].clone(),
        })
    }
    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let values = Field::new_list(
            format!("{}[values]", args.name),
            item(args.input_fields[0].data_type()),
            true,
        );
        Ok(vec![Arc::new(values)])
    }
    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneGroup::of(many(&args)?)))
    }
    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        !args.is_distinct
    }
    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(many(&args)?)
    }
}

fn many(args: &AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator + Sync>> {
    let percents = percents(args)?;
    let (of, several) = match args.return_field.data_type() {
        DataType::List(item) => (item.data_type(), true),
        of => (of, false),
    };
    let asked = Asked { percents, several };
    Ok(match of {
        DataType::Int64 => Box::new(Many::<Int64Type>::new(asked, DataType::Int64)),
        DataType::Float64 => Box::new(Many::<Float64Type>::new(asked, DataType::Float64)),
        amount => Box::new(Many::<Decimal128Type>::new(asked, amount.clone())),
    })
}

fn item(of: &DataType) -> FieldRef {
    Arc::new(Field::new_list_field(of.clone(), true))
}

fn percents(args: &AccumulatorArgs<'_>) -> Result<Vec<u64>> {
    let percent = |expr: &Arc<dyn PhysicalExpr>| match expr.downcast_ref::<Literal>().map(Literal::value) {
        Some(ScalarValue::Int64(Some(percent @ 1..=100))) => Ok(percent.unsigned_abs()),
        _ => plan_err!("{} takes percentages from 1 to 100, as literals", args.name),
    };
    args.exprs.iter().skip(1).map(percent).collect()
}

/// Which percentiles, and whether they are a list.
#[derive(Debug)]
struct Asked {
    percents: Vec<u64>,
    several: bool,
}

/// The values of each group.
#[derive(Debug)]
struct Many<T: ArrowPrimitiveType> {
    asked: Asked,
    of: DataType,
    values: Vec<Vec<T::Native>>,
    held: usize,
}

impl<T: ArrowPrimitiveType> Many<T> {
    fn new(asked: Asked, of: DataType) -> Self {
        Many {
            asked,
            of,
            values: Vec::new(),
            held: 0,
        }
    }

    fn typed<'a>(&self, values: &'a dyn Array) -> Result<&'a PrimitiveArray<T>> {
        match values.as_primitive_opt::<T>() {
            Some(typed) => Ok(typed),
            None => exec_err!("nearest_rank got {} for {}", values.data_type(), self.of),
        }
    }

    fn list(&self, groups: Vec<Vec<T::Native>>) -> ArrayRef {
        let lengths = OffsetBuffer::from_lengths(groups.iter().map(Vec::len));
        let values: ScalarBuffer<T::Native> = groups.concat().into();
        let values = PrimitiveArray::<T>::new(values, None).with_data_type(self.of.clone());
        Arc::new(ListArray::new(item(&self.of), lengths, Arc::new(values), None))
    }
}

impl<T: ArrowPrimitiveType> GroupsAccumulator for Many<T>
where
    T::Native: ArrowNativeTypeOp,
{
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> Result<()> {
        self.values.resize(total_groups, Vec::new());
        let values = self.typed(&values[0])?.clone();
        for (row, group) in groups.iter().enumerate() {
            if values.is_valid(row) && filter.is_none_or(|f| f.is_valid(row) && f.value(row)) {
                self.values[*group].push(values.value(row));
                self.held += size_of::<T::Native>();
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total_groups: usize) -> Result<()> {
        self.values.resize(total_groups, Vec::new());
        let Some(lists) = values[0].as_list_opt::<i32>() else {
            return exec_err!("the state of nearest_rank is not a list");
        };
        for (row, group) in groups.iter().enumerate().filter(|(row, _)| lists.is_valid(*row)) {
            let list = lists.value(row);
            let list = self.typed(&list)?;
            self.values[*group].extend(list.iter().flatten());
            self.held += list.len() * size_of::<T::Native>();
        }
        Ok(())
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let groups = emit.take_needed(&mut self.values);
        self.held = self.values.iter().map(Vec::len).sum::<usize>() * size_of::<T::Native>();
        let (count, percents) = (groups.len(), &self.asked.percents);
        let picked = groups
            .into_iter()
            .flat_map(|mut values| percents.iter().map(move |percent| pick(&mut values, *percent)));
        let picked = picked
            .collect::<PrimitiveArray<T>>()
            .with_data_type(self.of.clone());
        if !self.asked.several {
            return Ok(Arc::new(picked));
        }
        let lengths = OffsetBuffer::from_lengths(std::iter::repeat_n(percents.len(), count));
        let lists = ListArray::try_new(item(&self.of), lengths, Arc::new(picked), None)?;
        Ok(Arc::new(lists))
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = emit.take_needed(&mut self.values);
        self.held = self.values.iter().map(Vec::len).sum::<usize>() * size_of::<T::Native>();
        Ok(vec![self.list(groups)])
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let values = self.typed(&values[0])?;
        let counts =
            |row: usize| values.is_valid(row) && filter.is_none_or(|f| f.is_valid(row) && f.value(row));
        let groups = (0..values.len())
            .map(|row| {
                if counts(row) {
                    vec![values.value(row)]
                } else {
                    Vec::new()
                }
            })
            .collect();
        Ok(vec![self.list(groups)])
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.values.capacity() * size_of::<Vec<T::Native>>() + 2 * self.held
    }
}

fn pick<N: ArrowNativeTypeOp>(values: &mut [N], percent: u64) -> Option<N> {
    let rank = (values.len() as u64 * percent).div_ceil(100);
    let at = usize::try_from(rank).ok()?.checked_sub(1)?;
    let (_, value, _) = values.select_nth_unstable_by(at, |a, b| a.compare(*b));
    Some(*value)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fails, query};

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let of = |n: u32, p: u32| {
            query(&format!(
                "SELECT nearest_rank(value, {p}) FROM generate_series(1, {n}) AS s(value)"
            ))
        };
        assert_eq!(of(100, 50), ["50"]);
        assert_eq!(of(100, 95), ["95"]);
        assert_eq!(of(19, 95), ["19"]);
        assert_eq!(of(20, 95), ["19"]);
        assert_eq!(of(1, 1), ["1"]);
        assert_eq!(of(10, 100), ["10"]);
    }

    #[test]
    fn it_is_what_ranks_say_in_every_group() {
        let differing = "WITH rows AS (
                SELECT value % 97 AS g, CAST((value * 7919) % 10007 AS DECIMAL(38, 18)) AS x,
                    CASE WHEN value % 5 = 0 THEN NULL ELSE (value * 31) % 1009 END AS n
                FROM generate_series(1, 20000) AS s(value)
            ),
            ranked AS (
                SELECT *, 100 * row_number() OVER (PARTITION BY g ORDER BY x) AS xr, count(x) OVER (PARTITION BY g) AS xs,
                    100 * row_number() OVER (PARTITION BY g ORDER BY n ASC NULLS LAST) AS nr, count(n) OVER (PARTITION BY g) AS ns
                FROM rows
            ),
            slow AS (
                SELECT g, min(CASE WHEN xr >= 90 * xs THEN x END) AS x, min(CASE WHEN nr >= 90 * ns THEN n END) AS n
                FROM ranked GROUP BY g
            ),
            quick AS (SELECT g, nearest_rank(x, 90) AS x, nearest_rank(n, 90) AS n FROM rows GROUP BY g)
            SELECT count(*) FROM slow INNER JOIN quick ON quick.g = slow.g AND quick.x = slow.x AND quick.n = slow.n";
        assert_eq!(query(differing), ["97"]);
    }

    #[test]
    fn several_are_what_each_is_alone() {
        let alone = [50, 99, 1, 95].map(|percent| format!("nearest_rank(x, {percent})"));
        let differing = format!(
            "WITH rows AS (
                SELECT value % 7 AS g, CAST(CASE WHEN value % 5 > 0 THEN (value * 7919) % 10007 END AS DECIMAL(38, 18)) AS x
                FROM generate_series(1, 20000) AS s(value)
            )
            SELECT count(*) FROM (SELECT nearest_ranks(x, 50, 99, 1, 95) AS all, [{}] AS each FROM rows GROUP BY g)
            WHERE all = each",
            alone.join(", ")
        );
        assert_eq!(query(&differing), ["7"]);
    }

    #[test]
    fn nothing_has_no_percentile() {
        assert_eq!(
            query("SELECT nearest_rank(value, 50) FROM generate_series(1, 0) AS s(value)"),
            ["NULL"]
        );
        assert_eq!(query("SELECT nearest_rank(CAST(NULL AS BIGINT), 50)"), ["NULL"]);
        assert_eq!(
            query("SELECT nearest_rank(1.5, 50) FILTER (WHERE false)"),
            ["NULL"]
        );
        assert_eq!(
            query("SELECT nearest_ranks(value, 50, 99) FROM generate_series(1, 0) AS s(value)"),
            ["[NULL, NULL]"]
        );
        assert!(fails("SELECT nearest_rank(1, 0)").contains("1 to 100"));
        assert!(fails("SELECT nearest_ranks(1, 50, 101)").contains("1 to 100"));
        assert!(fails("SELECT nearest_rank(1, 50, 60)").contains("2 arguments"));
        assert!(fails("SELECT nearest_rank('a', 50)").contains("nearest_rank"));
    }
}
