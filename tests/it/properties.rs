//! What must hold of any month. Cases are random and small, and the same in every run.

mod arrivals;
mod conservation;
mod deliveries;
mod fleet;
mod month;
mod sessions;
mod variance;
mod windows;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::fmt::Debug;
use std::future::Future;

/// Runs the property over the same `cases` every time; what breaks it is made small and printed.
fn hold<S, F>(cases: u32, cause: &S, property: impl Fn(S::Value) -> F)
where
    S: Strategy,
    S::Value: Debug,
    F: Future<Output = ()>,
{
    let config = Config {
        cases,
        failure_persistence: None,
        // An engine is built for each try, so that making a failure as small as can be would take an hour.
        max_shrink_iters: 40,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(cause, |value| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(property(value));
        Ok(())
    });
    if let Err(broken) = outcome {
        panic!("{broken}");
    }
}
