//! `url = "auto"`: Livy and YARN are where the node's own files say.

use std::io;
use std::path::{Path, PathBuf};

use super::livy_conf::LivyConf;
use super::node;
use super::node_files::{livy_conf_file, spark_defaults_file, text, yarn_site_file};
use super::resolve::keeps_a_password;
use super::settings::{ServiceLocation, ServiceSettings};
use super::spark_defaults::SparkDefaults;
use super::yarn_site::YarnSite;
use crate::spark::address::Address;
use crate::spark::addresses::{AddressLookup, KnownAddresses, ServiceAddress, ServiceAddresses, Unknown};

/// Where Livy is as long as nothing says otherwise.
const LIVY: &str = "http://localhost:8998";
/// The same for the ResourceManager.
const YARN: &str = "http://localhost:8088";
/// The same for Spark's history server.
const HISTORY: &str = "http://localhost:18080";

/// The keys that take the place of what is found.
const LIVY_URL: &str = "url in [livy]";
const YARN_URL: &str = "url in [yarn]";
const HISTORY_URL: &str = "history_url in [verify]";

/// Livy's address.
pub(super) fn livy(livy: &ServiceSettings) -> ServiceAddresses {
    let livy = livy.clone();
    ServiceAddresses::new("Livy", move || {
        let addresses = match &livy.place {
            ServiceLocation::Auto => vec![find_livy()?],
            ServiceLocation::At(addresses) => configured(LIVY_URL, addresses),
        };
        may_have(&livy, addresses).map(|addresses| KnownAddresses { addresses, filters_lists: false })
    })
}

/// The ResourceManagers' addresses.
pub(super) fn yarn(yarn: &ServiceSettings) -> ServiceAddresses {
    let yarn = yarn.clone();
    ServiceAddresses::new("YARN", move || {
        let found = match &yarn.place {
            ServiceLocation::Auto => find_yarn()?,
            ServiceLocation::At(addresses) => KnownAddresses {
                addresses: configured(YARN_URL, addresses),
                // An address needs no file, so an unreadable one is no trouble.
                filters_lists: yarn_site().ok().flatten().is_some_and(|(_, site)| site.filters_lists()),
            },
        };
        may_have(&yarn, found.addresses).map(|addresses| KnownAddresses { addresses, ..found })
    })
}

/// The history server's address. Nothing waits for it where it is unknown.
pub(super) fn history(place: &ServiceLocation) -> ServiceAddresses {
    let place = place.clone();
    ServiceAddresses::beside("Spark's history server", move || {
        let addresses = match &place {
            ServiceLocation::Auto => vec![find_history()?],
            ServiceLocation::At(addresses) => configured(HISTORY_URL, addresses),
        };
        Ok(KnownAddresses { addresses, filters_lists: false })
    })
}

fn configured(key: &str, addresses: &[Address]) -> Vec<ServiceAddress> {
    let home = |address: &Address| ServiceAddress { address: address.clone(), source: key.to_owned() };
    addresses.iter().map(home).collect()
}

/// Addresses that were found, if what is said to them may be.
fn may_have(
    service: &ServiceSettings,
    addresses: Vec<ServiceAddress>,
) -> Result<Vec<ServiceAddress>, Unknown> {
    if service.login.is_some() {
        for home in &addresses {
            keeps_a_password(service.table, &home.address).map_err(|text| Unknown {
                why: format!("{home}: {text}"),
                fix: format!("set url in [{}] to one that begins with https://", service.table),
            })?;
        }
    }
    Ok(addresses)
}

/// Where this node's Livy is.
///
/// # Errors
/// Why that cannot be known, and the fix.
fn find_livy() -> Result<ServiceAddress, Unknown> {
    let path = livy_conf_file();
    match LivyConf::read().map_err(|error| unreadable(&path, LIVY_URL, &error))? {
        None => by_default(LIVY, &path),
        Some(conf) => {
            let address = conf.address(&node::host_name());
            let address = address.map_err(|text| wrong(&path, LIVY_URL, &text))?;
            let shown = path.display();
            let source = if conf.has_address() { shown.to_string() } else { unsaid(&path) };
            Ok(ServiceAddress { address, source })
        }
    }
}

