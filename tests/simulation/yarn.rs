//! YARN: applications, two ResourceManagers of which one is active, what they remember, and what they do not show.

use spark_job_worker::job::application::{
    Active, AppEnd, AppState, Application, MovingApplication, YarnAnswer,
};
use spark_job_worker::job::machine::Stage;
use spark_job_worker::job::timestamp::Timestamp;
use spark_job_worker::job::world::{NotKilled, YarnRetention};

use crate::plan::{Broken, CALM, EPOCH, Millis, Mishap, SECOND, YarnAnswer as Circumstances};
use crate::world::{Act, Inner, Outages};

/// An application.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) id: String,
    pub(crate) tag: String,
    /// Whose Livy started it; none for one that somebody else started.
    pub(crate) node: Option<usize>,
    pub(crate) born: Millis,
    runs: Option<Millis>,
    end: AppEnd,
    /// How it ended, and when.
    pub(crate) over: Option<(AppEnd, Millis)>,
    /// YARN does not know it any more.
    pub(crate) forgotten: bool,
    /// It is a process of the node, and no application of YARN.
    pub(crate) local: bool,
    pub(crate) diagnostics: &'static str,
    /// How often a job that listens was shown it. Lists can come while it does not look.
    pub(crate) shown: u32,
    /// YARN was told to kill it.
    pub(crate) kill_sent: bool,
    /// A worker had it killed, through YARN or Livy.
    pub(crate) killed_by_worker: bool,
}

impl App {
    pub(crate) fn is_live(&self) -> bool {
        self.over.is_none()
    }

    pub(crate) fn is_running(&self) -> bool {
        self.is_live() && self.runs.is_some()
    }

    /// Whether it was ever given a container.
    pub(crate) fn has_run(&self) -> bool {
        self.runs.is_some()
    }

    /// Whether the job of its tag has seen it.
    pub(crate) fn is_seen(&self) -> bool {
        self.shown >= 5
    }

    /// Whether YARN has it.
    pub(crate) fn is_known(&self) -> bool {
        !self.forgotten && !self.local
    }
}

/// The ResourceManagers and their applications.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    pub(crate) apps: Vec<App>,
    pub(crate) away: Outages,
    /// Lists leave out what is ours.
    pub(crate) hides: Outages,
    /// What is left out of lists is not shown by id, either.
    pub(crate) hides_ids: bool,
    /// A failover is under way until then.
    pub(crate) absent_until: Millis,
    active: usize,
    /// When each ResourceManager started, after the beginning; before it for the first.
    started: [Option<Millis>; 2],
    /// When applications last got lost with their ResourceManager.
    pub(crate) lost_all: Option<Millis>,
}

const FAILURES: [&str; 4] = [
    "User class threw exception: java.lang.IllegalStateException: no",
    "Application failed 1 times due to AM Container exited with exitCode: -100. Container released on a *lost* node",
    "Application failed 1 times due to AM Container exited with exitCode: -104. Container is running beyond physical memory limits",
    "",
];

impl Inner {
    pub(crate) fn yarn_is_away(&self) -> bool {
        self.yarn.away.is_on(self.at) || self.at < self.yarn.absent_until
    }

    pub(crate) fn yarn_hides(&self) -> bool {
        self.yarn.hides.is_on(self.at)
    }

    /// spark-submit has submitted: an application is there.
    pub(crate) fn start_app(&mut self, tag: &str, node: Option<usize>, local: bool) -> usize {
        let number = self.yarn.apps.len();
        let end = match self.rng.u8(0..12) {
            0..=6 => AppEnd::Succeeded,
            7..=10 => AppEnd::Failed,
            _ => AppEnd::Killed,
        };
        let longest = if self.plan.has(Mishap::LongJobs) { 500 } else { 60 };
        let is_full = self.strikes(Mishap::FullQueue, 1);
        let waits = if is_full { [60, 150, 240, 1_000][self.rng.usize(0..4)] } else { 8 };
        let (born, runs) = (self.at, self.at + self.rng.u64(0..waits) * SECOND);
        let ends = runs + self.rng.u64(1..longest * SECOND);
        let diagnostics =
            if end == AppEnd::Failed { FAILURES[self.rng.usize(0..FAILURES.len())] } else { "" };
        let id = format!("application_1_{:04}", number + 1);
        self.tell(|_| format!("{id} starts for {tag}, will end {end:?} at {}", ends as f64 / 1e3));
        let app = App {
            id,
            tag: tag.to_owned(),
            node,
            born,
            runs: None,
            end,
            over: None,
            forgotten: false,
            local,
            diagnostics,
            shown: 0,
            kill_sent: false,
            killed_by_worker: false,
        };
        self.yarn.apps.push(app);
        self.plan_act(runs, Act::Runs(number));
        self.plan_act(ends, Act::Ends(number));
        self.app_starts(number);
        number
    }

