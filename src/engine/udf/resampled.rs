//! `resampled(member, amount, drawn)`: what an amount adds up to in resamples of its members, for a bootstrap that can be
//! added up: of two days, of two weeks, in any order.

use super::args;
use crate::base::{money, seed};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, ListArray, StringArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{ScalarValue, exec_datafusion_err, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};
use rand::RngCore as _;
use std::sync::Arc;

/// How many resamples there are. The ends of an interval of 95 % are the 13th and the 488th of them.
const RESAMPLES: usize = 500;
const SEED: u64 = 20260901;

/// How often one member is drawn, at most: more often happens once in two million draws.
const MOST: usize = 8;

/// `2^16 × P(draws ≤ k)` of the Poisson distribution with mean 1, for k from 0: in a large sample with replacement each
/// member is drawn that often. The last digits are such that the mean is 1 exactly.
const UPTO: [u16; MOST] = [24109, 48219, 60273, 64292, 65296, 65497, 65531, 65535];

/// In each resample a member is drawn as often as its name says, whatever else there is: so resamples of parts add up to
/// those of the whole, to the last digit. A row brings a member's name and amount, or the resamples of a part (`drawn`).
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Resampled {
    signature: Signature,
}

impl Default for Resampled {
    fn default() -> Self {
        Resampled {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

fn item() -> FieldRef {
    Arc::new(Field::new_list_field(money::data_type(), true))
}

fn lists() -> DataType {
    DataType::List(item())
}

/// How often a member is drawn in each resample.
fn draws(member: &str) -> [u8; RESAMPLES] {
    let mut bytes = [0_u8; 2 * RESAMPLES];
    seed::generator(SEED, member).fill_bytes(&mut bytes);
    let mut times = [0_u8; RESAMPLES];
    for (times, bytes) in times.iter_mut().zip(bytes.chunks_exact(2)) {
        let chance = u16::from_le_bytes([bytes[0], bytes[1]]);
        *times = UPTO.iter().map(|upto| u8::from(chance >= *upto)).sum();
    }
    times
}

/// The resamples of one group; none before its first row.
type Sums = Option<Box<[i128]>>;

fn begun(sums: &mut Sums) -> &mut [i128] {
    sums.get_or_insert_with(|| vec![0; RESAMPLES].into_boxed_slice())
}

fn too_large() -> datafusion::error::DataFusionError {
    exec_datafusion_err!("a resample is too large an amount")
}

fn add_member(sums: &mut Sums, member: &str, amount: i128) -> Result<()> {
    let sums = begun(sums);
    if amount == 0 {
        return Ok(());
    }
    let mut multiples = [0_i128; MOST + 1];
    for times in 1..multiples.len() {
        multiples[times] = multiples[times - 1].checked_add(amount).ok_or_else(too_large)?;
    }
    for (sum, times) in sums.iter_mut().zip(draws(member)) {
        *sum = sum
            .checked_add(multiples[usize::from(times)])
            .ok_or_else(too_large)?;
    }
    Ok(())
}

fn add_part(sums: &mut Sums, part: &ArrayRef) -> Result<()> {
    let part = args::decimals(part)?;
    if part.len() != RESAMPLES {
        return exec_err!("resampled takes its own results, with {RESAMPLES} values each");
    }
    for (sum, value) in begun(sums).iter_mut().zip(part.values()) {
        *sum = sum.checked_add(*value).ok_or_else(too_large)?;
    }
    Ok(())
}

fn parts(array: &ArrayRef) -> Result<&ListArray> {
    match array.as_list_opt::<i32>() {
        Some(parts) => Ok(parts),
        None => exec_err!("expected resamples, got {}", array.data_type()),
    }
}

/// The arguments of a batch.
struct Rows<'a> {
    members: &'a StringArray,
    amounts: &'a Decimal128Array,
    drawn: &'a ListArray,
}

impl<'a> Rows<'a> {
    fn of(values: &'a [ArrayRef]) -> Result<Rows<'a>> {
        Ok(Rows {
            members: args::texts(&values[0])?,
            amounts: args::decimals(&values[1])?,
            drawn: parts(&values[2])?,
        })
    }

    /// A row without a part counts if it has both a member and an amount.
    fn add(&self, row: usize, sums: &mut Sums) -> Result<()> {
        if self.drawn.is_valid(row) {
            add_part(sums, &self.drawn.value(row))
        } else if self.members.is_valid(row) && self.amounts.is_valid(row) {
            add_member(sums, self.members.value(row), self.amounts.value(row))
        } else {
            Ok(())
        }
    }
}

fn list(all: Vec<Sums>) -> Result<ListArray> {
    let present: NullBuffer = all.iter().map(Option::is_some).collect();
    let lengths = all.iter().map(|sums| sums.as_ref().map_or(0, |sums| sums.len()));
    let offsets = OffsetBuffer::from_lengths(lengths);
    let values: Vec<i128> = all.into_iter().flatten().flatten().collect();
    let values = Decimal128Array::from(values).with_data_type(money::data_type());
    Ok(ListArray::try_new(
        item(),
        offsets,
        Arc::new(values),
        Some(present),
    )?)
}

impl AggregateUDFImpl for Resampled {
    fn name(&self) -> &str {
        "resampled"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 3)?;
        match &types[2] {
            DataType::Null => {}
            DataType::List(of) if of.data_type() == &money::data_type() => {}
            other => return plan_err!("resampled takes its own results, got {other}"),
        }
        Ok(vec![
            DataType::Utf8,
            match &types[1] {
                DataType::Null => money::data_type(),
                other => args::amount(self.name(), other)?,
            },
            lists(),
        ])
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(lists())
    }
    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(
            format!("{}[resamples]", args.name),
            lists(),
            true,
        ))])
    }
    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(One(None)))
    }
    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        !args.is_distinct
    }
    fn create_groups_accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Many(Vec::new())))
    }
}

