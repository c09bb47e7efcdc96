//! What Livy makes of the body of POST /batches: the accepted forms, and each way of being refused.

use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use super::settings::{Settings, Version};

/// The longest argument that Linux passes to a process, its closing NUL not counted.
const LONGEST_ARGUMENT: usize = 131_071;

const LISTS: [&str; 5] = ["args", "jars", "pyFiles", "files", "archives"];
const TEXTS: [&str; 7] =
    ["file", "proxyUser", "className", "driverMemory", "executorMemory", "queue", "name"];
const NUMBERS: [&str; 3] = ["driverCores", "executorCores", "numExecutors"];

/// Why a POST is refused.
#[derive(Debug, PartialEq)]
pub(super) enum Refusal {
    /// Jackson cannot read it: 400, a bare JSON string.
    Unreadable(String),
    /// An IllegalArgumentException: 400, `{"msg"}`, worded by version.
    Illegal(String),
    /// Any other exception: 500, a bare JSON string.
    Exception(String),
}

use Refusal::{Exception, Illegal, Unreadable};

/// A body that Jackson could read.
#[derive(Clone, Debug)]
pub(super) struct Submission {
    body: Map<String, Value>,
}

impl Submission {
    /// Reads the body; a refusal here consumes no id.
    pub(super) fn read(body: &[u8]) -> Result<Self, Refusal> {
        if body.is_empty() {
            return Err(Unreadable(
                "No content to map due to end-of-input\n at [Source: (body); line: 1, column: 0]".into(),
            ));
        }
        // The first value counts; what follows it is never looked at.
        let first = serde_json::Deserializer::from_slice(body).into_iter::<Value>().next();
        let value = first.unwrap_or(Ok(Value::Null)).map_err(|error| Unreadable(error.to_string()))?;
        let Value::Object(body) = value else {
            return Err(mismatch("org.apache.livy.server.batch.CreateBatchRequest"));
        };
        for (key, value) in &body {
            check_type(key, value)?;
        }
        Ok(Self { body })
    }

    /// Reads the body of a session, and its kind.
    pub(super) fn read_session(body: &[u8]) -> Result<(Self, String), Refusal> {
        let unreadable = |error: serde_json::Error| Unreadable(error.to_string());
        let mut body: Map<String, Value> = serde_json::from_slice(body).map_err(unreadable)?;
        let kind = body.remove("kind").as_ref().and_then(Value::as_str).unwrap_or("shared").to_owned();
        body.remove("heartbeatTimeoutInSecond");
        if let Some(unknown) = ["file", "className", "args"].into_iter().find(|key| body.contains_key(*key)) {
            return Err(Unreadable(format!(
                "Unrecognized field \"{unknown}\" (class org.apache.livy.server.interactive.CreateInteractiveRequest), not \
                 marked as ignorable"
            )));
        }
        for (key, value) in &body {
            check_type(key, value)?;
        }
        Ok((Self { body }, kind))
    }

    /// What is checked of a session.
    pub(super) fn prepare_session(&self, settings: &Settings) -> Result<(), Refusal> {
        self.check_conf(settings)?;
        self.check_numbers()
    }

    pub(super) fn body(&self) -> Value {
        Value::Object(self.body.clone())
    }

    /// The name, which is checked before the batch is registered.
    pub(super) fn name(&self) -> Result<Option<String>, Refusal> {
        match self.text("name") {
            Some(name) if name.chars().all(|letter| letter.is_ascii_digit()) => {
                Err(Illegal(format!("Invalid session name: {name}")))
            }
            name => Ok(name),
        }
    }

    /// Livy logs the request before it registers the batch, and that line fails on a null list or map.
    pub(super) fn log(&self) -> Result<(), Refusal> {
        let null = LISTS.iter().chain(&["conf"]).any(|key| self.body.get(*key).is_some_and(Value::is_null));
        if null { Err(null_pointer()) } else { Ok(()) }
    }

    /// What is checked of a registered batch before the recovery store has it: a refusal leaves a zombie.
    pub(super) fn prepare(&self, settings: &Settings) -> Result<(), Refusal> {
        if !self.body.get("conf").is_some_and(Value::is_null) {
            self.check_conf(settings)?;
        }
        if self.text("file").is_none() {
            return Err(Illegal("requirement failed: File is required.".into()));
        }
        self.check_numbers()
    }

    /// What is checked when spark-submit is started: a refusal leaves a zombie that outlives a restart.
    pub(super) fn start(&self, settings: &Settings) -> Result<(), Refusal> {
        let file = self.text("file").unwrap_or_default();
        if file.is_empty() {
            return Err(Exception("java.lang.IndexOutOfBoundsException: 0".into()));
        }
        resolve(&file, settings)?;
        if self.has_null("args") {
            return Err(null_pointer());
        }
        if self.arguments().any(|argument| argument.len() > LONGEST_ARGUMENT) {
            let reason = "java.io.IOException: Cannot run program \"bin/spark-submit\": error=7, Argument list too long";
            return Err(Exception(reason.into()));
        }
        Ok(())
    }

