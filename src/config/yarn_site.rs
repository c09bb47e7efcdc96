//! What `yarn-site.xml` says about the ResourceManagers, read as Hadoop reads it: the last value of a name counts, and
//! `${name}` stands for the value of another. A document type (and so entities) is refused, and nothing is included.

use std::collections::HashMap;

use roxmltree::{Document, Node};

use crate::spark::address::Address;

/// Hadoop's own limit of substitutions in one value (`Configuration.MAX_SUBST`).
const MAX_SUBSTITUTIONS: usize = 20;
const HOSTNAME: &str = "yarn.resourcemanager.hostname";
/// What Hadoop takes where a file says nothing (`yarn-default.xml`).
const DEFAULT_HOSTNAME: &str = "0.0.0.0";

/// The properties of the file.
#[derive(Debug, Clone, Default)]
pub(super) struct YarnSite(HashMap<String, String>);

impl YarnSite {
    /// Reads the file's text.
    ///
    /// # Errors
    /// Why it is none of Hadoop's.
    pub(super) fn parse(text: &str) -> Result<YarnSite, String> {
        let document =
            Document::parse(text).map_err(|error| format!("it is not to be read as XML: {error}"))?;
        let root = document.root_element();
        if !root.has_tag_name("configuration") {
            return Err("it has no <configuration>".to_owned());
        }
        let properties = root.children().filter(|node| node.has_tag_name("property"));
        Ok(YarnSite(properties.filter_map(property).collect()))
    }

    /// Each ResourceManager's address, and the property that says it. `node` is this node's name, which stands for "all
    /// addresses of mine".
    ///
    /// # Errors
    /// Which property has no address.
    pub(super) fn managers(&self, node: &str) -> Result<Vec<(String, Address)>, String> {
        let ids = match self.get("yarn.resourcemanager.ha.enabled").as_deref() {
            Some("true") => self.get("yarn.resourcemanager.ha.rm-ids").unwrap_or_default(),
            _ => String::new(),
        };
        let ids: Vec<&str> = ids.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
        match ids.as_slice() {
            [] => Ok(vec![self.manager("", node)?]),
            ids => ids.iter().map(|id| self.manager(&format!(".{id}"), node)).collect(),
        }
    }

    /// Whether lists show to each user only that user's own applications; also by the name before Hadoop 3.2.
    pub(super) fn filters_lists(&self) -> bool {
        ["yarn.webapp.filter-entity-list-by-user", "yarn.resourcemanager.display.per-user-apps"]
            .iter()
            .any(|name| self.get(name).as_deref() == Some("true"))
    }

    fn manager(&self, suffix: &str, node: &str) -> Result<(String, Address), String> {
        let (scheme, name, port) = match self.get("yarn.http.policy").as_deref() {
            Some("HTTPS_ONLY") => ("https", "yarn.resourcemanager.webapp.https.address", 8090),
            _ => ("http", "yarn.resourcemanager.webapp.address", 8088),
        };
        let (name, hostname) = (format!("{name}{suffix}"), format!("{HOSTNAME}{suffix}"));
        let (name, value) = match (self.get(&name), self.get(&hostname)) {
            (Some(value), _) => (name, value),
            (None, Some(value)) => (hostname, value),
            (None, None) if suffix.is_empty() => (hostname, DEFAULT_HOSTNAME.to_owned()),
            (None, None) => return Err(format!("it has neither {name} nor {hostname}")),
        };
        let (host, port) = match value.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.to_owned()),
            _ => (value.as_str(), port.to_string()),
        };
        let host = if host == DEFAULT_HOSTNAME { node } else { host };
        let address = Address::parse(&format!("{scheme}://{host}:{port}"));
        address.map(|address| (name.clone(), address)).map_err(|text| format!("{name} = {value} {text}"))
    }

    /// A property's value without blanks around it; an empty one is none.
    fn get(&self, name: &str) -> Option<String> {
        let text = self.expanded(self.0.get(name)?);
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A value with `${name}` replaced; what stands for nothing is left as it is.
    fn expanded(&self, value: &str) -> String {
        let mut text = value.to_owned();
        for _ in 0..MAX_SUBSTITUTIONS {
            let Some(start) = text.find("${") else { break };
            let Some(end) = text[start..].find('}').map(|end| start + end) else { break };
            let name = &text[start + 2..end];
            let default = (name == HOSTNAME).then_some(DEFAULT_HOSTNAME);
            let Some(other) = self.0.get(name).map(String::as_str).or(default) else { break };
            text = format!("{}{other}{}", &text[..start], &text[end + 1..]);
        }
        text
    }
}

