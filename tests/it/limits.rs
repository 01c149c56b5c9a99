//! Files that mean harm, or that somebody broke: each ends in a clear word, within bounded memory and time. The
//! program runs as a process of its own, and its memory is watched while it runs.

use crate::support::{run, spendscope};
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use spendscope::base::clock::SystemClock;
use spendscope::ingest::{self, Options};
use spendscope::store::Lake;
use std::io::{BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;

/// What a run of the program came to.
struct Ended {
    status: i32,
    talk: String,
    /// Most memory that it had at once, in MiB.
    peak: u64,
    took: Duration,
}

/// Runs `ingest` and watches its memory.
fn watched(folder: &Path, args: &[&str]) -> Ended {
    let begun = Instant::now();
    let talk = folder.join("talk");
    let mut child = spendscope(folder)
        .args(["--now", "2026-11-20T00:00:00Z", "--lake", "lake", "ingest"])
        .args(args)
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&talk).unwrap())
        .spawn()
        .unwrap();
    let file = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let status = loop {
        let told = std::fs::read_to_string(&file).unwrap_or_default();
        let high = told.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = high.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0) / 1024);
        if let Some(status) = child.try_wait().unwrap() {
            break status.code().unwrap_or(-1);
        }
        assert!(begun.elapsed() < Duration::from_secs(300), "it hangs: {args:?}");
        std::thread::sleep(Duration::from_millis(3));
    };
    let ended = Ended {
        status,
        talk: std::fs::read_to_string(talk).unwrap(),
        peak,
        took: begun.elapsed(),
    };
    println!("{args:?}: status {status}, peak {peak} MiB, {:?}", ended.took);
    ended
}

/// The rejected values, as `line,column_name,value,reason`.
fn rejects(folder: &Path) -> String {
    let sql = "SELECT line, column_name, value, reason FROM rejects ORDER BY path, line, column_name";
    let (status, out, talk) = run(folder, &["--lake", "lake", "sql", "-o", "csv", "-c", sql]);
    assert_eq!(status, 0, "{talk}");
    out
}

const CALL: &str = r#"{"request_id": "r", "call_type": "acompletion", "spend": 0, "prompt_tokens": 1, "completion_tokens": 2, "startTime": "2026-09-14 10:00:00", "endTime": "2026-09-14 10:00:01", "model": "m", "custom_llm_provider": "p"}"#;

fn call(id: &str) -> String {
    CALL.replacen("\"r\"", &format!("\"{id}\""), 1)
}

/// A file whose text is written by a closure, packed if its name says so.
fn write(path: &Path, text: impl FnOnce(&mut dyn Write)) {
    let file = BufWriter::new(std::fs::File::create(path).unwrap());
    match path.extension().and_then(|e| e.to_str()) {
        Some("gz") => {
            let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::best());
            text(&mut packed);
            packed.finish().unwrap().flush().unwrap();
        }
        Some("zst") => {
            let mut packed = zstd::stream::write::Encoder::new(file, 1).unwrap();
            text(&mut packed);
            packed.finish().unwrap().flush().unwrap();
        }
        _ => {
            let mut file = file;
            text(&mut file);
            file.flush().unwrap();
        }
    }
}

fn repeat(out: &mut dyn Write, byte: u8, mut bytes: u64) {
    let block = vec![byte; 1 << 16];
    while bytes > 0 {
        let now = bytes.min(block.len() as u64);
        out.write_all(&block[..now as usize]).unwrap();
        bytes -= now;
    }
}

// ── packed files ─────────────────────────────────────────────────────────────────────────

#[test]
fn a_small_file_that_unpacks_to_a_mountain_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["bomb.jsonl.gz", "bomb.jsonl.zst"] {
        let path = dir.path().join(name);
        write(&path, |out| {
            writeln!(out, "{}", call("r")).unwrap();
            for _ in 0..4 {
                repeat(out, b' ', 20 * MIB);
                out.write_all(b"\n").unwrap();
            }
        });
        let ended = watched(dir.path(), &[name]);
        assert_ne!(ended.status, 0, "{}", ended.talk);
        assert!(
            ended.talk.contains("unpacks to more than the limit") && ended.talk.contains(name),
            "{}",
            ended.talk
        );
        assert!(ended.peak < 400, "{} MiB", ended.peak);
    }
    // Packed twice: only the outer layer is unpacked.
    let inner = std::fs::read(dir.path().join("bomb.jsonl.gz")).unwrap();
    write(&dir.path().join("twice.gz"), |out| out.write_all(&inner).unwrap());
    let (status, _, talk) = run(dir.path(), &["--lake", "lake", "ingest", "twice.gz"]);
    assert!(status != 0 && talk.contains("packed twice"), "{status} {talk}");
    std::fs::write(dir.path().join("a.zip"), b"PK\x03\x04rest").unwrap();
    let (status, _, talk) = run(dir.path(), &["--lake", "lake", "ingest", "a.zip"]);
    assert!(status != 0 && talk.contains("a ZIP archive"), "{status} {talk}");
}

