//! Restatement, late data, the order of arrival, and what is said of it: bills that change after the fact,
//! windows that are read again, prices that come last. One folder, one lake, the program itself.

use crate::support::run;
use std::fmt::Write as _;

const HEADER: &str = "BilledCost,EffectiveCost,BillingCurrency,BillingAccountId,ProviderName,ChargePeriodStart,ChargePeriodEnd,BillingPeriodStart,BillingPeriodEnd,ChargeCategory,ServiceName,ServiceCategory,ConsumedUnit,SkuMeter\n";
const CONFIG: &str = "[use_cases.chat]
[providers.openai]
charge_match = \"service_name = 'OpenAI API'\"
[models.small]
provider = 'openai'
[providers.own]
self_hosted = true
gateway_names = ['hosted_vllm']
[models.llama]
provider = 'own'
[[gpu_nodes]]
host = 'gpu-1'
resource_id = 'i-gpu1'
gpus = 1
gpu_model = 'L40S'
purchase = 'spot'
model = 'llama'
[[pull.prometheus]]
name = 'prometheus'
step_seconds = 1800
";
const PRICES: &str = r#"[{"provider":"openai","model":"small","valid_from":"2026-01-01","currency":"USD","input_cost_per_token":"0.0001","output_cost_per_token":"0.0002"}]"#;

/// A line of September's bill of AWS for one of its days.
fn day(day: u32, cost: &str) -> String {
    format!(
        "{cost},{cost},USD,1,AWS,2026-09-{day:02}T00:00:00Z,2026-09-{:02}T00:00:00Z,2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,Usage,Compute,Compute,Hours,\n",
        day + 1
    )
}

/// The line of a token meter for the first of September.
fn tokens(cost: &str) -> String {
    format!(
        "{cost},{cost},USD,org,OpenAI,2026-09-01T00:00:00Z,2026-09-02T00:00:00Z,2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,Usage,OpenAI API,AI and Machine Learning,Tokens,small input tokens\n"
    )
}

/// A bill of so many days at a dollar each, the first ones first.
fn month(days: std::ops::RangeInclusive<u32>) -> String {
    days.map(|d| day(d, "1.00")).collect()
}

fn call(id: &str, at: &str, tokens: u32) -> String {
    format!(
        r#"{{"request_id":"{id}","call_type":"acompletion","spend":0,"startTime":"{at}","endTime":"{at}","prompt_tokens":{tokens},"completion_tokens":0,"custom_llm_provider":"openai","model":"small","session_id":"task-{id}","request_tags":["use_case:chat"],"status":"success"}}"#
    ) + "\n"
}

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place {
            dir: tempfile::tempdir().unwrap(),
        };
        place.file("spendscope.toml", CONFIG);
        place
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn bill(&self, name: &str, lines: &str) {
        self.file(name, &format!("{HEADER}{lines}"));
    }

    /// (exit status, stdout, stderr) at a moment.
    fn at(&self, now: &str, args: &[&str]) -> (i32, String, String) {
        let (status, out, talk) = run(self.dir.path(), &[&["--now", now], args].concat());
        (status, out.replace("\r\n", "\n"), talk)
    }

    fn ingest(&self, now: &str, names: &[&str]) -> String {
        let (status, _, talk) = self.at(now, &[&["ingest"], names].concat());
        assert_eq!(status, 0, "{talk}");
        talk
    }

    /// A query's answer as CSV without its header.
    fn asked(&self, as_of: Option<&str>, sql: &str) -> String {
        let past = as_of.map_or_else(Vec::new, |moment| vec!["--as-of", moment]);
        let (status, out, talk) = self.at(NOW, &[&past[..], &["-o", "csv", "sql", "-c", sql]].concat());
        assert_eq!(status, 0, "{talk}");
        out.lines().skip(1).collect::<Vec<_>>().join("\n")
    }
}

const NOW: &str = "2026-12-01T00:00:00Z";
const LEDGER: &str =
    "SELECT provider, leaf, evidence, use_case, request_id, amount FROM ledger ORDER BY 1, 2, 3, 4, 5, 6";
