//! The truth ledger: what is true of each task, and the invariants that must hold after every step.
//!
//! Each invariant has a name. The first one that is broken ends the run and is what the test shows.

use spark_job_worker::job::machine::{OnAbort, Stage, State};
use spark_job_worker::job::report::{Answer, Outcome, answers};
use spark_job_worker::job::world::BatchState;

use crate::facts::Invariant;
use crate::plan::{Millis, SECOND, YarnAnswer};
use crate::world::Inner;

/// Bounds of what may take a while: an interval of beats and its confirmation, a few sweeps, lost calls.
const BEAT_BOUND: Millis = 32 * SECOND;
const KILL_BOUND: Millis = 150 * SECOND;
const DOUBLE_BOUND: Millis = 100 * SECOND;
const JUDGE_BOUND: Millis = 70 * SECOND;
/// Beside twice the time that a job has: the minute after a restart, and until it is asked for.
const QUEUE_BOUND: Millis = 150 * SECOND;
const WRITE_BOUND: Millis = 90 * SECOND;

impl Inner {
    pub(crate) fn violate(&mut self, invariant: Invariant, detail: impl FnOnce() -> String) {
        if self.ledger.broken.is_none() {
            let detail = detail();
            self.tell(|_| format!("!! {invariant:?}: {detail}"));
            self.ledger.broken = Some((invariant, detail));
        }
    }

    fn token(&self, number: usize) -> String {
        self.tickets[number].token.clone()
    }

    /// Counts time in which nothing changes.
    pub(crate) fn count_time(&mut self, span: Millis) {
        for number in 0..self.tickets.len() {
            if self.tickets[number].facts.held {
                self.count_beatable(number, span);
                self.count_apps(number, span);
                self.count_queue(number, span);
                self.count_unwritten(number, span);
            }
        }
    }

    fn count_beatable(&mut self, number: usize, span: Millis) {
        let can = self.tickets[number].is_open() && !self.sfn_away.is_on(self.at);
        let facts = &mut self.tickets[number].facts;
        facts.beatable = if can { facts.beatable + span } else { 0 };
    }

    /// What a job is at has to be on disk once the disk can be written.
    fn count_unwritten(&mut self, number: usize, span: Millis) {
        let ticket = &self.tickets[number];
        let Some(node) = ticket.node() else { return };
        let can = !self.nodes[node].bad_disk.is_on(self.at);
        let facts = &mut self.tickets[number].facts;
        let is_behind = facts.stage.is_some() && facts.stage != facts.kept && !facts.corrupt;
        facts.unwritten = if is_behind && can { facts.unwritten + span } else { 0 };
        if facts.unwritten > WRITE_BOUND {
            let (stage, kept, token) = (facts.stage, facts.kept, self.token(number));
            self.violate(Invariant::WrittenOnceItCan, || {
                format!("{token} is in {stage:?} and {kept:?} is kept on a good disk")
            });
        }
    }

