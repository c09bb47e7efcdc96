//! What the Livy of this node is told by its own files.

use std::io;

/// Livy's own configuration, on the node where it runs (EMR and Bigtop).
const LIVY_CONF: &str = "/etc/livy/conf/livy.conf";
/// What spark-submit takes where Livy says nothing.
const SPARK_DEFAULTS: &str = "/etc/spark/conf/spark-defaults.conf";

/// Livy's configuration and Spark's, as far as they matter to us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LivyConf {
    livy: String,
    spark: String,
}

impl LivyConf {
    /// Takes the texts of both files.
    pub fn new(livy: &str, spark: &str) -> LivyConf {
        LivyConf { livy: livy.to_owned(), spark: spark.to_owned() }
    }

    /// Reads the files of this node.
    pub(super) fn read() -> io::Result<LivyConf> {
        let livy = std::fs::read_to_string(LIVY_CONF)?;
        Ok(LivyConf { livy, spark: std::fs::read_to_string(SPARK_DEFAULTS).unwrap_or_default() })
    }

    /// What a key of Livy's file is set to.
    pub fn get(&self, key: &str) -> Option<&str> {
        property(&self.livy, &[key])
    }

    /// Whether drivers run in YARN's client mode. There spark-submit is the driver, and both Livy and YARN report
    /// successes that are none. Saying nothing is client mode: Livy passes no deploy mode on then, and spark-submit's
    /// default is client.
    pub fn runs_drivers_beside_livy(&self) -> bool {
        match self.get("livy.spark.master") {
            Some("yarn") => {
                let mode = property(&self.livy, &["livy.spark.deploy-mode", "livy.spark.deployMode"]);
                mode.or_else(|| property(&self.spark, &["spark.submit.deployMode"])) != Some("cluster")
            }
            // Spark's old names of both at once.
            Some(master) => master == "yarn-client",
            None => false,
        }
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
            assert_eq!(LivyConf::new(livy, spark).runs_drivers_beside_livy(), expected, "{livy:?} {spark:?}");
        }
    }
}