/// Name and value of a `<property>`: as elements, or as attributes.
fn property(node: Node<'_, '_>) -> Option<(String, String)> {
    let part = |name: &str| {
        let element = node.children().find(|child| child.has_tag_name(name));
        let text = element.map(|element| element.text().unwrap_or_default());
        text.or_else(|| node.attribute(name))
    };
    Some((part("name")?.trim().to_owned(), part("value").unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::YarnSite;

    fn site(properties: &[(&str, &str)]) -> YarnSite {
        let properties = properties.iter().map(|(name, value)| {
            format!("  <property><name>{name}</name><value>{value}</value></property>\n")
        });
        let text = format!(
            "<?xml version=\"1.0\"?>\n<configuration>\n{}</configuration>",
            properties.collect::<String>()
        );
        YarnSite::parse(&text).unwrap()
    }

    fn urls(site: &YarnSite) -> Vec<String> {
        site.managers("this-node")
            .unwrap()
            .iter()
            .map(|(name, address)| format!("{address} {name}"))
            .collect()
    }

    const W: &str = "yarn.resourcemanager.webapp.address";
    const S: &str = "yarn.resourcemanager.webapp.https.address";
    const H: &str = "yarn.resourcemanager.hostname";

    #[test]
    fn one_resource_manager_is_found_by_whatever_names_it() {
        type Row<'a> = (&'a [(&'a str, &'a str)], String);
        let table: [Row<'_>; 11] = [
            (&[], format!("http://this-node:8088 {H}")),
            (&[(H, "rm")], format!("http://rm:8088 {H}")),
            (&[(H, "old"), (H, " rm ")], format!("http://rm:8088 {H}")),
            (&[(H, "rm"), (W, "web:9088")], format!("http://web:9088 {W}")),
            (&[(H, "rm"), (W, "${yarn.resourcemanager.hostname}:8188")], format!("http://rm:8188 {W}")),
            (&[(W, "${yarn.resourcemanager.hostname}:8188")], format!("http://this-node:8188 {W}")),
            (&[(W, "${a}"), ("a", "${b}:1"), ("b", "rm")], format!("http://rm:1 {W}")),
            (&[(W, "rm")], format!("http://rm:8088 {W}")),
            (&[(W, ""), (H, "rm")], format!("http://rm:8088 {H}")),
            (&[("yarn.http.policy", "HTTPS_ONLY"), (H, "rm"), (W, "rm:1")], format!("https://rm:8090 {H}")),
            (&[("yarn.http.policy", "HTTPS_ONLY"), (S, "rm:9443")], format!("https://rm:9443 {S}")),
        ];
        for (properties, expected) in table {
            assert_eq!(urls(&site(properties)), [expected], "{properties:?}");
        }
    }

    #[test]
    fn every_resource_manager_of_several_is_found() {
        let mut three = vec![
            ("yarn.resourcemanager.ha.rm-ids", "rm1, rm2,rm3"),
            ("yarn.resourcemanager.hostname.rm1", "n1"),
            ("yarn.resourcemanager.webapp.address.rm1", "${yarn.resourcemanager.hostname.rm1}:8089"),
            ("yarn.resourcemanager.hostname.rm2", "n2"),
            ("yarn.resourcemanager.hostname.rm3", "0.0.0.0"),
        ];
        assert_eq!(urls(&site(&three)), [format!("http://this-node:8088 {H}")], "HA is not enabled");
        three.push(("yarn.resourcemanager.ha.enabled", "true"));
        let expected = [
            format!("http://n1:8089 {W}.rm1"),
            format!("http://n2:8088 {H}.rm2"),
            format!("http://this-node:8088 {H}.rm3"),
        ];
        assert_eq!(urls(&site(&three)), expected);
        three.retain(|(name, _)| *name != "yarn.resourcemanager.hostname.rm2");
        let problem = site(&three).managers("this-node").unwrap_err();
        assert!(problem.contains("neither yarn.resourcemanager.webapp.address.rm2"), "{problem}");
    }

    #[test]
    fn what_stands_for_nothing_is_told_and_a_circle_ends() {
        for value in
            ["${user.home}:8088", "${yarn.resourcemanager.webapp.address}", "${a", "r m:8088", "rm:port"]
        {
            let problem = site(&[(W, value)]).managers("this-node").unwrap_err();
            assert!(problem.starts_with(W), "{problem}");
        }
    }

    #[test]
    fn lists_that_are_filtered_are_told() {
        for (name, value, expected) in [
            ("yarn.webapp.filter-entity-list-by-user", "true", true),
            ("yarn.resourcemanager.display.per-user-apps", " true ", true),
            ("yarn.webapp.filter-entity-list-by-user", "false", false),
            ("yarn.acl.enable", "true", false),
        ] {
            assert_eq!(site(&[(name, value)]).filters_lists(), expected, "{name}");
        }
    }

    #[test]
    fn the_file_may_be_written_in_all_of_hadoops_ways_and_in_no_others() {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<?xml-stylesheet type=\"text/xsl\" href=\"c.xsl\"?>\n\
                    <!-- Licensed --><configuration xmlns:xi=\"http://www.w3.org/2001/XInclude\">\n\
                    <xi:include href=\"/etc/other.xml\"/><property name=\"a\" value=\"b\"/>\
                    <property><name>c</name><value><![CDATA[d & e]]></value><final>true</final><description>&lt;</description></property>\
                    <property><name>empty</name><value/></property><property/></configuration>";
        let site = YarnSite::parse(text).unwrap();
        assert_eq!((site.get("a"), site.get("c")), (Some("b".to_owned()), Some("d & e".to_owned())));
        assert_eq!((site.get("empty"), site.0.len()), (None, 3));
        for text in [
            "",
            "<configuration>",
            "{}",
            "<other/>",
            "<!DOCTYPE c [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><configuration>&e;</configuration>",
        ] {
            assert!(YarnSite::parse(text).is_err(), "{text}");
        }
    }
}
