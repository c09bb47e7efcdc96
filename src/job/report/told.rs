//! What of a failure may be shown.

use super::mask::mask;
use super::root_cause::root_cause;
use super::{Exception, FailedStage, Failure};

/// A failure as it may be shown: without what looks like a secret, and with the one sentence that a person would point at.
#[derive(Debug)]
pub(crate) struct Told {
    /// The failure.
    pub(crate) failure: Failure,
    /// The sentence.
    pub(crate) root_cause: Option<String>,
}

impl Failure {
    /// What of it may be shown.
    pub(crate) fn told(&self) -> Told {
        Told { failure: self.clone().masked(), root_cause: self.sentence() }
    }

    /// The one sentence that a person would point at, without what looks like a secret.
    pub(crate) fn sentence(&self) -> Option<String> {
        // Read from the whole: what is masked may be what tells where a message ends.
        root_cause(self).map(|sentence| mask(&sentence).into_owned())
    }

    /// Without what looks like a secret: the texts come from jobs and servers.
    fn masked(mut self) -> Failure {
        let texts = [Some(&mut self.message), self.diagnostics.as_mut(), self.log_url.as_mut()];
        let lines = self.log.iter_mut().chain(&mut self.driver.stderr).chain(&mut self.driver.stdout);
        for text in texts.into_iter().flatten().chain(lines) {
            *text = mask(text).into_owned();
        }
        if let Some(stopped) = &mut self.stopped {
            stopped.exception = stopped.exception.take().map(Exception::masked);
        }
        self.failed_stages = self.failed_stages.into_iter().map(FailedStage::masked).collect();
        self
    }
}
