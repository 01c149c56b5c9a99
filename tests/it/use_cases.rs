//! The queries of FOCUS's use-case library, as they are written, over bills in FOCUS 1.0, 1.2 and 1.3 and over
//! the golden bill, which is in three currencies. `use_cases.txt` says for each how many rows it gives, or why
//! it gives none; `SPENDSCOPE_BLESS=1` writes it anew. What the answers should be is worked out from the files
//! themselves, without the lake.

use crate::golden;
use crate::support::{assets, project, shared};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::ScalarValue;
use spendscope::base::clock::FixedClock;
use spendscope::base::{Result, money, time};
use spendscope::engine::{Basis, Engine, Registry, Settings};
use spendscope::ingest::{Options, ingest};
use spendscope::source::Catalog;
use spendscope::store::Lake;
use std::collections::BTreeMap;
use std::sync::Arc;

const LIBRARY: &str = "data/focus/use-cases";

/// One file of each version that has whole bills.
const BILLS: [&str; 4] = [
    "data/focus/official-1.0/focus_sample.csv",
    "data/focus/generated/aws_1_2_cost_and_usage_rows100_seed42.csv",
    "data/focus/generated/azure_1_2_cost_and_usage_rows100_seed42.csv",
    "data/focus/generated/aws_1_3_cost_and_usage_rows100_seed42.csv",
];

/// What `?` stands for, by the column that it is compared with. Bounds of time are wide.
const IN_BILLS: [(&str, &str); 7] = [
    ("ProviderName", "AWS"),
    ("SubAccountId", "200000000011"),
    ("ServiceName", "AmazonEC2"),
    ("ResourceId", "i-037929a54982e113l"),
    ("PricingUnit", "USD"),
    ("PricingCurrency", "USD"),
    ("'$.'", "Environment"),
];
const IN_GOLDEN: [(&str, &str); 7] = [
    ("ProviderName", "OpenAI"),
    ("SubAccountId", "200000000014"),
    ("ServiceName", "OpenAI API"),
    ("ResourceId", "i-0aa1f3c2d4e5b6a71"),
    ("PricingUnit", "Tokens"),
    ("PricingCurrency", "USD"),
    ("'$.'", "use_case"),
];

struct UseCase {
    /// `1.0/verify_invoices`
    name: String,
    sql: String,
}

