//! ARNs, as far as the worker reads them.

use std::fmt;

/// The most characters of an activity's name.
const MAX_NAME: usize = 80;
/// What Step Functions allows in no name, beside white space and control characters (API reference, `CreateActivity`).
const FORBIDDEN: &str = r##"<>{}[]?*"#%\^|~`$&,;:/"##;

/// An activity's: `arn:PARTITION:states:REGION:ACCOUNT:activity:NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityArn(String);

impl ActivityArn {
    /// Reads it; `None` where no activity can have it.
    pub fn parse(arn: &str) -> Option<ActivityArn> {
        let parts: Vec<&str> = arn.split(':').collect();
        match parts[..] {
            ["arn", partition, "states", region, account, "activity", name]
                if is_word(partition) && is_word(region) && is_account(account) && is_name(name) =>
            {
                Some(ActivityArn(arn.to_owned()))
            }
            _ => None,
        }
    }

    /// The activity's name.
    pub fn name(&self) -> &str {
        part(&self.0, 6)
    }
}

/// An SNS topic's: `arn:PARTITION:sns:REGION:ACCOUNT:NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicArn(String);

impl TopicArn {
    /// Reads it; `None` where no topic can have it. A FIFO topic is none that CloudFormation is documented to write to.
    pub fn parse(arn: &str) -> Option<TopicArn> {
        let parts: Vec<&str> = arn.split(':').collect();
        match parts[..] {
            ["arn", partition, "sns", region, account, name]
                if is_word(partition) && is_word(region) && is_account(account) && is_plain_name(name) =>
            {
                Some(TopicArn(arn.to_owned()))
            }
            _ => None,
        }
    }

    /// The account: 12 digits.
    pub fn account(&self) -> &str {
        part(&self.0, 4)
    }
}

/// What ARNs say at the same places.
macro_rules! read_like_any {
    ($($arn:ident),+) => {$(
        impl $arn {
            /// The whole ARN.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The partition: `aws`, `aws-cn`, `aws-us-gov`.
            pub fn partition(&self) -> &str {
                part(&self.0, 1)
            }

            /// The region.
            pub fn region(&self) -> &str {
                part(&self.0, 3)
            }
        }

        impl fmt::Display for $arn {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

read_like_any!(ActivityArn, TopicArn);

/// A stack's: `arn:PARTITION:cloudformation:REGION:ACCOUNT:stack/NAME/ID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StackArn<'a> {
    /// The partition.
    pub partition: &'a str,
    /// The region.
    pub region: &'a str,
    /// The account: 12 digits.
    pub account: &'a str,
    /// What people call the stack.
    pub name: &'a str,
}

impl<'a> StackArn<'a> {
    /// Reads it; `None` where no stack can have it.
    pub fn parse(arn: &'a str) -> Option<StackArn<'a>> {
        let parts: Vec<&str> = arn.split(':').collect();
        match parts[..] {
            ["arn", partition, "cloudformation", region, account, stack]
                if is_word(partition) && is_word(region) && is_account(account) =>
            {
                let (name, id) = stack.strip_prefix("stack/")?.split_once('/')?;
                (is_plain_name(name) && is_plain_name(id)).then_some(StackArn {
                    partition,
                    region,
                    account,
                    name,
                })
            }
            _ => None,
        }
    }
}

fn part(arn: &str, at: usize) -> &str {
    arn.split(':').nth(at).unwrap_or_default()
}

/// Letters, digits, `-` and `_`: at least one of them, and 256 at most.
fn is_plain_name(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c))
}

/// Whether a text can be a partition or a region. A region becomes part of the host's name to which polls go.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|c| c.is_ascii_digit())
}

fn is_name(text: &str) -> bool {
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || FORBIDDEN.contains(c);
    (1..=MAX_NAME).contains(&text.chars().count()) && !text.contains(forbidden)
}

/// Where the console shows an execution of Step Functions; `None` where a text is no ARN of one, or of a partition whose
/// console is not known. A child of a Distributed Map is `MACHINE/LABEL:NAME`.
pub fn console(execution: &str) -> Option<String> {
    let parts: Vec<&str> = execution.split(':').collect();
    let ["arn", partition, "states", region, account, "execution", machine, name] = parts[..] else {
        return None;
    };
    let (machine, label) = machine.split_once('/').unwrap_or((machine, name));
    let is_one = is_word(region) && is_account(account) && [machine, label, name].into_iter().all(is_name);
    let host = match partition {
        "aws" => "console.aws.amazon.com",
        "aws-cn" => "console.amazonaws.cn",
        "aws-us-gov" => "console.amazonaws-us-gov.com",
        _ => return None,
    };
    is_one.then(|| {
        let place = format!("https://{region}.{host}/states/home?region={region}#/v2/executions/details/");
        execution.bytes().fold(place, |place, byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'/' => {
                place + char::from(byte).encode_utf8(&mut [0; 4])
            }
            other => place + &format!("%{other:02X}"),
        })
    })
}

/// The region of an activity's ARN; `None` where it is no activity's.
pub fn region(arn: &str) -> Option<&str> {
    ActivityArn::parse(arn)?;
    arn.split(':').nth(3)
}

