//! Results as they come, batch by batch: what a format has to remember between two batches is all it holds.

use crate::base::Result;
use crate::frame::Frame;
use arrow::array::RecordBatch;

/// A format that is written row by row. `begin` gets a frame without rows, whose columns are those of all
/// that follow.
pub trait Rows: Send {
    fn begin(&mut self, head: &Frame, out: &mut Vec<u8>) -> Result<()>;
    fn rows(&mut self, frame: &Frame, out: &mut Vec<u8>) -> Result<()>;
    fn end(&mut self, out: &mut Vec<u8>) -> Result<()>;
}

/// How a table is laid out for a reader. The formats for machines know nothing of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Columns of the terminal. None: nobody looks, and nothing is cut.
    pub width: Option<usize>,
    pub expanded: Expanded,
    /// With terminal escapes.
    pub styled: bool,
    /// What stands where a value is missing.
    pub null: String,
}

impl Default for Layout {
    fn default() -> Layout {
        Layout {
            width: None,
            expanded: Expanded::Never,
            styled: false,
            null: super::number::MISSING.to_owned(),
        }
    }
}

/// Whether a row is written as lines of name and value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expanded {
    Never,
    Always,
    /// Where the columns do not fit beside each other.
    WhenWide,
}

/// All rows at once.
pub(super) fn whole(mut format: Box<dyn Rows>, frame: &Frame) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let head = Frame {
        columns: frame.columns.clone(),
        batch: RecordBatch::new_empty(frame.batch.schema()),
    };
    format.begin(&head, &mut out)?;
    format.rows(frame, &mut out)?;
    format.end(&mut out)?;
    Ok(out)
}
