//! A node's Livy: records of batches, what it knows of YARN and when, its spark-submits, its restarts.
//!
//! Livy is a hint (`facts`): it polls, gives up looking, calls dead what runs, and forgets.

use spark_job_worker::job::application::AppEnd;
use spark_job_worker::job::world::{BatchState, BatchView, Deleted, Posted};

use crate::plan::{LEAK_WINDOW, LOOK_UP, Millis, Mishap, RETAIN, SECOND, YarnAnswer};
use crate::world::{Act, Inner, Outages};

/// Livy's record of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) serial: u64,
    id: u64,
    pub(crate) name: String,
    pub(crate) tag: String,
    proxy_user: Option<String>,
    /// Its spark-submit was not started: the log is empty.
    pub(crate) log_is_empty: bool,
    pub(crate) state: BatchState,
    /// What Livy has found in YARN.
    app: Option<usize>,
    pub(crate) looks_since: Millis,
    log: &'static str,
}

impl Record {
    fn ended_badly(&self) -> bool {
        matches!(self.state, BatchState::Dead | BatchState::Killed)
    }

    pub(crate) fn is_final(&self) -> bool {
        matches!(self.state, BatchState::Success | BatchState::Dead | BatchState::Killed)
    }
}

/// One node's Livy.
#[derive(Debug, Default)]
pub(crate) struct Livy {
    pub(crate) away: Outages,
    absent_until: Millis,
    pub(crate) records: Vec<Record>,
    next_id: u64,
    /// Tags whose applications are killed if they appear, until then.
    leaked: Vec<(String, Millis)>,
}

/// How Livy starts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Restart {
    /// After a crash, without its records.
    Forgets,
    /// After a clean stop, which kills its batches, without its records.
    Kills,
    /// With its records.
    Recovers,
}

const GAVE_UP: &str = "No YARN application is found with tag livy-batch-1-x in 40 seconds.";

impl Inner {
    pub(crate) fn livy_is_away(&self, node: usize) -> bool {
        let livy = &self.nodes[node].livy;
        livy.away.is_on(self.at) || self.at < livy.absent_until
    }

    pub(crate) fn record(&mut self, node: usize, serial: u64) -> Option<&mut Record> {
        self.nodes[node].livy.records.iter_mut().find(|record| record.serial == serial)
    }

    /// A POST arrives.
    pub(crate) fn take(&mut self, node: usize, name: &str, tag: &str, proxy_user: Option<String>) -> Posted {
        let unsure = |answered, reason: &str| Posted::Unsure { answered, reason: reason.to_owned() };
        if self.nodes[node].gone {
            return unsure(false, "nobody is there");
        }
        if self.nodes[node].livy.records.iter().any(|record| record.name == name) {
            self.coverage.hit("world", "POST of a duplicate name", "");
            return unsure(false, "400 Duplicate session name");
        }
        if self.strikes(Mishap::FullLivy, 2) {
            self.coverage.hit("world", "POST into a full Livy", "");
            return Posted::NotNow("400 too many sessions".to_owned());
        }
        let luck = if self.strikes(Mishap::BadPosts, 2) { self.rng.u8(0..8) } else { u8::MAX };
        let what = match luck {
            0 => "refused, nothing is left",
            1 => "refused, a zombie is left",
            2 => "500, a zombie is left",
            3 => "500, nothing is left",
            4 => "500 by a proxy before Livy",
            5 => "502 by a proxy after Livy took it",
            6 => "lost while Livy is still at work on it",
            7 => "sent twice by a proxy",
            _ => "",
        };
        if luck <= 7 {
            self.coverage.hit("world", "bad POST", what);
            self.tell(|_| format!("POST of {name}: {what}"));
        }
        match luck {
            0 | 3 | 4 => {}
            _ => {
                let log_is_empty = matches!(luck, 1 | 2 | 6);
                let serial = self.keep_record(node, name, tag, proxy_user, log_is_empty);
                if luck == 6 {
                    let at = self.at + self.rng.u64(2_000..8_000);
                    self.plan_act(at, Act::Wakes { node, record: serial });
                } else if !log_is_empty {
                    self.start_submit(node, serial);
                }
            }
        }
        match luck {
            0 | 1 => {
                self.refused_post(tag);
                Posted::Refused("400 requirement failed: Local path /x cannot be added".to_owned())
            }
            2 | 3 => unsure(true, "500 \"java.io.IOException: no\""),
            4 => unsure(false, "500 proxy error"),
            5 => unsure(false, "502 bad gateway"),
            6 => unsure(false, "timed out"),
            7 => unsure(false, "400 Duplicate session name"),
            _ => {
                let record = self.nodes[node].livy.records.last().cloned();
                let view = record.map(|record| self.view(&record));
                view.map_or_else(|| unsure(false, "nothing"), Posted::Accepted)
            }
        }
    }

