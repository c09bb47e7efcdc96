//! Livy and YARN, as far as the door's promises need them to misbehave; the other simulation has all of it.
//!
//! An application has the tags of its run, its generation and its resource.

use spark_job_worker::job::application::{
    Active, AppEnd, AppState, Application, MovingApplication, YarnAnswer,
};
use spark_job_worker::job::tags;
use spark_job_worker::job::timestamp::Timestamp;
use spark_job_worker::job::world::{BatchState, BatchView, Deleted, NotKilled, Posted, TagOnNode};

use super::plan::{Broken, Mishap};
use super::world::{Act, Inner, Outages};
use crate::plan::{EPOCH, Millis, RETAIN, SECOND};

/// An application.
#[derive(Debug)]
pub(super) struct App {
    pub(super) id: String,
    pub(super) tags: Vec<String>,
    pub(super) run: String,
    pub(super) born: Millis,
    pub(super) ran: Option<Millis>,
    end: AppEnd,
    pub(super) over: Option<(AppEnd, Millis)>,
    forgotten: bool,
}

impl App {
    pub(super) fn is_live(&self) -> bool {
        self.over.is_none()
    }

    pub(super) fn has(&self, tag: &str) -> bool {
        self.tags.iter().any(|known| known == tag)
    }

    fn shown(&self, broken: Broken) -> Application {
        let time = |at: Millis| Timestamp(EPOCH + at);
        Application {
            id: self.id.clone(),
            state: self.over.map_or(AppState::Active, |(end, _)| AppState::Ended(end)),
            word: match (self.over, self.ran) {
                (Some(_), _) => "FINISHED",
                (None, Some(_)) => "RUNNING",
                (None, None) if broken == Broken::RunsEarly => "RUNNING",
                (None, None) => "ACCEPTED",
            }
            .to_owned(),
            started: Some(time(self.born)),
            launched: self.ran.map(time),
            finished: self.over.map(|(_, at)| time(at)),
            memory_seconds: Some(1),
            vcore_seconds: Some(1),
            diagnostics: String::new(),
            tracking_url: None,
            log_url: None,
        }
    }
}

/// Livy's record of a batch.
#[derive(Debug, Clone)]
struct Record {
    id: u64,
    name: String,
    run: String,
    app: Option<usize>,
    /// Its spark-submit has failed.
    failed: Option<Millis>,
}

/// A spark-submit under way: it outlives its Livy.
#[derive(Debug, Clone)]
struct Child {
    serial: u64,
    run: String,
    tags: Vec<String>,
    fails: bool,
}

#[derive(Debug, Default)]
pub(super) struct Cluster {
    pub(super) apps: Vec<App>,
    records: Vec<Record>,
    children: Vec<Child>,
    next_id: u64,
    pub(super) livy_away: Outages,
    pub(super) yarn_away: Outages,
    /// The lists are filtered, and the node's files say so.
    pub(super) hides: Outages,
}

impl Inner {
    /// A POST arrives.
    pub(super) fn take(&mut self, name: &str, tags: Vec<String>) -> Posted {
        let unsure = |reason: &str| Posted::Unsure { answered: false, reason: reason.to_owned() };
        if self.node.gone {
            return unsure("nobody is there");
        }
        if self.cluster.records.iter().any(|record| record.name == name) {
            self.coverage.hit("world", "POST of a duplicate name", "");
            return unsure("400 Duplicate session name");
        }
        if self.strikes(Mishap::FullLivy, 2) {
            self.coverage.hit("world", "POST into a full Livy", "");
            return Posted::NotNow("400 too many sessions".to_owned());
        }
        let run = tags.iter().find(|tag| tags::task_of(tag).is_some()).cloned().expect("it has a run's tag");
        let id = self.cluster.next_id;
        self.cluster.next_id += 1;
        let record = Record { id, name: name.to_owned(), run: run.clone(), app: None, failed: None };
        self.cluster.records.push(record.clone());
        let slow = self.strikes(Mishap::SlowSubmit, 2);
        let takes = if slow { self.rng.u64(30..150) * SECOND } else { self.rng.u64(300..15_000) };
        let fails = slow && self.rng.u8(0..4) == 0;
        let serial = self.next_serial();
        self.cluster.children.push(Child { serial, run, tags, fails });
        self.tell(|_| format!("Livy takes {name} as batch {id}"));
        self.plan_act(self.at + takes, Act::Submits(serial));
        Posted::Accepted(self.view(&record))
    }

