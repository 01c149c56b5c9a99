//! What must never reach the lake: prompts, answers, keys, and under a key the names of users. Files of every
//! format that logs calls of models are given such texts wherever the real ones carry text, are broken in every
//! way, and are ingested by the program; then every byte and every value of the lake is searched.

use crate::ingest::contents_without;
use crate::sources::catalog;
use crate::support::{project, run, spendscope};
use serde_json::{Map, Value, json};
use spendscope::base::clock::FixedClock;
use spendscope::store::Lake;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const NOW: &str = "2026-11-20T00:00:00Z";
const PROMPT: &str = "Zebra: tell nobody what, we pay for the merger\nand \"why\"";
const ANSWER: &str = "The zebra answers {\"secret\": 42}, at length";
const ADDRESS: &str = "zebra.owner@example.com";
const KEY: &str = "sk-proj-zebra0123456789abcdefghij";
const BEARER: &str = "Bearer zebratoken.0123456789";

/// Keys under which real logs carry texts of people and models, or their secrets. Those that a row has already
/// stay as they are.
fn planted() -> Vec<(&'static str, Value)> {
    vec![
        (
            "messages",
            json!([{"role": "user", "content": PROMPT}, {"role": "assistant", "content": ADDRESS}]),
        ),
        ("prompt", json!(PROMPT)),
        (
            "proxy_server_request",
            json!({"body": {"messages": [{"content": PROMPT}]}, "headers": {"authorization": BEARER}}),
        ),
        ("request_body", json!({"messages": PROMPT})),
        (
            "response_body",
            json!({"choices": [{"message": {"content": ANSWER}}]}),
        ),
        ("requestBody", json!(PROMPT)),
        (
            "choices",
            json!([{"message": {"role": "assistant", "content": ANSWER}, "text": ANSWER}]),
        ),
        (
            "content",
            json!([{"type": "text", "text": ANSWER}, {"type": "tool_use", "input": {"q": PROMPT}}]),
        ),
        ("text", json!(ANSWER)),
        ("system", json!(PROMPT)),
        ("instructions", json!(PROMPT)),
        ("tools", json!([{"function": {"description": PROMPT}}])),
        ("error_message", json!(format!("{KEY} is no key"))),
        ("error_str", json!(PROMPT)),
        ("traceback", json!(PROMPT)),
        ("headers", json!({"authorization": BEARER, "x-api-key": KEY})),
        ("request_headers", json!({"Authorization": BEARER})),
        ("authorization", json!(BEARER)),
        ("api_key", json!(KEY)),
        ("inputBodyJson", json!({"messages": PROMPT})),
        ("comment", json!(ADDRESS)),
        ("statusMessage", json!(PROMPT)),
        ("explanation", json!(PROMPT)),
        ("requester_ip_address", json!(ADDRESS)),
    ]
}

/// Tags that should not have been: a key, a prompt, an object.
fn bad_tags() -> Vec<Value> {
    vec![
        json!(format!("token:{KEY}")),
        json!(KEY),
        json!(format!("note:{PROMPT}")),
        json!(format!("{} {ADDRESS}", PROMPT.replace('\n', " ").repeat(20))),
        json!({"messages": PROMPT}),
    ]
}