    pub(crate) fn runs(&mut self, app: usize) {
        let now = self.at;
        let app = &mut self.yarn.apps[app];
        app.runs = app.runs.or(app.is_live().then_some(now));
    }

    pub(crate) fn ends(&mut self, app: usize) {
        let end = self.yarn.apps[app].end;
        self.finish(app, end);
    }

    pub(crate) fn kills(&mut self, app: usize) {
        self.finish(app, AppEnd::Killed);
    }

    pub(crate) fn finish(&mut self, number: usize, end: AppEnd) {
        let now = self.at;
        let app = &mut self.yarn.apps[number];
        if app.over.is_some() {
            return;
        }
        app.over = Some((end, now));
        self.tell(|inner| format!("{} ends {end:?}", inner.yarn.apps[number].id));
        if self.yarn.apps[number].local {
            self.local_job_ends(number, end);
        }
        if !self.plan.keeps && self.strikes(Mishap::Failover, 4) {
            // Livy has just heard of the end, and nobody else will.
            let at = now + self.rng.u64(3..15) * SECOND;
            self.plan_act(at, Act::Failover);
        }
        if self.plan.has(Mishap::ShortMemory) {
            let at = now + self.rng.u64(250..400) * SECOND;
            self.plan_act(at, Act::Forgets(number));
        }
    }

    pub(crate) fn forgets(&mut self, app: usize) {
        self.tell(|inner| format!("YARN forgets {}", inner.yarn.apps[app].id));
        self.yarn.apps[app].forgotten = true;
        self.coverage.hit("world", "YARN forgets an ended application", "");
    }

    /// The ResourceManager starts again, or the other one takes over. Without a store its applications die with it.
    pub(crate) fn failover(&mut self) {
        let other = self.rng.bool();
        let now = self.at;
        if other {
            self.yarn.active = 1 - self.yarn.active;
        } else {
            self.yarn.started[self.yarn.active] = Some(now);
        }
        let away = self.rng.u64(1..40) * SECOND;
        self.yarn.absent_until = (now + away).min(CALM);
        self.plan_act(self.yarn.absent_until, Act::Mark);
        let what =
            if other { "the other ResourceManager takes over" } else { "the ResourceManager starts again" };
        let keeps = self.plan.keeps;
        self.tell(|_| format!("{what}, keeps its applications: {keeps}"));
        self.coverage.hit("world", what, if keeps { "with a store" } else { "without a store" });
        if keeps {
            return;
        }
        if other {
            // A standby without a store knows nothing from before it took over, whenever it was started.
            self.yarn.started[self.yarn.active] = Some(now);
        }
        self.yarn.lost_all = Some(now);
        for number in 0..self.yarn.apps.len() {
            if !self.yarn.apps[number].local {
                self.finish(number, AppEnd::Killed);
                self.yarn.apps[number].forgotten = true;
            }
        }
    }

    /// Somebody starts an application with the tag of a ticket's run.
    pub(crate) fn double(&mut self, ticket: usize) {
        let facts = &self.tickets[ticket].facts;
        let tag = spark_job_worker::job::tags::of_run(&facts.task);
        if facts.forgotten || self.is_calm() || self.plan.yarn != Circumstances::On {
            return;
        }
        let first = !self.yarn.apps.iter().any(|app| app.tag == tag);
        if first && !self.is_astray(ticket, &tag) {
            // Who has adopted it would not know of ours.
            return;
        }
        self.coverage.hit("world", "double", if first { "before ours" } else { "after ours" });
        self.start_app(&tag, None, false);
    }

    /// Whether the POST of a ticket is in doubt, and nothing of it came or will come.
    fn is_astray(&self, ticket: usize, tag: &str) -> bool {
        let came = self.nodes.iter().any(|node| {
            node.children.iter().any(|child| child.tag == tag)
                || node.livy.records.iter().any(|record| record.tag == tag)
        });
        let in_doubt = self.tickets[ticket].facts.stage == Some(Stage::InDoubt);
        in_doubt && !came && !self.will_be_taken(tag)
    }