    /// A spark-submit ends: an application is there, or not.
    pub(super) fn submits(&mut self, serial: u64) {
        let Some(place) = self.cluster.children.iter().position(|child| child.serial == serial) else {
            return;
        };
        let child = self.cluster.children.remove(place);
        let at = self.at;
        let number = self.cluster.apps.len();
        let record = self.cluster.records.iter_mut().find(|record| record.run == child.run);
        if child.fails {
            self.coverage.hit("world", "spark-submit fails", "");
            return record.into_iter().for_each(|record| record.failed = Some(at));
        }
        record.into_iter().for_each(|record| record.app = Some(number));
        let streams = self.rng.bool();
        let bad = self.plan.has(Mishap::BadJobs) && self.rng.bool();
        let end = if bad { AppEnd::Failed } else { AppEnd::Succeeded };
        let runs = at + self.rng.u64(0..8 * SECOND);
        let ends = runs + self.rng.u64(SECOND..200 * SECOND);
        let id = format!("application_1_{:04}", number + 1);
        self.tell(|_| format!("{id} starts with {:?}; it ends by itself: {}", child.tags, !streams));
        let (run, tags) = (child.run, child.tags);
        self.cluster.apps.push(App { id, tags, run, born: at, ran: None, end, over: None, forgotten: false });
        self.plan_act(runs, Act::Runs(number));
        if !streams {
            self.plan_act(ends, Act::Ends(number));
        }
        self.app_starts(number);
    }

    pub(super) fn runs(&mut self, app: usize) {
        let at = self.at;
        let app = &mut self.cluster.apps[app];
        app.ran = app.ran.or(app.is_live().then_some(at));
    }

    pub(super) fn ends(&mut self, app: usize) {
        let end = self.cluster.apps[app].end;
        self.finish(app, end);
    }

    pub(super) fn kills(&mut self, app: usize) {
        self.finish(app, AppEnd::Killed);
    }

    fn finish(&mut self, app: usize, end: AppEnd) {
        let at = self.at;
        if !self.cluster.apps[app].is_live() {
            return;
        }
        self.cluster.apps[app].over = Some((end, at));
        self.tell(|inner| format!("{} ends {end:?}", inner.cluster.apps[app].id));
        if self.plan.has(Mishap::ShortMemory) {
            let at = at + self.rng.u64(250..400) * SECOND;
            self.plan_act(at, Act::Forgets(app));
        }
    }

    pub(super) fn forgets(&mut self, app: usize) {
        self.coverage.hit("world", "YARN forgets an ended application", "");
        self.cluster.apps[app].forgotten = true;
    }

    pub(super) fn livy_forgets(&mut self) {
        self.tell(|_| "Livy starts again without its records".to_owned());
        self.coverage.hit("world", "Livy forgets", "");
        self.cluster.records.clear();
    }

    fn view(&self, record: &Record) -> BatchView {
        let app = record.app.map(|app| &self.cluster.apps[app]);
        let state = match app.map(|app| (app.over, app.ran)) {
            None if record.failed.is_some() => BatchState::Dead,
            None | Some((None, None)) => BatchState::Starting,
            Some((None, Some(_))) => BatchState::Running,
            Some((Some((AppEnd::Succeeded, _)), _)) => BatchState::Success,
            Some((Some((AppEnd::Failed, _)), _)) => BatchState::Dead,
            Some((Some((AppEnd::Killed, _)), _)) => BatchState::Killed,
        };
        BatchView {
            id: record.id,
            name: record.name.clone(),
            state,
            application: app.map(|app| app.id.clone()),
            proxy_user: None,
            driver_log_url: None,
            tracking_url: None,
            log_is_empty: false,
        }
    }