    fn keep_record(
        &mut self,
        node: usize,
        name: &str,
        tag: &str,
        proxy_user: Option<String>,
        log_is_empty: bool,
    ) -> u64 {
        let (serial, at) = (self.next_serial(), self.at);
        let proxy_user = proxy_user.filter(|_| !self.plan.has(Mishap::NoImpersonation));
        let livy = &mut self.nodes[node].livy;
        let id = livy.next_id;
        livy.next_id += 1;
        livy.records.push(Record {
            serial,
            id,
            name: name.to_owned(),
            tag: tag.to_owned(),
            proxy_user,
            log_is_empty,
            state: BatchState::Starting,
            app: None,
            looks_since: at,
            log: "",
        });
        self.tell(|_| format!("Livy {node} takes {name} as batch {id}, log_is_empty: {log_is_empty}"));
        serial
    }

    pub(crate) fn wake(&mut self, node: usize, serial: u64) {
        if !self.nodes[node].gone && self.record(node, serial).is_some() {
            self.start_submit(node, serial);
        }
    }

    pub(crate) fn ends_batch(&mut self, node: usize, record: usize, state: BatchState, log: &'static str) {
        let record = &mut self.nodes[node].livy.records[record];
        (record.state, record.log) = (state, log);
        let serial = record.serial;
        self.tell(|inner| {
            let record = inner.nodes[node].livy.records.iter().find(|record| record.serial == serial);
            let reason = record.map(|record| format!("{} of {} is {}", record.id, record.tag, record.state));
            format!("Livy {node}: batch {}", reason.unwrap_or_default())
        });
        self.plan_act(self.at + RETAIN, Act::Collects { node, record: serial });
    }

    pub(crate) fn collect(&mut self, node: usize, serial: u64) {
        self.nodes[node].livy.records.retain(|record| record.serial != serial);
    }

    /// Livy looks at YARN about a record.
    pub(crate) fn livy_polls(&mut self, node: usize, serial: u64) {
        let livy = &self.nodes[node].livy;
        let place = livy.records.iter().position(|record| record.serial == serial);
        let Some(place) = place.filter(|place| !livy.records[*place].is_final()) else { return };
        if self.nodes[node].gone {
            return;
        }
        self.plan_act(self.at + self.plan.livy_polls, Act::LivyPolls { node, record: serial });
        if self.livy_is_away(node) || self.yarn_is_away() {
            return;
        }
        if self.strikes(Mishap::FalseDead, 25) {
            self.coverage.hit("world", "false dead", "an exception of the YARN client");
            return self.ends_batch(node, place, BatchState::Dead, "");
        }
        let record = self.nodes[node].livy.records[place].clone();
        let app = record.app.or_else(|| {
            let mine =
                |app: &crate::yarn::App| app.tag == record.tag && app.node == Some(node) && app.is_known();
            self.yarn.apps.iter().position(mine)
        });
        self.nodes[node].livy.records[place].app = app;
        let Some(app) = app else { return self.looks_on(node, place) };
        let (over, running) = (self.yarn.apps[app].over, self.yarn.apps[app].is_running());
        match over {
            _ if self.yarn.apps[app].forgotten => self.ends_batch(node, place, BatchState::Dead, ""),
            Some((AppEnd::Succeeded, _)) => self.ends_batch(node, place, BatchState::Success, ""),
            Some((AppEnd::Failed, _)) => self.ends_batch(node, place, BatchState::Dead, ""),
            Some((AppEnd::Killed, _)) => self.ends_batch(node, place, BatchState::Killed, ""),
            None if running => self.nodes[node].livy.records[place].state = BatchState::Running,
            None => {}
        }
    }

