//! Chunks in which texts repeat: each different text stands there once, and every row says which one it has. A
//! column is then read text by text, not row by row, and spread over the rows at the end.

use super::column::{Chunk, Column, Kind, Origin, Problem, Problems, Texts};
use crate::base::Result;
use crate::base::money::Exact;
use arrow::array::{
    Array, ArrayRef, AsArray, MapArray, StringArray, StructArray, UInt32Array, make_array, new_null_array,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

/// Which text of a field each row has. An empty list: all have the first one.
pub(super) type Ids = Vec<u32>;

/// Which texts the rows of a chunk have.
pub(super) struct Repeats {
    rows: usize,
    /// One per field of the mapping.
    fields: Vec<Ids>,
    pub(super) extra: Ids,
    pub(super) tags: Ids,
    /// Fields with one text a row, for whoever needs them so.
    spread: Vec<OnceCell<StringArray>>,
}

impl Repeats {
    pub(super) fn new(rows: usize, fields: Vec<Ids>, extra: Ids, tags: Ids) -> Repeats {
        Repeats {
            rows,
            spread: fields.iter().map(|_| OnceCell::new()).collect(),
            fields,
            extra,
            tags,
        }
    }

    /// A field with one text a row.
    pub(super) fn field(&self, slot: usize, texts: &StringArray) -> &StringArray {
        self.spread[slot].get_or_init(|| {
            let ids = &self.fields[slot];
            (0..self.rows)
                .map(|row| place(ids, row))
                .map(|at| texts.is_valid(at).then(|| texts.value(at)))
                .collect()
        })
    }
}

/// Which value a row has.
pub(super) fn place(ids: &[u32], row: usize) -> usize {
    match ids.is_empty() {
        true => 0,
        false => ids[row] as usize,
    }
}

impl Column {
    /// Reads each different text once. Nothing where the column cannot be read so, since its texts do not
    /// repeat, or are more than what one field says.
    pub(super) fn read_once<'a>(
        &self,
        names: &[String],
        chunk: &'a Chunk,
        problems: &mut Problems,
        amounts: Option<&mut Vec<Option<Exact>>>,
    ) -> Result<Option<(ArrayRef, &'a [u32])>> {
        let (Some(repeats), Kind::Value(origin), None) = (&chunk.repeats, &self.kind, &self.when) else {
            return Ok(None);
        };
        let nulls = self.nulls.as_slice();
        let (texts, ids): (Texts<'_>, &[u32]) = match origin {
            Origin::Expr(_) => return Ok(None),
            Origin::Const(text) => {
                let mut texts = Texts::new(1, names, nulls, chunk);
                texts.constant = Some(text.as_str());
                (texts, &[])
            }
            Origin::Fields(slots) => {
                let of = |slot: usize| {
                    let array = &chunk.fields[slot];
                    let mut texts = Texts::new(array.len(), names, nulls, chunk);
                    texts.from.push((slot, array));
                    texts.first = slots.first().copied();
                    texts
                };
                let told = |slot: &usize| {
                    let texts = of(*slot);
                    (0..texts.rows).any(|row| texts.text(row).is_some())
                };
                let mut live = slots.iter().copied().filter(told);
                let (Some(first), one, None) = (slots.first(), live.next(), live.next()) else {
                    return Ok(None);
                };
                let slot = one.unwrap_or(*first);
                (of(slot), &repeats.fields[slot])
            }
        };
        let mut once = Problems::new(texts.rows, problems.show());
        let different = texts.rows;
        let values = self.parse(texts, &mut once, amounts)?;
        if !once.found.is_empty() {
            let mut wrong: Vec<Option<&Problem>> = vec![None; different];
            for problem in &once.found {
                wrong[problem.row] = Some(problem);
            }
            for row in 0..repeats.rows {
                if let Some(problem) = wrong[place(ids, row)] {
                    problems.repeat(row, problem);
                }
            }
        }
        Ok(Some((values, ids)))
    }
}