const BILLED: &str = "SELECT count(*) AS n, sum(billed_cost) AS total FROM charges";

/// langwatch#6978: a puller that only moves its watermark forward never sees that its vendor raises
/// yesterday's figures for thirty days. Here a window is read again and its revised values replace the old
/// ones: charges by their period, requests and outcomes by their identity.
#[test]
fn a_trailing_window_that_is_read_again_brings_its_revised_values() {
    let place = Place::new();
    place.file("prices.json", PRICES);
    place.file("calls.jsonl", &call("r1", "2026-09-01T10:00:00Z", 100));
    place.bill("pull-1.csv", &(tokens("1.00") + &month(1..=5)));
    place.ingest(
        "2026-09-06T00:00:00Z",
        &["prices.json", "calls.jsonl", "pull-1.csv"],
    );
    assert_eq!(place.asked(None, BILLED), "6,6");
    // A day later the window reaches one day further, the first day costs more, and the call has more tokens.
    place.bill("pull-2.csv", &(tokens("1.25") + &month(1..=6)));
    place.file("calls-2.jsonl", &call("r1", "2026-09-01T10:00:00Z", 120));
    place.ingest("2026-09-07T00:00:00Z", &["calls-2.jsonl", "pull-2.csv"]);
    assert_eq!(place.asked(None, BILLED), "7,7.25");
    assert_eq!(
        place.asked(None, "SELECT request_id, uncached_input, list_cost FROM calls"),
        "r1,120,0.012"
    );
    // As it was known in between, it is as it was known.
    let then = Some("2026-09-06T12:00:00Z");
    assert_eq!(place.asked(then, BILLED), "6,6");
    assert_eq!(place.asked(then, "SELECT uncached_input FROM calls"), "100");
}

/// The same, when only some days of a month are read again. A delivery replaces its whole period, so what
/// would lose the rest of the month is refused with both figures and told what to do; what loses little
/// enough to be a correction is taken, and the lost days are named.
#[test]
fn a_part_of_a_month_that_is_read_again_does_not_silently_drop_the_rest() {
    let place = Place::new();
    place.bill("september.csv", &month(1..=29));
    place.ingest("2026-10-01T00:00:00Z", &["september.csv"]);
    place.bill("last-week.csv", &month(23..=29).replace("1.00", "1.10"));
    let (status, _, talk) = place.at("2026-10-02T00:00:00Z", &["ingest", "last-week.csv"]);
    assert_eq!(status, 1, "{talk}");
    for words in [
        "the period has 29 rows, the delivery 7; it has nothing of 22 days that had charges (2026-09-01 to 2026-09-22)",
        "deliver the whole period",
        "all its days, not only those that were read again",
        "--accept-shrink",
    ] {
        assert!(talk.contains(words), "{words}\n{talk}");
    }
    assert_eq!(place.asked(None, BILLED), "29,29", "nothing was lost");

    place.bill("most.csv", &month(4..=29).replace("1.00", "1.10"));
    let talk = place.ingest("2026-10-03T00:00:00Z", &["most.csv"]);
    for words in [
        "note: focus 2026-09: the period had charges on 3 days of which this delivery has none (2026-09-01 to 2026-09-03)",
        "deliver the whole",
    ] {
        assert!(talk.contains(words), "{words}\n{talk}");
    }
    assert_eq!(place.asked(None, BILLED), "26,28.6");
    // The whole month puts it right.
    place.bill("whole.csv", &month(1..=29).replace("1.00", "1.10"));
    let talk = place.ingest("2026-10-04T00:00:00Z", &["whole.csv"]);
    assert!(!talk.contains("the period had charges"), "{talk}");
    assert_eq!(place.asked(None, BILLED), "29,31.9");
}

