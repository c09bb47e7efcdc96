//! `status` and `terminating`: what is asked of the running daemon. They work with a configuration that is wrong, too.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crate::admin::{self, Reply, Unanswered};
use crate::config::{self, ControlSocket};

use super::{failed, terminal};

/// From table to table of `status --watch`.
const AGAIN: Duration = Duration::from_secs(2);

/// Once, or again and again until somebody closes the terminal; then a daemon that is away may come back.
#[expect(clippy::disallowed_methods, reason = "a command of its own, in which nothing else waits")]
pub(super) fn status(config: &Path, watch: bool, json: bool) -> ExitCode {
    let socket = config::control_socket(config);
    loop {
        let (lines, code) = match admin::ask(&socket.path, "status") {
            Ok(Reply::Status(now)) if json => {
                (vec![serde_json::to_string(&now).unwrap_or_default()], ExitCode::SUCCESS)
            }
            Ok(Reply::Status(now)) => (admin::table(&now), ExitCode::SUCCESS),
            Ok(_) => {
                return failed("the daemon sent an unexpected answer to status; is it of another version?");
            }
            Err(unanswered) if watch && !json => (vec![why(&unanswered, &socket)], ExitCode::FAILURE),
            Err(unanswered) => return failed(&why(&unanswered, &socket)),
        };
        if !watch {
            lines.iter().for_each(|line| terminal::line(line));
            return code;
        }
        if terminal::again(lines.iter().map(String::as_str)).is_err() {
            return code;
        }
        std::thread::sleep(AGAIN);
    }
}

/// Tells the daemon that the node goes down for good.
pub(super) fn terminating(config: &Path) -> ExitCode {
    let socket = config::control_socket(config);
    match admin::ask(&socket.path, "terminating") {
        Ok(Reply::Terminating { awaited: 0 }) => {
            terminal::line("every task is given back");
            ExitCode::SUCCESS
        }
        Ok(Reply::Terminating { awaited }) => {
            failed(&format!("{awaited} tasks are not given back yet; the daemon goes on trying"))
        }
        Ok(_) => failed("the daemon sent an unexpected answer to terminating; is it of another version?"),
        Err(unanswered) => failed(&why(&unanswered, &socket)),
    }
}

/// Why there is no answer, and, where that may be the reason, why this socket was asked.
pub(super) fn why(unanswered: &Unanswered, socket: &ControlSocket) -> String {
    match &socket.guessed {
        None => unanswered.to_string(),
        Some(reason) => {
            format!(
                "{unanswered}\nthe default socket was asked, because the configuration cannot be read: {reason}"
            )
        }
    }
}
