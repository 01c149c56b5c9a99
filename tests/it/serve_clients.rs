//! `serve` with the programs that people use: psql, drivers of Python and JavaScript, a browser that is clicked
//! through. They are installed by `tests/servers/drivers.sh`; with SPENDSCOPE_SERVERS=1 they have to be there.

use crate::serve::{Place, Served};
use crate::support::project;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The folder of the drivers, or a printed reason to skip.
fn drivers() -> Option<PathBuf> {
    let folder = std::env::var_os("SPENDSCOPE_SERVERS_DIR")
        .map(PathBuf::from)
        .unwrap_or_else(|| {
            let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
            let cache =
                cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"));
            cache.join("spendscope/servers")
        });
    let folder = folder.join("drivers");
    if folder.join("installed.txt").exists() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("SPENDSCOPE_SERVERS").is_none(),
        "no drivers in {}: run tests/servers/drivers.sh",
        folder.display()
    );
    println!(
        "SKIPPED: this test needs drivers; tests/servers/drivers.sh installs them, tests/run does so by itself"
    );
    None
}

fn succeeded(output: Output) -> String {
    let (out, talk) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}\n{talk}");
    out.into_owned()
}

fn psql(served: &Served, script: &str) -> String {
    let mut child = Command::new("psql")
        .args([
            "-X",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-p",
            &served.postgres.to_string(),
        ])
        .args(["-U", "spendscope", "-d", "spendscope"])
        .env("PAGER", "cat")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), script.as_bytes()).unwrap();
    succeeded(child.wait_with_output().unwrap())
}

#[test]
fn psql_describes_what_there_is() {
    if drivers().is_none() {
        return;
    }
    let place = Place::new();
    let served = place.serve();
    let tables = psql(&served, "\\dt\n");
    assert!(
        tables.contains("charges") && tables.contains("requests"),
        "{tables}"
    );
    assert!(!tables.contains("pg_class"), "{tables}");
    let views = psql(&served, "\\dv\n");
    assert!(views.contains("ledger") && views.contains("costs"), "{views}");
    let all = psql(&served, "\\d\n");
    assert!(all.contains("charges") && all.contains("ledger"), "{all}");
    let charges = psql(&served, "\\d charges\n");
    for word in [
        "billed_cost",
        "numeric",
        "charge_period_start",
        "timestamp with time zone",
    ] {
        assert!(charges.contains(word), "{word}: {charges}");
    }
    let explained = psql(&served, "\\d+ charges\n");
    assert!(
        explained.contains("Description") && explained.len() > charges.len() + 200,
        "{explained}"
    );
    let functions = psql(&served, "\\df\n");
    assert!(
        functions.contains("ratio") && functions.contains("now_utc"),
        "{functions}"
    );
    for more in [
        "\\dn\n",
        "\\l\n",
        "\\du\n",
        "\\dt+\n",
        "\\df ratio\n",
        "\\conninfo\n",
        "\\d ledger\n",
    ] {
        psql(&served, more);
    }
    let answer = psql(
        &served,
        "\\x\nSELECT billed_cost, tags FROM charges ORDER BY 1 LIMIT 1;\n",
    );
    assert!(answer.contains("12.345678901234567891"), "{answer}");
    // Rows in pieces, as psql fetches large answers.
    let fetched = psql(
        &served,
        "\\set FETCH_COUNT 100\n\\t\nSELECT value FROM generate_series(1, 1234);\n",
    );
    assert_eq!(
        fetched.lines().filter(|line| !line.trim().is_empty()).count(),
        1235,
        "{fetched}"
    );
}

