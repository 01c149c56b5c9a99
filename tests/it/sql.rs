//! The command `sql` away from a terminal: formats, scripts, pipes, what is refused, and how far a query goes.

use crate::support::{run, spendscope};
use spendscope::asset::Assets;
use spendscope::base::time::from_micros;
use spendscope::engine::{Engine, Registry, Settings};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A folder with an empty lake.
fn lake() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), &["init"]).0, 0);
    folder
}

fn sql(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut all = vec!["--lake", "lake", "sql"];
    all.extend(arguments);
    run(folder, &all)
}

/// The same with a script on standard input.
fn piped(folder: &Path, arguments: &[&str], script: &str) -> (i32, String, String) {
    let mut child = spendscope(folder)
        .args(["--lake", "lake", "sql"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let ended = child.wait_with_output().unwrap();
    (
        ended.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&ended.stdout).into_owned(),
        String::from_utf8(ended.stderr).unwrap(),
    )
}

const THREE: &str = "SELECT value AS n, CASE value WHEN 2 THEN NULL ELSE 'it''s ' || value END AS said FROM generate_series(1, 3) ORDER BY n";

#[test]
fn one_answer_in_every_format_by_every_way_in() {
    let folder = lake();
    std::fs::write(
        folder.path().join("three.sql"),
        format!("-- three rows\n{THREE};\n"),
    )
    .unwrap();
    for (format, wanted) in [
        ("table", " n  said\n 1  it's 1\n 2  –\n 3  it's 3\n"),
        ("csv", "n,said\r\n1,it's 1\r\n2,\r\n3,it's 3\r\n"),
        (
            "json",
            "[\n  {\"n\":1,\"said\":\"it's 1\"},\n  {\"n\":2,\"said\":null},\n  {\"n\":3,\"said\":\"it's 3\"}\n]\n",
        ),
        (
            "ndjson",
            "{\"n\":1,\"said\":\"it's 1\"}\n{\"n\":2,\"said\":null}\n{\"n\":3,\"said\":\"it's 3\"}\n",
        ),
        (
            "markdown",
            "| n | said |\n| ---: | --- |\n| 1 | it's 1 |\n| 2 | – |\n| 3 | it's 3 |\n",
        ),
    ] {
        let by_option = sql(folder.path(), &["-o", format, "-c", THREE]);
        assert_eq!(by_option, (0, wanted.to_owned(), String::new()));
        assert_eq!(sql(folder.path(), &["-o", format, "-f", "three.sql"]), by_option);
        assert_eq!(piped(folder.path(), &["-o", format], THREE), by_option);
        assert_eq!(piped(folder.path(), &["-o", format, "-f", "-"], THREE), by_option);
    }
    let script = format!(
        "\\o three.parquet\n\\format parquet\n{THREE};\n\\o\n\\format csv\nSELECT count(*) AS rows, sum(n) AS n FROM 'three.parquet';"
    );
    let (status, out, talk) = piped(folder.path(), &["--allow-files"], &script);
    assert_eq!((status, out.as_str()), (0, "rows,n\r\n3,6\r\n"), "{talk}");
    let two = ["-o", "parquet", "-c", "SELECT 1; SELECT 2"];
    let (status, _, talk) = piped(folder.path(), &two, "");
    assert!(
        status == 2 && talk.contains("a Parquet file holds one answer"),
        "{talk}"
    );
}

#[test]
fn a_script_stops_at_its_first_error_and_names_the_place() {
    let folder = lake();
    let script = "SELECT 1 AS one;\n\n/* then\n*/ SELECT\n  amuont\nFROM costs;\nSELECT 2 AS two;\n";
    std::fs::write(folder.path().join("wrong.sql"), script).unwrap();
    let (status, out, talk) = sql(folder.path(), &["-o", "csv", "-f", "wrong.sql"]);
    assert_eq!((status, out.as_str()), (1, "one\r\n1\r\n"));
    insta::assert_snapshot!(talk, @r"
    error: wrong.sql: line 5: there is no column 'amuont' here
      5 |   amuont
        |   ^^^^^^
      try: nearest: amount, kind, model, scope, sku_id
    ");
    for (wrong, place, told) in [
        ("SELEC 1", "1 | SELEC 1\n    | ^^^^^", "did you mean SELECT?"),
        ("SELECT 1 +", "", ""),
        ("SELECT 'open", "1 | SELECT 'open\n    |        ^", ""),
        (
            "SELECT * FROM chrages",
            "1 | SELECT * FROM chrages\n    |               ^^^^^^^",
            "did you mean charges",
        ),
        (
            "SELECT cuont(*) FROM costs",
            "1 | SELECT cuont(*) FROM costs\n    |        ^^^^^",
            "did you mean count",
        ),
        (
            "SELECT c.amuont FROM costs AS c",
            "1 | SELECT c.amuont FROM costs AS c\n    |        ^",
            "nearest: amount",
        ),
        ("SELECT 1 FROM costs WHERE", "", ""),
        ("\\dd charges", "", "did you mean \\d"),
        ("SELECT sum(provider) FROM costs", "", "it takes sum(Decimal)"),
    ] {
        let (status, out, talk) = sql(folder.path(), &["-c", wrong]);
        assert!(status > 0 && out.is_empty(), "{wrong}: {talk}");
        assert!(talk.contains(place) && talk.contains(told), "{wrong}: {talk}");
    }
    let (status, _, talk) = sql(folder.path(), &["-c", " -- nothing\n"]);
    assert!(status == 2 && talk.contains("there is no SQL"), "{talk}");
}

#[test]
fn commands_work_in_scripts() {
    let folder = lake();
    std::fs::write(
        folder.path().join("inner.sql"),
        "SELECT 'inner' AS here;\n\\nonsense\n",
    )
    .unwrap();
    let (status, out, _) = sql(folder.path(), &["-o", "csv", "-c", "\\d grid_intensity"]);
    assert!(
        status == 0 && out.starts_with("column,type,null,unit,meaning\r\n"),
        "{out}"
    );
    let (status, out, _) = sql(folder.path(), &["-o", "csv", "-c", "\\m cost_per_query"]);
    assert!(status == 0 && out.contains("unit/cost_per_query"), "{out}");
    let (status, out, _) = sql(folder.path(), &["-c", "\\m unit/cost_per_query"]);
    assert!(status == 0 && out.contains("one row is"), "{out}");
    let run = "\\m spend/by_scope run --period 2026-09 --by provider";
    let (status, out, talk) = sql(folder.path(), &["-o", "csv", "-c", run]);
    assert!(status == 0 && out.starts_with("provider,"), "{out}{talk}");
    assert!(talk.contains("[2026-09-01 00:00, 2026-10-01 00:00)"), "{talk}");
    let (status, out, talk) = piped(folder.path(), &["-o", "csv"], "\\i inner.sql\nSELECT 'outer';");
    assert_eq!((status, out.as_str()), (2, "here\r\ninner\r\n"));
    assert!(
        talk.contains("inner.sql: line 2: there is no command \\nonsense"),
        "{talk}"
    );
    let (status, out, _) = sql(folder.path(), &["-c", "\\q\nSELECT 1"]);
    assert_eq!((status, out.as_str()), (0, ""));
}

#[test]
fn a_reader_who_leaves_ends_it_quietly() {
    let folder = lake();
    for format in ["csv", "json", "ndjson", "markdown", "table", "parquet"] {
        let mut child = spendscope(folder.path())
            .args(["--lake", "lake", "sql", "-o", format, "-c"])
            .arg("SELECT value, repeat('x', 100) AS x FROM generate_series(1, 100000000000)")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut head = [0; 4096];
        child.stdout.take().unwrap().read_exact(&mut head).unwrap();
        let begun = Instant::now();
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{format}");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{format}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{format}");
    }
}

/// Most memory of a run in MiB, with its exit status and what it said.
fn watched(folder: &Path, arguments: &[&str]) -> (i32, u64, String) {
    let talk = folder.join("talk");
    let mut child = spendscope(folder)
        .args(["--lake", "lake", "sql"])
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&talk).unwrap())
        .spawn()
        .unwrap();
    let (file, begun) = (format!("/proc/{}/status", child.id()), Instant::now());
    let mut peak = 0;
    let status = loop {
        let told = std::fs::read_to_string(&file).unwrap_or_default();
        let high = told.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = high.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0) / 1024);
        if let Some(status) = child.try_wait().unwrap() {
            break status.code().unwrap_or(-1);
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    println!(
        "{arguments:?}: status {status}, peak {peak} MiB, {:?}",
        begun.elapsed()
    );
    (status, peak, std::fs::read_to_string(talk).unwrap())
}

