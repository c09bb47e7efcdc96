//! Clients of Step Functions, a pair for each region. A token is answered in the region that handed it out, whatever the
//! configuration says by then.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_sfn::Client;
use aws_sdk_sfn::config::{Builder, Region};

use super::POLL_READ;
use crate::arn;
use crate::aws;

/// The clients of one region.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) calls: Client,
    /// The same with a patience for long polls: setting it with each poll costs as much as the poll.
    pub(super) polls: Client,
}

/// The clients of all regions. They are made when they are first asked for, and share connections.
#[derive(Debug, Clone)]
pub(super) struct Regions {
    shared: aws::Shared,
    /// Where every call goes, whatever its region.
    endpoint_url: Option<String>,
    /// The region of the activities that are polled.
    home: String,
    made: Arc<Mutex<HashMap<String, Pair>>>,
}

impl Regions {
    /// Reads the SDK's own chain, its region apart: that is the ARN's.
    pub(super) async fn load(home: &str, endpoint_url: Option<&str>) -> Regions {
        let endpoint_url = endpoint_url.map(str::to_owned);
        Regions { shared: aws::load(home).await, endpoint_url, home: home.to_owned(), made: Arc::default() }
    }

    /// The clients of an ARN's region.
    pub(super) fn of(&self, arn: &str) -> Pair {
        self.pair(arn::region(arn).unwrap_or(&self.home))
    }

    /// The clients of the region of the activities that are polled.
    pub(super) fn home(&self) -> Pair {
        self.pair(&self.home)
    }

    fn pair(&self, region: &str) -> Pair {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        match made.entry(region.to_owned()) {
            Entry::Occupied(pair) => pair.get().clone(),
            Entry::Vacant(place) => place.insert(self.make(region)).clone(),
        }
    }

    fn make(&self, region: &str) -> Pair {
        let mut builder = Builder::from(&self.shared).region(Region::new(region.to_owned()));
        // For Step Functions alone: credentials come from elsewhere.
        if let Some(url) = &self.endpoint_url {
            builder.set_endpoint_url(Some(url.clone()));
        }
        let polls = builder.clone().timeout_config(aws::patient(POLL_READ)).build();
        Pair { calls: Client::from_conf(builder.build()), polls: Client::from_conf(polls) }
    }

    /// Why the tokens of one of these ARNs cannot be answered: all calls go to one place, which is not theirs.
    pub(super) fn unanswerable<'a>(&self, arns: impl IntoIterator<Item = &'a str>) -> Option<String> {
        let place = self.endpoint_url.as_deref().or(self.shared.endpoint_url())?;
        let foreign =
            arns.into_iter().find(|arn| arn::region(arn).is_some_and(|region| region != self.home))?;
        Some(format!(
            "the journal has a task of {foreign}, which is answered in its own region; with endpoint_url every call \
             goes to {place}: take endpoint_url out, or start with that activity until its tasks have ended. Nothing \
             was changed, and its job runs on"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::Regions;

    const HOME: &str = "arn:aws:states:us-east-1:123456789012:activity:etl";
    const OTHER: &str = "arn:aws:states:eu-west-1:123456789012:activity:etl";

    #[tokio::test]
    async fn each_region_has_clients_of_its_own_that_are_made_once() {
        let regions = Regions::load("us-east-1", None).await;
        for (arn, expected) in
            [(HOME, "us-east-1"), (OTHER, "eu-west-1"), (OTHER, "eu-west-1"), ("", "us-east-1")]
        {
            let pair = regions.of(arn);
            for client in [pair.calls, pair.polls] {
                assert_eq!(client.config().region().map(AsRef::as_ref), Some(expected), "{arn}");
            }
        }
        assert_eq!(regions.made.lock().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn an_endpoint_of_ones_own_answers_one_region_alone() {
        let anywhere = Regions::load("us-east-1", None).await;
        assert_eq!(anywhere.unanswerable([HOME, OTHER]), None);
        let fixed = Regions::load("us-east-1", Some("http://127.0.0.1:1")).await;
        assert_eq!(fixed.unanswerable([HOME, "", "not an ARN"]), None);
        let why = fixed.unanswerable([HOME, OTHER]).unwrap();
        assert!(why.contains(OTHER) && why.contains("goes to http://127.0.0.1:1"), "{why}");
    }
}
