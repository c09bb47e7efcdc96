//! Where a service is, read from a text once, so that nothing is left to be found wrong by its first request.

use std::fmt;

use reqwest::Url;

/// A service's URL: scheme, host, port, and a path where a proxy has the service below one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    /// Reads a URL.
    ///
    /// # Errors
    /// What is wrong with it, in words that follow its key.
    pub fn parse(text: &str) -> Result<Address, String> {
        if !text.starts_with("http://") && !text.starts_with("https://") {
            return Err("must begin with http:// or https://".to_owned());
        }
        // A parser for browsers takes these out or turns them round without a word.
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err("must not have blanks or backslashes".to_owned());
        }
        let url = Url::parse(text).map_err(|error| format!("is no URL: {error}"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not contain credentials".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("must not have a ? or a #".to_owned());
        }
        let host = url.host_str().unwrap_or_default();
        // The parser lets more be a name than any server has: `${host}`.
        if !host.starts_with('[') && !host.bytes().all(|c| c.is_ascii_alphanumeric() || b"-._".contains(&c)) {
            return Err(format!("has no host's name: {host}"));
        }
        if host.is_empty() || url.port_or_known_default().is_none_or(|port| port == 0) {
            return Err("must have a host, and a port that is not 0".to_owned());
        }
        Ok(Address(url))
    }

    /// The host: a name, or an IP address (version 6 in brackets).
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The port, also where the text says none.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or_default()
    }

    /// Whether nobody on the way can read what is said.
    pub fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The URL, to which a path that begins with a slash can be added.
    pub fn base(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// Whether a URL is for the same server.
    pub(super) fn serves(&self, url: &Url) -> bool {
        self.0.origin() == url.origin()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.base())
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn a_url_is_read_once_and_for_all() {
        for (text, base, host, port, tls) in [
            ("http://localhost:8998", "http://localhost:8998", "localhost", 8998, false),
            (
                "https://IP-10-0-0-1.internal/",
                "https://ip-10-0-0-1.internal",
                "ip-10-0-0-1.internal",
                443,
                true,
            ),
            ("http://[::1]:8088/yarn/", "http://[::1]:8088/yarn", "[::1]", 8088, false),
            ("http://10.0.0.1", "http://10.0.0.1", "10.0.0.1", 80, false),
        ] {
            let address = Address::parse(text).unwrap();
            let read = (address.base(), address.host(), address.port(), address.is_tls());
            assert_eq!(read, (base, host, port, tls), "{text}");
        }
    }

    #[test]
    fn what_no_request_could_be_sent_to_is_no_address() {
        for (text, problem) in [
            ("", "must begin with http"),
            ("localhost:8998", "must begin with http"),
            ("ftp://x", "must begin with http"),
            ("http://lo cal:8998", "blanks"),
            ("http://host:8998\n", "blanks"),
            ("http:\\\\host", "must begin with http"),
            ("http://host\\path", "blanks or backslashes"),
            ("http://", "is no URL: empty host"),
            ("http://:8998", "is no URL: empty host"),
            ("http://host:89980", "is no URL: invalid port number"),
            ("http://host:port", "is no URL: invalid port number"),
            ("http://host:0", "a port that is not 0"),
            ("http://ho<st", "is no URL: invalid"),
            ("http://[::1", "is no URL: invalid IPv6 address"),
            ("http://me:secret@host", "credentials"),
            ("http://host/?a=b", "must not have a ?"),
            ("http://host/#a", "must not have a ?"),
            ("http://${host}:8088", "has no host's name"),
        ] {
            let found = Address::parse(text).unwrap_err();
            assert!(found.contains(problem), "{text:?}: {found}");
        }
    }
}
