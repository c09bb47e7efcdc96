//! The commands and their exit codes: 0 ok · 1 failed · 2 usage · 78 configuration (systemd does not restart on 78).

mod check;
mod control;
mod doctor;
mod history;
mod lint;
mod logs;
mod pause;
mod render;
mod terminal;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

use crate::admin::LogFile;
use crate::causes::chain;
use crate::config::{self, Invalid, Settings};
use crate::daemon::{self, Fatal};
use crate::log::{self, Filter, Format, Target, message_id};
use crate::systemd::Notifier;

/// `EX_CONFIG` of sysexits.h; the unit has `RestartPreventExitStatus=78`.
const CONFIGURATION: u8 = 78;
/// The end waits this long for the last log lines.
const FLUSH: Duration = Duration::from_secs(2);

/// Step Functions activity worker: runs Spark jobs through Apache Livy.
#[derive(Debug, Parser)]
#[command(version = crate::BUILD, name = "spark-job-worker")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// The configuration file [default: /etc/spark-job-worker/config.toml]
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Poll, submit, watch, report: what the unit starts
    Run,
    /// Check the configuration
    Check {
        /// Look also whether this version can read the journal. Nothing is changed, and a worker may be running
        #[arg(long)]
        journal: bool,
        /// Print one value alone, for scripts. Nothing else in the configuration needs to be right
        #[arg(long, value_name = "VALUE", conflicts_with = "journal")]
        print: Option<check::Value>,
    },
    /// Look at the node, AWS, Livy, YARN and the daemon: a line each, with the fix. Changes nothing, takes no task
    Doctor {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the tasks of the running daemon
    Status {
        /// Again every two seconds
        #[arg(long)]
        watch: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what became of the last 200 tasks, with the root cause of failures; where no daemon runs, too
    History {
        /// As JSON
        #[arg(long)]
        json: bool,
        /// Those alone that did not succeed
        #[arg(long)]
        failed: bool,
    },
    /// Show what the driver of a job writes or has written: the last 64 KiB, masked as causes are. Before there is an
    /// application, what spark-submit says
    Logs {
        /// A task's id, a job's name, an execution's ARN or name, or an application's id, as status and history show it
        #[arg(value_name = "TASK|APPLICATION|EXECUTION")]
        name: String,
        /// And what is new, until the job has ended
        #[arg(long)]
        follow: bool,
        /// What Spark logs; of Java and Scala what was not caught, too
        #[arg(long, conflicts_with = "stdout")]
        stderr: bool,
        /// What the job prints; of Python its tracebacks, too. The default
        #[arg(long)]
        stdout: bool,
        /// Without the mask: with passwords and keys, if the job writes them. Control characters are shown as \u001b all
        /// the same
        #[arg(long)]
        raw: bool,
    },
    /// Have the running daemon poll no more; jobs run on. Returns once open polls have ended, and survives a restart
    Pause {
        /// It ends by itself after this time, such as 90s or 2h; at most 30days
        #[arg(long = "for", value_name = "DURATION", value_parser = pause::length)]
        length: Option<Duration>,
    },
    /// Have it poll again
    Resume,
    /// Tell the running daemon that the node goes down for good: every task is given back at once
    Terminating,
    /// Print the exact Livy request that a task's input, or a resource's properties, would become
    Render {
        /// A file with the input or the properties, or - for standard input
        input: PathBuf,
        /// The activity whose defaults apply, or the topic; the first activity if absent, or the first topic
        #[arg(long, value_name = "ARN")]
        activity: Option<String>,
    },
    /// Check definitions of state machines and CloudFormation templates against what this worker expects
    Lint {
        /// Files in Amazon States Language or with templates, directories with such files, or - for standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Warnings count as errors
        #[arg(long)]
        strict: bool,
    },
}

/// Reads the command line and runs the command.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version come this way too, with their own code.
            let text = error.render().to_string();
            if error.use_stderr() {
                terminal::complain(&text)
            } else {
                terminal::text(&text)
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let is_named = arguments.config.is_some();
    let path = config::path_or_default(arguments.config);
    let loaded = || config::load(&path).map_err(wrong);
    let ended = match arguments.command {
        Command::Run => {
            let notifier = Notifier::from_environment();
            let code = match serving(&path) {
                Ok(settings) => run(settings, &path),
                Err(problem) => refuse(&notifier, &problem),
            };
            notifier.linger();
            Ok(code)
        }
        Command::Check { print: Some(value), .. } => check::print(&path, value),
        Command::Check { journal, print: None } => {
            serving(&path).map(|settings| check::run(&settings, &path, journal))
        }
        // A wrong configuration is one of the things that it tells.
        Command::Doctor { json } => Ok(doctor::run(&path, json)),
        // They need the daemon alone, and are needed most where something is wrong.
        Command::Status { watch, json } => Ok(control::status(&path, watch, json)),
        Command::History { json, failed } => Ok(history::run(&path, json, failed)),
        Command::Logs { name, follow, stderr, stdout: _, raw } => {
            let file = if stderr { LogFile::Stderr } else { LogFile::Stdout };
            Ok(logs::run(&path, logs::Wish { name, file, follow, raw }))
        }
        Command::Pause { length } => Ok(pause::begin(&path, length)),
        Command::Resume => Ok(pause::end(&path)),
        Command::Terminating => Ok(control::terminating(&path)),
        Command::Render { input, activity } => {
            loaded().map(|settings| render::run(&settings, &input, activity.as_deref()))
        }
        Command::Lint { files, strict } if !is_named && !path.exists() => Ok(lint::run(&files, strict, None)),
        Command::Lint { files, strict } => {
            loaded().map(|settings| lint::run(&files, strict, Some(&settings)))
        }
    };
    ended.unwrap_or_else(|problem| {
        terminal::complain(&problem);
        ExitCode::from(CONFIGURATION)
    })
}

/// A configuration with which this node can serve, with the files that it names.
fn serving(path: &Path) -> Result<Settings, String> {
    let settings = config::load_with_files(path).map_err(wrong)?;
    config::unsupported(&settings).map_or(Ok(settings), Err)
}

fn wrong(problem: Invalid) -> String {
    format!("the configuration is wrong:\n{problem}")
}

/// Says why the daemon does not start, where an operator looks for it.
fn refuse(notifier: &Notifier, problem: &str) -> ExitCode {
    // Without a service manager somebody sits at the terminal. The configured log is not known.
    let log = notifier.is_managed().then(|| log::start(Target::Auto, Format::Text, &Filter::default()));
    match log {
        Some(Ok(log)) => {
            tracing::error!(message_id = message_id::CONFIGURATION_WRONG, "{problem}");
            log.close(FLUSH);
        }
        Some(Err(_)) | None => terminal::complain(problem),
    }
    notifier.status(problem);
    ExitCode::from(CONFIGURATION)
}

fn run(settings: Settings, path: &Path) -> ExitCode {
    let log = &settings.log;
    let telemetry = match log::start(log.target, log.format, &log.filter) {
        Ok(telemetry) => telemetry,
        Err(problem) => return failed(&format!("logging cannot start: {}", chain(&problem))),
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(problem) => return failed(&problem),
    };
    let ended = runtime.block_on(daemon::run(settings, path, &telemetry));
    match &ended {
        Ok(()) => {}
        Err(problem @ Fatal::Unsupported(_)) => {
            tracing::error!(message_id = message_id::CONFIGURATION_WRONG, "{}", chain(problem));
        }
        Err(problem @ (Fatal::Setup(..) | Fatal::LoopEnded(_))) => {
            tracing::error!(message_id = message_id::FATAL, "{}", chain(problem));
        }
    }
    // Jobs go on in the cluster; whatever is still being asked here is not worth waiting for.
    runtime.shutdown_background();
    telemetry.close(FLUSH);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Fatal::Unsupported(_)) => ExitCode::from(CONFIGURATION),
        Err(Fatal::Setup(..) | Fatal::LoopEnded(_)) => ExitCode::FAILURE,
    }
}

fn runtime() -> Result<Runtime, String> {
    // Timers and sockets are looked at after so many turns of tasks: a heartbeat is due by a timer.
    let built = Builder::new_current_thread().event_interval(16).enable_all().build();
    built.map_err(|problem| format!("the runtime cannot start: {problem}"))
}

/// A file's text, or that of standard input for `-`.
fn read(path: &Path) -> std::io::Result<String> {
    if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    }
}

fn failed(text: &str) -> ExitCode {
    terminal::complain(text);
    ExitCode::FAILURE
}