    /// What is shown of one; a list counts once, an answer about this run for certain.
    fn show(&mut self, node: usize, number: usize, times: bool, weight: u32) -> Application {
        let time = |at: Millis| times.then_some(Timestamp(EPOCH + at));
        let app = &mut self.yarn.apps[number];
        let tag = app.tag.clone();
        let shown = Application {
            id: app.id.clone(),
            state: app.over.map_or(AppState::Active, |(end, _)| AppState::Ended(end)),
            word: match (app.over, app.runs) {
                (Some(_), _) => "FINISHED",
                (None, Some(_)) => "RUNNING",
                (None, None) => "ACCEPTED",
            }
            .to_owned(),
            started: time(app.born),
            launched: app.runs.and_then(time),
            finished: app.over.and_then(|(_, at)| time(at)),
            memory_seconds: Some(u64::from(app.runs.is_some())),
            vcore_seconds: Some(u64::from(app.runs.is_some())),
            diagnostics: app.diagnostics.to_owned(),
            tracking_url: None,
            log_url: app.runs.map(|_| format!("http://node/{}", app.id)),
        };
        self.app_shown(node, &tag, number, weight);
        shown
    }

    /// The active ones, by tag.
    pub(crate) fn active_apps(&mut self, node: usize) -> Active {
        let mut active = Active::default();
        if self.yarn_hides() {
            return active;
        }
        for number in 0..self.yarn.apps.len() {
            if self.yarn.apps[number].is_known() && self.yarn.apps[number].is_live() {
                let application = self.show(node, number, true, 1);
                let tag = self.yarn.apps[number].tag.clone();
                let moving = MovingApplication {
                    name: tag.clone(),
                    progress: 1.0,
                    memory_seconds: None,
                    vcore_seconds: None,
                    application,
                };
                active.add(&tag, moving, None);
            }
        }
        active
    }

    /// All that YARN has with a tag, oldest first.
    pub(crate) fn tagged_apps(&mut self, node: usize, tag: &str) -> YarnAnswer {
        if self.yarn_hides() {
            return YarnAnswer::Answer(Vec::new());
        }
        let found = (0..self.yarn.apps.len())
            .filter(|number| self.yarn.apps[*number].is_known() && self.yarn.apps[*number].tag == tag);
        let found: Vec<usize> = found.collect();
        YarnAnswer::Answer(found.into_iter().map(|number| self.show(node, number, true, 5)).collect())
    }

    /// The one of an id.
    pub(crate) fn app_of_id(&mut self, node: usize, id: &str) -> YarnAnswer {
        let found = self.yarn.apps.iter().position(|app| app.id == id && app.is_known());
        match found {
            None => YarnAnswer::Answer(Vec::new()),
            Some(_) if self.yarn_hides() && self.yarn.hides_ids => {
                self.coverage.hit("world", "hidden by id", "");
                YarnAnswer::Hidden("403 Forbidden".to_owned())
            }
            Some(number) => {
                let times = !self.yarn_hides();
                YarnAnswer::Answer(vec![self.show(node, number, times, 5)])
            }
        }
    }

    pub(crate) fn yarn_memory(&self) -> YarnRetention {
        let started = self.yarn.started[self.yarn.active].map_or(EPOCH - 1_000_000, |at| EPOCH + at);
        let believed = self.plan.broken == Broken::AnyMemory;
        YarnRetention { started: Timestamp(started), keeps: self.plan.keeps || believed }
    }

    /// YARN's kill.
    pub(crate) fn kill_app(&mut self, id: &str) -> Result<(), NotKilled> {
        if self.strikes(Mishap::RefusedKills, 2) {
            self.coverage.hit("world", "kill refused", "");
            let tag = self.yarn.apps.iter().find(|app| app.id == id).map(|app| app.tag.clone());
            self.kill_refused(&tag.unwrap_or_default());
            let forbidden = self.rng.bool();
            let reason = "no".to_owned();
            return Err(if forbidden { NotKilled::Forbidden(reason) } else { NotKilled::NotNow(reason) });
        }
        if self.yarn_hides() && self.yarn.hides_ids {
            return Err(NotKilled::Forbidden("403 Forbidden".to_owned()));
        }
        self.tell(|_| format!("YARN is told to kill {id}"));
        if let Some(number) = self.yarn.apps.iter().position(|app| app.id == id && app.is_known()) {
            self.yarn.apps[number].kill_sent = true;
            self.yarn.apps[number].killed_by_worker |= self.yarn.apps[number].is_live();
            let at = self.at + self.rng.u64(0..3_000);
            self.plan_act(at, Act::Kills(number));
        }
        Ok(())
    }
}
