//! GPU telemetry as Prometheus answers `query_range` over DCGM's series, and one scrape of an exporter.

use super::chance::{between, happens};
use super::files::{Folder, Open};
use super::fleet::Running;
use super::portfolio::{Node, Portfolio};
use crate::base::Result;
use crate::base::error::Context as _;
use crate::base::seed::{self, Rng};
use crate::base::time::day_start;
use chrono::NaiveDate;
use std::io::Write;

/// Scrapes do not happen on the full minute.
const OFFSET_SECONDS: i64 = 7;
/// What Prometheus prints where DCGM has no value.
const BLANK: &str = "9223372036854775808";

struct Device {
    node: usize,
    index: u32,
    uuid: String,
    rng: Rng,
    /// Energy since the driver was loaded, in millijoules.
    counter: u64,
    reloaded: bool,
    last: Option<Sample>,
}

#[derive(Clone)]
struct Sample {
    seconds: i64,
    owned: bool,
    active: f64,
    watts: u64,
    counter: u64,
    missing: bool,
}

pub(super) struct Telemetry<'a> {
    portfolio: &'a Portfolio,
    running: &'a Running,
    devices: Vec<Device>,
    step: i64,
    from: NaiveDate,
}

impl<'a> Telemetry<'a> {
    pub(super) fn new(
        portfolio: &'a Portfolio,
        running: &'a Running,
        seed: u64,
        from: NaiveDate,
        step: i64,
    ) -> Self {
        let mut devices = Vec::new();
        for (index, node) in portfolio.nodes.iter().enumerate() {
            for gpu in 0..node.gpus {
                let mut rng = seed::generator(seed, &format!("device/{}/{gpu}", node.host));
                let id = super::chance::hex(&mut rng, 20);
                let uuid = format!("GPU-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20]);
                let counter = between(&mut rng, 2e9, 9e9) as u64 * 1_000;
                devices.push(Device {
                    node: index,
                    index: gpu,
                    uuid,
                    rng,
                    counter,
                    reloaded: false,
                    last: None,
                });
            }
        }
        Telemetry {
            portfolio,
            running,
            devices,
            step,
            from,
        }
    }

    /// One answer for `[first, last)`, series by series. Counts the values.
    pub(super) fn query_range(
        &mut self,
        folder: &mut Folder,
        path: &str,
        first: NaiveDate,
        last: NaiveDate,
    ) -> Result<()> {
        let mut file = folder.data(path)?;
        let what = || format!("writing {path}");
        write!(
            file.to,
            r#"{{"status":"success","data":{{"resultType":"matrix","result":["#
        )
        .with_context(what)?;
        let mut comma = false;
        for device in &mut self.devices {
            let node = &self.portfolio.nodes[device.node];
            let samples = sample(device, node, self.running, self.from, first, last, self.step);
            device.last = samples
                .last()
                .filter(|sample| sample.seconds + self.step >= day_start(last).timestamp())
                .cloned();
            for run in samples.chunk_by(|a, b| a.owned == b.owned) {
                for metric in METRICS {
                    let labels = labels(device, node, run[0].owned, Form::Prometheus);
                    let values = run
                        .iter()
                        .filter_map(|sample| metric.value(sample).map(|value| (sample.seconds, value)));
                    comma |= series(&mut file, comma, metric.name, &labels, values).with_context(what)?;
                }
            }
        }
        writeln!(file.to, "]}}}}").with_context(what)?;
        folder.close(file)
    }

    /// One reading of every device that ran at the end of the last answer, as text: an exporter's page with
    /// the time stamps that Prometheus adds when it is federated. Without them the text would be as young as its file.
    pub(super) fn scrape(&self, folder: &mut Folder, path: &str, seconds: i64) -> Result<()> {
        let mut file = folder.text(path)?;
        let what = || format!("writing {path}");
        for metric in METRICS {
            writeln!(
                file.to,
                "# HELP {} {}\n# TYPE {} {}",
                metric.name, metric.help, metric.name, metric.kind
            )
            .with_context(what)?;
            for device in &self.devices {
                let Some(last) = &device.last else { continue };
                let labels = labels(device, &self.portfolio.nodes[device.node], last.owned, Form::Text);
                let since = (seconds - last.seconds).unsigned_abs();
                let now = Sample {
                    counter: last.counter + last.watts * since * 1_000,
                    missing: false,
                    ..last.clone()
                };
                writeln!(
                    file.to,
                    "{}{{{labels}}} {} {seconds}000",
                    metric.name,
                    (metric.of)(&now)
                )
                .with_context(what)?;
                file.rows += 1;
            }
        }
        folder.close(file)
    }
}

struct Metric {
    name: &'static str,
    help: &'static str,
    kind: &'static str,
    of: fn(&Sample) -> String,
    can_miss: bool,
}

impl Metric {
    fn value(&self, sample: &Sample) -> Option<String> {
        if sample.missing && self.can_miss {
            // Every second gap is a value that says so, the others are no value at all.
            return match (sample.seconds / 900) % 2 {
                0 if self.kind == "counter" => Some(BLANK.to_owned()),
                0 => Some("NaN".to_owned()),
                _ => None,
            };
        }
        Some((self.of)(sample))
    }
}

const METRICS: &[Metric] = &[
    Metric {
        name: "DCGM_FI_PROF_SM_ACTIVE",
        help: "The ratio of cycles an SM has at least 1 warp assigned (in %).",
        kind: "gauge",
        of: |sample| format!("{:.3}", sample.active),
        can_miss: true,
    },
    Metric {
        name: "DCGM_FI_DEV_GPU_UTIL",
        help: "GPU utilization (in %).",
        kind: "gauge",
        of: |sample| {
            if sample.active < 0.05 {
                "0".to_owned()
            } else {
                format!("{:.0}", 100.0 * (0.3 + 0.7 * sample.active))
            }
        },
        can_miss: false,
    },
    Metric {
        name: "DCGM_FI_DEV_POWER_USAGE",
        help: "Power draw (in W).",
        kind: "gauge",
        of: |sample| sample.watts.to_string(),
        can_miss: false,
    },
    Metric {
        name: "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
        help: "Total energy consumption since boot (in mJ).",
        kind: "counter",
        of: |sample| sample.counter.to_string(),
        can_miss: true,
    },
];

fn sample(
    device: &mut Device,
    node: &Node,
    running: &Running,
    from: NaiveDate,
    first: NaiveDate,
    last: NaiveDate,
    step: i64,
) -> Vec<Sample> {
    let origin = day_start(from).timestamp();
    let (begin, end) = (day_start(first).timestamp(), day_start(last).timestamp());
    let reset = node.reset.map(|day| day_start(day).timestamp() + 6 * 3_600);
    let mut samples = Vec::with_capacity(((end - begin) / step) as usize);
    let mut time = begin;
    while time < end {
        let seconds = time + OFFSET_SECONDS;
        time += step;
        let hour = (seconds - origin).div_euclid(3_600);
        if !running.up(device.node, hour) {
            continue;
        }
        if !device.reloaded && reset.is_some_and(|at| seconds >= at) {
            device.reloaded = true;
            device.counter = 0;
        }
        let day = first + chrono::Days::new(((seconds - begin) / 86_400) as u64);
        let spare = device.index + 1 == node.gpus && node.spare_until.is_some_and(|until| day < until);
        let busy = if spare {
            0.0
        } else {
            running.busy(device.node, hour)
        };
        let rng = &mut device.rng;
        let active = if busy <= 0.0 {
            between(rng, 0.0, 0.02)
        } else {
            (0.05 + busy * between(rng, 0.65, 1.15)).min(0.99)
        };
        let watts = (node.watts.0 + (node.watts.1 - node.watts.0) * active * between(rng, 0.85, 1.0)) as u64;
        let missing = happens(rng, 0.002);
        let counter = device.counter;
        device.counter += watts * step.unsigned_abs() * 1_000;
        let hidden = node.telemetry_from.is_some_and(|from| day < from)
            || node.hole.is_some_and(|(from, to)| from <= day && day < to);
        if !hidden {
            samples.push(Sample {
                seconds,
                owned: !spare,
                active,
                watts,
                counter,
                missing,
            });
        }
    }
    samples
}

/// How labels are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Prometheus,
    Text,
}

