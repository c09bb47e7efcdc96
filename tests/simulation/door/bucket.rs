//! The place of the answers: it is away, busy, loses its own answers, applies late, and refuses for good or by mistake.

use spark_job_worker::job::world::Reported;

use super::plan::{Broken, EXPIRES, Mishap};
use super::world::{Act, Inner, Outages};
use crate::plan::SECOND;
use crate::way::Way;

#[derive(Debug, Default)]
pub(super) struct Bucket {
    pub(super) away: Outages,
}

impl Inner {
    /// A PUT of an answer.
    pub(super) fn put(&mut self, request: usize, body: Vec<u8>, way: Way) -> Reported {
        self.note_put(request, &body);
        let again =
            |reason: &str, maybe_applied| Reported::Again { reason: reason.to_owned(), maybe_applied };
        match way {
            Way::Refused => return again("connection refused", false),
            Way::Lost => return again("timed out", true),
            Way::Arrives if self.plan.broken == Broken::NoPut && self.rng.u8(0..4) == 0 => {
                return Reported::Acknowledged;
            }
            Way::Arrives => {}
        }
        let asked = &self.ledger.requests[request];
        if asked.refused || self.at >= asked.at + EXPIRES {
            self.coverage.hit("world", "a PUT is refused", "for good");
            return Reported::Closed("HTTP 403".to_owned());
        }
        if !self.ledger.requests[request].lied && self.strikes(Mishap::FalseRefusal, 2) {
            self.ledger.requests[request].lied = true;
            self.coverage.hit("world", "a PUT is refused", "by mistake");
            return Reported::Closed("HTTP 403".to_owned());
        }
        if self.strikes(Mishap::BucketBusy, 2) {
            let applied = self.rng.bool();
            self.coverage.hit("world", "503 to a PUT", if applied { "applied" } else { "not applied" });
            if applied {
                self.apply(request, &body);
            }
            return again("HTTP 503", true);
        }
        if self.strikes(Mishap::LostPuts, 2) {
            match self.rng.u8(0..3) {
                0 => self.coverage.hit("world", "a PUT is lost", ""),
                1 => {
                    self.coverage.hit("world", "the answer to a PUT is lost", "");
                    self.apply(request, &body);
                }
                _ => {
                    self.coverage.hit("world", "a PUT is late", "");
                    let at = self.at + self.rng.u64(1..400) * SECOND;
                    self.plan_act(at, Act::Applies { request, body });
                }
            }
            return again("connection reset", true);
        }
        self.apply(request, &body);
        Reported::Acknowledged
    }
}
