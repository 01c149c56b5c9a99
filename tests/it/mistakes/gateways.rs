//! Logs of gateways, scores of judges and the text of nvidia-smi. All numbers are worked out from the fixtures and
//! from the real files by hand.

use crate::sources::{Decoded, catalog, decode_as, decode_file};
use crate::support::{project, shared};
use arrow::array::{Array, AsArray};
use arrow::datatypes::{Decimal128Type, Int64Type};
use spendscope::base::clock::FixedClock;
use spendscope::base::money;
use spendscope::ingest::{Options, State, ingest};
use spendscope::source::{Bytes, DecodeContext, decode};
use spendscope::store::Lake;
use std::sync::Arc;

/// The formats whose fixtures plant the word in every place that a prompt, a key or a person could stand in.
const PLANTED: [&str; 9] = [
    "cloudflare_ai_gateway",
    "helicone",
    "kong",
    "langfuse",
    "langfuse_scores",
    "litellm",
    "openrouter",
    "otel_evaluations",
    "portkey",
];

fn fixture(path: &str) -> Decoded {
    decode_file(&project("tests/fixtures").join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn sum(decoded: &Decoded, column: &str) -> i64 {
    let column = decoded.batch.column_by_name(column).unwrap();
    column.as_primitive::<Int64Type>().iter().flatten().sum()
}

fn cost(decoded: &Decoded) -> i128 {
    let column = decoded.batch.column_by_name("gateway_cost").unwrap();
    column.as_primitive::<Decimal128Type>().iter().flatten().sum()
}

/// Rows of a request: uncached input, cache reads, cache writes, output.
fn buckets(decoded: &Decoded, request: &str) -> [String; 4] {
    let at = decoded.texts("request_id").iter().position(|id| id == request);
    let at = at.unwrap_or_else(|| panic!("no request {request}"));
    ["uncached_input", "cache_read", "cache_write", "output"].map(|c| decoded.texts(c)[at].clone())
}

fn said(decoded: &Decoded) -> String {
    let mut all = String::new();
    for column in decoded.batch.columns() {
        for row in 0..column.len() {
            all.push_str(&arrow::util::display::array_value_to_string(column, row).unwrap());
            all.push('\n');
        }
    }
    for reject in &decoded.report.rejects {
        all.push_str(&format!("{reject:?}\n"));
    }
    all.push_str(&decoded.report.notes.join("\n"));
    all
}

#[test]
fn prompts_and_people_leak_into_the_lake() {
    for format in PLANTED {
        let mut tried = 0;
        for entry in std::fs::read_dir(project("tests/fixtures").join(format)).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            if !path.to_string_lossy().contains(".in.") || !text.contains("secret") {
                continue;
            }
            tried += 1;
            let decoded = decode_file(&path).unwrap();
            assert!(!said(&decoded).contains("secret"), "{}", path.display());
        }
        assert!(tried > 0, "{format} plants nothing");
    }
}

/// What is cached is inside of the input under some keys and beside it under others; reasoning likewise.
#[test]
fn one_key_of_usage_is_read_like_another() {
    let trace = fixture("langfuse/trace_and_ways_of_counting.in.json");
    for (request, wanted) in [
        // 60 + 40 + 20 + 30 = 150: all beside.
        ("beside", ["60", "40", "0", "50"]),
        // 100 + 50 = 150: 40 of the 100 were cached, 30 of the 50 are reasoning.
        ("inside", ["60", "40", "0", "50"]),
        ("keys-say-beside-total-says-inside", ["60", "40", "0", "50"]),
        ("anthropic-without-total", ["5", "1000", "200", "94"]),
        ("written-for-an-hour", ["5", "1000", "200", "94"]),
        // 205 + 1000 + 94 = 1299: the 200 written are inside of the 205.
        ("writes-left-inside", ["5", "1000", "200", "94"]),
        ("input-only", ["12", "0", "0", "0"]),
    ] {
        assert_eq!(buckets(&trace, request), wanted.map(str::to_owned), "{request}");
    }
    let helicone = fixture("helicone/export.in.jsonl");
    // 60 beside 40 cached; 20 beside 30 of reasoning, both with their audio inside.
    assert_eq!(
        buckets(&helicone, "h-1"),
        ["60", "40", "0", "50"].map(str::to_owned)
    );
    let openrouter = fixture("openrouter/activity.in.csv");
    assert_eq!(
        buckets(&openrouter, "gen-1"),
        ["600", "400", "0", "200"].map(str::to_owned)
    );
}

/// The unit of `latency` differs from file to file; a span's own start and end do not.
#[test]
fn milliseconds_are_taken_for_seconds() {
    let trace = fixture("langfuse/trace_and_ways_of_counting.in.json");
    assert_eq!(trace.texts("latency_ms")[..2], ["2500.0", "1000.0"]);
    assert_eq!(
        trace.texts("latency_ms")[6],
        "",
        "without an end, nor the trace's latency"
    );
}

#[test]
fn an_answer_of_the_gateways_own_cache_costs_tokens() {
    for (file, requests) in [
        ("kong/plugins_and_versions.in.jsonl", vec!["k-3"]),
        ("helicone/export.in.jsonl", vec!["h-2"]),
        ("portkey/export.in.jsonl", vec!["p-2", "p-3"]),
        ("cloudflare_ai_gateway/page.in.json", vec!["c-2"]),
        ("litellm/table_as_csv.in.csv", vec!["csv-2"]),
    ] {
        let decoded = fixture(file);
        let hits: Vec<String> = (decoded.texts("request_id").into_iter())
            .zip(decoded.texts("gateway_cache_hit"))
            .filter(|(_, hit)| hit == "true")
            .map(|(id, _)| id)
            .collect();
        assert_eq!(hits, requests, "{file}");
        for request in requests {
            assert_eq!(buckets(&decoded, request), ["0"; 4].map(str::to_owned), "{file}");
        }
    }
}

#[test]
fn cents_are_taken_for_dollars_and_no_price_for_free() {
    let portkey = fixture("portkey/export.in.jsonl");
    assert_eq!(
        portkey.texts("gateway_cost")[0],
        "0.004200000000000000",
        "0.42 cents"
    );
    let kong = fixture("kong/plugins_and_versions.in.jsonl");
    assert_eq!(
        kong.texts("gateway_cost")[0],
        "",
        "0 of Kong: no price is configured"
    );
    assert_eq!(cost(&kong), money::ONE * 5 / 1000, "0.0038 + 0.0012");
}

/// Two plugins of one request called two models: two attempts, one request.
#[test]
fn a_plugin_that_calls_a_model_is_lost() {
    let kong = fixture("kong/plugins_and_versions.in.jsonl");
    let ids = kong.texts("request_id");
    assert_eq!(ids[1..3], ["k-2:ai-proxy", "k-2:ai-request-transformer"]);
    assert_eq!(kong.texts("call_id")[1..3], ["k-2", "k-2"]);
    assert_eq!(
        (sum(&kong, "uncached_input"), sum(&kong, "output")),
        (13 + (89 - 64) + 28, 12 + 56 + 20)
    );
}

#[test]
fn a_score_becomes_a_success() {
    let scores = fixture("langfuse_scores/traces_with_scores.in.jsonl");
    assert_eq!(scores.texts("success"), ["false"]);
    assert_eq!(scores.texts("scores"), ["{correctness: 0, hallucination: 0.25}"]);
    let refused = &scores.report.rejects[0];
    assert_eq!(
        (refused.value.as_deref(), refused.reason.as_str()),
        (None, "the trace has no score named correctness that has a value")
    );
    let lines = fixture("langfuse_scores/lines.in.jsonl");
    assert_eq!(lines.texts("task_id"), ["t-1", "t-2", "s-5"]);
    assert_eq!(
        lines.report.rejects[0].value.as_deref(),
        Some("0.7"),
        "neither right nor wrong"
    );
}

#[tokio::test]
async fn a_trace_feeds_requests_and_outcomes() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FixedClock("2026-10-05T09:00:00Z".parse().unwrap()));
    let lake = Lake::open(folder.path().join("lake").to_str().unwrap(), clock)
        .await
        .unwrap();
    let file = project("tests/fixtures/langfuse/trace_and_ways_of_counting.in.json");
    let paths = [file.to_string_lossy().into_owned()];
    for (format, rows, again) in [
        (None, 8, false),
        (Some("langfuse_scores"), 1, false),
        (None, 0, true),
    ] {
        let options = Options {
            format: format.map(str::to_owned),
            ..Options::default()
        };
        let report = ingest(&lake, &catalog(), &paths, &options, &mut ())
            .await
            .unwrap();
        let [file] = report.files.as_slice() else {
            panic!("{} files", report.files.len());
        };
        assert_eq!(file.format, format.unwrap_or("langfuse"));
        assert_eq!(file.state == State::AlreadyIngested, again);
        let kept = if again { 0 } else { file.rows_kept };
        assert_eq!(kept, rows, "{:?}", file.notes);
    }
}