#[test]
fn of_a_packed_log_that_breaks_off_the_rows_before_are_kept() {
    for ending in ["gz", "zst"] {
        let dir = tempfile::tempdir().unwrap();
        let whole = dir.path().join(format!("whole.jsonl.{ending}"));
        write(&whole, |out| {
            for n in 0..5_000 {
                writeln!(out, "{}", call(&format!("r{n}-{}", n * 7919 % 5000))).unwrap();
            }
        });
        let bytes = std::fs::read(&whole).unwrap();
        let name = format!("cut.jsonl.{ending}");
        std::fs::write(dir.path().join(&name), &bytes[..bytes.len() * 9 / 10]).unwrap();
        let (status, _, talk) = run(dir.path(), &["--lake", "lake", "ingest", "--strict", &name]);
        assert!(status != 0 && talk.contains("refused"), "{status} {talk}");
        let (status, _, talk) = run(dir.path(), &["--lake", "lake", "ingest", &name]);
        assert!(status == 4 && talk.contains("1 REJECTED"), "{status} {talk}");
        let told = rejects(dir.path());
        assert!(told.contains("the packed file breaks off"), "{told}");
        let (_, kept, _) = run(
            dir.path(),
            &[
                "--lake",
                "lake",
                "sql",
                "-o",
                "csv",
                "-c",
                "SELECT count(*) AS n, max(file_row) AS last FROM requests",
            ],
        );
        let kept = kept.lines().nth(1).unwrap();
        let (rows, last) = kept.split_once(',').unwrap();
        let rows: u64 = rows.parse().unwrap();
        assert!(rows > 1_000 && rows < 5_000 && rows.to_string() == last, "{kept}");
        assert!(
            told.lines()
                .nth(1)
                .unwrap()
                .starts_with(&format!("{},", rows + 1)),
            "{told}"
        );
        // Bits that are wrong are another matter: nothing of such a file is to be trusted.
        let mut wrong = bytes.clone();
        let at = wrong.len() - 5;
        wrong[at] ^= 0x40;
        let name = format!("wrong.jsonl.{ending}");
        std::fs::write(dir.path().join(&name), &wrong).unwrap();
        let (status, _, talk) = run(dir.path(), &["--lake", "lake", "ingest", &name]);
        if ending == "gz" {
            assert!(status != 0 && talk.contains("damaged"), "{status} {talk}");
        }
    }
}

#[test]
fn half_of_a_bill_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let bill = |rows: u32| {
        let mut text = "BilledCost,EffectiveCost,BillingCurrency,BillingAccountId,ProviderName,ChargePeriodStart,ChargePeriodEnd,BillingPeriodStart,BillingPeriodEnd,ChargeCategory,ServiceName,ResourceId\n".to_owned();
        for n in 0..rows {
            text += &format!(
                "{n}.25,{n}.25,USD,1,AWS,2026-10-01T00:00:00Z,2026-10-02T00:00:00Z,2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,Usage,Compute,i-{}\n",
                n * 7919 % 10_000
            );
        }
        text
    };
    let whole = dir.path().join("whole.csv.gz");
    write(&whole, |out| out.write_all(bill(3_000).as_bytes()).unwrap());
    let bytes = std::fs::read(&whole).unwrap();
    std::fs::write(dir.path().join("torn.csv.gz"), &bytes[..bytes.len() - 100]).unwrap();
    let text = bill(10);
    std::fs::write(dir.path().join("torn.csv"), &text[..text.len() - 30]).unwrap();
    for name in ["torn.csv.gz", "torn.csv"] {
        let (status, _, talk) = run(dir.path(), &["--lake", "lake", "ingest", name]);
        assert!(
            status != 0 && talk.contains("ends where more was to come") && talk.contains("--accept-shrink"),
            "{status} {talk}"
        );
    }
    let (_, count, talk) = run(
        dir.path(),
        &["--lake", "lake", "ingest", "--accept-shrink", "torn.csv"],
    );
    assert!(talk.contains("9 kept, 1 REJECTED"), "{count} {talk}");
}

