//! `[livy]`, `[yarn]` and `[verify]`: how the cluster is reached.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::duration;

/// Instead of a URL: the service is looked for.
pub(in crate::config) const AUTO: &str = "auto";

/// `[livy]`: how to reach Livy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct RawLivy {
    /// Its URL; [`AUTO`]: as the node's files say.
    pub(in crate::config) url: String,
    /// Other names under which inputs may mean this Livy.
    pub(in crate::config) aliases: Vec<String>,
    /// The longest that a request may take; DELETE has 150 s, because Livy may look for an application for 120 s.
    #[serde(with = "duration")]
    pub(in crate::config) request_timeout: Duration,
    /// For how long Livy may keep a task waiting before it fails with `SparkJob.LivyUnavailable`.
    #[serde(with = "duration")]
    pub(in crate::config) patience: Duration,
    /// POSTs at once.
    pub(in crate::config) max_concurrent_submits: usize,
    /// Certificates, as PEM, of the only authorities that are believed; none: the node's own.
    pub(in crate::config) ca_file: Option<PathBuf>,
    /// SHA-256 of the certificates that are believed, whatever signed them.
    pub(in crate::config) pinned_sha256: OneOrSeveral,
    /// Any certificate is believed.
    pub(in crate::config) insecure: bool,
    /// The name for HTTP's basic authentication.
    pub(in crate::config) username: Option<String>,
    /// Where its password is.
    pub(in crate::config) password_file: Option<PathBuf>,
}

/// `[yarn]`: how to reach YARN. What is said about certificates holds for its web pages, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct RawYarn {
    /// The ResourceManager's URL, or those of several; [`AUTO`]: as the node's files say; empty: YARN is not asked.
    pub(in crate::config) url: OneOrSeveral,
    /// Whether Livy and all `node managers` run under a UTF-8 locale, so that arguments may hold more than ASCII.
    pub(in crate::config) utf8: bool,
    /// As in [`RawLivy`].
    pub(in crate::config) ca_file: Option<PathBuf>,
    /// As in [`RawLivy`].
    pub(in crate::config) pinned_sha256: OneOrSeveral,
    /// As in [`RawLivy`].
    pub(in crate::config) insecure: bool,
    /// As in [`RawLivy`].
    pub(in crate::config) username: Option<String>,
    /// As in [`RawLivy`].
    pub(in crate::config) password_file: Option<PathBuf>,
}

/// `[verify]`: who is asked about an end beside YARN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct RawVerify {
    /// Spark's own REST interface is asked which of its jobs and stages failed.
    pub(in crate::config) spark: bool,
    /// The URL of Spark's history server; [`AUTO`]: as the node's files say.
    pub(in crate::config) history_url: String,
}

/// One text, several, or none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(in crate::config) enum OneOrSeveral {
    /// One; an empty text is none.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl OneOrSeveral {
    /// All of them.
    pub(in crate::config) fn all(&self) -> Vec<String> {
        match self {
            OneOrSeveral::One(text) if text.is_empty() => Vec::new(),
            OneOrSeveral::One(text) => vec![text.clone()],
            OneOrSeveral::Several(texts) => texts.clone(),
        }
    }
}

impl Default for RawLivy {
    fn default() -> RawLivy {
        RawLivy {
            url: AUTO.to_owned(),
            aliases: Vec::new(),
            request_timeout: Duration::from_secs(30),
            patience: Duration::from_secs(600),
            max_concurrent_submits: 8,
            ca_file: None,
            pinned_sha256: OneOrSeveral::Several(Vec::new()),
            insecure: false,
            username: None,
            password_file: None,
        }
    }
}

impl Default for RawVerify {
    fn default() -> RawVerify {
        RawVerify { spark: false, history_url: AUTO.to_owned() }
    }
}

impl Default for RawYarn {
    fn default() -> RawYarn {
        RawYarn {
            url: OneOrSeveral::One(AUTO.to_owned()),
            utf8: false,
            ca_file: None,
            pinned_sha256: OneOrSeveral::Several(Vec::new()),
            insecure: false,
            username: None,
            password_file: None,
        }
    }
}
