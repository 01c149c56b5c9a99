//! The program as a newcomer meets it: help, errors with advice, exit statuses.

use crate::support::run;

#[test]
fn help_teaches_and_names_the_exit_statuses() {
    let folder = tempfile::tempdir().unwrap();
    let (status, help, _) = run(folder.path(), &["--help"]);
    assert_eq!(status, 0);
    for word in [
        "First steps",
        "demo",
        "ingest",
        "reconcile",
        "metric",
        "report",
        "drill",
        "sql",
        "Exit status: 0 done",
    ] {
        assert!(help.contains(word), "--help does not say {word}");
    }
}

#[test]
fn wrong_usage_is_status_2_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    for args in [
        &["metric", "run", "spend/daily", "--period", "2026-13"][..],
        &["metric", "run", "spend/daily", "--from", "2026-10-01"],
        &["sql", "-c", "SELECT 1", "--tz", "Mars/Olympus"],
        &["sql", "-c", "SELECT 1", "--currency", "dollars"],
        &["unheard-of"],
    ] {
        let (status, out, talk) = run(folder.path(), args);
        assert_eq!(status, 2, "{args:?}: {talk}");
        assert!(out.is_empty(), "{args:?} wrote to stdout");
        assert!(talk.contains("error:"), "{args:?}: {talk}");
    }
}

#[test]
fn a_slip_in_the_name_of_a_metric_is_met_with_the_few_that_are_near() {
    let folder = tempfile::tempdir().unwrap();
    for (name, near) in [
        ("spend/by_scop", "did you mean spend/by_scope?"),
        ("unit/cost_per_qeury", "did you mean unit/cost_per_query?"),
        ("spend/nothing_like_it", "`spendscope metric list` shows them all"),
    ] {
        let (status, _, talk) = run(folder.path(), &["metric", "show", name]);
        assert_eq!(status, 2, "{talk}");
        assert!(talk.contains(near), "{talk}");
    }
}

#[test]
fn a_missing_lake_is_an_error_with_advice_not_an_empty_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (status, _, talk) = run(folder.path(), &["sql", "-c", "SELECT count(*) FROM charges"]);
    assert_eq!(status, 1);
    assert!(
        talk.contains("there is no lake") && talk.contains("try:"),
        "{talk}"
    );
}

/// A folder with one small input of each kind, a bad row in the bill and a broken line in the log.
struct Small {
    dir: tempfile::TempDir,
}

