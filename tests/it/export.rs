//! `export focus`: it adds up to the bill at both grains, the official validator passes on it, and what the validator faults on
//! files of others is what ingest reports.

use crate::support::{project, run, shared};
use arrow::array::{Array, AsArray};
use arrow::datatypes::Decimal128Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use spendscope::base::money::Exact;
use spendscope::source::conformance_rules;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const NOW: [&str; 2] = ["--now", "2026-10-03T06:00:00Z"];

/// A lake with the bills, prices and gateway log of the sample, made once.
fn sample() -> &'static Path {
    static LAKE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let made = LAKE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let data = project("sample-data");
        std::fs::copy(data.join("spendscope.toml"), dir.path().join("spendscope.toml")).unwrap();
        let mut folders = vec![data.join("reference"), data.join("gateway/litellm")];
        for entry in std::fs::read_dir(data.join("billing")).unwrap() {
            folders.push(entry.unwrap().path());
        }
        for folder in folders {
            let name = folder.file_name().unwrap().to_str().unwrap();
            let args = ["-q", "ingest", folder.to_str().unwrap(), "--source", name];
            let args = match name {
                "reference" => &args[..3],
                _ => &args[..],
            };
            let (status, _, talk) = run(dir.path(), &[&NOW[..], args].concat());
            assert_eq!(status, 0, "{talk}");
        }
        dir
    });
    made.path()
}

fn export(args: &[&str]) -> String {
    let (status, out, talk) = run(sample(), &[&NOW[..], &["export", "focus"], args].concat());
    assert_eq!(status, 0, "{talk}");
    assert!(talk.contains("rows of FOCUS 1.2"), "{talk}");
    out
}

