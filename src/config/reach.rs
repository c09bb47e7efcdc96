//! What `[livy]` and `[yarn]` have in common: whom to believe over TLS, and who we are to them.
//!
//! A password is in a file of its own, which nobody but root and the worker's user may own or read. It is no part of the
//! configuration and is never shown.

use std::fs::{File, metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::node;
use super::settings::{Livy, Yarn};
use crate::spark::address::Address;
use crate::spark::connection::{Access, Login};
use crate::spark::homes::{Home, Unknown};
use crate::spark::tls::{Fingerprint, Roots, Trust};

/// The most bytes of a file of certificates: a node's whole bundle has a quarter of that.
const MAX_CERTIFICATES: u64 = 1 << 20;
/// The most bytes of a password.
const MAX_PASSWORD: u64 = 4 << 10;

/// A key, and what is wrong with its value.
pub(super) type Problem = (String, String);

/// The keys of one table.
pub(super) struct Reach<'a> {
    table: &'static str,
    /// The addresses are looked for.
    auto: bool,
    urls: Vec<String>,
    ca_file: Option<&'a Path>,
    pins: Vec<String>,
    insecure: bool,
    username: Option<&'a str>,
    password_file: Option<&'a Path>,
}

impl<'a> From<&'a Livy> for Reach<'a> {
    fn from(livy: &'a Livy) -> Reach<'a> {
        Reach {
            table: "livy",
            auto: livy.is_auto(),
            urls: if livy.is_auto() { Vec::new() } else { vec![livy.url.clone()] },
            ca_file: livy.ca_file.as_deref(),
            pins: livy.pinned_sha256.all(),
            insecure: livy.insecure,
            username: livy.username.as_deref(),
            password_file: livy.password_file.as_deref(),
        }
    }
}

impl<'a> From<&'a Yarn> for Reach<'a> {
    fn from(yarn: &'a Yarn) -> Reach<'a> {
        Reach {
            table: "yarn",
            auto: yarn.is_auto(),
            urls: if yarn.is_auto() { Vec::new() } else { yarn.url.all() },
            ca_file: yarn.ca_file.as_deref(),
            pins: yarn.pinned_sha256.all(),
            insecure: yarn.insecure,
            username: yarn.username.as_deref(),
            password_file: yarn.password_file.as_deref(),
        }
    }
}

