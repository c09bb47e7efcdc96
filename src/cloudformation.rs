//! The second door: CloudFormation's custom resources, which come through an SNS topic and an SQS queue and are answered
//! at a presigned URL.
//!
//! `queue` brings messages, `request` reads one, `resource` decides what it means beside all others of its resource,
//! `resources` holds all of them and `files` keeps what was decided, `response` writes the answer and `answer` sends it. `errand` makes a
//! task of a decision, `intake` does all of that in its order, and `ending` waits for the end of what a request ends. `request`, `resource`, `errand` and `response` are pure.

pub mod answer;
pub mod ending;
pub mod errand;
pub mod files;
pub mod intake;
pub mod queue;
pub mod request;
pub mod resource;
pub mod resources;
pub mod response;