/// One value a row, from one value for each different text.
pub(super) fn spread(values: ArrayRef, ids: &[u32], rows: usize, constants: &Constants) -> Result<ArrayRef> {
    if ids.iter().all(|id| *id == ids[0]) {
        let at = place(ids, 0);
        return match values.data_type() {
            _ if rows == 0 || values.is_null(at) => Ok(constants.nothing(values.data_type(), rows)),
            DataType::Utf8 => constants.of(values.as_string::<i32>().value(at), rows),
            DataType::Map(..) => map(values.as_map(), &vec![at as u32; rows]),
            _ => taken(&values, vec![at as u32; rows]),
        };
    }
    match values.data_type() {
        DataType::Utf8 => Ok(Arc::new(texts(values.as_string(), ids)?)),
        DataType::Map(..) => map(values.as_map(), ids),
        _ => taken(&values, ids.to_vec()),
    }
}

fn taken(values: &ArrayRef, ids: Vec<u32>) -> Result<ArrayRef> {
    Ok(arrow::compute::take(values, &UInt32Array::from(ids), None)?)
}

/// Columns of one text, or of nothing, which chunk after chunk has: they share their memory.
#[derive(Debug, Default)]
pub(super) struct Constants {
    texts: RefCell<HashMap<Box<str>, StringArray, ahash::RandomState>>,
    nothing: RefCell<HashMap<DataType, ArrayRef, ahash::RandomState>>,
}

impl Constants {
    /// Texts that are remembered at once.
    const MOST: usize = 64;

    /// Longest text that is.
    const LONGEST: usize = 256;

    /// Nothing in any row.
    pub(super) fn nothing(&self, ty: &DataType, rows: usize) -> ArrayRef {
        let mut known = self.nothing.borrow_mut();
        if let Some(column) = known.get(ty).filter(|column| column.len() >= rows) {
            return column.slice(0, rows);
        }
        let column = new_null_array(ty, rows);
        known.insert(ty.clone(), Arc::clone(&column));
        column
    }

    /// The same text in every row.
    pub(super) fn of(&self, text: &str, rows: usize) -> Result<ArrayRef> {
        let mut known = self.texts.borrow_mut();
        if let Some(column) = known.get(text).filter(|column| column.len() >= rows) {
            return Ok(Arc::new(column.slice(0, rows)));
        }
        let ends = OffsetBuffer::from_lengths(std::iter::repeat_n(text.len(), rows));
        let bytes = Buffer::from_vec(text.repeat(rows).into_bytes());
        let column = StringArray::try_new(ends, bytes, None)?;
        if text.len() <= Constants::LONGEST {
            if known.len() >= Constants::MOST {
                known.clear();
            }
            known.insert(text.into(), column.clone());
        }
        Ok(Arc::new(column))
    }
}

fn nulls(of: Option<&NullBuffer>, ids: &[u32]) -> Option<NullBuffer> {
    let of = of?;
    let valid = BooleanBuffer::collect_bool(ids.len(), |row| of.is_valid(ids[row] as usize));
    Some(NullBuffer::new(valid))
}

fn texts(values: &StringArray, ids: &[u32]) -> Result<StringArray> {
    let (bytes, ends) = gather(
        values,
        ids.iter().map(|id| (*id as usize, *id as usize + 1)),
        ids.len(),
    );
    let ends = OffsetBuffer::new(ScalarBuffer::from(ends));
    Ok(StringArray::try_new(ends, bytes, nulls(values.nulls(), ids))?)
}

