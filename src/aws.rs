//! What the clients of AWS share: the chain of credentials, the HTTP client, the time that a call may take, and how an
//! error is read.
//!
//! The SDK's own retries are off: `retry.rs` has a policy for each call, and who calls decides.

use std::io::ErrorKind;
use std::time::Duration;

use aws_config::timeout::{TimeoutConfig, TimeoutConfigBuilder};
use aws_config::{
    Region, SdkConfig, retry::RetryConfig, stalled_stream_protection::StalledStreamProtectionConfig,
};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::causes::{causes, innermost};
use crate::job::report::clip;

/// All calls but long polls answer within milliseconds.
const CALL: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(5);
/// Connections that are kept for the next calls: as many as the heartbeats of thousands of jobs need at a time. What a
/// slow hour has opened beside them, 20 KB each and more, is let go of.
const IDLE: usize = 64;
/// The most characters of an error that go into a message.
const MAX_REASON: usize = 600;

/// What every client is made from.
pub type Shared = SdkConfig;

/// Reads the SDK's own chain for calls in a region.
pub async fn load(region: &str) -> Shared {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    let http = http.pool_max_idle_per_host(IDLE);
    let loader = aws_config::from_env()
        .region(Region::new(region.to_owned()))
        .http_client(http.build_https())
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .timeout_config(timeouts().read_timeout(CALL).operation_timeout(CALL).build());
    loader.load().await
}

/// The patience of a long poll that the service holds for less than this.
pub fn patient(read: Duration) -> TimeoutConfig {
    timeouts().read_timeout(read).operation_timeout(read + CONNECT).build()
}

fn timeouts() -> TimeoutConfigBuilder {
    TimeoutConfig::builder().connect_timeout(CONNECT)
}

/// What is the matter with a call, as far as every service says it in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Too many calls.
    Throttled,
    /// No, wrong or expired credentials.
    Credentials,
    /// The credentials do not allow it.
    NotAllowed,
    /// An encryption key cannot be used.
    Key,
    /// The service has a fault.
    Service,
    /// The service cannot be reached.
    Unreachable,
    /// Anything else.
    Other,
}

/// Reads an error.
pub fn fault<E>(error: &SdkError<E, HttpResponse>) -> Fault
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let at_fault = error.raw_response().is_some_and(|response| response.status().as_u16() >= 500);
    match error.code() {
        Some("ThrottlingException" | "Throttling" | "TooManyRequestsException" | "RequestThrottled") => {
            Fault::Throttled
        }
        Some("AccessDeniedException" | "AccessDenied") => Fault::NotAllowed,
        Some(
            "ExpiredTokenException"
            | "ExpiredToken"
            | "UnrecognizedClientException"
            | "InvalidSignatureException"
            | "InvalidClientTokenId"
            | "MissingAuthenticationToken"
            | "IncompleteSignature",
        ) => Fault::Credentials,
        Some(code) if code.starts_with("Kms") => Fault::Key,
        _ if at_fault => Fault::Service,
        Some(_) => Fault::Other,
        None => match error {
            _ if lacks_credentials(error) => Fault::Credentials,
            SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) | SdkError::ResponseError(_) => {
                Fault::Unreachable
            }
            SdkError::ConstructionFailure(_) | SdkError::ServiceError(_) | _ => Fault::Other,
        },
    }
}

/// Whether a call without an answer may have been taken: not one that the service turned away (throttled, a key that
/// cannot be used) or that found nobody there.
pub fn maybe_applied<E>(error: &SdkError<E, HttpResponse>) -> bool
where
    E: std::error::Error + Send + Sync + 'static,
{
    match error {
        SdkError::ConstructionFailure(_) => false,
        SdkError::ServiceError(service) => service.raw().status().as_u16() >= 500,
        SdkError::DispatchFailure(_) => !is_refused(error),
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) | _ => true,
    }
}

/// Code and message where the service spoke, else the innermost reason. Never a token: the services do not echo them.
pub fn reason<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let text = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => {
            let reason = innermost(error).to_string();
            if reason.is_empty() { DisplayErrorContext(error).to_string() } else { reason }
        }
    };
    clip(&text, MAX_REASON)
}

/// No connection came up: not a byte was sent.
fn is_refused(error: &(dyn std::error::Error + 'static)) -> bool {
    let io = |reason: &(dyn std::error::Error + 'static)| {
        reason.downcast_ref::<std::io::Error>().map(std::io::Error::kind)
    };
    causes(error).any(|reason| io(reason) == Some(ErrorKind::ConnectionRefused))
}

/// The SDK has no type of its own for "no credentials", but says so somewhere in the chain.
fn lacks_credentials(error: &(dyn std::error::Error + 'static)) -> bool {
    causes(error).any(|reason| reason.to_string().to_lowercase().contains("credential"))
}
