//! Connectors against servers that page, are busy, break off, restate and shrink: nothing lost, nothing
//! doubled, nothing told.

use crate::ingest::contents_without;
use crate::pull_double::{Double, Reply, Seen};
use crate::support::{assets, spendscope};
use arrow::array::AsArray;
use arrow::datatypes::Decimal128Type;
use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use spendscope::base::clock::FixedClock;
use spendscope::base::secret::{Secret, SecretString};
use spendscope::base::{Error, money};
use spendscope::ingest::{Options, State};
use spendscope::pull::{Connectors, Patience, Pulled, Request, pull};
use spendscope::schema::TableSchema;
use spendscope::source::Catalog;
use spendscope::store::Lake;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub(crate) const HUSH: &str = "hush-5up3r-s3cret";

/// A lake, gone afterwards.
pub(crate) struct Place {
    pub(crate) dir: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) async fn lake(&self, moment: &str) -> Lake {
        let clock = Arc::new(FixedClock(moment.parse().unwrap()));
        Lake::open(self.dir.path().join("lake").to_str().unwrap(), clock)
            .await
            .unwrap()
    }

    /// Runs all connectors of a configuration at a moment.
    pub(crate) async fn pull(&self, moment: &str, config: &str, how: &How) -> Vec<Pulled> {
        let texts = assets();
        let texts = texts
            .under("sources/")
            .map(|a| (a.name().to_owned(), a.text.to_string()));
        let catalog = Catalog::new(texts).unwrap();
        let section = config.parse::<toml::Table>().unwrap();
        let connectors = Connectors::parse(&section["pull"]).unwrap();
        let options = Options {
            accept_shrink: how.accept_shrink,
            ..Options::default()
        };
        let secrets = |secret: &Secret| match secret {
            Secret::Literal(value) => Ok(value.clone()),
            // What a variable of this name would hold.
            Secret::Env(name) => Ok(SecretString::new(
                name.strip_prefix("value:").unwrap_or(HUSH).to_owned(),
            )),
            Secret::File(path) => Err(Error::config(format!("no file {}", path.display()))),
        };
        let request = Request {
            since: how.since.as_deref().map(|t| t.parse().unwrap()),
            patience: how.patience.clone(),
            catalog: &catalog,
            options: &options,
            secrets: &secrets,
        };
        pull(&self.lake(moment).await, &connectors, &request, &mut ()).await
    }

    /// The same for one connector.
    pub(crate) async fn one(&self, moment: &str, config: &str, how: &How) -> Pulled {
        let mut all = self.pull(moment, config, how).await;
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    /// Every row, without what differs from delivery to delivery.
    pub(crate) async fn facts(&self, table: &str) -> Vec<String> {
        let lake = self.lake("2027-01-01T00:00:00Z").await;
        let mut all =
            contents_without(&lake, &["delivery_id", "file_hash", "charge_id", "line", "path"]).await;
        all.remove(table).unwrap()
    }

    /// Σ billed cost and the number of charges.
    async fn billed(&self) -> (String, usize) {
        let lake = self.lake("2027-01-01T00:00:00Z").await;
        let table = TableSchema::named("charges").unwrap();
        let Some(snapshot) = lake.snapshot(table, None).await.unwrap() else {
            return ("0".to_owned(), 0);
        };
        let (mut sum, mut rows) = (0_i128, 0);
        for batch in snapshot.read(&["billed_cost"], &[]).await.unwrap() {
            rows += batch.num_rows();
            sum += batch
                .column(0)
                .as_primitive::<Decimal128Type>()
                .iter()
                .flatten()
                .sum::<i128>();
        }
        (money::format_short(sum), rows)
    }

    async fn version(&self, table: &str) -> i64 {
        let lake = self.lake("2027-01-01T00:00:00Z").await;
        let snapshot = lake
            .snapshot(TableSchema::named(table).unwrap(), None)
            .await
            .unwrap();
        snapshot.map_or(-1, |s| s.version())
    }
}

#[derive(Clone)]
pub(crate) struct How {
    pub(crate) since: Option<String>,
    pub(crate) accept_shrink: bool,
    pub(crate) patience: Patience,
}

impl Default for How {
    /// In no hurry, but without the waits.
    fn default() -> How {
        How {
            since: None,
            accept_shrink: false,
            patience: Patience {
                base: Duration::ZERO,
                ..Patience::default()
            },
        }
    }
}

pub(crate) fn fine(pulled: &Pulled) {
    assert!(pulled.error.is_none(), "{:?}", pulled.error);
}

/// The error in words, with its advice.
pub(crate) fn failed(pulled: &Pulled) -> String {
    let error = pulled.error.as_ref().expect("it did not fail");
    format!("{error}\n{}", error.advice().unwrap_or_default())
}

