//! The texts of one field while rows go by. A row that does not have the field costs nothing: most fields of a log
//! are missing in most rows.

use super::tags::TagsBuilder;
use crate::base::Result;
use crate::schema::Ty;
use arrow::array::{Array, ArrayRef, NullBufferBuilder, StringArray, new_null_array};
use arrow::buffer::{Buffer, OffsetBuffer};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct TextColumn {
    text: Vec<u8>,
    /// Where each row's text ends; the first is 0.
    ends: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Default for TextColumn {
    fn default() -> Self {
        TextColumn::with_capacity(0, 0)
    }
}

impl TextColumn {
    fn with_capacity(rows: usize, bytes: usize) -> TextColumn {
        let mut ends = Vec::with_capacity(rows + 1);
        ends.push(0);
        TextColumn {
            text: Vec::with_capacity(bytes),
            ends,
            nulls: NullBufferBuilder::new(rows),
        }
    }

    fn rows(&self) -> usize {
        self.ends.len() - 1
    }

    /// The rows up to this one have none.
    fn pad(&mut self, rows: usize) {
        let missing = rows - self.rows();
        let end = self.ends[self.rows()];
        self.ends.resize(self.ends.len() + missing, end);
        self.nulls.append_n_nulls(missing);
    }

    /// The text of a row, which comes after all that have one yet.
    #[inline]
    pub(super) fn set(&mut self, row: usize, text: &str) {
        if row > self.rows() {
            self.pad(row);
        }
        self.text.extend_from_slice(text.as_bytes());
        // What waits is bounded by the longest batch and one record, far below 2 GiB.
        self.ends.push(self.text.len() as i32);
        self.nulls.append_non_null();
    }

    /// So many rows; the next ones are another chunk.
    pub(super) fn finish(&mut self, rows: usize) -> Result<StringArray> {
        if self.rows() == 0 {
            return Ok(StringArray::new_null(rows));
        }
        self.pad(rows);
        // Chunks are about as long as the one before.
        let next = TextColumn::with_capacity(rows + rows / 8, self.text.len() + self.text.len() / 8);
        let TextColumn {
            text,
            ends,
            mut nulls,
        } = std::mem::replace(self, next);
        Ok(StringArray::try_new(
            OffsetBuffer::new(ends.into()),
            Buffer::from_vec(text),
            nulls.finish(),
        )?)
    }
}

/// The same for tags.
#[derive(Default)]
pub(super) struct TagColumn {
    tags: TagsBuilder,
    rows: usize,
}

impl TagColumn {
    fn pad(&mut self, rows: usize) -> Result<()> {
        while self.rows < rows {
            self.tags.append::<&str, &str>(&[])?;
            self.rows += 1;
        }
        Ok(())
    }

    pub(super) fn set<V: AsRef<str>>(&mut self, row: usize, tags: &[(&str, Option<V>)]) -> Result<()> {
        self.pad(row)?;
        self.tags.append(tags)?;
        self.rows += 1;
        Ok(())
    }

    pub(super) fn finish(&mut self, rows: usize) -> Result<ArrayRef> {
        if self.rows == 0 {
            return Ok(new_null_array(&Ty::Tags.arrow(), rows));
        }
        self.pad(rows)?;
        self.rows = 0;
        let tags = self.tags.finish()?;
        debug_assert_eq!(tags.len(), rows);
        Ok(Arc::new(tags))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rows_without_a_text_are_null() {
        let mut column = TextColumn::default();
        assert_eq!(
            column.finish(2).unwrap(),
            StringArray::from(vec![None::<&str>, None])
        );
        for _ in 0..2 {
            column.set(1, "é");
            column.set(2, "");
            column.set(4, "last");
            let texts = column.finish(6).unwrap();
            let expected = vec![None, Some("é"), Some(""), None, Some("last"), None];
            assert_eq!(texts, StringArray::from(expected));
        }
        column.set(0, "all");
        assert_eq!(column.finish(1).unwrap(), StringArray::from(vec!["all"]));
    }

    #[test]
    fn rows_without_tags_are_null() {
        let mut column = TagColumn::default();
        assert_eq!(column.finish(3).unwrap().null_count(), 3);
        column.set(1, &[("k", Some("v"))]).unwrap();
        let tags = column.finish(3).unwrap();
        assert_eq!((tags.len(), tags.null_count(), tags.is_valid(1)), (3, 2, true));
        assert_eq!(column.finish(1).unwrap().null_count(), 1);
    }
}
