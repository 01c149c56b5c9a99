//! The promise: under every basis the leaves of a charge add up to it exactly, and no charge is lost
//! or there twice. Told from the generated rows, not from the views that claim it.

use super::hold;
use super::month::{CURRENCIES, Month, id, month, registry};
use crate::facts::NOW;
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Int64Type};
use proptest::prelude::*;
use proptest::sample::select;
use spendscope::engine::{Basis, Engine, Settings};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn leaves_add_up_to_their_charge() {
    let seen = RefCell::new(BTreeSet::new());
    let shown_in = select(vec!["USD", "EUR", "native"]);
    // Telling from the rows is done under every basis, asking the view under one, for the time it takes.
    let cause = (
        month(),
        prop::bool::weighted(0.8),
        shown_in,
        select(Basis::ALL.to_vec()),
    );
    hold(8, &cause, async |(month, use_cases, shown_in, asked)| {
        let facts = month.facts();
        let registry = registry(use_cases);
        for basis in Basis::ALL {
            let mut settings = Settings::new(NOW.parse().unwrap());
            settings.basis = basis;
            settings.currency = shown_in.to_owned();
            let engine = facts.clone().engine_with(&registry, &settings).await;
            let bill = each_charge_once(&engine, &month, basis).await;
            let found = leaves(&engine, &bill, basis).await;
            seen.borrow_mut().extend(found);
            if basis == asked {
                reconciled(&engine, &bill, basis).await;
            }
        }
    });
    // Of no use if the months had nothing in them.
    let all = [
        "commitment_unused commitment_unused",
        "commitment_purchase unallocated",
        "gpu gpu_allocated_idle",
        "gpu gpu_dark",
        "gpu gpu_serving_untraced",
        "gpu gpu_unallocated",
        "gpu request",
        "model_api request",
        "model_api unmetered",
        "other shared",
        "other unallocated",
        "tagged direct",
    ];
    let seen = seen.into_inner();
    assert_eq!(seen, all.iter().map(|s| (*s).to_owned()).collect());
}

fn texts(batch: &RecordBatch, column: usize) -> Vec<String> {
    let column = arrow::compute::cast(batch.column(column), &arrow::datatypes::DataType::Utf8).unwrap();
    column
        .as_string::<i32>()
        .iter()
        .map(|text| text.unwrap_or_default().to_owned())
        .collect()
}

fn amounts(batch: &RecordBatch, column: usize) -> Vec<Option<i128>> {
    batch
        .column(column)
        .as_primitive::<Decimal128Type>()
        .iter()
        .collect()
}

/// What each charge is worth: its id, its currency, its amount.
type Bill = Vec<(String, &'static str, Option<i128>)>;

/// Split lines exchange money with each other and with nobody else.
async fn each_charge_once(engine: &Engine, month: &Month, basis: Basis) -> Bill {
    let batch = engine
        .query("SELECT charge_id, amount FROM costs ORDER BY charge_id", &[])
        .await
        .unwrap();
    let got: Vec<_> = texts(&batch, 0).into_iter().zip(amounts(&batch, 1)).collect();
    assert_eq!(got.len(), month.charges.len(), "{basis}");
    let mut bill = Bill::new();
    let mut split: BTreeMap<(&str, i64), [i128; 2]> = BTreeMap::new();
    for (place, (charge, got)) in month.charges.iter().zip(got).enumerate() {
        let want = (id(place), charge.amount(basis));
        if charge.is_split() {
            assert_eq!(got.0, want.0, "{basis}");
            let sums = split.entry((charge.currency, charge.period.0)).or_default();
            sums[0] += got.1.unwrap_or(0);
            sums[1] += want.1.unwrap_or(0);
        } else {
            assert_eq!(got, want, "{basis}");
        }
        bill.push((got.0, charge.currency, got.1));
    }
    for (group, [got, want]) in split {
        assert_eq!(got, want, "{basis} {group:?}");
    }
    bill
}

/// Checks the leaves and returns the kinds and leaves there were.
async fn leaves(engine: &Engine, bill: &Bill, basis: Basis) -> BTreeSet<String> {
    let sql = "SELECT charge_id, currency, kind || ' ' || leaf, amount FROM ledger WHERE evidence = 'billed'";
    let batch = engine.query(sql, &[]).await.unwrap();
    let mut sums: BTreeMap<(String, String), i128> = BTreeMap::new();
    let mut whats = BTreeSet::new();
    let rows = texts(&batch, 0)
        .into_iter()
        .zip(texts(&batch, 1))
        .zip(texts(&batch, 2))
        .zip(amounts(&batch, 3));
    for (((charge, currency), what), amount) in rows {
        *sums.entry((charge, currency)).or_default() += amount.expect("a leaf has an amount");
        whats.insert(what);
    }
    let want: BTreeMap<_, _> = bill
        .iter()
        .filter_map(|(id, currency, amount)| amount.map(|a| ((id.clone(), (*currency).to_owned()), a)))
        .collect();
    // A charge of 0 may have a leaf of 0, or none.
    sums.retain(|key, sum| *sum != 0 || !want.contains_key(key));
    let want: BTreeMap<_, _> = want.into_iter().filter(|(_, amount)| *amount != 0).collect();
    assert_eq!(sums, want, "{basis}");
    whats
}

async fn reconciled(engine: &Engine, bill: &Bill, basis: Basis) {
    let sql = "SELECT currency, bill, leaves, difference, charges, null_amounts, unbalanced
               FROM reconciliation ORDER BY currency";
    let batch = engine.query(sql, &[]).await.unwrap();
    let counts = |column: usize| -> Vec<i64> {
        let column = arrow::compute::cast(batch.column(column), &arrow::datatypes::DataType::Int64).unwrap();
        column.as_primitive::<Int64Type>().values().to_vec()
    };
    let (charges, nulls, unbalanced) = (counts(4), counts(5), counts(6));
    let got: Vec<_> = (0..batch.num_rows())
        .map(|row| {
            let money = [1, 2, 3].map(|column| amounts(&batch, column)[row].unwrap());
            (
                texts(&batch, 0)[row].clone(),
                money,
                [charges[row], nulls[row], unbalanced[row]],
            )
        })
        .collect();
    let mut currencies = CURRENCIES;
    currencies.sort_unstable();
    let want: Vec<_> = currencies
        .iter()
        .filter_map(|currency| {
            let own: Vec<_> = bill
                .iter()
                .filter(|(_, own, _)| own == currency)
                .map(|(_, _, amount)| *amount)
                .collect();
            let bill: i128 = own.iter().flatten().sum();
            let nulls = own.iter().filter(|amount| amount.is_none()).count() as i64;
            (!own.is_empty()).then(|| {
                (
                    (*currency).to_owned(),
                    [bill, bill, 0],
                    [own.len() as i64, nulls, 0],
                )
            })
        })
        .collect();
    assert_eq!(got, want, "{basis}");
}
