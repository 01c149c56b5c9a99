//! `longest(name, length, name, length, …)`: which of several patterns explains most of a text.

use super::args;
use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

/// The name with the greatest length. An empty text where two names share it, which is no decision;
/// NULL where no length is given at all.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Longest {
    signature: Signature,
}

pub(in crate::engine) fn longest() -> ScalarUDF {
    Longest {
        signature: Signature::user_defined(Volatility::Immutable),
    }
    .into()
}

impl ScalarUDFImpl for Longest {
    fn name(&self) -> &str {
        "longest"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if types.is_empty() || !types.len().is_multiple_of(2) {
            return plan_err!("longest takes pairs of a name and a length");
        }
        Ok((0..types.len())
            .map(|i| {
                if i % 2 == 0 {
                    DataType::Utf8
                } else {
                    DataType::Int64
                }
            })
            .collect())
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let mut pairs = Vec::with_capacity(arrays.len() / 2);
        for pair in arrays.chunks_exact(2) {
            let Some(lengths) = pair[1].as_primitive_opt::<Int64Type>() else {
                return exec_err!("a length is a whole number");
            };
            pairs.push((args::texts(&pair[0])?, lengths));
        }
        let names: StringArray = (0..call.number_rows)
            .map(|row| {
                let mut best: Option<(i64, &str)> = None;
                for (name, length) in &pairs {
                    if name.is_null(row) || length.is_null(row) {
                        continue;
                    }
                    let (name, length) = (name.value(row), length.value(row));
                    best = match best {
                        Some((most, _)) if most > length => best,
                        Some((most, other)) if most == length && other != name => Some((most, "")),
                        _ => Some((length, name)),
                    };
                }
                best.map(|(_, name)| name)
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(names)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::query;

    #[test]
    fn the_longest_wins_and_a_tie_decides_nothing() {
        assert_eq!(
            query("SELECT longest('gpt-4o', 6, 'gpt-4o-mini', 11, 'o3', NULL)"),
            ["gpt-4o-mini"]
        );
        assert_eq!(query("SELECT longest('a', 3, 'b', 3, 'c', 2)"), [""]);
        assert_eq!(query("SELECT longest('a', 3, 'b', 3, 'c', 4)"), ["c"]);
        assert_eq!(query("SELECT longest('a', NULL)"), ["NULL"]);
    }
}