/// Texts wherever an object could carry one.
fn plant(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object.iter_mut() {
                match inner {
                    Value::String(text) if text.starts_with('{') => {
                        // JSON in a text.
                        if let Ok(mut inside) = serde_json::from_str::<Value>(text) {
                            plant(&mut inside);
                            *text = inside.to_string();
                        }
                    }
                    Value::Array(tags) if key.ends_with("tags") => tags.extend(bad_tags()),
                    Value::Object(tags) if key == "tags" => tags.extend(bad_tag_map()),
                    Value::String(text) if key.ends_with("tags") && text.starts_with('[') => {
                        if let Ok(Value::Array(mut tags)) = serde_json::from_str(text) {
                            tags.extend(bad_tags());
                            *text = Value::Array(tags).to_string();
                        }
                    }
                    inner => plant(inner),
                }
            }
            // Who counts tokens carries no texts, and everything in there is read.
            let counts = object
                .keys()
                .any(|key| key.to_ascii_lowercase().contains("tokens"));
            let pair = object.len() <= 3 && object.contains_key("value");
            if !pair && (!counts || object.contains_key("model")) {
                for (key, text) in planted() {
                    object.entry(key).or_insert(text);
                }
            }
        }
        Value::Array(items) => {
            items.iter_mut().for_each(plant);
            // Attributes of traces.
            if items
                .iter()
                .any(|item| item.get("key").is_some() && item.get("value").is_some())
            {
                for name in [
                    "gen_ai.prompt",
                    "gen_ai.input.messages",
                    "gen_ai.completion",
                    "http.request.header.authorization",
                ] {
                    items.push(json!({"key": name, "value": {"stringValue": PROMPT}}));
                    items.push(json!({"key": format!("{name}.list"), "value": {"arrayValue": {"values": [{"stringValue": ANSWER}]}}}));
                }
            }
        }
        _ => {}
    }
}

fn bad_tag_map() -> Map<String, Value> {
    bad_tags()
        .into_iter()
        .enumerate()
        .map(|(at, tag)| (format!("t{at}"), tag))
        .collect()
}

/// A row for each of its values that are no text: with a prompt, an object and a list in its place.
fn of_wrong_types(value: &Value) -> Vec<Value> {
    fn paths(value: &Value, path: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                for (key, inner) in object {
                    paths(
                        inner,
                        &format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")),
                        found,
                    );
                }
            }
            Value::Array(items) => {
                for (at, inner) in items.iter().enumerate() {
                    paths(inner, &format!("{path}/{at}"), found);
                }
            }
            Value::Number(_) | Value::Bool(_) => found.push(path.to_owned()),
            _ => {}
        }
    }
    let mut found = Vec::new();
    paths(value, "", &mut found);
    let mut rows = Vec::new();
    for path in found.iter().take(40) {
        for wrong in [
            json!(PROMPT),
            json!("zebra crossing"),
            json!({"content": ANSWER}),
            json!([KEY]),
        ] {
            let mut row = value.clone();
            *row.pointer_mut(path).unwrap() = wrong;
            rows.push(row);
        }
    }
    rows
}

/// Every way in which a JSON file of this format may come.
fn json_files(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut rows: Vec<Value> = serde_json::Deserializer::from_str(text)
        .into_iter::<Value>()
        .map_while(|row| row.ok())
        .collect();
    if rows.is_empty() {
        rows = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
    }
    assert!(!rows.is_empty());
    let wrong: Vec<Value> = rows.iter().take(6).flat_map(of_wrong_types).collect();
    rows.iter_mut().for_each(plant);
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    let mut broken = String::new();
    for (at, line) in lines.iter().enumerate() {
        broken.push_str(line);
        broken.push('\n');
        for part in [3, 5, 8] {
            let mut end = line.len() * part / 9;
            while !line.is_char_boundary(end) {
                end -= 1;
            }
            broken.push_str(&line[..end]);
            broken.push_str(if at % 2 == 0 { "\n" } else { "\"}\n" });
        }
        // A quote that is not escaped, and one too many.
        broken.push_str(&line.replacen("\\\"", "\"", 1));
        broken.push('\n');
        broken.push_str(&line.replacen(": ", ": \"", 1));
        broken.push('\n');
    }
    let pretty: Vec<String> = rows
        .iter()
        .map(|row| serde_json::to_string_pretty(row).unwrap())
        .collect();
    let wrong: Vec<String> = wrong.iter().map(Value::to_string).collect();
    vec![
        ("planted.jsonl", (lines.join("\n") + "\n").into_bytes()),
        ("broken.jsonl", broken.into_bytes()),
        ("list.json", format!("[{}]", lines.join(",\n")).into_bytes()),
        ("pretty.json", pretty.join("\n").into_bytes()),
        (
            "cut.json",
            format!("[{},{}", lines.join(","), &lines[0][..lines[0].len() / 2]).into_bytes(),
        ),
        ("types.jsonl", (wrong.join("\n") + "\n").into_bytes()),
    ]
}

