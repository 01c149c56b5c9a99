//! `fx_rate(from, to, day)`: the dated rate of a currency pair.

use super::args;
use crate::base::money;
use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, RecordBatch};
use arrow::datatypes::{DataType, Date32Type};
use datafusion::common::{DataFusionError, exec_err};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

/// Rates of each pair in order of their days.
pub(in crate::engine) type Rates = BTreeMap<(String, String), Vec<(i32, i128)>>;

/// The newest rate with a day no later than the one given, in the direction it was given in; 1 for a
/// currency and itself; NULL where there is none. A function and not a join, since every view that
/// shows money needs it and a rate list has a row for every day and pair of decades.
#[derive(Debug)]
pub(in crate::engine) struct FxRate {
    signature: Signature,
    rates: Arc<Loaded>,
}

/// Rates, and how they travel: a plan names the function many times, and packing them takes a while.
#[derive(Debug)]
struct Loaded {
    rates: Arc<Rates>,
    packed: OnceLock<Vec<u8>>,
}

/// Rates that arrived and are still in use, by the hash of what arrived.
static ARRIVED: Mutex<Vec<(blake3::Hash, Weak<Loaded>)>> = Mutex::new(Vec::new());

/// How rates are written down to travel: currencies, and days with amounts as counts of 10⁻¹⁸.
type Written = Vec<(String, String, Vec<(i32, String)>)>;

impl FxRate {
    pub(in crate::engine) fn new(rates: Arc<Rates>) -> Self {
        FxRate::loaded(Arc::new(Loaded {
            rates,
            packed: OnceLock::new(),
        }))
    }

    fn loaded(rates: Arc<Loaded>) -> Self {
        FxRate {
            signature: Signature::user_defined(Volatility::Immutable),
            rates,
        }
    }

    /// The rate of each row.
    pub(super) fn of(&self, from: &ArrayRef, to: &ArrayRef, days: &ArrayRef) -> Result<Decimal128Array> {
        let (from, to) = (args::texts(from)?, args::texts(to)?);
        let Some(days) = days.as_primitive_opt::<Date32Type>() else {
            return exec_err!("fx_rate takes a date");
        };
        // Neighbouring rows are of one currency nearly always.
        let mut last: Option<Pair<'_>> = None;
        let mut found = Vec::with_capacity(days.len());
        for row in 0..days.len() {
            if from.is_null(row) || to.is_null(row) || days.is_null(row) {
                found.push(None);
                continue;
            }
            let (f, t) = (from.value(row), to.value(row));
            if f == t {
                found.push(Some(money::ONE));
                continue;
            }
            let pair = match last {
                Some((lf, lt, pair)) if lf == f && lt == t => pair,
                _ => self
                    .rates
                    .rates
                    .get(&(f.to_owned(), t.to_owned()))
                    .map_or(&[][..], Vec::as_slice),
            };
            last = Some((f, t, pair));
            found.push(at(pair, days.value(row)));
        }
        Ok(Decimal128Array::from(found).with_data_type(money::data_type()))
    }

    /// The rates as bytes.
    pub(super) fn packed(&self) -> Result<Vec<u8>> {
        if let Some(packed) = self.rates.packed.get() {
            return Ok(packed.clone());
        }
        let written: Written = self
            .rates
            .rates
            .iter()
            .map(|((from, to), days)| {
                let days = days.iter().map(|(day, rate)| (*day, rate.to_string()));
                (from.clone(), to.clone(), days.collect())
            })
            .collect();
        let json = serde_json::to_vec(&written).map_err(|e| DataFusionError::External(Box::new(e)))?;
        let packed = zstd::encode_all(json.as_slice(), 0)?;
        Ok(self.rates.packed.get_or_init(|| packed).clone())
    }

    /// From bytes that `packed` gave. The same bytes give the same function while one is in use.
    pub(super) fn unpacked(bytes: &[u8]) -> Result<Self> {
        let hash = blake3::hash(bytes);
        let mut arrived = ARRIVED.lock().unwrap_or_else(PoisonError::into_inner);
        arrived.retain(|(_, rates)| rates.strong_count() > 0);
        let known = arrived
            .iter()
            .find(|(known, _)| *known == hash)
            .and_then(|(_, rates)| rates.upgrade());
        if let Some(rates) = known {
            return Ok(FxRate::loaded(rates));
        }
        let wrong = |e: serde_json::Error| DataFusionError::External(Box::new(e));
        let written: Written = serde_json::from_slice(&zstd::decode_all(bytes)?).map_err(wrong)?;
        let mut rates = Rates::new();
        for (from, to, days) in written {
            let mut known = Vec::with_capacity(days.len());
            for (day, rate) in days {
                let Ok(rate) = rate.parse() else {
                    return exec_err!("a rate from {from} to {to} arrived as '{rate}'");
                };
                known.push((day, rate));
            }
            rates.insert((from, to), known);
        }
        let rates = Arc::new(Loaded {
            rates: Arc::new(rates),
            packed: OnceLock::from(bytes.to_vec()),
        });
        arrived.push((hash, Arc::downgrade(&rates)));
        Ok(FxRate::loaded(rates))
    }

    #[cfg(test)]
    pub(super) fn rates(&self) -> &Rates {
        &self.rates.rates
    }
}

impl PartialEq for FxRate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rates, &other.rates)
    }
}

impl Eq for FxRate {}

impl Hash for FxRate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.rates).hash(state);
    }
}

/// Reads batches of `from`, `to`, `day`, `rate`, which stand in order of day.
pub(in crate::engine) fn rates(batch: &RecordBatch) -> Result<Rates> {
    let (from, to) = (args::texts(batch.column(0))?, args::texts(batch.column(1))?);
    let Some(days) = batch.column(2).as_primitive_opt::<Date32Type>() else {
        return exec_err!("the day of a rate is not a date");
    };
    let values = args::decimals(batch.column(3))?;
    let mut rates = Rates::new();
    for row in 0..batch.num_rows() {
        let pair = (from.value(row).to_owned(), to.value(row).to_owned());
        rates
            .entry(pair)
            .or_default()
            .push((days.value(row), values.value(row)));
    }
    Ok(rates)
}

/// The last rate whose day is no later.
fn at(rates: &[(i32, i128)], day: i32) -> Option<i128> {
    let upto = rates.partition_point(|(since, _)| *since <= day);
    upto.checked_sub(1).map(|last| rates[last].1)
}

/// Two currencies and the dated rates from the first into the second.
type Pair<'a> = (&'a str, &'a str, &'a [(i32, i128)]);

impl ScalarUDFImpl for FxRate {
    fn name(&self) -> &str {
        "fx_rate"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        args::count(self.name(), types, 3)?;
        Ok(vec![DataType::Utf8, DataType::Utf8, DataType::Date32])
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(money::data_type())
    }
    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = args::arrays(&call)?;
        let found = self.of(&arrays[0], &arrays[1], &arrays[2])?;
        Ok(ColumnarValue::Array(Arc::new(found)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_newest_rate_that_is_not_later_holds() {
        let rates = [(10, 1), (12, 2)];
        assert_eq!(
            [9, 10, 11, 12, 99].map(|day| at(&rates, day)),
            [None, Some(1), Some(1), Some(2), Some(2)]
        );
    }
}