    fn count_apps(&mut self, number: usize, span: Millis) {
        if self.plan.yarn != YarnAnswer::On {
            return;
        }
        let ticket = &self.tickets[number];
        let tag = spark_job_worker::job::tags::of_run(&ticket.facts.task);
        let known: Vec<&crate::yarn::App> =
            self.yarn.apps.iter().filter(|app| app.tag == tag && app.is_known()).collect();
        let ours = ticket.facts.knows.as_ref();
        let is_ours = |app: &&crate::yarn::App| ours.is_none_or(|id| app.id == *id);
        let (has_any, live) = (known.iter().any(is_ours), known.iter().filter(|app| app.is_live()).count());
        let shown_live = known.iter().filter(|app| app.is_live() && app.is_seen()).count();
        let is_over = ours.is_some() && known.iter().any(|app| is_ours(app) && !app.is_live());
        let answers = !self.yarn_is_away() && !self.yarn_hides();
        let stage = ticket.facts.stage;
        let closed = !ticket.is_open() && !ticket.facts.left && !ticket.facts.spared;
        let told = stage == Some(Stage::Orphaned) || !self.sfn_away.is_on(self.at);
        let facts = &mut self.tickets[number].facts;
        facts.visible = if has_any && answers { facts.visible + span } else { 0 };
        match (closed && live > 0, answers && told) {
            (true, true) => facts.killable += span,
            (true, false) => {}
            (false, _) => facts.killable = 0,
        }
        match (shown_live > 1 && stage == Some(Stage::Running), answers) {
            (true, true) => facts.doubled += span,
            (true, false) => {}
            (false, _) => facts.doubled = 0,
        }
        let waits = is_over && answers && stage == Some(Stage::Running);
        facts.judgeable = if waits { facts.judgeable + span } else { 0 };
        let (killable, doubled, judgeable) = (facts.killable, facts.doubled, facts.judgeable);
        for (reading, bound, invariant) in [
            (killable, KILL_BOUND, Invariant::DeadInTime),
            (doubled, DOUBLE_BOUND, Invariant::DoublesDie),
            (judgeable, JUDGE_BOUND, Invariant::YarnDecides),
        ] {
            if reading > bound {
                let token = self.token(number);
                self.violate(invariant, || format!("{token} in {stage:?} for {reading} ms"));
            }
        }
    }

    /// What waits for longer than its task allows is taken out of the queue. Where answers get lost, their clock runs slower.
    fn count_queue(&mut self, number: usize, span: Millis) {
        let (Some(timeout), YarnAnswer::On) = (self.plan.queue_timeout, self.plan.yarn) else { return };
        let ticket = &self.tickets[number];
        let ours = ticket.facts.knows.as_deref();
        let app = self.yarn.apps.iter().find(|app| ours == Some(app.id.as_str()) && app.is_known());
        let waits = app.is_some_and(|app| app.is_live() && !app.has_run());
        let lives = app.is_some_and(crate::yarn::App::is_live);
        let answers = !self.yarn_is_away() && !self.yarn_hides();
        let disk = ticket.node().is_some_and(|node| !self.nodes[node].bad_disk.is_on(self.at));
        let stage = ticket.facts.stage;
        let facts = &mut self.tickets[number].facts;
        match (waits && stage == Some(Stage::Running), answers && disk) {
            (true, true) => facts.queued += span,
            (true, false) => {}
            (false, _) => facts.queued = 0,
        }
        match (lives && stage == Some(Stage::Withdrawing), answers) {
            (true, true) => facts.removable += span,
            (true, false) => {}
            (false, _) => facts.removable = 0,
        }
        let (queued, removable, token) = (facts.queued, facts.removable, self.token(number));
        if queued > timeout * 2 + QUEUE_BOUND || removable > KILL_BOUND {
            self.violate(Invariant::OutOfQueueInTime, || {
                format!("{token} waits for {queued} ms, and lives for {removable} ms after that")
            });
        }
    }

    pub(crate) fn heard_beat(&mut self, number: usize) {
        self.tickets[number].facts.beatable = 0;
    }

    /// A beat got no answer; the next try follows soon.
    pub(crate) fn lost_beat(&mut self, number: usize) {
        self.tickets[number].facts.beatable = 0;
    }

    pub(crate) fn died_in_silence(&mut self, number: usize) {
        let facts = &self.tickets[number].facts;
        if facts.held && !facts.hopeless && !facts.corrupt && facts.beatable > BEAT_BOUND {
            let (token, beatable) = (self.token(number), facts.beatable);
            self.violate(Invariant::NeverSilent, || {
                format!("{token} could have been beaten for {beatable} ms")
            });
        }
    }