/// azure-docs#51759: billing data of older periods changes daily. Each state stays known, and `diff` says
/// from which file each change came (kubecost#1579: reconciliation changed numbers after the fact, and
/// nobody could say why).
#[test]
fn billing_data_of_an_older_period_that_changes_daily_stays_explained() {
    let place = Place::new();
    for (on, cost) in [(3, "5.00"), (4, "5.50"), (5, "5.25")] {
        let name = format!("export-{on}.csv");
        place.bill(&name, &(day(1, "10.00") + &day(2, cost)));
        place.ingest(&format!("2026-10-0{on}T06:00:00Z"), &[&name]);
    }
    let total = |moment| place.asked(Some(moment), "SELECT sum(billed_cost) AS total FROM charges");
    assert_eq!(
        [
            "2026-10-03T12:00:00Z",
            "2026-10-04T12:00:00Z",
            "2026-10-05T12:00:00Z"
        ]
        .map(total),
        ["15", "15.5", "15.25"]
    );
    let diff = |since, until| {
        let (status, out, talk) =
            place.at(NOW, &["-o", "csv", "diff", "--as-of", since, "--to-as-of", until]);
        assert_eq!(status, 0, "{talk}");
        out.lines()
            .skip(1)
            .map(|line| line.split(" (").next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        diff("2026-10-03T12:00:00Z", "2026-10-04T12:00:00Z"),
        ["AWS,Compute,unallocated,billed,USD,15,15.5,0.5,\"export-4.csv"]
    );
    assert_eq!(
        diff("2026-10-04T12:00:00Z", "2026-10-05T12:00:00Z"),
        ["AWS,Compute,unallocated,billed,USD,15.5,15.25,-0.25,\"export-5.csv"]
    );
    // Over both days one difference, and the file that is in force.
    assert_eq!(
        diff("2026-10-03T12:00:00Z", "2026-10-05T12:00:00Z"),
        ["AWS,Compute,unallocated,billed,USD,15,15.25,0.25,\"export-5.csv"]
    );
    // The first export again: it is in force again, and the difference is gone.
    place.ingest("2026-10-06T06:00:00Z", &["export-3.csv"]);
    assert_eq!(diff("2026-10-03T12:00:00Z", "2026-10-07T00:00:00Z"), [""; 0]);
    assert_eq!(
        diff("2026-10-05T12:00:00Z", "2026-10-07T00:00:00Z"),
        ["AWS,Compute,unallocated,billed,USD,15.25,15,-0.25,\"export-3.csv"]
    );
}

/// finops-toolkit#1326, #1734, #1729: costs had to be ingested again when prices came after them, and a
/// guide said in which order to load. The order makes no difference, and nothing is ingested twice.
#[test]
fn prices_that_come_after_the_costs_need_no_second_ingest() {
    let files = ["calls.jsonl", "bill.csv", "prices.json"];
    let lakes = [[0, 1, 2], [2, 1, 0], [1, 0, 2]].map(|order| {
        let place = Place::new();
        // The second call is not billed: an accrual once it has a price.
        place.file(
            "calls.jsonl",
            &(call("r1", "2026-09-01T10:00:00Z", 100) + &call("r2", "2026-09-02T10:00:00Z", 300)),
        );
        place.bill("bill.csv", &tokens("1.00"));
        place.file("prices.json", PRICES);
        for (hour, at) in order.into_iter().enumerate() {
            place.ingest(&format!("2026-10-01T0{hour}:00:00Z"), &[files[at]]);
        }
        place
    });
    let status = "SELECT request_id, price_status FROM calls ORDER BY 1";
    assert_eq!(
        lakes[0].asked(Some("2026-10-01T01:30:00Z"), status),
        "r1,unpriced\nr2,unpriced",
        "before the prices came"
    );
    assert_eq!(lakes[0].asked(None, status), "r1,priced\nr2,priced");
    assert_eq!(
        lakes[0].asked(None, LEDGER),
        "OpenAI,request,billed,chat,r1,1\nopenai,request,accrued,chat,r2,0.03"
    );
    for other in &lakes[1..] {
        assert_eq!(other.asked(None, LEDGER), lakes[0].asked(None, LEDGER));
        assert_eq!(other.asked(None, status), lakes[0].asked(None, status));
    }
}

/// Late outcomes: a task without a label is a success once its label is there, whatever came first, and a
/// corrected label wins by when it was recorded, not by when it arrived.
#[test]
fn labels_that_come_late_or_corrected_count_as_if_they_had_come_first() {
    let labels = [
        "task_id,success,recorded_at\ntask-r1,false,2026-09-03T00:00:00Z\n",
        "task_id,success,recorded_at\ntask-r1,true,2026-09-20T00:00:00Z\n",
    ];
    let tasks = "SELECT task_id, state FROM tasks ORDER BY 1";
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [0, 2, 1]] {
        let place = Place::new();
        place.file("0.jsonl", &call("r1", "2026-09-01T10:00:00Z", 100));
        place.file("1.csv", labels[0]);
        place.file("2.csv", labels[1]);
        let names = ["0.jsonl", "1.csv", "2.csv"];
        for (hour, at) in order.into_iter().enumerate() {
            place.ingest(&format!("2026-10-01T0{hour}:00:00Z"), &[names[at]]);
        }
        assert_eq!(place.asked(None, tasks), "task-r1,success", "{order:?}");
        if order == [0, 1, 2] {
            let then = |moment| place.asked(Some(moment), tasks);
            assert_eq!(then("2026-10-01T00:30:00Z"), "task-r1,unlabelled");
            assert_eq!(then("2026-10-01T01:30:00Z"), "task-r1,failure");
        }
    }
}

