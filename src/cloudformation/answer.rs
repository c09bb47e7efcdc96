//! The answer on its way: one PUT, and what its outcome means.
//!
//! A second PUT overwrites the first (S3), and nothing says which of them CloudFormation reads; so it is always the same
//! bytes. The URL stays in here and in the journal.

use super::request::ResponseUrl;
use crate::job::world::Reported;
use crate::spark::presigned::{Presigned, Put};

/// PUTs an answer once.
pub async fn put(client: &Presigned, url: &ResponseUrl, body: Vec<u8>) -> Reported {
    means(client.put(url.secret(), body).await)
}

/// What to do after a PUT. A URL that is refused answers nothing any more (it has expired, or its bucket is gone);
/// everything else can be otherwise the next time. A redirect is not followed: it would lead to a place that nobody has
/// checked.
fn means(put: Put) -> Reported {
    match put {
        Put::Answered(200..=299, _) => Reported::Acknowledged,
        Put::Answered(status @ (400 | 403 | 404), code) => Reported::Closed(shown(status, &code)),
        Put::Answered(status @ 300..=399, code) => {
            let reason = format!("{}, which is a redirect, and none is followed", shown(status, &code));
            Reported::Again { reason, maybe_applied: false }
        }
        Put::Answered(status, code) => {
            Reported::Again { reason: shown(status, &code), maybe_applied: status >= 500 }
        }
        Put::NotSent(reason) => Reported::Again { reason, maybe_applied: false },
        Put::Lost(reason) => Reported::Again { reason, maybe_applied: true },
    }
}

fn shown(status: u16, code: &str) -> String {
    if code.is_empty() { format!("HTTP {status}") } else { format!("HTTP {status} {code}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_of_a_put_has_one_meaning() {
        let answered = |status: u16| means(Put::Answered(status, "Code".to_owned()));
        assert_eq!([answered(200), answered(204)], [Reported::Acknowledged, Reported::Acknowledged]);
        for status in [400, 403, 404] {
            assert_eq!(answered(status), Reported::Closed(format!("HTTP {status} Code")));
        }
        for (status, maybe) in
            [(301, false), (307, false), (408, false), (429, false), (500, true), (503, true)]
        {
            let again = answered(status);
            assert!(
                matches!(&again, Reported::Again { maybe_applied, .. } if *maybe_applied == maybe),
                "{status}: {again:?}"
            );
        }
        let lost = Reported::Again { reason: "timed out".to_owned(), maybe_applied: true };
        assert_eq!(means(Put::Lost("timed out".to_owned())), lost);
        let refused = Reported::Again { reason: "refused".to_owned(), maybe_applied: false };
        assert_eq!(means(Put::NotSent("refused".to_owned())), refused);
        assert_eq!(means(Put::Answered(403, String::new())), Reported::Closed("HTTP 403".to_owned()));
    }
}
