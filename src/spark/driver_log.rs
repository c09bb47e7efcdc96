//! What a driver wrote, from the pages that YARN has for people.
//!
//! In cluster mode Livy's log is only spark-submit's, and YARN says just "exited with status 1". The container's page is
//! with its NodeManager at first; where logs are aggregated it answers with a 307 to the log server (`MapReduce`'s history
//! server) afterwards, which can say for some seconds that the aggregation is not complete: a page without a
//! preformatted part. Pages rather than the REST interfaces: the NodeManager's leads nowhere once its logs are
//! aggregated, and the history server's hangs while it cannot reach the ResourceManager (observed with Hadoop 3.3.4).

use std::error::Error;
use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::{Method, Url};

use super::addresses::ServiceAddresses;
use super::connection::{Access, Connection, Pool};
use super::read_body;
use crate::job::world::Unreachable;

/// How much of a log is asked for, in bytes from its end.
const TAIL: usize = 64 << 10;
/// A page of a busy history server takes its time, and a dead node must not take ours.
const ANSWER: Duration = Duration::from_secs(5);
/// From the NodeManager over a proxy or two to the log server.
const STEPS: usize = 6;

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
        let mut url = Url::parse(&format!("{}/{file}/?start=-{TAIL}", page.trim_end_matches('/')))
            .map_err(|error| Unreachable(format!("{page} is no URL: {error}")))?;
        for _ in 0..STEPS {
            let request = self.0.request(Method::GET, url.as_str());
            let response = self.0.send(request).await?;
            let status = response.status();
            let header = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).map(str::to_owned);
            let body = read_body(response).await?;
            let body = String::from_utf8_lossy(&body);
            let Some(next) = header.filter(|_| status.is_redirection()) else {
                if !status.is_success() {
                    return Err(Unreachable(format!("{url} answers {}", status.as_u16())));
                }
                return Ok(preformatted(&body).map(|text| lines(&text)));
            };
            url = url.join(&next).map_err(|error| Unreachable(format!("{next} is no URL: {error}")))?;
            if !matches!(url.scheme(), "http" | "https") {
                return Err(Unreachable(format!("{url} is no web page")));
            }
            if url.query().is_none() {
                // A log server shows 4 KiB to who does not ask for more.
                url.set_query(Some(&format!("start=-{TAIL}")));
            }
        }
        Err(Unreachable(format!("{page} leads nowhere")))
    }
}

/// The text of the last preformatted part, where a page shows the log. A page without one has a message instead.
fn preformatted(page: &str) -> Option<String> {
    let open = page.rfind("<pre")?;
    let start = open + page[open..].find('>')? + 1;
    let end = page[start..].rfind("</pre>").map_or(page.len(), |end| start + end);
    Some(html_escape::decode_html_entities(&page[start..end]).into_owned())
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
    fn the_log_is_what_a_page_shows_preformatted() {
        let page = "<html><td>\n<pre>\nFile &quot;a.py&quot;, in &lt;module&gt;\n  raise &uuml; &amp;amp; &#39;\n</pre>\n</td></html>";
        let text = preformatted(page).unwrap();
        assert_eq!(lines(&text), ["File \"a.py\", in <module>", "  raise ü &amp; '"]);
        assert_eq!(preformatted("<h1>Logs not available for container_1</h1>"), None);
    }

    #[test]
    fn only_the_end_of_a_long_log_is_kept() {
        let text = format!("{}\nlast", "ü".repeat(TAIL));
        let lines = lines(&text);
        assert!(lines[0].len() < TAIL && lines[0].chars().all(|c| c == 'ü'));
        assert_eq!(lines[1], "last");
    }
}