/// Late telemetry: an hour that was dark is serving once it is heard of, and costs the same.
#[test]
fn telemetry_that_comes_late_lights_up_the_dark_hour() {
    let node = "4.00,4.00,USD,1,AWS,2026-09-01T10:00:00Z,2026-09-01T11:00:00Z,2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,Usage,Amazon EC2,Compute,Hours,,i-gpu1\n";
    let telemetry = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"DCGM_FI_PROF_SM_ACTIVE","UUID":"GPU-1","Hostname":"gpu-1","job":"dcgm","pod":"llama-0"},"values":[[1788256800,"0.5"],[1788258600,"0.5"]]}]}}"#;
    let leaves = "SELECT leaf, sum(amount) AS amount FROM ledger GROUP BY leaf ORDER BY leaf";
    for order in [[0, 1], [1, 0]] {
        let place = Place::new();
        place.file("0.csv", &format!("{},ResourceId\n{node}", HEADER.trim_end()));
        place.file("1.json", telemetry);
        let names = ["0.csv", "1.json"];
        for (hour, at) in order.into_iter().enumerate() {
            place.ingest(&format!("2026-10-01T0{hour}:00:00Z"), &[names[at]]);
        }
        assert_eq!(place.asked(None, leaves), "gpu_serving_untraced,4", "{order:?}");
        if order == [0, 1] {
            assert_eq!(place.asked(Some("2026-10-01T00:30:00Z"), leaves), "gpu_dark,4");
        }
    }
}

/// finops-toolkit#966 and #320: a backfill, or an export that somebody also made by hand, doubled the data.
/// Under one source name the period is replaced; under another name it is refused, and where it is taken all the
/// same the check says so.
#[test]
fn a_backfill_or_a_manual_export_of_the_same_month_is_not_added_to_it() {
    let place = Place::new();
    place.bill("daily.csv", &month(1..=5));
    place.ingest("2026-10-01T00:00:00Z", &["daily.csv"]);
    // The same bytes under another name, then the same lines in another order.
    place.bill("manual/export (1).csv", &month(1..=5));
    let talk = place.ingest("2026-10-02T00:00:00Z", &["manual"]);
    assert!(talk.contains("already ingested"), "{talk}");
    place.bill("backfill.csv", &(month(3..=5) + &month(1..=2)));
    place.ingest("2026-10-03T00:00:00Z", &["backfill.csv"]);
    assert_eq!(place.asked(None, BILLED), "5,5");
    // In parts, all in one call: one delivery.
    place.bill("part-0.csv", &month(1..=3));
    place.bill("part-1.csv", &month(4..=5));
    place.ingest("2026-10-04T00:00:00Z", &["part-1.csv", "part-0.csv"]);
    assert_eq!(place.asked(None, BILLED), "5,5");
    let diff = place.at(NOW, &["diff", "--as-of", "2026-10-01T12:00:00Z"]);
    assert_eq!(
        (diff.0, diff.1.as_str()),
        (0, ""),
        "nothing moved in all that: {}",
        diff.2
    );
    // Under a second name it would be a second bill of the same account and days: refused with both figures.
    let by_hand = ["ingest", "--source", "by-hand", "backfill.csv"];
    let (status, _, talk) = place.at("2026-10-05T00:00:00Z", &by_hand);
    assert_eq!(status, 1, "{talk}");
    for words in [
        "charges from 'by-hand' refused: 2026-09, aws account 1: the source 'focus' has 5 rows of 5 USD",
        "this delivery of 'by-hand' 5 rows of 5 USD on the same days, and both would count",
    ] {
        assert!(talk.contains(words), "{words}\n{talk}");
    }
    assert_eq!(place.asked(None, BILLED), "5,5");
    // Told to take it all the same, and a check sees what it is.
    let (status, _, talk) = place.at(
        "2026-10-05T00:00:00Z",
        &[&by_hand[..], &["--accept-overlap"]].concat(),
    );
    assert_eq!(status, 0, "{talk}");
    let (_, out, talk) = place.at(NOW, &["check", "--tier", "on-request", "-o", "csv"]);
    assert!(out.contains("same_lines_in_two_sources,found,"), "{out}\n{talk}");
}

