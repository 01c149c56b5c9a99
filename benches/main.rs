//! One criterion binary for the parts: `cargo bench`. Comparisons with other tools come as scripts beside it.
#![allow(clippy::unwrap_used)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use spendscope::base::money::{Exact, apportion};
use spendscope::base::time::parse_instant;
use std::hint::black_box;

fn money(c: &mut Criterion) {
    let texts: Vec<String> = (0..1_000_i64)
        .map(|i| format!("{}.{:09}", i % 97, i * 7_919))
        .collect();
    let mut group = c.benchmark_group("money");
    group.throughput(Throughput::Elements(texts.len() as u64));
    group.bench_function("parse exactly and round", |b| {
        b.iter(|| {
            texts
                .iter()
                .map(|t| Exact::parse(black_box(t)).unwrap().round())
                .sum::<i128>()
        })
    });
    group.bench_function("apportion one amount over 1000 rows", |b| {
        let amount = 86_125_260_000_000_000_000_000_i128;
        b.iter(|| {
            (0..1_000_i128)
                .map(|i| apportion(black_box(amount), i, i + 1, 1_000).unwrap())
                .sum::<i128>()
        })
    });
    group.finish();
}

fn instants(c: &mut Criterion) {
    let texts = [
        "2026-09-15T00:56:36.877112Z",
        "2026-09-15 17:13:19.606806",
        "2026-09-16T08:41:24.344199+00:00",
    ];
    let mut group = c.benchmark_group("time");
    group.throughput(Throughput::Elements(texts.len() as u64));
    group.bench_function("parse instants as gateways write them", |b| {
        b.iter(|| {
            texts
                .iter()
                .filter_map(|t| parse_instant(black_box(t)))
                .sum::<i64>()
        })
    });
    group.finish();
}

criterion_group!(benches, money, instants);
criterion_main!(benches);