const BILL: &str = "BilledCost,EffectiveCost,BillingCurrency,ProviderName,ChargePeriodStart,ChargePeriodEnd,BillingPeriodStart,BillingPeriodEnd,ChargeCategory,ServiceName,ServiceCategory,ConsumedUnit,SkuMeter
1.00,1.00,USD,OpenAI,2026-09-01T00:00:00Z,2026-09-02T00:00:00Z,2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,Usage,OpenAI API,AI and Machine Learning,Tokens,small input tokens
0.30,0.30,EUR,AWS,2026-09-01T00:00:00Z,2026-09-01T01:00:00Z,2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,Usage,Compute,Compute,Hours,
";
const BAD_CHARGE: &str = "1.2O,1.20,USD,AWS,2026-09-02T00:00:00Z,2026-09-02T01:00:00Z,2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,Usage,Compute,Compute,Hours,\n";
const CALLS: &str = r#"{"request_id":"r1","call_type":"acompletion","spend":0.1,"startTime":"2026-09-01T10:00:00Z","endTime":"2026-09-01T10:00:02Z","prompt_tokens":100,"completion_tokens":10,"custom_llm_provider":"openai","model":"small","session_id":"t1","request_tags":["use_case:chat"],"status":"success"}
{"request_id":"r2","call_type":"acompl
{"request_id":"r3","call_type":"acompletion","spend":0.1,"startTime":"2026-09-01T11:00:00Z","endTime":"2026-09-01T11:00:02Z","prompt_tokens":200,"completion_tokens":10,"custom_llm_provider":"openai","model":"small","session_id":"t2","request_tags":["use_case:chat"],"status":"failure"}
"#;
const LABELS: &str =
    "task_id,success,recorded_at\nt1,true,2026-09-02T00:00:00Z\nt2,false,2026-09-02T00:00:00Z\n";
const PRICES: &str = r#"[{"provider":"openai","model":"small","valid_from":"2026-01-01","currency":"USD","input_cost_per_token":"0.0001","output_cost_per_token":"0.0002"}]"#;
const RATES: &str = "day,from,to,rate\n2026-08-01,EUR,USD,1.10\n";
const CONFIG: &str = "[use_cases.chat]
[providers.openai]
charge_match = \"service_name = 'OpenAI API'\"
[models.small]
provider = 'openai'
";
const OCTOBER: &[&str] = &["--now", "2026-10-05T00:00:00Z"];

impl Small {
    fn new() -> Small {
        let small = Small {
            dir: tempfile::tempdir().unwrap(),
        };
        small.file("in/bill.csv", &format!("{BILL}{BAD_CHARGE}"));
        small.file("in/calls.jsonl", CALLS);
        small.file("in/labels.csv", LABELS);
        small.file("in/prices.json", PRICES);
        small.file("in/fx.csv", RATES);
        small.file("spendscope.toml", CONFIG);
        small
    }

    fn ingested() -> Small {
        let small = Small::new();
        assert_eq!(small.run(&["ingest", "in"]).0, 4);
        small
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// In October 2026.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        run(self.dir.path(), &[OCTOBER, args].concat())
    }

    fn says(&self, status: i32, args: &[&str]) -> (String, String) {
        let (got, out, talk) = self.run(args);
        assert_eq!(got, status, "{args:?}\n{out}\n{talk}");
        // CSV ends its lines as RFC 4180 says.
        (out.replace("\r\n", "\n"), talk)
    }

    /// Rows in each table of facts.
    fn counts(&self) -> String {
        let sql =
            "SELECT (SELECT count(*) FROM charges) AS charges, (SELECT count(*) FROM requests) AS requests,
            (SELECT count(*) FROM outcomes) AS outcomes, (SELECT count(*) FROM rejects) AS rejects";
        self.says(0, &["sql", "-o", "csv", "-c", sql]).0
    }
}

#[test]
fn ingest_keeps_good_rows_and_shows_bad_ones() {
    let small = Small::new();
    let (out, talk) = small.says(4, &["ingest", "in"]);
    assert!(out.is_empty(), "{out}");
    insta::assert_snapshot!(talk, @r#"
    in/bill.csv: focus → charges (focus): 3 rows, 2 kept, 1 REJECTED
        note: FOCUS 1.2 BillingAccountId-C-001-M: BillingAccountId is missing (2 rows from row 1 on)
        note: FOCUS 1.2 ChargeFrequency-C-002-M: ChargeFrequency is missing (2 rows from row 1 on)
        note: FOCUS 1.2 ConsumedUnit-C-005-C: ConsumedUnit stands without a ConsumedQuantity (2 rows from row 1 on)
        note: FOCUS 1.2 ContractedCost-C-003-M: ContractedCost is missing (2 rows from row 1 on)
        note: FOCUS 1.2 InvoiceIssuerName-C-003-M: InvoiceIssuerName is missing (2 rows from row 1 on)
        note: FOCUS 1.2 ListCost-C-003-M: ListCost is missing (2 rows from row 1 on)
        note: FOCUS 1.2 PricingQuantity-C-005-C: PricingQuantity is missing on usage or a purchase (2 rows from row 1 on)
        note: FOCUS 1.2 PublisherName-C-003-M: PublisherName is missing (2 rows from row 1 on)
        note: FOCUS 1.2 SkuMeter-C-004-C: SkuMeter stands without a SkuId (row 1)
    in/calls.jsonl: litellm → requests (litellm): 3 rows, 2 kept, 1 REJECTED
    in/fx.csv: fx → fx_rates (fx): 1 rows, 1 kept
    in/labels.csv: outcomes → outcomes (outcomes): 2 rows, 2 kept
    in/prices.json: prices → prices (prices): 1 rows, 1 kept
      EUR billed_cost: source 0.3 = stored 0.3 over 1 rows
      EUR contracted_cost: in none of 1 rows
      EUR effective_cost: source 0.3 = stored 0.3 over 1 rows
      EUR list_cost: in none of 1 rows
      USD billed_cost: source 1 = stored 1 over 1 rows
      USD contracted_cost: in none of 1 rows
      USD effective_cost: source 1 = stored 1 over 1 rows
      USD gateway_cost: source 0.2 = stored 0.2 over 2 rows
      USD list_cost: in none of 1 rows
    2 rows were rejected and kept: spendscope sql -c "SELECT path, line, column_name, value, reason FROM rejects"
      after a fix of the mapping: spendscope ingest --retry-rejects
    "#);

    let sql = "SELECT path, line, column_name, value, reason FROM rejects ORDER BY path, line";
    insta::assert_snapshot!(small.says(0, &["sql", "-o", "csv", "-c", sql]).0, @r#"
    path,line,column_name,value,reason
    in/bill.csv,4,BilledCost,1.2O,not a decimal number
    in/calls.jsonl,2,"",,broken JSON: it ends in the middle of a value
    "#);

    let counts = small.counts();
    let (_, talk) = small.says(0, &["ingest", "in"]);
    for file in ["bill.csv", "calls.jsonl", "labels.csv", "prices.json", "fx.csv"] {
        assert!(
            talk.contains(&format!("in/{file}: already ingested, nothing to do")),
            "{talk}"
        );
    }
    assert_eq!(small.counts(), counts);
}

#[test]
fn strict_refuses_a_file_with_a_bad_row_and_keeps_nothing_of_it() {
    let small = Small::new();
    small.says(1, &["ingest", "--strict", "in/bill.csv"]);
    let (status, _, talk) = small.run(&["sql", "-c", "SELECT count(*) FROM charges"]);
    assert_eq!(status, 1, "nothing was written, not even a lake: {talk}");

    let (out, talk) = small.says(1, &["ingest", "--strict", "in"]);
    assert!(out.is_empty(), "{out}");
    for words in [
        "error: charges from 'focus' refused: in/bill.csv: 1 rows cannot be read",
        "line 4, BilledCost: not a decimal number",
        "requests from 'litellm' refused: in/calls.jsonl: 1 rows cannot be read",
        "try: mend the file, or leave --strict out",
    ] {
        assert!(talk.contains(words), "{words}\n{talk}");
    }
    assert!(!talk.contains("rejected and kept"), "{talk}");
    assert_eq!(small.counts(), "charges,requests,outcomes,rejects\n0,0,2,0\n");
    // Without --strict the same files are taken.
    small.says(4, &["ingest", "in"]);
    assert_eq!(small.counts(), "charges,requests,outcomes,rejects\n2,2,2,2\n");
}

#[test]
fn reconcile_adds_up_or_says_no() {
    let small = Small::ingested();
    let (out, talk) = small.says(0, &["reconcile", "-o", "csv"]);
    // Metered 100 × 0.0001 + 10 × 0.0002 and twice the input: 0.034. The bill of 1 has no quantity.
    for line in [
        "section,line,provider,currency,amount,share,entries,verdict",
        "waterfall,bill,,USD,1.33,1,2,",
        "waterfall,request,,USD,1,0.751879699248120301,2,",
        "waterfall,unallocated,,USD,0.33,0.248120300751879699,1,",
        "variance,metered,openai,USD,0.034,1,,",
        "variance,billed,openai,USD,1,29.411764705882352941,,",
        "variance,coverage,openai,USD,0,0,,",
        "variance,unexplained,openai,USD,-0.966,-28.411764705882352941,,",
        "coverage,metered,openai,USD,1,1,1,",
        "coverage,unmetered,openai,USD,0,,0,",
        "check,conservation,,,,,0,pass",
        "check,variance_adds_up,,,,,0,pass",
    ] {
        assert!(out.lines().any(|l| l == line), "no line {line} in\n{out}");
    }
    insta::assert_snapshot!(talk, @r#"
    EUR: 1 charges, bill 0.3 = leaves 0.3
    USD: 1 charges, bill 1 = leaves 1
    unmatched:
      rejected_row in/bill.csv: 1 line; mend the rows and ingest the file again: spendscope sql -c "SELECT line, column_name, value, reason FROM rejects"
      rejected_row in/calls.jsonl: 1 line; mend the rows and ingest the file again: spendscope sql -c "SELECT line, column_name, value, reason FROM rejects"
    balanced: every billed amount is the sum of its leaves, to the last digit
    "#);

    // A person gets a table for each question, and none for what has no answer.
    let (out, _) = small.says(0, &["reconcile"]);
    for title in [
        "From the bill to the leaves",
        "why they differ",
        "the gateway saw",
        "Checks",
    ] {
        assert!(out.contains(title), "{out}");
    }
    assert!(!out.contains("not billed yet"), "{out}");
    let (out, _) = small.says(0, &["reconcile", "-o", "json"]);
    let lines: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
    assert_eq!(lines[0]["section"], "waterfall");

    // Nothing against nothing is no reconciliation: neither of a month without a bill nor of an empty lake.
    let (_, talk) = small.says(3, &["reconcile", "--period", "2026-01"]);
    assert!(talk.contains("no charge starts in this window"), "{talk}");
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(run(empty.path(), &["init"]).0, 0);
    let (status, out, talk) = run(empty.path(), &["reconcile"]);
    assert_eq!((status, out.as_str()), (3, ""), "{talk}");
    assert!(talk.contains("nothing to reconcile"), "{talk}");
}

#[test]
fn check_warns_of_rejected_rows_and_does_not_fail() {
    let small = Small::ingested();
    let (out, talk) = small.says(0, &["check", "-o", "csv"]);
    assert!(out.starts_with("check,verdict,severity,rows,title\n"), "{out}");
    assert!(out.contains("rejected_rows,found,warning,2,"), "{out}");
    assert!(out.contains("conservation,pass,error,0,"), "{out}");
    assert!(
        talk.contains("not a decimal number") && talk.contains("none says no"),
        "{talk}"
    );
    let (_, talk) = small.says(2, &["check", "--tier", "never"]);
    assert!(talk.contains("try: always, strict or on-request"), "{talk}");
}

#[test]
fn metrics_are_listed_explained_and_run_in_every_format() {
    let small = Small::ingested();
    let (out, _) = small.says(0, &["metric", "list", "-o", "csv"]);
    assert!(out.starts_with("name,title,grain,origin\n"), "{out}");
    for name in [
        "spend/by_scope",
        "unit/cost_per_successful_task",
        "gpu/utilization",
        "ledger/waterfall",
    ] {
        assert!(out.contains(&format!("\n{name},")), "{name}\n{out}");
    }
    let (out, _) = small.says(0, &["metric", "show", "spend/by_scope"]);
    for word in ["Spend by scope", "formula", "--by", "columns", "SELECT"] {
        assert!(out.contains(word), "{word}\n{out}");
    }
    let (_, talk) = small.says(2, &["metric", "show", "spend/by_moon"]);
    assert!(talk.contains("try:"), "{talk}");

    let metric = |format: &str| {
        small
            .says(
                0,
                &[
                    "metric",
                    "run",
                    "spend/by_scope",
                    "--period",
                    "2026-09",
                    "-o",
                    format,
                ],
            )
            .0
    };
    insta::assert_snapshot!(metric("csv"), @r#"
    scope,currency,billed_cost,effective_cost,list_cost,contracted_cost,charges,null_amounts
    AI,USD,1,1,,,1,0
    Cloud,USD,0.33,0.33,,,1,0
    "#);
    insta::assert_snapshot!(metric("json"), @r#"
    [
      {"scope":"AI","currency":"USD","billed_cost":"1","effective_cost":"1","list_cost":null,"contracted_cost":null,"charges":1,"null_amounts":0},
      {"scope":"Cloud","currency":"USD","billed_cost":"0.33","effective_cost":"0.33","list_cost":null,"contracted_cost":null,"charges":1,"null_amounts":0}
    ]
    "#);
    insta::assert_snapshot!(metric("markdown"), @r#"
    | scope | currency | billed\_cost | effective\_cost | list\_cost | contracted\_cost | charges | null\_amounts |
    | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |
    | AI | USD | 1.000 | 1.000 | – | – | 1 | 0 |
    | Cloud | USD | 0.330 | 0.330 | – | – | 1 | 0 |
    "#);
    let rows: serde_json::Value = serde_json::from_str(&metric("json")).unwrap();
    // Amounts are texts in JSON: a float would not keep them.
    assert_eq!(rows[1]["billed_cost"], "0.33");

    let unit = [
        "metric",
        "run",
        "unit/cost_per_query",
        "--period",
        "2026-09",
        "-o",
        "csv",
    ];
    insta::assert_snapshot!(small.says(0, &unit).0, @r#"
    use_case,currency,requests,attempts,cost,accrued_cost,cost_per_query,uncosted_attempts
    chat,USD,2,2,1,0,0.5,0
    "#);
    let by_moon = [
        "metric",
        "run",
        "spend/by_scope",
        "--period",
        "2026-09",
        "--by",
        "moon",
    ];
    let (_, talk) = small.says(2, &by_moon);
    assert!(talk.contains("it can be grouped by scope, provider"), "{talk}");
}

#[test]
fn sql_reads_and_nothing_else() {
    let small = Small::ingested();
    let before = small.counts();
    for sql in [
        "INSERT INTO charges SELECT * FROM charges",
        "EXPLAIN ANALYZE INSERT INTO charges SELECT * FROM charges",
        "UPDATE charges SET source = 'x'",
        "DELETE FROM charges",
        "DROP TABLE charges",
        "COPY (SELECT 1) TO 'stolen' STORED AS CSV",
        "COPY charges TO 'stolen.parquet'",
        "SET datafusion.execution.batch_size = 1",
        "CREATE TABLE mine AS SELECT 1",
        "CREATE VIEW mine AS SELECT 1",
        "CREATE EXTERNAL TABLE mine STORED AS CSV LOCATION 'in/bill.csv'",
        "SELECT * FROM 'in/bill.csv'",
    ] {
        let (_, talk) = small.says(1, &["sql", "-c", sql]);
        assert!(talk.contains("error:"), "{sql}: {talk}");
    }
    // A good statement before a bad one changes nothing about that.
    small.says(1, &["sql", "-c", "SELECT 1; DROP TABLE charges"]);
    assert_eq!(small.counts(), before);
    let mut left: Vec<String> = std::fs::read_dir(small.dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(
        left,
        ["in", "lake", "spendscope.toml"],
        "nothing was written beside the lake"
    );

    small.file(
        "script.sql",
        "SELECT 1 AS one;\nSELECT 'it''s; not -- two' AS text;\n",
    );
    let (out, _) = small.says(0, &["sql", "-o", "csv", "-f", "script.sql"]);
    assert_eq!(out, "one\n1\ntext\nit's; not -- two\n");
}

#[test]
fn as_of_a_moment_before_a_restated_bill_gives_the_old_total() {
    let small = Small::ingested();
    small.file("restated/bill.csv", &BILL.replace("1.00,1.00", "2.50,2.50"));
    let (status, _, talk) = run(
        small.dir.path(),
        &["--now", "2026-11-05T00:00:00Z", "ingest", "restated"],
    );
    assert_eq!(status, 0, "{talk}");
    let total = |moment: &str| {
        let sql = "SELECT sum(billed_cost) AS total FROM charges WHERE billing_currency = 'USD'";
        let (status, out, talk) = run(
            small.dir.path(),
            &["--as-of", moment, "sql", "-o", "csv", "-c", sql],
        );
        assert_eq!(status, 0, "{talk}");
        out
    };
    assert_eq!(total("2026-10-06"), "total\r\n1\r\n");
    assert_eq!(total("2026-11-06"), "total\r\n2.5\r\n");
    assert!(
        !total("2026-10-04").contains(|c: char| c.is_ascii_digit()),
        "before there was any bill"
    );
}

#[test]
fn init_writes_a_configuration_once() {
    let folder = tempfile::tempdir().unwrap();
    let (status, out, talk) = run(folder.path(), &["init"]);
    assert_eq!((status, out.as_str()), (0, ""), "{talk}");
    let path = folder.path().join("spendscope.toml");
    std::fs::write(&path, "# mine\n").unwrap();
    let (status, _, talk) = run(folder.path(), &["init"]);
    assert_eq!(status, 2, "{talk}");
    assert!(
        talk.contains("spendscope.toml is here already") && talk.contains("try:"),
        "{talk}"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "# mine\n");
}

#[test]
fn a_wrong_key_in_the_configuration_is_an_error_that_names_the_right_ones() {
    let folder = tempfile::tempdir().unwrap();
    for (text, words) in [
        ("[reporting]\ncurency = 'USD'\n", ["curency", "`currency`"]),
        ("[use_cases.chat]\nowners = 'x'\n", ["owners", "`owner`"]),
        (
            "[lakes]\nurl = 'x'\n",
            ["no section 'lakes'", "try: sections: lake"],
        ),
        (
            "[[pull.pigeon]]\nname = 'x'\n",
            ["no connector 'pigeon'", "try: connectors: prometheus"],
        ),
    ] {
        std::fs::write(folder.path().join("other.toml"), text).unwrap();
        let (status, out, talk) = run(folder.path(), &["--config", "other.toml", "metric", "list"]);
        assert_eq!((status, out.as_str()), (2, ""), "{text}{talk}");
        assert!(talk.contains("configuration other.toml"), "{talk}");
        assert!(words.iter().all(|word| talk.contains(word)), "{text}{talk}");
    }
}

#[test]
fn the_board_is_a_picture_and_a_page() {
    let small = Small::ingested();
    let (out, _) = small.says(0, &["report", "board", "--period", "2026-09", "--out", "out"]);
    assert!(out.is_empty(), "{out}");
    let picture = std::fs::read(small.dir.path().join("out/board.png")).unwrap();
    let picture = resvg::tiny_skia::Pixmap::decode_png(&picture).unwrap();
    assert_eq!(picture.width(), 1600);
    assert!(picture.height() > 400, "{}", picture.height());
    let colours: std::collections::HashSet<_> = picture
        .pixels()
        .iter()
        .map(|p| (p.red(), p.green(), p.blue()))
        .collect();
    assert!(colours.len() > 50, "{} colours are no picture", colours.len());
    let page = std::fs::read_to_string(small.dir.path().join("out/board.html")).unwrap();
    for word in ["September 2026", "<svg", "$1.00", "$0.33", "UTC", "effective"] {
        assert!(page.contains(word), "board.html does not say {word}");
    }
    for outside in ["src=\"http", "href=\"http", "<script src"] {
        assert!(
            !page.contains(outside),
            "board.html is not self-contained: {outside}"
        );
    }
}

#[test]
fn a_drill_passes_or_says_no_and_draws_its_fan() {
    let small = Small::new();
    let mut bill = BILL.lines().next().unwrap().to_owned() + "\n";
    for day in 1..=28 {
        let day = format!("2026-09-{day:02}T00:00:00Z,2026-09-{day:02}T01:00:00Z");
        bill.push_str(&format!(
            "10,10,USD,OpenAI,{day},2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,Usage,OpenAI API,AI and Machine Learning,Tokens,small input tokens\n"
        ));
    }
    small.file("month/bill.csv", &bill);
    let at = ["--now", "2026-09-29T00:00:00Z"];
    let folder = small.dir.path();
    assert_eq!(run(folder, &[&at[..], &["ingest", "month"]].concat()).0, 0);
    for (amount, status) in [("200", 0), ("100", 3)] {
        let scenario = format!(
            "title = 'Nothing happens'\nhorizon_days = 14\npaths = 50\nseed = 1\nnoise = 'none'\n\
             [budget]\namount = '{amount}'\nperiod = 'horizon'\n[criterion]\nmax_breach_probability = 0.2\n"
        );
        small.file("calm.toml", &scenario);
        let args = ["drill", "run", "calm.toml", "--out", "drawn"];
        let (got, out, talk) = run(folder, &[&at[..], &args].concat());
        assert_eq!(got, status, "{out}\n{talk}");
        assert!(
            talk.starts_with(if status == 0 { "PASS: " } else { "FAIL: " }),
            "{talk}"
        );
        assert!(folder.join("drawn/calm.png").exists() && folder.join("drawn/calm.html").exists());
    }
    let (_, talk) = small.says(2, &["drill", "run", "unheard-of"]);
    assert!(
        talk.contains("built in: ") && talk.contains("gpu-shock-and-surge"),
        "{talk}"
    );
}

#[test]
fn prices_are_listed_with_tiers_and_contracts_and_an_unknown_book_is_refused() {
    let small = Small::ingested();
    let house = "provider,model,valid_from,currency,input_cost_per_token,output_cost_per_token,\
                 input_cost_per_token_batches,input_cost_per_token_above_200k_tokens\n\
                 openai,small,2026-02-01,USD,0.001,0,0.0001,0.002\n";
    small.file("house.csv", house);
    small.says(0, &["prices", "import", "house.csv", "--source", "house"]);
    let terms = "provider,model,valid_from,valid_to,discount\nopenai,*,2026-09-01,2026-10-01,0.1\n";
    small.file("terms.csv", terms);
    small.says(0, &["prices", "import", "terms.csv"]);
    insta::assert_snapshot!(small.says(0, &["prices", "list", "-o", "csv"]).0, @r#"
    layer,provider,model,valid_from,valid_to,currency,discount,input_cost_per_token,output_cost_per_token,cache_read_input_token_cost,cache_creation_input_token_cost,also,source
    list,openai,small,2026-01-01T00:00:00Z,,USD,,0.0001,0.0002,,,,prices
    list,openai,small,2026-02-01T00:00:00Z,,USD,,0.001,0,,,"above 200k, batch",house
    contract,openai,*,2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,,0.1,,,,,,contracts
    "#);

    // 300 of input and 20 of output: 0.034 under the first book, 0.3 under the other.
    let sums = [
        "sql",
        "-o",
        "csv",
        "-c",
        "SELECT sum(list_cost) AS list, sum(contract_cost) AS contract FROM calls",
    ];
    let with = |more: &[&str]| small.says(0, &[&sums[..], more].concat()).0;
    assert_eq!(with(&[]), "list,contract\n0.3,0.27\n");
    let first = "list,contract\n0.034,0.0306\n";
    assert_eq!(with(&["--book", "prices"]), first);
    assert_eq!(with(&["--book-at", "2026-01-15"]), "list,contract\n0.034,0.034\n");

    let (out, talk) = small.says(2, &["sql", "-c", "SELECT 1", "--book", "hose"]);
    assert!(out.is_empty(), "{out}");
    assert!(
        talk.contains("there is no price book 'hose'") && talk.contains("known: house, prices;"),
        "{talk}"
    );
    let metric = [
        "metric",
        "run",
        "gateway/list_cost",
        "--period",
        "2026-09",
        "--book",
        "prices",
    ];
    let (_, talk) = small.says(0, &metric);
    assert!(talk.contains("list prices of book prices"), "{talk}");
}

#[test]
fn a_made_up_company_has_the_days_that_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let synth = |more: &[&str]| run(folder.path(), &[&["synth", "--requests", "300"], more].concat());
    let days = ["--from", "2026-02-27", "--to", "2026-03-03"];
    let (status, _, talk) = synth(&[&["--out", "few"][..], &days].concat());
    assert_eq!(status, 0, "{talk}");
    assert!(talk.contains("[2026-02-27, 2026-03-03)"), "{talk}");
    let logs = std::fs::read_dir(folder.path().join("few/gateway/litellm")).unwrap();
    let mut logs: Vec<_> = logs
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    logs.sort_unstable();
    assert_eq!(logs, ["spend-2026-02.jsonl.gz", "spend-2026-03.jsonl.gz"]);

    let (status, _, talk) = synth(&[
        "--out",
        "none",
        "--from",
        "2026-02-27T05:00:00Z",
        "--to",
        "2026-03-03",
    ]);
    assert_eq!(status, 2, "{talk}");
    assert!(
        talk.contains("not the beginning of a day") && talk.contains("name whole days"),
        "{talk}"
    );
    let restated = [&["synth", "--out", "none", "--restate"][..], &days].concat();
    let (status, _, talk) = run(folder.path(), &restated);
    assert_eq!(status, 2, "{talk}");
    assert!(talk.contains("leave out --from"), "{talk}");
    assert!(!folder.path().join("none").exists());
}