/// How many deliveries ended in which way.
fn states(pulled: &Pulled, state: State) -> Vec<&str> {
    let of_state = pulled.report.files.iter().filter(|f| f.state == state);
    of_state.map(|f| f.path.as_str()).collect()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A provider's books: cents by day and line. Pages have a few days, and faults come first.
#[derive(Default)]
struct Books {
    days: BTreeMap<NaiveDate, Vec<(String, i64)>>,
    per_page: usize,
    /// What happens instead of the next answers.
    faults: Vec<Reply>,
    /// Pages begin with the last day of the page before.
    overlap: bool,
    /// The server's own day: what is not over ends with it.
    today: NaiveDate,
}

impl Books {
    /// Two lines a day; amounts differ from day to day.
    fn of(from: &str, to: &str) -> Books {
        let mut books = Books {
            per_page: 9,
            today: day(to) - Days::new(1),
            ..Books::default()
        };
        let mut at = day(from);
        while at < day(to) {
            let cents = i64::from(at.ordinal());
            let lines = vec![
                ("gpt-4o, input".to_owned(), cents),
                ("gpt-4o, output".to_owned(), cents * 3),
            ];
            books.days.insert(at, lines);
            at = at + Days::new(1);
        }
        books
    }

    fn total(&self) -> (String, usize) {
        let lines = self.days.values().flatten();
        let cents: i64 = lines.clone().map(|(_, cents)| cents).sum();
        (
            money::format_short(i128::from(cents) * 10_000_000_000_000_000),
            lines.count(),
        )
    }

    /// The days of one page, where the next one begins, and whether there is one.
    fn page(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        seen: &Seen,
        limit: usize,
    ) -> (Vec<NaiveDate>, Option<usize>) {
        let mut all = Vec::new();
        let mut at = from.date_naive();
        while at < to.date_naive() {
            all.push(at);
            at = at + Days::new(1);
        }
        let skip: usize = seen
            .get("page")
            .map_or(0, |page| page.trim_start_matches("page_").parse().unwrap());
        let size = self.per_page.min(limit);
        let begin = if self.overlap {
            skip.saturating_sub(1)
        } else {
            skip
        };
        let days = all.iter().skip(begin).take(size).copied().collect();
        (days, Some(skip + size).filter(|next| *next < all.len()))
    }

    fn tail(next: Option<usize>) -> String {
        match next {
            Some(next) => format!("\"has_more\":true,\"next_page\":\"page_{next}\""),
            None => "\"has_more\":false,\"next_page\":null".to_owned(),
        }
    }

    fn openai(&self, seen: &Seen) -> Reply {
        assert_eq!(seen.path, "/v1/organization/costs");
        assert_eq!(seen.all("group_by"), ["line_item", "project_id"]);
        let unix = |key: &str| {
            seen.get(key)
                .map(|t| DateTime::from_timestamp(t.parse().unwrap(), 0).unwrap())
        };
        let tomorrow = (self.today + Days::new(1))
            .and_hms_opt(0, 0, 0)
            .unwrap()
            .and_utc();
        let (from, to) = (unix("start_time").unwrap(), unix("end_time").unwrap_or(tomorrow));
        let (days, next) = self.page(from, to, seen, seen.get("limit").unwrap().parse().unwrap());
        let buckets = days.iter().map(|day| {
            let start = day.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp();
            let lines = self.days.get(day).into_iter().flatten().map(|(line, cents)| {
                format!(
                    "{{\"object\":\"organization.costs.result\",\"amount\":{{\"value\":{}.{:02},\"currency\":\"usd\"}},\"line_item\":\"{line}\",\"project_id\":\"proj_1\"}}",
                    cents / 100,
                    cents % 100
                )
            });
            format!(
                "{{\"object\":\"bucket\",\"start_time\":{start},\"end_time\":{},\"results\":[{}]}}",
                start + 86_400,
                lines.collect::<Vec<_>>().join(",")
            )
        });
        let buckets = buckets.collect::<Vec<_>>().join(",");
        Reply::Json(format!(
            "{{\"object\":\"page\",\"data\":[{buckets}],{}}}",
            Books::tail(next)
        ))
    }

    fn anthropic(&self, seen: &Seen) -> Reply {
        assert_eq!(seen.path, "/v1/organizations/cost_report");
        assert_eq!(seen.all("group_by[]"), ["workspace_id", "description"]);
        assert_eq!(seen.header("anthropic-version"), Some("2023-06-01"));
        let moment = |key: &str| seen.get(key).map(|t| t.parse::<DateTime<Utc>>().unwrap());
        let tomorrow = (self.today + Days::new(1))
            .and_hms_opt(0, 0, 0)
            .unwrap()
            .and_utc();
        let (from, to) = (
            moment("starting_at").unwrap(),
            moment("ending_at").unwrap_or(tomorrow),
        );
        let (days, next) = self.page(from, to, seen, seen.get("limit").unwrap().parse().unwrap());
        let buckets = days.iter().map(|day| {
            let lines = self.days.get(day).into_iter().flatten().map(|(line, cents)| {
                format!("{{\"currency\":\"USD\",\"amount\":\"{cents}\",\"workspace_id\":null,\"description\":\"{line}\"}}")
            });
            format!(
                "{{\"starting_at\":\"{day}T00:00:00Z\",\"ending_at\":\"{}T00:00:00Z\",\"results\":[{}]}}",
                *day + Days::new(1),
                lines.collect::<Vec<_>>().join(",")
            )
        });
        let buckets = buckets.collect::<Vec<_>>().join(",");
        Reply::Json(format!("{{\"data\":[{buckets}],{}}}", Books::tail(next)))
    }
}

/// A server over the books, which the test goes on changing.
fn openai(books: Books) -> (Double, Arc<Mutex<Books>>, String) {
    let books = Arc::new(Mutex::new(books));
    let shared = books.clone();
    let double = Double::start(move |seen| {
        let mut books = shared.lock().unwrap();
        match books.faults.is_empty() {
            false => match books.faults.remove(0) {
                // The answer that would have been given, cut.
                Reply::Cut(_) => whole(books.openai(seen), Reply::Cut),
                Reply::CutUnnoticed(_) => whole(books.openai(seen), Reply::CutUnnoticed),
                fault => fault,
            },
            true => books.openai(seen),
        }
    });
    let config = format!(
        "[[pull.openai_costs]]\nname = 'bill'\napi_key = {{ env = 'KEY' }}\nurl = '{}'\n",
        double.url()
    );
    (double, books, config)
}

fn whole(reply: Reply, cut: fn(String) -> Reply) -> Reply {
    match reply {
        Reply::Json(body) => cut(body),
        other => other,
    }
}

fn busy(seconds: &str) -> Reply {
    Reply::Status(429, vec![("retry-after", seconds.to_owned())], "{}".to_owned())
}

#[tokio::test]
async fn a_bill_is_paged_restated_and_never_doubled() {
    let place = Place::new();
    let (double, books, config) = openai(Books::of("2026-08-20", "2026-11-11"));
    let now = "2026-11-10T12:00:00Z";
    let first = place.one(now, &config, &How::default()).await;
    fine(&first);
    assert_eq!(place.billed().await, books.lock().unwrap().total());
    assert_eq!(
        states(&first, State::Ingested).len(),
        4,
        "{:?}",
        first.report.files
    );
    assert!(first.notes[0].contains("2026-08-01"), "{:?}", first.notes);
    let asked = double.seen();
    assert!(
        asked
            .iter()
            .all(|s| s.header("authorization") == Some(&format!("Bearer {HUSH}")))
    );
    assert!(asked.len() >= 4 * 3, "pages of nine days: {}", asked.len());

    // The same again: October is read again with November, since the trailing days reach into it, and
    // nothing is written.
    let version = place.version("charges").await;
    let again = place.one(now, &config, &How::default()).await;
    fine(&again);
    assert_eq!(
        states(&again, State::AlreadyIngested),
        ["pull/bill/2026-10.json", "pull/bill/2026-11.json"]
    );
    assert_eq!(place.version("charges").await, version);
    let first_asked = double.seen()[0].get("start_time").unwrap().to_owned();
    assert_eq!(
        first_asked,
        day("2026-10-01")
            .and_hms_opt(0, 0, 0)
            .unwrap()
            .and_utc()
            .timestamp()
            .to_string()
    );

    // Another size of pages is the same bill.
    books.lock().unwrap().per_page = 4;
    fine(&place.one(now, &config, &How::default()).await);
    assert_eq!(place.version("charges").await, version);

    // The provider corrects a day of last month, adds a line to another, and a new day comes.
    {
        let mut books = books.lock().unwrap();
        books.days.get_mut(&day("2026-10-05")).unwrap()[0].1 = 999;
        books
            .days
            .get_mut(&day("2026-10-30"))
            .unwrap()
            .push(("late".to_owned(), 7));
    }
    let restated = place.one(now, &config, &How::default()).await;
    fine(&restated);
    assert_eq!(states(&restated, State::Ingested), ["pull/bill/2026-10.json"]);
    assert_eq!(place.billed().await, books.lock().unwrap().total());
}

#[tokio::test]
async fn after_a_long_pause_nothing_between_is_missing() {
    let place = Place::new();
    let (_double, books, config) = openai(Books::of("2026-08-20", "2026-09-06"));
    fine(&place.one("2026-09-05T12:00:00Z", &config, &How::default()).await);
    // Three months later; the last day that was read had not been over, and August was restated since.
    let mut later = Books::of("2026-08-20", "2026-12-21");
    later.days.get_mut(&day("2026-08-31")).unwrap()[1].1 += 40;
    later.days.get_mut(&day("2026-09-05")).unwrap()[1].1 += 2;
    *books.lock().unwrap() = later;
    fine(&place.one("2026-12-20T12:00:00Z", &config, &How::default()).await);
    assert_eq!(place.billed().await, books.lock().unwrap().total());
}

#[tokio::test]
async fn since_reads_further_back_and_never_skips_what_is_due() {
    let place = Place::new();
    let (double, books, config) = openai(Books::of("2026-03-10", "2026-11-11"));
    let now = "2026-11-10T12:00:00Z";
    let since = |text: &str| How {
        since: Some(text.to_owned()),
        ..How::default()
    };
    fine(&place.one(now, &config, &since("2026-03-15T00:00:00Z")).await);
    assert_eq!(place.billed().await, books.lock().unwrap().total());
    double.seen();
    fine(&place.one(now, &config, &since("2026-11-09T00:00:00Z")).await);
    let start = day("2026-10-01")
        .and_hms_opt(0, 0, 0)
        .unwrap()
        .and_utc()
        .timestamp();
    assert_eq!(
        double.seen()[0].get("start_time"),
        Some(start.to_string().as_str())
    );
    let future = place.one(now, &config, &since("2027-01-01T00:00:00Z")).await;
    assert!(failed(&future).contains("has not come yet"));
}

#[tokio::test]
async fn a_busy_broken_server_is_asked_again_and_nothing_is_lost_or_doubled() {
    let place = Place::new();
    let (double, books, config) = openai(Books::of("2026-10-01", "2026-11-11"));
    let text = String::new;
    books.lock().unwrap().faults = vec![
        busy("1"),
        Reply::Status(500, vec![], "oops".to_owned()),
        Reply::Status(503, vec![("retry-after", "0".to_owned())], "<html>".to_owned()),
        Reply::Cut(text()),
        Reply::CutUnnoticed(text()),
        busy("Sun, 01 Nov 2020 00:00:00 GMT"),
    ];
    let how = How {
        since: Some("2026-10-01T00:00:00Z".to_owned()),
        patience: Patience {
            attempts: 7,
            ..How::default().patience
        },
        ..How::default()
    };
    let begun = Instant::now();
    fine(&place.one("2026-11-10T12:00:00Z", &config, &how).await);
    assert_eq!(place.billed().await, books.lock().unwrap().total());
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let seen = double.seen();
    // What the server asks for is waited for; where it asks for nothing, this test waits no time.
    assert!(seen[1].at - seen[0].at >= Duration::from_secs(1));
    assert!(seen[2].at - seen[1].at < Duration::from_secs(1));

    // Hanging up, and a silence longer than anybody waits.
    books.lock().unwrap().faults = vec![
        Reply::HangUp,
        Reply::Silence(Duration::from_secs(3)),
        Reply::HangUp,
    ];
    let impatient = How {
        patience: Patience {
            answer: Duration::from_millis(500),
            ..How::default().patience
        },
        ..How::default()
    };
    fine(&place.one("2026-11-10T12:00:00Z", &config, &impatient).await);
    assert_eq!(place.billed().await, books.lock().unwrap().total());
}

#[tokio::test]
async fn the_wait_doubles_where_the_server_names_none() {
    let place = Place::new();
    let (double, books, config) = openai(Books::of("2026-11-01", "2026-11-11"));
    books.lock().unwrap().faults = vec![Reply::HangUp; 4];
    let how = How {
        since: Some("2026-11-01T00:00:00Z".to_owned()),
        patience: Patience {
            attempts: 5,
            base: Duration::from_millis(80),
            cap: Duration::from_millis(160),
            ..Patience::default()
        },
        ..How::default()
    };
    fine(&place.one("2026-11-10T12:00:00Z", &config, &how).await);
    let seen = double.seen();
    for (at, limit) in [80, 160, 160, 160].into_iter().enumerate() {
        let waited = seen[at + 1].at - seen[at].at;
        assert!(waited < Duration::from_millis(limit + 1_000), "{at}: {waited:?}");
    }
}

#[tokio::test]
async fn a_server_that_wants_to_be_left_alone_is_left_alone() {
    let place = Place::new();
    let (double, books, config) = openai(Books::of("2026-11-01", "2026-11-11"));
    books.lock().unwrap().faults = vec![busy("86400")];
    let pulled = place.one("2026-11-10T12:00:00Z", &config, &How::default()).await;
    assert!(failed(&pulled).contains("86400 seconds"), "{}", failed(&pulled));
    assert_eq!(double.seen().len(), 1);
}

#[tokio::test]
async fn a_month_that_breaks_off_changes_nothing_and_the_next_run_goes_on() {
    let place = Place::new();
    let (_double, books, config) = openai(Books::of("2026-09-01", "2026-11-11"));
    let how = How {
        since: Some("2026-09-01T00:00:00Z".to_owned()),
        ..How::default()
    };
    fine(&place.one("2026-11-10T12:00:00Z", &config, &how).await);
    let before = place.facts("charges").await;
    books.lock().unwrap().days.get_mut(&day("2026-10-02")).unwrap()[0].1 = 5_000;
    // The first page of October comes, the second never does.
    {
        let shared = books.clone();
        let broken = Double::start(move |seen| match seen.get("page") {
            None => shared.lock().unwrap().openai(seen),
            Some(_) => Reply::Status(500, vec![], "{\"error\":{\"message\":\"internal\"}}".to_owned()),
        });
        let config = format!(
            "[[pull.openai_costs]]\nname = 'bill'\napi_key = {{ env = 'KEY' }}\nurl = '{}'\n",
            broken.url()
        );
        let pulled = place.one("2026-11-10T12:00:00Z", &config, &How::default()).await;
        let said = failed(&pulled);
        assert!(
            said.contains("2026-10") && said.contains("500: internal"),
            "{said}"
        );
        assert_eq!(broken.seen().len(), 1 + 6);
    }
    assert_eq!(place.facts("charges").await, before);
    fine(&place.one("2026-11-10T12:00:00Z", &config, &How::default()).await);
    assert_eq!(place.billed().await, books.lock().unwrap().total());
}

#[tokio::test]
async fn pages_that_do_not_fit_together_change_nothing() {
    let place = Place::new();
    let (_double, books, config) = openai(Books::of("2026-10-01", "2026-11-11"));
    books.lock().unwrap().overlap = true;
    let pulled = place.one("2026-11-10T12:00:00Z", &config, &How::default()).await;
    assert!(
        failed(&pulled).contains("stands on two pages"),
        "{}",
        failed(&pulled)
    );
    assert_eq!(place.billed().await.1, 0);

    // A server that ignores the window answers days of other months: they must not replace those months.
    books.lock().unwrap().overlap = false;
    fine(&place.one("2026-11-10T12:00:00Z", &config, &How::default()).await);
    let shared = books.clone();
    let deaf = Double::start(move |seen| {
        let mut seen = seen.clone();
        seen.query
            .retain(|(key, _)| key != "start_time" && key != "end_time");
        let start = day("2026-09-25")
            .and_hms_opt(0, 0, 0)
            .unwrap()
            .and_utc()
            .timestamp();
        seen.query.push(("start_time".to_owned(), start.to_string()));
        shared.lock().unwrap().openai(&seen)
    });
    let config = format!(
        "[[pull.openai_costs]]\nname = 'bill'\napi_key = {{ env = 'KEY' }}\nurl = '{}'\n",
        deaf.url()
    );
    fine(&place.one("2026-11-10T12:00:00Z", &config, &How::default()).await);
    assert_eq!(place.billed().await, books.lock().unwrap().total());
}

#[tokio::test]
async fn a_shrunken_month_is_refused_until_it_is_accepted() {
    let place = Place::new();
    let (_double, books, config) = openai(Books::of("2026-10-01", "2026-11-11"));
    let now = "2026-11-10T12:00:00Z";
    fine(&place.one(now, &config, &How::default()).await);
    let whole = place.facts("charges").await;
    books
        .lock()
        .unwrap()
        .days
        .retain(|at, _| at.month() == 11 || at.day() < 12);
    let pulled = place.one(now, &config, &How::default()).await;
    let said = failed(&pulled);
    assert!(
        said.contains("2026-10: the period has 62 rows, the delivery 22"),
        "{said}"
    );
    assert_eq!(place.facts("charges").await, whole);
    // November, which is fine, was read all the same.
    assert_eq!(
        states(&pulled, State::AlreadyIngested),
        ["pull/bill/2026-11.json"]
    );
    let accept = How {
        accept_shrink: true,
        ..How::default()
    };
    fine(&place.one(now, &config, &accept).await);
    assert_eq!(place.billed().await, books.lock().unwrap().total());

    // A month that is gone altogether is not taken for a month without costs.
    books.lock().unwrap().days.retain(|at, _| at.month() == 11);
    let gone = place.one(now, &config, &How::default()).await;
    assert!(
        failed(&gone).contains("the server has none any more"),
        "{}",
        failed(&gone)
    );
    assert_eq!(place.billed().await.1, 22 + 20);
}

#[tokio::test]
async fn anthropic_is_asked_in_its_own_words_and_cents_are_cents() {
    let place = Place::new();
    let books = Arc::new(Mutex::new(Books::of("2026-09-03", "2026-11-11")));
    let shared = books.clone();
    let double = Double::start(move |seen| shared.lock().unwrap().anthropic(seen));
    let config = format!(
        "[[pull.anthropic_costs]]\nname = 'claude'\napi_key = {{ env = 'KEY' }}\nurl = '{}/'\n",
        double.url()
    );
    let now = "2026-11-10T12:00:00Z";
    fine(&place.one(now, &config, &How::default()).await);
    assert_eq!(place.billed().await, books.lock().unwrap().total());
    assert!(double.seen().iter().all(|s| s.header("x-api-key") == Some(HUSH)));
    books.lock().unwrap().days.get_mut(&day("2026-10-31")).unwrap()[0].1 = 12_345;
    fine(&place.one(now, &config, &How::default()).await);
    assert_eq!(place.billed().await, books.lock().unwrap().total());
    // On the first of a month the last one is not over in the provider's books.
    let mut later = Books::of("2026-09-03", "2026-12-02");
    later.days.get_mut(&day("2026-10-31")).unwrap()[0].1 = 12_345;
    later.days.get_mut(&day("2026-11-30")).unwrap()[0].1 = 1;
    *books.lock().unwrap() = later;
    fine(&place.one("2026-12-01T00:30:00Z", &config, &How::default()).await);
    assert_eq!(place.billed().await, books.lock().unwrap().total());
}

#[tokio::test]
async fn refusals_come_with_advice_and_are_not_repeated() {
    for (status, section, advice) in [
        (401, "openai_costs", "admin key"),
        (403, "openai_costs", "api.usage.read"),
        (404, "openai_costs", "leave url out"),
        (401, "anthropic_costs", "sk-ant-admin"),
    ] {
        let place = Place::new();
        let double = Double::start(move |_| {
            let body = format!(
                "{{\"error\":{{\"message\":\"Incorrect API key provided: {HUSH} or sk-proj-abc.\"}}}}"
            );
            Reply::Status(status, vec![], body)
        });
        let config = format!(
            "[[pull.{section}]]\nname = 'bill'\napi_key = {{ env = 'KEY' }}\nurl = '{}'\n",
            double.url()
        );
        let said = failed(&place.one("2026-11-10T12:00:00Z", &config, &How::default()).await);
        assert!(
            said.contains(&status.to_string()) && said.contains(advice),
            "{said}"
        );
        assert!(said.contains("Incorrect API key"), "{said}");
        assert!(!said.contains(HUSH) && !said.contains("sk-proj"), "{said}");
        assert_eq!(double.seen().len(), 1, "a refusal is final");
    }
}

#[tokio::test]
async fn credentials_do_not_follow_to_another_server() {
    let place = Place::new();
    let thief = Double::start(|_| Reply::Json("{\"data\":[],\"has_more\":false}".to_owned()));
    let target = format!("{}/v1/organization/costs?k={HUSH}", thief.url());
    let double =
        Double::start(move |_| Reply::Status(302, vec![("location", target.clone())], String::new()));
    let config = format!(
        "[[pull.anthropic_costs]]\nname = 'bill'\napi_key = {{ env = 'KEY' }}\nurl = '{}'\n",
        double.url()
    );
    let said = failed(&place.one("2026-11-10T12:00:00Z", &config, &How::default()).await);
    assert!(
        said.contains(&thief.host()) && said.contains("not sent on"),
        "{said}"
    );
    assert!(!said.contains(HUSH), "{said}");
    assert!(thief.seen().is_empty());
    assert_eq!(double.seen().len(), 1);
}

/// A Prometheus with two devices and two metrics since a moment; a sample a minute.
fn samples(seen: &Seen, since: i64) -> Reply {
    let number = |key: &str| seen.get(key).unwrap().parse::<i64>().unwrap();
    let (from, to, step) = (number("start"), number("end"), number("step"));
    if (to - from) / step > 11_000 {
        return Reply::Status(
            400,
            vec![],
            "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"exceeded maximum resolution\"}"
                .to_owned(),
        );
    }
    let mut series = Vec::new();
    for metric in ["DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_POWER_USAGE"] {
        assert!(seen.get("query").unwrap().contains(metric));
        for gpu in 0..2 {
            let mut values = Vec::new();
            let mut at = from;
            while at <= to {
                if at >= since {
                    values.push(format!("[{at},\"{}\"]", (at / 60 + gpu) % 100));
                }
                at += step;
            }
            if !values.is_empty() {
                series.push(format!(
                    "{{\"metric\":{{\"__name__\":\"{metric}\",\"UUID\":\"GPU-{gpu}\",\"Hostname\":\"n1\",\"gpu\":\"{gpu}\"}},\"values\":[{}]}}",
                    values.join(",")
                ));
            }
        }
    }
    Reply::Json(format!(
        "{{\"status\":\"success\",\"warnings\":[\"half of it is away\"],\"data\":{{\"resultType\":\"matrix\",\"result\":[{}]}}}}",
        series.join(",")
    ))
}

#[tokio::test]
async fn prometheus_is_read_day_by_day_and_resumed_without_a_gap() {
    let place = Place::new();
    let since = "2026-11-08T10:00:00Z"
        .parse::<DateTime<Utc>>()
        .unwrap()
        .timestamp();
    let most = Arc::new(Mutex::new(i64::MAX));
    let limit = most.clone();
    let double = Double::start(move |seen| {
        let span = seen.get("end").unwrap().parse::<i64>().unwrap()
            - seen.get("start").unwrap().parse::<i64>().unwrap();
        if span / 60 >= *limit.lock().unwrap() {
            let body = "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"query processing would load too many samples into memory in query execution\"}";
            return Reply::Status(422, vec![], body.to_owned());
        }
        samples(seen, since)
    });
    let config = format!(
        "[[pull.prometheus]]\nname = 'gpus'\nurl = {{ env = 'value:http://reader:{HUSH}@{}/prom/' }}\nstep_seconds = 60\n",
        double.host()
    );
    let first = place.one("2026-11-10T12:00:30Z", &config, &How::default()).await;
    fine(&first);
    // Two days and two hours, less the newest minute, of two devices.
    let minutes = 2 * 24 * 60 + 2 * 60;
    assert_eq!(place.facts("gpu_samples").await.len(), 2 * minutes);
    assert!(
        first.notes.iter().any(|n| n.contains("half of it is away")),
        "{:?}",
        first.notes
    );
    assert_eq!(states(&first, State::Ingested).len(), 3);
    let asked = double.seen();
    assert!(asked.iter().all(|s| s.path == "/prom/api/v1/query_range"));
    let login = asked[0].header("authorization").unwrap();
    assert!(login.starts_with("Basic cmVhZGVyOmh1c2gt"), "{login}");

    // An hour later: the last hour is read again, and the server has become touchy.
    *most.lock().unwrap() = 50;
    let next = place.one("2026-11-10T13:00:30Z", &config, &How::default()).await;
    fine(&next);
    assert_eq!(place.facts("gpu_samples").await.len(), 2 * (minutes + 60));
    let known: u64 = next.report.files.iter().map(|f| f.rows_known).sum();
    assert_eq!(known, 2 * 61);
    // One fetch over all of it, undisturbed, finds the same.
    *most.lock().unwrap() = i64::MAX;
    let other = Place::new();
    fine(&other.one("2026-11-10T13:00:30Z", &config, &How::default()).await);
    assert_eq!(other.facts("gpu_samples").await, place.facts("gpu_samples").await);
}

#[tokio::test]
async fn prometheus_refuses_in_its_own_words() {
    let place = Place::new();
    let double = Double::start(|_| {
        let body =
            "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"invalid parameter \\\"query\\\"\"}";
        Reply::Status(400, vec![], body.to_owned())
    });
    let config = format!(
        "[[pull.prometheus]]\nname = 'gpus'\nurl = '{}'\nbearer_token = {{ env = 'T' }}\n",
        double.url()
    );
    let said = failed(&place.one("2026-11-10T12:00:00Z", &config, &How::default()).await);
    assert!(said.contains("400: error, bad_data: invalid parameter"), "{said}");
    assert_eq!(
        double.seen()[0].header("authorization"),
        Some(format!("Bearer {HUSH}").as_str())
    );
    // No series at all is no error, but it is said.
    let empty = Double::start(|_| {
        Reply::Json("{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[]}}".to_owned())
    });
    let config = format!("[[pull.prometheus]]\nname = 'gpus'\nurl = '{}'\n", empty.url());
    let pulled = place.one("2026-11-10T12:00:00Z", &config, &How::default()).await;
    fine(&pulled);
    assert!(
        pulled
            .notes
            .iter()
            .any(|n| n.contains("no samples of DCGM_FI_DEV")),
        "{:?}",
        pulled.notes
    );
}

/// Every byte below a folder.
pub(crate) fn holds(folder: &Path, word: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, word);
        }
        let bytes = std::fs::read(&path).unwrap();
        bytes.windows(word.len()).any(|window| window == word.as_bytes())
    })
}

