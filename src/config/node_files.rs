//! The files in which this node keeps what Livy, Spark and YARN are told. Hadoop's and Livy's own variables name other
//! directories than EMR's (`LIVY_CONF_DIR`, `HADOOP_CONF_DIR`, `SPARK_CONF_DIR`).

use std::io;
use std::path::{Path, PathBuf};

use super::files;

/// The most bytes of one of these files.
const MAX_FILE: u64 = 4 << 20;

/// Livy's own configuration, on the node where it runs (EMR and Bigtop).
pub fn livy_conf_file() -> PathBuf {
    directory("LIVY_CONF_DIR", "/etc/livy/conf").join("livy.conf")
}

/// What spark-submit takes where Livy says nothing.
pub fn spark_defaults_file() -> PathBuf {
    directory("SPARK_CONF_DIR", "/etc/spark/conf").join("spark-defaults.conf")
}

/// YARN's own configuration.
pub fn yarn_site_file() -> PathBuf {
    directory("HADOOP_CONF_DIR", "/etc/hadoop/conf").join("yarn-site.xml")
}

fn directory(variable: &str, usual: &str) -> PathBuf {
    std::env::var_os(variable).filter(|path| !path.is_empty()).map_or_else(|| usual.into(), PathBuf::from)
}

/// A file's text; `None` where there is no such file. These files are older than UTF-8, and what matters is ASCII.
pub(super) fn text(path: &Path) -> io::Result<Option<String>> {
    match files::open(path).and_then(|file| files::read(file, MAX_FILE)) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
