//! Takes secrets out of what a state machine's history will show.
//!
//! A history is read by more people than a driver's log, and kept longer.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex_lite::Regex;

/// `password=…`, `"fs.s3a.secret.key": "…"`, `--api-token …`: a name that says what follows, and what follows.
#[expect(clippy::expect_used, reason = "a constant that a test compiles")]
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)([a-z0-9_.\-]*(?:password|passwd|pwd|secret|token|credential|api[_\-.]?key|access[_\-.]?key|private[_\-.]?key)[a-z0-9_.\-]*["']?\s*(?:=>|[=:])\s*)(?:"[^"]*"|'[^']*'|[^\s"',;&}\])]+)"#,
    )
    .expect("it is an expression")
});
/// The ids of AWS keys (IAM user guide, unique identifiers), and the key that may follow.
#[expect(clippy::expect_used, reason = "a constant that a test compiles")]
static AWS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b").expect("it is an expression"));
/// `scheme://user:password@host`.
#[expect(clippy::expect_used, reason = "a constant that a test compiles")]
static URL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b([a-zA-Z][a-zA-Z0-9+.\-]*://)[^\s/@:]*:[^\s/@]+@").expect("it is an expression")
});
/// `Authorization: Bearer …` and its kin.
#[expect(clippy::expect_used, reason = "a constant that a test compiles")]
static BEARER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b((?:bearer|basic)\s+)[a-z0-9._~+/=\-]{8,}").expect("it is an expression")
});

/// The text without what looks like a secret. A text without one is not copied.
pub(crate) fn mask(text: &str) -> Cow<'_, str> {
    let mut masked = Cow::Borrowed(text);
    for (expression, with) in
        [(&*URL, "${1}***@"), (&*BEARER, "${1}***"), (&*NAMED, "${1}***"), (&*AWS, "***")]
    {
        if let Cow::Owned(replaced) = expression.replace_all(&masked, with) {
            masked = Cow::Owned(replaced);
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_as_a_secret_is_masked_and_its_name_stays() {
        let table = [
            ("connecting with password=hunter2 to db", "connecting with password=*** to db"),
            ("spark.hadoop.fs.s3a.secret.key=wJalrXUtnFEMI/K7", "spark.hadoop.fs.s3a.secret.key=***"),
            (r#"{"db_password": "a b", "user": "x"}"#, r#"{"db_password": ***, "user": "x"}"#),
            (
                "jdbc:redshift://h:5439/d?user=u&password=p%40ss&ssl=true",
                "jdbc:redshift://h:5439/d?user=u&password=***&ssl=true",
            ),
            ("API_TOKEN: abc-123", "API_TOKEN: ***"),
            ("authorization: Bearer eyJhbGciOi.J9.x", "authorization: Bearer ***"),
            ("s3.access-key=AKIAIOSFODNN7EXAMPLE", "s3.access-key=***"),
            ("The key AKIAIOSFODNN7EXAMPLE is inactive", "The key *** is inactive"),
            ("postgresql://etl:hunter2@db.internal:5432/x", "postgresql://***@db.internal:5432/x"),
        ];
        for (text, expected) in table {
            assert_eq!(mask(text), expected, "{text}");
        }
    }

    #[test]
    fn what_only_mentions_one_stays_and_is_not_copied() {
        for text in [
            "java.lang.IllegalStateException: the token expired",
            "Traceback (most recent call last):",
            "hdfs://namenode:8020/user/x@y/part-0",
            "AccessDenied: status code 403, request id: ABC",
            "at org.apache.spark.SecurityManager.getSecretKey(SecurityManager.scala:77)",
            "KeyError: 'tokens'",
        ] {
            assert!(matches!(mask(text), Cow::Borrowed(same) if same == text), "{text}: {}", mask(text));
        }
    }
}
