//! Rows of several batches in the order of their keys, moved only where they did not come in order.

use crate::base::Result;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::{interleave, interleave_record_batch};
use arrow::row::{Row, RowConverter, Rows, SortField};
use std::ops::Range;
use std::sync::Arc;

/// Rows that are put in order at a time.
const CHUNK_ROWS: usize = 8 * 1024;

/// Rows of several batches in the order of their keys.
pub(super) struct Ordered {
    keys: Vec<Rows>,
    /// Batch and row.
    order: Vec<(usize, usize)>,
    /// They came in order: nothing has to be moved.
    as_they_came: bool,
}

fn keys_of(converter: &RowConverter, columns: &[usize], batches: &[RecordBatch]) -> Result<Vec<Rows>> {
    let of = |batch: &RecordBatch| {
        let columns: Vec<_> = columns.iter().map(|at| Arc::clone(batch.column(*at))).collect();
        Ok(converter.convert_columns(&columns)?)
    };
    batches.iter().map(of).collect()
}

/// Whether a column has the same text, or nothing, in all rows of all batches. Most columns of a bill do.
fn same_in_all(column: usize, batches: &[RecordBatch]) -> bool {
    let mut known: Option<&StringArray> = None;
    for array in batches
        .iter()
        .map(|batch| batch.column(column))
        .filter(|a| !a.is_empty())
    {
        let Some(array) = array.as_string_opt::<i32>() else {
            return false;
        };
        match known {
            // Batch after batch shares the memory of such a column.
            Some(before) if is_part(before, array) => {}
            Some(before) if is_one_text(array) && array.value(0) == before.value(0) => known = Some(array),
            None if is_one_text(array) => known = Some(array),
            _ => return false,
        }
    }
    known.is_some()
}

/// Whether these are the first rows of the other, in the same memory.
fn is_part(of: &StringArray, array: &StringArray) -> bool {
    array.nulls().is_none()
        && array.len() <= of.len()
        && array.value_data().as_ptr() == of.value_data().as_ptr()
        && array.value_offsets().as_ptr() == of.value_offsets().as_ptr()
}

/// Whether all rows have the same text.
fn is_one_text(array: &StringArray) -> bool {
    let ends = array.value_offsets();
    let length = array.value_length(0);
    let (Some(first), Some(last)) = (ends.first(), ends.last()) else {
        return false;
    };
    if array.null_count() > 0 || i64::from(last - first) != i64::from(length) * array.len() as i64 {
        return false;
    }
    let bytes = &array.value_data()[*first as usize..*last as usize];
    let step = length as usize;
    ends.windows(2).all(|pair| pair[1] - pair[0] == length) && bytes[step..] == bytes[..bytes.len() - step]
}

/// Whether a column has nothing in any row.
fn nothing_in_all(column: usize, batches: &[RecordBatch]) -> bool {
    batches
        .iter()
        .map(|batch| batch.column(column))
        .all(|a| a.null_count() == a.len())
}

