//! Bills: files in the formats of their providers, read by the program from end to end.

use crate::facts::{Facts, NOW};
use crate::support::{assets, run, shared};
use spendscope::check::{self, Verdict};
use spendscope::engine::Registry;
use std::path::{Path, PathBuf};

/// A lake of its own that the program fills and answers from.
struct Books(tempfile::TempDir);

impl Books {
    fn new() -> Books {
        Books(tempfile::tempdir().unwrap())
    }

    /// Delivers files as one bill; gives what the program said.
    fn deliver(&self, source: &str, files: &[PathBuf]) -> (i32, String) {
        let names: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
        let mut args = vec!["--now", NOW, "ingest", "--source", source];
        args.extend(names.iter().map(String::as_str));
        let (status, _, talk) = run(self.0.path(), &args);
        (status, talk)
    }

    /// Delivers a text as a file of that name.
    fn post(&self, source: &str, name: &str, text: &str) -> (i32, String) {
        let path = self.0.path().join(format!("in/{source}/{name}"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        self.deliver(source, &[path])
    }

    /// The answer to a question, one row a line, without the header.
    fn ask(&self, more: &[&str], sql: &str) -> String {
        let args = [&["--now", NOW, "-o", "csv"], more, &["sql", "-c", sql]].concat();
        let (status, out, talk) = run(self.0.path(), &args);
        assert_eq!(status, 0, "{sql}\n{talk}");
        let lines: Vec<&str> = out.lines().skip(1).collect();
        lines.join("\n")
    }

    /// Every charge is split without a rest, under each basis.
    fn balanced(&self) {
        for basis in ["effective", "billed", "list", "contracted"] {
            let rest = self.ask(
                &["--basis", basis],
                "SELECT charge_id, difference FROM imbalances UNION ALL SELECT currency, difference FROM reconciliation WHERE difference <> 0",
            );
            assert_eq!(rest, "", "{basis}");
        }
    }
}

/// langwatch#8080: the reconciliation showed 0 for everybody and its nightly check compared empty with
/// empty. Here no check at all passes on an empty lake: it says that there was nothing to check.
#[test]
fn a_check_compares_empty_with_empty() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let checks = check::catalog(&assets()).unwrap();
    assert!(checks.len() > 20);
    let passed: Vec<String> = runtime.block_on(async {
        let engine = Facts::new().engine(&Registry::parse("").unwrap()).await;
        let mut passed = Vec::new();
        for check in &checks {
            let finding = check.run(&engine).await.unwrap();
            if !matches!(finding.verdict, Verdict::NothingToCheck { .. }) {
                passed.push(check.name.clone());
            }
        }
        passed
    });
    assert_eq!(passed, Vec::<String>::new(), "these say something about nothing");
}

fn spec_example(name: &str) -> Option<PathBuf> {
    shared(&format!("data/focus/spec-examples-1.2/{name}"))
}

/// The examples of commitments leave out who bills and in what currency. That is refused, row by row and
/// by name, never guessed. With both written in, they are read whole but for one: 30 o'clock is no time.
#[test]
fn a_missing_currency_is_taken_for_dollars() {
    let Some(file) = spec_example("commitment_discount_purchase_scenario_2.csv") else {
        return;
    };
    let books = Books::new();
    books.deliver("spec", std::slice::from_ref(&file));
    assert_eq!(
        books.ask(
            &[],
            "SELECT line, column_name, reason FROM rejects ORDER BY line, column_name LIMIT 2"
        ),
        "2,BillingCurrency,a value is required\n2,ServiceProviderName,a value is required"
    );
    assert_eq!(books.ask(&[], "SELECT count(*) FROM charges"), "0");
    let books = Books::new();
    books.post("spec", "completed.csv", &completed(&file));
    assert_eq!(
        books.ask(&[], "SELECT line, column_name, value FROM rejects"),
        "4,ChargePeriodEnd,2023-02-01T30:00:00Z"
    );
    assert_eq!(
        books.ask(&[], "SELECT count(*), sum(billed_cost) FROM charges"),
        "2,2"
    );
}

/// A file of the specification with the two columns that it lacks.
fn completed(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    let mut lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    let mut whole = format!("{},ProviderName,BillingCurrency\n", lines.next().unwrap());
    for line in lines {
        whole.push_str(&format!("{line},AWS,USD\n"));
    }
    whole
}

/// FOCUS_Spec, commitment_discount_scenarios: one dollar an hour, used whole, not at all, in part and
/// beyond. Unused money is a leaf of its own; what is beyond is on demand.
#[test]
fn unused_commitment_is_lost_among_the_usage() {
    // Effective cost, billed cost, and the leaf commitment_unused of one hour.
    for (number, effective, billed, unused) in [
        (1, "1", "0", ""),
        (2, "1", "0", "1"),
        (3, "1", "0", "0.25"),
        (4, "1.5", "0.5", ""),
    ] {
        let Some(file) = spec_example(&format!("commitment_discount_usage_scenario_{number}.csv")) else {
            return;
        };
        let books = Books::new();
        books.post("spec", "completed.csv", &completed(&file));
        assert_eq!(books.ask(&[], "SELECT count(*) FROM rejects"), "0");
        let sums = books.ask(&[], "SELECT sum(effective_cost), sum(billed_cost) FROM costs");
        assert_eq!(sums, format!("{effective},{billed}"), "scenario {number}");
        let leaf = books.ask(
            &[],
            "SELECT sum(amount) FROM ledger WHERE leaf = 'commitment_unused'",
        );
        assert_eq!(leaf, unused, "scenario {number}");
        books.balanced();
    }
}

/// All upfront: 8,760 once (the prose of the specification says 8,670). Half upfront: 4,380 once and half
/// a dollar an hour. Nothing of it is effective: that is the usage.
#[test]
fn an_upfront_purchase_counts_beside_its_usage() {
    for (number, billed) in [(1, "8760"), (3, "4381")] {
        let Some(file) = spec_example(&format!("commitment_discount_purchase_scenario_{number}.csv")) else {
            return;
        };
        let books = Books::new();
        books.post("spec", "completed.csv", &completed(&file));
        let sums = books.ask(
            &[],
            "SELECT sum(billed_cost), sum(effective_cost), min(kind), max(kind) FROM costs",
        );
        assert_eq!(
            sums,
            format!("{billed},0,commitment_purchase,commitment_purchase")
        );
        books.balanced();
    }
}

/// The flexible commitments of the specification: the purchase has a list cost, and so has the usage it
/// covers. Under the list basis only the usage counts.
#[test]
fn list_cost_of_a_purchase_is_added_to_the_usage_it_covers() {
    // Worked out from the files: Σ list of the usage rows, Σ effective, Σ billed.
    let name = "one_hundred_percent_utilization_with_commitment_discount_flexibility_with";
    for (file, list, effective, billed) in [
        (format!("{name}_1_resource.csv"), "5.25", "2.75", "2.75"),
        (format!("{name}_2_resources.csv"), "4", "2", "2"),
        (
            name.replace(
                "_with_commitment_discount_flexibility_with",
                "_without_commitment_discount_flexibility.csv",
            ),
            "3",
            "1.5",
            "1.5",
        ),
    ] {
        let Some(file) = spec_example(&file) else {
            return;
        };
        let books = Books::new();
        books.post("spec", "completed.csv", &completed(&file));
        for (basis, sum) in [("list", list), ("effective", effective), ("billed", billed)] {
            assert_eq!(
                books.ask(&["--basis", basis], "SELECT sum(amount) FROM costs"),
                sum,
                "{} {basis}",
                file.display()
            );
        }
        books.balanced();
    }
}

/// The specification's prepaid tokens: 200,000 billed once with an effective cost of 0; the usage is
/// billed 0 and worth 490 + 20 + 720. Neither is dropped, and they are never added.
#[test]
fn prepaid_credits_are_counted_twice_or_dropped() {
    let (Some(bought), Some(used)) = (
        spec_example("virtual_currency_pricing_model_a1.csv"),
        spec_example("virtual_currency_pricing_model_a2.csv"),
    ) else {
        return;
    };
    let books = Books::new();
    let (status, talk) = books.deliver("acme", &[bought, used]);
    assert_eq!(status, 0, "{talk}");
    for (basis, sum) in [
        ("billed", "200000"),
        ("effective", "1230"),
        ("list", "1230"),
        ("contracted", "1230"),
    ] {
        assert_eq!(
            books
                .ask(
                    &["--basis", basis],
                    "SELECT sum(amount), sum(fx_rate) IS NULL FROM costs"
                )
                .split(',')
                .next(),
            Some(sum),
            "{basis}"
        );
    }
    assert_eq!(
        books.ask(
            &[],
            "SELECT pricing_currency, sum(pricing_currency_effective_cost) FROM costs GROUP BY 1 ORDER BY 1"
        ),
        "Token,615\nUSD,0"
    );
    books.balanced();
}

/// The spend agreements: 1,200 a year at least; what was not used is billed at the end, or month by month.
#[test]
fn an_unused_fee_without_a_commitment_is_dropped() {
    for (file, billed) in [
        ("saas_spend_agreements_a1.csv", "1200"),
        ("saas_spend_agreements_a2.csv", "840"),
    ] {
        let Some(file) = spec_example(file) else {
            return;
        };
        let books = Books::new();
        let (status, talk) = books.deliver("acme", &[file]);
        assert_eq!(status, 0, "{talk}");
        assert_eq!(
            books.ask(&[], "SELECT sum(billed_cost), sum(effective_cost) FROM costs"),
            format!("{billed},{billed}")
        );
        books.balanced();
    }
}

/// aws-usage-queries#8 and the real export: its totals, computed without us, to the last digit. Costs
/// such as 9.984E-7, and an operation whose name is None.
#[test]
fn a_real_cost_and_usage_report_loses_digits() {
    let Some(file) = shared("data/bills/aws-cur/sample-anonymous-aws-export-dataset.csv") else {
        return;
    };
    let books = Books::new();
    let (status, talk) = books.deliver("aws", &[file]);
    assert_eq!(status, 0, "{talk}");
    assert_eq!(
        books.ask(
            &[],
            "SELECT charge_category, count(*), sum(billed_cost), sum(effective_cost) FROM charges GROUP BY 1 ORDER BY 1"
        ),
        "Tax,12,0.08,0.08\nUsage,1269,1.6023086974,1.6023086974"
    );
    assert_eq!(
        books.ask(
            &[],
            "SELECT sum(list_cost), count(commitment_discount_id) FROM charges"
        ),
        "3.3561726949,0"
    );
    assert_eq!(
        books.ask(
            &[],
            "SELECT count(*) FROM charges WHERE extra['lineItem/Operation'] = 'None'"
        ),
        "12"
    );
    books.balanced();
}

const CUR: &str = "bill/BillingPeriodStartDate,bill/BillingPeriodEndDate,lineItem/LineItemType,lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/ProductCode,lineItem/ResourceId,lineItem/CurrencyCode,lineItem/UnblendedCost,pricing/publicOnDemandCost,splitLineItem/ParentResourceId,splitLineItem/SplitCost,splitLineItem/UnusedCost,resourceTags/user:use_case\n";

/// An instance of 10, its traffic of 1, and three pods that used 2.5, 1.5 and 4 of it (1 of that unused).
const SPLIT: [&str; 5] = [
    "2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,Usage,2026-09-01T00:00:00Z,2026-09-01T01:00:00Z,AmazonEC2,i-1,USD,10,12,,,,\n",
    "2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,Usage,2026-09-01T00:00:00Z,2026-09-01T01:00:00Z,AmazonEC2,i-1,USD,1,1,,,,\n",
    "2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,Usage,2026-09-01T00:00:00Z,2026-09-01T01:00:00Z,AmazonEKS,pod/a,USD,0,0,i-1,2.5,0,chat\n",
    "2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,Usage,2026-09-01T00:00:00Z,2026-09-01T01:00:00Z,AmazonEKS,pod/b,USD,,,i-1,1.5,0,code\n",
    "2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,Usage,2026-09-01T00:00:00Z,2026-09-01T01:00:00Z,AmazonEKS,pod/c,USD,0,0,i-1,3,1,chat\n",
];

/// aws-usage-queries#8: the parent with its whole cost and its children again, three times the bill. The
/// sum stays 11, whatever the order of the lines, and the pods carry what they used.
#[test]
fn split_cost_rows_are_counted_with_their_parent() {
    for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3]] {
        let books = Books::new();
        let rows: String = order.iter().map(|at| SPLIT[*at]).collect();
        let (status, talk) = books.post("aws", "cur.csv", &format!("{CUR}{rows}"));
        assert_eq!(status, 0, "{talk}");
        assert_eq!(books.ask(&[], "SELECT sum(billed_cost) FROM charges"), "11");
        for basis in ["effective", "billed"] {
            assert_eq!(
                books.ask(
                    &["--basis", basis],
                    "SELECT resource_id, sum(amount), count(*) FROM costs GROUP BY 1 ORDER BY 1"
                ),
                "i-1,3,2\npod/a,2.5,1\npod/b,1.5,1\npod/c,4,1"
            );
        }
        // 13 at list, divided as 11 is: 13 × 2.5 ÷ 11 and so on; the sum stays 13.
        assert_eq!(
            books.ask(&["--basis", "list"], "SELECT sum(amount) FROM costs"),
            "13"
        );
        assert_eq!(
            books.ask(
                &["--basis", "list"],
                "SELECT CAST(amount AS DECIMAL(10, 4)) FROM costs WHERE resource_id = 'pod/c'"
            ),
            "4.7273"
        );
        books.balanced();
    }
}