/// The whole export of a grain, made once.
fn exported(grain: &'static str) -> &'static str {
    static CHARGES: OnceLock<String> = OnceLock::new();
    static USAGE: OnceLock<String> = OnceLock::new();
    let made = match grain {
        "charges" => &CHARGES,
        _ => &USAGE,
    };
    made.get_or_init(|| export(&["--grain", grain]))
}

type Row = BTreeMap<String, String>;

fn rows(csv: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

fn exact(text: &str) -> Exact {
    match text {
        "" => Exact::ZERO,
        text => Exact::parse(text).unwrap(),
    }
}

/// Sums of a column by others.
fn sums<'a>(rows: impl IntoIterator<Item = &'a Row>, by: &[&str], column: &str) -> BTreeMap<String, Exact> {
    let mut sums: BTreeMap<String, Exact> = BTreeMap::new();
    for row in rows {
        let key: Vec<&str> = by.iter().map(|name| row[*name].as_str()).collect();
        *sums.entry(key.join(" ")).or_insert(Exact::ZERO) += exact(&row[column]);
    }
    sums
}

/// The columns of FOCUS 1.2, in order.
const FOCUS: [&str; 57] = [
    "AvailabilityZone",
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "CapacityReservationId",
    "CapacityReservationStatus",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountQuantity",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "CommitmentDiscountUnit",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingCurrency",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceDetails",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
];

#[test]
fn both_grains_add_up_to_the_bill_to_the_last_digit() {
    let (status, bill, talk) = run(
        sample(),
        &[
            &NOW[..],
            &[
                "-o",
                "csv",
                "sql",
                "-c",
                "SELECT billing_currency, sum(billed_cost) AS billed FROM charges GROUP BY 1 ORDER BY 1",
            ],
        ]
        .concat(),
    );
    assert_eq!(status, 0, "{talk}");
    let bill: BTreeMap<String, Exact> = bill
        .lines()
        .skip(1)
        .map(|line| line.split_once(',').unwrap())
        .map(|(currency, billed)| (currency.to_owned(), exact(billed)))
        .collect();
    assert_eq!(bill.len(), 2, "dollars and euros");
    let (charges, usage) = (rows(exported("charges")), rows(exported("usage")));
    for rows in [&charges, &usage] {
        assert_eq!(sums(rows, &["BillingCurrency"], "BilledCost"), bill);
    }
    // Charge by charge, whatever is split: and more rows are only there because they are.
    for column in [
        "BilledCost",
        "EffectiveCost",
        "ListCost",
        "ContractedCost",
        "PricingQuantity",
        "CommitmentDiscountQuantity",
        "PricingCurrencyEffectiveCost",
    ] {
        let by = ["x_ChargeId", "BillingCurrency"];
        assert!(
            sums(&charges, &by, column) == sums(&usage, &by, column),
            "{column} of some charge is not the sum of its parts"
        );
    }
    assert_eq!(
        charges.len(),
        charges
            .iter()
            .map(|r| &r["x_ChargeId"])
            .collect::<BTreeSet<_>>()
            .len()
    );
    assert!(charges.iter().all(|row| row["x_AllocatedFrom"].is_empty()));
    assert!(
        usage.len() > charges.len() + 1000,
        "{} {}",
        usage.len(),
        charges.len()
    );
    // A part lies inside the period of its charge.
    let periods: BTreeMap<&str, (&str, &str)> = charges
        .iter()
        .map(|r| {
            (
                r["x_ChargeId"].as_str(),
                (r["ChargePeriodStart"].as_str(), r["ChargePeriodEnd"].as_str()),
            )
        })
        .collect();
    for row in &usage {
        let (start, end) = periods[row["x_ChargeId"].as_str()];
        assert!(
            start <= row["ChargePeriodStart"].as_str() && row["ChargePeriodEnd"].as_str() <= end,
            "{row:?}"
        );
        assert!(row["ChargePeriodStart"] < row["ChargePeriodEnd"], "{row:?}");
    }
}

#[test]
fn usage_tells_tokens_by_direction_cache_action_and_who() {
    let usage = rows(exported("usage"));
    let tokens = |row: &&Row| row["x_Leaf"] == "request" && row["x_Kind"] == "model_api";
    let split: Vec<&Row> = usage.iter().filter(tokens).collect();
    assert!(split.len() > 1000);
    let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
    for row in &split {
        let details: BTreeMap<String, serde_json::Value> = match row["SkuPriceDetails"].as_str() {
            "" => BTreeMap::new(),
            text => serde_json::from_str(text).unwrap(),
        };
        let property = |name: &str| {
            details
                .get(name)
                .map_or(String::new(), |v| v.as_str().unwrap().to_owned())
        };
        let key = (property("x_TokenDirection"), property("x_TokenCacheAction"));
        if !key.0.is_empty() {
            assert_eq!(row["ConsumedUnit"], "Tokens", "{row:?}");
        }
        *seen.entry(key).or_default() += 1;
        assert!(
            !row["x_Model"].is_empty() && !row["x_ModelProvider"].is_empty(),
            "{row:?}"
        );
    }
    let pair = |a: &str, b: &str| seen.contains_key(&(a.to_owned(), b.to_owned()));
    assert!(
        pair("Input", "Uncached") && pair("Input", "Read") && pair("Output", ""),
        "{seen:?}"
    );
    // Tokens are those that the bill counts, split: no more and no less.
    let charges = rows(exported("charges"));
    let counted: BTreeSet<&str> = charges
        .iter()
        .filter(|row| row["ConsumedUnit"] == "Tokens")
        .map(|row| row["x_ChargeId"].as_str())
        .collect();
    assert!(!counted.is_empty());
    let of = |rows: &[Row]| {
        let some = rows
            .iter()
            .filter(|row| counted.contains(row["x_ChargeId"].as_str()));
        sums(some, &["x_ChargeId"], "ConsumedQuantity")
    };
    assert!(of(&charges) == of(&usage), "tokens were lost or doubled");
    let teams: BTreeSet<&str> = split.iter().map(|row| row["x_UseCase"].as_str()).collect();
    assert!(teams.len() > 3, "{teams:?}");
}

#[test]
fn every_column_is_there_values_are_plain_and_bytes_repeat() {
    let csv = exported("charges");
    let header: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    assert_eq!(header[..57], FOCUS);
    assert!(header[57..].iter().all(|name| name.starts_with("x_")) && header[57..].is_sorted());
    for row in rows(csv).iter().take(500) {
        for (name, value) in row {
            if name.ends_with("Cost") && !value.is_empty() {
                assert!(
                    value.contains('.') && !value.contains(['e', 'E', '+']),
                    "{name} {value}"
                );
            }
            if ["Start", "End"].iter().any(|end| name.ends_with(end)) {
                assert!(value.len() == 20 && value.ends_with('Z'), "{name} {value}");
            }
        }
    }
    // Once more, to a file; and Parquet says the same with its types.
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name).display().to_string();
    export(&["--out", &out("again.csv")]);
    assert!(
        std::fs::read_to_string(out("again.csv")).unwrap() == csv,
        "the same lake, other bytes"
    );
    export(&["--out", &out("a.parquet")]);
    export(&["--format", "parquet", "--out", &out("b")]);
    assert!(std::fs::read(out("a.parquet")).unwrap() == std::fs::read(out("b")).unwrap());
    let file = std::fs::File::open(out("b")).unwrap();
    let mut sum = Exact::ZERO;
    for batch in ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap()
    {
        let batch = batch.unwrap();
        assert_eq!(batch.num_columns(), header.len());
        assert_eq!(
            batch.column_by_name("ChargePeriodStart").unwrap().data_type(),
            &spendscope::base::time::data_type()
        );
        let billed = batch
            .column_by_name("BilledCost")
            .unwrap()
            .as_primitive::<Decimal128Type>();
        for row in (0..billed.len()).filter(|row| billed.is_valid(*row)) {
            sum += Exact::from_stored(billed.value(row));
        }
    }
    let whole = sums(&rows(csv), &[], "BilledCost");
    assert_eq!(sum, whole[""]);
    // Months make the whole.
    let mut parts = Exact::ZERO;
    for month in ["2026-07", "2026-08", "2026-09"] {
        let (status, out, _) = run(
            sample(),
            &[&NOW[..], &["--period", month, "export", "focus"]].concat(),
        );
        assert_eq!(status, 0);
        parts += sums(&rows(&out), &[], "BilledCost")[""];
    }
    assert_eq!(parts, whole[""]);
    let (status, _, talk) = run(
        sample(),
        &[&NOW[..], &["export", "focus", "--version", "1.4"]].concat(),
    );
    assert!(status == 2 && talk.contains("1.2"), "{talk}");
}