/// The resamples of one group.
#[derive(Debug)]
struct One(Sums);

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = Rows::of(values)?;
        (0..values[0].len()).try_for_each(|row| rows.add(row, &mut self.0))
    }
    fn merge_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        parts(&values[0])?
            .iter()
            .flatten()
            .try_for_each(|part| add_part(&mut self.0, &part))
    }
    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }
    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::List(Arc::new(list(vec![self.0.clone()])?)))
    }
    fn size(&self) -> usize {
        size_of::<Self>() + RESAMPLES * size_of::<i128>()
    }
}

/// The resamples of many groups at once.
#[derive(Debug)]
struct Many(Vec<Sums>);

impl GroupsAccumulator for Many {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> Result<()> {
        self.0.resize(total_groups, None);
        let rows = Rows::of(values)?;
        for (row, group) in groups.iter().enumerate() {
            if filter.is_none_or(|f| f.is_valid(row) && f.value(row)) {
                rows.add(row, &mut self.0[*group])?;
            }
        }
        Ok(())
    }
    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total_groups: usize) -> Result<()> {
        self.0.resize(total_groups, None);
        for (part, group) in parts(&values[0])?.iter().zip(groups) {
            if let Some(part) = part {
                add_part(&mut self.0[*group], &part)?;
            }
        }
        Ok(())
    }
    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        Ok(Arc::new(list(emit.take_needed(&mut self.0))?))
    }
    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit)?])
    }
    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let groups: Vec<usize> = (0..values[0].len()).collect();
        let mut each = Many(Vec::new());
        each.update_batch(values, &groups, filter, groups.len())?;
        each.state(EmitTo::All)
    }
    fn size(&self) -> usize {
        let begun = self.0.iter().flatten().count();
        self.0.capacity() * size_of::<Sums>() + begun * RESAMPLES * size_of::<i128>()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::testing::query;
    use super::*;

    #[test]
    fn a_member_is_drawn_once_in_the_mean() {
        // P(draws > k), added up over k.
        let mean: u32 = UPTO.iter().map(|upto| 65536 - u32::from(*upto)).sum();
        assert_eq!(mean, 65536);
        let names = (0..2_000).map(|i| format!("task {i}"));
        let all: Vec<u8> = names.flat_map(|name| draws(&name)).collect();
        let moment = |power: i32| {
            let sum: f64 = all.iter().map(|n| (f64::from(*n) - 1.0).powi(power)).sum();
            sum / all.len() as f64
        };
        // A Poisson distribution of mean 1 has 1 as its variance and third moment; a million draws know them to 0.01.
        assert!(moment(1).abs() < 0.005, "{}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.01, "{}", moment(2));
        assert!((moment(3) - 1.0).abs() < 0.03, "{}", moment(3));
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let tasks = "(VALUES (1, 'a', 2.5), (1, 'b', 1), (2, 'c', 3), (2, 'a', 0.5), (2, NULL, 9), (1, 'd', NULL)) AS v(day, task, cost)";
        let whole = format!("SELECT resampled(task, cost, NULL) AS drawn FROM {tasks}");
        let by_day = format!("SELECT resampled(task, cost, NULL) AS drawn FROM {tasks} GROUP BY day");
        let together = format!("SELECT resampled(NULL, NULL, drawn) AS drawn FROM ({by_day}) AS d");
        assert_eq!(query(&whole), query(&together));
        assert_ne!(query(&whole), ["NULL"]);
        // What a member costs in two places stands or falls together.
        let merged =
            "SELECT resampled(task, cost, NULL) FROM (VALUES ('a', 3), ('b', 1), ('c', 3)) AS v(task, cost)";
        assert_eq!(query(&whole), query(merged));
        let nobody = format!("{whole} WHERE task IS NULL");
        assert_eq!(query(&nobody), ["NULL"]);
    }
}