// ── rows in the middle ───────────────────────────────────────────────────────────────────

#[test]
fn a_stray_quote_costs_its_own_row() {
    let dir = tempfile::tempdir().unwrap();
    let mut text = b"task_id,success,recorded_at,variant\n".to_vec();
    for line in [
        "a,true,2026-10-01,x",
        "b,true,2026-10-01,\"never closed",
        "c,true,2026-10-01,\"two\nlines\"",
        "d,true,2026-10-01,\"a \"quote\" in it\"",
        "e,true,2026-10-01,5\" disk",
        "f,true,\"2026-10-01,x",
        "g,true,2026-10-01,\"\"\"well\"\"\"",
        "h,true,2026-10-01",
        "i,true,2026-10-01,\"closed\" ",
    ] {
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
    }
    text.extend_from_slice(b"j,true,2026-10-01,\xff\xfe\nk,true,2026-10-01,a\0b\r\nl,true,2026-10-01,x\rm,true,2026-10-01,x\r\n\r\nn,true,2026-10-01,last");
    std::fs::write(dir.path().join("rows.csv"), &text).unwrap();
    let (status, _, talk) = run(dir.path(), &["--lake", "lake", "ingest", "rows.csv"]);
    assert_eq!(status, 4, "{talk}");
    let (_, kept, _) = run(
        dir.path(),
        &[
            "--lake",
            "lake",
            "sql",
            "-o",
            "csv",
            "-c",
            "SELECT task_id, file_row FROM outcomes ORDER BY task_id",
        ],
    );
    let kept: Vec<&str> = kept.lines().skip(1).collect();
    assert_eq!(
        kept,
        ["a,2", "e,7", "g,9", "i,11", "k,13", "l,14", "m,15", "n,17"],
        "{}",
        rejects(dir.path())
    );
    let lines: Vec<String> = rejects(dir.path())
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap().to_owned())
        .collect();
    assert_eq!(lines, ["3", "4", "6", "8", "10", "12"], "{}", rejects(dir.path()));
}

