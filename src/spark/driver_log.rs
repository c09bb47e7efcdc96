//! What a driver wrote, from the pages that YARN has for people.
//!
//! In cluster mode Livy's log is only spark-submit's, and YARN says just "exited with status 1". The container's page is
//! with its NodeManager at first; where logs are aggregated it answers with a 307 to the log server (`MapReduce`'s history
//! server) afterwards, which can say for some seconds that the aggregation is not complete: a page without a
//! preformatted part. Pages rather than the REST interfaces: the NodeManager's leads nowhere once its logs are
//! aggregated, and the history server's hangs while it cannot reach the ResourceManager (observed with Hadoop 3.3.4).
//!
//! Both servers count `start` and `end` in bytes, and then read as many *characters* as there are bytes between them
//! (`ContainerLogsPage`, `LogAggregationHtmlBlock`; Hadoop 2.8 to 3.4). An `end` beyond the file is its end.

mod page;

use std::error::Error;
use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::{Method, Url};

use super::addresses::ServiceAddresses;
use super::connection::{Access, Connection, Pool};
use super::{MAX_BODY, read_at_most};
use crate::job::world::Unreachable;
use page::{length, message, preformatted};

/// How much of a log is asked for, in bytes from its end.
pub const TAIL: usize = 64 << 10;
/// How much of a log is asked for at once where it is read on from a place, in bytes.
pub const PART: usize = 32 << 10;
/// The most bytes of the page of a part. A character can take ten in HTML, and only where nobody writes words.
const PART_PAGE: usize = 16 * PART;
/// A page of a busy history server takes its time, and a dead node must not take ours.
const ANSWER: Duration = Duration::from_secs(5);
/// From the NodeManager over a proxy or two to the log server.
const STEPS: usize = 6;

/// What a page shows: what was asked for, or a message in the server's words.
pub type Shown<T> = Result<T, String>;

/// A part of a log.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// The text, in which what is not UTF-8 has become U+FFFD.
    pub text: String,
    /// The log had nothing more when it was read.
    pub is_end: bool,
}

/// Reads drivers' logs.
#[derive(Debug, Clone)]
pub struct DriverLogs(Connection);

impl DriverLogs {
    /// A reader whose requests take at most `timeout`, and 5 s. What holds for the ResourceManagers at `addresses` holds for
    /// every page; the login is for `addresses` alone.
    ///
    /// # Errors
    /// Where the TLS library cannot be set up.
    pub fn new(
        addresses: &ServiceAddresses,
        access: &Access,
        timeout: Duration,
    ) -> Result<DriverLogs, Box<dyn Error + Send + Sync>> {
        Connection::new(access, addresses, timeout.min(ANSWER), Pool::Kept).map(DriverLogs)
    }

    /// The last lines of `file` (`stderr`, `stdout`) below a container's page; `None` where it is not there, or not
    /// there yet.
    ///
    /// # Errors
    /// [`Unreachable`] where nobody answers with a log.
    pub async fn tail(&self, page: &str, file: &str) -> Result<Option<Vec<String>>, Unreachable> {
        let body = self.page(&file_of(page, file), &format!("start=-{TAIL}"), MAX_BODY).await?;
        Ok(preformatted(&body).map(|text| lines(&text)))
    }

    /// How many bytes `file` has by now, or why it is not there.
    ///
    /// # Errors
    /// As [`DriverLogs::tail`].
    pub async fn length(&self, page: &str, file: &str) -> Result<Shown<u64>, Unreachable> {
        // The NodeManager's list of files, or the log server's page of all of them.
        let body = self.page(page.trim_end_matches('/'), "start=-1", PART_PAGE).await?;
        Ok(length(&body, file).ok_or_else(|| message(&body)))
    }

    /// What `file` has from a byte on, [`PART`] characters at most, or why it is not there.
    ///
    /// # Errors
    /// As [`DriverLogs::tail`].
    pub async fn part(&self, page: &str, file: &str, from: u64) -> Result<Shown<Part>, Unreachable> {
        let query = format!("start={from}&end={}", from.saturating_add(PART as u64));
        let body = self.page(&file_of(page, file), &query, PART_PAGE).await?;
        Ok(match preformatted(&body) {
            Some(text) => {
                // Java counts in UTF-16 units.
                let is_end = text.chars().map(char::len_utf16).sum::<usize>() < PART;
                Ok(Part { text, is_end })
            }
            None => Err(message(&body)),
        })
    }

    /// A page, wherever it is by now.
    async fn page(&self, place: &str, query: &str, limit: usize) -> Result<String, Unreachable> {
        let mut url = Url::parse(&format!("{place}?{query}"))
            .map_err(|error| Unreachable(format!("{place} is no URL: {error}")))?;
        for _ in 0..STEPS {
            let at = |Unreachable(reason)| Unreachable(format!("{}: {reason}", origin(&url)));
            let request = self.0.request(Method::GET, url.as_str());
            let response = self.0.send(request).await.map_err(|silence| at(silence.into()))?;
            let status = response.status();
            let header = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).map(str::to_owned);
            let body = read_at_most(response, limit).await.map_err(at)?;
            let Some(next) = header.filter(|_| status.is_redirection()) else {
                if !status.is_success() {
                    return Err(Unreachable(format!("{url} answers {}", status.as_u16())));
                }
                return Ok(String::from_utf8_lossy(&body).into_owned());
            };
            url = url.join(&next).map_err(|error| Unreachable(format!("{next} is no URL: {error}")))?;
            if !matches!(url.scheme(), "http" | "https") {
                return Err(Unreachable(format!("{url} is no web page")));
            }
            if url.query().is_none() {
                // A log server shows 4 KiB to who does not ask for more.
                url.set_query(Some(query));
            }
        }
        Err(Unreachable(format!("{place} leads nowhere")))
    }
}

fn file_of(page: &str, file: &str) -> String {
    format!("{}/{file}/", page.trim_end_matches('/'))
}

/// Which server it is.
fn origin(url: &Url) -> String {
    let port = url.port_or_known_default().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}", url.host_str().unwrap_or_default())
}

/// The last lines; the first of a cut text is half a line.
fn lines(text: &str) -> Vec<String> {
    let mut from = text.len().saturating_sub(TAIL);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text[from..].trim_matches('\n').lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_long_log_is_kept() {
        let text = format!("{}\nlast", "ü".repeat(TAIL));
        let lines = lines(&text);
        assert!(lines[0].len() < TAIL && lines[0].chars().all(|c| c == 'ü'));
        assert_eq!(lines[1], "last");
    }
}
