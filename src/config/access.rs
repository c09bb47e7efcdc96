//! The files that the configuration names: certificates and passwords.
//!
//! A password is in a file of its own, which nobody but root and the worker's user may own or read. It is no part of the
//! configuration and is never shown.

use std::fs::metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::files::{open, read};
use super::problem::Problem;
use super::settings::{ServiceSettings, Settings, TrustSettings};
use crate::spark::connection::{Access, Login};
use crate::spark::tls::{Roots, Trust};

/// The most bytes of a file of certificates: a node's whole bundle has a quarter of that.
const MAX_CERTIFICATES: u64 = 1 << 20;
/// The most bytes of a password.
const MAX_PASSWORD: u64 = 4 << 10;

/// With what Livy and YARN are reached.
pub(super) fn open_all(settings: &Settings) -> Result<(Access, Access), Vec<Problem>> {
    let owners = owners(&settings.state.directory);
    let of = |service| access(service, &owners);
    match (of(&settings.livy.service), of(&settings.yarn.service)) {
        (Ok(livy), Ok(yarn)) => Ok((livy, yarn)),
        (livy, yarn) => Err([livy.err(), yarn.err()].into_iter().flatten().flatten().collect()),
    }
}

/// Reads the files of one service. A password file may belong to one of the `owners`.
fn access(service: &ServiceSettings, owners: &[u32]) -> Result<Access, Vec<Problem>> {
    let wrong = |key, what| vec![Problem::new(format!("{}.{key}", service.table), what)];
    let trust = trust(&service.trust).map_err(|what| wrong("ca_file", what));
    let login = service.login.as_ref().map(|login| {
        let password = password(&login.password_file, owners);
        password.map(|password| Login::new(login.username.clone(), password))
    });
    let login = login.transpose().map_err(|what| wrong("password_file", what));
    match (trust, login) {
        (Ok(trust), Ok(login)) => Ok(Access { table: service.table, trust, login }),
        (trust, login) => Err([trust.err(), login.err()].into_iter().flatten().flatten().collect()),
    }
}

fn trust(trust: &TrustSettings) -> Result<Trust, String> {
    Ok(match trust {
        TrustSettings::Platform => Trust::Platform,
        TrustSettings::Anyone => Trust::Anyone,
        TrustSettings::Pinned(pins) => Trust::Pinned(pins.clone()),
        TrustSettings::CaFile(path) => {
            let pem = open(path).and_then(|file| read(file, MAX_CERTIFICATES));
            Trust::Roots(Roots::parse(&pem.map_err(|error| unreadable(&error))?)?)
        }
    })
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

/// To whom a password file may belong: root, this process's user, and the user whose state directory it is, where root
/// checks the configuration of the worker.
fn owners(state: &Path) -> Vec<u32> {
    let owner = |path: &Path| metadata(path).ok().map(|about| about.uid());
    [Some(0), owner(Path::new("/proc/self")), owner(state)].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
