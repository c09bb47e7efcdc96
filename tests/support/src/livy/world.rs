//! Livy's records and the applications behind them: what one event changes in both.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::application::{AppState, Application};
use super::plan::{Event, Plan};
use super::record::Record;
use super::request::Submission;
use super::session::Session;
use super::settings::{Master, Settings, Version};
use crate::http::Bell;

/// Everything that Livy and the cluster remember.
pub(super) struct World {
    pub(super) settings: Settings,
    pub(super) records: Vec<Record>,
    pub(super) applications: Vec<Application>,
    pub(super) default_plan: Option<Plan>,
    pub(super) plans: Vec<(String, Plan)>,
    pub(super) sessions: Vec<Session>,
    pub(super) next_session: u32,
    pub(super) bell: Bell,
    next_id: u32,
    submissions: usize,
    /// What YARN puts into application ids: when it was started.
    cluster_started: u128,
}

impl World {
    pub(super) fn new(settings: Settings, bell: Bell) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
        Self {
            settings,
            records: Vec::new(),
            applications: Vec::new(),
            default_plan: None,
            plans: Vec::new(),
            sessions: Vec::new(),
            next_session: 0,
            bell,
            next_id: 0,
            submissions: 0,
            cluster_started: since.as_millis(),
        }
    }

    /// The next id; refused requests consume one, too.
    pub(super) fn take_id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// Puts a batch on record, before anything is started.
    pub(super) fn register(&mut self, id: u32, name: Option<String>, body: Value) -> usize {
        self.submissions += 1;
        let mut tag = format!("livy-batch-{id}-{:08X}", self.submissions);
        if self.settings.version >= Version::V0_9 {
            tag.make_ascii_lowercase();
        }
        self.records.push(Record {
            submission: self.submissions,
            id,
            name,
            body,
            tag,
            state: "starting".to_owned(),
            app_id: None,
            stdout: VecDeque::new(),
            diagnostics: Vec::new(),
            started: false,
            stored: false,
            ended: None,
        });
        self.submissions
    }

    /// Starts the spark-submit of a registered batch, and returns what is going to happen.
    pub(super) fn launch(&mut self, submission: usize, asked: &Submission) -> Vec<(Duration, Event)> {
        let settings = self.settings.clone();
        let Some(record) = self.record(submission) else { return Vec::new() };
        record.started = true;
        let (name, tag) = (record.name.clone(), record.tag.clone());
        let plan = self.plan(name.as_deref(), asked);
        if plan.has_application() {
            self.start_application(submission, name, &tag, asked);
        }
        plan.timeline(settings.master, settings.lookup_timeout)
    }

    /// Starts the application of something that Livy has no batch of, and returns what it was submitted as.
    pub(super) fn submit(&mut self, name: Option<String>, tag: &str, asked: &Submission) -> usize {
        self.submissions += 1;
        self.start_application(self.submissions, name, tag, asked);
        self.submissions
    }

    fn start_application(&mut self, submission: usize, name: Option<String>, tag: &str, asked: &Submission) {
        let yarn = self.settings.master == Master::Yarn;
        let number = self.applications.len() + 1;
        let tags = asked.conf("spark.yarn.tags").unwrap_or_default();
        let tags = std::iter::once(tag).chain(tags.split(',').map(str::trim));
        self.applications.push(Application {
            submission,
            id: yarn.then(|| format!("application_{}_{number:04}", self.cluster_started)),
            name,
            tags: tags.filter(|tag| !tag.is_empty()).map(str::to_lowercase).collect(),
            state: AppState::Accepted,
            final_status: "UNDEFINED",
            diagnostics: Vec::new(),
            started: Instant::now(),
            launched: None,
            ended: None,
        });
    }

    fn plan(&self, name: Option<&str>, asked: &Submission) -> Plan {
        let named = |(start, _): &&(String, Plan)| name.is_some_and(|name| name.starts_with(start.as_str()));
        let chosen = self.plans.iter().rev().find(named).map(|(_, plan)| plan).or(self.default_plan.as_ref());
        let arguments = asked.list("args");
        chosen.cloned().unwrap_or_else(|| Plan::script(arguments.iter().map(String::as_str)))
    }

    pub(super) fn record(&mut self, submission: usize) -> Option<&mut Record> {
        self.records.iter_mut().find(|record| record.submission == submission)
    }

    pub(super) fn application(&mut self, submission: usize) -> Option<&mut Application> {
        self.applications.iter_mut().find(|application| application.submission == submission)
    }

    /// Lets one event of a plan happen. Once the application is over, so is its plan; but Livy goes on looking for it.
    pub(super) fn happen(&mut self, submission: usize, event: Event) {
        let application = self.application(submission);
        let over = application.as_ref().filter(|application| !application.is_live());
        let over = over.and_then(|application| application.verdict());
        if over.is_some() && !matches!(event, Event::Found | Event::GaveUp) {
            return;
        }
        let id = application.and_then(|application| {
            match &event {
                Event::Running => application.follow("running"),
                Event::End { state, diagnostics } => {
                    application.follow(state);
                    application.diagnostics.clone_from(diagnostics);
                }
                Event::Found | Event::Line(_) | Event::GaveUp | Event::Says(_) | Event::Forgotten => {}
            }
            application.id.clone()
        });
        // Livy may have forgotten the batch, or judged it for good.
        let Some(record) = self.record(submission).filter(|record| !record.is_final()) else { return };
        match event {
            Event::Found => {
                record.app_id = id;
                over.into_iter().for_each(|state| record.enter(state));
            }
            Event::Running => record.enter("running"),
            Event::Line(line) => record.print(line),
            Event::Says(state) => record.enter(&state),
            Event::Forgotten => self.records.retain(|record| record.submission != submission),
            Event::End { state, diagnostics } => {
                record.diagnostics.extend(diagnostics);
                record.enter(&state);
            }
            Event::GaveUp => record.give_up(),
        }
    }

    /// YARN kills an application, and Livy sees that once it knows the application; false where it had ended.
    pub(super) fn kill(&mut self, id: &str) -> bool {
        let lives = |app: &&mut Application| app.id.as_deref() == Some(id) && app.is_live();
        let Some(application) = self.applications.iter_mut().find(lives) else { return false };
        application.follow("killed");
        let submission = application.submission;
        let watched = |record: &&mut Record| !record.is_final() && record.app_id.is_some();
        if let Some(record) = self.record(submission).filter(watched) {
            record.enter("killed");
        }
        self.driver_dies(submission);
        true
    }

    /// How many spark-submits run: what the limit of creations counts.
    pub(super) fn children(&self) -> usize {
        let yarn = self.settings.master == Master::Yarn;
        let submitting =
            |record: &&Record| record.started && !record.is_final() && !(yarn && record.app_id.is_some());
        self.records.iter().filter(submitting).count()
    }

    /// Forgets what ended long enough ago.
    pub(super) fn collect_garbage(&mut self) {
        let retain = self.settings.retain;
        self.records.retain(|record| record.ended.is_none_or(|ended| ended.elapsed() < retain));
        self.collect_sessions();
    }

    /// Livy dies and comes back: what it knows afterwards. What runs goes on.
    pub(super) fn restart(&mut self, recovery: bool) {
        if !recovery {
            self.records.clear();
            self.next_id = 0;
            return;
        }
        assert!(self.settings.master == Master::Yarn, "Livy refuses recovery beside local jobs");
        let drops_failures = self.settings.version >= Version::V0_8;
        self.records.retain(|record| {
            let dropped = drops_failures && matches!(record.state.as_str(), "dead" | "killed");
            record.stored && !dropped
        });
        // The store gives its records back in an order of its own.
        self.records.reverse();
        for record in &mut self.records {
            record.stdout.clear();
            record.started = true;
            record.enter("recovering");
        }
    }

    /// What Livy finds out about its recovered batches when it first looks at YARN.
    pub(super) fn recovered(&mut self) {
        for record in self.records.iter_mut().filter(|record| record.state == "recovering") {
            let theirs = |application: &&Application| application.submission == record.submission;
            let Some(application) = self.applications.iter().find(theirs) else { continue };
            record.app_id = application.id.clone();
            if let Some(state) = application.verdict() {
                record.enter(state);
            }
        }
    }

    /// Livy has looked long enough for applications that it still does not know.
    pub(super) fn give_up_recovering(&mut self) {
        let lost =
            self.records.iter_mut().filter(|record| record.state == "recovering" && record.app_id.is_none());
        lost.for_each(Record::give_up);
    }
}