fn library() -> Option<Vec<UseCase>> {
    let folder = shared(LIBRARY)?;
    let mut all = Vec::new();
    for version in ["1.0", "1.2"] {
        for entry in std::fs::read_dir(folder.join(version)).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            // The query is the last value, a block indented by two.
            let (_, sql) = text.split_once("\nsql: |-\n").unwrap();
            let lines = sql.lines().map(|line| line.strip_prefix("  ").unwrap_or(line));
            all.push(UseCase {
                name: format!("{version}/{}", path.file_stem().unwrap().to_str().unwrap()),
                sql: lines.collect::<Vec<_>>().join("\n"),
            });
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Some(all)
}

/// A value for each `?`: the column and the comparison stand before it.
fn values(sql: &str, known: &[(&str, &str)]) -> Vec<ScalarValue> {
    let words: Vec<&str> = sql.split_whitespace().collect();
    let marks = words
        .iter()
        .enumerate()
        .filter(|(_, word)| word.starts_with('?'))
        .map(|(at, _)| {
            let (column, comparison) = (words[at - 2].trim_start_matches('('), words[at - 1]);
            let value = match (column, comparison) {
                ("Tags->>'Application'", _) => "shop",
                (_, ">=") => "2024-01-01",
                (_, "<" | "<=") => "2027-01-01",
                _ => {
                    known
                        .iter()
                        .find(|(name, _)| name.eq_ignore_ascii_case(column))
                        .unwrap_or_else(|| panic!("{column}"))
                        .1
                }
            };
            ScalarValue::from(value)
        });
    marks.collect()
}

async fn engine_over(bills: &[&str]) -> (tempfile::TempDir, Engine) {
    let dir = tempfile::tempdir().unwrap();
    let now = "2026-10-15T00:00:00Z".parse().unwrap();
    let lake = Lake::open(
        dir.path().join("lake").to_str().unwrap(),
        Arc::new(FixedClock(now)),
    )
    .await
    .unwrap();
    let texts = assets()
        .under("sources/")
        .map(|a| (a.name().to_owned(), a.text.to_string()))
        .collect::<Vec<_>>();
    let catalog = Catalog::new(texts.into_iter()).unwrap();
    for (at, bill) in bills.iter().enumerate() {
        let path = project("../shared").join(bill).to_str().unwrap().to_owned();
        // Two bills of one provider and month stand beside each other under names of their own.
        let options = Options {
            source: Some(format!("bill-{at}")),
            accept_overlap: true,
            ..Options::default()
        };
        ingest(&lake, &catalog, &[path], &options, &mut ()).await.unwrap();
    }
    let registry = Registry::default();
    let engine = Engine::over_lake(&lake, None, &assets(), &registry, &Settings::new(now))
        .await
        .unwrap();
    (dir, engine)
}

fn rows(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

/// What becomes of a query, in words that do not change from run to run.
fn outcome(result: &Result<Vec<RecordBatch>>) -> String {
    match result {
        Ok(batches) => format!("{} rows", rows(batches)),
        Err(error) => format!("refused: {error}"),
    }
}

#[tokio::test]
async fn the_library_runs_as_it_is_written() {
    let (Some(library), true) = (library(), golden::present()) else {
        return;
    };
    assert!(library.len() > 80, "{} queries", library.len());
    let (_dir, bills) = engine_over(&BILLS).await;
    let place = golden::place().await;
    let golden = golden::engine(&place, Basis::Effective).await;
    let mut lines = Vec::new();
    let (mut runs, mut with_rows) = (0, 0);
    for case in &library {
        let over_bills = bills
            .user_query_with(&case.sql, &values(&case.sql, &IN_BILLS))
            .await;
        let over_golden = golden
            .user_query_with(&case.sql, &values(&case.sql, &IN_GOLDEN))
            .await;
        if let Ok(found) = &over_bills {
            runs += 1;
            with_rows += usize::from(rows(found) > 0);
        }
        lines.push(format!(
            "{} | {} | {}",
            case.name,
            outcome(&over_bills),
            outcome(&over_golden)
        ));
    }
    let text = lines.join("\n") + "\n";
    let list = project("tests/it/use_cases.txt");
    if std::env::var_os("SPENDSCOPE_BLESS").is_some() {
        std::fs::write(&list, &text).unwrap();
    }
    assert!(
        runs * 10 >= library.len() * 9,
        "{runs} of {} run\n{text}",
        library.len()
    );
    assert!(
        with_rows * 10 >= library.len() * 7,
        "{with_rows} of {} find rows\n{text}",
        library.len()
    );
    let expected = std::fs::read_to_string(&list).unwrap_or_default();
    assert_eq!(text, expected.replace("\r\n", "\n"));
}

/// Every query of the library is planned over a lake without a fact, too.
#[tokio::test]
async fn the_library_runs_over_an_empty_lake() {
    let Some(library) = library() else {
        return;
    };
    let (_dir, engine) = engine_over(&[]).await;
    for case in &library {
        let found = engine
            .user_query_with(&case.sql, &values(&case.sql, &IN_BILLS))
            .await;
        let found = found.unwrap_or_else(|e| panic!("{}: {e}", case.name));
        // A sum over nothing is one row.
        let grouped = case.sql.contains("GROUP BY") || !case.sql.contains("SUM(");
        assert_eq!(rows(&found), usize::from(!grouped), "{}", case.name);
    }
}

/// A line of a file; what is written as nothing is not there.
type Line = BTreeMap<String, String>;

fn lines() -> Vec<Line> {
    let mut all = Vec::new();
    for bill in BILLS {
        let mut reader = csv::Reader::from_path(project("../shared").join(bill)).unwrap();
        for line in reader.deserialize::<Line>() {
            let mut line = line.unwrap();
            line.retain(|_, value| !["", "NULL", "null"].contains(&value.as_str()));
            all.push(line);
        }
    }
    all
}

/// What a use case should give: groups and sums over lines.
struct Expected {
    name: &'static str,
    /// Columns; `month:`, `day:` and `at:` read an instant, `json:` a detail of the SKU.
    keys: &'static [&'static str],
    sums: &'static [&'static str],
    counts: fn(&Line) -> bool,
}

