//! `[livy]` and `[yarn]`: how the cluster is reached.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;

/// Instead of a URL: the service is looked for.
pub const AUTO: &str = "auto";

/// How to reach Livy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Livy {
    /// Its URL; [`AUTO`]: as the node's files say.
    pub url: String,
    /// Other names under which inputs may mean this Livy.
    pub aliases: Vec<String>,
    /// The longest that a request may take; DELETE has 150 s, because Livy may look for an application for 120 s.
    #[serde(with = "duration")]
    pub request_timeout: Duration,
    /// For how long Livy may keep a task waiting before it fails with `SparkJob.LivyUnavailable`.
    #[serde(with = "duration")]
    pub patience: Duration,
    /// POSTs at once.
    pub max_concurrent_submits: usize,
    /// Certificates, as PEM, of the only authorities that are believed; none: the node's own.
    pub ca_file: Option<PathBuf>,
    /// SHA-256 of the certificates that are believed, whatever signed them.
    pub pinned_sha256: OneOrSeveral,
    /// Any certificate is believed.
    pub insecure: bool,
    /// The name for HTTP's basic authentication.
    pub username: Option<String>,
    /// Where its password is.
    pub password_file: Option<PathBuf>,
}

/// How to reach YARN. What is said about certificates holds for its web pages, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Yarn {
    /// The ResourceManager's URL, or those of several; [`AUTO`]: as the node's files say; empty: YARN is not asked.
    pub url: OneOrSeveral,
    /// Whether Livy and all `node managers` run under a UTF-8 locale, so that arguments may hold more than ASCII.
    pub utf8: bool,
    /// As in [`Livy`].
    pub ca_file: Option<PathBuf>,
    /// As in [`Livy`].
    pub pinned_sha256: OneOrSeveral,
    /// As in [`Livy`].
    pub insecure: bool,
    /// As in [`Livy`].
    pub username: Option<String>,
    /// As in [`Livy`].
    pub password_file: Option<PathBuf>,
}

/// One text, several, or none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrSeveral {
    /// One; an empty text is none.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl OneOrSeveral {
    /// All of them.
    pub fn all(&self) -> Vec<String> {
        match self {
            OneOrSeveral::One(text) if text.is_empty() => Vec::new(),
            OneOrSeveral::One(text) => vec![text.clone()],
            OneOrSeveral::Several(texts) => texts.clone(),
        }
    }
}

impl Livy {
    /// Whether it is looked for.
    pub fn is_auto(&self) -> bool {
        self.url == AUTO
    }
}

impl Yarn {
    /// Whether it is looked for.
    pub fn is_auto(&self) -> bool {
        matches!(&self.url, OneOrSeveral::One(text) if text == AUTO)
    }
}

impl Default for Livy {
    fn default() -> Livy {
        Livy {
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

impl Default for Yarn {
    fn default() -> Yarn {
        Yarn {
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