impl Ordered {
    pub(super) fn new(
        converter: &RowConverter,
        sort_by: &[usize],
        batches: &[RecordBatch],
    ) -> Result<Ordered> {
        let keys = keys_of(converter, sort_by, batches)?;
        let mut order: Vec<(usize, usize)> = batches
            .iter()
            .enumerate()
            .flat_map(|(at, batch)| (0..batch.num_rows()).map(move |row| (at, row)))
            .collect();
        // What is the same in all rows decides nothing: the hash of the one file, say, is 64 bytes of every key.
        let deciding: Vec<usize> = sort_by
            .iter()
            .copied()
            .filter(|at| !same_in_all(*at, batches))
            .collect();
        let short = match batches.first() {
            Some(batch) if (1..sort_by.len()).contains(&deciding.len()) => {
                let schema = batch.schema_ref();
                let fields = deciding
                    .iter()
                    .map(|at| SortField::new(schema.field(*at).data_type().clone()));
                Some(keys_of(
                    &RowConverter::new(fields.collect())?,
                    &deciding,
                    batches,
                )?)
            }
            _ => None,
        };
        let by = short.as_ref().unwrap_or(&keys);
        let key = |(batch, row): &(usize, usize)| by[*batch].row(*row);
        let as_they_came = deciding.is_empty() || order.is_sorted_by(|a, b| key(a) <= key(b));
        if !as_they_came {
            order.sort_by(|a, b| key(a).cmp(&key(b)));
        }
        Ok(Ordered {
            keys,
            order,
            as_they_came,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn at(&self, place: usize) -> Option<Row<'_>> {
        let (batch, row) = self.order.get(place)?;
        Some(self.keys[*batch].row(*row))
    }

    pub(super) fn first(&self) -> Option<Row<'_>> {
        self.at(0)
    }

    /// The rows of some places, a few thousand at a time, with memory of their own: what goes on waiting would keep whole
    /// batches alive.
    pub(super) fn rows(
        &self,
        batches: &[RecordBatch],
        places: Range<usize>,
        each: &mut dyn FnMut(RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let batches: Vec<&RecordBatch> = batches.iter().collect();
        for chunk in self.order[places].chunks(CHUNK_ROWS) {
            each(interleave_record_batch(&batches, chunk)?)?;
        }
        Ok(())
    }

    /// One column of them.
    pub(super) fn column(
        &self,
        batches: &[RecordBatch],
        column: usize,
        places: Range<usize>,
        each: &mut dyn FnMut(ArrayRef) -> Result<()>,
    ) -> Result<()> {
        if !self.as_they_came {
            // Where all are the same, their order is nothing.
            if same_in_all(column, batches) || nothing_in_all(column, batches) {
                return repeated(column, batches, places.len(), each);
            }
            let arrays: Vec<&dyn Array> = batches.iter().map(|b| b.column(column).as_ref()).collect();
            for chunk in self.order[places].chunks(CHUNK_ROWS) {
                each(interleave(&arrays, chunk)?)?;
            }
            return Ok(());
        }
        for (batch, rows) in as_they_came(batches, places) {
            each(batch.column(column).slice(rows.start, rows.len()))?;
        }
        Ok(())
    }
}

/// So many rows of a column that is the same in all.
fn repeated(
    column: usize,
    batches: &[RecordBatch],
    mut rows: usize,
    each: &mut dyn FnMut(ArrayRef) -> Result<()>,
) -> Result<()> {
    let longest = batches.iter().max_by_key(|batch| batch.num_rows());
    let Some(array) = longest
        .map(|batch| batch.column(column))
        .filter(|a| !a.is_empty())
    else {
        return Ok(());
    };
    while rows > 0 {
        let some = rows.min(array.len());
        each(array.slice(0, some))?;
        rows -= some;
    }
    Ok(())
}

/// The batches that hold some places, and which of their rows.
fn as_they_came(
    batches: &[RecordBatch],
    places: Range<usize>,
) -> impl Iterator<Item = (&RecordBatch, Range<usize>)> {
    let mut start = 0;
    batches.iter().filter_map(move |batch| {
        let before = start;
        start += batch.num_rows();
        let (from, to) = (places.start.max(before), places.end.min(start));
        (from < to).then(|| (batch, from - before..to - before))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::array::Int64Array;
    use arrow::compute::concat;
    use arrow::datatypes::{DataType, Field, Schema};

    fn batch(numbers: &[i64], texts: [StringArray; 3]) -> RecordBatch {
        let mut fields = vec![Field::new("n", DataType::Int64, false)];
        fields.extend((0..3).map(|n| Field::new(format!("t{n}"), DataType::Utf8, true)));
        let mut columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(numbers.to_vec()))];
        columns.extend(texts.map(|t| Arc::new(t) as ArrayRef));
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    }

    #[test]
    fn columns_come_in_the_order_of_rows() {
        let same = StringArray::from(vec!["one", "one", "one"]);
        let nearly = |last: &'static str| StringArray::from(vec!["aba", "aba", last]);
        let batches = [
            batch(
                &[5, 1, 3],
                [same.clone(), nearly("aba"), StringArray::new_null(3)],
            ),
            batch(
                &[4, 2],
                [
                    same.slice(0, 2),
                    StringArray::from(vec!["aba", "bab"]),
                    StringArray::new_null(2),
                ],
            ),
            batch(
                &[],
                [
                    same.slice(1, 0),
                    StringArray::new_null(0),
                    StringArray::new_null(0),
                ],
            ),
            batch(
                &[0, 6, 7],
                [
                    same.clone(),
                    nearly("ab"),
                    StringArray::from(vec![None, Some(""), None]),
                ],
            ),
        ];
        let keys = RowConverter::new(vec![SortField::new(DataType::Int64)]).unwrap();
        for upto in [2, 3, 4] {
            let some = &batches[..upto];
            let ordered = Ordered::new(&keys, &[0], some).unwrap();
            for places in [0..ordered.len(), 1..3, 2..2] {
                let mut rows = Vec::new();
                let mut keep = |batch| {
                    rows.push(batch);
                    Ok(())
                };
                ordered.rows(some, places.clone(), &mut keep).unwrap();
                let rows = arrow::compute::concat_batches(&some[0].schema(), &rows).unwrap();
                assert_eq!(rows.num_rows(), places.len());
                for at in (0..4).filter(|_| !places.is_empty()) {
                    let mut parts = Vec::new();
                    let mut keep = |part| {
                        parts.push(part);
                        Ok(())
                    };
                    ordered.column(some, at, places.clone(), &mut keep).unwrap();
                    let parts: Vec<&dyn Array> = parts.iter().map(|p: &ArrayRef| p.as_ref()).collect();
                    assert_eq!(&concat(&parts).unwrap(), rows.column(at), "{at} of {places:?}");
                }
            }
        }
    }

    #[test]
    fn one_text_is_told_from_several() {
        let one = |texts: &[&str]| is_one_text(&StringArray::from(texts.to_vec()));
        assert!(one(&["ab", "ab", "ab"]) && one(&[""]) && one(&["", ""]) && one(&["x"]));
        assert!(!one(&["ab", "ab", "ba"]) && !one(&["a", "abc", "ab"]) && !one(&["aa", "a", "aaa"]));
        assert!(!is_one_text(&StringArray::from(vec![Some("a"), None])));
        assert!(!is_one_text(&StringArray::from(vec![None::<&str>, None])));
    }
}