fn focus(rows: &[(&str, &str, &str, &str)]) -> String {
    let mut text = String::from(
        "BilledCost,EffectiveCost,BillingCurrency,ProviderName,BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ChargeClass\n",
    );
    for (cost, billing, period, class) in rows {
        text.push_str(&format!(
            "{cost},{cost},USD,AWS,{billing}-01T00:00:00Z,{billing}-28T00:00:00Z,{period}T00:00:00Z,{period}T01:00:00Z,Usage,{class}\n"
        ));
    }
    text
}

/// azure-docs#51759, FOCUS_Spec#1602: a charge of 100 turns out to be 70. Whether the provider sends the
/// difference, a reversal and a new line, or the period again: the day of the charge shows 70.
#[test]
fn a_correction_is_counted_in_one_style_and_not_in_another() {
    let original = ("100", "2026-08", "2026-08-05", "");
    let books = Books::new();
    for source in ["delta", "ledger", "overwrite"] {
        books.post(source, "august.csv", &focus(&[original]));
    }
    books.post(
        "delta",
        "september.csv",
        &focus(&[("-30", "2026-09", "2026-08-05", "Correction")]),
    );
    books.post(
        "ledger",
        "september.csv",
        &focus(&[
            ("-100", "2026-09", "2026-08-05", "Correction"),
            ("70", "2026-09", "2026-08-05", "Correction"),
        ]),
    );
    // The period once more, under another file name; the shrink is what it is about.
    let again = books.0.path().join("august_v2.csv");
    std::fs::write(&again, focus(&[("70", "2026-08", "2026-08-05", "")])).unwrap();
    let (status, talk) = books.deliver("overwrite", std::slice::from_ref(&again));
    assert!(
        status != 0 && talk.contains("100") && talk.contains("70"),
        "{talk}"
    );
    let again = again.display().to_string();
    let args = [
        "--now",
        NOW,
        "ingest",
        "--source",
        "overwrite",
        "--accept-shrink",
        &again,
    ];
    assert_eq!(run(books.0.path(), &args).0, 0);
    assert_eq!(
        books.ask(
            &[],
            "SELECT source, CAST(charge_period_start AS DATE), sum(billed_cost), sum(effective_cost) FROM costs GROUP BY 1, 2 ORDER BY 1"
        ),
        "delta,2026-08-05,70,70\nledger,2026-08-05,70,70\noverwrite,2026-08-05,70,70"
    );
    books.balanced();
}