#[test]
fn psql_comes_in_with_the_password_under_tls_and_not_otherwise() {
    if drivers().is_none() {
        return;
    }
    let place = Place::new();
    place.locked("");
    let served = place.serve_at("0.0.0.0:0", "127.0.0.1:0");
    let ask = |host: &str, mode: &str, user: &str, password: &str| {
        // Who comes in under TLS binds the login to it: nobody stands between.
        let binding = match mode {
            "disable" => "disable",
            _ => "require",
        };
        let target = format!(
            "host={host} port={} user={user} dbname=spendscope sslmode={mode} channel_binding={binding} sslrootcert={}",
            served.postgres,
            place.path().join("ca.pem").display()
        );
        Command::new("psql")
            .args(["-X", "-t", "-c", "SELECT count(*) FROM charges", &target])
            .env("PGPASSWORD", password)
            .output()
            .unwrap()
    };
    assert_eq!(
        succeeded(ask("localhost", "verify-full", "spendscope", "open sesame")).trim(),
        "2"
    );
    for (mode, user, password, told) in [
        ("require", "spendscope", "open sesam", "authentication failed"),
        ("require", "postgres", "open sesame", "authentication failed"),
        ("disable", "spendscope", "open sesame", "TLS only"),
    ] {
        let output = ask("127.0.0.1", mode, user, password);
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && talk.contains(told),
            "{mode} {user}: {talk}"
        );
    }
    assert!(!served.talk().contains("sesam"));
}

fn script(drivers: &Path, name: &str, served: &Served, args: &[&str]) -> String {
    let program = match name.ends_with(".py") {
        true => drivers.join("venv/bin/python"),
        false => PathBuf::from("node"),
    };
    let output = Command::new(program)
        .arg(project("tests/servers").join(name))
        .args([served.postgres.to_string(), served.http.to_string()])
        .args(args)
        .env("NODE_PATH", drivers.join("npm/node_modules"))
        .output()
        .unwrap();
    succeeded(output)
}

#[test]
fn drivers_of_python_read_every_type_and_bind_every_value() {
    let Some(drivers) = drivers() else { return };
    let place = Place::new();
    let served = place.serve();
    let said = script(&drivers, "drivers.py", &served, &[]);
    for driver in ["psycopg", "pg8000", "asyncpg", "sqlalchemy"] {
        assert!(said.contains(&format!("{driver} ok")), "{said}");
    }
}

#[test]
fn the_driver_of_javascript_reads_and_binds() {
    let Some(drivers) = drivers() else { return };
    let place = Place::new();
    let served = place.serve();
    assert!(script(&drivers, "drivers.js", &served, &[]).contains("pg ok"));
}

#[test]
fn the_driver_of_java_reads_binds_and_knows_the_tables() {
    if drivers().is_none() {
        return;
    }
    let place = Place::new();
    let served = place.serve();
    let output = Command::new("java")
        .args(["-cp", "/usr/share/java/postgresql.jar"])
        .arg(project("tests/servers/Jdbc.java"))
        .args([served.postgres.to_string(), served.http.to_string()])
        .output()
        .unwrap();
    assert!(succeeded(output).contains("jdbc ok"));
}

#[test]
fn what_grafana_metabase_and_others_ask_of_the_catalogue_is_answered() {
    let Some(drivers) = drivers() else { return };
    let place = Place::new();
    let served = place.serve();
    let said = script(&drivers, "catalogue.py", &served, &[]);
    assert!(said.contains("all answered"), "{said}");
}

#[test]
fn fifty_clients_at_once_are_answered() {
    let Some(drivers) = drivers() else { return };
    let place = Place::new();
    let served = place.serve();
    let said = script(&drivers, "load.py", &served, &["50", "4"]);
    println!("{said}");
    assert!(said.contains("0 errors"), "{said}");
    let (held, files) = served.weight();
    assert!(held < 2 << 30 && files < 400, "{held} bytes, {files} files");
}

#[test]
fn a_browser_is_clicked_from_the_board_down_to_a_task() {
    let Some(drivers) = drivers() else { return };
    let place = Place::new();
    let served = place.serve();
    let shots = place.path().join("shots");
    std::fs::create_dir(&shots).unwrap();
    let said = script(&drivers, "click.js", &served, &[shots.to_str().unwrap()]);
    assert!(said.contains("clicked through"), "{said}");
    assert!(std::fs::read_dir(&shots).unwrap().count() >= 8, "{said}");
}