#[test]
fn one_that_fails_stops_no_other_and_no_secret_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (double, books, _) = openai(Books::of("2026-10-01", "2026-11-11"));
    let refusing = Double::start(|seen| {
        // Some servers repeat what they were told.
        Reply::Status(
            401,
            vec![],
            seen.header("authorization").unwrap_or_default().to_owned(),
        )
    });
    std::fs::write(dir.path().join("key.txt"), format!("{HUSH}-file\n")).unwrap();
    let config = format!(
        "[[pull.prometheus]]\nname = 'broken'\nurl = {{ env = 'SPENDSCOPE_TEST_URL' }}\n\
         [[pull.openai_costs]]\nname = 'refused'\napi_key = {{ env = 'SPENDSCOPE_TEST_KEY' }}\nurl = '{}'\n\
         [[pull.openai_costs]]\nname = 'good'\napi_key = {{ file = 'key.txt' }}\nurl = '{}'\n\
         [[pull.openai_costs]]\nname = 'unset'\napi_key = {{ env = 'SPENDSCOPE_TEST_UNSET' }}\nurl = '{}'\n\
         [[pull.anthropic_costs]]\nname = 'from-env'\napi_key = {{ env = 'SPENDSCOPE_TEST_KEY' }}\nurl = '{}'\n",
        refusing.url(),
        double.url(),
        double.url(),
        refusing.url(),
    );
    std::fs::write(dir.path().join("spendscope.toml"), config).unwrap();
    let run = |args: &[&str]| {
        let output = spendscope(dir.path())
            .env("SPENDSCOPE_TEST_KEY", format!("{HUSH}-env"))
            .env(
                "SPENDSCOPE_TEST_URL",
                format!("http://reader:{HUSH}-url@{}", refusing.host()),
            )
            .args(["--now", "2026-11-10T12:00:00Z"])
            .args(args)
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (status, out, talk) = run(&["pull"]);
    assert_eq!(status, Some(1), "{talk}");
    for word in [
        "4 of 5 connectors failed",
        "broken: ",
        "refused: ",
        "unset: the environment variable SPENDSCOPE_TEST_UNSET is not set",
        "from-env: ",
        "pull/good/2026-10.json: openai_costs → charges (good): 62 rows, 62 kept",
        "spendscope pull ",
    ] {
        assert!(talk.contains(word), "no '{word}' in\n{talk}");
    }
    let (status, quiet, talk_of_good) = run(&["pull", "good"]);
    assert_eq!((status, quiet.as_str()), (Some(0), ""), "{talk_of_good}");
    let (status, _, wrong) = run(&["pull", "goood"]);
    assert_eq!(status, Some(2), "{wrong}");
    assert!(wrong.contains("configured: "), "{wrong}");
    let (_, total, _) = run(&[
        "sql",
        "-c",
        "SELECT sum(billed_cost) AS s, count(*) AS n FROM charges",
        "-o",
        "csv",
    ]);
    assert!(total.contains(&books.lock().unwrap().total().0), "{total}");
    let (_, recorded, _) = run(&["sql", "-c", "SELECT * FROM ingest_files", "-o", "json"]);
    assert!(recorded.contains("pull/good/2026-10.json"), "{recorded}");
    let encoded = "cmVhZGVyOmh1c2gt";
    for text in [&out, &talk, &talk_of_good, &wrong, &recorded] {
        assert!(!text.contains(HUSH) && !text.contains(encoded), "{text}");
    }
    let lake = dir.path().join("lake");
    assert!(!holds(&lake, HUSH) && !holds(&lake, encoded));
    assert!(holds(dir.path(), HUSH), "the search itself works");
}

