//! ARNs, as far as the worker reads them.

/// An activity's: `arn:PARTITION:states:REGION:ACCOUNT:activity:NAME`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ActivityArn<'a> {
    /// The region.
    pub region: &'a str,
    /// The account, in whatever form.
    pub account: &'a str,
    /// The activity's name.
    pub name: &'a str,
}

impl<'a> ActivityArn<'a> {
    /// Reads it; `None` where it is no activity's, or a part is missing.
    pub fn parse(arn: &'a str) -> Option<ActivityArn<'a>> {
        let parts: Vec<&str> = arn.split(':').collect();
        match parts[..] {
            ["arn", partition, "states", region, account, "activity", name]
                if ![partition, region, account, name].contains(&"") =>
            {
                Some(ActivityArn { region, account, name })
            }
            _ => None,
        }
    }
}

/// The region of an activity's ARN; `None` where it is no activity's.
pub fn region(arn: &str) -> Option<&str> {
    ActivityArn::parse(arn).map(|arn| arn.region)
}

/// The last part of any ARN: what people call the thing.
pub fn name(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{ActivityArn, name};

    #[test]
    fn an_activitys_arn_has_seven_parts_and_none_is_empty() {
        let arn = "arn:aws-cn:states:cn-north-1:123456789012:activity:spark-job";
        let parsed = ActivityArn { region: "cn-north-1", account: "123456789012", name: "spark-job" };
        assert_eq!(ActivityArn::parse(arn), Some(parsed));
        for odd in [
            "",
            "spark-job",
            "arn:aws:states:eu-west-1:1:activity:",
            "arn:aws:states::1:activity:a",
            "arn:aws:states:eu-west-1:1:activity:a:b",
            "arn:aws:states:eu-west-1:1:stateMachine:a",
            "arn:aws:lambda:eu-west-1:1:function:a",
        ] {
            assert_eq!(ActivityArn::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn the_last_part_is_the_name() {
        assert_eq!(name("arn:aws:states:eu-west-1:1:execution:nightly:run-1"), "run-1");
        assert_eq!(name("run-1"), "run-1");
    }
}
