//! A server of HTTP that a test drives: it answers what it is told to, and remembers what it was asked.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// One request, as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) at: Instant,
}

impl Seen {
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let (_, value) = self.query.iter().find(|(k, _)| k == key)?;
        Some(value)
    }

    pub(crate) fn all(&self, key: &str) -> Vec<&str> {
        let of_key = self.query.iter().filter(|(k, _)| k == key);
        of_key.map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        Some(value)
    }
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Json(String),
    /// What an exporter answers.
    Text(String),
    Status(u16, Vec<(&'static str, String)>, String),
    /// Promises the whole and sends half of it.
    Cut(String),
    /// Promises nothing, and stops in the middle.
    CutUnnoticed(String),
    /// Hangs up without a word.
    HangUp,
    /// Says nothing for so long.
    Silence(Duration),
}

type Answer = Box<dyn FnMut(&Seen) -> Reply + Send>;

pub(crate) struct Double {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Double {
    pub(crate) fn start(answer: impl FnMut(&Seen) -> Reply + Send + 'static) -> Double {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let stop = Arc::new(AtomicBool::new(false));
        let answer: Arc<Mutex<Answer>> = Arc::new(Mutex::new(Box::new(answer)));
        let (log, ends) = (seen.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                let (log, answer) = (log.clone(), answer.clone());
                let stream = stream.unwrap();
                // A connection of its own each: a silent one must not stop the others.
                std::thread::spawn(move || serve(stream, &log, &answer));
            }
        });
        Double {
            address,
            seen,
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// What was asked since the last look.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<Seen>>, answer: &Mutex<Answer>) {
    let Some(seen) = request(&stream) else { return };
    log.lock().unwrap().push(seen.clone());
    let reply = (answer.lock().unwrap())(&seen);
    let head = |status: u16, length: usize| {
        format!(
            "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n"
        )
    };
    // The other side may have hung up, which is its business.
    let _ = match reply {
        Reply::Json(body) => write!(stream, "{}\r\n{body}", head(200, body.len())),
        Reply::Text(body) => write!(
            stream,
            "HTTP/1.1 200 X\r\nconnection: close\r\ncontent-type: text/plain; version=0.0.4\r\n\r\n{body}"
        ),
        Reply::Status(status, headers, body) => {
            let headers: String = headers
                .iter()
                .map(|(name, value)| format!("{name}: {value}\r\n"))
                .collect();
            write!(stream, "{}{headers}\r\n{body}", head(status, body.len()))
        }
        Reply::Cut(body) => write!(stream, "{}\r\n{}", head(200, body.len()), &body[..body.len() / 2]),
        Reply::CutUnnoticed(body) => {
            write!(
                stream,
                "HTTP/1.1 200 X\r\nconnection: close\r\n\r\n{}",
                &body[..body.len() / 2]
            )
        }
        Reply::HangUp => Ok(()),
        Reply::Silence(time) => {
            std::thread::sleep(time);
            Ok(())
        }
    };
}

fn request(stream: &TcpStream) -> Option<Seen> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next()?;
    let target = first.split(' ').nth(1)?.to_owned();
    let headers = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_owned(), value.to_owned()))
        })
        .collect();
    let url = url::Url::parse(&format!("http://double{target}")).ok()?;
    Some(Seen {
        path: url.path().to_owned(),
        query: url
            .query_pairs()
            .map(|(k, v)| (k.into_owned(), v.into_owned()))
            .collect(),
        headers,
        at: Instant::now(),
    })
}
