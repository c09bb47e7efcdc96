//! What the node says about itself: its cluster, its names and addresses.

use std::net::Ipv4Addr;

use serde_json::Value;

use crate::job::request::OwnLivy;

/// Where EMR tells a node about itself.
const INFO: [&str; 2] = ["/mnt/var/lib/info", "/emr/instance-controller/lib/info"];

/// The part of a node in its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// The primary node, or one of three.
    Primary,
    /// A core or task node.
    Other,
    /// Nothing here is EMR's.
    NotEmr,
    /// EMR's file is there, and cannot be read or understood.
    Unreadable(String),
}

/// The part of this node, as EMR says it.
pub fn role() -> Role {
    for folder in INFO {
        match std::fs::read_to_string(format!("{folder}/instance.json")) {
            Ok(text) => return role_in(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Role::Unreadable(format!("{folder}/instance.json: {error}")),
        }
    }
    Role::NotEmr
}

fn role_in(instance: &str) -> Role {
    match serde_json::from_str::<Value>(instance).map(|value| value["isMaster"].as_bool()) {
        Ok(Some(true)) => Role::Primary,
        Ok(Some(false)) => Role::Other,
        Ok(None) => Role::Unreadable("instance.json does not say isMaster".to_owned()),
        Err(error) => Role::Unreadable(format!("instance.json: {error}")),
    }
}

/// What the worker calls itself: the cluster's id where the node knows one, and the host's name, since each of three
/// primary nodes has a worker.
pub fn worker() -> String {
    let texts =
        INFO.iter().filter_map(|folder| std::fs::read_to_string(format!("{folder}/job-flow.json")).ok());
    worker_on(texts, &host_name())
}

fn worker_on(mut job_flows: impl Iterator<Item = String>, host: &str) -> String {
    let id = job_flows.find_map(|text| {
        serde_json::from_str::<Value>(&text).ok()?.get("jobFlowId")?.as_str().map(str::to_owned)
    });
    id.map_or_else(|| host.to_owned(), |id| format!("{id}/{host}"))
}

/// This host's own name.
pub(super) fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
}

/// Whether a host's name or address is one of this node.
pub(super) fn is_here(host: &str) -> bool {
    OwnLivy::new(node_names(), 0).accepts(host)
}

/// The names and addresses of this node: its own, those of its search domains, and what `/etc/hosts` calls them.
pub(super) fn node_names() -> Vec<String> {
    let host = host_name();
    let short = host.split('.').next().unwrap_or_default().to_owned();
    let addresses: Vec<String> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .iter()
        .map(|interface| interface.ip().to_string())
        .collect();
    let resolver = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let domains = resolver.lines().filter_map(|line| {
        line.strip_prefix("search")
            .or_else(|| line.strip_prefix("domain"))
            .filter(|rest| rest.starts_with([' ', '\t']))
    });
    let mut names: Vec<String> =
        domains.flat_map(str::split_whitespace).map(|domain| format!("{short}.{domain}")).collect();
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    for line in hosts.lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let address = words.next().unwrap_or_default();
        let loopback = address.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
        if loopback || addresses.iter().any(|own| own == address) {
            names.extend(words.map(str::to_owned));
        }
    }
    names.extend([host, short]);
    names.extend(addresses);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_three_primary_nodes_has_a_name_of_its_own() {
        let job_flow = r#"{"jobFlowId":"j-1ABCDEFGHIJKL","jobFlowCreationInstant":1}"#;
        let name = |host| worker_on([String::new(), job_flow.to_owned()].into_iter(), host);
        assert_eq!(name("ip-10-0-0-1"), "j-1ABCDEFGHIJKL/ip-10-0-0-1");
        assert_ne!(name("ip-10-0-0-1"), name("ip-10-0-0-2"));
        assert_eq!(worker_on(["{}".to_owned()].into_iter(), "laptop"), "laptop");
    }

    #[test]
    fn the_part_of_a_node_is_told_from_emrs_file() {
        assert_eq!(role_in(r#"{"isMaster": true, "instanceGroupId": "ig-1"}"#), Role::Primary);
        assert_eq!(role_in(r#"{"isMaster":false}"#), Role::Other);
        for odd in ["{}", r#"{"isMaster": "true"}"#, "", "[]"] {
            assert!(matches!(role_in(odd), Role::Unreadable(_)), "{odd}");
        }
    }
}