/// Kills that count: those that met a running process.
const KILLS: usize = 12;

#[test]
fn a_pull_that_is_killed_and_run_again_is_as_one_that_was_not() {
    let books = Books::of("2026-09-10", "2026-11-11");
    let slow = || std::thread::sleep(Duration::from_millis(15));
    let bill = Double::start(move |seen| {
        slow();
        books.openai(seen)
    });
    let since = "2026-11-07T10:00:00Z"
        .parse::<DateTime<Utc>>()
        .unwrap()
        .timestamp();
    let gpus = Double::start(move |seen| {
        slow();
        samples(seen, since)
    });
    let config = format!(
        "[[pull.openai_costs]]\nname = 'bill'\napi_key = {{ file = 'key.txt' }}\nurl = '{}'\n\
         [[pull.prometheus]]\nname = 'gpus'\nurl = '{}'\nstep_seconds = 300\n",
        bill.url(),
        gpus.url()
    );
    let (disturbed, calm) = (Place::new(), Place::new());
    let start = |place: &Place| {
        std::fs::write(place.dir.path().join("spendscope.toml"), &config).unwrap();
        std::fs::write(place.dir.path().join("key.txt"), "key\n").unwrap();
        spendscope(place.dir.path())
            .args(["--now", "2026-11-10T12:00:00Z", "-q", "pull"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let begun = Instant::now();
    assert!(start(&calm).wait().unwrap().success());
    let whole = begun.elapsed();
    let mut met = 0;
    for round in 0..KILLS * 2 {
        let mut process = start(&disturbed);
        // Spread over the whole run, each time a little further.
        std::thread::sleep(whole.mul_f64((round % KILLS + 1) as f64 / (KILLS + 1) as f64));
        met += usize::from(process.try_wait().unwrap().is_none());
        process.kill().unwrap();
        process.wait().unwrap();
        if met == KILLS {
            break;
        }
    }
    assert!(met >= KILLS / 2, "only {met} kills met a running process");
    assert!(start(&disturbed).wait().unwrap().success());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for table in ["charges", "gpu_samples", "rejects"] {
        let [one, other] = [&disturbed, &calm].map(|place| runtime.block_on(place.facts(table)));
        assert_eq!(one, other, "{table}");
        assert!(table == "rejects" || one.len() > 100);
    }
    println!("{met} kills, and the lake is as it was without");
}

#[test]
fn a_secret_in_the_configuration_itself_is_refused_and_not_repeated() {
    for section in [
        format!("[[pull.openai_costs]]\nname = 'bill'\napi_key = '{HUSH}'"),
        format!("[[pull.prometheus]]\nname = 'gpus'\nurl = 'http://reader:{HUSH}@localhost:1'"),
        format!("[[pull.litellm_postgres]]\nname = 'g'\nurl = 'postgres://reader:{HUSH}@localhost:1/db'"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("spendscope.toml"), section).unwrap();
        let (status, _, talk) = crate::support::run(dir.path(), &["pull"]);
        assert_eq!(status, 2, "{talk}");
        assert!(
            talk.contains("{ env = \"NAME\" }") && !talk.contains(HUSH),
            "{talk}"
        );
    }
}

#[test]
fn without_a_connector_there_is_nothing_to_pull() {
    let dir = tempfile::tempdir().unwrap();
    let (status, _, talk) = crate::support::run(dir.path(), &["pull"]);
    assert_eq!(status, 2, "{talk}");
    assert!(
        talk.contains("no connector is configured") && talk.contains("litellm_postgres"),
        "{talk}"
    );
    let (status, _, talk) = crate::support::run(dir.path(), &["--as-of", "2026-10-01", "pull"]);
    assert_eq!(status, 2, "{talk}");
}
