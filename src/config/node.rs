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

/// Livy's own configuration, on the node where it runs (EMR and Bigtop).
const LIVY_CONF: &str = "/etc/livy/conf/livy.conf";
/// What spark-submit takes where Livy says nothing.
const SPARK_DEFAULTS: &str = "/etc/spark/conf/spark-defaults.conf";

/// Whether the Livy of this node runs drivers in YARN's client mode, as far as its files can be read. There spark-submit
/// is the driver, and both Livy and YARN report successes that are none.
pub(super) fn drivers_run_beside_livy() -> bool {
    let Ok(livy) = std::fs::read_to_string(LIVY_CONF) else { return false };
    client_mode(&livy, &std::fs::read_to_string(SPARK_DEFAULTS).unwrap_or_default())
}

/// Saying nothing is client mode: Livy passes no deploy mode on then, and spark-submit's default is client.
fn client_mode(livy: &str, spark: &str) -> bool {
    match property(livy, &["livy.spark.master"]) {
        Some("yarn") => {
            let mode = property(livy, &["livy.spark.deploy-mode", "livy.spark.deployMode"]);
            mode.or_else(|| property(spark, &["spark.submit.deployMode"])) != Some("cluster")
        }
        // Spark's old names of both at once.
        Some(master) => master == "yarn-client",
        None => false,
    }
}

/// The last value of one of the keys in a file of Java properties.
fn property<'a>(text: &'a str, keys: &[&str]) -> Option<&'a str> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', '!']));
    let pairs = lines.filter_map(|line| {
        let (key, value) = line.split_once(|c: char| c == '=' || c == ':' || c.is_whitespace())?;
        Some((key, value.trim_start_matches(|c: char| c == '=' || c == ':' || c.is_whitespace()).trim_end()))
    });
    pairs.rev().find(|(key, _)| keys.contains(key)).map(|(_, value)| value)
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
    fn client_mode_is_told_from_the_files_of_livy_and_spark() {
        let table = [
            ("livy.spark.master = yarn\nlivy.spark.deploy-mode = cluster", "", false),
            ("livy.spark.master yarn\nlivy.spark.deploy-mode cluster", "", false),
            ("livy.spark.master=yarn\nlivy.spark.deployMode=cluster", "", false),
            ("livy.spark.master = yarn\nlivy.spark.deploy-mode = client", "", true),
            ("livy.spark.master = yarn", "", true),
            ("livy.spark.master = yarn\n# livy.spark.deploy-mode = cluster", "", true),
            ("livy.spark.master = yarn", "spark.submit.deployMode\tcluster", false),
            ("livy.spark.master = yarn", "spark.submit.deployMode client", true),
            (
                "livy.spark.master = yarn\nlivy.spark.deploy-mode = client",
                "spark.submit.deployMode cluster",
                true,
            ),
            ("livy.spark.master = yarn-cluster", "", false),
            ("livy.spark.master = yarn-client", "", true),
            ("livy.spark.master = local[*]", "", false),
            ("livy.server.port = 8998", "", false),
            ("", "", false),
        ];
        for (livy, spark, expected) in table {
            assert_eq!(client_mode(livy, spark), expected, "{livy:?} {spark:?}");
        }
    }
}