/// Where this cluster's ResourceManagers are.
fn find_yarn() -> AddressLookup {
    let Some((path, site)) = yarn_site()? else {
        return Ok(KnownAddresses {
            addresses: vec![by_default(YARN, &yarn_site_file())?],
            filters_lists: false,
        });
    };
    let managers = site.managers(&node::host_name()).map_err(|text| wrong(&path, YARN_URL, &text))?;
    let home = |(name, address): (Option<String>, Address)| {
        let source = name.map_or_else(|| unsaid(&path), |name| format!("{name} in {}", path.display()));
        ServiceAddress { address, source }
    };
    Ok(KnownAddresses {
        addresses: managers.into_iter().map(home).collect(),
        filters_lists: site.filters_lists(),
    })
}

/// Where Spark says that its history server is.
fn find_history() -> Result<ServiceAddress, Unknown> {
    let path = spark_defaults_file();
    let Some(text) = text(&path).map_err(|error| unreadable(&path, HISTORY_URL, &error))? else {
        return by_default(HISTORY, &path);
    };
    let site = yarn_site().ok().flatten().map(|(_, site)| site);
    let hadoop = |name: &str| site.as_ref().and_then(|site| site.get(name));
    match SparkDefaults::new(&text).history(hadoop).map_err(|text| wrong(&path, HISTORY_URL, &text))? {
        Some(address) => Ok(ServiceAddress {
            address,
            source: format!("{} in {}", SparkDefaults::HISTORY, path.display()),
        }),
        None => Ok(ServiceAddress { source: unsaid(&path), ..by_default(HISTORY, &path)? }),
    }
}

fn yarn_site() -> Result<Option<(PathBuf, YarnSite)>, Unknown> {
    let path = yarn_site_file();
    match text(&path).map_err(|error| unreadable(&path, YARN_URL, &error))? {
        None => Ok(None),
        Some(text) => match YarnSite::parse(&text) {
            Ok(site) => Ok(Some((path, site))),
            Err(text) => Err(wrong(&path, YARN_URL, &text)),
        },
    }
}

fn by_default(url: &str, path: &Path) -> Result<ServiceAddress, Unknown> {
    let address = Address::parse(url).map_err(|text| wrong(path, "", &text))?;
    Ok(ServiceAddress { address, source: format!("the default, as there is no {}", path.display()) })
}

/// The source of an address that a file leaves to the default.
fn unsaid(path: &Path) -> String {
    format!("the default, as {} does not say", path.display())
}

/// A file that is there and cannot be read is not absent: elsewhere the wrong service could answer.
fn unreadable(path: &Path, key: &str, error: &io::Error) -> Unknown {
    let shown = path.display();
    Unknown {
        why: format!("{shown} exists but gives no usable address: {error}"),
        fix: format!("let the worker read it (sudo setfacl -m u:spark-job-worker:r {shown}), or set {key}"),
    }
}

/// Nor is one whose text is wrong.
fn wrong(path: &Path, key: &str, why: &str) -> Unknown {
    Unknown {
        why: format!("{} exists but gives no usable address: {why}", path.display()),
        fix: format!("correct it, or set {key}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fix_of_a_file_that_does_not_tell_fits_what_is_wrong_with_it() {
        let path = Path::new("/etc/hadoop/conf/yarn-site.xml");
        let denied = unreadable(path, YARN_URL, &io::Error::from(io::ErrorKind::PermissionDenied));
        assert!(denied.fix.starts_with("let the worker read it (sudo setfacl"), "{denied}");
        assert_eq!(wrong(path, YARN_URL, "x").fix, "correct it, or set url in [yarn]");
    }
}
