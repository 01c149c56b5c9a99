//! `serve --http`, asked as a browser asks it, and clicked through in a real one.

use crate::serve::{Place, Served};
use reqwest::{Client, Method, Response, StatusCode};
use std::time::Duration;

fn address(served: &Served, path: &str) -> String {
    format!("http://127.0.0.1:{}{path}", served.http)
}

async fn get(served: &Served, path: &str) -> Response {
    reqwest::get(address(served, path)).await.unwrap()
}

async fn page(served: &Served, path: &str) -> String {
    let response = get(served, path).await;
    let status = response.status();
    let text = response.text().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{path}: {text}");
    text
}

/// Where the links of a page lead whose text is this.
fn links(page: &str, text: &str) -> Vec<String> {
    page.split("<a ")
        .skip(1)
        .filter_map(|part| {
            let (attributes, rest) = part.split_once('>')?;
            let (said, _) = rest.split_once("</a>")?;
            let href = attributes.split_once("href=\"")?.1.split('"').next()?;
            (said == text).then(|| href.replace("&#38;", "&").replace("&amp;", "&"))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_board_says_what_the_report_says_and_every_number_has_its_sql_and_csv() {
    let place = Place::new();
    let served = place.serve();
    let board = page(&served, "/").await;
    let (status, _, talk) = crate::support::run(
        place.path(),
        &[
            "report",
            "board",
            "--period",
            "2026-09",
            "--now",
            crate::serve::NOW,
            "--format",
            "html",
            "--out",
            "out",
        ],
    );
    assert_eq!(status, 0, "{talk}");
    let report = std::fs::read_to_string(place.path().join("out/board.html")).unwrap();
    let figures = |page: &str| -> Vec<String> {
        page.split("<div class=\"value\">")
            .skip(1)
            .map(|part| part.split("</div>").next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(figures(&board), figures(&report));
    assert!(figures(&board).len() >= 7);
    // The newest month with bills is the one that is shown.
    assert!(board.contains("<option value=\"2026-09\" selected>"), "{board}");
    let sql = links(&board, "SQL of spend/daily");
    assert!(
        !sql.is_empty() && links(&board, "SQL").len() == figures(&board).len(),
        "{sql:?}"
    );
    let metric = page(&served, &sql[0]).await;
    assert!(
        metric.contains("The SQL of these numbers") && metric.contains("FROM"),
        "{metric}"
    );
    let csv = get(&served, &links(&metric, "CSV")[0]).await;
    assert_eq!(csv.headers()["content-type"], "text/csv; charset=utf-8");
    let csv = csv.text().await.unwrap();
    assert!(csv.contains("12.345678901234567891"), "{csv}");
    for href in links(&board, "CSV") {
        let response = get(&served, &href).await;
        assert_eq!(response.status(), StatusCode::OK, "{href}");
        assert!(response.text().await.unwrap().lines().count() > 1, "{href}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_followed_from_its_scope_to_the_task() {
    let place = Place::new();
    let served = place.serve();
    let scopes = page(&served, "/spend").await;
    let cases = page(&served, &links(&scopes, "AI")[0]).await;
    let models = page(&served, &links(&cases, "chat")[0]).await;
    let tasks = page(&served, &links(&models, "small")[0]).await;
    let task = page(&served, &links(&tasks, "t1")[0]).await;
    assert!(task.contains("Spend of task t1"), "{task}");
    // Two of four equal calls: half of the bill for tokens.
    let csv = get(&served, &links(&task, "CSV")[0]).await.text().await.unwrap();
    assert!(csv.contains("6.17283945061728394"), "{csv}");
    // Every step adds up to the one before it.
    let csv = get(&served, &links(&cases, "CSV")[0]).await.text().await.unwrap();
    assert!(
        csv.contains("9.25925917592592591") && csv.contains("3.08641972530864197"),
        "{csv}"
    );
    let compute = page(&served, &links(&scopes, "Cloud")[0]).await;
    assert!(compute.contains("(no use case)"), "{compute}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_an_address_is_data() {
    let place = Place::new();
    let served = place.serve();
    for value in [
        "'; DROP TABLE charges; --",
        "<script>alert(1)</script>",
        "\" onmouseover=\"x",
        "$from",
        "%00",
        "🦀",
    ] {
        let mut url = reqwest::Url::parse(&address(&served, "/spend")).unwrap();
        url.query_pairs_mut()
            .append_pair("scope", value)
            .append_pair("use_case", value);
        let response = reqwest::get(url).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{value}");
        let text = response.text().await.unwrap();
        assert!(text.contains("nothing was spent there"), "{value}: {text}");
        assert!(
            !text.contains("<script") && !text.contains("\" onmouseover"),
            "{value}: {text}"
        );
    }
    for wrong in [
        "/?period=2026-13",
        "/?from=2026-09-01",
        "/?from=x&to=y",
        "/?from=2026-09-02&to=2026-09-01",
        "/?report=../../etc/passwd",
        "/metric",
        "/metric?name=nope",
        "/metric?name=spend/daily&by=1;DROP",
        "/section.csv?section=nope",
    ] {
        let response = get(&served, wrong).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{wrong}");
        assert!(
            response.headers()["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/plain"),
            "{wrong}"
        );
    }
    assert_eq!(get(&served, "/nowhere").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_keeps_to_itself_and_only_reads() {
    let place = Place::new();
    let served = place.serve();
    let response = get(&served, "/").await;
    let head = response.headers().clone();
    let policy = head["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert_eq!(head["x-content-type-options"], "nosniff");
    assert_eq!(head["referrer-policy"], "no-referrer");
    let text = response.text().await.unwrap();
    assert!(!text.contains("<script") && !text.contains("<style") && !text.contains(" style=\""));
    let client = Client::new();
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let response = client
            .request(method.clone(), address(&served, "/"))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
    // A page from elsewhere whose name leads here is not answered.
    let elsewhere = client
        .get(address(&served, "/"))
        .header("host", "evil.example")
        .send()
        .await
        .unwrap();
    assert_eq!(elsewhere.status(), StatusCode::MISDIRECTED_REQUEST);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(get(&served, path).await.status(), StatusCode::OK, "{path}");
    }
    let metrics = page(&served, "/metrics").await;
    for name in [
        "spendscope_requests_total{server=\"http\"}",
        "spendscope_request_duration_seconds_bucket{server=\"http\",le=\"+Inf\"}",
        "spendscope_queries_running",
        "spendscope_lake_table_version{table=\"charges\"}",
    ] {
        assert!(metrics.contains(name), "{name}: {metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_password_nobody_reads_without_it() {
    let place = Place::new();
    place.locked("");
    let served = place.serve_at("127.0.0.1:0", "0.0.0.0:0");
    let authority = std::fs::read(place.path().join("ca.pem")).unwrap();
    let client = Client::builder()
        .add_root_certificate(reqwest::Certificate::from_pem(&authority).unwrap())
        .build()
        .unwrap();
    let url = |path: &str| format!("https://localhost:{}{path}", served.http);
    for path in ["/", "/metrics", "/spend.csv", "/style.css", "/nowhere"] {
        let response = client.get(url(path)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert!(
            response.headers()["www-authenticate"]
                .to_str()
                .unwrap()
                .starts_with("Basic")
        );
        let response = client
            .get(url(path))
            .basic_auth("spendscope", Some("guess"))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    for path in ["/", "/metrics", "/spend"] {
        let asked = client
            .get(url(path))
            .basic_auth("spendscope", Some("open sesame"));
        let response = asked.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert!(response.headers().contains_key("strict-transport-security"));
    }
    assert_eq!(
        client.get(url("/healthz")).send().await.unwrap().status(),
        StatusCode::OK
    );
    // Clear text on that address is not answered.
    let plain = Client::builder()
        .timeout(Duration::from_secs(10))
        .build()
        .unwrap();
    assert!(plain.get(url("/").replace("https", "http")).send().await.is_err());
    assert!(!served.talk().contains("sesame"));
}
