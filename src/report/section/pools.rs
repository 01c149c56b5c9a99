//! GPU pools against their SLO: each over the days that its SLO speaks of, up to the end of the window. Nodes
//! that no SLO covers are shown by how they are bought, without a target.

use super::super::{reckon, run::Run, words};
use super::{Part, chart};
use crate::base::Result;
use crate::frame::build::{decimals, texts};
use crate::frame::{ChartSpec, Frame, Role};
use std::collections::{BTreeMap, BTreeSet};

const SUBTITLE: &str = "Share of provisioned GPU time that did work";

/// A pool with what it ran at.
pub(in super::super) struct Pool {
    pub name: String,
    pub utilization: Option<i128>,
    pub target: Option<i128>,
    /// How many GPUs, of which kind, over how many days.
    pub note: String,
}

struct Node {
    gpus: i64,
    gpu_model: String,
    purchase: String,
}

pub(super) async fn build(run: &Run<'_>) -> Result<Part> {
    let pools = pools(run).await?;
    if pools.is_empty() {
        return Ok(Part::empty(SUBTITLE, "No GPU node is registered."));
    }
    if pools.iter().all(|p| p.utilization.is_none()) {
        return Ok(Part::empty(
            SUBTITLE,
            "No charge for a registered GPU node in this window.",
        ));
    }
    let frame = Frame::of(vec![
        (
            "pool",
            Role::Dimension,
            "",
            texts(pools.iter().map(|p| Some(&p.name))),
        ),
        (
            "utilization",
            Role::Ratio,
            "",
            decimals(pools.iter().map(|p| p.utilization)),
        ),
        (
            "min_utilization",
            Role::Ratio,
            "",
            decimals(pools.iter().map(|p| p.target)),
        ),
        (
            "note",
            Role::Dimension,
            "",
            texts(pools.iter().map(|p| Some(&p.note))),
        ),
    ])?;
    let chart = ChartSpec {
        target: Some("min_utilization".to_owned()),
        note: Some("note".to_owned()),
        ..chart("bullet", "pool", &["utilization"])
    };
    Ok(Part::chart(SUBTITLE, chart, frame))
}

pub(in super::super) async fn pools(run: &Run<'_>) -> Result<Vec<Pool>> {
    let nodes = nodes(run).await?;
    let judged = run.metric("gpu/slo_attainment", None, run.window).await?;
    let members = run
        .engine
        .query("SELECT slo, host FROM gpu_slo_hosts ORDER BY slo, host", &[])
        .await?;
    let members = Frame::guess(members);
    let mut seen = BTreeSet::new();
    let mut covered = BTreeSet::new();
    let mut pools = Vec::new();
    for row in 0..judged.rows() {
        let slo = judged.int("slo", row)?;
        // A row for each currency; what a pool ran at is the same in all of them.
        if !seen.insert(slo) {
            continue;
        }
        let mut hosts = BTreeSet::new();
        for member in 0..members.rows() {
            if members.int("slo", member)? == slo {
                hosts.extend(members.text("host", member)?);
            }
        }
        let days = judged.int("window_days", row)?.unwrap_or_default();
        pools.push(Pool {
            name: judged.text("pool", row)?.unwrap_or_default(),
            utilization: judged.float("utilization", row)?.and_then(reckon::from_float),
            target: judged.float("target", row)?.and_then(reckon::from_float),
            note: format!("{}, {days} days", kinds(&nodes, &hosts)),
        });
        covered.extend(hosts);
    }
    let mut rest: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (host, node) in nodes.iter().filter(|(host, _)| !covered.contains(*host)) {
        rest.entry(&node.purchase).or_default().insert(host.clone());
    }
    for (purchase, hosts) in rest {
        pools.push(Pool {
            name: words::plain(purchase),
            utilization: utilization(run, &hosts).await?,
            target: None,
            note: format!("{}, no SLO", kinds(&nodes, &hosts)),
        });
    }
    Ok(pools)
}

async fn nodes(run: &Run<'_>) -> Result<BTreeMap<String, Node>> {
    const NODES: &str = "SELECT host, gpus, gpu_model, purchase FROM gpu_nodes ORDER BY host";
    let frame = Frame::guess(run.engine.query(NODES, &[]).await?);
    let mut nodes = BTreeMap::new();
    for row in 0..frame.rows() {
        let text = |column: &str| frame.text(column, row).map(Option::unwrap_or_default);
        let node = Node {
            gpus: frame.int("gpus", row)?.unwrap_or(0),
            gpu_model: text("gpu_model")?,
            purchase: text("purchase")?,
        };
        nodes.insert(text("host")?, node);
    }
    Ok(nodes)
}

/// `16 H100, 4 A10`.
fn kinds(nodes: &BTreeMap<String, Node>, hosts: &BTreeSet<String>) -> String {
    let mut count: BTreeMap<&str, i64> = BTreeMap::new();
    for node in hosts.iter().filter_map(|h| nodes.get(h)) {
        *count.entry(&node.gpu_model).or_insert(0) += node.gpus;
    }
    let kinds: Vec<String> = count
        .into_iter()
        .map(|(model, gpus)| format!("{gpus} {model}"))
        .collect();
    if kinds.is_empty() {
        "no node".to_owned()
    } else {
        kinds.join(", ")
    }
}

/// Of nodes that no SLO covers, in the report's own window.
async fn utilization(run: &Run<'_>, hosts: &BTreeSet<String>) -> Result<Option<i128>> {
    let frame = run.metric("gpu/utilization", Some(&["host"]), run.window).await?;
    let mut rows = Vec::new();
    for row in 0..frame.rows() {
        if frame.text("host", row)?.is_some_and(|host| hosts.contains(&host)) {
            rows.push(row);
        }
    }
    reckon::share(
        &frame,
        &["active_s".to_owned()],
        &["provisioned_s".to_owned()],
        &rows,
    )
}
