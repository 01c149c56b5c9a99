//! `distinct_ids(text)`: how many different texts, or fingerprints, each of many groups has. `count(DISTINCT …)` looks each of them up in a set;
//! here they are only put down as numbers, and told apart when the group is complete.

use super::args;
use super::fingerprint;
use super::one_group::OneGroup;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array, ListArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};
use std::borrow::Cow;
use std::sync::Arc;

/// Numbers that wait before those that are there twice go: few groups with many ids must not hold every row.
const WAITING: usize = 1 << 23;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct DistinctIds {
    signature: Signature,
}

impl Default for DistinctIds {
    fn default() -> Self {
        DistinctIds {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl AggregateUDFImpl for DistinctIds {
    fn name(&self) -> &str {
        "distinct_ids"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 1)?;
        let known = types[0] == fingerprint::TYPE;
        Ok(vec![if known { fingerprint::TYPE } else { DataType::Utf8 }])
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }
    fn is_nullable(&self) -> bool {
        false
    }
    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new_list(
            format!("{}[ids]", args.name),
            item(),
            true,
        ))])
    }
    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(OneGroup::of(Box::new(Ids::default()))))
    }
    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        !args.is_distinct
    }
    fn create_groups_accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Ids::default()))
    }
}

fn item() -> FieldRef {
    Arc::new(Field::new_list_field(fingerprint::TYPE, true))
}

/// Each id as a number beside its group, in the order of the rows.
#[derive(Debug, Default)]
struct Ids {
    total: usize,
    groups: Vec<u32>,
    ids: Vec<i128>,
    /// How many were left when those that were there twice went.
    single: usize,
}

impl Ids {
    /// So many groups are known now.
    fn know(&mut self, total: usize) -> Result<()> {
        if u32::try_from(total).is_err() {
            return exec_err!(
                "distinct_ids tells {} groups apart at most, not {total}",
                u32::MAX
            );
        }
        self.total = total;
        Ok(())
    }

    /// The group is one of those that are known.
    fn put(&mut self, group: usize, id: i128) {
        self.groups.push(group as u32);
        self.ids.push(id);
    }

    /// Once many wait, those that are there twice go.
    fn tidy(&mut self) {
        if self.ids.len() < WAITING.max(4 * self.single) {
            return;
        }
        let (ends, ids) = self.take(EmitTo::All);
        let mut from = 0;
        self.groups = Vec::with_capacity(ids.len());
        for (group, end) in ends.iter().enumerate() {
            self.groups.extend(std::iter::repeat_n(group as u32, end - from));
            from = *end;
        }
        self.total = ends.len();
        self.single = ids.len();
        self.ids = ids;
    }

    /// The different ids of the groups, one group after the other, and where each ends. The other groups move up.
    fn take(&mut self, emit: EmitTo) -> (Vec<usize>, Vec<i128>) {
        let count = match emit {
            EmitTo::All => self.total,
            EmitTo::First(count) => count,
        };
        let (groups, ids) = (std::mem::take(&mut self.groups), std::mem::take(&mut self.ids));
        let mut places = vec![0; count + 1];
        for group in &groups {
            if let Some(place) = places.get_mut(*group as usize + 1) {
                *place += 1;
            }
        }
        for at in 1..places.len() {
            places[at] += places[at - 1];
        }
        let mut sorted = vec![0; places[count]];
        let mut next = places.clone();
        for (group, id) in groups.into_iter().zip(ids) {
            let group = group as usize;
            if group < count {
                sorted[next[group]] = id;
                next[group] += 1;
            } else {
                self.put(group - count, id);
            }
        }
        self.total -= count;
        self.single = 0;
        let (mut ends, mut kept) = (Vec::with_capacity(count), 0);
        for at in 0..count {
            let (from, to) = (places[at], places[at + 1]);
            sorted[from..to].sort_unstable();
            let first = kept;
            for place in from..to {
                if kept == first || sorted[kept - 1] != sorted[place] {
                    sorted[kept] = sorted[place];
                    kept += 1;
                }
            }
            ends.push(kept);
        }
        sorted.truncate(kept);
        (ends, sorted)
    }
}

fn list(lengths: impl IntoIterator<Item = usize>, ids: Vec<i128>) -> Result<ArrayRef> {
    let ids = Decimal128Array::from(ids).with_data_type(fingerprint::TYPE);
    let lengths = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::try_new(
        item(),
        lengths,
        Arc::new(ids),
        None,
    )?))
}

fn lengths(ends: &[usize]) -> impl Iterator<Item = usize> + '_ {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(ends).map(|(start, end)| end - start)
}

/// Each row's id: its fingerprint, or that of its text.
fn numbers(ids: &ArrayRef) -> Result<Cow<'_, [i128]>> {
    match ids.as_primitive_opt::<Decimal128Type>() {
        Some(known) => Ok(Cow::Borrowed(known.values())),
        None => Ok(Cow::Owned(fingerprint::of_texts(args::texts(ids)?))),
    }
}

fn counts(ids: &ArrayRef, filter: Option<&BooleanArray>, row: usize) -> bool {
    ids.is_valid(row) && filter.is_none_or(|f| f.is_valid(row) && f.value(row))
}

