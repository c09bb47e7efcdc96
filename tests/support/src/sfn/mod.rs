//! Step Functions, as far as activities need it: the real wire form, real timers, ghost polls.
//!
//! Executions run one activity Task each. Operations are named as in the API; a fault can be narrowed to one
//! token or ARN by [`On::key`](crate::http::On::key).

mod activities;
mod executions;
mod history;
mod machine;
mod ops;
mod view;
mod wire;
mod world;

use std::future::Future;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::http::{Bell, Server};
use machine::Machine;
pub use view::Report;
pub use wire::refusal;
pub use world::Outcome;
use world::World;

/// What every ARN begins with.
const PREFIX: &str = "arn:aws:states:us-east-1:123456789012:";

/// One scheduled task, which is one execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(usize);

/// The stand-in for Step Functions.
#[derive(Clone)]
pub struct Sfn {
    server: Server,
    shared: Arc<Shared>,
}

struct Shared {
    world: Mutex<World>,
    bell: Bell,
    runtime: Handle,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("nobody panics while changing the world")
    }

    fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let result = change(&mut self.world());
        self.bell.ring();
        result
    }

    fn start(self: &Arc<Self>, machine_arn: &str, machine: &Machine, name: &str, input: &str) -> usize {
        let task = self.change(|world| world.start(machine_arn, machine.clone(), name, input));
        self.watch_task(task);
        if let Some(limit) = machine.execution_timeout {
            let shared = Arc::clone(self);
            self.runtime.spawn(async move {
                tokio::time::sleep(limit).await;
                shared.change(|world| {
                    world.tasks[task].execution_timed_out = world.tasks[task].outcome.is_none();
                    world.close(task, Outcome::TimedOut);
                });
            });
        }
        task
    }

    /// Lets a task time out in time. Does nothing for one that nobody has yet.
    fn watch_task(self: &Arc<Self>, task: usize) {
        if self.world().tasks[task].deadline().is_none() {
            return;
        }
        let shared = Arc::clone(self);
        self.runtime.spawn(async move {
            loop {
                let Some(deadline) = shared.world().tasks[task].deadline() else {
                    return;
                };
                tokio::time::sleep_until(deadline.into()).await;
                let mut world = shared.world();
                if world.tasks[task].deadline().is_some_and(|deadline| deadline <= Instant::now()) {
                    world.close(task, Outcome::TimedOut);
                    drop(world);
                    shared.bell.ring();
                    return;
                }
            }
        });
    }
}

/// The server's own powers: faults, outages, recorded calls.
impl Deref for Sfn {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Sfn {
    /// Starts the stand-in on a free loopback port.
    pub async fn start() -> Self {
        let bell = Bell::default();
        let mut made = None;
        let server = Server::start(None, bell.clone(), |runtime| {
            let shared = Arc::new(Shared { world: Mutex::new(ops::empty_world()), bell, runtime });
            made = Some(Arc::clone(&shared));
            shared
        })
        .await;
        Self { server, shared: made.expect("the service was made") }
    }

    /// Creates an activity and returns its ARN.
    pub fn activity(&self, name: &str) -> String {
        self.shared.change(|world| world.create_activity(name))
    }

    /// Starts an execution whose one Task has no limits.
    pub fn schedule(&self, activity_arn: &str, input: &str) -> TaskId {
        self.schedule_with(activity_arn, input, None, None)
    }

    /// Starts an execution whose one Task has these HeartbeatSeconds and TimeoutSeconds.
    pub fn schedule_with(
        &self,
        activity_arn: &str,
        input: &str,
        heartbeat: Option<Duration>,
        timeout: Option<Duration>,
    ) -> TaskId {
        let machine = Machine {
            state: "Job".to_owned(),
            activity: activity_arn.to_owned(),
            heartbeat,
            timeout,
            execution_timeout: None,
        };
        let name = format!("scheduled-{}", self.shared.world().tasks.len());
        TaskId(self.shared.start(&format!("{PREFIX}stateMachine:scheduled"), &machine, &name, input))
    }

    /// Stops the execution, as StopExecution does.
    pub fn stop(&self, task: &TaskId) {
        self.shared.change(|world| world.close(task.0, Outcome::Aborted));
    }

    /// All tasks so far, also those of executions that were started over HTTP.
    pub fn tasks(&self) -> Vec<TaskId> {
        (0..self.shared.world().tasks.len()).map(TaskId).collect()
    }

    /// The ARN of the task's execution.
    pub fn execution_arn(&self, task: &TaskId) -> String {
        self.shared.world().tasks[task.0].arn.clone()
    }

    /// How the task ended, if it has.
    pub fn peek(&self, task: &TaskId) -> Option<Outcome> {
        self.shared.world().tasks[task.0].outcome.clone()
    }

    /// Waits until the task has ended, for as long as [`PATIENCE`](crate::http::PATIENCE).
    #[track_caller]
    pub fn outcome<'a>(&'a self, task: &'a TaskId) -> impl Future<Output = Outcome> + 'a {
        self.outcome_within(task, None)
    }

    /// Waits until the task has ended, for as long as `limit`.
    #[track_caller]
    pub fn outcome_within<'a>(
        &'a self,
        task: &'a TaskId,
        limit: impl Into<Option<Duration>>,
    ) -> impl Future<Output = Outcome> + 'a {
        self.server.wait_to_see(move || self.peek(task), limit)
    }

    /// How long an empty poll is held (60 s unless set).
    pub fn hold_polls(&self, hold: Duration) {
        self.shared.world().hold = hold;
    }

    /// How many polls an activity takes at once (1,000 unless set).
    pub fn limit_pollers(&self, count: usize) {
        self.shared.world().max_pollers = count;
    }
}
