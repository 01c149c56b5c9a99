//! The processes of a cluster, and the networks between them.

use crate::support::spendscope;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A scheduler and executors; ended with the test.
pub(super) struct Nodes {
    pub(super) url: String,
    pub(super) executors: Vec<Node>,
    pub(super) scheduler: Node,
    _networks: Option<Networks>,
}

/// One process.
pub(super) struct Node {
    child: Child,
}

impl Node {
    fn start(network: Option<&str>, folder: &Path, environment: &[(String, String)], args: &[&str]) -> Node {
        let program = spendscope(folder);
        let mut command = match network {
            Some(network) => {
                let mut command = Command::new("ip");
                command
                    .args(["netns", "exec", network])
                    .arg(program.get_program());
                command
            }
            None => Command::new(program.get_program()),
        };
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if ["AWS_", "SPENDSCOPE_"].iter().any(|p| name.starts_with(p)) {
                command.env_remove(name);
            }
        }
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        let child = command
            .envs(environment.iter().cloned())
            .current_dir(folder)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Node { child }
    }

    /// As the machine it runs on would end it.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// It is there, and answers nobody any more.
    pub(super) fn stop(&self) {
        let stopped = Command::new("kill")
            .args(["-STOP", &self.child.id().to_string()])
            .status();
        assert!(stopped.unwrap().success());
    }

    /// For how long processors worked for it.
    pub(super) fn worked(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // After the name of the program, which may hold anything, the time is the 12th and 13th word.
        let words = stat.rsplit(')').next().unwrap().split_whitespace();
        let ticks: u64 = words.skip(11).take(2).map(|t| t.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// Asks it to end; its exit status and what it said.
    pub(super) fn end(mut self) -> (i32, String) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        let until = Instant::now() + Duration::from_secs(30);
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < until, "it does not end");
            std::thread::sleep(Duration::from_millis(50));
        }
        let mut said = String::new();
        let mut talk = self.child.stderr.take().unwrap();
        talk.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code().unwrap_or(-1), said)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Nodes {
    /// Two executors, each process in a network of its own; on loopback ports where networks cannot be made,
    /// which is said.
    pub(super) fn apart(folder: &Path) -> Nodes {
        let Some(networks) = Networks::make(3) else {
            println!(
                "no networks of their own for the processes: that takes root and iproute2; they share this one"
            );
            return Nodes::start(folder, &[], &[]);
        };
        let [scheduler, first, second] = [0, 1, 2].map(|at| networks.address(at));
        let name = |at: usize| Some(networks.names[at].as_str());
        let bind = format!("{scheduler}:50050");
        let url = format!("http://{bind}");
        let args = ["cluster", "scheduler", "--insecure-network", "--bind", &bind];
        let scheduler = Node::start(name(0), folder, &[], &args);
        let executors = [(1, first), (2, second)].map(|(at, address)| {
            let bind = format!("{address}:50051");
            let args = [
                "cluster",
                "executor",
                "--insecure-network",
                "--scheduler",
                &url,
                "--bind",
                &bind,
            ];
            Node::start(name(at), folder, &[], &args)
        });
        ready(&url, 2);
        Nodes {
            url,
            executors: executors.into(),
            scheduler,
            _networks: Some(networks),
        }
    }

    /// On loopback ports. The scheduler has no environment, the executors each have this one.
    pub(super) fn start(folder: &Path, environment: &[(String, String)], more: &[&str]) -> Nodes {
        let bind = format!("127.0.0.1:{}", free_ports());
        let url = format!("http://{bind}");
        let scheduler = Node::start(None, folder, &[], &["cluster", "scheduler", "--bind", &bind]);
        let executors = [(); 2].map(|()| {
            let bind = format!("127.0.0.1:{}", free_ports());
            let mut args = vec!["cluster", "executor", "--scheduler", &url, "--bind", &bind];
            args.extend(more);
            Node::start(None, folder, environment, &args)
        });
        ready(&url, 2);
        Nodes {
            url,
            executors: executors.into(),
            scheduler,
            _networks: None,
        }
    }

    /// Waits until the scheduler counts so many executors.
    pub(super) fn has(&self, executors: usize) {
        ready(&self.url, executors);
    }
}

/// A scheduler without executors, and its address.
pub(super) fn lone_scheduler(folder: &Path) -> (Node, String) {
    let bind = format!("127.0.0.1:{}", free_ports());
    let scheduler = Node::start(None, folder, &[], &["cluster", "scheduler", "--bind", &bind]);
    let url = format!("http://{bind}");
    ready(&url, 0);
    (scheduler, url)
}

/// Two ports in a row that nobody has.
pub(super) fn free_ports() -> u16 {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}

fn ready(url: &str, executors: usize) {
    let address = url.trim_start_matches("http://");
    let until = Instant::now() + Duration::from_secs(60);
    let mut last = String::new();
    while Instant::now() < until {
        if let Ok(mut stream) = TcpStream::connect(address) {
            let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).unwrap();
            last.clear();
            let _ = stream.read_to_string(&mut last);
            let counts = last.contains(&format!("ready: {executors} executors"))
                || last.contains(&format!("ready: {executors}/"));
            if counts {
                return;
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the cluster does not come up: {last}");
}

/// Networks that a bridge of this machine joins. Removed with the test.
struct Networks {
    bridge: String,
    names: Vec<String>,
    subnet: u8,
}

impl Networks {
    fn make(count: usize) -> Option<Networks> {
        // Named by the process, since tests of two checkouts may run on one machine, and by their number in it: tests run
        // at once, and who finds his names taken would take the other's networks away.
        static MADE: AtomicU32 = AtomicU32::new(0);
        let (id, made) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let short = format!("{}-{made}", id % 100_000);
        let networks = Networks {
            bridge: format!("ssb{short}"),
            names: (0..count).map(|at| format!("ssn{at}-{id}-{made}")).collect(),
            subnet: u8::try_from((id + made) % 250).unwrap() + 1,
        };
        let Networks {
            bridge,
            names,
            subnet,
        } = &networks;
        let done = ip(&["link", "add", bridge, "type", "bridge"])
            && ip(&["addr", "add", &format!("10.213.{subnet}.1/24"), "dev", bridge])
            && ip(&["link", "set", bridge, "up"])
            && names.iter().enumerate().all(|(at, name)| {
                let end = format!("ssv{at}-{short}");
                ip(&["netns", "add", name])
                    && ip(&[
                        "link", "add", &end, "type", "veth", "peer", "name", "eth0", "netns", name,
                    ])
                    && ip(&["link", "set", &end, "master", bridge, "up"])
                    && ip(&[
                        "-n",
                        name,
                        "addr",
                        "add",
                        &format!("{}/24", networks.address(at)),
                        "dev",
                        "eth0",
                    ])
                    && ip(&["-n", name, "link", "set", "eth0", "up"])
                    && ip(&["-n", name, "link", "set", "lo", "up"])
            });
        done.then_some(networks)
    }

    fn address(&self, at: usize) -> String {
        format!("10.213.{}.{}", self.subnet, at + 2)
    }
}

impl Drop for Networks {
    fn drop(&mut self) {
        for name in &self.names {
            ip(&["netns", "del", name]);
        }
        ip(&["link", "del", &self.bridge]);
    }
}

fn ip(args: &[&str]) -> bool {
    let mut command = Command::new("ip");
    command.args(args).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
