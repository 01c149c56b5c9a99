//! The price book on the real map of prices: what its keys mean, in figures read off the file by hand.

use crate::facts::{Facts, rows};
use crate::support::{run, shared};
use serde_json::json;
use spendscope::engine::Registry;

/// Where the map changes its layout, this is where it shows.
#[test]
fn rates_of_the_real_price_map() {
    let Some(map) = shared("data/gateway/litellm/model_prices_and_context_window.json") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (status, _, talk) = run(folder.path(), &["prices", "import", map.to_str().unwrap()]);
    assert_eq!(status, 0, "{talk}");
    let config = r#"
        [providers.openai]
        [providers.xai]
        [providers.dashscope]
        [models."gpt-6-astra"]
        provider = "openai"
        [models."grok-4.5"]
        provider = "xai"
        [models."qwen-flash"]
        provider = "dashscope"
    "#;
    std::fs::write(folder.path().join("spendscope.toml"), config).unwrap();
    let says = |sql: &str| {
        let (status, out, talk) = run(folder.path(), &["sql", "-o", "csv", "-c", sql]);
        assert_eq!(status, 0, "{talk}");
        out.replace("\r\n", "\n")
    };

    // Three models with a step each; xAI's is reached at 200,000 tokens, the others' behind it.
    let steps = "SELECT model, over, upto, input_rate * 1000000 AS input, read_rate * 1000000 AS read, \
                 output_rate * 1000000 AS output, search_rate AS search FROM price_rates \
                 WHERE provider IN ('openai', 'xai', 'dashscope') AND word = 'standard' ORDER BY model, over";
    insta::assert_snapshot!(says(steps), @r"
    model,over,upto,input,read,output,search
    gpt-6-astra,-1,272000,10,1,50,0.01
    gpt-6-astra,272000,9223372036854775807,20,2,75,0.01
    grok-4.5,-1,199999,2,0.3,6,
    grok-4.5,199999,9223372036854775807,4,0.6,12,
    qwen-flash,-1,256000,0.05,,0.4,
    qwen-flash,256000,9223372036854775807,0.25,,2,
    ");

    let tiers = "WITH wanted AS (SELECT model, tier, above FROM (VALUES \
            ('gpt-6-astra', 'batch', 272000), ('gpt-6-astra', 'ultrafast', 272000), ('claude-opus-5', 'batch', 0), \
            ('gemini-3.5-flash', 'flex', 0), ('gemini-3.5-flash', 'priority', 0)) AS w (model, tier, above)) \
        SELECT w.model, w.tier, r['input'] * 1000000 AS input, r['read'] * 1000000 AS read, \
            r['write_1h'] * 1000000 AS write_1h, r['output'] * 1000000 AS output, r['reasoning'] * 1000000 AS reasoning, \
            r['tier_priced'] AS priced, factors \
        FROM (SELECT w.*, price_factors(p.extra) AS factors, price_at(p.input_cost_per_token, p.output_cost_per_token, \
                p.cache_read_input_token_cost, p.cache_creation_input_token_cost, p.extra, w.tier, w.above) AS r \
            FROM prices AS p INNER JOIN wanted AS w ON w.model = p.model \
            WHERE p.provider IN ('openai', 'anthropic', 'vertex_ai')) AS w \
        ORDER BY w.model, w.tier";
    insta::assert_snapshot!(says(tiers), @r#"
    model,tier,input,read,write_1h,output,reasoning,priced,factors
    claude-opus-5,batch,2.5,0.25,5,12.5,,true,"{""fast"":""2.0"",""us"":""1.1""}"
    gemini-3.5-flash,flex,0.75,0.075,,4.5,,true,"{""@elsewhere"":""1.1""}"
    gemini-3.5-flash,priority,2.7,0.27,,16.2,,true,"{""@elsewhere"":""1.1""}"
    gpt-6-astra,batch,10,1,,37.5,,true,"{""eu"":""1.1"",""us"":""1.1""}"
    gpt-6-astra,ultrafast,120,12,,450,,true,"{""eu"":""1.1"",""us"":""1.1""}"
    "#);
}

/// A model that is cheaper at night and on weekends is billed so: the peak's price for all of it is too
/// much. 10 is the peak's price of a token, 4 that of the other hours; output has one price.
#[tokio::test]
async fn off_peak_hours_are_priced_as_peak_hours() {
    let hours = r#"{"input_cost_per_token": 4, "windows": [
        {"hours_utc": ["00:00-01:00", "10:00-00:00"], "weekdays": [1, 2, 3, 4, 5]},
        {"hours_utc": "00:00-00:00", "weekdays": [6, 7]}]}"#;
    // 1 September 2026 is a Tuesday, the 5th a Saturday.
    let call = |id: &str, at: &str, tier: Option<&str>| {
        json!({"source": "gw", "request_id": id, "task_id": id, "started_at": at, "provider": "p", "model": "m",
            "uncached_input": 10, "output": 1, "status": "success", "service_tier": tier})
    };
    let engine = Facts::new()
        .add(
            "prices",
            vec![
                json!({"source": "book", "provider": "p", "model": "m", "valid_from": "2026-01-01T00:00:00Z",
                "currency": "USD", "input_cost_per_token": "10", "output_cost_per_token": "7",
                "extra": {"off_peak_pricing": hours}}),
            ],
        )
        .add(
            "requests",
            vec![
                call("a", "2026-09-01T00:59:59Z", None),
                call("b", "2026-09-01T01:00:00Z", None),
                call("c", "2026-09-01T10:00:00Z", Some("standard")),
                call("d", "2026-09-05T05:00:00Z", None),
                call("e", "2026-09-05T05:00:00Z", Some("batch")),
            ],
        )
        .engine(&Registry::default())
        .await;
    let sql = "SELECT request_id, CAST(list_cost AS BIGINT), tier_unpriced FROM calls ORDER BY request_id";
    let priced = rows(&engine.query(sql, &[]).await.unwrap());
    // A batch has no hours of its own: half of the standard price.
    assert_eq!(
        priced,
        [
            "a 47 false",
            "b 107 false",
            "c 47 false",
            "d 47 false",
            "e 53 false"
        ]
    );
}
