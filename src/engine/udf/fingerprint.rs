//! `fingerprint(text, …)`: texts as one number, to group and join by. Ids of 36 characters are the bulk of what a query
//! over single tasks carries, compares and sends; a number is compared in one step.

use super::args;
use arrow::array::{Array, Decimal128Array};
use arrow::datatypes::DataType;
use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// The result: 126 bits, which 38 digits hold. Among a hundred billion different texts the chance that any two share one
/// is less than one in 10^15, and BLAKE3 lets nobody choose two that do.
const DIGITS: u8 = 38;
pub(super) const TYPE: DataType = DataType::Decimal128(DIGITS, 0);
const BITS: u128 = (1 << 126) - 1;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint {
    signature: Signature,
}

impl Default for Fingerprint {
    fn default() -> Self {
        Fingerprint {
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Fingerprint {
    fn name(&self) -> &str {
        "fingerprint"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if types.is_empty() {
            return plan_err!("fingerprint takes one text or several");
        }
        Ok(vec![DataType::Utf8; types.len()])
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(TYPE)
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let texts = arrays.iter().map(args::texts).collect::<Result<Vec<_>>>()?;
        let mut said = Vec::new();
        let numbers: Vec<i128> = (0..call.number_rows)
            .map(|row| {
                said.clear();
                for text in &texts {
                    // What stands before a text keeps ('a', 'b') from being ('ab', ''), and NULL from being ''.
                    match text.is_valid(row).then(|| text.value(row)) {
                        Some(text) => {
                            said.extend_from_slice(&(text.len() as u64 + 1).to_le_bytes());
                            said.extend_from_slice(text.as_bytes());
                        }
                        None => said.extend_from_slice(&0_u64.to_le_bytes()),
                    }
                }
                number(&said)
            })
            .collect();
        let numbers = Decimal128Array::from(numbers).with_data_type(TYPE);
        Ok(ColumnarValue::Array(Arc::new(numbers)))
    }
}

pub(super) fn number(said: &[u8]) -> i128 {
    let mut first = [0; 16];
    first.copy_from_slice(&blake3::hash(said).as_bytes()[..16]);
    (u128::from_le_bytes(first) & BITS).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fails, query};

    #[test]
    fn only_what_is_alike_has_one_number() {
        let rows = "(VALUES ('a', 'b'), ('ab', ''), ('', 'ab'), ('a', NULL), (NULL, 'a'), (NULL, NULL), ('', '')) AS t(a, b)";
        assert_eq!(
            query(&format!("SELECT count(DISTINCT fingerprint(a, b)) FROM {rows}")),
            ["7"]
        );
        for (alike, told) in [
            (
                "fingerprint('task-1') = fingerprint(concat('task', '-1'))",
                "true",
            ),
            ("fingerprint('12') = fingerprint(12)", "true"),
            ("fingerprint('a') = fingerprint('a', NULL)", "false"),
            ("fingerprint(NULL) IS NULL", "false"),
        ] {
            assert_eq!(query(&format!("SELECT {alike}")), [told], "{alike}");
        }
        assert!(fails("SELECT fingerprint()").contains("one text or several"));
    }

    #[test]
    fn it_has_38_digits_at_most() {
        let numbers =
            "SELECT fingerprint(CAST(value AS VARCHAR)) AS n FROM generate_series(1, 50000) AS s(value)";
        let told = query(&format!(
            "SELECT concat(count(DISTINCT n), ' ', min(n) >= 0, ' ', max(length(CAST(n AS VARCHAR)))) FROM ({numbers})"
        ));
        assert_eq!(told, ["50000 true 38"]);
    }
}