fn labels(device: &Device, node: &Node, owned: bool, form: Form) -> String {
    let pod = format!(
        "vllm-{}-{}",
        node.host,
        if node.exported { 0 } else { device.index }
    );
    let mut pairs = vec![
        ("gpu", device.index.to_string()),
        ("UUID", device.uuid.clone()),
        ("device", format!("nvidia{}", device.index)),
        ("modelName", node.driver_name.to_owned()),
        ("Hostname", node.host.clone()),
        ("DCGM_FI_DRIVER_VERSION", "570.133.20".to_owned()),
    ];
    let job = if node.exported {
        "dcgm-exporter-dc"
    } else {
        "dcgm-exporter"
    };
    pairs.push(("job", job.to_owned()));
    if node.exported {
        pairs.push(("namespace", "gpu-operator".to_owned()));
        pairs.push(("pod", format!("nvidia-dcgm-exporter-{}", node.host)));
        if owned {
            pairs.push(("exported_namespace", "llm".to_owned()));
            pairs.push(("exported_container", "vllm".to_owned()));
            pairs.push(("exported_pod", pod));
        }
    } else if owned {
        pairs.push(("namespace", "llm".to_owned()));
        pairs.push(("container", "vllm".to_owned()));
        pairs.push(("pod", pod));
    }
    let joined: Vec<String> = if form == Form::Prometheus {
        pairs
            .iter()
            .map(|(name, value)| format!(r#""{name}":"{value}""#))
            .collect()
    } else {
        pairs
            .iter()
            .map(|(name, value)| format!(r#"{name}="{value}""#))
            .collect()
    };
    joined.join(",")
}

/// One series; nothing at all when it has no values. True when something was written.
fn series(
    file: &mut Open,
    comma: bool,
    name: &str,
    labels: &str,
    values: impl Iterator<Item = (i64, String)>,
) -> std::io::Result<bool> {
    let mut any = false;
    for (seconds, value) in values {
        if any {
            write!(file.to, r#",[{seconds},"{value}"]"#)?;
        } else {
            let before = if comma { "," } else { "" };
            write!(
                file.to,
                r#"{before}{{"metric":{{"__name__":"{name}",{labels}}},"values":[[{seconds},"{value}"]"#
            )?;
        }
        any = true;
        file.rows += 1;
    }
    if any {
        write!(file.to, "]}}")?;
    }
    Ok(any)
}