/// Rules that the validator applies in a way that FOCUS does not mean, or that our bills break for what they are.
const NOT_OURS: [(&str, &str); 6] = [
    (
        "BilledCost-C-005-C",
        "meant for the file of a provider who does not collect the money himself; ours holds the bill of who does: the \
         invoice of a reseller or marketplace is what is paid",
    ),
    (
        "CapacityReservationStatus-C-004-C",
        "the validator's model asks for a status where there is no CapacityReservationId; FOCUS asks for it where there is \
         one",
    ),
    (
        "CommitmentDiscountStatus-C-004-C",
        "the same with CommitmentDiscountId",
    ),
    (
        "InvoiceId-C-003-C",
        "NULL in all rows or in none: the condition, whether an invoice has been issued for the row, is not in the model",
    ),
    ("InvoiceId-C-004-C", "the same"),
    ("InvoiceId-C-005-C", "the same"),
];

fn validator() -> Option<PathBuf> {
    let folder = std::env::var_os("SPENDSCOPE_SERVERS_DIR").map(PathBuf::from);
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    let folder = folder.unwrap_or_else(|| cache.unwrap_or_default().join("spendscope/servers"));
    let python = folder.join("focus_validator/venv/bin/python");
    if python.exists() {
        return Some(python);
    }
    assert!(
        std::env::var_os("SPENDSCOPE_SERVERS").is_none(),
        "SPENDSCOPE_SERVERS is set and there is no {}",
        python.display()
    );
    println!("skipped: no validator of FOCUS files (tests/servers/focus_validator.sh installs it)");
    None
}

