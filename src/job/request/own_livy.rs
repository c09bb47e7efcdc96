//! Which hosts and ports mean this cluster's own Livy.

use std::net::IpAddr;

/// Under which names and at which port this cluster's own Livy is known.
///
/// Inputs written for the old worker name the Livy to talk to. This worker talks to its own only, so such a name is
/// compared and never connected to.
#[derive(Debug, Clone)]
pub struct OwnLivy {
    names: Vec<String>,
    /// What Livy's own address calls its host; empty where nobody knows it yet.
    host: String,
    port: u16,
}

impl OwnLivy {
    /// `names`: host names, aliases and addresses of this node, as text. Loopback always counts and need not be named.
    pub fn new(names: impl IntoIterator<Item = String>, port: u16) -> OwnLivy {
        let mut known = vec!["localhost".to_owned()];
        for name in names.into_iter().map(|name| plain(&name)) {
            if !name.is_empty() && !known.contains(&name) {
                known.push(name);
            }
        }
        OwnLivy { names: known, host: String::new(), port }
    }

    /// Livy was found at this host and port, and no longer counts as being where it was before.
    pub fn is_found_at(&mut self, host: &str, port: u16) {
        (self.host, self.port) = (plain(host), port);
    }

    /// Whether `host` is one of the names, whatever its case and with or without a dot at the end.
    pub fn accepts(&self, host: &str) -> bool {
        let host = plain(host);
        let loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        loopback || self.names.contains(&host) || (!host.is_empty() && host == self.host)
    }

    /// Whether `port` is Livy's.
    pub fn accepts_port(&self, port: i32) -> bool {
        port == i32::from(self.port)
    }

    /// What may be written instead of another host.
    pub(super) fn hosts(&self) -> String {
        let other = Some(&self.host).filter(|host| !host.is_empty() && !self.names.contains(host));
        self.names.iter().chain(other).map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    /// What may be written instead of another port.
    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

/// One form for every spelling of a name or address.
fn plain(host: &str) -> String {
    let host = host.trim();
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().to_string(),
        Err(_) => bare.strip_suffix('.').unwrap_or(bare).to_ascii_lowercase(),
    }
}