/// MIG: no reading is not a reading of 0, whatever the watts say.
#[test]
fn a_gpu_in_slices_is_taken_for_idle() {
    let smi = fixture("nvidia_smi/with_units.in.csv");
    assert_eq!(smi.texts("gpu_util"), ["100.0", "", "0.0"]);
    assert_eq!(smi.texts("power_w"), ["631.95", "433.78", "39.32"]);
}

#[test]
fn masked_devices_become_one() {
    let smi = fixture("nvidia_smi/with_units.in.csv");
    assert_eq!(
        smi.texts("gpu_uuid")[2],
        "GPU-00000000-0000-0000-0000-000000000000@h-1/2"
    );
    assert!(smi.report.rejects[0].reason.contains("query all three"));
}

/// nvidia-smi prints the clock of its host.
#[test]
fn local_times_are_taken_for_utc() {
    let path = project("tests/fixtures/nvidia_smi/without_units.in.csv");
    let bytes = std::fs::read(path).unwrap();
    let mut context = DecodeContext {
        zone: Some(chrono_tz::Europe::Berlin),
        ..DecodeContext::default()
    };
    let mut first = Vec::new();
    for _ in 0..2 {
        let input = Bytes::Stream(Box::new(std::io::Cursor::new(bytes.clone())));
        let report = decode(
            catalog().get("nvidia_smi").unwrap(),
            input,
            &context,
            &mut |batch| {
                let column = batch.column_by_name("sampled_at").unwrap();
                first.push(arrow::util::display::array_value_to_string(column, 0)?);
                Ok(())
            },
        )
        .unwrap();
        assert!(report.notes[0].starts_with("local times were read as those of "));
        context.zone = None;
    }
    assert_eq!(first, ["2026-09-14T06:12:53.353Z", "2026-09-14T08:12:53.353Z"]);
}