/// Rules that each file breaks, with rows; by the name of the file.
fn judged(
    python: &Path,
    criteria: &str,
    files: &[&Path],
) -> BTreeMap<String, BTreeMap<String, (u64, String)>> {
    let out = Command::new(python)
        .arg(project("tests/servers/focus_rules.py"))
        .arg(criteria)
        .args(files)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(
        out.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let mut all: BTreeMap<String, BTreeMap<String, (u64, String)>> = BTreeMap::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.split('\t').collect();
        let of = all.entry(cells[0].to_owned()).or_default();
        match cells[1..] {
            [rule, rows, words] => {
                of.insert(rule.to_owned(), (rows.parse().unwrap_or(0), words.to_owned()));
            }
            [summary] => println!("{} ({criteria}): {summary}", cells[0]),
            _ => panic!("{line}"),
        }
    }
    assert_eq!(all.len(), files.len(), "{text}");
    all
}

#[test]
fn the_official_validator_passes_on_what_is_exported() {
    let Some(python) = validator() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for grain in ["charges", "usage"] {
        let csv = folder.path().join(format!("{grain}.csv"));
        std::fs::write(&csv, exported(grain)).unwrap();
        let parquet = folder.path().join(format!("{grain}.parquet"));
        export(&["--grain", grain, "--out", parquet.to_str().unwrap()]);
        files.extend([csv, parquet]);
    }
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let excused: BTreeSet<&str> = NOT_OURS.iter().map(|(id, _)| *id).collect();
    let mut broken = BTreeSet::new();
    // As a provider that supports everything that FOCUS knows, and as one of whom nothing is said.
    for (criteria, files) in [("ALL", &files[..]), ("-", &files[..1])] {
        for (file, rules) in judged(&python, criteria, files) {
            for (rule, (rows, words)) in rules {
                assert!(
                    excused.contains(rule.as_str()),
                    "{file} breaks {rule} {rows} times: {words}"
                );
                broken.insert(rule);
            }
        }
    }
    for (rule, why) in NOT_OURS {
        assert!(
            broken.contains(rule),
            "{rule} holds now; it was excused since {why}"
        );
        println!("{rule}: {why}");
    }
}

/// Rules that the validator faults on the shared files and that ingest does not report, and why.
const NOT_TOLD: [(&str, &str); 9] = [
    (
        "BillingAccountId-C-002-M",
        "digits in CSV are taken for a number; ours reads text as text",
    ),
    (
        "SubAccountId-C-001-M",
        "digits in CSV are taken for a number; ours reads text as text",
    ),
    (
        "CapacityReservationStatus-C-004-C",
        "the model's condition is the wrong way round",
    ),
    (
        "CommitmentDiscountStatus-C-004-C",
        "the model's condition is the wrong way round",
    ),
    ("InvoiceId-C-004-C", "the model lacks the condition"),
    (
        "ConsumedUnit-C-003-O",
        "how units are spelled: a SHOULD, and read in any spelling",
    ),
    (
        "PricingUnit-C-003-O",
        "how units are spelled: a SHOULD, and read in any spelling",
    ),
    ("ContractedCost-C-004-M", "says what ContractedCost-C-003-M says"),
    (
        "SkuPriceId-C-008-M",
        "a price of two SKUs: every price of the file would have to be remembered",
    ),
];

/// Rules that ingest reports and the validator does not: their condition, "ChargeClass is not Correction", is asked in SQL of a
/// column that is NULL in nearly every row, where it is never true.
const TOLD_ALONE: [&str; 8] = [
    "ContractedUnitPrice-C-006-C",
    "ContractedUnitPrice-C-011-C",
    "ListUnitPrice-C-005-C",
    "ListUnitPrice-C-010-C",
    "PricingCategory-C-004-C",
    "PricingQuantity-C-005-C",
    "SkuId-C-005-C",
    "SkuPriceId-C-005-C",
];