impl Reach<'_> {
    /// What the values alone show to be wrong.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |key, text: String| problems.push(self.problem(key, text));
        let read: Vec<_> = self.urls.iter().map(|url| Address::parse(url)).collect();
        for address in read {
            match address {
                Err(text) => wrong("url", text),
                Ok(address) if self.username.is_some() => {
                    if let Err(text) = self.keeps_a_password(&address) {
                        wrong("url", text);
                    }
                }
                Ok(_) => {}
            }
        }
        let trusts = [
            ("insecure", self.insecure),
            ("pinned_sha256", !self.pins.is_empty()),
            ("ca_file", self.ca_file.is_some()),
        ];
        let set: Vec<&str> = trusts.iter().filter(|(_, set)| *set).map(|(key, _)| *key).collect();
        if let [first, others @ ..] = set.as_slice() {
            if !self.auto && !self.urls.iter().any(|url| url.starts_with("https://")) {
                wrong(first, format!("means something only where {}.url begins with https://", self.table));
            }
            for other in others {
                wrong(other, format!("has no effect beside {first}: leave one of them out"));
            }
        }
        for pin in &self.pins {
            if let Err(problem) = pin.parse::<Fingerprint>() {
                wrong("pinned_sha256", format!("{pin:?} is {problem}"));
            }
        }
        match (self.username, self.password_file) {
            (Some(_), None) => wrong("username", format!("needs {}.password_file", self.table)),
            (None, Some(_)) => wrong("password_file", format!("needs {}.username", self.table)),
            (Some(name), Some(_))
                if name.is_empty() || name.contains(|c: char| c == ':' || c.is_control()) =>
            {
                wrong("username", "must not be empty and must not have a colon".to_owned());
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
        problems
    }

    /// Addresses that were found, if what is said to them may be.
    pub(super) fn may_have(&self, homes: Vec<Home>) -> Result<Vec<Home>, Unknown> {
        if self.username.is_some() {
            for home in &homes {
                self.keeps_a_password(&home.address).map_err(|text| Unknown {
                    why: format!("{home}: {text}"),
                    fix: format!("set url in [{}] to one that begins with https://", self.table),
                })?;
            }
        }
        Ok(homes)
    }

    /// Whether a password may be sent to an address.
    fn keeps_a_password(&self, address: &Address) -> Result<(), String> {
        if address.is_tls() || node::is_here(address.host()) {
            return Ok(());
        }
        Err(format!(
            "a password goes over https or to this node only, and {} is another: everybody on the way could read {}.password_file",
            address.host(),
            self.table
        ))
    }

    /// Reads the files. A password file may belong to one of the `owners`.
    pub(super) fn open(&self, owners: &[u32]) -> Result<Access, Vec<Problem>> {
        let mut problems = Vec::new();
        let trust = self.trust().unwrap_or_else(|problem| {
            problems.push(problem);
            Trust::Platform
        });
        let login =
            self.username.zip(self.password_file).and_then(|(username, path)| match password(path, owners) {
                Ok(password) => Some(Login::new(username.to_owned(), password)),
                Err(text) => {
                    problems.push(self.problem("password_file", text));
                    None
                }
            });
        if problems.is_empty() { Ok(Access { table: self.table, trust, login }) } else { Err(problems) }
    }

    fn trust(&self) -> Result<Trust, Problem> {
        if self.insecure {
            return Ok(Trust::Anyone);
        }
        if !self.pins.is_empty() {
            let pins = self.pins.iter().map(|pin| pin.parse()).collect::<Result<_, _>>();
            return pins
                .map(Trust::Pinned)
                .map_err(|problem| self.problem("pinned_sha256", format!("{problem}")));
        }
        let Some(path) = self.ca_file else { return Ok(Trust::Platform) };
        let pem = open(path).and_then(|file| read(file, MAX_CERTIFICATES));
        let roots = pem.map_err(|error| unreadable(&error)).and_then(|pem| Roots::parse(&pem));
        roots.map(Trust::Roots).map_err(|text| self.problem("ca_file", text))
    }

    fn problem(&self, key: &str, text: String) -> Problem {
        (format!("{}.{key}", self.table), text)
    }
}

/// A password file's only line.
fn password(path: &Path, owners: &[u32]) -> Result<String, String> {
    let file = open(path).map_err(|error| unreadable(&error))?;
    let about = file.metadata().map_err(|error| unreadable(&error))?;
    let (mode, owner, shown) = (about.mode() & 0o7777, about.uid(), path.display());
    if !matches!(mode, 0o600 | 0o400) {
        return Err(format!("must be for its owner alone and has mode {mode:04o}: chmod 600 {shown}"));
    }
    if !owners.contains(&owner) {
        return Err(format!("belongs to the user {owner} and must be root's or the worker's own: chown it"));
    }
    let bytes = read(file, MAX_PASSWORD).map_err(|error| unreadable(&error))?;
    let text = String::from_utf8(bytes).map_err(|_| "is no text in UTF-8".to_owned())?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() || line.contains(char::is_control) {
        return Err("must have the password as its only line".to_owned());
    }
    Ok(line.to_owned())
}

fn unreadable(error: &io::Error) -> String {
    format!("cannot be read: {error}")
}

/// Opens a file, and nothing that would block.
pub(super) fn open(path: &Path) -> io::Result<File> {
    if !metadata(path)?.is_file() {
        return Err(io::Error::other("not a file"));
    }
    File::open(path)
}

pub(super) fn read(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("more than {limit} bytes")));
    }
    Ok(bytes)
}

/// To whom a password file may belong: root, this process's user, and the user whose state directory it is, where root
/// checks the configuration of the worker.
pub(super) fn owners(state: &Path) -> Vec<u32> {
    let owner = |path: &Path| metadata(path).ok().map(|about| about.uid());
    [Some(0), owner(Path::new("/proc/self")), owner(state)].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
