//! The month to measure with: the sample's shape, wider. Twelve models, 25 use cases, 64 GPUs, log lines
//! of full length and as many cloud charges as asked for.

use super::Options;
use super::portfolio::*;
use super::sample;

pub(super) fn portfolio(options: &Options) -> Portfolio {
    let base = sample::portfolio();
    let mut models = sample::models();
    for (id, template) in [("gpt-5-nano", 0), ("claude-haiku-4-5", 2)] {
        let twin = models[template].clone();
        models.push(Model {
            id,
            logged: id,
            sku: id,
            charge_match: id,
            unlogged: 0.0,
            ..twin
        });
    }
    let scale = options.requests as f64 / 10_000_000.0;
    for model in &mut models {
        // 64 GPUs serve what seven do in the sample, times the traffic.
        model.node_capacity *= 900.0 * scale.max(0.001);
    }
    let mut use_cases = sample::use_cases();
    let registered = use_cases.iter().filter(|case| case.registered).count();
    let extra: Vec<UseCase> = (0..25 - use_cases.len())
        .map(|index| {
            let of = use_cases[index % registered].clone();
            let (id, key) = (
                format!("{}-{}", of.id, index + 2),
                format!("{}-{}", of.key, index + 2),
            );
            let twin = |model| match model {
                0 => 10,
                2 => 11,
                other => other,
            };
            let routes = of
                .routes
                .iter()
                .map(|(model, weight)| (twin(*model), *weight))
                .collect();
            UseCase {
                key,
                team: format!("{}-b", of.team),
                id,
                routes,
                ..of
            }
        })
        .collect();
    use_cases.extend(extra);
    let nodes = (0..8)
        .map(|index| {
            let of = &base.nodes[[0, 0, 0, 1, 2, 3, 4, 5][index]];
            Node {
                host: format!("gpu-{index:02}"),
                resource_id: format!("i-0f00000000000{index:04}"),
                gpus: 8,
                telemetry_from: None,
                ..of.clone()
            }
        })
        .collect();
    let hours = (options.to - options.from).num_days().unsigned_abs() * 24;
    let fleets = base.fleets.into_iter().map(|fleet| Fleet {
        resources: options.bill_rows / hours.max(1),
        hourly: true,
        ..fleet
    });
    Portfolio {
        story: vec!["A month to measure with; it tells no story."],
        models,
        use_cases,
        nodes,
        commitment: base.commitment.map(|commitment| Commitment {
            instances: 4,
            ..commitment
        }),
        fleets: fleets.collect(),
        id_digits: 32,
        long_lines: true,
        call_ids_from: options.from,
        ..base
    }
}