#[test]
fn what_the_validator_faults_on_files_of_others_is_reported_at_ingest() {
    let Some(python) = validator() else { return };
    let Some(folder) = shared("data/focus") else {
        return;
    };
    let names = [
        "generated/aws_1_2_cost_and_usage_rows100_seed42.csv",
        "generated/aws_1_2_cost_and_usage_rows25_seed7_credits.csv",
        "generated/azure_1_2_cost_and_usage_rows100_seed42.csv",
        "generated/azure_1_2_cost_and_usage_rows25_seed7_credits.csv",
        "official-1.0/focus_sample.csv",
    ];
    let paths: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
    let judged = judged(
        &python,
        "ALL",
        &paths.iter().map(PathBuf::as_path).collect::<Vec<_>>(),
    );
    let told_rules: BTreeSet<&str> = conformance_rules().into_iter().collect();
    let excused: BTreeSet<&str> = NOT_TOLD.iter().map(|(id, _)| *id).collect();
    let finding = regex::Regex::new(r"FOCUS 1.2 ([A-Za-z]+-C-\d{3}-[MCO]): [^(]*\((\d+ rows)?").unwrap();
    let (mut both, mut used) = (0, BTreeSet::new());
    for path in &paths {
        let name = path.file_name().unwrap().to_str().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let (status, _, talk) = run(dir.path(), &["ingest", path.to_str().unwrap()]);
        assert!([0, 4].contains(&status), "{talk}");
        let ours: BTreeMap<&str, u64> = finding
            .captures_iter(&talk)
            .map(|found| {
                let rows = found
                    .get(2)
                    .and_then(|n| n.as_str().split(' ').next()?.parse().ok());
                let rows = rows.unwrap_or(1);
                (found.get(1).unwrap().as_str(), rows)
            })
            .collect();
        let header = std::fs::read_to_string(path).unwrap();
        let header = header.lines().next().unwrap().trim_start_matches('\u{feff}');
        let columns: BTreeSet<&str> = header.split(',').map(|name| name.trim_matches('"')).collect();
        let of_column = |rule: &str| columns.contains(rule.split('-').next().unwrap());
        for (rule, (rows, words)) in &judged[name] {
            let rule = rule.as_str();
            // A column that is not there breaks every rule about it; and rules that others are made of are told once.
            if !of_column(rule)
                || words.contains("all child rules failed")
                || words.contains("Upstream dependency failed: Service")
            {
                continue;
            }
            match ours.get(rule) {
                Some(told) if rule != "ServiceName-C-005-C" => {
                    assert_eq!(told, rows, "{name}: {rule}");
                    both += 1;
                }
                Some(_) => both += 1,
                None => {
                    let talk = talk.lines().filter(|l| l.contains("FOCUS")).collect::<Vec<_>>();
                    assert!(
                        excused.contains(rule),
                        "{name}: the validator faults {rule} in {rows} rows ({words}), ingest says nothing: {talk:?}"
                    );
                    used.insert(rule.to_owned());
                }
            }
        }
        for (rule, rows) in &ours {
            assert!(told_rules.contains(rule), "{rule} is no rule of ours");
            assert!(
                judged[name].contains_key(*rule) || TOLD_ALONE.contains(rule),
                "{name}: ingest reports {rule} in {rows} rows, the validator does not"
            );
        }
        println!("{name}: {ours:?}");
    }
    assert!(both >= 6, "{both}");
    for (rule, why) in NOT_TOLD {
        assert!(
            used.contains(rule),
            "{rule} is reported now; it was not since {why}"
        );
        println!("{rule} is not reported: {why}");
    }
    println!("{both} findings of rows alike, to their number");
}
