//! `pause` and `resume`: what the daemon does about them, and what it shows.

use std::sync::Arc;
use std::time::Duration;

use super::Admin;
use super::control::Reply;
use super::overview::PauseOverview;
use crate::job::world::World;
use crate::pause::{LEAST, MOST, Paused};

impl Admin {
    /// The pause that is on.
    pub(super) fn paused(&self) -> Option<PauseOverview> {
        self.pause.paused().map(|paused| self.pause_shown(paused))
    }

    /// Pauses; `seconds`: for how long, or nothing. Open polls are not waited for.
    pub(super) async fn begin_pause(&self, seconds: &str) -> Reply {
        let length = match seconds.parse().map(Duration::from_secs) {
            _ if seconds.is_empty() => None,
            Ok(length) if (LEAST..=MOST).contains(&length) => Some(length),
            Ok(_) | Err(_) => return Reply::Unknown(format!("{seconds:?} is no length of a pause")),
        };
        let (pause, now) = (Arc::clone(&self.pause), self.world.now());
        // Whoever asked may leave meanwhile: what was begun is done to its end.
        let begun = tokio::spawn(async move { pause.begin(now, length).await }).await;
        Reply::Paused(begun.ok().map(|paused| Box::new(self.pause_shown(paused))))
    }

    /// Goes on.
    pub(super) async fn end_pause(&self) -> Reply {
        let pause = Arc::clone(&self.pause);
        let ended = tokio::spawn(async move { pause.end().await }).await;
        match ended.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(was_on) => Reply::Resumed { was_on, unkept: None },
            Err(unkept) => Reply::Resumed { was_on: true, unkept: Some(unkept) },
        }
    }

    fn pause_shown(&self, paused: Paused) -> PauseOverview {
        let now = self.world.now();
        PauseOverview {
            since: paused.since.map(|since| since.rfc3339()),
            until: paused.until.map(|until| until.rfc3339()),
            seconds: paused.since.and_then(|since| now.millis_since(since)).map(|millis| millis / 1_000),
            open_polls: self.info.activities.iter().map(|served| self.registry.polls(&served.arn).open).sum(),
            unkept: paused.unkept,
            unread: paused.unread,
        }
    }
}
