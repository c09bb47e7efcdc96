//! Where something that the page names can be looked at. Built of what was configured and of ids that look like ids;
//! an address that somebody else says is taken only where it looks like what it should be.

/// YARN's page of an application; `None` without a ResourceManager that is known, or where the id is none.
pub(super) fn application(yarn: &str, id: &str) -> Option<String> {
    // Several take turns, and none has answered yet.
    let base = yarn.split(' ').next().filter(|base| is_web(base))?;
    let (stamp, number) = id.strip_prefix("application_")?.split_once('_')?;
    (is_number(stamp) && is_number(number)).then(|| format!("{base}/cluster/app/{id}"))
}

/// The log of a driver, at the place that YARN names: `http://NODE:PORT/node/containerlogs/CONTAINER/USER`.
pub(super) fn driver_log(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
    let (host, path) = rest.split_once('/')?;
    let (container, user) = path.strip_prefix("node/containerlogs/container_")?.split_once('/')?;
    let plain = |text: &str, more: &[u8]| {
        !text.is_empty() && text.bytes().all(|c| c.is_ascii_alphanumeric() || more.contains(&c))
    };
    let is_log = plain(host, b"-._:[]") && plain(container, b"_") && plain(user, b"-._@/");
    is_log.then_some(url)
}

fn is_web(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("https://")
}

fn is_number(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{application, driver_log};

    #[test]
    fn an_applications_page_is_at_the_resource_manager_that_is_asked() {
        let id = "application_1764000000000_0042";
        let page = |yarn| application(yarn, id);
        assert_eq!(
            page("http://rm:8088").as_deref(),
            Some("http://rm:8088/cluster/app/application_1764000000000_0042")
        );
        assert_eq!(page("https://a/yarn https://b"), Some(format!("https://a/yarn/cluster/app/{id}")));
        for yarn in ["", "rm:8088", "javascript:alert(1)//"] {
            assert_eq!(page(yarn), None, "{yarn}");
        }
        for odd in [
            "",
            "application_1",
            "application_1_",
            "application_1_2/../x",
            "application_1_2\"",
            "job_1_2",
            "application_1_2_3",
        ] {
            assert_eq!(application("http://rm:8088", odd), None, "{odd}");
        }
    }

    #[test]
    fn a_drivers_log_is_on_a_node_and_nowhere_else() {
        for good in [
            "http://ip-10-0-0-7.ec2.internal:8042/node/containerlogs/container_1764_0001_01_000001/hadoop",
            "https://[fd00::7]:8044/node/containerlogs/container_e07_1764_0001_01_000001/a.b@C",
        ] {
            assert_eq!(driver_log(good), Some(good));
        }
        for odd in [
            "",
            "javascript:alert(1)//node/containerlogs/container_1/x",
            "http://user@nm/node/containerlogs/container_1/x",
            "http://nm/other/container_1/x",
            "http:///node/containerlogs/container_1/x",
            "http://nm/node/containerlogs/container_1/x?y=\"",
            "http://nm/node/containerlogs/container_1/x y",
            "http://nm/node/containerlogs/container_1",
        ] {
            assert_eq!(driver_log(odd), None, "{odd}");
        }
    }
}
