//! Every report through the whole engine: over nothing, over half of the facts, and figure by figure through
//! every rendering.

use super::facts::Facts;
use crate::support::assets;
use calamine::{Data, Reader, Xlsx};
use serde_json::{Value, json};
use spendscope::asset::Assets;
use spendscope::base::time::Window;
use spendscope::engine::{Engine, Registry, Settings};
use spendscope::frame::{is_name, unnamed};
use spendscope::metric::Catalog;
use spendscope::render::document::{Body, Document, Section};
use spendscope::render::{self, board};
use spendscope::report::{Spec, build};
use std::collections::BTreeSet;
use std::io::Cursor;

const FORMATS: [&str; 6] = ["svg", "png", "html", "xlsx", "md", "json"];

fn settings() -> Settings {
    Settings::new("2026-10-05T00:00:00Z".parse().unwrap())
}

pub(crate) async fn september(assets: &Assets, name: &str, engine: &Engine) -> Document {
    let (spec, catalog) = (Spec::get(assets, name).unwrap(), Catalog::new(assets).unwrap());
    let window = Window::month("2026-09", chrono_tz::UTC).unwrap();
    let document = build(&spec, engine, &catalog, &settings(), window).await;
    document.unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn names() -> Vec<String> {
    assets().under("reports/").map(|a| a.name().to_owned()).collect()
}

/// Bills in two currencies, of which one has no rate, an amount with more digits than a double, calls that
/// fail and that succeed, labels and prices.
fn facts() -> Facts {
    let charge = |id: &str, source: &str, amount: &str, currency: &str, meter: Option<&str>| {
        let provider = if meter.is_some() { "OpenAI" } else { source };
        json!({
            "source": source, "delivery_id": "d", "charge_id": id, "provider": provider,
            "charge_period_start": "2026-09-02T00:00:00Z", "charge_period_end": "2026-09-03T00:00:00Z",
            "billing_period_start": "2026-09-01T00:00:00Z", "billing_period_end": "2026-10-01T00:00:00Z",
            "billing_month": "2026-09", "billing_currency": currency, "charge_category": "Usage",
            "service_name": if meter.is_some() { "OpenAI API" } else { "Other" },
            "service_category": if meter.is_some() { "AI and Machine Learning" } else { "Compute" },
            "sku_meter": meter, "consumed_unit": meter.map(|_| "Tokens"),
            "consumed_quantity": meter.map(|_| "3000"),
            "billed_cost": amount, "effective_cost": amount, "list_cost": amount,
        })
    };
    let call = |id: &str, task: &str, use_case: Option<&str>, status: &str, seconds: i64| {
        json!({
            "source": "gateway", "request_id": id, "task_id": task, "started_at": "2026-09-02T10:00:00Z",
            "provider": "openai", "model": "small", "model_group": "small", "uncached_input": 900 + seconds,
            "cache_read": 100, "cache_write": 10, "output": 50, "gateway_cache_hit": false, "status": status,
            "use_case": use_case, "team": "red", "latency_ms": 1000.0 * seconds as f64, "ttft_ms": 123.4,
        })
    };
    let label = |task: &str, success: bool| json!({"source": "labels", "task_id": task, "recorded_at": "2026-09-03T00:00:00Z", "success": success, "value": "2.5"});
    let mut calls = vec![
        call("r1", "t1", Some("chat"), "success", 1),
        call("r2", "t2", Some("chat"), "failure", 2),
        call("r3", "t3", Some("=2+5"), "success", 3),
        call("r4", "t4", None, "success", 70),
    ];
    calls.push({
        let mut late = call("r5", "t5", Some("chat"), "success", 5);
        late["started_at"] = json!("2026-09-20T10:00:00Z");
        late
    });
    Facts::new()
        .add(
            "charges",
            vec![
                charge("c1", "openai", "12.345678901234567891", "USD", Some("small input")),
                charge("c2", "openai", "0.000000000000000003", "USD", Some("small output")),
                charge("c3", "=SUM(A1)", "1234567890.12", "USD", None),
                charge("c4", "cloud", "99.9", "EUR", None),
                charge("c5", "cloud", "-7.5", "EUR", None),
            ],
        )
        .add("requests", calls)
        .add("outcomes", vec![label("t1", true), label("t2", false), label("t3", true)])
        .add(
            "prices",
            vec![json!({
                "source": "list", "provider": "openai", "model": "small", "valid_from": "2026-01-01T00:00:00Z",
                "currency": "USD", "input_cost_per_token": "0.0001", "output_cost_per_token": "0.0004",
                "cache_read_input_token_cost": "0.00001", "cache_creation_input_token_cost": "0.000125",
            })],
        )
}

pub(crate) async fn engine() -> Engine {
    facts().engine_with(&registry(), &settings()).await
}

fn registry() -> Registry {
    Registry::parse(
        "[use_cases.chat]\nstage = 'production'\nrisk_tier = 'limited'\n[providers.openai]\n\
         charge_match = \"service_name = 'OpenAI API'\"\n[models.small]\nprovider = 'openai'\n",
    )
    .unwrap()
}

#[tokio::test]
async fn an_empty_lake_gives_every_report_and_it_says_so() {
    let engine = Facts::new().engine_with(&Registry::default(), &settings()).await;
    for name in names() {
        let document = september(&assets(), &name, &engine).await;
        for section in &document.sections {
            assert!(matches!(section.body, Body::Empty(_)), "{name}: {}", section.id);
        }
        for format in FORMATS {
            assert!(
                !render::document(format, &document).unwrap().is_empty(),
                "{name} {format}"
            );
        }
        let svg = board::svg(&document).unwrap();
        assert!(
            svg.contains("no bill in this window") && !svg.contains("NaN"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn without_gpus_prices_and_outcomes_every_report_tells_what_is_missing() {
    let calls = json!({
        "source": "gateway", "request_id": "r1", "task_id": "t1", "started_at": "2026-09-02T10:00:00Z",
        "provider": "openai", "model": "small", "model_group": "small", "uncached_input": 10, "cache_read": 0,
        "cache_write": 0, "output": 5, "gateway_cache_hit": false, "status": "success",
    });
    let engine = Facts::new()
        .add("requests", vec![calls])
        .engine_with(&Registry::default(), &settings())
        .await;
    for (name, word) in [
        ("board", "No GPU node is registered."),
        ("month-close", "nothing to close"),
        ("unit-economics", "no success recorded"),
        ("gpu-fleet", "No GPU charges in this window."),
        ("gateway-ops", "No latency is recorded in this window."),
        ("ai-portfolio", "no feature can show what it adds"),
    ] {
        let document = september(&assets(), name, &engine).await;
        let text = String::from_utf8(render::document("md", &document).unwrap()).unwrap();
        assert!(text.contains(word), "{name} does not say: {word}\n{text}");
        for format in FORMATS {
            render::document(format, &document).unwrap();
        }
    }
}

#[tokio::test]
async fn a_report_of_the_users_own_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("reports")).unwrap();
    let spec = r#"
        title = "Ours"
        description = "One section."
        [[section]]
        id = "providers"
        title = "Providers"
        data = { source = "metric", metric = "spend/by_provider", largest = "amount", subtitle = "{currency}", empty = "Nothing." }
        chart = { kind = "bar", x = ["provider"], y = ["amount"] }
        table = { columns = ["provider", ["amount", "Spent"]], total = ["amount"] }
    "#;
    std::fs::write(folder.path().join("reports/ours.toml"), spec).unwrap();
    let assets = Assets::overlay(folder.path()).unwrap();
    let engine = engine().await;
    let document = september(&assets, "ours", &engine).await;
    let rows = document.sections[0].rows.as_ref().unwrap();
    assert_eq!(
        rows.total(Some("USD"), "amount").unwrap(),
        1_234_567_902_465_678_901_234_567_894
    );
    assert_eq!(
        document.sections[0].notices,
        ["Not in the picture, for want of an exchange rate: €92.40."]
    );
    for wrong in [
        spec.replace("amount\", \"Spent", "amonut\", \"Spent"),
        spec.replace("[\"provider\"], y", "[\"nope\"], y"),
    ] {
        std::fs::write(folder.path().join("reports/ours.toml"), wrong).unwrap();
        let assets = Assets::overlay(folder.path()).unwrap();
        let (spec, catalog) = (
            Spec::get(&assets, "ours").unwrap(),
            Catalog::new(&assets).unwrap(),
        );
        let window = Window::month("2026-09", chrono_tz::UTC).unwrap();
        assert!(
            build(&spec, &engine, &catalog, &settings(), window)
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn all_renderings_say_the_same_figures() {
    let engine = engine().await;
    let mut figures = 0;
    for name in names() {
        figures += compare(&september(&assets(), &name, &engine).await);
    }
    println!("{figures} figures compared");
    assert!(figures > 300, "{figures}");
}

/// What stands for nothing: one word for a name, in pictures and tables; `otherwise` elsewhere.
fn missing(column: &str, otherwise: &str) -> String {
    if is_name(column) {
        unnamed(column)
    } else {
        otherwise.to_owned()
    }
}

/// Holds every figure of a document in all of its renderings against the data; returns how many there were.
fn compare(document: &Document) -> usize {
    let text = |format: &str| String::from_utf8(render::document(format, document).unwrap()).unwrap();
    let (html, markdown, json, svg) = (text("html"), text("md"), text("json"), text("svg"));
    let json: Value = serde_json::from_str(&json).unwrap();
    let drawn = drawn_texts(&svg);
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(render::document("xlsx", document).unwrap())).unwrap();
    let sheets = book.sheet_names();
    let mut count = 0;

    let summary = book.worksheet_range(&sheets[0]).unwrap();
    for (i, headline) in document.headlines.iter().enumerate() {
        let said = &json["headlines"][i];
        let shown = said["text"].as_str().unwrap();
        assert!(
            drawn.contains(shown),
            "{}: {shown} is not on the picture",
            headline.label
        );
        assert!(
            html.contains(&escaped(shown)),
            "{}: {shown} is not on the page",
            headline.label
        );
        assert!(
            markdown.contains(shown),
            "{}: {shown} is not in the text",
            headline.label
        );
        let row = (0..summary.height())
            .find(|row| summary.get((*row, 0)) == Some(&Data::String(headline.label.clone())))
            .unwrap();
        if let Some(value) = said["value"].as_str() {
            assert_eq!(
                summary.get((row, 1)),
                Some(&Data::Float(value.parse().unwrap())),
                "{}",
                headline.label
            );
            near(shown, value);
        }
        count += 1;
    }

    let parts: Vec<(&Section, &Value)> = document
        .sections
        .iter()
        .zip(json["sections"].as_array().unwrap())
        .chain(document.annexes.iter().zip(json["annexes"].as_array().unwrap()))
        .collect();
    let mut sheet = 1;
    for (at, (section, said)) in parts.into_iter().enumerate() {
        let Some(table) = section.table() else {
            let Body::Empty(why) = &section.body else {
                panic!("{}", section.id)
            };
            assert!(
                markdown.contains(why.as_str()) && html.contains(&escaped(why)),
                "{why}"
            );
            continue;
        };
        let where_ = format!("{} {}", document.name, section.id);
        let shown = pairs(&said["table"]["shown"]);
        let rows = said["table"]["rows"].as_array().unwrap();
        let columns = said["table"]["columns"].as_array().unwrap();
        let totals = said["table"]["totals"].as_array().unwrap();
        let page = page_cells(&html, &section.id);
        let lines = text_cells(&markdown, &section.title);
        assert_eq!(page, lines, "{where_}: the page and the text differ");
        let heads: Vec<&str> = shown.iter().map(|s| s.1.as_str()).collect();
        assert_eq!(page[0], heads, "{where_}");

        // Every cell that people see is the figure of the data, rounded.
        for (row, data) in rows.iter().enumerate().take(page.len() - 1) {
            for (i, (column, _)) in shown.iter().enumerate() {
                let cell = &page[row + 1][i];
                let kind = columns.iter().find(|c| c["name"] == *column).unwrap();
                let exact = &data[column];
                match exact {
                    Value::Null => assert_eq!(*cell, missing(column, "–"), "{where_} {column}"),
                    exact if is_figure(kind) => {
                        near(cell, &plain(exact));
                        count += 1;
                    }
                    _ => {}
                }
                let on_picture = at < document.sections.len()
                    && section.rows.as_ref().is_some_and(|r| row < r.on_picture)
                    && is_figure(kind);
                assert!(
                    !on_picture || drawn.contains(cell),
                    "{where_}: {cell} is not on the picture"
                );
            }
        }

        // The workbook has every row and column; its formulas hold the stored sums.
        let range = book.worksheet_range(&sheets[sheet]).unwrap();
        let formulas = book.worksheet_formula(&sheets[sheet]).unwrap();
        sheet += 1;
        assert_eq!(range.get((0, 0)), Some(&Data::String(section.title.clone())));
        // What people are shown comes first.
        let mut order: Vec<&str> = shown.iter().map(|s| s.0.as_str()).collect();
        for column in columns {
            let name = column["name"].as_str().unwrap();
            if !order.contains(&name) {
                order.push(name);
            }
        }
        for (row, data) in rows.iter().enumerate() {
            for (i, name) in order.iter().copied().enumerate() {
                let column = columns.iter().find(|c| c["name"] == name).unwrap();
                let cell = range.get((4 + row, i)).unwrap_or(&Data::Empty);
                let at = format!("{where_} {name} {row}");
                match (&data[name], cell) {
                    (Value::Null, Data::Empty) => assert_eq!(missing(name, ""), "", "{at}"),
                    (Value::Null, cell) => {
                        assert_eq!(cell, &Data::String(missing(name, "")), "{at}");
                    }
                    (exact, Data::Float(value)) => {
                        assert_eq!(*value, plain(exact).parse::<f64>().unwrap(), "{at}");
                    }
                    (Value::Bool(exact), cell) => assert_eq!(cell, &Data::Bool(*exact), "{at}"),
                    (_, Data::DateTime(_)) => assert_eq!(column["role"], "time", "{at}"),
                    (exact, cell) => assert_eq!(cell, &Data::String(plain(exact)), "{at}"),
                }
            }
        }
        let codes: BTreeSet<Option<&str>> = totals.iter().map(|t| t["currency"].as_str()).collect();
        for (line, code) in codes.iter().enumerate() {
            for total in totals.iter().filter(|t| t["currency"].as_str() == *code) {
                let name = total["column"].as_str().unwrap();
                let i = order.iter().position(|n| *n == name).unwrap();
                let place = (4 + rows.len().max(1) + line, i);
                let exact = total["amount"].as_str().unwrap();
                assert_eq!(
                    range.get(place),
                    Some(&Data::Float(exact.parse().unwrap())),
                    "{where_} total of {name}"
                );
                let formula = formulas.get_value((place.0 as u32, place.1 as u32)).unwrap();
                assert!(formula.starts_with("SUM"), "{where_} {name}: {formula}");
                if let Some(i) = shown.iter().position(|s| s.0 == name) {
                    near(&page[1 + rows.len() + line][i], exact);
                }
                count += 1;
            }
        }
        assert_eq!(table.frame.rows(), rows.len());
    }
    assert_eq!(sheet, sheets.len());
    count
}

fn is_figure(column: &Value) -> bool {
    matches!(
        column["role"].as_str(),
        Some("money" | "ratio" | "measure" | "number")
    )
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn pairs(value: &Value) -> Vec<(String, String)> {
    serde_json::from_value(value.clone()).unwrap()
}

/// A text that people read is the number, to half of its last digit.
fn near(shown: &str, exact: &str) {
    let exact: f64 = exact.parse().unwrap();
    let text = shown.replace(',', "").replace('−', "-").replace('\u{a0}', " ");
    if let Some(least) = text.strip_prefix('<') {
        let least: f64 = least.parse().unwrap();
        assert!(
            exact != 0.0 && exact.abs() <= least.abs() && exact.signum() == least.signum(),
            "{shown} {exact}"
        );
        return;
    }
    let text = text
        .trim_start_matches(['$', '€'])
        .replace("-$", "-")
        .replace("-€", "-");
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = match unit.trim() {
        "" | "ms" | "Wh" | "pp" => 1.0,
        "%" => 0.01,
        "k" | "s" | "kWh" => 1e3,
        "M" => 1e6,
        "B" => 1e9,
        "min" => 6e4,
        "h" => 3.6e6,
        other => panic!("{shown}: what is {other}?"),
    };
    let decimals = number.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    // Human units keep three digits and drop zeros at their end.
    let digits = if matches!(unit.trim(), "k" | "M" | "B" | "s" | "min" | "h" | "ms") {
        let whole = number.trim_start_matches('-').split('.').next().unwrap().len();
        decimals.max(3_usize.saturating_sub(whole))
    } else {
        decimals
    };
    let half = 0.500_001 * factor * 10_f64.powi(-(digits as i32));
    let value: f64 = number.parse().unwrap_or_else(|_| panic!("{shown} is no number"));
    // Measured values may be shown without the zeros that they end in.
    let half = if decimals == 0 && unit.is_empty() {
        0.500_001
    } else {
        half
    };
    assert!((value * factor - exact).abs() <= half, "{shown} is not {exact}");
}

/// The texts of a picture, before it becomes pixels.
fn drawn_texts(svg: &str) -> BTreeSet<String> {
    svg.split("<text ")
        .skip(1)
        .filter_map(|part| part.split_once('>')?.1.split_once("</text>"))
        .map(|(text, _)| unescaped(text.trim_matches('\n')))
        .collect()
}

/// The cells of a section's table on the page.
fn page_cells(html: &str, id: &str) -> Vec<Vec<String>> {
    let section = html.split_once(&format!("<section id=\"{id}\"")).unwrap().1;
    let section = section.split_once("</section>").unwrap().0;
    let table = section
        .split_once("<table>")
        .unwrap()
        .1
        .split_once("</table>")
        .unwrap()
        .0;
    table
        .split("<tr>")
        .skip(1)
        .map(|row| {
            let row = row.split_once("</tr>").unwrap().0;
            row.split("<t")
                .skip(1)
                .map(|cell| unescaped(cell.split_once('>').unwrap().1.split_once("</t").unwrap().0))
                .collect()
        })
        .collect()
}

/// The cells of a section's table in the text.
fn text_cells(markdown: &str, title: &str) -> Vec<Vec<String>> {
    let section = markdown.split_once(&format!("## {title}\n")).unwrap().1;
    let lines = section
        .lines()
        .skip_while(|l| !l.starts_with('|'))
        .take_while(|l| l.starts_with('|'));
    lines
        .enumerate()
        .filter(|(i, _)| *i != 1)
        .map(|(_, line)| {
            let line = line.trim_start_matches("| ").trim_end_matches(" |");
            line.split(" | ")
                .map(|cell| {
                    let bold = cell.strip_prefix("**").and_then(|c| c.strip_suffix("**"));
                    unescaped(&bold.unwrap_or(cell).replace('\\', ""))
                })
                .collect()
        })
        .collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&#38;")
        .replace('<', "&#60;")
        .replace('>', "&#62;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;")
}

fn unescaped(text: &str) -> String {
    [
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#38;", "&"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}