/// The last part of any ARN: what people call the thing.
pub fn name(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{ActivityArn, StackArn, TopicArn, console, name};

    #[test]
    fn an_activitys_arn_has_seven_parts_and_none_is_empty() {
        let arn = "arn:aws-cn:states:cn-north-1:123456789012:activity:spark-job";
        let parsed = ActivityArn::parse(arn).unwrap();
        assert_eq!(
            (parsed.as_str(), parsed.partition(), parsed.region(), parsed.name()),
            (arn, "aws-cn", "cn-north-1", "spark-job")
        );
        for odd in [
            "",
            "spark-job",
            "arn:aws:states:eu-west-1:123456789012:activity:",
            "arn:aws:states::123456789012:activity:a",
            "arn:aws:states:eu-west-1:123456789012:activity:a:b",
            "arn:aws:states:eu-west-1:123456789012:stateMachine:a",
            "arn:aws:lambda:eu-west-1:123456789012:function:a",
            "arn:aws:states:evil.com/:123456789012:activity:a",
            "arn:aws:states:EU-WEST-1:123456789012:activity:a",
            "arn:aws:states:eu-west-1:12345678901:activity:a",
            "arn:aws:states:eu-west-1:1234567890123:activity:a",
            "arn:aws:states:eu-west-1:12345678901a:activity:a",
            "arn:AWS:states:eu-west-1:123456789012:activity:a",
        ] {
            assert_eq!(ActivityArn::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn an_activitys_name_is_one_that_step_functions_takes() {
        let parsed = |name: &str| {
            ActivityArn::parse(&format!("arn:aws:states:eu-west-1:123456789012:activity:{name}")).is_some()
        };
        for name in ["a", "spark-job_2.x", "(a+b)=c!@'", "grün", &"é".repeat(80)] {
            assert!(parsed(name), "{name}");
        }
        for forbidden in "<>{}[]?*\"#%\\^|~`$&,;:/ \t\n\u{7f}\u{85}\u{a0}".chars() {
            assert!(!parsed(&format!("a{forbidden}b")), "{forbidden:?}");
        }
        assert!(!parsed(&"a".repeat(81)));
    }

    #[test]
    fn the_last_part_is_the_name() {
        assert_eq!(name("arn:aws:states:eu-west-1:1:execution:nightly:run-1"), "run-1");
        assert_eq!(name("run-1"), "run-1");
    }

    #[test]
    fn the_console_shows_what_is_an_executions_arn_and_nothing_else() {
        let shown = |partition: &str, region: &str, rest: &str| {
            console(&format!("arn:{partition}:states:{region}:123456789012:execution:{rest}"))
        };
        let at = "https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/\
                  arn:aws:states:eu-west-1:123456789012:execution:";
        assert_eq!(shown("aws", "eu-west-1", "nightly:run-1"), Some(format!("{at}nightly:run-1")));
        assert_eq!(shown("aws", "eu-west-1", "nightly/map:5e3f"), Some(format!("{at}nightly/map:5e3f")));
        assert_eq!(shown("aws", "eu-west-1", "nightly:(ü)"), Some(format!("{at}nightly:%28%C3%BC%29")));
        for (partition, region, host) in [
            ("aws-cn", "cn-north-1", "https://cn-north-1.console.amazonaws.cn/states/"),
            ("aws-us-gov", "us-gov-west-1", "https://us-gov-west-1.console.amazonaws-us-gov.com/states/"),
        ] {
            assert!(shown(partition, region, "a:b").is_some_and(|place| place.starts_with(host)));
        }
        assert_eq!(shown("aws-iso", "us-iso-east-1", "a:b"), None);
        assert_eq!(shown("aws", "evil.com/", "a:b"), None);
        for odd in ["a", "a:", ":b", "a:b:c", "a/b/c:d", "a\"b:c", "a:<b>", "a:b c", "/b:c"] {
            assert_eq!(shown("aws", "eu-west-1", odd), None, "{odd}");
        }
        for odd in ["", "run-1", "arn:aws:states:eu-west-1:123456789012:express:a:b:c"] {
            assert_eq!(console(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_topics_arn_has_six_parts_and_is_no_fifo_topics() {
        let parsed = TopicArn::parse("arn:aws-cn:sns:cn-north-1:123456789012:spark-jobs").unwrap();
        assert_eq!(
            (parsed.partition(), parsed.region(), parsed.account()),
            ("aws-cn", "cn-north-1", "123456789012")
        );
        for odd in [
            "",
            "arn:aws:sqs:eu-west-1:123456789012:a",
            "arn:aws:sns:eu-west-1:123456789012:a.fifo",
            "arn:aws:sns:eu-west-1:123456789012:a\n",
            "arn:aws:sns:eu-west-1:123456789012:a:5e3f",
            "arn:aws:sns:eu-west-1:12345:a",
            "arn:aws:sns:evil.com/:123456789012:a",
        ] {
            assert_eq!(TopicArn::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_stacks_arn_ends_with_a_name_and_an_id() {
        let arn = "arn:aws:cloudformation:eu-west-1:123456789012:stack/etl/5e3f-77";
        let stack = StackArn { partition: "aws", region: "eu-west-1", account: "123456789012", name: "etl" };
        assert_eq!(StackArn::parse(arn), Some(stack));
        for odd in [
            "",
            "arn:aws:cloudformation:eu-west-1:123456789012:stack/etl",
            "arn:aws:cloudformation:eu-west-1:123456789012:stack//1",
            "arn:aws:cloudformation:eu-west-1:123456789012:stack/etl/1/2",
            "arn:aws:cloudformation:eu-west-1:123456789012:stackset/etl/1",
            "arn:aws:cloudformation:eu-west-1:123456789012:stack/e\"l/1",
            "arn:aws:cloudformation:eu.evil:123456789012:stack/etl/1",
            "arn:aws:cloudformation:eu-west-1:1:stack/etl/1",
        ] {
            assert_eq!(StackArn::parse(odd), None, "{odd}");
        }
    }
}