    fn check_conf(&self, settings: &Settings) -> Result<(), Refusal> {
        const NEVER: [&str; 2] =
            ["spark.submit.deployMode", "spark.submit.proxyUser.allowCustomClasspathInClusterMode"];
        let refused: Vec<&str> = NEVER.into_iter().filter(|key| self.conf(key).is_some()).collect();
        if settings.version >= Version::V0_8 && !refused.is_empty() {
            let reason =
                format!("Blacklisted configuration values in session config: {}", refused.join(", "));
            return Err(Illegal(reason));
        }
        for list in &LISTS[1..] {
            if self.has_null(list) {
                return Err(null_pointer());
            }
            for path in self.list(list) {
                resolve(&path, settings)?;
            }
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), Refusal> {
        // Erased generics: Jackson lets any scalar through, and the first use of it as a number fails.
        let kind = |value: &Value| match value {
            Value::Null => None,
            Value::Number(number) if number.is_i64() || number.is_u64() => None,
            Value::Number(_) => Some("java.lang.Double"),
            Value::Bool(_) => Some("java.lang.Boolean"),
            _ => Some("java.lang.String"),
        };
        match NUMBERS.iter().filter_map(|key| self.body.get(*key)).find_map(kind) {
            Some(kind) => Err(Exception(format!(
                "java.lang.ClassCastException: class {kind} cannot be cast to class java.lang.Integer"
            ))),
            None => Ok(()),
        }
    }

    /// Whether a list is null, or has a null in it.
    fn has_null(&self, list: &str) -> bool {
        self.body.get(list).is_some_and(|value| match value {
            Value::Array(items) => items.contains(&Value::Null),
            other => other.is_null(),
        })
    }

    /// What spark-submit is given, as far as it can be long.
    fn arguments(&self) -> impl Iterator<Item = String> {
        let joined = LISTS[1..].iter().map(|list| format!("spark.{list}={}", self.list(list).join(",")));
        let conf = self.body.get("conf").and_then(Value::as_object).into_iter().flatten();
        let conf = conf.map(|(key, value)| format!("{key}={}", scalar(value)));
        let texts = TEXTS.iter().filter_map(|key| self.text(key));
        self.list("args").into_iter().chain(joined).chain(conf).chain(texts)
    }

    /// A text field; Jackson makes text of numbers and booleans.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.body.get(key).filter(|value| !value.is_null()).map(scalar)
    }

    /// A list of texts; empty if it is not there.
    pub(super) fn list(&self, key: &str) -> Vec<String> {
        self.body.get(key).and_then(Value::as_array).into_iter().flatten().map(scalar).collect()
    }

    /// One value of the conf.
    pub(super) fn conf(&self, key: &str) -> Option<String> {
        self.body.get("conf")?.get(key).map(scalar)
    }
}

fn null_pointer() -> Refusal {
    Exception("java.lang.NullPointerException: Cannot invoke a method because a value is null".into())
}

fn scalar(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn check_type(key: &str, value: &Value) -> Result<(), Refusal> {
    let nested = |value: &Value| value.is_object() || value.is_array();
    let fits = match key {
        key if LISTS.contains(&key) => match value {
            Value::Array(items) => !items.iter().any(nested),
            other => other.is_null(),
        },
        key if TEXTS.contains(&key) => !nested(value),
        key if NUMBERS.contains(&key) => true,
        "conf" => match value {
            Value::Object(pairs) => !pairs.values().any(nested),
            other => other.is_null(),
        },
        unknown => {
            return Err(Unreadable(format!(
                "Unrecognized field \"{unknown}\" (class org.apache.livy.server.batch.CreateBatchRequest), not marked as \
                 ignorable (16 known properties: \"executorCores\", \"queue\", \"file\", \"name\" [truncated]])"
            )));
        }
    };
    if fits { Ok(()) } else { Err(mismatch(key)) }
}

fn mismatch(what: &str) -> Refusal {
    Unreadable(format!("Cannot deserialize instance of `{what}` out of another token"))
}

/// Livy's check of a path or URI; it never looks whether something is there.
fn resolve(path: &str, settings: &Settings) -> Result<(), Refusal> {
    if path.is_empty() {
        return Ok(());
    }
    if let Some(at) = path.find([' ', '<', '>', '"', '{', '}', '|', '\\', '^', '`']) {
        return Err(Illegal(format!(
            "java.net.URISyntaxException: Illegal character in path at index {at}: {path}"
        )));
    }
    let scheme = path.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| !scheme.contains('/'));
    let local = match scheme {
        None if !path.starts_with('/') => {
            return Err(Illegal(format!("requirement failed: Path '{path}' is not absolute.")));
        }
        None => path.to_owned(),
        Some("file") => format!("/{}", path["file:".len()..].trim_start_matches('/')),
        Some(_) => return Ok(()),
    };
    let allowed = |directory: &String| match settings.version {
        Version::V0_7 | Version::V0_8 => local.starts_with(directory.as_str()),
        Version::V0_9 => normalised(&local).starts_with(directory),
    };
    if settings.whitelist.iter().any(allowed) {
        return Ok(());
    }
    Err(Illegal(format!("requirement failed: Local path {local} cannot be added to user sessions.")))
}

/// A path without `..`, as 0.9 compares it: by whole components. Earlier releases compare the text.
fn normalised(path: &str) -> PathBuf {
    Path::new(path).components().fold(PathBuf::new(), |mut normal, component| {
        match component {
            Component::ParentDir => drop(normal.pop()),
            other => normal.push(other),
        }
        normal
    })
}
