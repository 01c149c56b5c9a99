//! Whether two answers are the same: text, counts and amounts to the last digit, floating point but for its last ones,
//! since sums of it depend on the order of their rows. Rounding would not do: of two neighbours one may lie just below
//! a half and the other just above.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use arrow::util::display::array_value_to_string;
use std::cmp::Ordering;

/// Whether two numbers differ in their last digits at most.
pub(crate) fn alike(a: f64, b: f64) -> bool {
    a.total_cmp(&b).is_eq() || (a - b).abs() <= 1e-10 * a.abs().max(b.abs())
}

/// One row of an answer. Two are equal if they are alike.
#[derive(Debug)]
pub(crate) struct Row {
    exact: Vec<String>,
    floats: Vec<Option<f64>>,
}

impl Row {
    /// A row that says one thing.
    pub(crate) fn said(text: String) -> Self {
        let floats = Vec::new();
        Self {
            exact: vec![text],
            floats,
        }
    }

    fn of(batch: &RecordBatch, row: usize) -> Self {
        let (mut exact, mut floats) = (Vec::new(), Vec::new());
        for column in batch.columns() {
            match column.as_primitive_opt::<Float64Type>() {
                Some(numbers) => floats.push(numbers.is_valid(row).then(|| numbers.value(row))),
                None if column.is_null(row) => exact.push("NULL".to_owned()),
                None => exact.push(array_value_to_string(column, row).unwrap()),
            }
        }
        Self { exact, floats }
    }

    /// An order for answers that promise none: by what is exact, then by floating point.
    pub(crate) fn by_content(&self, other: &Self) -> Ordering {
        let float = |a: &Option<f64>, b: &Option<f64>| match (a, b) {
            (Some(a), Some(b)) => a.total_cmp(b),
            _ => a.is_some().cmp(&b.is_some()),
        };
        let floats = self.floats.iter().zip(&other.floats);
        self.exact.cmp(&other.exact).then_with(|| {
            floats
                .map(|(a, b)| float(a, b))
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        })
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (&Option<f64>, &Option<f64>)| match (a, b) {
            (Some(a), Some(b)) => alike(*a, *b),
            _ => a.is_none() && b.is_none(),
        };
        self.exact == other.exact
            && self.floats.len() == other.floats.len()
            && self.floats.iter().zip(&other.floats).all(same)
    }
}

/// The rows of an answer.
pub(crate) fn rows(batch: &RecordBatch) -> Vec<Row> {
    (0..batch.num_rows()).map(|row| Row::of(batch, row)).collect()
}

/// The rows of an answer that promises no order, in one.
pub(crate) fn sorted_rows(batch: &RecordBatch) -> Vec<Row> {
    let mut rows = rows(batch);
    rows.sort_by(Row::by_content);
    rows
}

#[test]
fn neighbours_are_alike_across_a_half_and_others_are_not() {
    let row = |float| Row {
        exact: vec!["a".to_owned()],
        floats: vec![float],
    };
    let half = 1.234_567_890_5_f64;
    let (below, above) = (half.next_down(), half.next_up());
    assert_ne!(format!("{below:.9e}"), format!("{above:.9e}"));
    assert_eq!(row(Some(below)), row(Some(above)));
    assert_eq!(row(Some(f64::NAN)), row(Some(f64::NAN)));
    assert_eq!(row(None), row(None));
    assert_ne!(row(Some(half)), row(Some(half + 1e-8)));
    assert_ne!(row(None), row(Some(0.0)));
    assert_ne!(row(Some(0.0)), row(Some(1e-30)));
    assert_ne!(row(None), Row::said("a".to_owned()));
}
