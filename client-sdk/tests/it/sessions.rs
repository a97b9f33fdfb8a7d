//! Sessions over a real hub, without sockets: messages arrive in every order, and every pair ends
//! up connected.
//!
//! A failure prints its seed; `SESSIONS_SEED=… cargo test -p client-sdk --test it sessions` runs it
//! again alone. `SESSIONS_RUNS=n` runs so many seeds, by default 1,000.

mod connection;
mod random;
mod world;

use signal_core::ProtocolVersion;

use self::random::Random;
use self::world::World;

const RUNS: u64 = 1000;
const STEPS: usize = 400;

#[test]
fn every_pair_ends_connected_whatever_the_order() {
    let variable = |name| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let seeds = match variable("SESSIONS_SEED") {
        Some(seed) => seed..=seed,
        None => 1..=variable("SESSIONS_RUNS").unwrap_or(RUNS),
    };
    for seed in seeds {
        let outcome = std::panic::catch_unwind(|| run(seed));
        assert!(outcome.is_ok(), "SESSIONS_SEED={seed} fails");
    }
}

fn run(seed: u64) {
    let mut random = Random(seed);
    let size = 2 + random.below(4);
    // v1 has no way back after a cut, and no numbers that tell which offer an answer is for.
    let protocol = if random.below(2) == 0 { ProtocolVersion::V1 } else { ProtocolVersion::V2 };
    let mut world = World::new(size, protocol);
    // A session gives a connection up that fails once more than this without getting through.
    let mut failures = 3;
    // Nor does it wait for an answer for ever.
    let mut stalls = 2;
    for _ in 0..STEPS {
        match random.below(100) {
            0..3 => world.join_one(),
            3..6 => world.restart_ice(&mut random),
            6 => world.change_media(&mut random),
            7 if protocol == ProtocolVersion::V2 => world.cut_a_socket(&mut random),
            8 => world.leave_one(&mut random),
            9 if failures > 0 => {
                failures -= 1;
                world.fail_one(&mut random);
            }
            10 if stalls > 0 => {
                stalls -= 1;
                world.stall(&mut random);
            }
            _ => world.step(&mut random),
        }
    }
    world.settle(&mut random);
    world.assert_connected(&mut random);
}
