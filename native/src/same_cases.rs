//! Property tests try the same cases in every run: a failure is one for everybody.
//! Finding new cases is what a fuzzer is for.

use proptest::test_runner::{Config, RngSeed};

/// The configuration of every property test here.
pub fn config() -> Config {
    Config {
        cases: 1024,
        rng_seed: RngSeed::Fixed(826),
        // What failed once fails again by itself.
        failure_persistence: None,
        ..Config::default()
    }
}
