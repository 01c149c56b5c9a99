//! `serve --postgres`, spoken to in its own protocol: what arrives, what is refused, and what clients that
//! misbehave can do to it.

use crate::serve::{NOW, Place, Served, bill, charge};
use crate::support::run;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};

async fn client(served: &Served) -> Client {
    try_client(served).await.unwrap()
}

async fn try_client(served: &Served) -> Result<Client, Error> {
    Ok(client_and_line(served).await?.0)
}

/// A client, and the task that holds its line: while an answer is due, the line outlives the client.
async fn client_and_line(served: &Served) -> Result<(Client, JoinHandle<()>), Error> {
    let mut config = Config::new();
    config
        .host("127.0.0.1")
        .port(served.postgres)
        .user("spendscope")
        .dbname("spendscope");
    let (client, line) = config.connect(NoTls).await?;
    let line = tokio::spawn(async move {
        let _ = line.await;
    });
    Ok((client, line))
}

/// The rows of a script as texts.
async fn texts(client: &Client, sql: &str) -> Vec<Vec<Option<String>>> {
    let messages = client.simple_query(sql).await.unwrap();
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    rows.map(|row| (0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect())
        .collect()
}

fn code(error: &Error) -> String {
    error
        .code()
        .map(|code| code.code().to_owned())
        .unwrap_or_else(|| error.to_string())
}

/// A statement that works for longer than any test waits.
const ENDLESS: &str = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b, \
    generate_series(1, 1000) c WHERE a.value + b.value * c.value = -1";

#[tokio::test(flavor = "multi_thread")]
async fn numbers_moments_maps_and_nothing_arrive_as_they_are() {
    let place = Place::new();
    let served = place.serve();
    let client = client(&served).await;
    let rows = texts(
        &client,
        "SELECT billed_cost, charge_period_start, tags, commitment_discount_id, service_name FROM charges ORDER BY 1",
    )
    .await;
    assert_eq!(rows[0][0].as_deref(), Some("12.345678901234567891"));
    assert_eq!(rows[0][1].as_deref(), Some("2026-09-01 00:00:00.000000+00"));
    let tags: serde_json::Value = serde_json::from_str(rows[0][2].as_deref().unwrap()).unwrap();
    assert_eq!(tags["note"], "a \"b\", c");
    assert_eq!(rows[0][3], None);
    // More digits than the usual libraries hold.
    assert_eq!(rows[1][0].as_deref(), Some("100000000000.000000000000000001"));
    let row = client
        .query_one("SELECT sum(billed_cost) FROM charges", &[])
        .await
        .unwrap();
    assert_eq!(row.columns()[0].type_().name(), "numeric");
    let types = client
        .prepare("SELECT tags, charge_period_start, service_name, 1, 1.5, true FROM charges")
        .await
        .unwrap();
    let names: Vec<&str> = types.columns().iter().map(|c| c.type_().name()).collect();
    assert_eq!(names, ["json", "timestamptz", "text", "int8", "numeric", "bool"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn prepared_statements_take_values_of_many_types() {
    let place = Place::new();
    let served = place.serve();
    let client = client(&served).await;
    let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(1_788_220_800); // 2026-09-01
    let row = client
        .query_one(
            "SELECT service_name, charge_period_start FROM charges WHERE service_name = $1 AND charge_period_start >= $2",
            &[&"OpenAI API", &moment],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, String>(0), "OpenAI API");
    assert_eq!(row.get::<_, SystemTime>(1), moment);
    let none = client
        .query(
            "SELECT 1 FROM charges WHERE service_name = $1",
            &[&None::<String>],
        )
        .await
        .unwrap();
    assert!(none.is_empty());
    let statement = client
        .prepare("SELECT count(*) FROM charges WHERE billed_cost > $1::bigint")
        .await
        .unwrap();
    for (than, count) in [(1i64, 2i64), (100, 1)] {
        assert_eq!(
            client
                .query_one(&statement, &[&than])
                .await
                .unwrap()
                .get::<_, i64>(0),
            count
        );
    }
    let twice = client.prepare("SELECT 1; SELECT 2").await.unwrap_err();
    assert_eq!(code(&twice), "42601");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_changed_defined_or_read_beside_the_lake() {
    let place = Place::new();
    let served = place.serve();
    let client = client(&served).await;
    for sql in [
        "DROP TABLE charges",
        "DROP VIEW costs",
        "CREATE TABLE t AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "INSERT INTO charges (source) VALUES ('x')",
        "UPDATE charges SET source = 'x'",
        "DELETE FROM charges",
        "TRUNCATE charges",
        "COPY charges TO '/tmp/charges.csv'",
        "COPY charges TO STDOUT",
        "COPY charges FROM STDIN",
        "SELECT * INTO t FROM charges",
        "EXPLAIN ANALYZE INSERT INTO charges (source) VALUES ('x')",
        "PREPARE p AS SELECT 1",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM 'spendscope.toml'",
        "SELECT 1; DROP TABLE charges",
    ] {
        assert!(client.simple_query(sql).await.is_err(), "{sql}");
        assert!(client.query(sql, &[]).await.is_err(), "{sql}");
    }
    // A setting is one client's own affair, and changes no answer.
    client
        .simple_query("SET datafusion.execution.time_zone = 'Asia/Tokyo'")
        .await
        .unwrap();
    client
        .simple_query("SET datafusion.sql_parser.parse_float_as_decimal = false")
        .await
        .unwrap();
    let other = self::client(&served).await;
    let row = other.prepare("SELECT 1.5").await.unwrap();
    assert_eq!(row.columns()[0].type_().name(), "numeric");
    assert_eq!(
        texts(&other, "SELECT count(*) FROM charges").await[0][0].as_deref(),
        Some("2")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn currencies_are_not_added_up_here_either() {
    let place = Place::new();
    place.write(
        "euro.csv",
        &bill(&[charge(3, "5", "Compute", "")]).replace(",USD,", ",EUR,"),
    );
    place.ingest("euro.csv");
    let served = place.serve();
    let client = client(&served).await;
    let error = client
        .query("SELECT sum(billed_cost) FROM charges", &[])
        .await
        .unwrap_err();
    assert!(
        error
            .as_db_error()
            .unwrap()
            .message()
            .contains("would add EUR and USD"),
        "{error:?}"
    );
    // With a value that is bound, the sum is of one currency.
    let row = client
        .query_one(
            "SELECT CAST(sum(billed_cost) AS BIGINT) FROM charges WHERE billing_currency = $1",
            &[&"EUR"],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metric_is_a_table_here_too() {
    let place = Place::new();
    let served = place.serve();
    let client = client(&served).await;
    let metric = "metric('spend/by_scope', by => 'provider', period => '2026-09')";
    let columns = "provider, currency, billed_cost, charges";
    let rows = texts(
        &client,
        &format!("SELECT {columns} FROM {metric} ORDER BY provider"),
    )
    .await;
    let rows: Vec<Vec<&str>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| cell.as_deref().unwrap()).collect())
        .collect();
    assert_eq!(
        rows,
        [
            ["AWS", "USD", "100000000000.000000000000000001", "1"],
            ["OpenAI", "USD", "12.345678901234567891", "1"],
        ]
    );
    // Prepared, with a value, and joined with what the lake holds.
    let statement = client
        .prepare(&format!(
            "SELECT m.charges, (SELECT count(*) FROM charges) AS all_charges FROM {metric} AS m WHERE m.provider = $1"
        ))
        .await
        .unwrap();
    let names: Vec<&str> = statement.columns().iter().map(|c| c.type_().name()).collect();
    assert_eq!(names, ["int8", "int8"]);
    for (provider, count) in [("AWS", 1), ("OpenAI", 1), ("nobody", 0)] {
        let rows = client.query(&statement, &[&provider]).await.unwrap();
        assert_eq!(rows.len(), count, "{provider}");
        for row in rows {
            assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (1, 2));
        }
    }
    // In pieces, and over a month in which there is nothing.
    let declared = format!("BEGIN; DECLARE m CURSOR FOR SELECT provider FROM {metric} ORDER BY 1");
    client.batch_execute(&declared).await.unwrap();
    assert_eq!(
        texts(&client, "FETCH 1 FROM m").await[0][0].as_deref(),
        Some("AWS")
    );
    assert_eq!(texts(&client, "FETCH ALL FROM m").await.len(), 1);
    client.batch_execute("COMMIT").await.unwrap();
    let none = texts(
        &client,
        "SELECT * FROM metric('spend/by_scope', period => '2026-08')",
    );
    assert!(none.await.is_empty());
    // What is wrong is told as everywhere, and the line goes on.
    for (sql, told) in [
        ("SELECT * FROM metric('spend/by_scop')", "by_scope"),
        ("SELECT * FROM metric('spend/by_scope', by => 'colour')", "colour"),
        ("SELECT * FROM metric($1)", "no text"),
    ] {
        let error = client.query(sql, &[]).await.unwrap_err();
        let told_of = error.as_db_error().unwrap();
        let said = format!("{} {:?}", told_of.message(), told_of.hint());
        assert!(said.contains(told), "{sql}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prepared_statements_are_forgotten_when_that_is_asked() {
    let place = Place::new();
    let served = place.serve();
    let client = client(&served).await;
    for forget in ["DEALLOCATE ALL", "DISCARD ALL"] {
        let statement = client.prepare("SELECT 1").await.unwrap();
        assert_eq!(client.query(&statement, &[]).await.unwrap().len(), 1);
        client.batch_execute(forget).await.unwrap();
        let error = client.query(&statement, &[]).await.unwrap_err();
        assert_eq!(code(&error), "26000", "{forget}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cursors_give_rows_in_pieces_and_transactions_are_remembered() {
    let place = Place::new();
    let served = place.serve();
    let client = client(&served).await;
    client
        .batch_execute(
            "BEGIN; DECLARE c CURSOR FOR SELECT value FROM generate_series(1, 20000) ORDER BY value",
        )
        .await
        .unwrap();
    let one = texts(&client, "FETCH 3 FROM c; FETCH 2 FROM c").await;
    let numbers: Vec<&str> = one.iter().map(|row| row[0].as_deref().unwrap()).collect();
    assert_eq!(numbers, ["1", "2", "3", "4", "5"]);
    assert_eq!(texts(&client, "FETCH FORWARD ALL FROM c").await.len(), 19_995);
    assert!(texts(&client, "FETCH NEXT FROM c").await.is_empty());
    assert_eq!(
        code(&client.simple_query("FETCH PRIOR FROM c").await.unwrap_err()),
        "55000"
    );
    // What went wrong within a transaction is over with it.
    assert_eq!(code(&client.simple_query("SELECT 1").await.unwrap_err()), "25P02");
    client.simple_query("ROLLBACK").await.unwrap();
    assert_eq!(
        code(&client.simple_query("FETCH 1 FROM c").await.unwrap_err()),
        "34000"
    );
    assert_eq!(
        texts(&client, "SHOW transaction_read_only").await[0][0].as_deref(),
        Some("on")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_can_be_cancelled_takes_no_longer_than_it_may_and_ends_with_its_client() {
    let place = Place::new();
    let served = place.serve();
    let client = client(&served).await;
    // Asked to stop.
    let cancel = client.cancel_token();
    let asked = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        cancel.cancel_query(NoTls).await.unwrap();
    };
    let (done, ()) = tokio::join!(client.simple_query(ENDLESS), asked);
    assert_eq!(code(&done.unwrap_err()), "57014");
    // The same line goes on, in both ways of asking.
    assert_eq!(texts(&client, "SELECT 1").await[0][0].as_deref(), Some("1"));
    client
        .simple_query("SET statement_timeout = '300ms'")
        .await
        .unwrap();
    let begun = Instant::now();
    assert_eq!(code(&client.query(ENDLESS, &[]).await.unwrap_err()), "57014");
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(
        client.query_one("SELECT 1", &[]).await.unwrap().get::<_, i64>(0),
        1
    );
    // Gone without a word.
    served.until("spendscope_queries_running", 0.0).await;
    let (gone, line) = client_and_line(&served).await.unwrap();
    tokio::spawn(async move {
        let _ = gone.simple_query(ENDLESS).await;
    });
    served.until("spendscope_queries_running", 1.0).await;
    line.abort();
    let left = Instant::now();
    served.until("spendscope_queries_running", 0.0).await;
    assert!(left.elapsed() < Duration::from_secs(5), "{:?}", left.elapsed());
    // Who asked to stop, and who went away; and who took too long.
    assert_eq!(served.gauge("spendscope_queries_cancelled_total").await, 2.0);
    assert_eq!(served.gauge("spendscope_queries_timed_out_total").await, 1.0);
}

/// Says that nothing more comes; whoever was let go of before that has nobody to tell.
fn hang_up(line: &TcpStream) {
    match line.shutdown(std::net::Shutdown::Write) {
        Err(e) if e.kind() == std::io::ErrorKind::NotConnected => {}
        said => said.unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_misbehave_are_let_go_and_the_others_are_answered() {
    let place = Place::new();
    place.configure("[serve]\nmax_connections = 60\nidle_timeout_seconds = 15\nmax_running = 2\n");
    let served = place.serve();
    texts(&client(&served).await, "SELECT 1").await;
    let (before, _) = served.weight();
    let connect = || {
        let line = TcpStream::connect(("127.0.0.1", served.postgres)).unwrap();
        line.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        line
    };
    // Nonsense instead of a greeting: nobody waits for the rest of it, and nothing of that size is held.
    let nonsense: [&[u8]; 9] = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        &[0xff; 64],
        &[0; 64],
        &[0, 0, 0, 3, 0, 3, 0, 0],
        &[0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0],
        &[0, 0, 0, 8, 0, 9, 0, 0],
        &[0, 0, 0, 9, 0, 3, 0, 0, 0],
        &[0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 1, 0, 0, 0, 1],
        &[0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0],
    ];
    for bytes in nonsense {
        let mut line = connect();
        line.write_all(bytes).unwrap();
        hang_up(&line);
        let mut rest = Vec::new();
        let _ = line.read_to_end(&mut rest);
    }
    // A greeting, then nonsense.
    let greeting = b"\0\0\0\x19\0\x03\0\0user\0spendscope\0\0";
    let messages: [&[u8]; 6] = [
        &[b'Q', 0x7f, 0xff, 0xff, 0xff],
        &[b'Q', 0, 0, 0, 2],
        &[b'?', 0, 0, 0, 4],
        // Bind with more formats than there are values and columns.
        b"P\0\0\0\x10\0SELECT 1\0\0\0B\0\0\0\x12\0\0\0\x02\0\x01\0\x01\0\0\0\x03\0\x01\0\x01E\0\0\0\x09\0\x7f\xff\xff\xffS\0\0\0\x04",
        b"P\0\0\0\x10\0SELECT 1\0\0\0B\0\0\0\x0c\0\0\0\0\0\0\0\0D\0\0\0\x06P\0E\0\0\0\x09\0\x7f\xff\xff\xffS\0\0\0\x04",
        b"B\0\0\0\x0c\0nobody\0\0\0\0",
    ];
    for bytes in messages {
        let mut line = connect();
        line.write_all(greeting).unwrap();
        line.write_all(bytes).unwrap();
        hang_up(&line);
        let mut rest = Vec::new();
        let _ = line.read_to_end(&mut rest);
    }
    // Many who ask for a lot and do not read it.
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut line = connect();
        line.write_all(greeting).unwrap();
        let sql = b"SELECT value, repeat('x', 200) FROM generate_series(1, 100000000)\0";
        line.write_all(b"Q").unwrap();
        line.write_all(&(sql.len() as u32 + 4).to_be_bytes()).unwrap();
        line.write_all(sql).unwrap();
        slow.push(line);
    }
    served.until("spendscope_queries_running", 20.0).await;
    // They do not take the turns of those who read.
    let good = client(&served).await;
    for _ in 0..20 {
        let begun = Instant::now();
        assert_eq!(
            texts(&good, "SELECT count(*) FROM charges").await[0][0].as_deref(),
            Some("2")
        );
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    }
    let (held, files) = served.weight();
    assert!(
        held < before + (300 << 20),
        "{before} bytes before, {held} with slow readers"
    );
    assert!(files < 200, "{files} files are open");
    // Who does not read for as long as that is let go; so is who does nothing.
    served.until("spendscope_queries_running", 0.0).await;
    drop(slow);
    served
        .until("spendscope_connections{server=\"postgres\"}", 0.0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_allowed_lines_are_turned_away() {
    let place = Place::new();
    place.configure("[serve]\nmax_connections = 3\n");
    let served = place.serve();
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(client(&served).await);
    }
    let error = try_client(&served).await.expect_err("a fourth line");
    assert_eq!(code(&error), "53300");
    clients.pop();
    let begun = Instant::now();
    while try_client(&served).await.is_err() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "the place of one that left stays taken"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_commit_is_seen_and_what_runs_keeps_its_state() {
    let place = Place::new();
    place.configure("[serve]\nrefresh_seconds = 0\n");
    let served = place.serve();
    let client = client(&served).await;
    let count = "SELECT count(*) FROM charges";
    client
        .batch_execute("BEGIN; DECLARE c CURSOR FOR SELECT service_name FROM charges")
        .await
        .unwrap();
    let prepared = client.prepare(count).await.unwrap();
    assert_eq!(
        client.query_one(&prepared, &[]).await.unwrap().get::<_, i64>(0),
        2
    );
    place.write("more.csv", &bill(&[charge(5, "7", "Compute", "")]));
    place.ingest("more.csv");
    assert_eq!(
        client.query_one(&prepared, &[]).await.unwrap().get::<_, i64>(0),
        3
    );
    assert_eq!(texts(&client, "FETCH ALL FROM c").await.len(), 2);
    assert!(served.gauge("spendscope_lake_reopened_total").await >= 1.0);
}

#[test]
fn an_address_that_others_reach_is_not_served_without_password_and_tls() {
    let place = Place::new();
    for (section, missing) in [
        ("", "neither a password nor a certificate"),
        (
            "[serve]\npassword = { env = 'SERVE_PASSWORD' }\n",
            "no certificate",
        ),
    ] {
        place.configure(section);
        for option in ["--postgres", "--http"] {
            let output = crate::support::spendscope(place.path())
                .args(["serve", option, "0.0.0.0:0"])
                .env("SERVE_PASSWORD", "open sesame")
                .output()
                .unwrap();
            let talk = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{talk}");
            assert!(talk.contains(missing) && talk.contains("try:"), "{talk}");
            assert!(!talk.contains("sesame"), "{talk}");
        }
    }
    // A password does not stand in the configuration, and one that is named has to be there.
    for (section, told) in [
        (
            "[serve]\npassword = 'open sesame'\n",
            "does not stand in the configuration",
        ),
        (
            "[serve]\npassword = { env = 'NOT_SET_AT_ALL' }\n",
            "NOT_SET_AT_ALL",
        ),
        ("[serve]\ncertificate = 'cert.pem'\n", "belong together"),
        ("[serve]\npasswort = 'x'\n", "passwort"),
    ] {
        place.configure(section);
        let (status, _, talk) = run(place.path(), &["serve", "--postgres", "0", "--now", NOW]);
        assert_eq!(status, 2, "{talk}");
        assert!(talk.contains(told) && !talk.contains("sesame"), "{talk}");
    }
    place.configure("");
    let (status, _, talk) = run(place.path(), &["serve", "--postgres", "nowhere:x"]);
    assert_eq!(status, 2, "{talk}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_when_it_is_told_to_and_what_runs_may_end() {
    let place = Place::new();
    for signal in ["TERM", "INT"] {
        let mut served = place.serve();
        let client = client(&served).await;
        let idle = self::client(&served).await;
        let work = tokio::spawn(async move {
            // Seconds: it must be seen while it runs.
            let sql = "SELECT count(*) FROM generate_series(1, 300000) a, generate_series(1, 30000) b";
            texts(&client, sql).await[0][0].clone()
        });
        served.until("spendscope_queries_running", 1.0).await;
        served.signal(signal);
        assert_eq!(work.await.unwrap().as_deref(), Some("9000000000"), "{signal}");
        assert_eq!(served.ended(Duration::from_secs(20)), 0);
        assert!(served.talk().contains("stopped"));
        assert!(idle.simple_query("SELECT 1").await.is_err());
    }
}
