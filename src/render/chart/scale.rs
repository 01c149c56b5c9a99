//! From values to pixels. The only place where a decimal becomes an `f64`, and only to be drawn.

use crate::base::{Result, money};
use crate::frame::{Frame, Role};
use crate::render::number::Format;
use arrow::datatypes::DataType;

/// A cell as a height on paper. NULL, NaN and infinities are gaps.
pub fn value(frame: &Frame, column: &str, row: usize) -> Result<Option<f64>> {
    let index = frame.index(column)?;
    let value = match frame.batch.column(index).data_type() {
        DataType::Decimal128(..) => frame.decimal(column, row)?.map(height),
        _ => frame.float(column, row)?,
    };
    Ok(value.filter(|v| v.is_finite()))
}

/// A stored decimal as a height on paper.
pub fn height(amount: i128) -> f64 {
    amount as f64 / money::ONE as f64
}

/// How the numbers of a column are written, with the currency that stands beside them.
pub fn format(frame: &Frame, column: &str) -> Result<Format> {
    let spec = &frame.columns[frame.index(column)?];
    Ok(match spec.role {
        Role::Money => Format::Money(currency(frame)?.unwrap_or_default()),
        Role::Ratio => Format::Ratio,
        _ => Format::Measure(spec.unit.clone()),
    })
}

/// The currency of a frame's money: of its first row, since a picture never mixes currencies.
pub fn currency(frame: &Frame) -> Result<Option<String>> {
    let Some(column) = frame.columns.iter().find(|c| c.role == Role::Currency) else {
        return Ok(None);
    };
    for row in 0..frame.rows() {
        if let Some(currency) = frame.text(&column.name, row)? {
            return Ok(Some(currency));
        }
    }
    Ok(None)
}

/// Values to pixels, straight.
#[derive(Debug, Clone, Copy)]
pub struct Linear {
    pub min: f64,
    pub max: f64,
    from: f64,
    to: f64,
}

impl Linear {
    /// `from` and `to` are the pixels of `min` and `max`. An empty range is widened.
    pub fn new(min: f64, max: f64, from: f64, to: f64) -> Linear {
        let (min, max) = if max > min { (min, max) } else { (min, min + 1.0) };
        Linear { min, max, from, to }
    }

    pub fn at(&self, value: f64) -> f64 {
        self.from + (value - self.min) / (self.max - self.min) * (self.to - self.from)
    }
}

/// Round values from at or below `min` to at or above `max`, about `wanted` of them.
pub fn nice_ticks(min: f64, max: f64, wanted: usize) -> Vec<f64> {
    let span = if max > min { max - min } else { min.abs().max(1.0) };
    let rough = span / wanted.max(1) as f64;
    let magnitude = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|m| m * magnitude)
        .find(|s| *s >= rough * 0.999)
        .unwrap_or(10.0 * magnitude);
    let first = (min / step + 1e-9).floor() as i64;
    let last = (max.max(min) / step - 1e-9).ceil() as i64;
    (first..=last.max(first + 1)).map(|i| i as f64 * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_data() {
        assert_eq!(nice_ticks(0.0, 97.0, 5), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(nice_ticks(0.0, 0.0, 4), [0.0, 0.25]);
        assert_eq!(nice_ticks(-3.0, 8.0, 4), [-5.0, 0.0, 5.0, 10.0]);
        assert_eq!(nice_ticks(0.0, 1.0, 4), [0.0, 0.25, 0.5, 0.75, 1.0]);
        for (min, max) in [(0.0, 1e-9), (0.0, 3.7e12), (5.0, 5.0)] {
            let ticks = nice_ticks(min, max, 5);
            assert!(
                ticks.len() < 12 && ticks[0] <= min && ticks[ticks.len() - 1] >= max,
                "{ticks:?}"
            );
        }
    }

    #[test]
    fn an_empty_range_still_maps() {
        assert!(Linear::new(3.0, 3.0, 0.0, 100.0).at(3.0).is_finite());
    }
}