    /// Livy has found no application yet; after a while it gives up, and ends spark-submit.
    fn looks_on(&mut self, node: usize, place: usize) {
        let at = self.at;
        let record = &self.nodes[node].livy.records[place];
        let tag = record.tag.clone();
        if at.saturating_sub(record.looks_since) < LOOK_UP {
            return;
        }
        self.coverage.hit("world", "Livy gives up looking", "");
        self.ends_batch(node, place, BatchState::Dead, GAVE_UP);
        let node = &mut self.nodes[node];
        node.livy.leaked.push((tag.clone(), at + LEAK_WINDOW));
        node.children.retain(|child| child.tag != tag || child.tough);
    }

    /// An application is there: a Livy that has given it up kills it.
    pub(crate) fn app_starts(&mut self, app: usize) {
        let (at, tag) = (self.at, self.yarn.apps[app].tag.clone());
        let Some(node) = self.yarn.apps[app].node else { return };
        let leaked = self.nodes[node].livy.leaked.iter().any(|(leaked, until)| *leaked == tag && at < *until);
        if leaked {
            self.coverage.hit("world", "Livy kills a late application", "");
            self.plan_act(at + 5 * SECOND, Act::Kills(app));
        }
        self.note_app(app);
    }

    pub(crate) fn restart_livy(&mut self, node: usize, how: Restart) {
        if self.nodes[node].gone || self.is_calm() {
            return;
        }
        self.tell(|_| format!("Livy {node} starts again: {how:?}"));
        self.coverage.hit(
            "world",
            "Livy starts again",
            match how {
                Restart::Forgets => "without its records",
                Restart::Kills => "after it killed its batches",
                Restart::Recovers => "with its records",
            },
        );
        let at = self.at;
        if how == Restart::Kills {
            self.kill_batches(node);
        }
        let away = self.rng.u64(0..20) * SECOND;
        let livy = &mut self.nodes[node].livy;
        livy.absent_until = at + away;
        livy.leaked.clear();
        if how == Restart::Recovers {
            // From 0.8 on what ended badly leaves the store at once.
            livy.records.retain(|record| !record.log_is_empty && !record.ended_badly());
            for record in livy.records.iter_mut().filter(|record| !record.is_final()) {
                record.state = BatchState::Other("recovering".to_owned());
                record.looks_since = at;
            }
        } else {
            let old = std::mem::take(&mut livy.records);
            livy.next_id = 0;
            self.take_names(node, &old);
            // Somebody else's batches get the numbers from 0 on, and succeed.
            for _ in 0..2 {
                let serial = self.next_serial();
                let name = format!("stranger-{serial}");
                self.keep_record(node, &name, &name, None, false);
                if let Some(record) = self.nodes[node].livy.records.last_mut() {
                    record.state = BatchState::Success;
                }
            }
        }
        self.plan_act(at + away, Act::Mark);
    }