/// The same for a table.
fn csv_files(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
    let write = |rows: &mut dyn Iterator<Item = Vec<String>>| {
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        let more = ["messages", "response", "request_body", "error_message", "headers"];
        writer.write_record(header.iter().chain(more)).unwrap();
        rows.for_each(|row| writer.write_record(row).unwrap());
        writer.into_inner().unwrap()
    };
    let with = |row: &csv::StringRecord| -> Vec<String> {
        let texts = [PROMPT, ANSWER, PROMPT, KEY, BEARER].map(str::to_owned);
        row.iter().map(str::to_owned).chain(texts).collect()
    };
    let good = write(&mut rows.iter().map(with));
    let wrong = write(&mut rows.iter().take(6).flat_map(|row| {
        let mut all = Vec::new();
        for at in 0..row.len() {
            let number = row[at].parse::<f64>().is_ok() || row[at].parse::<bool>().is_ok();
            for text in [PROMPT, "zebra crossing", KEY] {
                if number {
                    let mut cells = with(row);
                    cells[at] = text.to_owned();
                    all.push(cells);
                }
            }
            // A comma that nobody quoted moves every cell, and one cell is lost.
            let mut moved = with(row);
            moved.insert(at, PROMPT.to_owned());
            moved.pop();
            if number {
                all.push(moved);
            }
        }
        all
    }));
    let text = String::from_utf8(good.clone()).unwrap();
    // Quotes that are not closed.
    let broken: String = text
        .lines()
        .map(|line| line.replacen('"', "", 1) + "\n")
        .collect();
    vec![
        ("planted.csv", good),
        ("types.csv", wrong),
        ("broken.csv", broken.into_bytes()),
    ]
}

/// Runs `ingest`; whatever it says must not be a secret either.
fn ingest(folder: &Path, lake: &str, format: &str, file: &Path, key: Option<&str>) -> String {
    let mut command = spendscope(folder);
    command.args(["--now", NOW, "--lake", lake]);
    if let Some(key) = key {
        std::fs::write(
            folder.join("keyed.toml"),
            "[privacy]\nuser_key = { env = \"TEST_USER_KEY\" }\n",
        )
        .unwrap();
        command.env("TEST_USER_KEY", key).args(["--config", "keyed.toml"]);
    }
    let output = command
        .args(["ingest", "--format", format])
        .arg(file)
        .output()
        .unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    assert!(!talk.contains("panicked"), "{format} {}: {talk}", file.display());
    talk
}

