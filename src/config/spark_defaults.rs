//! What Spark's own defaults say about the history server: where it is, and whether it speaks TLS.

use std::collections::BTreeMap;

use super::properties::{lines, property};
use crate::spark::address::Address;

/// What is kept of the file, which can have passwords of keystores.
const KEYS: [&str; 4] = [SparkDefaults::HISTORY, SSL, SSL_OF_ALL, SSL_PORT];
/// Whether it speaks TLS; what is not said for it is said for all of Spark's servers (`SSLOptions`).
const SSL: &str = "spark.ssl.historyServer.enabled";
const SSL_OF_ALL: &str = "spark.ssl.enabled";
/// At which port; unless it is set, so much above the port without TLS (`JettyUtils`, `Utils.userPort`).
const SSL_PORT: &str = "spark.ssl.historyServer.port";
const SSL_ABOVE: u16 = 400;
/// What stands for a value of Hadoop's (`SparkHadoopUtil.substituteHadoopVariables`).
const OF_HADOOP: &str = "${hadoopconf-";

/// The properties of the file that matter.
#[derive(Debug, Clone)]
pub(super) struct SparkDefaults(BTreeMap<&'static str, String>);

impl SparkDefaults {
    /// Where the links of YARN's pages lead once an application has ended.
    pub(super) const HISTORY: &'static str = "spark.yarn.historyServer.address";

    /// Takes the file's text.
    pub(super) fn new(text: &str) -> SparkDefaults {
        let lines = lines(text);
        let kept = KEYS.iter().filter_map(|key| Some((*key, property(&lines, key)?.to_owned())));
        SparkDefaults(kept.collect())
    }

    /// The history server's address; `None` where the file does not say. `hadoop` has Hadoop's own values.
    ///
    /// # Errors
    /// Why what it says is no address.
    pub(super) fn history(&self, hadoop: impl Fn(&str) -> Option<String>) -> Result<Option<Address>, String> {
        let Some(said) = self.get(SparkDefaults::HISTORY) else { return Ok(None) };
        let whole = substituted(said, hadoop);
        let url = if whole.contains("://") { whole } else { self.with_scheme(&whole) };
        match Address::parse(&url) {
            Ok(address) => Ok(Some(address)),
            Err(what) => Err(format!("{} = {said} {what}", SparkDefaults::HISTORY)),
        }
    }

    /// A host and port, which Spark calls an address, as a URL.
    fn with_scheme(&self, server: &str) -> String {
        let is_tls = self.get(SSL).or_else(|| self.get(SSL_OF_ALL)) == Some("true");
        if !is_tls {
            return format!("http://{server}");
        }
        let (host, port) = server.rsplit_once(':').unwrap_or((server, ""));
        let above = || Some(port.parse::<u16>().ok()?.checked_add(SSL_ABOVE)?.to_string());
        match self.get(SSL_PORT).map(str::to_owned).or_else(above) {
            Some(port) => format!("https://{host}:{port}"),
            None => format!("https://{server}"),
        }
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// A value with `${hadoopconf-name}` replaced; what stands for nothing is left as it is.
fn substituted(value: &str, hadoop: impl Fn(&str) -> Option<String>) -> String {
    let mut text = value.to_owned();
    let mut from = 0;
    while let Some(start) = text[from..].find(OF_HADOOP).map(|at| from + at) {
        let Some(end) = text[start..].find('}').map(|end| start + end) else { break };
        let other =
            hadoop(&text[start + OF_HADOOP.len()..end]).unwrap_or_else(|| text[start..=end].to_owned());
        text.replace_range(start..=end, &other);
        from = start + other.len();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(text: &str) -> Result<Option<String>, String> {
        let hadoop = |name: &str| (name == "yarn.resourcemanager.hostname").then(|| "rm".to_owned());
        let found = SparkDefaults::new(text).history(hadoop);
        found.map(|address| address.map(|address| address.base().to_owned()))
    }

    #[test]
    fn the_history_server_is_where_sparks_defaults_say() {
        let address = "spark.yarn.historyServer.address";
        let table = [
            (format!("{address}   ip-10-0-0-1.internal:18080"), "http://ip-10-0-0-1.internal:18080"),
            (format!("{address}=http://history:80/spark/"), "http://history/spark"),
            (format!("{address} https://history:18480\nspark.ssl.enabled false"), "https://history:18480"),
            (format!("{address} ${{hadoopconf-yarn.resourcemanager.hostname}}:18080"), "http://rm:18080"),
            (format!("{address} node:18080\nspark.ssl.enabled true"), "https://node:18480"),
            (
                format!(
                    "{address} node:18080\nspark.ssl.enabled true\nspark.ssl.historyServer.enabled false"
                ),
                "http://node:18080",
            ),
            (
                format!(
                    "{address} node:18080\nspark.ssl.historyServer.enabled true\nspark.ssl.historyServer.port 4443"
                ),
                "https://node:4443",
            ),
            (format!("{address} 10.0.0.1:18080\n{address} last:18080"), "http://last:18080"),
        ];
        for (text, expected) in table {
            assert_eq!(history(&text), Ok(Some(expected.to_owned())), "{text}");
        }
        for silent in ["", "spark.eventLog.enabled true", "# spark.yarn.historyServer.address node:18080"] {
            assert_eq!(history(silent), Ok(None), "{silent}");
        }
    }

    #[test]
    fn what_is_no_address_is_told_and_no_password_is_kept() {
        for odd in ["${hadoopconf-no.such}:18080", "no de:18080", "node:port", "ftp://node"] {
            let problem = history(&format!("spark.yarn.historyServer.address {odd}")).unwrap_err();
            assert!(problem.starts_with("spark.yarn.historyServer.address = "), "{problem}");
        }
        let kept = SparkDefaults::new("spark.ssl.historyServer.keyPassword hunter2\nspark.ssl.enabled true");
        assert!(!format!("{kept:?}").contains("hunter2"), "{kept:?}");
    }
}
