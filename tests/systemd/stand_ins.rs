//! The stand-ins for a worker that another machine's systemd runs: told what to do on stdin, a line a command, and
//! answering each with a line. Livy and YARN are down until told otherwise.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a tool of tests talks on stdout, and ends at the first surprise"
)]

use std::io::BufRead;
use std::time::Duration;

use stand_ins::livy::{Livy, Master, Plan, Version};
use stand_ins::sfn::{Outcome, Sfn, TaskId};
use stand_ins::yarn::Yarn;

/// How long a poll is held: a stop waits for it.
const POLL: Duration = Duration::from_secs(2);
/// `HeartbeatSeconds` of every task: more than a restart takes.
const HEARTBEAT: Duration = Duration::from_secs(60);

struct Stage {
    sfn: Sfn,
    livy: Livy,
    yarn: Yarn,
    arn: String,
    tasks: Vec<TaskId>,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be had");
    let mut stage = runtime.block_on(Stage::start());
    println!("{} {} {} {}", stage.arn, stage.sfn.url(), stage.livy.url(), stage.yarn.url());
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        println!("{}", runtime.block_on(stage.obey(&line)));
    }
}

impl Stage {
    async fn start() -> Stage {
        let sfn = Sfn::start().await;
        sfn.hold_polls(POLL);
        let livy = Livy::start(Version::V0_8, Master::Yarn).await;
        livy.plan(Plan::running());
        let yarn = Yarn::start(&livy).await;
        livy.down().await;
        yarn.down().await;
        let arn = sfn.activity("spark-job");
        Stage { sfn, livy, yarn, arn, tasks: Vec::new() }
    }

    async fn obey(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["up"] => {
                self.livy.up().await;
                self.yarn.up().await;
                "ok".to_owned()
            }
            // A task whose job runs until it is ended.
            ["task", name] => {
                let input = format!(
                    r#"{{"Name":"{name}","File":"s3://bucket/{name}.py","Execution":"execution-{name}"}}"#
                );
                self.tasks.push(self.sfn.schedule_with(&self.arn, &input, Some(HEARTBEAT), None));
                "ok".to_owned()
            }
            ["end", name, state] => {
                let name = self.livy.batch(name).and_then(|batch| batch.name).expect("a batch of that name");
                self.livy.set_state(&name, state);
                "ok".to_owned()
            }
            ["polls"] => self.sfn.polls(&self.arn).to_string(),
            ["posts"] => self.livy.posts().len().to_string(),
            ["outcomes"] => self.tasks.iter().map(|task| self.outcome(task)).collect::<Vec<_>>().join(" "),
            _ => format!("no such command: {line}"),
        }
    }

    fn outcome(&self, task: &TaskId) -> String {
        match self.sfn.peek(task) {
            None => "none".to_owned(),
            Some(Outcome::Failed { error, .. }) => error.unwrap_or_default(),
            Some(Outcome::Succeeded { .. }) => "succeeded".to_owned(),
            Some(Outcome::TimedOut) => "timed-out".to_owned(),
            Some(Outcome::Aborted) => "aborted".to_owned(),
        }
    }
}