#[test]
fn broken_json_in_a_list_costs_its_own_row() {
    let dir = tempfile::tempdir().unwrap();
    let row =
        |task: &str| format!(r#"{{"task_id": "{task}", "success": true, "recorded_at": "2026-10-01"}}"#);
    for (name, text, kept, refused) in [
        (
            "list.json",
            format!(
                "[\n{},\n{{\"task_id\": \"b\", \"success\": tru}},\n{},\n{{\"task_id\": \"d, \"success\": true}},\n{},\n{{\"task_id\": [\"f\"}},\n{}\n]\n",
                row("a"),
                row("c"),
                row("e"),
                row("g")
            ),
            vec!["a", "c", "e", "g"],
            vec!["3", "5", "7"],
        ),
        (
            "open.json",
            format!(
                "[\n{},\n{{\"task_id\": \"b\",\n\"success\": true,\n{},\n{}\n]",
                row("a"),
                row("c"),
                row("d")
            ),
            vec!["a", "c", "d"],
            vec!["3"],
        ),
        (
            "cut.json",
            format!("[{},\n {},\n {{\"task_id\": \"c", row("a"), row("b")),
            vec!["a", "b"],
            vec!["3"],
        ),
        (
            "commas.json",
            format!("[{} {}\n,,{}] x", row("a"), row("b"), row("c")),
            vec!["a", "b", "c"],
            vec!["1", "2", "2"],
        ),
        (
            "pages.json",
            format!("[{}]\n[{}]", row("a"), row("b")),
            vec!["a", "b"],
            vec![],
        ),
        (
            "documents.json",
            format!(
                "{}\n{}\n{}\n",
                row("a").replace(", ", ",\n"),
                row("b").replace(", ", ",\n").replace("true,", "true,]"),
                row("c").replace(", ", ",\n")
            ),
            vec!["a", "c"],
            vec!["4"],
        ),
        (
            "lines.jsonl",
            format!(
                "{}\n{{\"task_id\": \"b\", \n{}\n\0\n{}",
                row("a"),
                row("c"),
                row("d")
            ),
            vec!["a", "c", "d"],
            vec!["2", "4"],
        ),
    ] {
        std::fs::write(dir.path().join(name), text).unwrap();
        let lake = format!("lake-{name}");
        let (_, _, talk) = run(
            dir.path(),
            &["--lake", &lake, "ingest", "--format", "outcomes", name],
        );
        let sql = |sql: &str| {
            let (_, out, _) = run(dir.path(), &["--lake", &lake, "sql", "-o", "csv", "-c", sql]);
            out.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            sql("SELECT task_id FROM outcomes ORDER BY task_id"),
            kept,
            "{name}: {talk}"
        );
        if !refused.is_empty() {
            let lines = sql("SELECT line FROM rejects ORDER BY line");
            let mut unique = refused.clone();
            unique.dedup();
            assert!(lines == refused || lines == unique, "{name}: {lines:?} {talk}");
        }
    }
}

#[test]
fn parquet_of_the_wrong_types_is_read_or_refused_row_by_row() {
    use arrow::array::{BinaryArray, Date32Array, Int32Array, NullArray, TimestampSecondArray};
    let dir = tempfile::tempdir().unwrap();
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "task_id",
            Arc::new(BinaryArray::from(vec![&b"a"[..], b"\xff", b"c"])),
        ),
        ("success", Arc::new(Int32Array::from(vec![1, 1, 7]))),
        (
            "recorded_at",
            Arc::new(TimestampSecondArray::from(vec![
                1_790_000_000,
                1_790_000_000,
                i64::MAX,
            ])),
        ),
        ("value", Arc::new(Date32Array::from(vec![None, Some(1), Some(2)]))),
        ("variant", Arc::new(NullArray::new(3))),
    ];
    parquet_file(&dir.path().join("types.parquet"), columns);
    let (status, _, talk) = run(dir.path(), &["--lake", "lake", "ingest", "types.parquet"]);
    assert!(
        status == 4 && talk.contains("1 kept, 2 REJECTED"),
        "{status} {talk}"
    );
    let told = rejects(dir.path());
    assert!(
        told.contains("not UTF-8") && told.contains("a value that its type cannot hold"),
        "{told}"
    );
}

fn parquet_file(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

// ── too much of something ────────────────────────────────────────────────────────────────

#[test]
fn a_line_without_end_costs_itself() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("long.jsonl"), |out| {
        writeln!(out, "{}", call("a")).unwrap();
        out.write_all(b"{\"request_id\": \"").unwrap();
        repeat(out, b'x', 70 * MIB);
        writeln!(out, "\"}}\n{}", call("b")).unwrap();
    });
    write(&dir.path().join("long.csv"), |out| {
        out.write_all(b"task_id,success,recorded_at,variant\na,true,2026-10-01,x\nb,true,2026-10-01,")
            .unwrap();
        repeat(out, b'x', 70 * MIB);
        out.write_all(b"\nc,true,2026-10-01,\"").unwrap();
        repeat(out, b'y', 70 * MIB);
        out.write_all(b"\nd,true,2026-10-01,x\n").unwrap();
    });
    for name in ["long.jsonl", "long.csv"] {
        let ended = watched(dir.path(), &[name]);
        assert_eq!(ended.status, 4, "{}", ended.talk);
        assert!(ended.talk.contains("2 kept"), "{}", ended.talk);
        assert!(ended.peak < 600, "{} MiB", ended.peak);
    }
    let told = rejects(dir.path());
    assert_eq!(told.matches("is longer than 64 MiB").count(), 3, "{told}");
}

