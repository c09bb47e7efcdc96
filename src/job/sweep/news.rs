//! What is said about Livy and YARN: a change of condition is worth a line, a repetition is not.

use tokio::time::Instant;
use tracing::{info, warn};

use crate::job::world::ServiceError;
use crate::log::message_id;

/// How a service was found.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Condition {
    Answers,
    Silent,
    AccessDenied,
    Unsupported,
}

/// What was last said about a service.
#[derive(Debug, Default)]
pub(super) struct News {
    said: Option<Condition>,
    /// Since when it is away.
    since: Option<Instant>,
}

/// A change of condition.
enum Change<'a> {
    /// It answers: for the first time, or after so many seconds.
    Answers(Option<u64>),
    Silent(&'a str),
    AccessDenied(&'a str),
}

impl News {
    /// Takes note of an answer about Livy, and tells what is new.
    pub(super) fn of_livy<T>(&mut self, answer: &Result<T, ServiceError>) {
        match self.change(answer) {
            None => {}
            Some(Change::Answers(None)) => info!("Livy answers"),
            Some(Change::Answers(Some(seconds))) => {
                info!(message_id = message_id::LIVY_BACK, "Livy answers again after {seconds} s");
            }
            Some(Change::Silent(reason)) => warn!(
                message_id = message_id::LIVY_UNREACHABLE,
                "Livy does not answer: {reason}; no task is polled until it does"
            ),
            Some(Change::AccessDenied(reason)) => warn!(
                message_id = message_id::LIVY_ACCESS_DENIED,
                "Livy cannot be used: {reason}; no task is polled until it can"
            ),
        }
    }

    /// Takes note of an answer about YARN, and tells what is new.
    pub(super) fn of_yarn<T>(&mut self, answer: &Result<T, ServiceError>) {
        const MEANWHILE: &str =
            "finished jobs wait for YARN's status, and no task is polled until it answers";
        match self.change(answer) {
            None | Some(Change::Answers(None)) => {}
            Some(Change::Answers(Some(seconds))) => {
                info!(message_id = message_id::YARN_BACK, "YARN answers again after {seconds} s");
            }
            Some(Change::Silent(reason)) => {
                warn!(
                    message_id = message_id::YARN_UNREACHABLE,
                    "YARN does not answer: {reason}; {MEANWHILE}"
                )
            }
            Some(Change::AccessDenied(reason)) => {
                warn!(
                    message_id = message_id::YARN_ACCESS_DENIED,
                    "YARN cannot be used: {reason}; {MEANWHILE}"
                );
            }
        }
    }

    fn change<'a, T>(&mut self, answer: &'a Result<T, ServiceError>) -> Option<Change<'a>> {
        let (condition, change) = match answer {
            Ok(_) => {
                let seconds = self.since.take().map(|since| since.elapsed().as_secs());
                (Condition::Answers, Change::Answers(seconds))
            }
            Err(ServiceError::Unavailable(reason)) => (Condition::Silent, Change::Silent(reason)),
            Err(ServiceError::AccessDenied(reason)) => {
                (Condition::AccessDenied, Change::AccessDenied(reason))
            }
            Err(ServiceError::Unsupported(reason)) => (Condition::Unsupported, Change::AccessDenied(reason)),
        };
        if answer.is_err() {
            self.since.get_or_insert_with(Instant::now);
        }
        (self.said.replace(condition) != Some(condition)).then_some(change)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn told(news: &mut News, answer: &Result<(), ServiceError>) -> Option<String> {
        news.change(answer).map(|change| match change {
            Change::Answers(None) => "answers".to_owned(),
            Change::Answers(Some(seconds)) => format!("answers after {seconds} s"),
            Change::Silent(reason) => format!("silent: {reason}"),
            Change::AccessDenied(reason) => format!("denied: {reason}"),
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_of_condition_is_told_once_with_how_long_it_lasted() {
        let silent = Err(ServiceError::Unavailable("refused".to_owned()));
        let denied = Err(ServiceError::AccessDenied("401".to_owned()));
        let old = Err(ServiceError::Unsupported("Livy 0.5".to_owned()));
        let mut news = News::default();
        assert_eq!(told(&mut news, &Ok(())).as_deref(), Some("answers"));
        assert_eq!(told(&mut news, &Ok(())), None);
        assert_eq!(told(&mut news, &silent).as_deref(), Some("silent: refused"));
        assert_eq!(told(&mut news, &silent), None);
        tokio::time::advance(Duration::from_secs(40)).await;
        assert_eq!(told(&mut news, &denied).as_deref(), Some("denied: 401"));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(told(&mut news, &Ok(())).as_deref(), Some("answers after 42 s"));
        assert_eq!(told(&mut news, &old).as_deref(), Some("denied: Livy 0.5"));
    }
}