impl GroupsAccumulator for Ids {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> Result<()> {
        self.know(total_groups)?;
        let ids = numbers(&values[0])?;
        for (row, group) in groups.iter().enumerate() {
            if counts(&values[0], filter, row) {
                self.put(*group, ids[row]);
            }
        }
        self.tidy();
        Ok(())
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total_groups: usize) -> Result<()> {
        self.know(total_groups)?;
        if groups.is_empty() {
            return Ok(());
        }
        let Some(lists) = values[0].as_list_opt::<i32>() else {
            return exec_err!("the state of distinct_ids is not a list");
        };
        let Some(ids) = lists.values().as_primitive_opt::<Decimal128Type>() else {
            return exec_err!("the state of distinct_ids is not a list of numbers");
        };
        for (row, group) in groups.iter().enumerate().filter(|(row, _)| lists.is_valid(*row)) {
            let (from, to) = (lists.value_offsets()[row], lists.value_offsets()[row + 1]);
            for id in &ids.values()[from as usize..to as usize] {
                self.put(*group, *id);
            }
        }
        self.tidy();
        Ok(())
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let (ends, _) = self.take(emit);
        let counts: Vec<i64> = lengths(&ends).map(|count| count as i64).collect();
        Ok(Arc::new(Int64Array::from(counts)))
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let (ends, ids) = self.take(emit);
        Ok(vec![list(lengths(&ends), ids)?])
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = 0..values[0].len();
        let counts = |row: &usize| counts(&values[0], filter, *row);
        let ids = numbers(&values[0])?;
        let counted = rows.clone().filter(counts).map(|row| ids[row]).collect();
        Ok(vec![list(rows.map(|row| usize::from(counts(&row))), counted)?])
    }

    fn size(&self) -> usize {
        size_of::<Self>()
            + self.groups.capacity() * size_of::<u32>()
            // Once more while groups are put together.
            + 2 * self.ids.capacity() * size_of::<i128>()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::testing::{fails, query};
    use super::*;
    use arrow::array::StringArray;

    #[test]
    fn it_counts_what_a_set_would() {
        let differing = "WITH rows AS (
                SELECT value % 9973 AS g, CASE WHEN value % 5 > 0 THEN concat('id-', (value * 31) % 4001) END AS id
                FROM generate_series(1, 60000) AS s(value)
            )
            SELECT concat(count(*), ' ', sum(few), ' ', max(few)) FROM (
                SELECT g, distinct_ids(id) AS few, count(DISTINCT id) AS set FROM rows GROUP BY g
            ) WHERE few = set";
        let told = query(differing);
        assert!(
            told[0].starts_with("9973 ") && !told[0].ends_with(" 1"),
            "{told:?}"
        );
        assert_eq!(
            query("SELECT distinct_ids(x) FROM (VALUES ('a'), (NULL), ('b'), ('a')) AS t(x)"),
            ["2"]
        );
        assert_eq!(
            query("SELECT distinct_ids(value) FROM generate_series(1, 0) AS s(value)"),
            ["0"]
        );
        assert_eq!(
            query(
                "SELECT distinct_ids(value) FILTER (WHERE value > 7) FROM generate_series(1, 9) AS s(value)"
            ),
            ["2"]
        );
        assert_eq!(
            query(
                "SELECT distinct_ids(fingerprint(x)) FILTER (WHERE x IS NOT NULL) FROM (VALUES ('a'), (NULL), ('b'), ('a')) AS t(x)"
            ),
            ["2"]
        );
        assert!(fails("SELECT distinct_ids('a', 'b')").contains("distinct_ids"));
    }

    fn counted(array: &ArrayRef) -> Vec<i64> {
        array
            .as_primitive::<arrow::datatypes::Int64Type>()
            .values()
            .to_vec()
    }

    #[test]
    fn groups_that_go_first_leave_the_others_as_they_were() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "a", "a", "c", "b"]));
        let groups = [2, 0, 2, 1, 2, 0];
        let mut all = Ids::default();
        all.update_batch(&[Arc::clone(&texts)], &groups, None, 4).unwrap();
        assert_eq!(counted(&all.evaluate(EmitTo::First(1)).unwrap()), [1]);
        // The rest are told by two halves that meet, one of them row by row.
        let state = all.state(EmitTo::All).unwrap();
        let mut merged = Ids::default();
        merged.merge_batch(&state, &[0, 1, 2], 3).unwrap();
        let rows = Ids::default().convert_to_state(&[texts], None).unwrap();
        merged.merge_batch(&rows, &[0, 0, 0, 1, 2, 2], 3).unwrap();
        assert_eq!(counted(&merged.evaluate(EmitTo::All).unwrap()), [2, 2, 2]);
        assert_eq!((merged.total, merged.ids.len()), (0, 0));
    }

    #[test]
    fn more_groups_than_it_can_number_are_an_error() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
        let many = u32::MAX as usize + 1;
        let mut all = Ids::default();
        let refused = all.update_batch(&[texts], &[0], None, many).unwrap_err();
        assert!(refused.to_string().contains("4294967295 groups"), "{refused}");
    }

    #[test]
    fn what_waits_twice_goes() {
        let mut all = Ids {
            total: 2,
            ..Ids::default()
        };
        for row in 0..WAITING {
            all.put(row % 2, (row % 6) as i128);
        }
        all.tidy();
        assert_eq!((all.ids.len(), all.groups.len()), (6, 6));
        assert_eq!(counted(&all.evaluate(EmitTo::All).unwrap()), [3, 3]);
    }
}