/// The texts of some ranges one after the other, and where each text ends.
fn gather(
    values: &StringArray,
    ranges: impl Iterator<Item = (usize, usize)> + Clone,
    most: usize,
) -> (Buffer, Vec<i32>) {
    let (from, data) = (values.value_offsets(), values.value_data());
    let size = ranges.clone().map(|(a, b)| (from[b] - from[a]) as usize).sum();
    let mut bytes = Vec::with_capacity(size);
    let mut ends = Vec::with_capacity(most + 1);
    ends.push(0_i32);
    for (a, b) in ranges {
        let moved = bytes.len() as i32 - from[a];
        bytes.extend_from_slice(&data[from[a] as usize..from[b] as usize]);
        ends.extend(from[a + 1..=b].iter().map(|end| end + moved));
    }
    (Buffer::from_vec(bytes), ends)
}

/// Maps of texts: the entries of one map lie side by side.
fn map(values: &MapArray, ids: &[u32]) -> Result<ArrayRef> {
    let DataType::Map(entry, ordered) = values.data_type() else {
        return taken(&make_array(values.to_data()), ids.to_vec());
    };
    let offsets = values.offsets();
    let range = |id: &u32| (offsets[*id as usize] as usize, offsets[*id as usize + 1] as usize);
    let ends = OffsetBuffer::from_lengths(ids.iter().map(range).map(|(a, b)| b - a));
    let entries = ends.last().copied().unwrap_or(0) as usize;
    let columns = [values.keys(), values.values()]
        .into_iter()
        .map(|column| {
            let column = column.as_string::<i32>();
            let (bytes, text_ends) = gather(column, ids.iter().map(range), entries);
            let nulls = column.nulls().map(|of| {
                let each = ids.iter().map(range).flat_map(|(a, b)| a..b);
                NullBuffer::from_iter(each.map(|at| of.is_valid(at)))
            });
            let text_ends = OffsetBuffer::new(ScalarBuffer::from(text_ends));
            Ok(Arc::new(StringArray::try_new(text_ends, bytes, nulls)?) as ArrayRef)
        })
        .collect::<Result<Vec<_>>>()?;
    let DataType::Struct(fields) = entry.data_type() else {
        return taken(&make_array(values.to_data()), ids.to_vec());
    };
    let entries = StructArray::try_new(fields.clone(), columns, None)?;
    let nulls = nulls(values.nulls(), ids);
    let entry = Arc::clone(entry);
    Ok(Arc::new(MapArray::try_new(
        entry, ends, entries, nulls, *ordered,
    )?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::source::tags::TagsBuilder;
    use arrow::array::Int64Array;

    /// The general way, which is slower.
    fn plainly(values: &ArrayRef, ids: &[u32]) -> ArrayRef {
        taken(values, ids.to_vec()).unwrap()
    }

    #[test]
    fn values_are_spread_as_they_are_taken() {
        let mut maps = TagsBuilder::default();
        let some = |text: &str| (text.to_owned(), Some(text.to_uppercase()));
        maps.append::<String, String>(&[]).unwrap();
        maps.append(&[some("team"), ("none".to_owned(), None), some("äöü")])
            .unwrap();
        maps.append(&[some("a")]).unwrap();
        let arrays: [ArrayRef; 4] = [
            Arc::new(StringArray::from(vec![None, Some("eins"), Some("zwölf")])),
            Arc::new(StringArray::from(vec!["", "b", "a longer text than the others"])),
            Arc::new(Int64Array::from(vec![None, Some(7), Some(-1)])),
            Arc::new(maps.finish().unwrap()),
        ];
        let constants = Constants::default();
        for values in &arrays {
            for ids in [&[0, 1, 2, 1, 1, 0][..], &[2, 2, 2], &[0, 0], &[1], &[]] {
                let found = spread(Arc::clone(values), ids, ids.len(), &constants).unwrap();
                assert_eq!(&found, &plainly(values, ids), "{ids:?}");
                assert_eq!(found.data_type(), values.data_type());
            }
            let all_first = spread(Arc::clone(values), &[], 3, &constants).unwrap();
            assert_eq!(&all_first, &plainly(values, &[0, 0, 0]));
        }
    }
}
