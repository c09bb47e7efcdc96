//! Numbers of the daemon as a process, beside other workers, on the same stand-ins in the same run.
//!
//! `cargo bench --bench numbers`, or only some of it: `cargo bench --bench numbers -- idle latency door requests looks
//! burst hang many peers`; `short` is what `.ci/run` asks. What has a limit is a count, a size or a ratio of two figures of
//! the run; one that exceeds it makes the exit code 1.
//!
//! `peers` ends with a table of all workers. `SJW_BENCH_PEERS` names what `tests/bench/peers/install` prints: there are the
//! others; what is not there is left out, and that is said. `SJW_BENCH_PROGRAM` names another release's binary: run both,
//! one after the other, to compare them.
//! Bounded: 500 tasks a burst, three bursts a worker, ten thousand jobs twice, a quarter of an hour, and some minutes for
//! the peers.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement prints, and ends at the first surprise"
)]

mod board;
mod disk;
mod latency;
mod load;
mod many;
mod peers;
mod rest;
mod stage;
#[expect(dead_code, reason = "the soak asks for memory in use")]
mod watch;
mod worker;

use std::process::ExitCode;
use std::time::Duration;

use board::Board;
use disk::Disk;
use stage::Journal;

/// The longest that anything is waited for.
const LIMIT: Duration = Duration::from_secs(120);

/// How much is measured.
#[derive(Clone, Copy, PartialEq)]
enum Length {
    Full,
    /// What counts and does not time, on any machine.
    Short,
}

impl Length {
    /// A limit of what one short look at a machine that is busy with other things cannot tell exactly: there it finds what
    /// has gone wrong by a multiple.
    fn limit(self, full: f64, short: f64) -> f64 {
        if self == Length::Full { full } else { short }
    }
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let parts: Vec<String> = std::env::args().skip(1).filter(|part| !part.starts_with("--")).collect();
        let mut board = Board::default();
        let _disk = Disk::mount();
        if parts == ["short"] {
            rest::rest(&mut board, Length::Short).await;
            load::requests(&mut board).await;
            load::bursts(&mut board, Length::Short).await;
            many::many(&mut board, 2_000, Length::Short).await;
            peers::peers(&mut board, Length::Short).await;
        } else {
            full(&mut board, &parts).await;
        }
        ExitCode::from(u8::from(!board.is_kept()))
    })
}

async fn full(board: &mut Board, parts: &[String]) {
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    if wanted("idle") {
        rest::rest(board, Length::Full).await;
    }
    if wanted("latency") {
        latency::latencies(board).await;
    }
    if wanted("door") {
        latency::door(board, Journal::OnDisk).await;
        latency::door(board, Journal::InMemory).await;
    }
    if wanted("requests") {
        load::requests(board).await;
    }
    if wanted("looks") {
        load::looks(board).await;
    }
    if wanted("burst") {
        load::bursts(board, Length::Full).await;
    }
    if wanted("hang") {
        load::hang(board).await;
    }
    if wanted("many") {
        // With the one place that is free it polls on.
        many::many(board, 9_999, Length::Full).await;
    }
    if wanted("peers") {
        peers::peers(board, Length::Full).await;
    }
}
