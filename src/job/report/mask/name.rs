//! Which names say that a secret follows, and which words are none.

/// What stands between a name and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Between {
    /// `=`, `->`, `=>`, and `:` of JSON.
    Sign,
    /// A colon and a blank: also how a log writes a class and its message.
    Colon,
    /// A blank or a comma after an option: `--password …`.
    Option,
    /// `(name,value)`.
    Pair,
}

/// In each name that says that a secret follows there is one of these.
pub(super) const HINTS: [&str; 6] = ["pass", "pwd", "secret", "token", "credential", "key"];
const SECRETS: [&str; 7] = ["password", "passwd", "passphrase", "pwd", "secret", "token", "credential"];
const KEYS: [&str; 5] = ["api", "access", "private", "account", "shared"];
/// What may be written to such a word without a hump or a dash, and leaves it what it is.
const ATTACHED: [&str; 7] = ["s", "key", "keys", "value", "values", "string", "hash"];
/// Words after it with which the name means something else: where a secret is, how long it lasts, who has it.
const ABOUT: [&str; 62] = [
    "alias",
    "algorithm",
    "arn",
    "cache",
    "class",
    "column",
    "conf",
    "count",
    "dir",
    "enabled",
    "endpoint",
    "error",
    "exception",
    "exists",
    "expiration",
    "expired",
    "expires",
    "expiry",
    "factory",
    "field",
    "file",
    "files",
    "format",
    "header",
    "id",
    "identifier",
    "index",
    "interval",
    "java",
    "json",
    "kind",
    "length",
    "limit",
    "location",
    "manager",
    "max",
    "min",
    "name",
    "names",
    "path",
    "pattern",
    "policy",
    "position",
    "properties",
    "provider",
    "providers",
    "py",
    "region",
    "renewal",
    "renewer",
    "required",
    "scala",
    "service",
    "size",
    "store",
    "timeout",
    "ttl",
    "type",
    "uri",
    "url",
    "version",
    "xml",
];
/// With these behind it, even the name of a class means the secret itself.
const ITSELF: [&str; 6] = ["key", "keys", "string", "text", "value", "values"];
/// What a class is called that only complains of a secret.
const COMPLAINTS: [&str; 7] = ["invalid", "expired", "missing", "nosuch", "unknown", "unexpected", "bad"];
/// Values that tell nothing.
const NOTHING: [&str; 10] =
    ["null", "none", "nil", "true", "false", "undefined", "***", "\"\"", "''", "bearer"];
/// What follows an option or a colon in a sentence or a schema, and is no secret.
const WORDS: [&str; 65] = [
    "a",
    "also",
    "an",
    "and",
    "are",
    "argument",
    "array",
    "as",
    "at",
    "be",
    "binary",
    "boolean",
    "by",
    "can",
    "cannot",
    "could",
    "date",
    "decimal",
    "denied",
    "does",
    "double",
    "empty",
    "error",
    "expected",
    "expired",
    "expires",
    "failed",
    "float",
    "for",
    "from",
    "has",
    "if",
    "in",
    "instead",
    "int",
    "integer",
    "invalid",
    "is",
    "it",
    "long",
    "map",
    "may",
    "missing",
    "must",
    "no",
    "not",
    "of",
    "on",
    "option",
    "or",
    "parameter",
    "please",
    "required",
    "requires",
    "string",
    "struct",
    "the",
    "timestamp",
    "to",
    "unable",
    "unexpected",
    "value",
    "was",
    "with",
    "you",
];

/// Whether `name` says that `value` is a secret.
pub(super) fn is_secret(name: &str, between: Between, value: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let Some((word, end)) = last_word(&lower) else { return false };
    let suffix = &name[end..];
    let run = attached(name, end);
    let key = word.ends_with("key");
    let goes_on =
        ATTACHED.contains(&run.to_ascii_lowercase().as_str()) || (key && run.eq_ignore_ascii_case("id"));
    if !run.is_empty() && !goes_on {
        return false;
    }
    let words = words(&suffix[run.len()..]);
    // The id of an access key belongs to the secret; of a secret or a token it is but a name.
    if words.iter().any(|word| ABOUT.contains(&word.as_str())) && !(key && words == ["id"]) {
        return false;
    }
    // `X-Amz-Credential` names the key's id, which is masked by its form, and a date.
    if lower.trim_matches('-') == "x-amz-credential" || (lower.ends_with("pwd") && value.starts_with('/')) {
        return false;
    }
    let number = value.trim_matches(['"', '\'', '\\']);
    if suffix.eq_ignore_ascii_case("s") && number.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return false;
    }
    !(between == Between::Colon && is_class(name, &words))
}

/// Whether a value tells nothing, or is a word of a sentence.
pub(super) fn is_word(value: &str, between: Between) -> bool {
    let lower = value.to_ascii_lowercase();
    let word = lower.trim_end_matches(['.', ':', '!']);
    NOTHING.contains(&word)
        || (matches!(between, Between::Colon | Between::Option) && WORDS.contains(&word))
        || value.starts_with("{{")
}

/// The last word of a name that means a secret, and where it ends.
fn last_word(name: &str) -> Option<(&str, usize)> {
    let plain = SECRETS.iter().filter_map(|word| Some(name.rfind(word)?..name.rfind(word)? + word.len()));
    let keys = KEYS.iter().filter_map(|word| {
        let at = name.rfind(word)?;
        let after = at + word.len();
        let dash = usize::from(name[after..].starts_with(['_', '-', '.']));
        name[after + dash..].starts_with("key").then(|| at..after + dash + 3)
    });
    let range = plain.chain(keys).max_by_key(|range| range.end)?;
    Some((&name[range.clone()], range.end))
}

/// The letters that go on in the same case behind `end`.
fn attached(name: &str, end: usize) -> &str {
    let upper = name[..end].ends_with(|c: char| c.is_ascii_uppercase());
    let run =
        name[end..].find(|c: char| !(if upper { c.is_ascii_uppercase() } else { c.is_ascii_lowercase() }));
    &name[end..run.map_or(name.len(), |at| end + at)]
}

/// The words of a name, in lower case: `accessKey_id` has three.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut last = ' ';
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && !last.is_ascii_uppercase()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
            word.push(c.to_ascii_lowercase());
        }
        last = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether it is the name of a class, before its message: `…TokenServiceException`, `HadoopDelegationTokenManager`.
fn is_class(name: &str, after: &[String]) -> bool {
    let last = name.rsplit(['.', '$']).next().unwrap_or_default();
    let humps =
        last.starts_with(|c: char| c.is_ascii_uppercase()) && last.contains(|c: char| c.is_ascii_lowercase());
    let complains = COMPLAINTS.iter().any(|word| last.to_ascii_lowercase().starts_with(word));
    let packaged = last.len() < name.trim_start_matches('-').len();
    humps && (packaged || complains || after.iter().any(|word| !ITSELF.contains(&word.as_str())))
}
