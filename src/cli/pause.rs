//! `pause` and `resume`: no polls for a while, jobs run on.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use humantime::{format_duration, parse_duration};
use tokio::signal::ctrl_c;
use tokio::time::{Instant, sleep};

use crate::admin::{self, PauseOverview, Reply};
use crate::config::{self, ControlSocket};
use crate::pause::{LEAST, MOST};

use super::control::why;
use super::{failed, runtime, terminal};

/// From look to look at the polls that are still open.
const STEP: Duration = Duration::from_millis(500);
/// An open poll has 70 s, and this is more.
const PATIENCE: Duration = Duration::from_secs(90);
const OTHER_VERSION: &str = "the daemon sent an unexpected answer; is it of another version?";

/// Reads the length of a pause.
///
/// # Errors
/// Why it is none.
pub(super) fn length(text: &str) -> Result<Duration, String> {
    let length =
        parse_duration(text).map_err(|error| format!("{error}; durations are written 90s, 20m, 2h"))?;
    if (LEAST..=MOST).contains(&length) {
        Ok(length)
    } else {
        Err(format!("must be from {} to {}", format_duration(LEAST), format_duration(MOST)))
    }
}

/// Pauses, and waits until no poll is open any more.
pub(super) fn begin(config: &Path, length: Option<Duration>) -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(problem) => return failed(&problem),
    };
    let socket = config::control_socket(config);
    let question = length.map_or("pause".to_owned(), |length| format!("pause {}", length.as_secs()));
    let since = Instant::now();
    let begun = match asked(&socket, &question) {
        Ok(Some(begun)) => begun,
        Ok(None) => return failed(OTHER_VERSION),
        Err(problem) => return failed(&problem),
    };
    let ended = runtime.block_on(async {
        tokio::select! {
            biased;
            _ = ctrl_c() => Err("the worker stays paused, and polls that are open still end: spark-job-worker resume has \
                                 it poll again".to_owned()),
            ended = polls_end(&socket, &begun, since, length) => ended,
        }
    });
    terminal::progress("");
    let told = match ended {
        Ok(told) => told,
        Err(problem) => return failed(&problem),
    };
    if let Some(reason) = begun.unkept {
        return failed(&format!(
            "the worker is paused, but only until it is restarted: {reason}; make the state directory writable, and run pause \
             once more"
        ));
    }
    terminal::line(&told);
    ExitCode::SUCCESS
}

/// Returns once no poll is open any more, with what there is to say then.
///
/// # Errors
/// What there is to say where that cannot be seen.
async fn polls_end(
    socket: &ControlSocket,
    begun: &PauseOverview,
    since: Instant,
    length: Option<Duration>,
) -> Result<String, String> {
    let mut now = begun.clone();
    if now.open_polls > 0 {
        terminal::line(&format!("paused; waiting for {} to end, a minute at most", polls(now.open_polls)));
    }
    while now.open_polls > 0 {
        if since.elapsed() > PATIENCE {
            return Err(format!("{} did not end; the worker stays paused", polls(now.open_polls)));
        }
        terminal::progress(&format!(
            "{} still open after {} s",
            polls(now.open_polls),
            since.elapsed().as_secs()
        ));
        sleep(STEP).await;
        match asked(socket, "pausing") {
            Ok(Some(next)) => now = next,
            // Over by itself, since its time counts from when it was asked for.
            Ok(None) if length.is_some_and(|length| since.elapsed() >= length) => {
                return Err("the pause was over before the open polls had ended, and the worker polls again; give --for \
                            a minute or more"
                    .to_owned());
            }
            Ok(None) => return Err("the worker was resumed meanwhile, and polls again".to_owned()),
            Err(problem) => {
                let kept = if begun.unkept.is_none() { ", and stays paused over a restart" } else { "" };
                return Err(format!("{problem}\nthe worker was paused before{kept}"));
            }
        }
    }
    let until =
        now.until.map_or("until spark-job-worker resume".to_owned(), |until| format!("until {until}"));
    Ok(format!("paused {until}; no poll is open, and jobs run on"))
}

/// So many, in words.
pub(super) fn polls(count: usize) -> String {
    if count == 1 { "1 poll".to_owned() } else { format!("{count} polls") }
}

/// The pause that the daemon tells of.
fn asked(socket: &ControlSocket, question: &str) -> Result<Option<PauseOverview>, String> {
    match admin::ask(&socket.path, question) {
        Ok(Reply::Paused(paused)) => Ok(paused.map(|paused| *paused)),
        Ok(_) => Err(OTHER_VERSION.to_owned()),
        Err(unanswered) => Err(why(&unanswered, socket)),
    }
}

/// Has the daemon poll again.
pub(super) fn end(config: &Path) -> ExitCode {
    let socket = config::control_socket(config);
    match admin::ask(&socket.path, "resume") {
        Ok(Reply::Resumed { unkept: Some(reason), .. }) => {
            failed(&format!("the worker polls again, and a restart may pause it again: {reason}"))
        }
        Ok(Reply::Resumed { was_on, unkept: None }) => {
            terminal::line(if was_on { "the worker polls again" } else { "the worker was not paused" });
            ExitCode::SUCCESS
        }
        Ok(_) => failed(OTHER_VERSION),
        Err(unanswered) => failed(&why(&unanswered, &socket)),
    }
}