/// Where a word stands in a lake: in its files as they lie there, and in every value of every table.
async fn found(lake: &Path, word: &str) -> Vec<String> {
    fn files(folder: &Path, all: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, all);
            } else {
                all.push(path);
            }
        }
    }
    let mut all = Vec::new();
    files(lake, &mut all);
    assert!(!all.is_empty());
    let mut found = Vec::new();
    for path in all {
        let bytes = std::fs::read(&path).unwrap().to_ascii_lowercase();
        if bytes.windows(word.len()).any(|window| window == word.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
    let clock = Arc::new(FixedClock(NOW.parse().unwrap()));
    let lake = Lake::open(&lake.display().to_string(), clock).await.unwrap();
    // The path of a file is the user's own word.
    for (table, rows) in contents_without(&lake, &["path"]).await {
        found.extend(
            rows.into_iter()
                .filter(|row| row.to_ascii_lowercase().contains(word))
                .map(|row| format!("{table}: {row}")),
        );
    }
    found
}

#[tokio::test]
async fn no_prompt_answer_or_key_reaches_the_lake() {
    let dir = tempfile::tempdir().unwrap();
    let (mut formats, mut rows_kept) = (0, BTreeMap::new());
    for mapping in catalog().iter() {
        if !["requests", "outcomes"].contains(&mapping.table.name) {
            continue;
        }
        formats += 1;
        for entry in std::fs::read_dir(project("tests/fixtures").join(&mapping.id)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let Some((why, ending)) = name.split_once(".in.") else {
                continue;
            };
            let text = std::fs::read_to_string(&path).unwrap();
            let files = match ending {
                "csv" => csv_files(text.trim_start_matches('\u{feff}')),
                _ => json_files(text.trim_start_matches('\u{feff}')),
            };
            for (kind, bytes) in files {
                if !bytes.to_ascii_lowercase().windows(5).any(|w| w == b"zebra") {
                    continue;
                }
                let file = dir.path().join(format!("{}-{why}-{kind}", mapping.id));
                std::fs::write(&file, bytes).unwrap();
            }
        }
        // One run for all files of a format.
        let files = dir.path().join(format!("{}-*", mapping.id));
        let talk = ingest(dir.path(), "lake", &mapping.id, &files, None);
        assert!(
            !talk.to_ascii_lowercase().contains("zebra"),
            "{}: {talk}",
            mapping.id
        );
        *rows_kept.entry(mapping.id.clone()).or_insert(0) += talk.matches(" kept").count();
        for file in std::fs::read_dir(dir.path()).unwrap() {
            let file = file.unwrap().path();
            if file.is_file() {
                std::fs::remove_file(file).unwrap();
            }
        }
    }
    assert!(formats >= 15);
    let silent: Vec<_> = rows_kept.iter().filter(|(_, kept)| **kept == 0).collect();
    assert!(silent.is_empty(), "formats of which nothing was kept: {silent:?}");
    let leaks = found(&dir.path().join("lake"), "zebra").await;
    assert!(
        leaks.is_empty(),
        "{} leaks:\n{}",
        leaks.len(),
        leaks[..leaks.len().min(20)].join("\n")
    );
    let (_, rejected, _) = run(
        dir.path(),
        &[
            "--lake",
            "lake",
            "sql",
            "-o",
            "csv",
            "-c",
            "SELECT count(*) AS n FROM rejects",
        ],
    );
    let rejected: u64 = rejected.lines().nth(1).unwrap().parse().unwrap();
    assert!(rejected > 500, "{rejected} rejects");
    println!("{formats} formats, {rejected} rejects");
}

#[tokio::test]
async fn under_a_key_users_are_nobody_and_count_as_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = String::new();
    for (n, user) in ["zelda-7", "yorick@zelda.example.com", "zelda-7", "zeldas-friend"]
        .iter()
        .enumerate()
    {
        let row = json!({
            "request_id": format!("r{n}"), "call_type": "acompletion", "spend": 0.5, "prompt_tokens": 10 + n,
            "completion_tokens": 2, "startTime": "2026-09-14 10:00:00", "endTime": "2026-09-14 10:00:01",
            "model": "gpt-4o", "custom_llm_provider": "openai", "user": user,
            "metadata": {"user_api_key_alias": "ops@zelda.example.com"},
            "request_tags": ["team:cx", format!("asked-by:{user}"), "user_id:zelda-unknown", format!("path:/data/{user}/x"), user],
        });
        log += &format!("{row}\n");
    }
    // A row that is refused names its user, too.
    log += "{\"request_id\": \"bad\", \"call_type\": \"x\", \"spend\": \"zelda-7\", \"startTime\": \"zelda-7\", \"prompt_tokens\": \"yorick@zelda.example.com\"}\n";
    let bill = "BilledCost,EffectiveCost,BillingCurrency,BillingAccountId,ProviderName,ChargePeriodStart,ChargePeriodEnd,BillingPeriodStart,BillingPeriodEnd,ChargeCategory,ServiceName,ResourceName,Tags,x_UserEmail\n\
        5,5,USD,1,GitHub,2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,Usage,Copilot,zelda@example.com,\"{\"\"aws:createdBy\"\": \"\"zelda-7\"\", \"\"team\"\": \"\"cx\"\"}\",zelda-7\n\
        bad zelda-7,5,USD,1,GitHub,zelda-7,2026-10-01T00:00:00Z,2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,Usage,Copilot,,,\n";
    std::fs::write(dir.path().join("log.jsonl"), log).unwrap();
    std::fs::write(dir.path().join("bill.csv"), bill).unwrap();
    let lakes = [
        ("open", None),
        ("keyed", Some("k1")),
        ("again", Some("k1")),
        ("other", Some("k2")),
    ];
    let mut seen = Vec::new();
    for (lake, key) in lakes {
        for (format, file) in [("litellm", "log.jsonl"), ("focus", "bill.csv")] {
            let talk = ingest(dir.path(), lake, format, Path::new(file), key);
            assert!(talk.contains(" kept"), "{talk}");
        }
        let sql = |sql: &str| {
            let (status, out, talk) = run(dir.path(), &["--lake", lake, "sql", "-o", "csv", "-c", sql]);
            assert_eq!(status, 0, "{talk}");
            out
        };
        let by_user = sql(
            "SELECT user_hash, count(*) AS n, sum(output) AS o, sum(gateway_cost) AS c FROM requests GROUP BY user_hash ORDER BY 1",
        );
        let figures = sql(
            "SELECT count(*) AS n, sum(output) AS o, sum(gateway_cost) AS c FROM requests GROUP BY user_hash ORDER BY 1, 2, 3",
        );
        // The name in the log and the name in the bill are one.
        let joined = sql(
            "SELECT count(*) AS n FROM requests r INNER JOIN charges c ON c.extra['x_UserEmail'] = r.user_hash",
        );
        seen.push((by_user, figures, joined));
        let leaks = found(&dir.path().join(lake), "zelda").await;
        assert_eq!(leaks.is_empty(), key.is_some(), "{lake}: {leaks:#?}");
    }
    assert!(
        seen.iter().all(|(_, figures, _)| *figures == seen[0].1),
        "{seen:#?}"
    );
    assert_eq!(seen[1], seen[2], "the same key gives the same hashes");
    assert_ne!(seen[1].0, seen[3].0, "another key gives others");
    assert_eq!(seen[1].2.lines().nth(1), Some("2"), "joins go on under a key");
    let (_, tags, _) = run(
        dir.path(),
        &[
            "--lake",
            "keyed",
            "sql",
            "-o",
            "csv",
            "-c",
            "SELECT DISTINCT tags['team'] AS t FROM requests",
        ],
    );
    assert_eq!(tags.lines().nth(1), Some("cx"));
}

#[test]
fn a_key_that_hides_nothing_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("empty"), " \n").unwrap();
    std::fs::write(dir.path().join("key"), "a long platypus text\n").unwrap();
    std::fs::write(
        dir.path().join("o.csv"),
        "task_id,success,recorded_at\na,true,2026-10-01\n",
    )
    .unwrap();
    for (said, words) in [
        (
            "{ env = \"NOBODY_SET_THIS\" }",
            "the environment variable NOBODY_SET_THIS is not set",
        ),
        ("{ file = \"empty\" }", "the key for user names is empty"),
        ("{ file = \"nowhere\" }", "nowhere"),
        ("\"a platypus in clear\"", "privacy"),
        ("{ file = \"key\" }", ""),
    ] {
        std::fs::write(
            dir.path().join("spendscope.toml"),
            format!("[privacy]\nuser_key = {said}\n"),
        )
        .unwrap();
        let (status, _, talk) = run(dir.path(), &["--lake", "lake", "ingest", "o.csv"]);
        assert_eq!(status == 0, words.is_empty(), "{said}: {talk}");
        assert!(
            talk.contains(words) && !talk.contains("platypus"),
            "{said}: {talk}"
        );
    }
}
