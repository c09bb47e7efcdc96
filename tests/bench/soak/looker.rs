//! Somebody who looks at the worker from time to time: over HTTP, and with its commands.

use std::convert::Infallible;
use std::time::Duration;

use stand_ins::worker::command;

use crate::stage::{Stage, program, wait};

/// Between two looks.
const GAP: Duration = Duration::from_millis(1_300);
/// Rounds of looks between two uses of the commands.
const ROUNDS: usize = 4;

pub(crate) async fn looks(stage: &Stage, port: u16) -> Infallible {
    for round in 0_usize.. {
        for path in ["/status", "/metrics", "/healthz", "/", "/history"] {
            wait(GAP).await;
            asked(port, path).await;
        }
        if round % ROUNDS == 0 {
            for what in ["status", "history"] {
                let mut shown = tokio::process::Command::from(command(&program()));
                let shown =
                    shown.args([what, "--config"]).arg(stage.config()).output().await.expect("it runs");
                assert!(shown.status.success() && !shown.stdout.is_empty(), "{what}: {shown:?}");
            }
        }
    }
    unreachable!("rounds have no end")
}

/// What the worker's own endpoint answers. It is there in all weathers; only how it is may be told with 503.
pub(crate) async fn asked(port: u16, path: &str) -> String {
    let answer = reqwest::get(format!("http://127.0.0.1:{port}{path}")).await.expect("an answer");
    let status = answer.status();
    assert!(status.is_success() || (path == "/healthz" && status == 503), "{path}: {status}");
    answer.text().await.expect("a body")
}
