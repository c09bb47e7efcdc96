//! The heartbeat of one task: from receipt of its token until somebody stops it or the token is dead.
//!
//! It runs on a task of its own and talks to Step Functions alone, so nothing that happens to Livy can delay it. A
//! [`Pacer`] spreads the beats of all tasks, in the order in which they fell due.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};
use tracing::{Instrument, Span, debug, warn};

use super::evidence::Life;
use super::token::Token;
use super::world::{Beat, World};
use crate::retry;

/// From receipt to the first beat. A beat within milliseconds of the poll meets a service that does not know the token
/// everywhere yet.
const FIRST: Duration = Duration::from_secs(1);
/// From a beat that said "nobody waits" to the one that confirms it.
const CONFIRM: Duration = Duration::from_secs(1);
/// A call to Step Functions is given up before this.
const CALL: Duration = Duration::from_secs(15);
/// No beat comes later than this part of an interval early: spreads tasks that were received together.
const JITTER: f64 = 0.15;

/// Gives every beat its turn: so many a second, first come, first served.
#[derive(Debug)]
pub struct Pacer {
    gap: Duration,
    next: Mutex<Instant>,
}

impl Pacer {
    /// At most `rate` turns a second.
    pub fn new(rate: u32) -> Pacer {
        Pacer { gap: Duration::from_secs(1) / rate.max(1), next: Mutex::new(Instant::now()) }
    }

    /// Waits for a turn.
    pub async fn turn(&self) {
        let mine = {
            let mut next = self.next.lock().await;
            let mine = (*next).max(Instant::now());
            *next = mine + self.gap;
            mine
        };
        sleep_until(mine).await;
    }
}

/// What a heart tells about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeartbeatEvent {
    /// By when it must have moved next.
    MovesBy(Instant),
    /// It waits for its turn.
    Waits,
    /// A beat was accepted.
    Accepted,
}

/// Told how a heart is.
pub type HeartbeatObserver = Box<dyn Fn(HeartbeatEvent) + Send + Sync>;

/// What the beats of this life have told so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenStatus {
    /// Nothing.
    Nothing,
    /// A beat was accepted.
    Accepted,
    /// Nobody waits.
    Gone,
}

/// For whom and how a heart beats.
pub struct Beating {
    /// The activity that the token is from.
    pub activity: String,
    /// Answers the task.
    pub token: Token,
    /// From beat to beat.
    pub interval: Duration,
    /// Gives the turns.
    pub pacer: Arc<Pacer>,
    /// Told how the heart is.
    pub mark: HeartbeatObserver,
    /// The task was read back: its last beat may be long ago.
    pub at_once: bool,
}

/// A beating heart. Dropping it stops it.
#[derive(Debug)]
pub struct Heart {
    life: watch::Receiver<TokenStatus>,
    task: AbortHandle,
}

impl Heart {
    /// Starts to beat: in a moment for a task that has just come, at once for one that was read back.
    pub fn start<W: World>(world: Arc<W>, beating: Beating) -> Heart {
        let (tell, life) = watch::channel(TokenStatus::Nothing);
        let beats = async move {
            beat_until_gone(&*world, &beating, &tell).await;
            tell.send_replace(TokenStatus::Gone);
        };
        let task = tokio::spawn(beats.instrument(Span::current())).abort_handle();
        Heart { life, task }
    }

    /// Returns once nobody waits for the token. Never returns where the heart was stopped before that.
    pub async fn gone(&self) {
        let mut life = self.life.clone();
        if life.wait_for(|known| *known == TokenStatus::Gone).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns once a beat was accepted: somebody waits.
    pub async fn accepted(&self) {
        let mut life = self.life.clone();
        if life.wait_for(|known| *known == TokenStatus::Accepted).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Stops beating, and leaves the task to Step Functions' own timeout.
    pub fn stop(&self) {
        self.task.abort();
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn beat_until_gone<W: World>(world: &W, beating: &Beating, tell: &watch::Sender<TokenStatus>) {
    let Beating { activity, token, interval, pacer, mark, at_once } = beating;
    let interval = *interval;
    let mut life = Life::Alive;
    let mut waits = retry::HEARTBEAT.start();
    let mut troubled = false;
    let mut due = if *at_once { Instant::now() } else { Instant::now() + FIRST.min(interval) };
    loop {
        mark(HeartbeatEvent::MovesBy(due + interval));
        sleep_until(due).await;
        mark(HeartbeatEvent::Waits);
        pacer.turn().await;
        let began = Instant::now();
        // A Step Functions that hangs is no loop that hangs, however short the interval is.
        mark(HeartbeatEvent::MovesBy(began + (interval * 2).max(CALL)));
        let beat = world.beat(activity, token).await;
        life = life.after(&beat);
        match beat {
            Beat::Accepted => {
                mark(HeartbeatEvent::Accepted);
                tell.send_if_modified(|known| {
                    std::mem::replace(known, TokenStatus::Accepted) != TokenStatus::Accepted
                });
                if troubled {
                    debug!("Step Functions takes heartbeats again");
                }
                (troubled, waits) = (false, retry::HEARTBEAT.start());
                due = began + interval.mul_f64(1.0 - JITTER * fastrand::f64());
            }
            Beat::Dead(words) if life == Life::Gone => {
                debug!("nobody waits for this task: {words}");
                return;
            }
            Beat::Dead(words) => {
                debug!("a heartbeat says that nobody waits: {words}; asking once more");
                due = began + CONFIRM.min(interval);
            }
            Beat::Unanswered(words) => {
                if !std::mem::replace(&mut troubled, true) {
                    warn!("Step Functions does not take a heartbeat: {words}; trying on");
                }
                due = Instant::now() + waits.next(fastrand::f64()).min(interval / 2);
            }
        }
    }
}