/// finops-toolkit#966, #320 and #2096: the same export twice, once by hand and under another name, is
/// one bill; a file is known by its content, not by what it is called.
#[test]
fn a_manual_export_duplicates_the_month() {
    let books = Books::new();
    let bill = focus(&[
        ("100", "2026-09", "2026-09-05", ""),
        ("-7", "2026-09", "2026-09-06", ""),
    ]);
    for name in ["part-0001.csv", "Copy of part 1 (2).csv", "manual export.txt"] {
        let (status, talk) = books.post("aws", name, &bill);
        assert_eq!(status, 0, "{talk}");
        assert_eq!(
            books.ask(&[], "SELECT count(*), sum(billed_cost) FROM charges"),
            "2,93",
            "{name}"
        );
    }
    books.balanced();
}

/// bigquery-utils#289, and the row of GCP with its credits inside: one line, net of them.
#[test]
fn nested_credits_duplicate_the_cost() {
    let row = r#"{"billing_account_id":"A","service":{"id":"s","description":"Compute Engine"},"sku":{"id":"k","description":"Core"},"usage_start_time":"2026-09-01T00:00:00Z","usage_end_time":"2026-09-01T01:00:00Z","labels":[{"key":"use_case","value":"chat"},{"key":"team","value":"red"}],"cost":100.0,"currency":"INR","credits":[{"name":"cud","amount":-12.0},{"name":"sud","amount":-3.0}],"invoice":{"month":"202610"},"cost_type":"regular"}"#;
    let books = Books::new();
    let (status, talk) = books.post("gcp", "export.jsonl", row);
    assert_eq!(status, 0, "{talk}");
    assert_eq!(
        books.ask(&[], "SELECT count(*), sum(billed_cost), sum(contracted_cost), min(currency), min(billing_month) FROM costs"),
        "1,85,100,INR,2026-10"
    );
    if let Some(file) = shared("data/bills/gcp/bq_export_row_nested_credits_inr.json") {
        let books = Books::new();
        let (status, talk) = books.deliver("gcp", &[file]);
        assert_eq!(status, 0, "{talk}");
        assert_eq!(
            books.ask(&[], "SELECT billed_cost, currency, tags['team'] FROM costs"),
            "85,INR,platform"
        );
    }
}

