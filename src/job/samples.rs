//! What Livy and YARN say, for tests: each as little as possible.

use super::application::{AppState, Application};
use super::world::{BatchState, BatchView, LivyAnswer};

/// An application of YARN's.
pub(super) fn application(id: &str, state: AppState) -> Application {
    Application {
        id: id.into(),
        state,
        word: "RUNNING".into(),
        started: None,
        launched: None,
        finished: None,
        memory_seconds: None,
        vcore_seconds: None,
        diagnostics: "said".into(),
        tracking_url: None,
        log_url: None,
    }
}

/// Livy's record of a batch.
pub(super) fn record(state: BatchState, application: Option<&str>) -> LivyAnswer {
    LivyAnswer::Seen(BatchView { application: application.map(str::to_owned), ..view(state) }.into())
}

/// The batch `a`, without an application.
pub(super) fn view(state: BatchState) -> BatchView {
    BatchView {
        id: 0,
        name: "a".into(),
        state,
        application: None,
        proxy_user: None,
        driver_log_url: None,
        tracking_url: None,
        log_is_empty: false,
    }
}