#[test]
fn large_answers_take_no_more_memory_than_small_ones() {
    let folder = lake();
    let rows = |rows: u64| {
        format!("SELECT value, repeat('x', 200) AS x, value * 1.5 AS y FROM generate_series(1, {rows})")
    };
    for format in ["csv", "json", "ndjson", "markdown", "table", "parquet"] {
        let (status, small, talk) = watched(folder.path(), &["-o", format, "-c", &rows(10)]);
        assert_eq!(status, 0, "{talk}");
        // More than 100 MB of text.
        let (status, large, talk) = watched(folder.path(), &["-o", format, "-c", &rows(500_000)]);
        assert_eq!(status, 0, "{talk}");
        let most = if format == "parquet" { 100 } else { 60 };
        assert!(
            large < small + most,
            "{format}: {small} MiB for ten rows, {large} MiB for many"
        );
    }
}

#[test]
fn what_would_change_something_is_refused_with_what_to_do_instead() {
    let folder = lake();
    for (statement, told) in [
        ("INSERT INTO charges SELECT * FROM charges", "spendscope ingest"),
        ("UPDATE charges SET source = 'x'", "spendscope ingest"),
        ("DELETE FROM charges", "spendscope ingest"),
        (
            "MERGE INTO charges USING costs ON true WHEN MATCHED THEN DELETE",
            "spendscope ingest",
        ),
        ("TRUNCATE TABLE charges", "spendscope ingest"),
        (
            "EXPLAIN ANALYZE INSERT INTO charges SELECT * FROM charges",
            "spendscope ingest",
        ),
        ("EXPLAIN EXPLAIN DELETE FROM charges", ""),
        ("COPY (SELECT 1) TO 'stolen' STORED AS CSV", "\\o FILE"),
        ("COPY charges TO 'stolen.parquet'", "\\o FILE"),
        ("EXPLAIN COPY charges TO 'stolen.parquet'", "\\o FILE"),
        ("CREATE TABLE mine AS SELECT 1", "views/NAME.sql"),
        ("CREATE VIEW mine AS SELECT 1", "views/NAME.sql"),
        (
            "CREATE EXTERNAL TABLE mine STORED AS CSV LOCATION 'x.csv'",
            "views/NAME.sql",
        ),
        ("CREATE FUNCTION mine() RETURNS INT RETURN 1", "views/NAME.sql"),
        ("CREATE SCHEMA mine", "views/NAME.sql"),
        ("DROP TABLE charges", "views/NAME.sql"),
        ("ALTER TABLE charges ADD COLUMN x INT", "views/NAME.sql"),
        ("SELECT 1 AS one INTO mine", "views/NAME.sql"),
        ("SET datafusion.execution.batch_size = 1", "--currency"),
        ("RESET datafusion.execution.batch_size", "--currency"),
        ("PREPARE p AS DELETE FROM charges", "serve --postgres"),
        ("PREPARE p AS SELECT 1", "serve --postgres"),
        ("EXECUTE p", "serve --postgres"),
        ("BEGIN", "leave them out"),
        ("GRANT SELECT ON charges TO me", "views/NAME.sql"),
        ("SELECT * FROM 'spendscope.toml.csv'", "--allow-files"),
        ("SELECT * FROM \"/etc/passwd\"", "--allow-files"),
        ("SELECT * FROM 's3://bucket/x.parquet'", "--allow-files"),
        (
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM 'https://host/x.json')",
            "--allow-files",
        ),
        (
            "EXPLAIN ANALYZE WITH x AS (SELECT * FROM './x.csv') SELECT * FROM x",
            "--allow-files",
        ),
        ("DESCRIBE 'x.parquet'", "--allow-files"),
        ("SELECT * FROM read_csv('x.csv')", ""),
        ("SELECT * FROM parquet_metadata('x.parquet')", ""),
    ] {
        let (status, out, talk) = sql(folder.path(), &["-c", statement]);
        assert!(status == 1 && out.is_empty(), "{statement}: {status} {out}{talk}");
        assert!(
            talk.contains("  try: ") && talk.contains(told),
            "{statement}: {talk}"
        );
    }
    let mut left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["lake", "spendscope.toml"]);
    for statement in [
        "SHOW TABLES",
        "SHOW FUNCTIONS",
        "DESCRIBE charges",
        "EXPLAIN SELECT * FROM charges",
        "EXPLAIN ANALYZE SELECT count(*) FROM charges",
        "SELECT table_name FROM information_schema.tables",
        "VALUES (1, 'a')",
    ] {
        let (status, out, talk) = sql(folder.path(), &["-o", "ndjson", "-c", statement]);
        assert_eq!(status, 0, "{statement}: {out}{talk}");
    }
}

