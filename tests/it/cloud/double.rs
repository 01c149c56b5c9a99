//! A web server that does what it is told: answers by itself, or stands before another server and spoils some answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) method: String,
    /// With the query.
    pub(super) path: String,
    /// In lower case.
    pub(super) headers: Vec<(String, String)>,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }
}

#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Hand on what the other server answers.
    Pass,
    /// Let the other server do it, and lose its answer.
    Lose,
    /// Hand on only so many bytes of the body.
    Cut(usize),
    /// Status with its words, headers, body.
    Answer(&'static str, Vec<(&'static str, String)>, Vec<u8>),
    /// Answer with more promised than sent.
    Short(Vec<(&'static str, String)>, Vec<u8>, usize),
}

type Rule = dyn Fn(&Seen, usize) -> Act + Send + Sync;

pub(super) struct Double {
    pub(super) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Double {
    /// The rule gets the request and how many came before it.
    pub(super) fn start(
        upstream: Option<&str>,
        rule: impl Fn(&Seen, usize) -> Act + Send + Sync + 'static,
    ) -> Double {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let upstream = upstream.map(|url| url.trim_start_matches("http://").to_owned());
        let (all, rule): (_, Arc<Rule>) = (Arc::clone(&seen), Arc::new(rule));
        // Lives as long as the test's process; it has nothing to clean up.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (all, rule, upstream) = (Arc::clone(&all), Arc::clone(&rule), upstream.clone());
                std::thread::spawn(move || {
                    // A client that goes away is no failure of the double.
                    let _ = serve(stream, upstream.as_deref(), &all, rule.as_ref());
                });
            }
        });
        Double { url, seen }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(
    stream: TcpStream,
    upstream: Option<&str>,
    all: &Mutex<Vec<Seen>>,
    rule: &Rule,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut head)? == 0 {
            return Ok(());
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let mut lines = text.lines();
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let seen = Seen {
        method: first.next().unwrap_or_default(),
        path: first.next().unwrap_or_default(),
        headers: lines
            .filter_map(|l| l.split_once(": "))
            .map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()))
            .collect(),
    };
    let length = seen
        .header("content-length")
        .and_then(|v| v.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let act = {
        let mut all = all.lock().unwrap();
        all.push(seen.clone());
        rule(&seen, all.len() - 1)
    };
    let answer = |status: &str, headers: &[(&str, String)], body: &[u8], promised: usize| {
        let mut bytes =
            format!("HTTP/1.1 {status}\r\nContent-Length: {promised}\r\nConnection: close\r\n").into_bytes();
        for (name, value) in headers {
            bytes.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        bytes.extend(b"\r\n");
        if seen.method != "HEAD" {
            bytes.extend(body);
        }
        bytes
    };
    let bytes = match act {
        Act::Answer(status, headers, body) => answer(status, &headers, &body, body.len()),
        Act::Short(headers, body, promised) => answer("200 OK", &headers, &body, promised),
        Act::Pass | Act::Lose | Act::Cut(_) => {
            let mut other = TcpStream::connect(upstream.expect("a server to hand on to"))?;
            let head = text
                .lines()
                .filter(|l| !l.to_ascii_lowercase().starts_with("connection:") && !l.is_empty())
                .fold(String::new(), |all, line| all + line + "\r\n");
            other.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
            other.write_all(&body)?;
            let mut bytes = Vec::new();
            other.read_to_end(&mut bytes)?;
            let start = bytes
                .windows(4)
                .position(|w| w == b"\r\n\r\n")
                .map_or(0, |at| at + 4);
            match act {
                Act::Lose => bytes.clear(),
                Act::Cut(keep) => bytes.truncate(start + keep),
                _ => {}
            }
            bytes
        }
    };
    stream.write_all(&bytes)?;
    stream.flush()
}
