//! The board through the whole engine: over nothing, and over a bill in two currencies.

use super::facts::Facts;
use crate::support::assets;
use serde_json::json;
use spendscope::base::time::Window;
use spendscope::engine::{Engine, Registry, Settings};
use spendscope::metric::Catalog;
use spendscope::render::document::{Body, Document};
use spendscope::render::{self, board};
use spendscope::report::{Spec, build};

async fn september(engine: &Engine, settings: &Settings) -> Document {
    let assets = assets();
    let (spec, catalog) = (
        Spec::get(&assets, "board").unwrap(),
        Catalog::new(&assets).unwrap(),
    );
    let window = Window::month("2026-09", settings.zone).unwrap();
    build(&spec, engine, &catalog, settings, window).await.unwrap()
}

fn settings() -> Settings {
    Settings::new("2026-10-05T00:00:00Z".parse().unwrap())
}

#[tokio::test]
async fn an_empty_lake_gives_a_board_that_says_so() {
    let engine = Facts::new().engine_with(&Registry::default(), &settings()).await;
    let document = september(&engine, &settings()).await;
    assert!(
        document
            .headlines
            .iter()
            .all(|h| h.value.is_none() && h.note.is_some())
    );
    assert!(document.sections.iter().all(|s| matches!(s.body, Body::Empty(_))));
    let svg = board::svg(&document).unwrap();
    for text in [
        "September 2026",
        "no bill in this window",
        "No spend in this window.",
        "no requests",
    ] {
        assert!(svg.contains(text), "{text}");
    }
    assert!(!svg.contains("NaN"));
}

#[tokio::test]
async fn a_bill_is_drawn_in_the_reporting_currency_and_the_rest_is_named() {
    let charge = |day: &str, amount: &str, currency: &str| {
        json!({
            "source": "bill", "delivery_id": "d", "charge_id": format!("{currency}:{day}"),
            "charge_period_start": format!("2026-{day}T00:00:00Z"), "charge_period_end": format!("2026-{day}T01:00:00Z"),
            "billing_period_start": "2026-09-01T00:00:00Z", "billing_month": "2026-09",
            "billing_currency": currency, "charge_category": "Usage", "service_category": "AI and Machine Learning",
            "billed_cost": amount, "effective_cost": amount,
        })
    };
    let charges = vec![
        charge("08-10", "100", "USD"),
        charge("09-01", "120.5", "USD"),
        charge("09-30", "29.5", "USD"),
        charge("09-02", "7", "EUR"),
    ];
    let engine = Facts::new()
        .add("charges", charges)
        .engine_with(&Registry::default(), &settings())
        .await;
    let document = september(&engine, &settings()).await;
    let spend = &document.headlines[0];
    assert_eq!(spend.value.as_ref().unwrap().text(), "$150.00");
    assert_eq!(spend.change.unwrap().text(), "+50\u{a0}%");
    assert!(
        document.findings[0]
            .text
            .starts_with("AI spend grew by $50.00 (+50\u{a0}%) against August 2026")
    );
    assert_eq!(
        document.sections[0].notices,
        ["Not in the picture, for want of an exchange rate: €7.00."]
    );
    // All renderings say the same figures.
    let figures: Vec<String> = document
        .headlines
        .iter()
        .filter_map(|h| h.value.as_ref())
        .map(|v| v.text())
        .collect();
    let svg = board::svg(&document).unwrap();
    let page = String::from_utf8(render::document("html", &document).unwrap()).unwrap();
    for figure in figures {
        assert!(svg.contains(&figure) && page.contains(&figure), "{figure}");
    }
}