    /// A worker has a task: a fresh one, or one that was read back.
    pub(crate) fn held(&mut self, number: usize, task: &str) {
        let facts = &mut self.tickets[number].facts;
        let first = facts.task.is_empty();
        facts.held = true;
        facts.task = task.to_owned();
        if first && self.strikes(crate::plan::Mishap::Doubles, 2) {
            let at = self.at + self.rng.u64(1..120) * SECOND;
            self.plan_act(at, crate::world::Act::Doubles(number));
        }
    }

    /// A state was made durable.
    pub(crate) fn journaled(&mut self, _node: usize, task: &str, state: &State) {
        let Some(number) = self.ticket_of_task(task) else { return };
        let (at, facts) = (self.at, &mut self.tickets[number].facts);
        let before = facts.kept.replace(state.stage());
        facts.keeps_id |= state.run().is_some_and(|run| run.application.is_some());
        let end = if let State::Ended { outcome, .. } = state { Some(outcome) } else { None };
        if state.stage() == Stage::Submitting {
            (facts.unwritten_before_post, facts.posted) = (false, Some(at));
        }
        facts.unwritten_end &= end.is_none();
        let allowed = match (before, end, &facts.decided) {
            (Some(Stage::Ended), Some(end), Some((decided, _))) => end == decided,
            (Some(Stage::Ended), _, _) => state.stage() == Stage::Orphaned,
            (Some(Stage::Orphaned), _, _) => state.stage() == Stage::Orphaned,
            _ => true,
        };
        if let State::Ended { outcome, .. } = state {
            self.comes_to(number, outcome);
        }
        if !allowed {
            let token = self.token(number);
            self.violate(Invariant::EndIsFinal, || format!("{token}: {before:?} is followed by {state:?}"));
        }
    }

    /// The disk does not take a state.
    pub(crate) fn not_journaled(&mut self, task: &str, state: &State) {
        let Some(number) = self.ticket_of_task(task) else { return };
        let facts = &mut self.tickets[number].facts;
        match state.stage() {
            Stage::Received | Stage::Submitting => facts.unwritten_before_post = true,
            Stage::Ended => facts.unwritten_end = true,
            Stage::Stopping
            | Stage::InDoubt
            | Stage::Running
            | Stage::Withdrawing
            | Stage::Speaking
            | Stage::Listening
            | Stage::Judged
            | Stage::Orphaned
            | Stage::Settled => {}
        }
    }

    /// A bug has ended a job's loop.
    pub(crate) fn broke(&mut self, task: &str) {
        if let Some(number) = self.ticket_of_task(task) {
            self.tickets[number].facts.broke = true;
            if let Some(node) = self.tickets[number].node() {
                self.nodes[node].unposted.insert(task.to_owned());
            }
        }
    }

    pub(crate) fn entry_removed(&mut self, task: &str) {
        if let Some(number) = self.ticket_of_task(task) {
            self.tickets[number].facts.kept = None;
        }
    }

    /// A job is in a state, before its duty begins.
    pub(crate) fn observed(&mut self, node: usize, task: &str, state: &State) {
        let stage = state.stage();
        self.tell(|_| format!("node {node}: {task} {}", state.name()));
        if stage == Stage::Settled {
            self.nodes[node].jobs.remove(task);
        } else {
            let before = self.nodes[node].jobs.insert(task.to_owned(), stage);
            if (before, stage) == (Some(Stage::Received), Stage::Ended) {
                self.nodes[node].unposted.insert(task.to_owned());
            }
        }
        let (under_way, most) =
            (self.nodes[node].under_way(), self.plan.places.max(self.nodes[node].resumed));
        if under_way > most {
            self.violate(Invariant::Places, || format!("{under_way} jobs on node {node}, {most} may be"));
        }
        let Some(number) = self.ticket_of_task(task) else { return };
        let before = self.tickets[number].facts.stage.replace(stage);
        self.tickets[number].facts.withdrawn |= stage == Stage::Withdrawing;
        if let Some(run) = state.run() {
            self.tickets[number].facts.knows = run.application.clone();
        }
        if let State::Ended { outcome, .. } = state {
            self.comes_to(number, outcome);
        }
        if stage == Stage::Settled {
            self.settled(node, number, before);
        }
    }

