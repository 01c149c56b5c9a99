#![allow(clippy::unwrap_used)]

use super::*;
use crate::base::money;
use flate2::read::GzDecoder;
use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::path::PathBuf;
use std::sync::LazyLock;

struct Made {
    folder: tempfile::TempDir,
    summary: Summary,
}

fn make(options: &Options) -> Made {
    let folder = tempfile::tempdir().unwrap();
    let summary = write(options, folder.path(), &mut |_, _| {}).unwrap();
    Made { folder, summary }
}

/// The sample, made once for all tests.
static SAMPLE: LazyLock<Made> = LazyLock::new(|| make(&Options::sample()));

fn read(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut text = String::new();
        GzDecoder::new(bytes.as_slice())
            .read_to_string(&mut text)
            .unwrap();
        return text;
    }
    String::from_utf8(bytes).unwrap()
}

impl Made {
    /// Path and text of the files below a folder, in order of path.
    fn below(&self, prefix: &str) -> Vec<(String, String)> {
        let files = self
            .summary
            .files
            .iter()
            .filter(|file| file.path.starts_with(prefix));
        files
            .map(|file| (file.path.clone(), read(&self.folder.path().join(&file.path))))
            .collect()
    }

    fn json_lines(&self, prefix: &str) -> Vec<serde_json::Value> {
        let files = self
            .below(prefix)
            .into_iter()
            .filter(|(path, _)| path.contains(".jsonl"));
        files
            .flat_map(|(_, text)| {
                text.lines()
                    .map(|line| serde_json::from_str(line).unwrap())
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    fn charges(&self, prefix: &str) -> Vec<HashMap<String, String>> {
        let files = self.below(prefix).into_iter();
        files
            .flat_map(|(_, text)| {
                csv::Reader::from_reader(text.as_bytes())
                    .deserialize()
                    .map(Result::unwrap)
                    .collect::<Vec<_>>()
            })
            .collect()
    }
}

fn small(profile: Profile) -> Options {
    let base = if profile == Profile::Sample {
        Options::sample()
    } else {
        Options::bench(400)
    };
    Options {
        requests: 400,
        bill_rows: 5_000,
        from: sample::day(2026, 9, 8),
        to: sample::day(2026, 9, 11),
        step_seconds: 3_600,
        ..base
    }
}

#[test]
fn the_committed_sample_is_what_its_seed_gives() {
    let committed = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("sample-data");
    for file in &SAMPLE.summary.files {
        let path = committed.join(&file.path);
        let found = std::fs::read(&path).unwrap_or_default();
        let made = std::fs::read(SAMPLE.folder.path().join(&file.path)).unwrap();
        assert!(found == made, "{} differs from what the seed gives", file.path);
    }
}

#[test]
fn the_sample_fits_into_a_repository() {
    assert!(
        SAMPLE.summary.bytes() < 6_000_000,
        "{} bytes",
        SAMPLE.summary.bytes()
    );
    assert!(
        (25_000..40_000).contains(&SAMPLE.summary.attempts),
        "{} attempts",
        SAMPLE.summary.attempts
    );
}

#[test]
fn same_seed_same_bytes_other_seed_other_bytes() {
    for profile in [Profile::Sample, Profile::Bench] {
        let options = small(profile);
        let (first, second) = (make(&options), make(&options));
        assert_eq!(first.summary, second.summary);
        for file in &first.summary.files {
            let of = |made: &Made| std::fs::read(made.folder.path().join(&file.path)).unwrap();
            assert!(of(&first) == of(&second), "{}", file.path);
        }
        let other = make(&Options {
            seed: options.seed + 1,
            ..options
        });
        assert_ne!(first.summary.list_cost, other.summary.list_cost);
    }
}

#[test]
fn readme_and_summary_say_what_the_bills_add_up_to() {
    let readme = read(&SAMPLE.folder.path().join("README.md"));
    for ((source, currency), total) in &SAMPLE.summary.totals {
        let rows = SAMPLE.charges(&format!("billing/{source}/"));
        let sum = |column: &str| {
            rows.iter()
                .map(|row| money::parse(&row[column]).unwrap())
                .sum::<i128>()
        };
        assert_eq!(rows.len() as u64, total.rows, "{source}");
        assert_eq!(
            (sum("BilledCost"), sum("EffectiveCost")),
            (total.billed, total.effective),
            "{source}"
        );
        assert!(
            rows.iter().all(|row| row["BillingCurrency"] == *currency),
            "{source}"
        );
        let billed = money::format_short(total.billed);
        let line = format!(
            "| {source} | {currency} | {} | {billed} | {} |",
            total.rows,
            money::format_short(total.effective)
        );
        assert!(readme.contains(&line), "{line}");
    }
    let currencies: BTreeSet<&str> = SAMPLE.summary.totals.keys().map(|key| key.1.as_str()).collect();
    assert_eq!(currencies, BTreeSet::from(["EUR", "USD"]));
}

#[test]
fn the_commitment_is_paid_for_by_its_hours() {
    let rows = SAMPLE.charges("billing/aws/");
    let sum = |column: &str, of: &dyn Fn(&HashMap<String, String>) -> bool| {
        rows.iter()
            .filter(|row| of(row))
            .map(|row| money::parse(&row[column]).unwrap())
            .sum::<i128>()
    };
    let bought = sum("BilledCost", &|row| row["ChargeCategory"] == "Purchase");
    let used = sum("EffectiveCost", &|row| row["CommitmentDiscountStatus"] == "Used");
    let unused = sum("EffectiveCost", &|row| {
        row["CommitmentDiscountStatus"] == "Unused"
    });
    assert!(used > 0 && unused > 0);
    assert_eq!(bought, used + unused);
    assert!(
        rows.iter()
            .filter(|row| row["CommitmentDiscountStatus"] == "Unused")
            .all(|row| row["ConsumedQuantity"].is_empty())
    );
    for wanted in ["Tax", "Credit"] {
        assert!(rows.iter().any(|row| row["ChargeCategory"] == wanted), "{wanted}");
    }
    let correction = rows
        .iter()
        .find(|row| row["ChargeClass"] == "Correction")
        .unwrap();
    assert!(correction["ChargePeriodStart"] < correction["BillingPeriodStart"]);
    assert!(correction["BilledCost"].starts_with('-'));
}

#[test]
fn three_versions_of_focus() {
    let header = |source: &str| {
        SAMPLE.below(&format!("billing/{source}/"))[0]
            .1
            .lines()
            .next()
            .unwrap()
            .to_owned()
    };
    assert!(!header("anthropic").contains("SkuMeter"));
    assert!(header("openai").contains("SkuMeter") && !header("openai").contains("ServiceProviderName"));
    assert!(header("saas").contains("ServiceProviderName"));
}

#[test]
fn log_lines_hang_together() {
    let lines = SAMPLE.json_lines("gateway/litellm/");
    assert_eq!(lines.len() as u64, SAMPLE.summary.attempts);
    let mut ids = BTreeSet::new();
    let mut previous = String::new();
    let mut hits = 0;
    for line in &lines {
        let text = |name: &str| line[name].as_str().unwrap();
        let count = |name: &str| line[name].as_u64().unwrap();
        assert!(ids.insert(text("request_id").to_owned()));
        assert!(previous.as_str() <= text("startTime"));
        text("startTime").clone_into(&mut previous);
        assert!(
            text("startTime") <= text("completionStartTime")
                && text("completionStartTime") <= text("endTime")
        );
        assert_eq!(
            count("total_tokens"),
            count("prompt_tokens") + count("completion_tokens")
        );
        let metadata: serde_json::Value = serde_json::from_str(text("metadata")).unwrap();
        let usage = &metadata["usage_object"];
        assert_eq!(usage["prompt_tokens"], line["prompt_tokens"]);
        let details = &usage["prompt_tokens_details"];
        let cached = details["cached_tokens"].as_u64().unwrap_or(0)
            + details["cache_creation_tokens"].as_u64().unwrap_or(0);
        assert!(cached <= count("prompt_tokens"));
        let reasoning = usage["completion_tokens_details"]["reasoning_tokens"]
            .as_u64()
            .unwrap_or(0);
        assert!(reasoning <= count("completion_tokens"));
        let tags: Vec<String> = serde_json::from_str(text("request_tags")).unwrap();
        assert!(tags.contains(&"env:prod".to_owned()));
        assert_eq!((text("messages"), text("response")), ("{}", "{}"));
        hits += u64::from(text("cache_hit") == "True");
    }
    assert_eq!(hits, SAMPLE.summary.gateway_hits);
}

/// Tokens by day and model: the bill asks for what was logged, and a few per cent more where something goes past
/// the gateway. Never for less.
#[test]
fn bills_follow_from_the_log() {
    let mut logged: HashMap<(String, &str), u64> = HashMap::new();
    for line in SAMPLE.json_lines("gateway/litellm/") {
        let model = match line["model"].as_str().unwrap() {
            "gpt-5" => "gpt-5-2026-03-11",
            "gpt-5-mini" => "gpt-5-mini-2026-03-11",
            _ => continue,
        };
        if line["cache_hit"] == "True" {
            continue;
        }
        let day = line["startTime"].as_str().unwrap()[..10].to_owned();
        *logged.entry((day, model)).or_default() += line["total_tokens"].as_u64().unwrap();
    }
    let mut billed: HashMap<(String, &str), u64> = HashMap::new();
    let charges = SAMPLE.charges("billing/openai/");
    for row in charges.iter().filter(|row| row["ConsumedUnit"] == "Tokens") {
        let key = (row["ChargePeriodStart"][..10].to_owned(), row["SkuId"].as_str());
        *billed.entry(key).or_default() += row["ConsumedQuantity"].parse::<u64>().unwrap();
    }
    assert!(logged.len() > 170);
    for (key, tokens) in logged {
        let billed = billed[&key] as f64 / tokens as f64;
        let most = if key.1.contains("mini") { 1.065 } else { 1.0 };
        assert!((1.0..=most).contains(&billed), "{key:?}: {billed}");
    }
    assert!(
        billed.keys().any(|key| key.1.starts_with("gpt-5-pro")),
        "shadow spend"
    );
}

#[test]
fn counters_only_rise_except_where_the_driver_was_reloaded() {
    let mut counters: HashMap<(String, i64), u64> = HashMap::new();
    let mut unowned = 0;
    for (path, text) in SAMPLE.below("gpu/gpu-prod/query_range") {
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["data"]["resultType"], "matrix", "{path}");
        for series in answer["data"]["result"].as_array().unwrap() {
            let metric = &series["metric"];
            unowned += usize::from(metric["exported_pod"].is_null() && metric["Hostname"] == "dc-gpu-1");
            for value in series["values"].as_array().unwrap() {
                let (seconds, text) = (value[0].as_i64().unwrap(), value[1].as_str().unwrap());
                match metric["__name__"].as_str().unwrap() {
                    "DCGM_FI_PROF_SM_ACTIVE" if text != "NaN" => {
                        assert!((0.0..=1.0).contains(&text.parse::<f64>().unwrap()));
                    }
                    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION" if text != "9223372036854775808" => {
                        counters.insert(
                            (metric["UUID"].as_str().unwrap().to_owned(), seconds),
                            text.parse().unwrap(),
                        );
                    }
                    _ => {}
                }
            }
        }
    }
    assert!(unowned > 0);
    let mut sorted: Vec<_> = counters.into_iter().collect();
    sorted.sort();
    let falls = sorted
        .windows(2)
        .filter(|pair| pair[0].0.0 == pair[1].0.0 && pair[1].1 < pair[0].1)
        .count();
    assert_eq!(falls, 2, "both devices of the node whose driver was reloaded");
}

#[test]
fn labels_belong_to_tasks_and_one_use_case_never_succeeds() {
    let tasks: BTreeSet<String> = SAMPLE
        .json_lines("gateway/litellm/")
        .iter()
        .map(|line| line["session_id"].as_str().unwrap().to_owned())
        .collect();
    let labels = SAMPLE.json_lines("outcomes/");
    let known = labels
        .iter()
        .filter(|label| tasks.contains(label["task_id"].as_str().unwrap()))
        .count();
    assert!(known * 100 >= labels.len() * 99, "{known} of {}", labels.len());
    let pilot: Vec<_> = labels
        .iter()
        .filter(|label| label["use_case"] == "negotiation-agent")
        .collect();
    assert!(!pilot.is_empty() && pilot.iter().all(|label| label["success"] == false));
    let rows = SAMPLE.charges("outcomes/back-office.csv");
    assert_eq!((rows.len() + labels.len()) as u64, SAMPLE.summary.labels);
    assert!(
        rows.iter()
            .all(|row| tasks.contains(&row["task_id"]) && row["use_case"] == "invoice-extract")
    );
}

#[test]
fn reference_files_can_be_read() {
    let folder = SAMPLE.folder.path();
    let prices: Vec<serde_json::Value> =
        serde_json::from_str(&read(&folder.join("reference/prices.json"))).unwrap();
    assert_eq!(
        prices
            .iter()
            .filter(|price| price["model"] == "gpt-5-mini")
            .count(),
        2
    );
    let registry: toml::Table = toml::from_str(&read(&folder.join("spendscope.toml"))).unwrap();
    assert_eq!(registry["use_cases"].as_table().unwrap().len(), 11);
    assert_eq!(registry["gpu_nodes"].as_array().unwrap().len(), 6);
    assert_eq!(
        registry["pull"]["prometheus"][0]["step_seconds"].as_integer(),
        Some(900)
    );
    assert!(
        read(&folder.join("reference/fx.csv"))
            .lines()
            .nth(1)
            .unwrap()
            .contains(",EUR,USD,1.")
    );
}

#[test]
fn the_bench_is_wide_and_its_lines_are_long() {
    let made = make(&small(Profile::Bench));
    let (_, log) = &made.below("gateway/")[0];
    let longest = log.lines().map(str::len).max().unwrap();
    assert!((1_500..2_000).contains(&longest), "{longest}");
    let registry: toml::Table = toml::from_str(&made.below("spendscope.toml")[0].1).unwrap();
    assert_eq!(registry["models"].as_table().unwrap().len(), 11); // and one that nobody registered
    assert_eq!(registry["use_cases"].as_table().unwrap().len(), 24); // and one likewise
    let rows: u64 = made.summary.totals.values().map(|total| total.rows).sum();
    assert!((5_000..9_000).contains(&rows), "{rows}");
}

#[test]
fn impossible_wishes_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for options in [
        Options {
            to: sample::day(2026, 7, 1),
            ..Options::sample()
        },
        Options {
            requests: 0,
            ..Options::sample()
        },
        Options {
            step_seconds: 7,
            ..Options::sample()
        },
    ] {
        assert!(write(&options, folder.path(), &mut |_, _| {}).is_err());
    }
}
