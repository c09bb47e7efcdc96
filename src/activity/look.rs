//! Looks that take no task and touch none: is an activity there, and may tasks be answered?

use aws_sdk_sfn::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sfn::primitives::{DateTime, DateTimeFormat};

use super::{StepFunctions, Trouble, is_token_dead, trouble};

/// An invalid token. With the permission the service answers "invalid token", without it "access denied".
const FAKE_TOKEN: &str = "made-up-by-spark-job-worker-doctor";

/// What a look brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// What is in the way.
    pub trouble: Option<Trouble>,
    /// The service's clock, in seconds since 1970, where it said so.
    pub service_time: Option<i64>,
}

impl StepFunctions {
    /// Asks for an activity (`DescribeActivity`).
    pub async fn look(&self, arn: &str) -> Looked {
        looked(self.regions.of(arn).calls.describe_activity().activity_arn(arn).send().await)
    }

    /// SendTaskHeartbeat for nobody's token.
    pub async fn may_beat(&self) -> Looked {
        looked(self.regions.home().calls.send_task_heartbeat().task_token(FAKE_TOKEN).send().await)
    }

    /// SendTaskSuccess for nobody's token.
    pub async fn may_succeed(&self) -> Looked {
        looked(self.regions.home().calls.send_task_success().task_token(FAKE_TOKEN).output("{}").send().await)
    }

    /// SendTaskFailure for nobody's token.
    pub async fn may_fail(&self) -> Looked {
        looked(self.regions.home().calls.send_task_failure().task_token(FAKE_TOKEN).send().await)
    }
}

/// "Invalid token" is the answer that is expected, and no trouble.
fn looked<T, E>(answer: Result<T, SdkError<E>>) -> Looked
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let Err(error) = answer else { return Looked { trouble: None, service_time: None } };
    let date = error.raw_response().and_then(|response| response.headers().get("date"));
    let date = date.and_then(|date| DateTime::from_str(date, DateTimeFormat::HttpDate).ok());
    Looked {
        trouble: (!is_token_dead(error.code())).then(|| trouble(&error)),
        service_time: date.map(|date| date.secs()),
    }
}