    /// It is settled what is told of a task.
    fn comes_to(&mut self, number: usize, outcome: &Outcome) {
        let (label, token) = (outcome.label(), self.token(number));
        let facts = &mut self.tickets[number].facts;
        let is_kept = facts.kept == Some(Stage::Ended);
        if let Some((decided, durable)) = &mut facts.decided {
            if decided == outcome {
                *durable |= is_kept;
                return;
            }
            // On a bad disk the end is found out anew; the token may be closed by then.
            if *durable {
                let decided = decided.clone();
                self.violate(Invariant::EndIsFinal, || {
                    format!("{token}: first {decided:?}, then {outcome:?}")
                });
            }
        }
        self.tickets[number].facts.decided = Some((outcome.clone(), is_kept));
        self.coverage.hit("error", label, "");
        if let Err(why) = self.is_true(number, outcome) {
            self.violate(Invariant::TrueOutcome, || format!("{token} ends with {label}: {why}"));
        }
    }

    fn settled(&mut self, node: usize, number: usize, before: Option<Stage>) {
        let token = self.token(number);
        let spared = before == Some(Stage::Running) && self.plan.on_abort == OnAbort::Leave;
        let ticket = &mut self.tickets[number];
        ticket.facts.spared |= spared;
        ticket.facts.forgotten = true;
        ticket.facts.held = false;
        if ticket.is_open() && !ticket.facts.corrupt {
            self.violate(Invariant::NotForgotten, || format!("{token} is let go, neither answered nor dead"));
        }
        let facts = &self.tickets[number].facts;
        // What YARN hides and nobody knows the id of is nowhere to be found.
        let is_hidden = self.yarn_hides() && facts.knows.is_none() && self.nodes[node].hidden.is_empty();
        if self.plan.yarn != YarnAnswer::On || facts.left || is_hidden {
            return;
        }
        let tag = spark_job_worker::job::tags::of_run(&facts.task);
        let lives = self.yarn.apps.iter().find(|app| {
            let seen = app.node.is_some() || (app.is_seen() && !app.kill_sent);
            let is_spared = facts.spared && facts.knows.as_ref().is_none_or(|ours| app.id == *ours);
            app.tag == tag
                && !is_spared
                && app.is_live()
                && !app.local
                && seen
                && !(app.node.is_none() && self.yarn_hides())
        });
        let lives = lives.map(|app| app.id.clone());
        let carried = self.nodes[node].children.iter().any(|child| child.tag == tag) && !facts.spared;
        if let Some(id) = lives {
            self.violate(Invariant::NothingLeft, || format!("{token} is let go while {id} lives"));
        }
        if carried {
            self.violate(Invariant::NothingLeft, || format!("{token} is let go while its spark-submit runs"));
        }
    }

    /// An application has appeared.
    pub(crate) fn note_app(&mut self, app: usize) {
        let (tag, node) = (self.yarn.apps[app].tag.clone(), self.yarn.apps[app].node);
        let Some(number) = self.ticket_of_tag(&tag) else { return };
        let ours = self.yarn.apps.iter().filter(|app| app.tag == tag && app.node.is_some());
        let (ours, first) = (ours.clone().count(), ours.map(|app| app.born).min().unwrap_or_default());
        let token = self.token(number);
        // A YARN that hides the first one from a worker that never saw an id cannot be told from one that has none.
        let was_hidden = self.yarn.hides.were_on(first, self.at);
        self.tickets[number].facts.left |= ours > 1 && was_hidden;
        if ours > 1 && !was_hidden {
            self.violate(Invariant::OneApplication, || format!("{token} has {ours} applications"));
        }
        let facts = &self.tickets[number].facts;
        let gone = node.is_none_or(|node| self.nodes[node].gone);
        if facts.forgotten && !facts.left && !facts.spared && !gone && self.plan.yarn == YarnAnswer::On {
            self.violate(Invariant::NothingAppears, || {
                format!("{token} is let go, and an application appears")
            });
        }
    }