#[test]
fn files_are_tables_for_those_who_ask() {
    let folder = lake();
    std::fs::create_dir(folder.path().join("many")).unwrap();
    for (name, text) in [
        ("few.csv", "a,b\n1,x\n2,y\n"),
        ("many/1.csv", "n\n1\n"),
        ("many/2.csv", "n\n2\n"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let asked = |statement: &str| sql(folder.path(), &["-o", "csv", "--allow-files", "-c", statement]);
    assert_eq!(
        asked("SELECT sum(a) AS a, max(b) AS b FROM 'few.csv'"),
        (0, "a,b\r\n3,y\r\n".into(), String::new())
    );
    assert_eq!(
        asked("SELECT sum(n) AS n, (SELECT count(*) FROM charges) AS charges FROM 'many/'"),
        (0, "n,charges\r\n3,0\r\n".into(), String::new())
    );
    // The lake's own names go before, and nothing is written either.
    let (status, _, talk) = asked("COPY charges TO 'x.csv'");
    assert!(status == 1 && talk.contains("write an answer"), "{talk}");
    for missing in ["nowhere.csv", "s3://bucket/x.parquet", "https://127.0.0.1/x.csv"] {
        let (status, out, talk) = asked(&format!("SELECT * FROM '{missing}'"));
        assert!(
            status == 1 && out.is_empty() && talk.contains("error: "),
            "{missing}: {talk}"
        );
    }
}

#[test]
fn more_rows_than_allowed_are_an_error_and_never_a_cut() {
    let folder = lake();
    let asked = |rows: &str, most: &str| {
        let statement = format!("SELECT value FROM generate_series(1, {rows})");
        sql(
            folder.path(),
            &["-o", "csv", "--max-rows", most, "-c", &statement],
        )
    };
    let (status, out, _) = asked("1000", "1000");
    assert_eq!((status, out.lines().count()), (0, 1001));
    for most in ["0", "999", "1"] {
        let (status, _, talk) = asked("1000", most);
        assert_eq!(status, 1);
        assert!(
            talk.contains(&format!("the answer has more than {most} rows")),
            "{talk}"
        );
        assert!(talk.contains("LIMIT") && talk.contains("--max-rows"), "{talk}");
    }
    // In several batches, too.
    assert_eq!(asked("100000", "50000").0, 1);
    std::fs::write(folder.path().join("spendscope.toml"), "[limits]\nmax_rows = 5\n").unwrap();
    assert_eq!(
        run(
            folder.path(),
            &["sql", "-c", "SELECT value FROM generate_series(1, 6)"]
        )
        .0,
        1
    );
    assert_eq!(
        run(
            folder.path(),
            &[
                "sql",
                "--max-rows",
                "6",
                "-c",
                "SELECT value FROM generate_series(1, 6)"
            ]
        )
        .0,
        0
    );
}

const ENDLESS: [&str; 3] = [
    "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b WHERE a.value + b.value < 0",
    "SELECT sum(a.value * b.value) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b GROUP BY a.value % 7",
    "SELECT value FROM generate_series(1, 100000000000) WHERE value < 0",
];

#[test]
fn a_time_out_ends_within_a_second_of_its_limit() {
    let folder = lake();
    let (_, idle) = timed(folder.path(), &["-c", "SELECT 1"]);
    for statement in ENDLESS {
        let ((status, _, talk), took) = timed(folder.path(), &["--timeout", "1500ms", "-c", statement]);
        assert_eq!(status, 1, "{talk}");
        assert!(
            talk.contains("took longer than 1.5s") && talk.contains("--timeout"),
            "{talk}"
        );
        println!("{took:?}, of which {idle:?} to start: {statement}");
        assert!(
            took < idle + Duration::from_millis(2_500),
            "{took:?}: {statement}"
        );
    }
    let ((status, ..), _) = timed(folder.path(), &["--timeout", "soon", "-c", "SELECT 1"]);
    assert_eq!(status, 2);
}

#[test]
fn parameters_are_given_their_values() {
    let folder = lake();
    let statement = "SELECT value FROM generate_series(1, 9) WHERE value > $least AND 'x' || value = $2;
        SELECT CAST($day AS DATE) + INTERVAL '1 day' AS next, $word AS word";
    let given = |more: &[&str]| {
        let mut arguments = vec![
            "-c",
            statement,
            "--param",
            "$day=2026-02-28",
            "--param",
            "word=a=b;--",
        ];
        arguments.extend(["--param", "least=2"]);
        arguments.extend(more);
        sql(folder.path(), &arguments)
    };
    let (status, out, talk) = given(&["--param", "2=x3"]);
    assert_eq!((status, talk.as_str()), (0, ""), "{out}");
    let lines: Vec<&str> = out.lines().map(str::trim).collect();
    assert!(lines.contains(&"3"), "{out}");
    assert!(out.contains("2026-03-01") && out.contains("a=b;--"), "{out}");
    let (status, _, talk) = given(&[]);
    assert!(status == 1 && talk.contains("--param 2=VALUE"), "{talk}");
    let (status, _, talk) = given(&["--param", "2=x3", "--param", "least=many"]);
    assert!(status == 1 && talk.contains("'many' cannot be $least"), "{talk}");
    let (status, _, talk) = given(&["--param", "x3"]);
    assert!(status == 2 && talk.contains("NAME=VALUE"), "{talk}");
    let (status, out, talk) = sql(
        folder.path(),
        &[
            "-c",
            "SELECT count(*) AS n FROM generate_series(1, 9) WHERE value > ?",
            "--param",
            "1=4",
        ],
    );
    assert!(status == 0 && out.contains('5'), "{out}{talk}");
}

fn timed(folder: &Path, arguments: &[&str]) -> ((i32, String, String), Duration) {
    let begun = Instant::now();
    (sql(folder, arguments), begun.elapsed())
}

/// Puts so many rows of a kilobyte in an order that nothing has yet.
fn of_kilobytes(rows: u32) -> String {
    // As text of the lake is: what md5 gives is a view of memory that others hold.
    format!(
        "SELECT count(*) AS rows, count(DISTINCT place) AS places FROM (
            SELECT row_number() OVER (ORDER BY x) AS place, x FROM (
                SELECT CAST(md5(CAST(value AS VARCHAR)) || repeat('x', 992) AS VARCHAR) AS x
                FROM generate_series(1, {rows})))
            WHERE place % 100000 = 0 AND length(x) = 1024"
    )
}

/// Two gigabytes of rows, and no room for them.
#[test]
fn a_sort_of_two_gigabytes_in_64_megabytes_spills_to_the_end() {
    let folder = lake();
    let (out, peak, most) = sorted(folder.path(), "64MB", &of_kilobytes(2_000_000));
    assert_eq!(out, "rows,places\r\n20,20\r\n");
    assert!(most > 1_500, "only {most} MiB were spilled");
    // The program itself, its threads and its buffers come on top of what queries may hold.
    assert!(peak < 500, "{peak} MiB");
}

/// Parts that sort at once, and a group over the rows that they merge: each of them gets memory.
#[test]
fn sorts_in_parts_leave_room_for_what_comes_after_them() {
    let folder = lake();
    let statement = "SELECT count(*) AS rows, max(times) AS times FROM (
        SELECT place % 50000 AS part, count(DISTINCT x) AS times FROM (
            SELECT row_number() OVER (ORDER BY x) AS place, substr(x, 1, 8) AS x FROM (
                SELECT CAST(md5(CAST(value AS VARCHAR)) || repeat('x', 992) AS VARCHAR) AS x
                FROM generate_series(1, 400000)))
        GROUP BY 1 ORDER BY 1)";
    for limit in ["128MB", "256MB"] {
        let (out, ..) = sorted(folder.path(), limit, statement);
        assert_eq!(out, "rows,times\r\n50000,8\r\n", "{limit}");
    }
}

