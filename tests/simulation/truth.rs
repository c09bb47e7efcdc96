//! Which outcomes would be true.

use spark_job_worker::job::application::AppEnd;
use spark_job_worker::job::report::{ErrorName, Outcome, Source};

use crate::plan::{DOUBT_LIMIT, LOST_AFTER, Millis, Mishap, PATIENCE, SECOND, START_TIMEOUT, YarnAnswer};
use crate::sfn::Input;
use crate::world::Inner;

/// What YARN has shown for so long is known to whoever asks.
const PLAIN: Millis = 45 * SECOND;

const SUCCESS: usize = 0;
const DEAD: usize = 1;
const KILLED: usize = 2;

impl Inner {
    /// Whether a task may end like this.
    pub(crate) fn is_true(&self, number: usize, outcome: &Outcome) -> Result<(), String> {
        let wrong = self.tickets[number].input == Input::Wrong;
        let failure = match outcome {
            Outcome::Succeeded(success) => {
                return self.is_success(number, success.verdict_source, success.application_id.as_deref());
            }
            Outcome::Failed(failure) => failure,
            Outcome::Reached(_) => return Err("every task waits for its end".to_owned()),
        };
        let (error, source) = (failure.error, failure.verdict_source);
        let id = failure.application_id.as_deref();
        let known = |is: bool, why: &str| if is { Ok(()) } else { Err(why.to_owned()) };
        match error {
            ErrorName::InvalidInput => known(wrong, "the input is right"),
            _ if wrong && !matches!(error, ErrorName::ClusterTerminating | ErrorName::WorkerFault) => {
                Err("the input is wrong".to_owned())
            }
            ErrorName::Failed | ErrorName::OutOfMemory | ErrorName::NodeLost => {
                self.is_failure(number, error, source, id)
            }
            ErrorName::QueueTimeout => self.is_out_of_queue(number, source, id),
            ErrorName::Killed => self.is_kill(number, source, id),
            ErrorName::SubmitFailed => self.is_without_application(number),
            ErrorName::Lost => self.is_unknowable(number, &failure.stage),
            ErrorName::Rejected => {
                let ticket = &self.tickets[number];
                let other = ticket.input == Input::AsAnotherUser && self.plan.has(Mishap::NoImpersonation);
                known(ticket.facts.refused_post || other, "nothing was refused")
            }
            ErrorName::LivyUnavailable => self.is_never_submitted(number),
            ErrorName::ClusterTerminating => {
                let node = self.tickets[number].node();
                known(node.is_some_and(|node| self.nodes[node].gives_up), "nobody told the worker to stop")
            }
            ErrorName::StatementFailed
            | ErrorName::ResultTooLarge
            | ErrorName::SessionBroken
            | ErrorName::SessionFailed => Err("no task here has statements".to_owned()),
            ErrorName::StillRunning | ErrorName::Superseded | ErrorName::NotStopped => {
                Err("no task here has a document".to_owned())
            }
            ErrorName::WorkerFault => {
                let facts = &self.tickets[number].facts;
                known(facts.unwritten_before_post || facts.broke, "the disk was good, and no bug struck")
            }
        }
    }

    fn apps_of(&self, number: usize) -> impl Iterator<Item = &crate::yarn::App> {
        let tag = spark_job_worker::job::tags::of_run(&self.tickets[number].facts.task);
        self.yarn.apps.iter().filter(move |app| app.tag == tag)
    }

    /// Whether an application of a ticket, the one of this id where one is known, has ended so.
    fn ended(&self, number: usize, end: AppEnd, id: Option<&str>) -> bool {
        let is_it = |app: &&crate::yarn::App| id.is_none_or(|id| app.id == id);
        self.apps_of(number).filter(is_it).any(|app| app.over.is_some_and(|(ended, _)| ended == end))
    }

    fn is_success(&self, number: usize, source: Source, id: Option<&str>) -> Result<(), String> {
        let said = self.tickets[number].facts.livy_said[SUCCESS];
        match source {
            Source::Yarn if id.is_some() && self.ended(number, AppEnd::Succeeded, id) => Ok(()),
            Source::Livy if said && self.ended(number, AppEnd::Succeeded, None) => Ok(()),
            Source::Yarn | Source::Livy | Source::Session | Source::Worker => {
                Err(format!("{source:?} did not say so"))
            }
        }
    }

    fn is_failure(
        &self,
        number: usize,
        error: ErrorName,
        source: Source,
        id: Option<&str>,
    ) -> Result<(), String> {
        let like = |text: &str| {
            let (memory, node) = (text.contains("-104"), text.contains("-100"));
            (memory, node) == (error == ErrorName::OutOfMemory, error == ErrorName::NodeLost)
        };
        let failed = |app: &crate::yarn::App| {
            app.over.is_some_and(|(end, _)| end == AppEnd::Failed)
                && like(app.diagnostics)
                && id == Some(app.id.as_str())
        };
        match source {
            Source::Yarn if self.apps_of(number).any(failed) => Ok(()),
            Source::Livy
                if self.plan.yarn != YarnAnswer::On && self.tickets[number].facts.livy_said[DEAD] =>
            {
                Ok(())
            }
            Source::Yarn | Source::Livy | Source::Session | Source::Worker => {
                Err(format!("{source:?} did not say so"))
            }
        }
    }

