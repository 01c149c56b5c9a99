//! What a lake says depends on the facts that were delivered: not on how often, in how many files,
//! in which order or in how many calls. Of unequal copies of a fact the same one wins everywhere.

use super::hold;
use super::month::at;
use crate::support::assets;
use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use arrow::util::display::array_value_to_string;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};
use spendscope::base::clock::FixedClock;
use spendscope::ingest::{Options, State, ingest};
use spendscope::schema::TABLES;
use spendscope::source::Catalog;
use spendscope::store::Lake;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Rows of one format as lines, each dealt to one of three files.
type Dealt = Vec<(u8, String)>;

#[derive(Debug, Clone)]
struct Deliveries {
    bill: Dealt,
    requests: Dealt,
    outcomes: Dealt,
    /// Orders of the files: by the rank of each.
    ranks: Vec<[u8; 9]>,
}

const FILES: [(&str, &str); 9] = [
    ("bill-0.csv", BILL),
    ("bill-1.csv", BILL),
    ("bill-2.csv", BILL),
    ("calls-0.jsonl", ""),
    ("calls-1.jsonl", ""),
    ("calls-2.jsonl", ""),
    ("labels-0.csv", LABELS),
    ("labels-1.csv", LABELS),
    ("labels-2.csv", LABELS),
];
const BILL: &str = "BilledCost,EffectiveCost,BillingCurrency,ProviderName,ChargePeriodStart,ChargePeriodEnd,BillingPeriodStart,BillingPeriodEnd,ChargeCategory,ServiceName\n";
const LABELS: &str = "task_id,success,recorded_at,value\n";

impl Deliveries {
    /// The files that have a row, with their text; `deal` may deal the rows otherwise.
    fn files(&self, deal: impl Fn(u8, usize) -> u8) -> Vec<(&'static str, String)> {
        let mut files: Vec<(&str, String)> = FILES.map(|(name, head)| (name, head.to_owned())).to_vec();
        for (kind, rows) in [&self.bill, &self.requests, &self.outcomes]
            .into_iter()
            .enumerate()
        {
            for (place, (file, line)) in rows.iter().enumerate() {
                let text = &mut files[kind * 3 + usize::from(deal(*file, place))].1;
                text.push_str(line);
                text.push('\n');
            }
        }
        files.retain(|(name, text)| FILES.iter().all(|(other, head)| other != name || text != head));
        files
    }

    fn ordered(&self, order: usize, mut files: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
        files.sort_by_key(|(name, _)| {
            self.ranks[order][FILES.iter().position(|(other, _)| other == name).unwrap()]
        });
        files
    }
}

fn deliveries() -> impl Strategy<Value = Deliveries> {
    let dealt = |line: BoxedStrategy<String>, rows: std::ops::Range<usize>| vec((0_u8..3, line), rows);
    (
        dealt(charge().boxed(), 1..10),
        dealt(request().boxed(), 0..12),
        dealt(outcome().boxed(), 0..10),
        vec(any::<[u8; 9]>(), 2),
    )
        .prop_map(|(bill, requests, outcomes, ranks)| Deliveries {
            bill,
            requests,
            outcomes,
            ranks,
        })
}

/// Some rows are alike, some are bad.
fn charge() -> impl Strategy<Value = String> {
    (
        option::weighted(0.9, -500_i64..5_000),
        0_i64..40,
        prop::sample::select(vec!["USD", "EUR", "GBP"]),
    )
        .prop_map(|(cents, day, currency)| {
            let cost = cents.map_or("oops".to_owned(), |cents| format!("{}e-2", cents));
            let (from, to) = (at(day * 86_400), at((day + 1) * 86_400));
            let (first, last) = if day < 30 {
                (at(0), at(30 * 86_400))
            } else {
                (at(30 * 86_400), at(61 * 86_400))
            };
            format!("{cost},{cost},{currency},AWS,{from},{to},{first},{last},Usage,Compute")
        })
}

/// Few ids, so that copies of one attempt meet: equal ones, and ones that say something else.
fn request() -> impl Strategy<Value = String> {
    (0..6_u8, 0_i64..2, 0..3_u32, prop::bool::weighted(0.1)).prop_map(|(id, day, tokens, broken)| {
        let row: Value = json!({
            "request_id": format!("r{id}"), "call_type": "acompletion", "spend": tokens as f64 / 4.0,
            "startTime": if broken { "soon".to_owned() } else { at(day * 86_400) }, "endTime": at(day * 86_400 + 2),
            "prompt_tokens": tokens * 10, "completion_tokens": 1, "custom_llm_provider": "openai", "model": "small",
        });
        row.to_string()
    })
}

fn outcome() -> impl Strategy<Value = String> {
    (0..4_u8, 0_i64..2, any::<bool>(), option::of(0..3_u8)).prop_map(|(task, when, success, value)| {
        let value = value.map(|v| v.to_string()).unwrap_or_default();
        format!("t{task},{success},{},{value}", at(when))
    })
}

/// A lake and its folder.
pub(super) struct Place {
    dir: tempfile::TempDir,
    lake: Lake,
}

