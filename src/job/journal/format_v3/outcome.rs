//! Between these formats and outcomes.

use super::*;
use crate::job::report::{self, ErrorName};

impl From<report::Source> for Source {
    fn from(source: report::Source) -> Source {
        match source {
            report::Source::Yarn => Source::Yarn,
            report::Source::Livy => Source::Livy,
            report::Source::Session => Source::Session,
            report::Source::Worker => Source::Worker,
        }
    }
}

impl From<Source> for report::Source {
    fn from(source: Source) -> report::Source {
        match source {
            Source::Yarn => report::Source::Yarn,
            Source::Livy => report::Source::Livy,
            Source::Session => report::Source::Session,
            Source::Worker => report::Source::Worker,
        }
    }
}

impl From<&report::Outcome> for Outcome {
    fn from(outcome: &report::Outcome) -> Outcome {
        match outcome {
            report::Outcome::Succeeded(success) => Outcome::Succeeded(Box::new((&**success).into())),
            report::Outcome::Failed(failure) => Outcome::Failed(Box::new((&**failure).into())),
            report::Outcome::Reached(reached) => Outcome::Reached(Box::new((&**reached).into())),
        }
    }
}

impl Outcome {
    pub(super) fn read(self) -> Result<report::Outcome, String> {
        Ok(match self {
            Outcome::Succeeded(success) => report::Outcome::Succeeded(Box::new(success.read())),
            Outcome::Failed(failure) => report::Outcome::Failed(Box::new(failure.read()?)),
            Outcome::Reached(reached) => report::Outcome::Reached(Box::new(reached.read())),
        })
    }
}

impl From<&report::Success> for Success {
    fn from(success: &report::Success) -> Success {
        Success {
            application_id: success.application_id.clone(),
            batch_id: success.batch_id,
            name: success.name.clone(),
            verdict_source: success.verdict_source.into(),
            queued_ms: success.queued_millis,
            run_ms: success.run_millis,
            memory_seconds: success.cost.memory_seconds,
            vcore_seconds: success.cost.vcore_seconds,
            tracking_url: success.tracking_url.clone(),
            driver_log_url: success.driver_log_url.clone(),
            execution: success.execution.clone(),
            spoken: success.spoken.as_deref().map(Spoken::from),
            failed_jobs: success.failed_jobs,
        }
    }
}

impl Success {
    fn read(self) -> report::Success {
        report::Success {
            application_id: self.application_id,
            batch_id: self.batch_id,
            name: self.name,
            verdict_source: self.verdict_source.into(),
            queued_millis: self.queued_ms,
            run_millis: self.run_ms,
            cost: report::Cost { memory_seconds: self.memory_seconds, vcore_seconds: self.vcore_seconds },
            tracking_url: self.tracking_url,
            driver_log_url: self.driver_log_url,
            execution: self.execution,
            spoken: self.spoken.map(|spoken| Box::new(spoken.read())),
            failed_jobs: self.failed_jobs,
        }
    }
}

impl From<&report::Reached> for Reached {
    fn from(reached: &report::Reached) -> Reached {
        Reached {
            application_id: reached.application_id.clone(),
            batch_id: reached.batch_id,
            name: reached.name.clone(),
            state: reached.state.clone(),
            tracking_url: reached.tracking_url.clone(),
            driver_log_url: reached.driver_log_url.clone(),
        }
    }
}

impl Reached {
    fn read(self) -> report::Reached {
        report::Reached {
            application_id: self.application_id,
            batch_id: self.batch_id,
            name: self.name,
            state: self.state,
            tracking_url: self.tracking_url,
            driver_log_url: self.driver_log_url,
        }
    }
}

impl From<&report::Failure> for Failure {
    fn from(failure: &report::Failure) -> Failure {
        Failure {
            error: failure.error.as_str().to_owned(),
            message: failure.message.clone(),
            stage: failure.stage.clone(),
            batch_id: failure.batch_id,
            application_id: failure.application_id.clone(),
            verdict_source: failure.verdict_source.into(),
            diagnostics: failure.diagnostics.clone(),
            log: failure.log.clone(),
            driver_stderr: failure.driver.stderr.clone(),
            driver_stdout: failure.driver.stdout.clone(),
            log_url: failure.log_url.clone(),
            execution: failure.execution.clone(),
            memory_seconds: failure.cost.memory_seconds,
            vcore_seconds: failure.cost.vcore_seconds,
            stopped: failure.stopped.as_deref().map(Stopped::from),
            failed_stages: failure.failed_stages.iter().map(FailedStage::from).collect(),
        }
    }
}

impl Failure {
    fn read(self) -> Result<report::Failure, String> {
        let known = ErrorName::of(&self.error);
        Ok(report::Failure {
            error: known.ok_or_else(|| format!("it names an error that is not known: {}", self.error))?,
            message: self.message,
            stage: self.stage,
            batch_id: self.batch_id,
            application_id: self.application_id,
            verdict_source: self.verdict_source.into(),
            diagnostics: self.diagnostics,
            log: self.log,
            driver: report::DriverLog { stderr: self.driver_stderr, stdout: self.driver_stdout },
            log_url: self.log_url,
            execution: self.execution,
            cost: report::Cost { memory_seconds: self.memory_seconds, vcore_seconds: self.vcore_seconds },
            stopped: self.stopped.map(|stopped| Box::new(stopped.read())),
            failed_stages: self.failed_stages.into_iter().map(FailedStage::read).collect(),
        })
    }
}