/// finops-toolkit#2096: files that did not follow a contract of names were lost without a word. Formats are
/// recognised by content, and what is not recognised is named.
#[test]
fn a_file_with_an_unexpected_name_is_read_or_named_never_lost() {
    let place = Place::new();
    place.bill("in/2026/Cost Export_final (2).TXT", &month(1..=2));
    place.file("in/x", &call("r1", "2026-09-01T10:00:00Z", 100));
    place.file(
        "in/labels",
        "task_id,success,recorded_at\ntask-r1,true,2026-09-03T00:00:00Z\n",
    );
    place.file("in/notes.csv", "who,what\nme,nothing\n");
    let talk = place.ingest("2026-10-01T00:00:00Z", &["in"]);
    assert!(
        talk.contains("in/notes.csv: left alone, its format is not known"),
        "{talk}"
    );
    let counts = "SELECT (SELECT count(*) FROM charges) AS a, (SELECT count(*) FROM requests) AS b, (SELECT count(*) FROM outcomes) AS c";
    assert_eq!(place.asked(None, counts), "2,1,1");
    // Named by itself it is an error, not a note.
    let (status, _, talk) = place.at("2026-10-01T00:00:00Z", &["ingest", "in/notes.csv"]);
    assert!(status != 0 && talk.contains("error:"), "{status} {talk}");
}

/// killbill#876, flexprice#612 and #605: an event that is sent again, late, was counted again.
#[test]
fn a_late_event_that_is_sent_again_is_counted_once() {
    let place = Place::new();
    place.file("prices.json", PRICES);
    let mut early = String::new();
    for hour in 0..5 {
        write!(
            early,
            "{}",
            call(&format!("r{hour}"), &format!("2026-09-01T0{hour}:00:00Z"), 100)
        )
        .unwrap();
    }
    place.file("early.jsonl", &early);
    place.ingest("2026-09-02T00:00:00Z", &["prices.json", "early.jsonl"]);
    // Weeks later the queue sends three of them again, and one that is new.
    let again: String = (2..6)
        .map(|hour| call(&format!("r{hour}"), &format!("2026-09-01T0{hour}:00:00Z"), 100))
        .collect();
    place.file("retry.jsonl", &again);
    let talk = place.ingest("2026-09-20T00:00:00Z", &["retry.jsonl"]);
    assert!(talk.contains("4 rows, 1 kept, 3 known already"), "{talk}");
    let sum = "SELECT count(*) AS n, sum(list_cost) AS cost FROM calls";
    assert_eq!(place.asked(None, sum), "6,0.06");
    // Its accrual stands in the hour in which it was asked, not in which it was heard of.
    let hours = "SELECT count(*) AS n FROM ledger WHERE period_start >= TIMESTAMP '2026-09-02T00:00:00Z'";
    assert_eq!(place.asked(None, hours), "0");
}