/// A sum over requests is no request.
#[test]
fn counters_become_invented_requests() {
    let text = "# TYPE vllm:prompt_tokens_total counter\nvllm:prompt_tokens_total{model_name=\"m\"} 5.0\n";
    let error = decode_as(None, "metrics.prom", text.as_bytes()).err().unwrap();
    assert!(
        error.to_string().contains("no request can be made of them"),
        "{error}"
    );
    assert!(error.advice().unwrap().contains("log of a gateway"));
    let answer = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"vllm:generation_tokens_total","model_name":"m"},"value":[1,"7"]}]}}"#;
    let error = decode_as(None, "answer.json", answer.as_bytes()).err().unwrap();
    assert!(
        error.to_string().contains("no request can be made of them"),
        "{error}"
    );
    let Some(path) = shared("data/gateway/vllm/vllm_metrics_excerpt.prom") else {
        return;
    };
    assert!(
        decode_file(&path)
            .err()
            .unwrap()
            .to_string()
            .contains("no request can be made of them")
    );
}

/// A file that two formats fit is an error for the user; a new format must not make one of an old one.
#[test]
fn a_file_is_taken_for_another_format() {
    for (text, wanted) in [
        (
            r#"{"id":"o","type":"SPAN","parentObservationId":null,"usageDetails":{}}"#,
            "langfuse",
        ),
        (
            r#"{"data":[{"id":"o","traceId":"t","parentObservationId":null,"usageDetails":{}}]}"#,
            "langfuse",
        ),
        (
            r#"{"data":[{"id":"s","traceId":"t","name":"x","value":1,"dataType":"NUMERIC"}]}"#,
            "langfuse_scores",
        ),
        (
            r#"{"id":"t","scores":[{"name":"x","dataType":"NUMERIC"}],"observations":[]}"#,
            "langfuse_scores",
        ),
        (
            r#"{"result":[{"id":"c","tokens_in":1}]}"#,
            "cloudflare_ai_gateway",
        ),
        ("id,created_at,tokens_in,tokens_out\n", "cloudflare_ai_gateway"),
        ("request_id,request_created_at,helicone_user\n", "helicone"),
    ] {
        assert_eq!(
            catalog().detect("x", text.as_bytes()).unwrap().id,
            wanted,
            "{text}"
        );
    }
}

// ── real files ───────────────────────────────────────────────────────────────────────────