fn is(line: &Line, column: &str, value: &str) -> bool {
    line.get(column).is_some_and(|found| found == value)
}

fn detail(line: &Line, key: &str) -> Option<String> {
    let details: serde_json::Value = serde_json::from_str(line.get("SkuPriceDetails")?).ok()?;
    match details.get(key)? {
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn key_of(line: &Line, key: &str) -> Option<String> {
    let Some((how, column)) = key.split_once(':') else {
        return line.get(key).cloned();
    };
    if how == "json" {
        return detail(line, column);
    }
    let at = time::from_micros(time::parse_instant(line.get(column)?).unwrap());
    let format = match how {
        "month" => "%-m",
        "day" => "%Y-%m-%d",
        _ => "%Y-%m-%dT%H:%M:%SZ",
    };
    Some(at.format(format).to_string())
}

fn worked_out(lines: &[Line], expected: &Expected) -> Vec<String> {
    let mut groups: BTreeMap<Vec<String>, Vec<Option<i128>>> = BTreeMap::new();
    for line in lines.iter().filter(|line| (expected.counts)(line)) {
        let key = expected
            .keys
            .iter()
            .map(|key| key_of(line, key).unwrap_or("NULL".to_owned()));
        let sums = groups
            .entry(key.collect())
            .or_insert_with(|| vec![None; expected.sums.len()]);
        for (sum, column) in sums.iter_mut().zip(expected.sums) {
            if let Some(value) = key_of(line, column) {
                *sum = Some(sum.unwrap_or(0) + money::parse(&value).unwrap());
            }
        }
    }
    let shown = |sum: &Option<i128>| sum.map_or("NULL".to_owned(), money::format_short);
    let mut rows: Vec<String> = groups
        .iter()
        .map(|(key, sums)| {
            [key.clone(), sums.iter().map(shown).collect()]
                .concat()
                .join(" | ")
        })
        .collect();
    rows.sort();
    rows
}

fn shown(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = batch
                .columns()
                .iter()
                .map(|column| match column.data_type() {
                    DataType::Decimal128(_, 18) if !column.is_null(row) => {
                        money::format_short(column.as_primitive::<Decimal128Type>().value(row))
                    }
                    _ => ArrayFormatter::try_new(column, &options)
                        .unwrap()
                        .value(row)
                        .to_string(),
                })
                .collect();
            rows.push(cells.join(" | "));
        }
    }
    rows.sort();
    rows
}

