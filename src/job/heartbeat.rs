//! The heartbeat of one task: from receipt of its token until somebody stops it or the token is dead.
//!
//! It runs on a task of its own and talks to Step Functions alone, so nothing that happens to Livy can delay it. A
//! [`RateLimiter`] spreads the beats of all tasks, in the order in which they fell due.

mod limiter;

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{Instrument, Span, debug, error, warn};

use super::evidence::TokenLiveness;
use super::flag::Flag;
use super::token::Token;
use super::world::{Beat, World};
use crate::log::message_id;
use crate::retry::{self, Pauses};

pub use limiter::RateLimiter;

/// From receipt to the first beat. A beat within milliseconds of the poll meets a service that does not know the token
/// everywhere yet.
const FIRST: Duration = Duration::from_secs(1);
/// From a beat that said "nobody waits" to the one that confirms it.
const CONFIRM: Duration = Duration::from_secs(1);
/// A call to Step Functions is given up before this.
const CALL: Duration = Duration::from_secs(15);
/// From a bug to the next try.
const AFTER_BUG: Duration = Duration::from_secs(1);
/// A heartbeat is sent up to this fraction of the interval early, at random, to spread tasks that arrived together.
const JITTER: f64 = 0.15;

/// What has happened to a task's heartbeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeartbeatEvent {
    /// By when it must have moved next.
    MovesBy(Instant),
    /// It waits for its turn.
    Waits,
    /// A beat was accepted.
    Accepted,
}

/// Is called on every event of a heartbeat.
pub type HeartbeatObserver = Box<dyn Fn(HeartbeatEvent) + Send + Sync>;

/// What the beats of this life have told so far.
#[derive(Debug, Default)]
struct Told {
    /// A beat was accepted.
    accepted: Flag,
    /// Nobody waits.
    gone: Flag,
}

/// Which token a heartbeat is for, and how often it is sent.
pub struct HeartbeatConfig {
    /// The activity that the token is from.
    pub activity: Arc<str>,
    /// Answers the task.
    pub token: Token,
    /// From beat to beat.
    pub interval: Duration,
    /// Limits the heartbeats a second over all tasks.
    pub limiter: Arc<RateLimiter>,
    /// Called on every event.
    pub on_event: HeartbeatObserver,
    /// The task was read back: its last beat may be long ago.
    pub first_is_immediate: bool,
}

/// The running heartbeat of one task. Dropping it stops it.
#[derive(Debug)]
pub struct Heartbeat {
    told: Arc<Told>,
    task: AbortHandle,
}

impl Heartbeat {
    /// Starts to beat: in a moment for a task that has just come, at once for one that was read back.
    pub fn start<W: World>(world: Arc<W>, beating: HeartbeatConfig) -> Heartbeat {
        let told: Arc<Told> = Arc::default();
        let tell = Arc::clone(&told);
        let beats = async move {
            let mut first_is_immediate = beating.first_is_immediate;
            loop {
                // A token that nobody beats any more dies, whatever its job does: a bug must not end its heartbeat.
                // What the panic says is a line of its own (`log/panics.rs`).
                let beats = pin!(beat_until_gone(&*world, &beating, first_is_immediate, &tell));
                if !panics(beats).await {
                    break;
                }
                error!(
                    message_id = message_id::JOB_PANICKED,
                    "a bug ended the heartbeat of a task; it begins again"
                );
                Box::pin(sleep(AFTER_BUG.min(beating.interval / 2))).await;
                first_is_immediate = true;
            }
            tell.gone.raise();
        };
        let task = tokio::spawn(beats.instrument(Span::current())).abort_handle();
        Heartbeat { told, task }
    }

    /// Returns once the token is dead. Never returns if the heartbeat was stopped before that.
    pub async fn gone(&self) {
        self.told.gone.raised().await;
    }

    /// Returns once a beat was accepted: somebody waits.
    pub async fn accepted(&self) {
        self.told.accepted.raised().await;
    }

    /// Stops beating, and leaves the task to Step Functions' own timeout.
    pub fn stop(&self) {
        self.task.abort();
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether a future panics instead of coming to its end. It is not asked again after that. It stays where it is pinned:
/// one that is moved in is there twice, for as long as it runs.
fn panics(mut future: Pin<&mut impl Future<Output = ()>>) -> impl Future<Output = bool> {
    poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(polled) => polled.map(|()| false),
        Err(_) => Poll::Ready(true),
    })
}

async fn beat_until_gone<W: World>(
    world: &W,
    beating: &HeartbeatConfig,
    first_is_immediate: bool,
    tell: &Told,
) {
    let HeartbeatConfig { activity, token, interval, limiter, on_event, .. } = beating;
    let interval = *interval;
    let mut life = TokenLiveness::Alive;
    // While Step Functions is silent. Boxed: thousands of tasks wait in here.
    let mut trouble: Option<Box<Pauses>> = None;
    let mut due = if first_is_immediate { Instant::now() } else { Instant::now() + FIRST.min(interval) };
    loop {
        on_event(HeartbeatEvent::MovesBy(due + interval));
        sleep_until(due).await;
        on_event(HeartbeatEvent::Waits);
        let turn = limiter.acquire().await;
        let began = Instant::now();
        // A Step Functions that hangs is no loop that hangs, however short the interval is.
        on_event(HeartbeatEvent::MovesBy(began + (interval * 2).max(CALL)));
        let beat = turn.call(world.beat(activity, token)).await;
        life = life.after(&beat);
        match beat {
            Beat::Accepted => {
                on_event(HeartbeatEvent::Accepted);
                tell.accepted.raise();
                if trouble.take().is_some() {
                    debug!("Step Functions takes heartbeats again");
                }
                due = began + interval.mul_f64(1.0 - JITTER * fastrand::f64());
            }
            Beat::Dead(reason) if life == TokenLiveness::Gone => {
                debug!("nobody waits for this task: {reason}");
                return;
            }
            Beat::Dead(reason) => {
                debug!("a heartbeat says that nobody waits: {reason}; asking once more");
                due = began + CONFIRM.min(interval);
            }
            Beat::Unanswered(reason) => {
                let waits = trouble.get_or_insert_with(|| {
                    warn!("a heartbeat failed: {reason}; retrying");
                    Box::new(retry::HEARTBEAT.start())
                });
                due = Instant::now() + waits.next(fastrand::f64()).min(interval / 2);
            }
        }
    }
}