#[test]
fn a_hundred_thousand_columns() {
    const COLUMNS: usize = 100_000;
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("wide.csv"), |out| {
        out.write_all(b"task_id,success,recorded_at").unwrap();
        (0..COLUMNS).for_each(|n| write!(out, ",c{n}").unwrap());
        out.write_all(b"\na,true,2026-10-01").unwrap();
        (0..COLUMNS).for_each(|n| write!(out, ",{n}").unwrap());
        out.write_all(b"\n").unwrap();
    });
    write(&dir.path().join("wide.jsonl"), |out| {
        let open = call("r");
        out.write_all(open.trim_end_matches('}').as_bytes()).unwrap();
        (0..COLUMNS).for_each(|n| write!(out, ", \"k{n}\": {n}").unwrap());
        out.write_all(b", \"request_tags\": {").unwrap();
        (0..COLUMNS).for_each(|n| write!(out, "\"t{n}\": {n},").unwrap());
        out.write_all(b"\"last\": 1}, \"metadata\": {\"usage_object\": {")
            .unwrap();
        (0..COLUMNS).for_each(|n| write!(out, "\"u{n}\": 1,").unwrap());
        writeln!(out, "\"last\": 1}}}}}}\n{}", call("s")).unwrap();
    });
    let one = || Arc::new(StringArray::from(vec!["2026-10-01"])) as ArrayRef;
    let names: Vec<String> = (0..COLUMNS / 10).map(|n| format!("c{n}")).collect();
    let mut columns: Vec<(&str, ArrayRef)> = names.iter().map(|n| (n.as_str(), one())).collect();
    columns.push(("task_id", one()));
    columns.push(("success", Arc::new(StringArray::from(vec!["true"]))));
    columns.push(("recorded_at", one()));
    parquet_file(&dir.path().join("wide.parquet"), columns);
    for (name, kept) in [
        ("wide.csv", "1 kept"),
        ("wide.jsonl", "1 kept, 1 REJECTED"),
        ("wide.parquet", "1 kept"),
    ] {
        let ended = watched(dir.path(), &[name]);
        assert!(ended.talk.contains(kept), "{name}: {}", ended.talk);
        assert!(ended.peak < 700, "{name}: {} MiB", ended.peak);
    }
    let told = rejects(dir.path());
    assert!(told.contains("kinds of tokens in one usage"), "{told}");
}

#[test]
fn a_million_levels_of_json_are_no_stack() {
    const LEVELS: usize = 1_000_000;
    let dir = tempfile::tempdir().unwrap();
    let deep = "[".repeat(LEVELS);
    let closed = format!("{deep}{}", "]".repeat(LEVELS));
    let inner = format!("{{\\\"a\\\": {deep}");
    let open = call("x");
    let open = open.trim_end_matches('}');
    write(&dir.path().join("deep.jsonl"), |out| {
        writeln!(out, "{}", call("a")).unwrap();
        for broken in [
            format!("{open}, \"messages\": {closed}}}"),
            format!("{open}, \"metadata\": {{\"usage_object\": {closed}}}}}"),
            format!("{open}, \"metadata\": \"{inner}\"}}"),
            format!("{open}, \"request_tags\": {closed}}}"),
            format!("{open}, \"request_tags\": \"{deep}\"}}"),
            "{\"a\":".repeat(LEVELS),
        ] {
            writeln!(out, "{broken}").unwrap();
        }
        writeln!(out, "{}", call("b")).unwrap();
    });
    write(&dir.path().join("deep.json"), |out| {
        write!(
            out,
            "[{},\n{deep},\n{},\n{open}, \"x\": {closed}}}]",
            call("a"),
            call("c")
        )
        .unwrap();
    });
    for (name, kept) in [("deep.jsonl", "2 kept, 6 REJECTED"), ("deep.json", "2 REJECTED")] {
        let ended = watched(dir.path(), &[name]);
        assert_eq!(ended.status, 4, "{}", ended.talk);
        assert!(ended.talk.contains(kept), "{}", ended.talk);
        assert!(ended.peak < 300, "{} MiB", ended.peak);
    }
}

#[test]
fn numbers_beyond_all_measure_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let long = "9".repeat(10_000);
    let numbers = [
        "1e999999999",
        "-1e-999999999",
        "1e99999999999999999999",
        &long,
        "0x10",
        "1_000",
        "९",
    ];
    write(&dir.path().join("numbers.jsonl"), |out| {
        for (at, number) in numbers.iter().enumerate() {
            for (field, value) in [
                ("spend", "0"),
                ("prompt_tokens", "1"),
                ("startTime", "\"2026-09-14 10:00:00\""),
            ] {
                let whole = format!("\"{field}\": {value}");
                let row = call(&format!("{field}-{at}"));
                assert!(row.contains(&whole));
                writeln!(
                    out,
                    "{}",
                    row.replace(&whole, &format!("\"{field}\": \"{number}\""))
                )
                .unwrap();
            }
            let row = call(&format!("duration-{at}"));
            let row = row.trim_end_matches('}');
            writeln!(out, "{row}, \"request_duration_ms\": \"{number}\"}}").unwrap();
        }
        for year in [
            "9999999999999999",
            "-99999999999",
            "+262142-12-31T00:00:00Z",
            "0000-01-01",
        ] {
            let row = call(year);
            writeln!(out, "{}", row.replace("2026-09-14 10:00:00", year)).unwrap();
        }
    });
    let ended = watched(dir.path(), &["numbers.jsonl"]);
    assert_eq!(ended.status, 4, "{}", ended.talk);
    let told = rejects(dir.path());
    let rows: std::collections::BTreeSet<&str> = told
        .lines()
        .skip(1)
        .map(|l| l.split(',').next().unwrap())
        .collect();
    // All but the year 2286, which the first of the years is in microseconds, and a measurement of almost 0.
    assert_eq!(rows.len(), numbers.len() * 4 + 4 - 2, "{told}");
    assert!(told.len() < 20_000, "values are cut");
}

