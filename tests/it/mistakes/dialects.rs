//! How the producers of usage count tokens, and what makes two lines of their logs one request. All
//! numbers are worked out from the fixtures by hand.

use crate::sources::{Decoded, catalog, decode_as, decode_file};
use crate::support::{project, shared};
use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use spendscope::base::clock::FixedClock;
use spendscope::ingest::{IngestReport, Options, State, ingest};
use spendscope::schema::TableSchema;
use spendscope::store::Lake;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

fn fixture(path: &str) -> PathBuf {
    project("tests/fixtures").join(path)
}

fn decoded(path: &str) -> Decoded {
    decode_file(&fixture(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// One attempt: uncached input, cache reads, cache writes, output.
type Buckets = [i64; 4];
const BUCKETS: [&str; 4] = ["uncached_input", "cache_read", "cache_write", "output"];

/// Buckets by request. Of several rows of one request all must be there.
fn buckets(decoded: &Decoded) -> BTreeMap<String, Vec<Buckets>> {
    let columns = BUCKETS.map(|name| {
        let column = decoded.batch.column_by_name(name).unwrap();
        column.as_primitive::<Int64Type>().clone()
    });
    let mut all: BTreeMap<String, Vec<Buckets>> = BTreeMap::new();
    for (row, id) in decoded.texts("request_id").into_iter().enumerate() {
        all.entry(id)
            .or_default()
            .push([0, 1, 2, 3].map(|b| columns[b].value(row)));
    }
    all
}

/// One cell of the only row of a request.
fn cell(decoded: &Decoded, request: &str, column: &str) -> String {
    let rows: Vec<usize> = (decoded.texts("request_id").iter().enumerate())
        .filter(|(_, id)| *id == request)
        .map(|(row, _)| row)
        .collect();
    assert_eq!(rows.len(), 1, "{request}");
    decoded.texts(column)[rows[0]].clone()
}

fn expect(path: &str, expected: &[(&str, Buckets)]) -> Decoded {
    let decoded = decoded(path);
    let found = buckets(&decoded);
    for (request, wanted) in expected {
        assert_eq!(found.get(*request), Some(&vec![*wanted]), "{request} in {path}");
    }
    decoded
}

// ── buckets ──────────────────────────────────────────────────────────────────────────────

/// The prompt of OpenAI, of Gemini and of LiteLLM contains what was read from the cache; Anthropic's
/// input does not. In each, Σ of the three buckets of input is the prompt that was billed.
#[test]
fn cached_input_is_counted_twice() {
    // 1000 = 700 + 300.
    expect(
        "openai_chat/buckets.in.jsonl",
        &[("cached-and-reasoning", [700, 300, 0, 50])],
    );
    // 1000 = 600 + 400.
    expect(
        "openai_responses/buckets.in.jsonl",
        &[("cached-and-reasoning", [600, 400, 0, 90])],
    );
    // 1000 = 400 + 600; the output is 50 candidates and 200 thoughts.
    expect(
        "gemini/buckets.in.jsonl",
        &[("thoughts-beside-candidates", [400, 600, 0, 250])],
    );
    // 100 + 5000 + 3000, nothing taken off.
    expect(
        "anthropic_messages/buckets.in.jsonl",
        &[("msg_reads_and_writes_beside_the_input", [100, 5000, 3000, 70])],
    );
    expect(
        "bedrock_invocations/invocations.in.jsonl",
        &[
            ("reads-and-writes-beside-the-input", [2, 95_500, 3000, 40]),
            ("the-body-alone-says-cache", [10, 100, 30, 4]),
        ],
    );
    // 10,000 = 1000 + 6000 + 3000.
    for file in [
        "litellm/terms_modalities_and_tiers.in.jsonl",
        "litellm_payload/terms_and_tiers.in.jsonl",
    ] {
        expect(file, &[("writes-of-an-hour", [1000, 6000, 3000, 5])]);
    }
}

/// Reads and writes are both inside the input of a span: 1000 = 100 + 600 + 300.
#[test]
fn an_exporter_subtracts_reads_and_forgets_writes() {
    expect(
        "otel_genai/old_and_new_names.in.json",
        &[("new-names", [100, 600, 300, 50])],
    );
    // 2000 = 500 + 500 + 1000, 3000 = 500 + 1000 + 1500.
    expect(
        "openai_chat/buckets.in.jsonl",
        &[("billed-cache-writes", [500, 500, 1000, 10])],
    );
    expect(
        "openai_responses/buckets.in.jsonl",
        &[("billed-cache-writes", [500, 1000, 1500, 10])],
    );
}

/// Instrumentation from before the rule leaves the cache out of the input: nothing goes below zero, and
/// the row says so.
#[test]
fn the_input_of_a_span_leaves_its_cache_out() {
    let spans = expect(
        "otel_genai/old_and_new_names.in.json",
        &[
            ("input-without-its-cache", [0, 600, 0, 9]),
            ("old-names", [80, 0, 0, 8]),
            ("names-of-others", [70, 30, 0, 9]),
        ],
    );
    assert_eq!(cell(&spans, "input-without-its-cache", "overlap"), "true");
    assert_eq!(cell(&spans, "new-names", "overlap"), "false");
}

#[test]
fn details_exceed_their_total_and_buckets_go_below_zero() {
    for (file, request, wanted) in [
        ("openai_chat", "cached-beyond-the-prompt", [0, 120, 0, 1]),
        ("openai_responses", "cached-beyond-the-prompt", [0, 150, 0, 1]),
        ("gemini", "cached-beyond-the-prompt", [0, 130, 0, 1]),
    ] {
        let decoded = expect(&format!("{file}/buckets.in.jsonl"), &[(request, wanted)]);
        assert_eq!(cell(&decoded, request, "overlap"), "true", "{file}");
    }
}

/// 90 of 100 tokens were cached, and 50 are audio: at most 10 of these were not cached.
#[test]
fn cached_tokens_overlap_a_modality() {
    for file in [
        "openai_chat/buckets.in.jsonl",
        "litellm/terms_modalities_and_tiers.in.jsonl",
    ] {
        let request = "cached-tokens-overlap-a-modality";
        let decoded = expect(file, &[(request, [10, 90, 0, 1])]);
        assert_eq!(cell(&decoded, request, "audio_input"), "10");
        assert_eq!(cell(&decoded, request, "overlap"), "true");
        // Where nothing overlaps: 500 = 400 (200 audio, 50 images) + 100, and 60 of 80 out are audio.
        let request = "audio-and-images";
        assert_eq!(buckets(&decoded)[request], [[400, 100, 0, 80]]);
        let parts = ["audio_input", "image_input", "audio_output", "overlap"];
        assert_eq!(
            parts.map(|c| cell(&decoded, request, c)),
            ["200", "50", "60", "false"]
        );
    }
    // The usage says how much of the audio was cached: 400 − 250, and 300 − 150.
    let chat = decoded("openai_chat/buckets.in.jsonl");
    assert_eq!(cell(&chat, "cached-audio-is-not-new-audio", "audio_input"), "150");
    let gemini = expect(
        "gemini/buckets.in.jsonl",
        &[("audio-half-of-it-cached", [300, 200, 0, 90])],
    );
    let parts = ["audio_input", "image_input", "image_output", "overlap"];
    assert_eq!(
        parts.map(|c| cell(&gemini, "audio-half-of-it-cached", c)),
        ["150", "100", "80", "false"]
    );
}

/// Reasoning is inside the output, whatever the producer's total looks like.
#[test]
fn reasoning_is_priced_twice_or_not_at_all() {
    let chat = expect(
        "openai_chat/buckets.in.jsonl",
        &[
            ("cached-and-reasoning", [700, 300, 0, 50]),
            // 45 = 10 + 5 + 30: this provider leaves its reasoning out of the completion.
            ("reasoning-beside-the-completion", [10, 0, 0, 35]),
        ],
    );
    assert_eq!(cell(&chat, "cached-and-reasoning", "reasoning"), "20");
    assert_eq!(cell(&chat, "reasoning-beside-the-completion", "reasoning"), "30");
    let gemini = expect(
        "gemini/buckets.in.jsonl",
        &[
            // 1250 = 1000 + 50 + 200: thoughts on top.
            ("thoughts-beside-candidates", [400, 600, 0, 250]),
            // 350 = 100 + 250: thoughts inside.
            ("thoughts-inside-candidates", [100, 0, 0, 250]),
            // 155 = 100 + 40 + 10 + 5: the prompts of tools are input on top of the prompt.
            ("tools-on-top-of-the-prompt", [140, 0, 0, 15]),
        ],
    );
    assert_eq!(cell(&gemini, "thoughts-inside-candidates", "reasoning"), "200");
}

#[test]
fn cache_writes_of_an_hour_are_priced_as_those_of_five_minutes() {
    for (file, request, written, hour) in [
        (
            "anthropic_messages/buckets.in.jsonl",
            "msg_reads_and_writes_beside_the_input",
            "3000",
            "2000",
        ),
        (
            "anthropic_messages/buckets.in.jsonl",
            "msg_only_the_parts",
            "30",
            "20",
        ),
        (
            "anthropic_messages/buckets.in.jsonl",
            "msg_parts_beyond_the_total",
            "25",
            "25",
        ),
        (
            "anthropic_messages/buckets.in.jsonl",
            "msg_bdrk_by_a_cloud",
            "0",
            "",
        ),
        (
            "bedrock_invocations/invocations.in.jsonl",
            "reads-and-writes-beside-the-input",
            "3000",
            "2000",
        ),
        (
            "litellm/terms_modalities_and_tiers.in.jsonl",
            "writes-of-an-hour",
            "3000",
            "2000",
        ),
        (
            "litellm_payload/terms_and_tiers.in.jsonl",
            "writes-of-an-hour",
            "3000",
            "2000",
        ),
    ] {
        let decoded = decoded(file);
        let got = ["cache_write", "cache_write_1h"].map(|c| cell(&decoded, request, c));
        assert_eq!(got, [written, hour], "{request} in {file}");
    }
    let messages = decoded("anthropic_messages/buckets.in.jsonl");
    assert_eq!(cell(&messages, "msg_parts_beyond_the_total", "overlap"), "true");
}

/// A search is billed by the count in the usage, never by the items of an answer.
#[test]
fn searches_cost_nothing_or_are_counted_by_tool_items() {
    for (file, request, count) in [
        (
            "openai_responses/buckets.in.jsonl",
            "reported-searches-count-items-do-not",
            "3",
        ),
        ("openai_responses/buckets.in.jsonl", "cached-and-reasoning", ""),
        (
            "anthropic_messages/buckets.in.jsonl",
            "msg_reads_and_writes_beside_the_input",
            "2",
        ),
        ("claude_code/session.in.jsonl", "msg_2:req_2", "1"),
        (
            "litellm/terms_modalities_and_tiers.in.jsonl",
            "writes-of-an-hour",
            "4",
        ),
        (
            "litellm_payload/terms_and_tiers.in.jsonl",
            "writes-of-an-hour",
            "4",
        ),
        ("openai_chat/buckets.in.jsonl", "searched", "2"),
    ] {
        assert_eq!(cell(&decoded(file), request, "web_searches"), count, "{file}");
    }
}

#[test]
fn tiers_regions_and_deployments_are_lost_on_the_way() {
    for (file, request, column, wanted) in [
        (
            "openai_chat/buckets.in.jsonl",
            "cached-and-reasoning",
            "service_tier",
            "standard",
        ),
        (
            "openai_chat/buckets.in.jsonl",
            "audio-and-images",
            "service_tier",
            "priority",
        ),
        (
            "openai_chat/envelopes.in.jsonl",
            "of-a-batch",
            "service_tier",
            "batch",
        ),
        (
            "openai_responses/events_of_a_stream.in.jsonl",
            "of-a-batch",
            "service_tier",
            "batch",
        ),
        (
            "anthropic_messages/envelopes.in.jsonl",
            "msg_of_a_batch",
            "service_tier",
            "batch",
        ),
        (
            "anthropic_messages/buckets.in.jsonl",
            "msg_reads_and_writes_beside_the_input",
            "region",
            "us",
        ),
        (
            "anthropic_messages/buckets.in.jsonl",
            "msg_only_the_parts",
            "region",
            "",
        ),
        (
            "gemini/vertex_and_envelopes.in.jsonl",
            "in-the-names-of-a-client",
            "service_tier",
            "provisioned_throughput",
        ),
        (
            "gemini/vertex_and_envelopes.in.jsonl",
            "of-vertex",
            "provider",
            "vertex_ai",
        ),
        (
            "bedrock_invocations/invocations.in.jsonl",
            "a-profile-across-regions",
            "region",
            "us-west-2",
        ),
        (
            "bedrock_invocations/invocations.in.jsonl",
            "a-profile-across-regions",
            "model",
            "us.anthropic.claude-x-v1:0",
        ),
        (
            "litellm/terms_modalities_and_tiers.in.jsonl",
            "writes-of-an-hour",
            "deployment",
            "dep-1",
        ),
        (
            "litellm/terms_modalities_and_tiers.in.jsonl",
            "a-batch-is-fetched",
            "service_tier",
            "batch",
        ),
        (
            "litellm_payload/terms_and_tiers.in.jsonl",
            "writes-of-an-hour",
            "region",
            "eu-west-1",
        ),
        (
            "otel_genai/old_and_new_names.in.json",
            "failed",
            "region",
            "eu-west-1",
        ),
        (
            "claude_code/session.in.jsonl",
            "msg_bdrk_3",
            "provider",
            "bedrock",
        ),
    ] {
        assert_eq!(
            cell(&decoded(file), request, column),
            wanted,
            "{request} in {file}"
        );
    }
}

/// What a producer counts and no bucket takes is kept beside the row, and said aloud.
#[test]
fn an_unknown_usage_key_becomes_zero_without_a_word() {
    for (file, request, wanted) in [
        (
            "openai_chat/buckets.in.jsonl",
            "a-class-nobody-knows",
            "{usage.num_sources_used: 3, usage.prompt_tokens_details.hologram_tokens: 7}",
        ),
        (
            "openai_responses/buckets.in.jsonl",
            "a-class-nobody-knows",
            "{usage.hologram_tokens.in: 5}",
        ),
        (
            "anthropic_messages/buckets.in.jsonl",
            "msg_compaction_is_billed_beside_the_total",
            "{usage.iterations.compaction.input_tokens: 180, usage.iterations.compaction.output_tokens: 35}",
        ),
        (
            "gemini/buckets.in.jsonl",
            "a-class-nobody-knows",
            "{usageMetadata.hologramTokenCount: 9}",
        ),
        (
            "bedrock_invocations/invocations.in.jsonl",
            "a-class-nobody-knows",
            "{output.outputBodyJson.usage.hologram_tokens: 6}",
        ),
        (
            "otel_genai/old_and_new_names.in.json",
            "a-class-nobody-knows",
            "{attributes.gen_ai.usage.hologram_tokens: 4}",
        ),
        (
            "claude_code/session.in.jsonl",
            "msg_4:req_4",
            "{message.usage.hologram_tokens: 3}",
        ),
        (
            "litellm/terms_modalities_and_tiers.in.jsonl",
            "a-class-nobody-knows",
            "{metadata.usage_object.prompt_tokens_details.google_maps_grounding_requests: 2}",
        ),
    ] {
        let decoded = decoded(file);
        assert_eq!(cell(&decoded, request, "uncounted"), wanted, "{file}");
        let filled = decoded.batch.column_by_name("uncounted").unwrap();
        assert_eq!(
            filled.len() - filled.null_count(),
            1,
            "known classes are not listed: {:?}",
            decoded.texts("uncounted")
        );
        let said = |note: &String| note.starts_with("no column takes ");
        assert!(
            decoded.report.notes.iter().any(said),
            "{:?}",
            decoded.report.notes
        );
    }
}

/// Calls that failed or were cut off have no usage. They stay, and nothing is made up for them.
#[test]
fn calls_without_usage_vanish() {
    for (file, request, status) in [
        ("openai_chat/envelopes.in.jsonl", "refused", "failure"),
        (
            "openai_chat/envelopes.in.jsonl",
            "cut-off-before-its-usage",
            "failure",
        ),
        ("openai_responses/buckets.in.jsonl", "failed", "failure"),
        ("anthropic_messages/envelopes.in.jsonl", "req_refused", "failure"),
        ("bedrock_invocations/invocations.in.jsonl", "throttled", "failure"),
        (
            "bedrock_invocations/invocations.in.jsonl",
            "the-client-hung-up",
            "success",
        ),
        ("otel_genai/old_and_new_names.in.json", "failed", "failure"),
        ("otel_genai/old_and_new_names.in.json", "cut-off", "success"),
        ("claude_code/session.in.jsonl", "x-1", "failure"),
    ] {
        let decoded = expect(file, &[(request, [0, 0, 0, 0])]);
        assert_eq!(cell(&decoded, request, "status"), status, "{request} in {file}");
    }
}

/// What the gateway's own cache answered is a request, without a token at the provider.
#[test]
fn a_hit_of_the_gateways_cache_costs_tokens() {
    for (file, request) in [
        ("openai_chat/envelopes.in.jsonl", "answered-by-the-gateway"),
        (
            "litellm/terms_modalities_and_tiers.in.jsonl",
            "hit-of-the-gateway",
        ),
    ] {
        let decoded = expect(file, &[(request, [0, 0, 0, 0])]);
        assert_eq!(cell(&decoded, request, "gateway_cache_hit"), "true");
        assert_eq!(cell(&decoded, request, "audio_input"), "0");
    }
}

/// Spans of agents repeat the tokens of the calls inside them; those of tools have none.
#[test]
fn spans_of_agents_and_tools_are_requests() {
    let spans = decoded("otel_genai/old_and_new_names.in.json");
    let mut ids = spans.texts("request_id");
    ids.sort();
    assert_eq!(
        ids,
        [
            "a-class-nobody-knows",
            "cut-off",
            "failed",
            "input-without-its-cache",
            "names-of-others",
            "new-names",
            "old-names"
        ]
    );
    assert_eq!(
        cell(&spans, "new-names", "started_at"),
        "2026-09-14T10:00:00.123456Z",
        "nanoseconds are cut"
    );
    assert_eq!(cell(&spans, "new-names", "latency_ms"), "1500.0");
    assert_eq!(cell(&spans, "new-names", "team"), "shop", "of the resource");
    assert_eq!(spans.report.rejects.len(), 1, "{:?}", spans.report.rejects);
}

#[test]
fn real_spans() {
    let Some(root) = shared("data/gateway/otlp") else {
        return;
    };
    let chat = decode_file(&root.join("genai_chat_spans.json")).unwrap();
    assert_eq!(chat.format, "otel_genai");
    assert_eq!(buckets(&chat)["00f067aa0ba902b7"], [[31, 0, 0, 19]]);
    assert_eq!((chat.report.rows_in, chat.report.rejects.len()), (1, 0));
    assert_eq!(chat.texts("task_id"), ["conv-7f3a"]);
    assert_eq!(
        [chat.texts("model"), chat.texts("model_group")],
        [["gpt-4o-2024-08-06"], ["gpt-4o"]]
    );
    let old = decode_file(&root.join("genai_legacy_semconv_1.36.json")).unwrap();
    assert_eq!(buckets(&old)["1111"], [[0, 0, 0, 0]]);
    assert_eq!(old.texts("provider"), ["openai"]);
}

/// Nothing that was said, and no name of a person or of a folder, in any column of any row, nor in what
/// is said about refused ones.
#[test]
fn prompts_reach_the_lake() {
    let mut rows = 0;
    for format in catalog().iter().filter(|m| m.table.name == "requests") {
        for entry in std::fs::read_dir(fixture(&format.id)).unwrap() {
            let path = entry.unwrap().path();
            if !path.to_string_lossy().contains(".in.") {
                continue;
            }
            let input = std::fs::read_to_string(&path).unwrap();
            assert!(input.contains("secret"), "{} tries nothing", path.display());
            let decoded = decode_file(&path).unwrap();
            rows += decoded.batch.num_rows();
            let mut words = format!("{:?} {:?}", decoded.report.rejects, decoded.report.notes);
            for column in decoded.batch.schema().fields() {
                words.push_str(&decoded.texts(column.name()).join(" "));
            }
            for forbidden in ["secret", "someone@", "/home/"] {
                assert!(!words.contains(forbidden), "{forbidden} of {}", path.display());
            }
        }
    }
    assert!(rows > 50, "{rows}");
}

// ── identity ─────────────────────────────────────────────────────────────────────────────

struct Place {
    dir: tempfile::TempDir,
    lake: Lake,
}

impl Place {
    async fn new() -> Place {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock("2026-11-01T00:00:00Z".parse().unwrap()));
        let lake = Lake::open(dir.path().join("lake").to_str().unwrap(), clock)
            .await
            .unwrap();
        Place { dir, lake }
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join("in").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    async fn put(&self, paths: &[String]) -> IngestReport {
        self.deliver(paths, &Options::default()).await
    }

    async fn deliver(&self, paths: &[String], options: &Options) -> IngestReport {
        ingest(&self.lake, &catalog(), paths, options, &mut ())
            .await
            .unwrap()
    }

    /// Source, request and buckets of every row.
    async fn requests(&self) -> Vec<(String, String, Buckets)> {
        let table = TableSchema::named("requests").unwrap();
        let mut all = Vec::new();
        if let Some(snapshot) = self.lake.snapshot(table, None).await.unwrap() {
            let columns = [&["source", "request_id"], &BUCKETS[..]].concat();
            for batch in snapshot.read(&columns, &[]).await.unwrap() {
                for row in 0..batch.num_rows() {
                    let text = |c: usize| batch.column(c).as_string::<i32>().value(row).to_owned();
                    let count = |c: usize| batch.column(c).as_primitive::<Int64Type>().value(row);
                    all.push((text(0), text(1), [2, 3, 4, 5].map(count)));
                }
            }
        }
        all.sort();
        all
    }
}

fn row(source: &str, id: &str, buckets: Buckets) -> (String, String, Buckets) {
    (source.to_owned(), id.to_owned(), buckets)
}

/// One line of a session: the answer `id` with `output` tokens so far.
fn line(session: &str, id: u8, output: u32) -> String {
    format!(
        r#"{{"parentUuid":"p","isSidechain":false,"sessionId":"{session}","type":"assistant","uuid":"{session}{output}","timestamp":"2026-09-14T10:00:0{id}Z","requestId":"req_{id}","message":{{"id":"msg_{id}","type":"message","role":"assistant","model":"claude-x","content":[{{"type":"text","text":"secret"}}],"usage":{{"input_tokens":3,"cache_creation_input_tokens":100,"cache_read_input_tokens":1000,"output_tokens":{output}}}}}}}"#
    )
}

/// The usage of a stream grows from chunk to chunk: its last state counts, never the sum.
#[tokio::test]
async fn the_tokens_of_a_stream_are_summed_per_chunk() {
    let place = Place::new().await;
    let files = [
        "openai_chat/chunks_of_a_stream.in.jsonl",
        "openai_responses/events_of_a_stream.in.jsonl",
        "gemini/chunks_of_a_stream.in.jsonl",
    ];
    place.put(&files.map(|f| fixture(f).display().to_string())).await;
    assert_eq!(
        place.requests().await,
        [
            row("gemini", "one-stream", [100, 0, 0, 27]),
            row("openai_chat", "one-stream", [100, 0, 0, 17]),
            row("openai_responses", "of-a-batch", [60, 0, 0, 6]),
            row("openai_responses", "streamed", [50, 0, 0, 5]),
        ]
    );
}

/// An answer is logged once for each of its blocks, with the same usage or with less of it.
#[tokio::test]
async fn blocks_of_one_answer_are_counted_each() {
    let place = Place::new().await;
    let report = place
        .put(&[fixture("claude_code/session.in.jsonl").display().to_string()])
        .await;
    let requests = place.requests().await;
    assert_eq!(
        requests,
        [
            row("claude_code", "msg_1:req_1", [4, 12_000, 3000, 310]),
            row("claude_code", "msg_2:req_2", [4, 12_000, 3000, 20]),
            row("claude_code", "msg_4:req_4", [4, 12_000, 3000, 1]),
            row("claude_code", "msg_bdrk_3", [5, 0, 0, 1]),
            row("claude_code", "x-1", [0, 0, 0, 0]),
        ]
    );
    // Seven answers and one refused line; of the other lines none is a row and none is refused.
    let file = &report.files[0];
    assert_eq!(
        (file.rows_in, file.rows_kept, file.rows_known, file.rows_rejected),
        (8, 5, 2, 1)
    );
}

/// A resumed or forked session repeats the answers of the session it came from, under its own name.
#[tokio::test]
async fn resumed_and_forked_sessions_are_counted_again() {
    let place = Place::new().await;
    let parent = [line("s1", 1, 8), line("s1", 1, 50), line("s1", 2, 70)];
    let fork = [line("s2", 1, 8), line("s2", 2, 70), line("s2", 3, 90)];
    let resumed = [line("s1", 2, 70), line("s1", 3, 20)];
    let parent = place.file("parent.jsonl", &parent.join("\n"));
    let fork = place.file("fork.jsonl", &fork.join("\n"));
    let resumed = place.file("resumed.jsonl", &resumed.join("\n"));
    let wanted = [
        row("claude_code", "msg_1:req_1", [3, 1000, 100, 50]),
        row("claude_code", "msg_2:req_2", [3, 1000, 100, 70]),
        row("claude_code", "msg_3:req_3", [3, 1000, 100, 90]),
    ];
    // One after the other, and again all at once.
    for file in [&resumed, &fork, &parent] {
        place.put(std::slice::from_ref(file)).await;
    }
    assert_eq!(place.requests().await, wanted);
    let again = place.put(&[parent.clone(), fork.clone(), resumed.clone()]).await;
    assert!(again.files.iter().all(|f| f.state == State::AlreadyIngested));
    let other = Place::new().await;
    other.put(&[fork, parent, resumed]).await;
    assert_eq!(other.requests().await, wanted);
}

/// Subagents log into folders of their own: a folder is read with all that is below it.
#[tokio::test]
async fn files_of_subagents_are_missed() {
    let place = Place::new().await;
    place.file("s1.jsonl", &line("s1", 1, 50));
    place.file("s1/subagents/agent-a.jsonl", &line("s1", 2, 60));
    place.file("s1/subagents/notes.txt", "no log");
    let report = place
        .put(&[place.dir.path().join("in").display().to_string()])
        .await;
    assert_eq!(
        place.requests().await,
        [
            row("claude_code", "msg_1:req_1", [3, 1000, 100, 50]),
            row("claude_code", "msg_2:req_2", [3, 1000, 100, 60]),
        ]
    );
    let unknown: Vec<_> = report
        .files
        .iter()
        .filter(|f| f.state == State::Unknown)
        .collect();
    assert_eq!(unknown.len(), 1, "what is not read is said");
}

const SPENT: &str = r#"{"request_id":"r-1","call_type":"acompletion","spend":0.5,"startTime":"2026-09-14 10:00:00","endTime":"2026-09-14 10:00:01","model":"m","custom_llm_provider":"p","prompt_tokens":100,"completion_tokens":5,"metadata":"{\"usage_object\":{\"prompt_tokens_details\":{\"cached_tokens\":40}}}"}"#;
const LOGGED: &str = r#"{"id":"r-1","call_type":"acompletion","response_cost":0.5,"startTime":1789380000.0,"endTime":1789380001.0,"model":"m","custom_llm_provider":"p","prompt_tokens":100,"completion_tokens":5,"metadata":{"usage_object":{"prompt_tokens_details":{"cached_tokens":40}}}}"#;

/// The spend log and the logging callback of one gateway tell of the same requests.
#[tokio::test]
async fn two_exports_of_one_gateway_count_twice() {
    let place = Place::new().await;
    let (spent, logged) = (place.file("a.jsonl", SPENT), place.file("b.jsonl", LOGGED));
    let wanted = [row("litellm", "r-1", [60, 40, 0, 5])];
    place.put(std::slice::from_ref(&spent)).await;
    place.put(std::slice::from_ref(&logged)).await;
    assert_eq!(place.requests().await, wanted);
    let other = Place::new().await;
    other.put(&[logged, spent]).await;
    assert_eq!(other.requests().await, wanted);
}

/// A lake that took a file when its format was a source of its own does not take it again.
#[tokio::test]
async fn a_source_with_a_new_name_is_ingested_again() {
    let place = Place::new().await;
    let logged = place.file("b.jsonl", LOGGED);
    let former = Options {
        source: Some("litellm_payload".to_owned()),
        ..Options::default()
    };
    place.deliver(std::slice::from_ref(&logged), &former).await;
    let report = place.put(&[logged]).await;
    assert_eq!(report.files[0].state, State::AlreadyIngested);
    assert_eq!(
        place.requests().await,
        [row("litellm_payload", "r-1", [60, 40, 0, 5])]
    );
}

/// Attempts of one request bear the call's id where the producer writes one; without it they are told
/// by their order, which is a matter of the views.
#[test]
fn attempts_lose_the_request_they_belong_to() {
    let chat = decoded("openai_chat/envelopes.in.jsonl");
    assert_eq!(cell(&chat, "wrapped", "call_id"), "c-1");
    assert_eq!(cell(&chat, "wrapped", "task_id"), "s-1");
    assert_eq!(cell(&chat, "wrapped", "model_group"), "gpt-x");
    assert_eq!(
        cell(&chat, "wrapped-as-a-text", "task_id"),
        "c-2",
        "without a session, attempts of one call are one task"
    );
    let messages = decoded("anthropic_messages/envelopes.in.jsonl");
    assert_eq!(cell(&messages, "msg_wrapped", "call_id"), "c-1");
    let bedrock = decoded("bedrock_invocations/invocations.in.jsonl");
    assert_eq!(
        cell(&bedrock, "reads-and-writes-beside-the-input", "call_id"),
        "c-1"
    );
}

/// Formats tell themselves apart by their content, also inside an envelope.
#[test]
fn a_log_is_taken_for_another_producers() {
    for (text, wanted) in [
        (
            r#"{"id":"a","object":"chat.completion","created":1,"usage":{}}"#,
            "openai_chat",
        ),
        (
            r#"{"ts":1,"response":{"object":"chat.completion"}}"#,
            "openai_chat",
        ),
        (
            r#"{"ts":1,"response":"{\"object\":\"response\"}"}"#,
            "openai_responses",
        ),
        (
            r#"{"timestamp":1,"response":{"type":"message","id":"msg_1"}}"#,
            "anthropic_messages",
        ),
        (
            r#"[{"type":"message","id":"msg_1","timestamp":1}]"#,
            "anthropic_messages",
        ),
        (
            r#"{"timestamp":1,"response":{"usageMetadata":{"promptTokenCount":1}}}"#,
            "gemini",
        ),
        (r#"{"schemaType":"ModelInvocationLog"}"#, "bedrock_invocations"),
        (SPENT, "litellm"),
        (LOGGED, "litellm_payload"),
    ] {
        let mapping = catalog().detect("x", text.as_bytes()).unwrap();
        assert_eq!(mapping.id, wanted, "{text}");
    }
    let user = r#"{"parentUuid":null,"sessionId":"s","type":"user","message":{"role":"user"}}"#;
    let session = format!("{user}\n{}\n", line("s", 1, 1));
    assert_eq!(
        catalog().detect("x", session.as_bytes()).unwrap().id,
        "claude_code"
    );
    let error = catalog()
        .detect(
            "x",
            br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"spanId":"1"}]}]}]}"#,
        )
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("otel_genai (json) lacks one of"),
        "{error}"
    );
    assert!(decode_as(None, "x", br#"{"object":"embedding"}"#).is_err());
}