#[test]
fn real_langfuse_traces() {
    let Some(root) = shared("data/gateway/langfuse") else {
        return;
    };
    // Requests, input, output, reasoning, cost in 10^-12 dollars; labels and refused scores.
    let expected: [(&str, [i64; 5], [usize; 2]); 6] = [
        ("claude-agent-2025-12-22", [4, 34, 232, 0, 3_582_000_000], [1, 0]),
        ("crewai-2025-07-11", [1, 190, 164, 0, 126_900_000], [0, 2]),
        ("google-adk-2025-08-28", [2, 67, 9, 0, 10_300_000], [0, 2]),
        (
            "google-gemini-2025-08-01",
            [1, 6, 2055, 1104, 5_139_299_999],
            [0, 2],
        ),
        ("openai-agents-2025-09-30", [2, 140, 44, 0, 632_000_000], [0, 2]),
        ("pydantic-ai-2025-06-06", [1, 31, 96, 0, 1_037_500_000], [0, 0]),
    ];
    for (name, requests, [labels, refused]) in expected {
        let path = root.join(format!("{name}.trace.json"));
        let decoded = decode_file(&path).unwrap();
        assert_eq!(decoded.format, "langfuse", "{name}");
        assert_eq!(decoded.report.rejects, [], "{name}");
        let got = [
            decoded.report.rows_out as i64,
            sum(&decoded, "uncached_input") + sum(&decoded, "cache_read"),
            sum(&decoded, "output"),
            sum(&decoded, "reasoning"),
            i64::try_from(cost(&decoded) / 1_000_000).unwrap(),
        ];
        assert_eq!(got, requests, "{name}");
        assert!(decoded.texts("uncounted").iter().all(String::is_empty), "{name}");
        let bytes = std::fs::read(&path).unwrap();
        let scores = decode_as(Some("langfuse_scores"), name, &bytes).unwrap();
        assert_eq!(
            [scores.report.rows_out as usize, scores.report.rejects.len()],
            [labels, refused],
            "{name}"
        );
        for text in [said(&decoded), said(&scores)] {
            assert!(
                text.lines().all(|line| line.len() < 300),
                "{name}: as long as a prompt"
            );
            assert!(
                !text.contains("weather") && !text.contains("generation contains"),
                "{name}"
            );
        }
        if labels == 1 {
            assert_eq!(scores.texts("success"), ["false"]);
            assert_eq!(
                scores.texts("task_id")[0],
                decoded.texts("task_id")[0],
                "they meet"
            );
            assert_eq!(
                scores.texts("scores"),
                ["{correctness: 0, hallucination: 1, toxicity: 0}"]
            );
        }
    }
}

#[test]
fn real_logs_of_kong_and_openrouter() {
    let Some(root) = shared("data/gateway") else {
        return;
    };
    let kong = decode_file(&root.join("kong/ai-proxy-file-log.json")).unwrap();
    assert_eq!((kong.format.as_str(), kong.report.rejects.len()), ("kong", 0));
    assert_eq!(kong.texts("started_at"), ["2026-08-19T04:20:01.719Z"]);
    assert_eq!(
        buckets(&kong, "9ec9264afbbbad5fe5c64877d92eeb04"),
        ["13", "0", "0", "12"].map(str::to_owned)
    );
    assert_eq!(kong.texts("model"), ["gpt-4o-2024-08-06"]);
    assert_eq!(kong.texts("gateway_cost"), [""], "0: no price is configured");
    // A fragment without a request and a start: told what it lacks, and no row is made of it.
    let fragment = root.join("kong/ai-plugin-log-3.x-fragment.json");
    let error = decode_file(&fragment).err().unwrap();
    assert!(error.to_string().contains("kong (json) lacks"), "{error}");
    let bytes = std::fs::read(&fragment).unwrap();
    let fragment = decode_as(Some("kong"), "fragment", &bytes).unwrap();
    assert_eq!((fragment.report.rows_in, fragment.report.rows_out), (2, 0));
    let header = decode_file(&root.join("openrouter/activity_export_header.csv")).unwrap();
    assert_eq!((header.format.as_str(), header.report.rows_in), ("openrouter", 0));
}

#[test]
fn real_readings_of_nvidia_smi() {
    let Some(root) = shared("data/gpu/nvidia-smi") else {
        return;
    };
    for (name, util, used, watts) in [
        (
            "nvidia-geforce-rtx-2080-super__595.71.05__idle",
            "0.0",
            "214.0",
            "39.32",
        ),
        (
            "nvidia-geforce-rtx-2080-super__595.71.05__load",
            "8.0",
            "819.0",
            "111.5",
        ),
        (
            "nvidia-h100-80gb-hbm3__590.48.01__load",
            "100.0",
            "19818.0",
            "631.95",
        ),
        ("nvidia-h100-mig__590.48.01__load", "", "11125.0", "433.78"),
    ] {
        let path = root.join(format!("linux-x86_64__{name}__query-gpu.csv"));
        let masked = decode_file(&path).unwrap();
        assert_eq!(masked.format, "nvidia_smi");
        assert_eq!(
            (masked.report.rows_in, masked.report.rows_out),
            (1, 0),
            "the UUID is masked and the host is not named"
        );
        assert_eq!(masked.report.rejects[0].column, "gpu_uuid");
        // As it was before someone masked it.
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.replace("GPU-00000000-0000", "GPU-00000000-1234");
        let whole = decode_as(None, name, text.as_bytes()).unwrap();
        assert_eq!(whole.report.rejects, []);
        let got = ["gpu_util", "fb_used_mib", "power_w"].map(|c| whole.texts(c)[0].clone());
        assert_eq!(got, [util, used, watts].map(str::to_owned), "{name}");
    }
}
