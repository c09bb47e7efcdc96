//! What the node says about itself: its cluster, its names and addresses.

use std::net::Ipv4Addr;

use serde_json::Value;

/// What the worker calls itself: the cluster's id where the node knows one, else the host's name.
pub fn cluster_or_host() -> String {
    ["/mnt/var/lib/info/job-flow.json", "/emr/instance-controller/lib/info/job-flow.json"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .find_map(|text| {
            serde_json::from_str::<Value>(&text).ok()?.get("jobFlowId")?.as_str().map(str::to_owned)
        })
        .unwrap_or_else(host_name)
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
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