impl Place {
    pub(super) async fn new() -> Place {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock("2026-11-01T00:00:00Z".parse().unwrap()));
        let lake = Lake::open(dir.path().join("lake").to_str().unwrap(), clock)
            .await
            .unwrap();
        Place { dir, lake }
    }

    /// Ingests the files in one call, and returns what became of each.
    pub(super) async fn put(&self, files: &[(&str, String)]) -> Vec<State> {
        let paths: Vec<String> = files
            .iter()
            .map(|(name, text)| {
                let path = self.dir.path().join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(&path, text).unwrap();
                path.display().to_string()
            })
            .collect();
        let assets = assets();
        let mappings = assets
            .under("sources/")
            .map(|a| (a.name().to_owned(), a.text.to_string()));
        let catalog = Catalog::new(mappings).unwrap();
        let report = ingest(&self.lake, &catalog, &paths, &Options::default(), &mut ())
            .await
            .unwrap();
        assert!(report.refused.is_empty(), "{report:?}");
        report.files.iter().map(|file| file.state).collect()
    }

    /// The sum of a column of counts over all requests.
    pub(super) async fn requests_sum(&self, column: &str) -> i64 {
        let table = TABLES.iter().find(|t| t.name == "requests").unwrap();
        let snapshot = self.lake.snapshot(table, None).await.unwrap().unwrap();
        let batches = snapshot.read(&[column], &[]).await.unwrap();
        let counts = batches
            .iter()
            .flat_map(|b| b.column(0).as_primitive::<Int64Type>().iter().flatten());
        counts.sum()
    }

    /// Every row of every table in words, in order, less the columns that are `left_out`.
    pub(super) async fn contents(&self, left_out: &[&str]) -> BTreeMap<&'static str, Vec<String>> {
        let mut all = BTreeMap::new();
        for table in TABLES {
            let mut lines = Vec::new();
            if let Some(snapshot) = self.lake.snapshot(table, None).await.unwrap() {
                for batch in snapshot.read(&[], &[]).await.unwrap() {
                    let schema = batch.schema();
                    let columns: Vec<usize> = (0..batch.num_columns())
                        .filter(|c| !left_out.contains(&schema.field(*c).name().as_str()))
                        .collect();
                    for row in 0..batch.num_rows() {
                        let cells = columns
                            .iter()
                            .map(|c| array_value_to_string(batch.column(*c), row).unwrap());
                        lines.push(without(self.dir.path(), &cells.collect::<Vec<_>>().join("|")));
                    }
                }
            }
            lines.sort();
            all.insert(table.name, lines);
        }
        all
    }
}

fn without(folder: &Path, line: &str) -> String {
    line.replace(&folder.display().to_string(), "")
}

/// Where a row came from: follows from how rows were dealt to files.
pub(super) const PROVENANCE: [&str; 4] = ["file_hash", "file_row", "charge_id", "delivery_id"];
const FACTS: [&str; 3] = ["charges", "outcomes", "requests"];

#[test]
fn a_lake_says_what_was_delivered_however_it_was() {
    hold(16, &deliveries(), async |deliveries| {
        let once = Place::new().await;
        let files = deliveries.files(|file, _| file);
        once.put(&deliveries.ordered(0, files.clone())).await;
        let (whole, facts) = (once.contents(&[]).await, once.contents(&PROVENANCE).await);
        let version = async |place: &Place| {
            place
                .lake
                .snapshot(TABLES[0], None)
                .await
                .unwrap()
                .map(|s| s.version())
        };
        let before = version(&once).await;

        // Twice is once, in whichever order.
        let states = once.put(&deliveries.ordered(1, files.clone())).await;
        assert!(states.iter().all(|s| *s == State::AlreadyIngested), "{states:?}");
        assert_eq!(once.contents(&[]).await, whole, "twice");
        assert_eq!(version(&once).await, before, "nothing to commit");

        // In another order.
        let other = Place::new().await;
        other.put(&deliveries.ordered(1, files.clone())).await;
        assert_eq!(other.contents(&[]).await, whole, "in another order");

        // The bill in one call, since its files are one delivery; each other file in a call of its own.
        let apart = Place::new().await;
        let (bill, rest): (Vec<_>, Vec<_>) = deliveries
            .ordered(1, files.clone())
            .into_iter()
            .partition(|(name, _)| name.starts_with("bill"));
        for file in &rest {
            apart.put(std::slice::from_ref(file)).await;
        }
        apart.put(&bill).await;
        let got = apart.contents(&PROVENANCE).await;
        for table in FACTS {
            assert_eq!(got[table], facts[table], "{table}, in calls of their own");
        }
        // And again all at once: nothing new.
        apart.put(&files).await;
        assert_eq!(apart.contents(&PROVENANCE).await, got, "again, all at once");

        // Dealt to the files otherwise.
        let dealt = Place::new().await;
        dealt
            .put(&deliveries.files(|file, place| (file + place as u8) % 3))
            .await;
        let got = dealt.contents(&PROVENANCE).await;
        for table in FACTS {
            assert_eq!(got[table], facts[table], "{table}, in other files");
        }
    });
}