    fn is_kill(&self, number: usize, source: Source, id: Option<&str>) -> Result<(), String> {
        // One that began just before it was taken out of the queue has not waited for nothing.
        let withdrawn = self.tickets[number].facts.withdrawn;
        let by_us = |app: &crate::yarn::App| {
            id == Some(app.id.as_str()) && app.killed_by_worker && !(withdrawn && app.has_run())
        };
        if self.tickets[number].is_open() && self.apps_of(number).any(by_us) {
            return Err("it was the worker that killed it".to_owned());
        }
        match source {
            Source::Yarn if id.is_some() && self.ended(number, AppEnd::Killed, id) => Ok(()),
            Source::Livy
                if self.plan.yarn != YarnAnswer::On && self.tickets[number].facts.livy_said[KILLED] =>
            {
                Ok(())
            }
            Source::Yarn | Source::Livy | Source::Session | Source::Worker => {
                Err(format!("{source:?} did not say so"))
            }
        }
    }

    /// It never ran, it is dead, and so is all that carries its tag, and it had its time.
    fn is_out_of_queue(&self, number: usize, source: Source, id: Option<&str>) -> Result<(), String> {
        let ticket = &self.tickets[number];
        let Some(timeout) = self.plan.queue_timeout else { return Err("it may wait for ever".to_owned()) };
        let Some(app) = self.apps_of(number).find(|app| id == Some(app.id.as_str())) else {
            return Err(format!("there is no application {id:?}"));
        };
        let stepped = ticket.node().is_some_and(|node| self.nodes[node].clock_stepped);
        let (waited, least) = (self.at - app.born, timeout.min(60 * SECOND));
        match app.over {
            _ if source != Source::Yarn => Err(format!("{source:?} said so")),
            None => Err(format!("{} lives", app.id)),
            Some((end, _)) if end != AppEnd::Killed => Err(format!("{} ended {end:?}", app.id)),
            Some(_) if app.has_run() => Err(format!("{} has run", app.id)),
            Some(_) if waited < if stepped { least } else { timeout } => {
                Err(format!("it has waited for {waited} ms, and had {timeout} ms"))
            }
            Some(_) => Ok(()),
        }
    }

    fn is_without_application(&self, number: usize) -> Result<(), String> {
        let ticket = &self.tickets[number];
        let said = ticket.facts.livy_said[DEAD] || ticket.facts.livy_said[KILLED];
        let late = ticket.facts.posted.is_some_and(|since| self.at - since >= START_TIMEOUT);
        if ticket.facts.yarn_showed >= 5 || ticket.facts.livy_showed {
            return Err("an application was shown".to_owned());
        }
        if ticket.facts.visible > PLAIN {
            return Err(format!("an application was there to be seen for {} ms", ticket.facts.visible));
        }
        if said || late { Ok(()) } else { Err("neither did Livy say so, nor is it late".to_owned()) }
    }

    fn is_unknowable(&self, number: usize, stage: &str) -> Result<(), String> {
        let ticket = &self.tickets[number];
        let visible = ticket.facts.visible;
        if visible > PLAIN {
            return Err(format!("YARN showed its application for {visible} ms"));
        }
        let Some(posted) = ticket.facts.posted else { return Err("nothing was posted".to_owned()) };
        let age = self.at - posted;
        if stage != "InDoubt" {
            return if age >= LOST_AFTER { Ok(()) } else { Err(format!("its POST is {age} ms old")) };
        }
        // A young doubt ends with a search, unless nobody remembers what came of the POST.
        let forgot = self.yarn.lost_all.is_some_and(|at| at >= posted);
        let stepped = ticket.node().is_some_and(|node| self.nodes[node].clock_stepped);
        if self.plan.yarn != YarnAnswer::On || forgot || stepped || age >= DOUBT_LIMIT {
            return Ok(());
        }
        Err(format!("its POST is {age} ms old and YARN remembers everything"))
    }

    fn is_never_submitted(&self, number: usize) -> Result<(), String> {
        let ticket = &self.tickets[number];
        let stepped = ticket.node().is_some_and(|node| self.nodes[node].clock_stepped);
        let waited = ticket.taken.is_some_and(|(_, since)| self.at - since + SECOND >= PATIENCE);
        if self.apps_of(number).any(|app| app.node.is_some()) {
            return Err("an application was submitted".to_owned());
        }
        let tag = spark_job_worker::job::tags::of_run(&ticket.facts.task);
        let node = ticket.node().map(|node| &self.nodes[node]);
        let taken = node.is_some_and(|node| {
            node.children.iter().any(|child| child.tag == tag)
                || node.livy.records.iter().any(|record| record.tag == tag && !record.log_is_empty)
        });
        if taken {
            return Err("Livy has taken it".to_owned());
        }
        if waited || stepped { Ok(()) } else { Err("Livy's time was not over".to_owned()) }
    }
}
