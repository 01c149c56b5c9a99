//! What pictures of reports add to their figures: what changed above a course, the parts of a window side by
//! side, and words that nobody cut.

use super::facts::Facts;
use crate::reports::{engine, september};
use crate::support::assets;
use serde_json::json;
use spendscope::asset::Assets;
use spendscope::engine::{Registry, Settings};
use spendscope::render::document::Body;
use spendscope::render::{self, board};

const COURSES: &str = r#"
    title = "Courses"
    description = "Two of them."
    [[section]]
    id = "days"
    title = "Latency"
    wide = true
    data = { source = "metric", metric = "gateway/latency", by = ["day"], subtitle = "by day", empty = "None." }
    chart = { kind = "line", x = ["day"], y = ["latency_ms_p50"], labels = ["median"], changes = true }
    [[section]]
    id = "parts"
    title = "Latency in parts"
    wide = true
    data = { source = "metric", metric = "gateway/latency", by = ["model"], slices = true, subtitle = "by part", empty = "None." }
    chart = { kind = "multiples", x = ["day"], y = ["latency_ms_p50"], series = "model" }
    table = { columns = ["day", "model", "attempts"], total = ["attempts"] }
"#;

#[tokio::test]
async fn what_changed_stands_above_the_course_and_parts_of_the_window_beside_each_other() {
    let call = |id: &str, day: &str, model: &str, ms: f64| {
        json!({
            "source": "gateway", "request_id": id, "task_id": id, "started_at": format!("2026-{day}T10:00:00Z"),
            "provider": "openai", "model": model, "model_group": model, "uncached_input": 10, "output": 5,
            "gateway_cache_hit": false, "status": "success", "use_case": "chat", "latency_ms": ms,
        })
    };
    let price = |from: &str, input: &str| {
        json!({
            "source": "list", "provider": "openai", "model": "small", "valid_from": format!("2026-{from}T00:00:00Z"),
            "currency": "USD", "input_cost_per_token": input, "output_cost_per_token": "0.0004",
        })
    };
    let calls = vec![
        call("r0", "08-20", "small", 100.0),
        call("r1", "09-01", "small", 200.0),
        call("r2", "09-10", "small", 300.0),
        call("r3", "09-10", "large", 900.0),
        call("r4", "09-30", "small", 400.0),
    ];
    let registry = Registry::parse(
        "[use_cases.chat]\n[providers.openai]\ncharge_match = \"service_name = 'OpenAI API'\"\n\
         [models.small]\nprovider = 'openai'\n[models.large]\nprovider = 'openai'\n",
    );
    let engine = Facts::new()
        .add("requests", calls)
        .add("prices", vec![price("01-01", "0.0004"), price("09-10", "0.0003")])
        .engine_with(
            &registry.unwrap(),
            &Settings::new("2026-10-05T00:00:00Z".parse().unwrap()),
        )
        .await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("reports")).unwrap();
    std::fs::write(folder.path().join("reports/courses.toml"), COURSES).unwrap();
    let document = september(&Assets::overlay(folder.path()).unwrap(), "courses", &engine).await;

    let Body::Chart(spec, frame) = &document.sections[0].body else {
        panic!("no chart")
    };
    let column = spec.note.as_ref().unwrap();
    let words: Vec<Option<String>> = (0..frame.rows())
        .map(|row| frame.text(column, row).unwrap())
        .collect();
    // The input got a quarter cheaper, the output did not change; the use case is older than the window.
    let change = "small: input −25\u{a0}%; large starts";
    assert_eq!(words, [None, Some(change.to_owned()), None]);
    assert!(board::svg(&document).unwrap().contains(change));

    // 30 days are five parts of seven days; the first, the second and the last have calls.
    let rows = document.sections[1].table().unwrap();
    let cell = |column: &str, row: usize| rows.frame.text(column, row).unwrap().unwrap();
    let parts: Vec<(String, String)> = (0..rows.frame.rows())
        .map(|row| (cell("day", row), cell("model", row)))
        .collect();
    let expected = [
        ("2026-09-01", "small"),
        ("2026-09-08", "large"),
        ("2026-09-08", "small"),
        ("2026-09-29", "small"),
    ];
    assert_eq!(
        parts,
        expected.map(|(day, model)| (day.to_owned(), model.to_owned()))
    );
    let page = String::from_utf8(render::document("html", &document).unwrap()).unwrap();
    assert!(page.contains("2026-09-29"));

    // Bars of names have no days above which anything could stand.
    let wrong = COURSES.replace(
        "kind = \"line\", x = [\"day\"]",
        "kind = \"bar\", x = [\"attempts\"]",
    );
    std::fs::write(folder.path().join("reports/courses.toml"), wrong).unwrap();
    let assets = Assets::overlay(folder.path()).unwrap();
    let spec = spendscope::report::Spec::get(&assets, "courses").unwrap();
    let catalog = spendscope::metric::Catalog::new(&assets).unwrap();
    let window = spendscope::base::time::Window::month("2026-09", chrono_tz::UTC).unwrap();
    let settings = Settings::new("2026-10-05T00:00:00Z".parse().unwrap());
    let built = spendscope::report::build(&spec, &engine, &catalog, &settings, window).await;
    assert!(built.unwrap_err().to_string().contains("course over time"));
}

#[tokio::test]
async fn no_card_of_a_report_loses_a_word() {
    let engine = engine().await;
    for asset in assets().under("reports/") {
        let document = september(&assets(), asset.name(), &engine).await;
        let svg = board::svg(&document).unwrap();
        for card in &document.headlines {
            let note = card.note.as_deref().unwrap_or_default().replace('\'', "&apos;");
            for words in [card.label.as_str(), &note] {
                assert!(svg.contains(words), "{}: {words}", asset.name());
            }
        }
    }
}
