//! What `yarn-site.xml` says about the ResourceManagers, read as Hadoop reads it: the last value of a name counts unless
//! an earlier one is final, and `${name}` stands for the value of another. A document type (and so entities) is refused,
//! and nothing is included.

use std::collections::{HashMap, HashSet};

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
        let (mut values, mut finals) = (HashMap::new(), HashSet::new());
        for node in root.children().filter(|node| node.has_tag_name("property")) {
            let Some(name) = part(node, "name").map(|name| name.trim().to_owned()) else { continue };
            if let Some(value) = part(node, "value").filter(|_| !finals.contains(&name)) {
                values.insert(name.clone(), value);
            }
            if part(node, "final").as_deref() == Some("true") {
                finals.insert(name);
            }
        }
        Ok(YarnSite(values))
    }

    /// Each ResourceManager's address, and the property that says it; none for Hadoop's default. `node` is this node's
    /// name, which stands for "all addresses of mine".
    ///
    /// # Errors
    /// Which property has no address.
    pub(super) fn managers(&self, node: &str) -> Result<Vec<(Option<String>, Address)>, String> {
        let ids = if self.is_true("yarn.resourcemanager.ha.enabled") {
            self.get("yarn.resourcemanager.ha.rm-ids").unwrap_or_default()
        } else {
            String::new()
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
            .any(|name| self.is_true(name))
    }

    fn manager(&self, suffix: &str, node: &str) -> Result<(Option<String>, Address), String> {
        let (scheme, name, port) = if self.is("yarn.http.policy", "HTTPS_ONLY") {
            ("https", "yarn.resourcemanager.webapp.https.address", 8090)
        } else {
            ("http", "yarn.resourcemanager.webapp.address", 8088)
        };
        let (name, hostname) = (format!("{name}{suffix}"), format!("{HOSTNAME}{suffix}"));
        let (name, value) = match (self.get(&name), self.get(&hostname)) {
            (Some(value), _) => (Some(name), value),
            (None, Some(value)) => (Some(hostname), value),
            (None, None) if suffix.is_empty() => (None, DEFAULT_HOSTNAME.to_owned()),
            (None, None) => return Err(format!("it has neither {name} nor {hostname}")),
        };
        // Hadoop takes a URL, too, and of it only host and port (`NetUtils.createSocketAddr`).
        let server = match value.split_once("://") {
            Some((_, rest)) => rest.split('/').next().unwrap_or_default(),
            None => value.as_str(),
        };
        let (host, port) = match server.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.to_owned()),
            _ => (server, port.to_string()),
        };
        let host = if host == DEFAULT_HOSTNAME { node } else { host };
        match Address::parse(&format!("{scheme}://{host}:{port}")) {
            Ok(address) => Ok((name, address)),
            Err(text) => Err(format!("{} = {value} {text}", name.as_deref().unwrap_or(HOSTNAME))),
        }
    }

    fn is_true(&self, name: &str) -> bool {
        self.is(name, "true")
    }

    /// Hadoop reads words without regard to case (`Configuration.getBoolean`, `HttpConfig.Policy.fromString`).
    fn is(&self, name: &str, word: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case(word))
    }

    /// A property's value without blanks around it; an empty one is none.
    pub(super) fn get(&self, name: &str) -> Option<String> {
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

/// A part of a `<property>`: an element, with all of its texts between comments, or an attribute.
fn part(property: Node<'_, '_>, name: &str) -> Option<String> {
    match property.children().find(|child| child.has_tag_name(name)) {
        Some(element) => {
            Some(element.children().filter(Node::is_text).filter_map(|text| text.text()).collect())
        }
        None => property.attribute(name).map(str::to_owned),
    }
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
            .map(|(name, address)| format!("{address} {}", name.as_deref().unwrap_or("by default")))
            .collect()
    }

    const W: &str = "yarn.resourcemanager.webapp.address";
    const S: &str = "yarn.resourcemanager.webapp.https.address";
    const H: &str = "yarn.resourcemanager.hostname";

    #[test]
    fn one_resource_manager_is_found_by_whatever_names_it() {
        type Row<'a> = (&'a [(&'a str, &'a str)], String);
        let table: [Row<'_>; 16] = [
            (&[], "http://this-node:8088 by default".to_owned()),
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
            (&[("yarn.http.policy", " https_only "), (S, "rm:9443")], format!("https://rm:9443 {S}")),
            (&[(W, "http://rm:9088")], format!("http://rm:9088 {W}")),
            (&[(W, "http://rm")], format!("http://rm:8088 {W}")),
            (&[(W, "https://rm:9088/cluster")], format!("http://rm:9088 {W}")),
            (&[("yarn.http.policy", "HTTPS_ONLY"), (S, "http://rm/")], format!("https://rm:8090 {S}")),
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
        assert_eq!(urls(&site(&three)), ["http://this-node:8088 by default"], "HA is not enabled");
        three.push(("yarn.resourcemanager.ha.enabled", " TRUE "));
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
        for value in [
            "${env.RM:-rm}",
            "${env.RM-rm}:8088",
            "${user.home}:8088",
            "${yarn.resourcemanager.webapp.address}",
            "${a",
            "r m:8088",
            "rm:port",
        ] {
            let problem = site(&[(W, value)]).managers("this-node").unwrap_err();
            assert!(problem.starts_with(W), "{problem}");
        }
    }

    #[test]
    fn lists_that_are_filtered_are_told() {
        for (name, value, expected) in [
            ("yarn.webapp.filter-entity-list-by-user", "true", true),
            ("yarn.resourcemanager.display.per-user-apps", " true ", true),
            ("yarn.webapp.filter-entity-list-by-user", "TRUE", true),
            ("yarn.webapp.filter-entity-list-by-user", "false", false),
            ("yarn.acl.enable", "true", false),
        ] {
            assert_eq!(site(&[(name, value)]).filters_lists(), expected, "{name}");
        }
    }

    #[test]
    fn comments_in_a_value_are_no_part_of_it_and_the_rest_of_it_is() {
        for (value, expected) in
            [("a<!-- c -->b", "ab"), ("<!-- c -->b", "b"), ("b<!-- c -->", "b"), ("a<![CDATA[&b]]>c", "a&bc")]
        {
            assert_eq!(site(&[("a", value)]).get("a").as_deref(), Some(expected), "{value}");
        }
    }

    #[test]
    fn of_a_name_the_last_value_counts_unless_an_earlier_one_is_final() {
        let read = |second: &str, third: &str| {
            let text = format!(
                "<configuration><property><name>a</name><value>1</value></property>\
                 <property {second}><name>a</name><value>2</value></property>\
                 <property><name>a</name>{third}</property></configuration>"
            );
            YarnSite::parse(&text).unwrap().get("a")
        };
        assert_eq!(read("", "<value>3</value>").as_deref(), Some("3"));
        assert_eq!(read("final=\"true\"", "<value>3</value>").as_deref(), Some("2"));
        assert_eq!(read("final=\"false\"", "<value>3</value>").as_deref(), Some("3"));
        assert_eq!(read("", "<value>3</value><final>true</final>").as_deref(), Some("3"));
        // No value at all sets nothing.
        assert_eq!(read("", "").as_deref(), Some("2"));
        let text = "<configuration><property><name>a</name><value>1</value><final>true</final></property>\
                    <property><name>a</name><value>2</value><final>true</final></property></configuration>";
        assert_eq!(YarnSite::parse(text).unwrap().get("a").as_deref(), Some("1"));
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