/// Wherever it was caught: in the middle of a sort, or while its parts are merged.
#[test]
fn a_query_that_runs_out_of_time_leaves_nothing_on_disk() {
    let folder = lake();
    let spilled = folder.path().join("spilled");
    std::fs::create_dir(&spilled).unwrap();
    let statement = of_kilobytes(10_000_000);
    for seconds in ["2s", "5s"] {
        let mut query = spendscope(folder.path());
        query.args([
            "--lake",
            "lake",
            "--memory-limit",
            "64MB",
            "sql",
            "--timeout",
            seconds,
            "-c",
            &statement,
        ]);
        let mut child = query
            .env("TMPDIR", &spilled)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut most = 0;
        while child.try_wait().unwrap().is_none() {
            most = most.max(size_of_folder(&spilled));
            std::thread::sleep(Duration::from_millis(20));
        }
        let ended = child.wait_with_output().unwrap();
        let talk = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{talk}");
        assert!(talk.contains("took longer than"), "{talk}");
        assert!(most > 1 << 20, "{most} bytes were spilled");
        assert_eq!(std::fs::read_dir(&spilled).unwrap().count(), 0, "after {seconds}");
    }
}

/// The answer of a statement that spills, the most memory that the program had, and the most it had on disk, in MiB.
fn sorted(folder: &Path, limit: &str, statement: &str) -> (String, u64, u64) {
    let spilled = folder.join("spilled");
    std::fs::create_dir_all(&spilled).unwrap();
    let out = folder.join("out");
    let mut child = spendscope(folder)
        .args([
            "--lake",
            "lake",
            "--memory-limit",
            limit,
            "-o",
            "csv",
            "sql",
            "-c",
            statement,
        ])
        .env("TMPDIR", &spilled)
        .stdout(std::fs::File::create(&out).unwrap())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (file, begun) = (format!("/proc/{}/status", child.id()), Instant::now());
    let (mut peak, mut most) = (0, 0);
    while child.try_wait().unwrap().is_none() {
        let told = std::fs::read_to_string(&file).unwrap_or_default();
        let high = told.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = high.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0) / 1024);
        most = most.max(size_of_folder(&spilled) >> 20);
        std::thread::sleep(Duration::from_millis(50));
    }
    let ended = child.wait_with_output().unwrap();
    let talk = String::from_utf8_lossy(&ended.stderr);
    println!("peak {peak} MiB, {most} MiB on disk, {:?}", begun.elapsed());
    assert_eq!(ended.status.code(), Some(0), "{limit}: {talk}");
    assert_eq!(size_of_folder(&spilled), 0, "what was spilled is taken away");
    (std::fs::read_to_string(out).unwrap(), peak, most)
}

