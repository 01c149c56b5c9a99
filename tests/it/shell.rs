//! The shell on a terminal, typed at as a person would: `tests/servers/terminal.py` is the terminal.

use crate::support::{run, spendscope};
use serde_json::{Value, json};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a terminal showed, and the exit status of the program at its end. None: there is no Python.
fn typed(folder: &Path, options: &[&str], steps: Value) -> Option<String> {
    if Command::new("python3").arg("--version").output().is_err() {
        assert!(
            std::env::var("SPENDSCOPE_SERVERS").is_err(),
            "SPENDSCOPE_SERVERS is set and there is no python3"
        );
        println!("skipped: no python3 is installed");
        return None;
    }
    let mut child = Command::new("python3")
        .arg(crate::support::project("tests/servers/terminal.py"))
        .arg(spendscope(folder).get_program())
        .args(["--lake", "lake", "sql"])
        .args(options)
        .current_dir(folder)
        .env("XDG_DATA_HOME", folder.join("data"))
        // It says, too, in which state it finds the terminal.
        .env(
            "PAGER",
            "sed s/^/paged:/; stty -a < /dev/tty | grep -o -e '-*icrnl' -e '-*icanon'",
        )
        .env_remove("SPENDSCOPE_LAKE")
        .env_remove("SPENDSCOPE_CONFIG")
        .env_remove("SPENDSCOPE_NOW")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(steps.to_string().as_bytes()).unwrap();
    drop(pipe);
    let ended = child.wait_with_output().unwrap();
    let shown = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(
        ended.status.success(),
        "{}\n{shown}",
        String::from_utf8_lossy(&ended.stderr)
    );
    Some(shown)
}

/// Never comes to an end by itself.
const ENDLESS: &str = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b WHERE a.value + b.value < 0;";

#[test]
fn statements_commands_and_a_query_that_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), &["init"]).0, 0);
    let steps = json!([
        { "see": "tables and views.*spendscope> " },
        // Over two lines: the first has no end.
        { "type": "SELECT 40 +\r", "see": "-> " },
        { "type": "2 AS answer;\r", "see": "\n +answer\n +42\n.*\\(1 row\\)" },
        { "type": "\\d\r", "see": "one row is.*charges +table.*costs +view" },
        { "type": "\\d fx_rates\r", "see": "table fx_rates: .*column +type.*rate +decimal.*to per from" },
        // A tab completes the word.
        { "type": "\\d grid_int\t\r", "see": "table grid_intensity: " },
        { "type": "\\x on\r", "see": "expanded is on" },
        { "type": "SELECT 1 AS one, NULL AS none;\r", "see": "row 1.*one +\\| 1\n none \\| –" },
        { "type": "\\x off\r", "see": "expanded is off" },
        { "type": "\\timing\r", "see": "timing is on" },
        { "type": "SELECT 7 AS seven;\r", "see": "seven.*7.*\\(1 row\\).*time: [0-9.]+ ms" },
        // Ctrl-C stops the query and not the shell.
        { "type": format!("{ENDLESS}\r"), "see": "< 0;\n" },
        { "busy": true, "wait": 1, "type": "\u{3}", "see": "error: stopped.*spendscope> ", "seconds": 20 },
        // What is typed while a statement runs is run after it, line by line.
        { "type": "SELECT count(*) AS n FROM generate_series(1, 20000000);\r", "see": "20000000\\);\n" },
        { "type": "SELECT 5 AS five;\rSELECT 6 AS six;\r", "see": "20000000\n.*\n +5\n.*\n +6\n.*spendscope> " },
        // Ctrl-C drops what is typed.
        { "type": "SELECT 'half", "see": "half" },
        { "type": "\u{3}", "see": "spendscope> " },
        // The place of an error, the nearest name, and the shell goes on.
        { "type": "SELECT 1\rFROM chrages;\r", "see": "error: line 2: there is no table 'chrages'\n  2 \\| FROM chrages\n +\\| +\\^{7}\n  try: did you mean charges" },
        // Taller than the terminal: a pager shows it.
        { "type": "SELECT value AS n FROM generate_series(1, 100);\r", "see": "(?=.*paged: +100\n)(?=.*\nicrnl\nicanon\n).*\\(100 rows\\)" },
        { "type": "\\pset pager off\r", "see": "pager is off" },
        { "type": "SELECT value AS n FROM generate_series(1, 101);\r", "see": "\n +101\n\\(101 rows\\).*spendscope> " },
        { "type": "\\o answer.csv\r", "see": "answers go to answer.csv\n.*spendscope> " },
        { "type": "\\format csv\r", "see": "format is csv\n.*spendscope> " },
        { "type": "SELECT 'kept' AS word;\r", "see": "\\(1 row\\)" },
        { "type": "\\o\r", "see": "spendscope> " },
        { "type": "\\timng\r", "see": "did you mean \\\\timing" },
        { "type": "\\q\r", "see": "$" },
    ]);
    let Some(shown) = typed(folder.path(), &[], steps) else {
        return;
    };
    assert!(shown.trim_end().ends_with("status 0"), "{shown}");
    let answer = std::fs::read_to_string(folder.path().join("answer.csv")).unwrap();
    assert_eq!(answer, "word\r\nkept\r\n");

    // What was typed is there the next time, and nobody else's to read.
    let history = folder.path().join("data/spendscope/sql_history");
    assert_eq!(history.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(&history).unwrap().contains("AS seven"));
    let again = json!([
        { "see": "spendscope> " },
        // Up, past \q and \timng and \o, to the statement; and out by Ctrl-D.
        { "type": "\u{1b}[A\u{1b}[A\u{1b}[A\u{1b}[A", "see": "SELECT 'kept' AS word;" },
        { "type": "\r", "see": "kept\n\\(1 row\\)" },
        { "type": "\u{4}", "see": "$" },
    ]);
    let shown = typed(folder.path(), &[], again).unwrap();
    assert!(shown.trim_end().ends_with("status 0"), "{shown}");
}

#[test]
fn new_facts_are_seen_by_the_next_statement() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run(folder.path(), &["init"]).0, 0);
    std::fs::write(
        folder.path().join("rates.csv"),
        "day,from,to,rate\n2026-10-01,EUR,USD,1.1\n",
    )
    .unwrap();
    let program = spendscope(folder.path()).get_program().to_owned();
    let import = [
        program.to_str().unwrap(),
        "--lake",
        "lake",
        "-q",
        "fx",
        "import",
        "rates.csv",
    ];
    let steps = json!([
        { "see": "spendscope> " },
        { "type": "SELECT count(*) AS n FROM fx_rates;\r", "see": "\n +n\n +0\n" },
        { "type": "\\watch 0.2\r", "see": "every 200ms.*\n +0\n" },
        { "run": import, "see": "the lake has changed and was opened anew.*\n +[12]\n", "seconds": 60 },
        { "type": "\u{3}", "see": "spendscope> " },
        { "type": "\u{4}", "see": "$" },
    ]);
    let Some(shown) = typed(folder.path(), &[], steps) else {
        return;
    };
    assert!(shown.contains("status 0"), "{shown}");
}