    /// Livy's records; old ones are collected.
    pub(super) fn batches(&mut self, wanted: impl Fn(&str) -> bool) -> Vec<BatchView> {
        let (at, apps) = (self.at, &self.cluster.apps);
        self.cluster.records.retain(|record| {
            let ended = record.failed.or_else(|| record.app.and_then(|app| apps[app].over).map(|(_, at)| at));
            ended.is_none_or(|ended| at < ended + RETAIN)
        });
        let found = self.cluster.records.iter().filter(|record| wanted(&record.name));
        found.map(|record| self.view(record)).collect()
    }

    pub(super) fn delete_batch(&mut self, name: &str) -> Deleted {
        let records = &mut self.cluster.records;
        let Some(place) = records.iter().position(|record| record.name == name) else {
            return Deleted::NotFound;
        };
        let record = records.remove(place);
        self.tell(|_| format!("Livy deletes {name}"));
        if self.strikes(Mishap::BadDeletes, 2) {
            self.coverage.hit("world", "DELETE that kills nothing", "");
            return Deleted::Gone;
        }
        self.cluster.children.retain(|child| child.run != record.run);
        if let Some(app) = record.app
            && self.cluster.yarn_away.at(self.at).is_none()
        {
            self.note_kill(app);
            self.kills(app);
        }
        Deleted::Gone
    }

    fn hides(&self) -> bool {
        self.cluster.hides.at(self.at).is_some()
    }

    pub(super) fn filters_lists(&self) -> bool {
        self.hides()
    }

    /// The active ones, by the tags of their runs.
    pub(super) fn active_apps(&self) -> Active {
        let mut active = Active::default();
        if self.hides() {
            return active;
        }
        for app in self.cluster.apps.iter().filter(|app| app.is_live()) {
            let moving = MovingApplication {
                name: app.run.clone(),
                progress: 1.0,
                memory_seconds: None,
                vcore_seconds: None,
                application: app.shown(self.plan.broken),
            };
            active.add(&app.run, moving, None);
        }
        active
    }

    /// All that YARN has with a tag, oldest first.
    pub(super) fn tagged_apps(&self, tag: &str) -> YarnAnswer {
        let leaves_out = self.plan.broken == Broken::NoGroups && tags::task_of(tag).is_none();
        let found = self.cluster.apps.iter().filter(|app| !app.forgotten && app.has(tag) && !self.hides());
        let found = found.filter(|_| !leaves_out);
        YarnAnswer::Answer(found.map(|app| app.shown(self.plan.broken)).collect())
    }

    pub(super) fn app_of_id(&self, id: &str) -> YarnAnswer {
        let found = self.cluster.apps.iter().filter(|app| !app.forgotten && app.id == id);
        YarnAnswer::Answer(found.map(|app| app.shown(self.plan.broken)).collect())
    }

    pub(super) fn kill_app(&mut self, id: &str) -> Result<(), NotKilled> {
        if self.strikes(Mishap::RefusedKills, 2) {
            self.coverage.hit("world", "kill refused", "");
            return Err(NotKilled::NotNow("no".to_owned()));
        }
        self.tell(|_| format!("YARN is told to kill {id}"));
        let all = self.plan.broken == Broken::KillsAll;
        for app in 0..self.cluster.apps.len() {
            if self.cluster.apps[app].id != id && !all {
                continue;
            }
            self.note_kill(app);
            let at = self.at + self.rng.u64(0..3_000);
            self.plan_act(at, Act::Kills(app));
        }
        Ok(())
    }

    pub(super) fn tag_on_node(&self, tag: &str) -> TagOnNode {
        let carries = self.cluster.children.iter().any(|child| child.tags.iter().any(|known| known == tag));
        if carries { TagOnNode::Yes } else { TagOnNode::No }
    }

    /// The node is lost with everything on it.
    pub(super) fn lose_node(&mut self) {
        self.tell(|_| "the cluster is gone".to_owned());
        self.node.gone = true;
        self.cluster.children.clear();
        for app in 0..self.cluster.apps.len() {
            self.kills(app);
        }
    }
}