#[test]
fn a_table_of_parquet_that_says_one_long_text_in_every_row() {
    let dir = tempfile::tempdir().unwrap();
    let long = "long ".repeat(40 << 10);
    let rows = 800;
    let same = |text: &str| Arc::new(StringArray::from(vec![text; rows])) as ArrayRef;
    let times = same("2026-10-01");
    // Written row group by row group, so that the test itself stays small.
    let schema = Arc::new(arrow::datatypes::Schema::new(
        ["task_id", "success", "recorded_at", "variant"]
            .map(|name| arrow::datatypes::Field::new(name, arrow::datatypes::DataType::Utf8, false))
            .to_vec(),
    ));
    let file = std::fs::File::create(dir.path().join("long.parquet")).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, Arc::clone(&schema), None).unwrap();
    let variant = Arc::new(StringArray::from(vec![long.as_str(); 50])) as ArrayRef;
    for from in (0..rows).step_by(50) {
        let part = |array: &ArrayRef| array.slice(from, 50);
        let batch = RecordBatch::try_new(
            Arc::clone(&schema),
            vec![
                part(&times),
                part(&same("true")),
                part(&times),
                Arc::clone(&variant),
            ],
        );
        writer.write(&batch.unwrap()).unwrap();
    }
    writer.close().unwrap();
    let size = std::fs::metadata(dir.path().join("long.parquet")).unwrap().len();
    let ended = watched(dir.path(), &["long.parquet"]);
    assert_eq!(ended.status, 4, "{}", ended.talk);
    assert!(ended.talk.contains("800 REJECTED"), "{}", ended.talk);
    assert!(ended.peak < 400, "{} MiB of a file of {size} bytes", ended.peak);
    assert!(
        !rejects(dir.path()).contains("long long"),
        "a text is no value to be shown"
    );
}

#[tokio::test]
async fn a_list_that_does_not_fit_is_an_error_not_the_end_of_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rates.csv");
    write(&path, |out| {
        writeln!(out, "day,from,to,rate").unwrap();
        for day in 0..28 {
            (0..400).for_each(|n| writeln!(out, "2026-09-{:02},EUR,USD,1.{n:03}", day + 1).unwrap());
        }
    });
    let lake = Lake::open("memory:///lake", Arc::new(SystemClock)).await.unwrap();
    let ingested = |held_limit| {
        let options = Options {
            held_limit,
            ..Options::default()
        };
        let (lake, catalog, path) = (&lake, crate::sources::catalog(), path.display().to_string());
        async move { ingest::ingest(lake, &catalog, &[path], &options, &mut ()).await }
    };
    let error = ingested(MIB / 4).await.unwrap_err();
    assert!(
        error.to_string().contains("rows of this list take more than"),
        "{error}"
    );
    assert!(!lake.exists().await.unwrap(), "nothing was written");
    ingested(64 * MIB).await.unwrap();
}

// ── what lies in folders ─────────────────────────────────────────────────────────────────