    /// Somebody else's batch takes the name of one of ours, whose application is known and stays so: without its id the
    /// name is all there is.
    fn take_names(&mut self, node: usize, old: &[Record]) {
        for record in old.iter().filter(|record| record.app.is_some()) {
            let known =
                self.ticket_of_tag(&record.tag).is_some_and(|number| self.tickets[number].facts.keeps_id);
            if !known
                || self.plan.has(Mishap::CorruptEntry)
                || self.rng.bool()
                || self.plan.yarn == YarnAnswer::None
            {
                continue;
            }
            self.coverage.hit("world", "name taken by somebody else", "");
            let tag = format!("stranger-{}", self.next_serial());
            let app = self.start_app(&tag, Some(node), false);
            let serial = self.keep_record(node, &record.name, &tag, None, false);
            if let Some(taken) = self.record(node, serial) {
                (taken.app, taken.state) = (Some(app), BatchState::Running);
            }
            self.plan_act(self.at + self.plan.livy_polls, Act::LivyPolls { node, record: serial });
        }
    }

    fn kill_batches(&mut self, node: usize) {
        let live = self.nodes[node].livy.records.iter().filter(|record| !record.is_final());
        let tags: Vec<String> = live.map(|record| record.tag.clone()).collect();
        for tag in tags {
            self.kill_batch(node, &tag);
        }
    }

    /// What a DELETE and a clean stop do to a batch that lives.
    fn kill_batch(&mut self, node: usize, tag: &str) {
        let jobs: Vec<usize> = self.nodes[node]
            .children
            .iter()
            .filter(|child| child.tag == tag)
            .filter_map(|child| child.job)
            .collect();
        self.nodes[node].children.retain(|child| child.tag != tag);
        for job in jobs {
            self.finish(job, AppEnd::Killed);
        }
        for app in 0..self.yarn.apps.len() {
            let candidate = &self.yarn.apps[app];
            if candidate.tag == tag && candidate.node == Some(node) && candidate.is_known() {
                self.kills(app);
            }
        }
    }

    /// DELETE of a batch by name.
    pub(crate) fn delete(&mut self, node: usize, name: &str) -> Deleted {
        let records = &mut self.nodes[node].livy.records;
        let Some(place) = records.iter().position(|record| record.name == name) else {
            return Deleted::NotFound;
        };
        let record = records.remove(place);
        self.tell(|_| format!("Livy {node} deletes {name}"));
        if self.strikes(Mishap::BadDeletes, 2) {
            self.coverage.hit("world", "DELETE that kills nothing", "");
            self.deleted_in_vain(&record.tag);
            return Deleted::Gone;
        }
        if !record.is_final() && !self.yarn_is_away() {
            for app in self.yarn.apps.iter_mut().filter(|app| app.tag == record.tag) {
                app.killed_by_worker |= app.is_live();
            }
            self.kill_batch(node, &record.tag);
        } else if !record.is_final() {
            // The kill goes on until YARN is back; spark-submit ends at once.
            self.nodes[node].children.retain(|child| child.tag != record.tag || child.job.is_some());
        }
        Deleted::Gone
    }

    pub(crate) fn view(&mut self, record: &Record) -> BatchView {
        let application = record.app.map(|app| self.yarn.apps[app].id.clone());
        if !record.log_is_empty {
            self.livy_says(&record.tag, &record.state, record.app);
        }
        BatchView {
            id: record.id,
            name: record.name.clone(),
            state: record.state.clone(),
            application,
            proxy_user: record.proxy_user.clone(),
            driver_log_url: None,
            tracking_url: None,
            log_is_empty: record.log_is_empty,
        }
    }

    pub(crate) fn batch_log(&self, node: usize, name: &str) -> Vec<String> {
        let records = &self.nodes[node].livy.records;
        let Some(record) = records.iter().find(|record| record.name == name) else { return Vec::new() };
        let yarn: &[&str] = if self.plan.yarn == YarnAnswer::None { &[] } else { &["\nYARN Diagnostics: "] };
        let lines = ["stdout: ", "\nstderr: "].iter().chain(yarn).chain([&record.log]);
        lines.map(|line| (*line).to_owned()).collect()
    }
}
