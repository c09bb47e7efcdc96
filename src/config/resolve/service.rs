//! What `[livy]` and `[yarn]` have in common: where the service is, whom to believe over TLS, and who we are to it.

use std::path::Path;

use super::super::node;
use super::super::problem::Problem;
use super::super::raw::{AUTO, OneOrSeveral, RawLivy, RawYarn};
use super::super::settings::{LoginSettings, ServiceLocation, ServiceSettings, TrustSettings};
use crate::spark::address::Address;
use crate::spark::tls::Fingerprint;

/// The keys of one table.
pub(super) struct RawService<'a> {
    table: &'static str,
    /// `None`: it is looked for.
    urls: Option<Vec<String>>,
    ca_file: Option<&'a Path>,
    pins: Vec<String>,
    insecure: bool,
    username: Option<&'a str>,
    password_file: Option<&'a Path>,
    /// Another server for which the same certificates count.
    page: Option<&'a str>,
}

impl<'a> From<&'a RawLivy> for RawService<'a> {
    fn from(livy: &'a RawLivy) -> RawService<'a> {
        RawService {
            table: "livy",
            urls: (livy.url != AUTO).then(|| vec![livy.url.clone()]),
            ca_file: livy.ca_file.as_deref(),
            pins: livy.pinned_sha256.all(),
            insecure: livy.insecure,
            username: livy.username.as_deref(),
            password_file: livy.password_file.as_deref(),
            page: None,
        }
    }
}

impl<'a> From<&'a RawYarn> for RawService<'a> {
    fn from(yarn: &'a RawYarn) -> RawService<'a> {
        let auto = matches!(&yarn.url, OneOrSeveral::One(text) if text == AUTO);
        RawService {
            table: "yarn",
            urls: (!auto).then(|| yarn.url.all()),
            ca_file: yarn.ca_file.as_deref(),
            pins: yarn.pinned_sha256.all(),
            insecure: yarn.insecure,
            username: yarn.username.as_deref(),
            password_file: yarn.password_file.as_deref(),
            page: None,
        }
    }
}

impl<'a> RawService<'a> {
    /// What is said about certificates holds for the server of this URL, too.
    pub(super) fn and_page(self, url: &'a str) -> RawService<'a> {
        RawService { page: Some(url), ..self }
    }
}

impl RawService<'_> {
    /// Reads the values. What is wrong with one is added to `problems`, and the value is left out.
    pub(super) fn resolve(&self, problems: &mut Vec<Problem>) -> ServiceSettings {
        ServiceSettings {
            table: self.table,
            place: self.place(problems),
            trust: self.trust(problems),
            login: self.login(problems),
        }
    }

    fn place(&self, problems: &mut Vec<Problem>) -> ServiceLocation {
        let Some(urls) = &self.urls else { return ServiceLocation::Auto };
        let mut addresses = Vec::new();
        for url in urls {
            let address = Address::parse(url).and_then(|address| match self.username {
                Some(_) => keeps_a_password(self.table, &address).map(|()| address),
                None => Ok(address),
            });
            match address {
                Ok(address) => addresses.push(address),
                Err(what) => problems.push(self.problem("url", what)),
            }
        }
        ServiceLocation::At(addresses)
    }

    fn trust(&self, problems: &mut Vec<Problem>) -> TrustSettings {
        let ways = [
            ("insecure", self.insecure),
            ("pinned_sha256", !self.pins.is_empty()),
            ("ca_file", self.ca_file.is_some()),
        ];
        let set: Vec<&str> = ways.iter().filter(|(_, set)| *set).map(|(key, _)| *key).collect();
        if let [first, others @ ..] = set.as_slice() {
            let is_tls = |url: &str| url.starts_with("https://");
            let may_be = |urls: &Vec<String>| urls.iter().any(|url| is_tls(url));
            if !self.urls.as_ref().is_none_or(may_be) && !self.page.is_some_and(is_tls) {
                let what = format!("means something only where {}.url begins with https://", self.table);
                problems.push(self.problem(first, what));
            }
            for other in others {
                problems.push(
                    self.problem(other, format!("has no effect beside {first}: leave one of them out")),
                );
            }
        }
        let mut pins = Vec::new();
        for pin in &self.pins {
            match pin.parse::<Fingerprint>() {
                Ok(pin) => pins.push(pin),
                Err(problem) => {
                    problems.push(self.problem("pinned_sha256", format!("{pin:?} is {problem}")));
                }
            }
        }
        match (self.insecure, pins.is_empty(), self.ca_file) {
            (true, _, _) => TrustSettings::Anyone,
            (false, false, _) => TrustSettings::Pinned(pins),
            (false, true, Some(path)) => TrustSettings::CaFile(path.to_owned()),
            (false, true, None) => TrustSettings::Platform,
        }
    }

    fn login(&self, problems: &mut Vec<Problem>) -> Option<LoginSettings> {
        match (self.username, self.password_file) {
            (None, None) => return None,
            (Some(name), Some(_))
                if name.is_empty() || name.contains(|c: char| c == ':' || c.is_control()) =>
            {
                problems.push(self.problem("username", "must not be empty and must not have a colon"));
            }
            (Some(name), Some(path)) => {
                return Some(LoginSettings { username: name.to_owned(), password_file: path.to_owned() });
            }
            (Some(_), None) => {
                problems.push(self.problem("username", format!("needs {}.password_file", self.table)));
            }
            (None, Some(_)) => {
                problems.push(self.problem("password_file", format!("needs {}.username", self.table)));
            }
        }
        None
    }

    fn problem(&self, key: &str, what: impl Into<String>) -> Problem {
        Problem::new(format!("{}.{key}", self.table), what)
    }
}

/// Whether the password of a table may be sent to an address.
///
/// # Errors
/// Why it may not.
pub(in crate::config) fn keeps_a_password(table: &str, address: &Address) -> Result<(), String> {
    if address.is_tls() || node::is_here(address.host()) {
        return Ok(());
    }
    Err(format!(
        "a password goes over https or to this node only, and {} is another: everybody on the way could read {table}.password_file",
        address.host()
    ))
}
