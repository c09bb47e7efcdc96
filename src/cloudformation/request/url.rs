//! Where a request may be answered.
//!
//! Everybody who may publish to the topic can choose this URL, and the worker sits inside a private network. So the host
//! must be exactly one of those that CloudFormation was seen to use for the stack's own region: nothing is looked up, no
//! ending is compared, and the text that was checked is the text that is used.

use std::fmt;

use crate::arn::{StackArn, TopicArn};

/// A `ResponseURL` that may be used. It is a secret: who has it can answer the request.
#[derive(Clone, PartialEq, Eq)]
pub struct ResponseUrl(String);

/// What the bucket's name begins with that answers are put into (user guide, cfn-vpce-bucketnames).
const BUCKET: &str = "cloudformation-custom-resource-response-";

impl ResponseUrl {
    /// Checks a URL against the stack's region, or against these exact origins where there are any.
    ///
    /// # Errors
    /// What is wrong, without anything of the URL behind its host.
    pub fn check(url: String, stack: &StackArn<'_>, origins: &[String]) -> Result<ResponseUrl, String> {
        // What another reader of URLs would drop, turn around or read as something else is in no URL of S3's.
        if url.bytes().any(|c| !c.is_ascii_graphic() || c == b'\\' || c == b'#') {
            return Err("it holds what no such URL has".to_owned());
        }
        let (scheme, rest) = url.split_once("://").ok_or("it has no scheme")?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let origin = format!("{scheme}://{authority}");
        if !origins.is_empty() {
            let known = path.starts_with('/') && origins.contains(&origin);
            return if known {
                Ok(ResponseUrl(url))
            } else {
                Err(format!("{origin} is none of response_origins"))
            };
        }
        if scheme != "https" {
            return Err("it is not https".to_owned());
        }
        let host = authority.strip_suffix(":443").unwrap_or(authority);
        if !hosts(stack).iter().any(|known| known == host) {
            let shown = host.rsplit('@').next().unwrap_or_default();
            let foreign = format!("{shown} is no host of {}", stack.region);
            return Err(if host.contains('@') { format!("it names a user, and {foreign}") } else { foreign });
        }
        let query = path.strip_prefix('/').and_then(|path| path.split_once('?'));
        let Some((_, query)) = query.filter(|(key, _)| !key.is_empty()) else {
            return Err("it names no object, or has no query".to_owned());
        };
        let signs = |part: &str| {
            let signature = part.strip_prefix("X-Amz-Signature=").or_else(|| part.strip_prefix("Signature="));
            signature.is_some_and(|signature| !signature.is_empty())
        };
        if !query.split('&').any(signs) {
            return Err("it is not signed".to_owned());
        }
        Ok(ResponseUrl(url))
    }

    /// Where answers to stacks of a topic's region usually go; `None` for a partition that is not served.
    pub fn usual_origin(topic: &TopicArn) -> Option<String> {
        let (partition, region, account) = (topic.partition(), topic.region(), topic.account());
        let stack = StackArn { partition, region, account, name: "" };
        hosts(&stack).first().map(|host| format!("https://{host}"))
    }

    /// One that was checked when its request came, and was kept since.
    pub fn kept(url: &str) -> ResponseUrl {
        ResponseUrl(url.to_owned())
    }

    /// The URL itself, for the call that needs it and for the journal.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ResponseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseUrl(…)")
    }
}