const EXPECTED: [Expected; 15] = [
    Expected {
        name: "1.0/verify_invoices",
        keys: &[
            "ProviderName",
            "BillingAccountId",
            "BillingAccountName",
            "BillingCurrency",
        ],
        sums: &["BilledCost"],
        counts: |_| true,
    },
    Expected {
        name: "1.0/costs_service_category",
        keys: &[
            "ProviderName",
            "BillingCurrency",
            "at:BillingPeriodStart",
            "ServiceCategory",
        ],
        sums: &["BilledCost"],
        counts: |_| true,
    },
    Expected {
        name: "1.0/service_costs_month_over_month",
        keys: &["month:ChargePeriodStart", "ProviderName", "ServiceName"],
        sums: &["EffectiveCost"],
        counts: |_| true,
    },
    Expected {
        name: "1.0/daily_anomaly_region",
        keys: &[
            "day:ChargePeriodStart",
            "ProviderName",
            "SubAccountId",
            "RegionId",
            "RegionName",
        ],
        sums: &["EffectiveCost"],
        counts: |_| true,
    },
    Expected {
        name: "1.0/daily_anomaly_subaccount",
        keys: &["day:ChargePeriodStart", "ProviderName", "SubAccountId"],
        sums: &["EffectiveCost"],
        counts: |_| true,
    },
    Expected {
        name: "1.0/recurring_commitment_charges",
        keys: &[
            "at:BillingPeriodStart",
            "CommitmentDiscountId",
            "CommitmentDiscountName",
            "CommitmentDiscountType",
            "ChargeFrequency",
        ],
        sums: &["BilledCost"],
        counts: |line| is(line, "ChargeFrequency", "Recurring") && line.contains_key("CommitmentDiscountId"),
    },
    Expected {
        name: "1.0/forecast_costs",
        keys: &[
            "ProviderName",
            "at:BillingPeriodStart",
            "at:BillingPeriodEnd",
            "ServiceCategory",
            "ServiceName",
            "RegionId",
            "RegionName",
            "PricingUnit",
        ],
        sums: &["EffectiveCost", "PricingQuantity"],
        counts: |_| true,
    },
    Expected {
        name: "1.0/compare_usage_month_over_month",
        keys: &[
            "month:ChargePeriodStart",
            "ProviderName",
            "ServiceName",
            "ResourceId",
            "SkuId",
            "ConsumedUnit",
        ],
        sums: &["ConsumedQuantity"],
        counts: |line| is(line, "ChargeCategory", "Usage"),
    },
    Expected {
        name: "1.0/compare_billed_budget",
        keys: &["ProviderName", "SubAccountId", "SubAccountName"],
        sums: &["BilledCost"],
        counts: |line| {
            is(line, "ChargeCategory", "Usage")
                && is(line, "ProviderName", "AWS")
                && is(line, "SubAccountId", "200000000011")
        },
    },
    Expected {
        name: "1.0/update_application_budgets",
        keys: &[
            "ProviderName",
            "at:BillingPeriodStart",
            "at:BillingPeriodEnd",
            "json:nothing",
        ],
        sums: &["BilledCost"],
        counts: |_| true,
    },
    Expected {
        name: "1.0/effective_cost_compute",
        keys: &[
            "CommitmentDiscountType",
            "ProviderName",
            "ServiceName",
            "SubAccountId",
            "SubAccountName",
            "at:BillingPeriodStart",
        ],
        sums: &["EffectiveCost"],
        counts: |line| is(line, "ServiceCategory", "Compute"),
    },
    Expected {
        name: "1.2/verify_accuracy_of_provider_invoices_aka_invoice_reconciliation",
        keys: &["InvoiceIssuerName", "InvoiceId"],
        sums: &["BilledCost"],
        counts: |_| true,
    },
    Expected {
        name: "1.2/analyze_effective_cost_by_pricing_currency",
        keys: &["ProviderName", "PublisherName", "ServiceName", "PricingCurrency"],
        sums: &["PricingCurrencyEffectiveCost"],
        counts: |_| true,
    },
    Expected {
        name: "1.2/report_costs_by_service_category_and_subcategory",
        keys: &[
            "ProviderName",
            "BillingCurrency",
            "at:BillingPeriodStart",
            "ServiceCategory",
            "ServiceSubcategory",
        ],
        sums: &["BilledCost"],
        counts: |_| true,
    },
    Expected {
        name: "1.2/quantify_usage_of_a_component_resource",
        keys: &[
            "ProviderName",
            "ServiceName",
            "PricingUnit",
            "RegionName",
            "json:InstanceSeries",
        ],
        sums: &["json:CoreCount"],
        counts: |line| detail(line, "CoreCount").is_some() && detail(line, "InstanceSeries").is_some(),
    },
];

#[tokio::test]
async fn answers_are_those_worked_out_from_the_files() {
    let Some(library) = library() else {
        return;
    };
    let (_dir, engine) = engine_over(&BILLS).await;
    let lines = lines();
    for expected in &EXPECTED {
        let case = library.iter().find(|case| case.name == expected.name);
        let sql = &case.unwrap_or_else(|| panic!("no {}", expected.name)).sql;
        let found = engine
            .user_query_with(sql, &values(sql, &IN_BILLS))
            .await
            .unwrap();
        let want = worked_out(&lines, expected);
        assert!(!want.is_empty(), "{}: nothing to compare", expected.name);
        assert_eq!(shown(&found), want, "{}", expected.name);
    }
}
