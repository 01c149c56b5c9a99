//! Which chances go together: a correlation matrix over shocks and the forecast's error, and its
//! Cholesky factor. Knows nothing of what the numbers are drawn for.
//!
//! Every factor of chance is a standard normal number a day. What is drawn once for a whole path (the size
//! of a surge, the error of the forecast's level) is the sum of its days over the root of their number:
//! again a standard normal number, as correlated with the others' way over the horizon as the matrix says.

use super::scenario::impossible;
use crate::base::Result;
use serde::Deserialize;

/// The forecast's error, in `between`.
pub(super) const DEMAND: &str = "demand";

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CorrelationSpec {
    /// Names of shocks that draw by chance, and `demand`: how far the forecast is off.
    pub between: Vec<String>,
    /// A row for each of them, in that order.
    pub matrix: Vec<Vec<f64>>,
}

/// A factor with the mix of independent numbers that gives it its correlations.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Correlation {
    pub between: Vec<String>,
    /// Lower triangle: row `i` has `i + 1` numbers.
    pub rows: Vec<Vec<f64>>,
}

impl CorrelationSpec {
    /// Refuses what is no correlation matrix, saying where.
    pub(super) fn factor(&self) -> Result<Correlation> {
        let (names, matrix) = (&self.between, &self.matrix);
        let wrong = |why: String, advice: &str| Err(impossible("correlation.matrix", why, advice));
        let square = "a row for every name of between, each with a number for every name";
        if matrix.len() != names.len() || matrix.iter().any(|row| row.len() != names.len()) {
            return wrong(format!("it is not {0} by {0} numbers", names.len()), square);
        }
        for (i, name) in names.iter().enumerate() {
            if names[..i].contains(name) {
                return Err(impossible(
                    "correlation.between",
                    format!("'{name}' stands there twice"),
                    "name each once",
                ));
            }
            for (j, other) in names.iter().enumerate() {
                let value = matrix[i][j];
                if i == j && value != 1.0 {
                    return wrong(format!("'{name}' with itself is {value}"), "the diagonal is 1");
                }
                if !(-1.0..=1.0).contains(&value) {
                    return wrong(
                        format!("'{name}' with '{other}' is {value}"),
                        "a correlation lies between -1 and 1",
                    );
                }
                if value != matrix[j][i] {
                    return wrong(
                        format!(
                            "'{name}' with '{other}' is {value}, the other way round {}",
                            matrix[j][i]
                        ),
                        "write the same number on both sides of the diagonal",
                    );
                }
            }
        }
        let rows = cholesky(matrix).map_err(|at| {
            let others: Vec<String> = names[..at].iter().map(|n| format!("'{n}'")).collect();
            impossible(
                "correlation.matrix",
                format!(
                    "it is not positive definite: what '{}' has to do with {} cannot be true together",
                    names[at],
                    others.join(" and ")
                ),
                "bring its correlations closer to 0, or leave it out of between",
            )
        })?;
        Ok(Correlation {
            between: names.clone(),
            rows,
        })
    }
}

/// `L` of `M = L Lᵀ`; the row at which there is none.
fn cholesky(matrix: &[Vec<f64>]) -> std::result::Result<Vec<Vec<f64>>, usize> {
    /// Less variance of its own than this is none: the factor follows from the others.
    const LEAST: f64 = 1e-9;
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(matrix.len());
    for (i, wanted) in matrix.iter().enumerate() {
        let mut row = Vec::with_capacity(i + 1);
        for j in 0..i {
            let other: &[f64] = &rows[j];
            let sum: f64 = other[..j]
                .iter()
                .zip(&row)
                .map(|(a, b): (&f64, &f64)| a * b)
                .sum();
            row.push((wanted[j] - sum) / other[j]);
        }
        let own = wanted[i] - row.iter().map(|v| v * v).sum::<f64>();
        if own < LEAST {
            return Err(i);
        }
        row.push(own.sqrt());
        rows.push(row);
    }
    Ok(rows)
}

/// The share of a normal distribution below `x` (Abramowitz and Stegun 7.1.26, to 10⁻⁷): good enough to
/// pick one of a few measured errors.
pub(super) fn normal_share(x: f64) -> f64 {
    let z = x.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let poly = [
        1.061_405_429,
        -1.453_152_027,
        1.421_413_741,
        -0.284_496_736,
        0.254_829_592,
    ]
    .iter()
    .fold(0.0, |sum, c| (sum + c) * t);
    let tail = poly * (-z * z).exp() / 2.0;
    if x < 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn spec(matrix: &[&[f64]]) -> CorrelationSpec {
        CorrelationSpec {
            between: ["price", "demand", "rate"][..matrix.len()]
                .iter()
                .map(|n| (*n).to_owned())
                .collect(),
            matrix: matrix.iter().map(|row| row.to_vec()).collect(),
        }
    }

    #[test]
    fn a_factor_times_itself_is_the_matrix() {
        let matrix: [&[f64]; 3] = [&[1.0, 0.6, -0.2], &[0.6, 1.0, 0.3], &[-0.2, 0.3, 1.0]];
        let rows = spec(&matrix).factor().unwrap().rows;
        assert_eq!(rows[1], [0.6, 0.8]);
        for (i, row) in matrix.iter().enumerate() {
            for (j, wanted) in row.iter().enumerate() {
                let got: f64 = rows[i].iter().zip(&rows[j]).map(|(a, b)| a * b).sum();
                assert!((got - wanted).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn what_is_no_correlation_matrix_is_refused_with_the_reason() {
        let cases: [(&[&[f64]], &str); 5] = [
            (&[&[1.0, 0.5]], "not 1 by 1"),
            (&[&[1.0, 0.5], &[0.4, 1.0]], "the other way round 0.4"),
            (&[&[1.0, 1.5], &[1.5, 1.0]], "is 1.5"),
            (&[&[2.0]], "with itself is 2"),
            // Price goes with demand and demand with the rate: price cannot go against the rate.
            (
                &[&[1.0, 0.9, -0.9], &[0.9, 1.0, 0.9], &[-0.9, 0.9, 1.0]],
                "not positive definite: what 'rate' has to do with 'price' and 'demand'",
            ),
        ];
        for (matrix, wanted) in cases {
            let error = spec(matrix).factor().unwrap_err();
            assert!(error.to_string().contains(wanted), "{error} should say {wanted}");
            assert!(error.advice().is_some());
        }
        let twins = spec(&[&[1.0, 1.0], &[1.0, 1.0]]).factor().unwrap_err();
        assert!(twins.to_string().contains("positive definite"));
    }

    #[test]
    fn shares_of_the_normal_distribution() {
        for (x, share) in [(0.0, 0.5), (1.959_964, 0.975), (-1.281_552, 0.1), (6.0, 1.0)] {
            assert!((normal_share(x) - share).abs() < 2e-7, "{x}");
        }
    }
}