/// The hosts that were recorded for a region. Of `GovCloud` none was: its names are made as everywhere. Partitions with
/// domains of their own are not served.
fn hosts(stack: &StackArn<'_>) -> Vec<String> {
    let region = stack.region;
    let bucket = format!("{BUCKET}{}", region.replace('-', ""));
    match stack.partition {
        "aws" | "aws-us-gov" => {
            let mut known = vec![
                format!("{bucket}.s3.{region}.amazonaws.com"),
                format!("{bucket}.s3-{region}.amazonaws.com"),
            ];
            if region == "us-east-1" {
                known.push(format!("{bucket}.s3.amazonaws.com"));
            }
            known
        }
        "aws-cn" => vec![format!("{bucket}.s3.{region}.amazonaws.com.cn")],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(arn: &str) -> StackArn<'_> {
        StackArn::parse(arn).expect("a stack")
    }

    const IRELAND: &str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/etl/1";
    const QUERY: &str = "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=7200&X-Amz-Signature=abc";
    const KEY: &str = "/arn%3Aaws%3Acloudformation%3Aeu-west-1%3A123456789012%3Astack/etl/1%7CEtl%7C5e3f";

    fn check(url: &str, arn: &str) -> Result<String, String> {
        ResponseUrl::check(url.to_owned(), &stack(arn), &[]).map(|url| url.secret().to_owned())
    }

    #[test]
    fn the_recorded_hosts_of_the_stacks_own_region_are_answered() {
        let b = "https://cloudformation-custom-resource-response-";
        for (host, arn) in [
            ("euwest1.s3.eu-west-1.amazonaws.com", IRELAND),
            ("euwest1.s3-eu-west-1.amazonaws.com", IRELAND),
            ("euwest1.s3-eu-west-1.amazonaws.com:443", IRELAND),
            ("useast1.s3.amazonaws.com", "arn:aws:cloudformation:us-east-1:123456789012:stack/etl/1"),
            (
                "useast1.s3.us-east-1.amazonaws.com",
                "arn:aws:cloudformation:us-east-1:123456789012:stack/etl/1",
            ),
            (
                "cnnorth1.s3.cn-north-1.amazonaws.com.cn",
                "arn:aws-cn:cloudformation:cn-north-1:123456789012:stack/etl/1",
            ),
            (
                "usgovwest1.s3.us-gov-west-1.amazonaws.com",
                "arn:aws-us-gov:cloudformation:us-gov-west-1:123456789012:stack/etl/1",
            ),
        ] {
            for key in [KEY, "/arn:aws|Etl|5e3f"] {
                let url = format!("{b}{host}{key}{QUERY}");
                assert_eq!(check(&url, arn), Ok(url.clone()), "{url}");
            }
            check(&format!("{b}{host}{KEY}?AWSAccessKeyId=A&Signature=x%3D&Expires=1"), arn).expect("SigV2");
        }
    }

    #[test]
    fn every_other_place_is_refused_and_nothing_behind_its_host_is_told() {
        let good = "cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com";
        let signed = format!("{KEY}{QUERY}");
        for url in [
            format!("http://{good}{signed}"),
            format!("HTTPS://{good}{signed}"),
            format!("https://{good}.evil.example{signed}"),
            format!("https://evil.example/{good}{signed}"),
            format!("https://evil-{good}{signed}"),
            format!("https://{good}:8443{signed}"),
            format!("https://{good}:{signed}"),
            format!("https://{good}:443:443{signed}"),
            format!("https://{good}@evil.example{signed}"),
            format!("https://user:pass@{good}{signed}"),
            format!("https://{}{signed}", good.to_uppercase()),
            format!("https://{good}.{signed}"),
            format!("https://{good}\\@evil.example{signed}"),
            format!("https://{good}\t{signed}"),
            format!("https://evil.example#{good}{signed}"),
            format!("https://evil.example?{good}{signed}"),
            format!("https:{good}{signed}"),
            format!("//{good}{signed}"),
            format!(
                "https://s3.eu-west-1.amazonaws.com/cloudformation-custom-resource-response-euwest1{signed}"
            ),
            format!(
                "https://cloudformation-custom-resource-response-useast1.s3.us-east-1.amazonaws.com{signed}"
            ),
            format!("https://cloudformation-custom-resource-response-euwest1.s3.amazonaws.com{signed}"),
            format!("https://169.254.169.254{signed}"),
            format!("https://{good}"),
            format!("https://{good}/{QUERY}"),
            format!("https://{good}{KEY}"),
            format!("https://{good}{KEY}?X-Amz-Signature="),
            format!("https://{good}{KEY}?x=X-Amz-Signature=1"),
            String::new(),
        ] {
            let why = check(&url, IRELAND).expect_err(&url);
            assert!(
                !why.contains("Signature=") && !why.contains("pass") && !why.contains("%7C"),
                "{url}: {why}"
            );
        }
        let iso = "arn:aws-iso:cloudformation:us-iso-east-1:123456789012:stack/etl/1";
        let host = "cloudformation-custom-resource-response-usisoeast1.s3.us-iso-east-1.amazonaws.com";
        check(&format!("https://{host}{signed}"), iso).expect_err("not served");
    }

    #[test]
    fn origins_of_the_configuration_replace_the_rule_and_are_exact() {
        let origins = ["http://127.0.0.1:4566".to_owned()];
        let check = |url: &str| ResponseUrl::check(url.to_owned(), &stack(IRELAND), &origins);
        check("http://127.0.0.1:4566/bucket/key").expect("one of them");
        for other in [
            "http://127.0.0.1:45660/bucket",
            "http://127.0.0.1:4566",
            "http://127.0.0.1:4566@evil.example/",
            "https://127.0.0.1:4566/bucket",
            "https://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/k?Signature=x",
        ] {
            assert!(check(other).expect_err(other).contains("response_origins"), "{other}");
        }
    }

    #[test]
    fn it_is_not_shown() {
        let origins = ["http://127.0.0.1:1".to_owned()];
        let url = ResponseUrl::check("http://127.0.0.1:1/secret".to_owned(), &stack(IRELAND), &origins);
        assert!(!format!("{url:?}").contains("secret"));
    }
}
