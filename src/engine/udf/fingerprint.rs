//! `fingerprint(text, …)`: texts as one number, to group and join by. Ids of 36 characters are the bulk of what a query
//! over single tasks carries, compares and sends; a number is compared in one step.

use super::args;
use arrow::array::{Array, Decimal128Array, StringArray};
use arrow::datatypes::DataType;
use blake3::platform::Platform;
use blake3::{BLOCK_LEN, IncrementCounter, OUT_LEN};
use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// The result: 126 bits, which 38 digits hold. Among a hundred billion different texts the chance that any two share one
/// is less than one in 10^15, and BLAKE3 lets nobody choose two that do.
const DIGITS: u8 = 38;
pub(super) const TYPE: DataType = DataType::Decimal128(DIGITS, 0);
const BITS: u128 = (1 << 126) - 1;

/// As many as the widest processors hash at once.
const LANES: usize = 16;
/// Two ids of 36 characters fit.
const MESSAGE: usize = 2 * BLOCK_LEN;
/// What BLAKE3 begins with, and what it says of a message that is not too long.
const IV: &[u32; 8] = &[
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];
const CHUNK_START: u8 = 1;
const CHUNK_END: u8 = 2;
const ROOT: u8 = 8;

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
        let numbers = numbers(call.number_rows, |row, said| {
            for text in &texts {
                say(text.is_valid(row).then(|| text.value(row)), said);
            }
        });
        let numbers = Decimal128Array::from(numbers).with_data_type(TYPE);
        Ok(ColumnarValue::Array(Arc::new(numbers)))
    }
}

/// The numbers of single texts.
pub(super) fn of_texts(texts: &StringArray) -> Vec<i128> {
    numbers(texts.len(), |row, said| {
        say(texts.is_valid(row).then(|| texts.value(row)), said)
    })
}

/// What stands before a text keeps ('a', 'b') from being ('ab', ''), and NULL from being ''.
fn say(text: Option<&str>, said: &mut Vec<u8>) {
    match text {
        Some(text) => {
            said.extend_from_slice(&(text.len() as u64 + 1).to_le_bytes());
            said.extend_from_slice(text.as_bytes());
        }
        None => said.extend_from_slice(&0_u64.to_le_bytes()),
    }
}

/// The number of what each row says. Most say little, and then many are hashed side by side, which is faster by a multiple.
fn numbers(rows: usize, said_by: impl Fn(usize, &mut Vec<u8>)) -> Vec<i128> {
    let mut numbers = vec![0; rows];
    let mut said = Vec::new();
    let mut lanes = Lanes::new();
    for row in 0..rows {
        said.clear();
        said_by(row, &mut said);
        if said.len() < MESSAGE {
            lanes.put(row, &said, &mut numbers);
        } else {
            // The other half of the hash, which has nothing to do with that of a message.
            numbers[row] = number(&blake3::hash(&said).as_bytes()[16..]);
        }
    }
    lanes.hash(&mut numbers);
    numbers
}

fn number(hash: &[u8]) -> i128 {
    let mut first = [0; 16];
    first.copy_from_slice(&hash[..16]);
    (u128::from_le_bytes(first) & BITS).cast_signed()
}

/// Rows that wait until there are enough of them: each a message that ends with the length of what the row says.
struct Lanes {
    platform: Platform,
    messages: [[u8; MESSAGE]; LANES],
    rows: [usize; LANES],
    waiting: usize,
}

impl Lanes {
    fn new() -> Lanes {
        Lanes {
            platform: Platform::detect(),
            messages: [[0; MESSAGE]; LANES],
            rows: [0; LANES],
            waiting: 0,
        }
    }

    fn put(&mut self, row: usize, said: &[u8], numbers: &mut [i128]) {
        let message = &mut self.messages[self.waiting];
        let (text, rest) = message.split_at_mut(said.len());
        text.copy_from_slice(said);
        rest.fill(0);
        // Less than 128.
        message[MESSAGE - 1] = said.len() as u8;
        self.rows[self.waiting] = row;
        self.waiting += 1;
        if self.waiting == LANES {
            self.hash(numbers);
        }
    }

    /// What `blake3::hash` says of each message, as a test shows.
    fn hash(&mut self, numbers: &mut [i128]) {
        let messages = self.messages.each_ref();
        let mut hashes = [0; OUT_LEN * LANES];
        self.platform.hash_many(
            &messages[..self.waiting],
            IV,
            0,
            IncrementCounter::No,
            0,
            CHUNK_START,
            CHUNK_END | ROOT,
            &mut hashes,
        );
        for (row, hash) in self.rows[..self.waiting].iter().zip(hashes.chunks_exact(OUT_LEN)) {
            numbers[*row] = number(hash);
        }
        self.waiting = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fails, query};
    use super::*;

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
    fn hashed_side_by_side_or_one_by_one_it_is_blake3() {
        let texts: Vec<String> = (0..200)
            .map(|row| "é".repeat(row % 90) + &row.to_string())
            .collect();
        let told = of_texts(&StringArray::from(texts.clone()));
        for (text, told) in texts.iter().zip(told) {
            let mut said = (text.len() as u64 + 1).to_le_bytes().to_vec();
            said.extend_from_slice(text.as_bytes());
            let expected = if said.len() < 128 {
                let length = said.len() as u8;
                said.resize(127, 0);
                said.push(length);
                number(&blake3::hash(&said).as_bytes()[..16])
            } else {
                number(&blake3::hash(&said).as_bytes()[16..])
            };
            assert_eq!(told, expected, "{text}");
        }
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