#[test]
fn links_pipes_and_strange_names_in_a_folder() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("outside.jsonl"), call("outside")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("in");
    std::fs::create_dir_all(folder.join("a/b")).unwrap();
    std::fs::write(folder.join("good.jsonl"), call("good") + "\n").unwrap();
    std::fs::write(folder.join("a/b/other.jsonl"), call("other") + "\n").unwrap();
    // Two loops, so that following them would double with every level.
    for name in ["one", "two"] {
        symlink(&folder, folder.join("a").join(name)).unwrap();
    }
    symlink("loop", folder.join("loop")).unwrap();
    symlink(outside.path().join("outside.jsonl"), folder.join("out.jsonl")).unwrap();
    symlink("../../../../../../../../etc/passwd", folder.join("passwd")).unwrap();
    symlink("/dev/zero", folder.join("zero")).unwrap();
    symlink("good.jsonl", folder.join("latest.jsonl")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(folder.join("pipe.jsonl"))
        .status();
    assert!(made.is_ok_and(|status| status.success()));
    let _socket = std::os::unix::net::UnixListener::bind(folder.join("socket")).unwrap();
    // Two names that are no text look the same when they are shown.
    for (byte, id) in [(0xfe_u8, "fe"), (0xff, "ff")] {
        let name = std::ffi::OsStr::from_bytes(&[b'n', byte]).to_owned();
        std::fs::write(folder.join(name), call(id) + "\n").unwrap();
    }
    let ended = watched(dir.path(), &["in"]);
    assert_eq!(ended.status, 0, "{}", ended.talk);
    for words in [
        "in/a/one: left alone",
        "in/out.jsonl: left alone",
        "in/pipe.jsonl: left alone",
        "in/socket: left alone",
        "in/zero: left alone",
        "in/loop: left alone",
        "in/passwd: left alone",
        "the same content as",
        "a link that leads out of the folder",
    ] {
        assert!(ended.talk.contains(words), "{words}: {}", ended.talk);
    }
    let (_, out, _) = run(
        dir.path(),
        &[
            "--lake",
            "lake",
            "sql",
            "-o",
            "csv",
            "-c",
            "SELECT request_id FROM requests ORDER BY request_id",
        ],
    );
    assert_eq!(
        out.lines().skip(1).collect::<Vec<_>>(),
        ["fe", "ff", "good", "other"]
    );
    let ended = watched(dir.path(), &["in/**/*.jsonl"]);
    assert_eq!(ended.status, 0, "{}", ended.talk);
    assert!(ended.took < Duration::from_secs(60));
    // Named outright, a pipe is refused rather than waited for, and a link is followed.
    for (name, words) in [
        ("in/pipe.jsonl", "a pipe"),
        ("/dev/zero", "a device"),
        ("in/loop", "nothing is there"),
    ] {
        let ended = watched(dir.path(), &[name]);
        assert!(
            ended.status != 0 && ended.talk.contains(words),
            "{name}: {}",
            ended.talk
        );
    }
    let ended = watched(dir.path(), &["in/out.jsonl"]);
    assert!(
        ended.status == 0 && ended.talk.contains("1 kept"),
        "{}",
        ended.talk
    );
}

#[test]
fn a_file_that_may_not_be_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("in");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("good.jsonl"), call("good") + "\n").unwrap();
    let closed = folder.join("closed.jsonl");
    std::fs::write(&closed, call("closed")).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(&closed).is_ok() {
        println!("skipped: this user may read every file");
        return;
    }
    let ended = watched(dir.path(), &["in"]);
    assert!(
        ended.status != 0 && ended.talk.contains("closed.jsonl") && ended.talk.contains("ermission"),
        "{}",
        ended.talk
    );
}

#[test]
fn urls_of_files_name_files_of_this_machine() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a b.jsonl"), call("a") + "\n").unwrap();
    let root = dir.path().display();
    let good = format!("file://{root}/x/../a%20b.jsonl");
    let (status, _, talk) = run(dir.path(), &["--lake", "lake", "ingest", &good]);
    assert!(status == 0 && talk.contains("1 kept"), "{status} {talk}");
    for (url, words) in [
        ("file://host/../a b.jsonl", "another machine"),
        ("file://../a.jsonl", "another machine"),
        (
            &format!("file://{root}/a%20b.jsonl?x=1") as &str,
            "behind its path",
        ),
        (&format!("file://{root}/%2e%2e%2f%00"), ""),
        ("ftp://host/x", ""),
        ("http://127.0.0.1:1/x.csv", ""),
    ] {
        let (status, _, talk) = run(dir.path(), &["--lake", "lake", "ingest", url]);
        assert!(status != 0 && talk.contains(words), "{url}: {status} {talk}");
        assert!(!talk.contains("panicked"), "{url}: {talk}");
    }
}