fn size_of_folder(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => size_of_folder(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

#[test]
fn less_memory_than_a_query_needs_is_an_error_with_advice() {
    let folder = lake();
    // A list of everything cannot be spilled.
    let statement =
        "SELECT array_length(array_agg(repeat('x', 1000) || value)) FROM generate_series(1, 200000)";
    let limited = ["--lake", "lake", "--memory-limit", "16MB", "sql", "-c", statement];
    let (status, out, talk) = run(folder.path(), &limited);
    assert!(status == 1 && out.is_empty(), "{out}{talk}");
    assert!(
        talk.contains("not enough memory") && talk.contains(" consumed ") && talk.contains("--memory-limit"),
        "{talk}"
    );
    let (status, _, talk) = run(
        folder.path(),
        &["--lake", "lake", "--memory-limit", "1kB", "sql", "-c", "SELECT 1"],
    );
    assert!(status == 2 && talk.contains("16MB is the least"), "{talk}");
}

/// Neither side of the join fits.
#[test]
fn a_join_of_large_sides_in_little_memory_waits_on_the_disk() {
    let folder = lake();
    let side = "(SELECT value AS n, repeat('x', 200) || value AS text FROM generate_series(1, 400000))";
    let statement = format!(
        "SELECT count(*) AS n, sum(length(a.text)) - sum(length(b.text)) AS more \
         FROM {side} AS a INNER JOIN {side} AS b ON a.n = b.n"
    );
    let limited = [
        "--lake",
        "lake",
        "--memory-limit",
        "64MB",
        "sql",
        "-o",
        "csv",
        "-c",
        &statement,
    ];
    assert_eq!(
        run(folder.path(), &limited),
        (0, "n,more\r\n400000,0\r\n".to_owned(), String::new())
    );
}

async fn engine() -> Engine {
    let settings = Settings::new(from_micros(0));
    Engine::over_tables(
        HashMap::new(),
        &Assets::builtin(),
        &Registry::default(),
        &settings,
    )
    .await
    .unwrap()
}

/// A plan whose values are bound later is what servers run: it refuses as the command line does.
#[tokio::test]
async fn a_plan_for_others_is_guarded() {
    let engine = engine().await;
    let planned = async |sql: &str| {
        let statement = Engine::statements(sql).unwrap().remove(0).unwrap();
        engine.user_plan(statement).await
    };
    assert!(planned("SELECT count(*) FROM charges").await.is_ok());
    for refused in [
        "DELETE FROM charges",
        "SELECT 1 INTO mine",
        "SELECT * FROM 'x.csv'",
    ] {
        let error = planned(refused).await.unwrap_err();
        assert!(error.advice().is_some(), "{refused}: {error}");
    }
    let error = planned("SELECT\n  nothing\nFROM charges").await.unwrap_err();
    let place = error.place().unwrap();
    assert_eq!((place.line, place.column, place.length), (2, 3, 7));
}

#[test]
fn the_first_row_does_not_wait_for_the_last() {
    let folder = lake();
    let mut child = spendscope(folder.path())
        .args(["--lake", "lake", "sql", "-o", "csv", "-c"])
        .arg("SELECT value FROM generate_series(1, 100000000000)")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "value");
    assert_eq!(lines.next().unwrap().unwrap(), "1");
    child.kill().unwrap();
    child.wait().unwrap();
}
