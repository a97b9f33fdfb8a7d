//! Simulated systems with every kind of failure, each generated from a seed: participants of all
//! kinds, sockets that break, processes that die, and a store that is slow and loses data. After
//! every step the rules in [`invariants`] have to hold.
//!
//! - `SIM_SEED=n` runs only that seed and prints what happened last, 60 lines or `SIM_LINES=n`.
//! - `SIM_RUNS=n` runs so many seeds, by default 20,000; `SIM_FIRST=n` is the first of them, by
//!   default 0.

#![allow(unreachable_pub, clippy::unwrap_used, reason = "a test program of several files")]

mod air;
mod client;
mod flood;
mod frame;
mod invariants;
mod ledger;
mod plan;
mod process;
mod random;
mod schedule;
mod socket;
mod store;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use flood::Flood;
use world::World;

#[test]
fn every_rule_holds_in_every_run() {
    if let Some(seed) = variable("SIM_SEED") {
        return replay(seed);
    }
    let runs = variable("SIM_RUNS").unwrap_or(20_000);
    let first = variable("SIM_FIRST").unwrap_or(0);
    let (next, steps, failed) =
        (AtomicU64::new(first), AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + runs || failed.load(Ordering::Relaxed) != u64::MAX {
                        return;
                    }
                    let mut world = World::new(seed, None);
                    let run = AssertUnwindSafe(|| {
                        world.run();
                        Flood::new(seed).run();
                    });
                    if catch_unwind(run).is_err() {
                        failed.fetch_min(seed, Ordering::Relaxed);
                    }
                    steps.fetch_add(world.steps(), Ordering::Relaxed);
                }
            });
        }
    });
    std::panic::set_hook(hook);
    println!("{runs} runs, {} steps", steps.into_inner());
    let failed = failed.into_inner();
    if failed != u64::MAX {
        replay(failed);
        panic!("seed {failed} failed once and passed once");
    }
}

#[test]
fn the_same_seed_makes_the_same_run() {
    for seed in 0..50 {
        let digests = [(), ()].map(|()| {
            let mut world = World::new(seed, Some(0));
            world.run();
            world.digest()
        });
        assert_eq!(digests[0], digests[1], "seed {seed}");
    }
}

/// Runs one seed again, and prints its last steps if it fails.
fn replay(seed: u64) {
    let lines = variable("SIM_LINES").map_or(60, |lines| usize::try_from(lines).unwrap());
    let mut world = World::new(seed, Some(lines));
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| world.run())) {
        println!("{}", world.journal());
        println!(
            "seed {seed} failed after {} steps; again: SIM_SEED={seed} cargo test -p signal-core --test sim",
            world.steps()
        );
        std::panic::resume_unwind(panic);
    }
    let flood = || Flood::new(seed).run();
    if let Err(panic) = catch_unwind(flood) {
        println!("seed {seed} failed: a ticket gets more than it may");
        std::panic::resume_unwind(panic);
    }
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}