/// langwatch#7287: the amount of the cost report is in cents. Hundred times too much, for everybody.
#[test]
fn cents_are_taken_for_dollars() {
    let page = r#"{"data":[{"starting_at":"2026-09-01T00:00:00Z","ending_at":"2026-09-02T00:00:00Z","results":[{"currency":"USD","amount":"123.45","workspace_id":null,"description":"Claude Usage"},{"currency":"USD","amount":"41280.000000","workspace_id":"w","description":"Claude Usage"}]}],"has_more":false}"#;
    let books = Books::new();
    let (status, talk) = books.post("anthropic", "page.json", page);
    assert_eq!(status, 0, "{talk}");
    assert_eq!(
        books.ask(&[], "SELECT billed_cost FROM costs ORDER BY 1"),
        "1.2345\n412.8"
    );
    assert_eq!(
        books.ask(
            &[],
            "SELECT DISTINCT scope, sum(billed_cost) FROM costs GROUP BY 1"
        ),
        "AI,414.0345"
    );
    for (file, sum) in [
        ("data/bills/anthropic/cost_report.json", "2.8"),
        ("data/bills/openai/costs_page.json", "0.06"),
    ] {
        if let Some(file) = shared(file) {
            let books = Books::new();
            let (status, talk) = books.deliver("api", &[file]);
            assert_eq!(status, 0, "{talk}");
            assert_eq!(
                books.ask(
                    &[],
                    "SELECT sum(billed_cost) || ' ' || min(currency) FROM charges"
                ),
                format!("{sum} USD")
            );
        }
    }
}

/// FOCUS-Sample-Data#2: the official sample fails the validator. It is read, its totals hold, and what
/// does not keep the rules is said by checks.
#[test]
fn a_bill_that_breaks_the_rules_is_refused() {
    let Some(file) = shared("data/focus/official-1.0/focus_sample.csv") else {
        return;
    };
    let books = Books::new();
    let (status, talk) = books.deliver("focus", &[file]);
    assert_eq!(status, 0, "{talk}");
    assert_eq!(
        books.ask(
            &[],
            "SELECT count(*), sum(billed_cost), sum(effective_cost), sum(list_cost) FROM charges"
        ),
        "1000,20.52022672899,14.97651418586,20.39090575119"
    );
    assert_eq!(
        books.ask(
            &[],
            "SELECT charge_category, sum(billed_cost) FROM costs GROUP BY 1 ORDER BY 1"
        ),
        "Adjustment,0.272\nCredit,-2.6137\nUsage,22.86192672899"
    );
    books.balanced();
}
