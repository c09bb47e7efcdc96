//! What the Livy of this node is told by its own files. Of Livy's, which can have passwords of keystores, only named keys
//! are kept, and no line is shown.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv6Addr;

use super::node_files;
use super::properties::{lines, property};
use crate::spark::address::Address;

/// What is kept of Livy's file. Of a keystore only that there is one matters.
const KEYS: [&str; 9] = [
    "livy.server.host",
    "livy.server.port",
    KEYSTORE,
    "livy.spark.master",
    "livy.spark.deploy-mode",
    "livy.spark.deployMode",
    "livy.server.recovery.mode",
    "livy.server.recovery.state-store",
    "livy.server.csrf-protection.enabled",
];
/// With it Livy speaks TLS.
const KEYSTORE: &str = "livy.keystore";
/// Livy's own defaults.
const HOST: &str = "0.0.0.0";
const PORT: &str = "8998";

/// Livy's configuration and Spark's, as far as they matter to us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LivyConf {
    livy: BTreeMap<&'static str, String>,
    /// `spark.submit.deployMode` of Spark's defaults.
    deploy_mode: Option<String>,
}

impl LivyConf {
    /// Takes the texts of both files.
    pub fn new(livy: &str, spark: &str) -> LivyConf {
        let livy = lines(livy);
        let kept = KEYS.iter().filter_map(|key| Some((*key, property(&livy, key)?.to_owned())));
        LivyConf {
            livy: kept.collect(),
            deploy_mode: property(&lines(spark), "spark.submit.deployMode").map(str::to_owned),
        }
    }

    /// Reads the files of this node; `None` where Livy has none.
    pub(super) fn read() -> io::Result<Option<LivyConf>> {
        let Some(livy) = node_files::text(&node_files::livy_conf_file())? else { return Ok(None) };
        let spark = node_files::text(&node_files::spark_defaults_file());
        Ok(Some(LivyConf::new(&livy, &spark.ok().flatten().unwrap_or_default())))
    }

    /// What a key of Livy's file is set to.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.livy.get(key).map(String::as_str)
    }

    /// Where Livy is. `node` is this node's name, which stands for "all addresses of mine".
    pub(super) fn address(&self, node: &str) -> Result<Address, String> {
        let given = |key, default| self.get(key).filter(|value| !value.is_empty()).unwrap_or(default);
        let (host, port) = (given("livy.server.host", HOST), given("livy.server.port", PORT));
        let scheme = if self.get(KEYSTORE).is_some_and(|path| !path.is_empty()) { "https" } else { "http" };
        let host = match host.parse::<Ipv6Addr>() {
            Ok(address) if address.is_unspecified() => node.to_owned(),
            Ok(address) => format!("[{address}]"),
            Err(_) if host == HOST => node.to_owned(),
            Err(_) => host.to_owned(),
        };
        let address = Address::parse(&format!("{scheme}://{host}:{port}"));
        address.map_err(|text| format!("livy.server.host = {host} with livy.server.port = {port} {text}"))
    }

    /// Whether the file says anything about where Livy is.
    pub(super) fn has_address(&self) -> bool {
        ["livy.server.host", "livy.server.port", KEYSTORE]
            .iter()
            .any(|key| self.get(key).is_some_and(|value| !value.is_empty()))
    }

    /// Whether drivers run in YARN's client mode. There spark-submit is the driver, and both Livy and YARN report
    /// successes that are none. Saying nothing is client mode: Livy passes no deploy mode on then, and spark-submit's
    /// default is client.
    pub fn runs_drivers_beside_livy(&self) -> bool {
        match self.get("livy.spark.master") {
            Some("yarn") => {
                let mode = self.get("livy.spark.deploy-mode").or_else(|| self.get("livy.spark.deployMode"));
                // An empty mode is none (`LivyConf.sparkDeployMode`).
                mode.filter(|mode| !mode.is_empty()).or(self.deploy_mode.as_deref()) != Some("cluster")
            }
            // Spark's old names of both at once.
            Some(master) => master == "yarn-client",
            None => false,
        }
    }
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
            // An empty value is none to Livy, and hides the key's old name.
            ("livy.spark.master = yarn\nlivy.spark.deploy-mode =", "spark.submit.deployMode cluster", false),
            ("livy.spark.master = yarn\nlivy.spark.deploy-mode =", "", true),
            (
                "livy.spark.master = yarn\nlivy.spark.deploy-mode =\nlivy.spark.deployMode = cluster",
                "spark.submit.deployMode client",
                true,
            ),
            ("livy.spark.master = yarn\nlivy.spark.deploy-mode = \\\n    cluster", "", false),
            ("livy.spark.master = yarn\nlivy.spark.deploy-mode = clu\\\r\n\tster\r\n", "", false),
            ("livy.spark.master = yarn\n# a note \\\nlivy.spark.deploy-mode = cluster", "", false),
            ("livy.spark.master = yarn\na = b\\\nlivy.spark.deploy-mode = cluster", "", true),
            ("livy.spark.master = yarn\na = b\\\\\nlivy.spark.deploy-mode = cluster", "", false),
            ("livy.spark.master = yarn-cluster", "", false),
            ("livy.spark.master = yarn-client", "", true),
            ("livy.spark.master = local[*]", "", false),
            ("livy.server.port = 8998", "", false),
            ("", "", false),
        ];
        for (livy, spark, expected) in table {
            assert_eq!(LivyConf::new(livy, spark).runs_drivers_beside_livy(), expected, "{livy:?} {spark:?}");
        }
    }
    #[test]
    fn livy_is_where_its_file_says() {
        let table = [
            ("", "http://ip-10-0-0-1:8998"),
            ("livy.server.host = 0.0.0.0\nlivy.server.port = 8999", "http://ip-10-0-0-1:8999"),
            ("livy.server.host = ::", "http://ip-10-0-0-1:8998"),
            ("livy.server.host = ::1", "http://[::1]:8998"),
            ("livy.server.host = livy.internal", "http://livy.internal:8998"),
            ("livy.keystore = /etc/livy/k.jks\nlivy.keystore.password = hunter2", "https://ip-10-0-0-1:8998"),
            ("# livy.keystore = /etc/livy/k.jks", "http://ip-10-0-0-1:8998"),
            ("livy.keystore =", "http://ip-10-0-0-1:8998"),
        ];
        for (text, expected) in table {
            let address = LivyConf::new(text, "").address("ip-10-0-0-1").unwrap();
            assert_eq!(address.base(), expected, "{text:?}");
        }
        for text in ["livy.server.port = soon", "livy.server.port = 0", "livy.server.host = lo cal"] {
            let problem = LivyConf::new(text, "").address("node").unwrap_err();
            assert!(problem.contains("livy.server.port = "), "{problem}");
        }
    }

    #[test]
    fn no_password_of_livys_file_is_kept() {
        let text =
            "livy.keystore = /k.jks\nlivy.keystore.password = hunter2\nlivy.key-password hunter2\nhunter2";
        let conf = LivyConf::new(text, "spark.ssl.keyPassword hunter2");
        assert!(!format!("{conf:?}").contains("hunter2"), "{conf:?}");
    }
}