    /// A worker is shown an application by YARN.
    pub(crate) fn app_shown(&mut self, node: usize, tag: &str, app: usize, times: u32) {
        let number = self.ticket_of_tag(tag).filter(|number| self.tickets[*number].node() == Some(node));
        let Some(number) = number else { return };
        let facts = &mut self.tickets[number].facts;
        if matches!(facts.stage, Some(Stage::InDoubt | Stage::Running | Stage::Withdrawing | Stage::Orphaned))
        {
            facts.yarn_showed += if self.yarn.apps[app].node.is_some() { times } else { 0 };
            self.yarn.apps[app].shown += times;
        }
    }

    pub(crate) fn submit_begins(&mut self, tag: &str) {
        if let Some(number) = self.ticket_of_tag(tag) {
            self.tickets[number].facts.submits += 1;
        }
    }

    pub(crate) fn refused_post(&mut self, tag: &str) {
        if let Some(number) = self.ticket_of_tag(tag) {
            self.tickets[number].facts.refused_post = true;
        }
    }

    pub(crate) fn deleted_in_vain(&mut self, tag: &str) {
        if let Some(number) = self.ticket_of_tag(tag) {
            self.tickets[number].facts.in_vain = true;
        }
    }

    /// A kill of its was refused: the time that it has begins anew.
    pub(crate) fn kill_refused(&mut self, tag: &str) {
        if let Some(number) = self.ticket_of_tag(tag) {
            let facts = &mut self.tickets[number].facts;
            (facts.killable, facts.doubled, facts.removable) = (0, 0, 0);
        }
    }

    pub(crate) fn livy_says(&mut self, tag: &str, state: &BatchState, app: Option<usize>) {
        let Some(number) = self.ticket_of_tag(tag) else { return };
        let facts = &mut self.tickets[number].facts;
        facts.livy_showed |= app.is_some();
        match state {
            BatchState::Success => facts.livy_said[0] = true,
            BatchState::Dead => facts.livy_said[1] = true,
            BatchState::Killed => facts.livy_said[2] = true,
            BatchState::Starting
            | BatchState::Running
            | BatchState::Ready
            | BatchState::Error
            | BatchState::Other(_) => {}
        }
    }

    pub(crate) fn post_begins(&mut self, node: usize, tag: &str) {
        let Some(number) = self.ticket_of_tag(tag) else { return };
        let token = self.token(number);
        self.tell(|_| format!("node {node} posts {tag}"));
        let kept = self.tickets[number].facts.kept;
        if self.nodes[node].draining {
            self.violate(Invariant::NoPostInDrain, || format!("{token} is posted"));
        }
        if kept != Some(Stage::Submitting) {
            self.violate(Invariant::RecordedBeforePost, || {
                format!("{token} is posted while {kept:?} is kept")
            });
        }
    }

    pub(crate) fn note_report(&mut self, number: usize, answer: &Answer) {
        let (token, facts) = (self.token(number), &self.tickets[number].facts);
        let (decided, kept, bad_disk) = (facts.decided.clone(), facts.kept, facts.unwritten_end);
        if decided.as_ref().is_none_or(|(decided, _)| !answers(decided).contains(answer)) {
            self.violate(Invariant::OneOutcome, || {
                format!("{token} is told {answer:?}, decided was {decided:?}")
            });
        }
        if kept != Some(Stage::Ended) && !bad_disk {
            self.violate(Invariant::RecordedBeforeTold, || format!("{token} is told while {kept:?} is kept"));
        }
    }

    pub(crate) fn answered(&mut self, _number: usize, error: &'static str) {
        self.coverage.hit("answered", error, "");
    }
}
