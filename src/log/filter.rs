//! Which lines are logged: `LEVEL` for everything, `TARGET=LEVEL` for what begins with TARGET, separated by commas.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;

/// Beginnings of the targets that tell more at `info` and `debug` than an operator of this daemon wants: never above
/// `warn` unless the filter names them.
const NOISY: [&str; 6] = ["aws_", "h2", "hyper", "reqwest", "rustls", "tower"];

/// The beginning of our own targets.
const OURS: &str = env!("CARGO_CRATE_NAME");

/// A part of a filter that is neither a level nor `TARGET=LEVEL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    part: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\"{}\" is neither a level (off, error, warn, info, debug, trace) nor TARGET=LEVEL, for example \
             {OURS}::spark=debug",
            self.part
        )
    }
}

impl Error for FilterError {}

/// Reads a filter. What it does not name is off if it has no bare level.
fn parse(filter: &str) -> Result<Filter, FilterError> {
    let mut default = LevelFilter::OFF;
    let mut named = Vec::new();
    for part in filter.split(',').map(str::trim) {
        let wrong = || FilterError { part: part.to_owned() };
        match part.split_once('=') {
            None => default = level(part).ok_or_else(wrong)?,
            Some((target, of_target)) if is_target(target) => {
                named.push((target, level(of_target).ok_or_else(wrong)?));
            }
            Some(_) => return Err(wrong()),
        }
    }
    let most = named.iter().map(|(_, level)| *level).fold(default, Ord::max);
    // The longest matching beginning decides, and of two equal ones the later: what is named goes last.
    let targets = quiet(default).with_targets(named);
    Ok(Filter { text: filter.to_owned(), targets, most })
}

/// `default` for everything but what is noisy.
fn quiet(default: LevelFilter) -> Targets {
    let noisy = default.min(LevelFilter::WARN);
    Targets::new().with_default(default).with_targets(NOISY.map(|target| (target, noisy)))
}

fn level(text: &str) -> Option<LevelFilter> {
    // LevelFilter itself also reads digits, and "" as `error`.
    let is_word = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphabetic());
    text.parse().ok().filter(|_| is_word)
}

fn is_target(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_:-.".contains(c))
}

/// Lets through the events that the filter names, and our own spans down to `info` whatever it says: a warning must
/// say which task it is about when nothing but warnings is logged.
#[derive(Debug, Clone)]
pub struct Filter {
    /// As it was written.
    text: String,
    targets: Targets,
    most: LevelFilter,
}

impl Filter {
    /// What is logged as shipped: everything from `info` up.
    pub const SHIPPED: &str = "info";

    fn passes(&self, metadata: &Metadata<'_>) -> bool {
        let is_context =
            metadata.is_span() && *metadata.level() <= Level::INFO && metadata.target().starts_with(OURS);
        is_context || self.targets.would_enable(metadata.target(), metadata.level())
    }
}

/// Names the first part that cannot be read.
impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Filter, FilterError> {
        parse(text)
    }
}

impl Default for Filter {
    fn default() -> Filter {
        let level = LevelFilter::INFO;
        Filter { text: Filter::SHIPPED.to_owned(), targets: quiet(level), most: level }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<S: Subscriber> Layer<S> for Filter {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.passes(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.passes(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.most.max(LevelFilter::INFO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_level_is_for_everything_but_the_noisy() {
        let filter = parse("info").unwrap();
        check(&filter, "spark_job_worker::daemon", Level::INFO, true);
        check(&filter, "spark_job_worker::daemon", Level::DEBUG, false);
        check(&filter, "some_crate", Level::INFO, true);
        for noisy in
            ["hyper_util::client", "aws_config::profile", "h2::codec", "rustls::client", "reqwest::connect"]
        {
            check(&filter, noisy, Level::INFO, false);
            check(&filter, noisy, Level::WARN, true);
        }
    }

    #[test]
    fn a_noisy_crate_that_is_named_may_speak() {
        let filter = parse("info, hyper=debug, aws_sdk_sfn=trace").unwrap();
        check(&filter, "hyper_util::client", Level::DEBUG, true);
        check(&filter, "aws_sdk_sfn::operation", Level::TRACE, true);
        check(&filter, "aws_config", Level::INFO, false);
    }

    #[test]
    fn a_level_below_warnings_holds_for_the_noisy_too() {
        check(&parse("error").unwrap(), "hyper", Level::WARN, false);
        check(&parse("off").unwrap(), "hyper", Level::ERROR, false);
    }

    #[test]
    fn the_longest_name_decides_and_the_unnamed_is_off() {
        let filter = parse("spark_job_worker=info,spark_job_worker::spark=debug").unwrap();
        check(&filter, "spark_job_worker::spark::livy", Level::DEBUG, true);
        check(&filter, "spark_job_worker::job", Level::DEBUG, false);
        check(&filter, "some_crate", Level::ERROR, false);
    }

    #[test]
    fn a_part_that_says_nothing_is_refused_by_name() {
        for (filter, part) in [
            ("", ""),
            ("info,", ""),
            ("inof", "inof"),
            ("3", "3"),
            ("info,hyper=", "hyper="),
            ("info,hyper=loud", "hyper=loud"),
            ("=debug", "=debug"),
            ("info,[span]=debug", "[span]=debug"),
        ] {
            assert_eq!(parse(filter).map(drop), Err(FilterError { part: part.to_owned() }), "{filter}");
        }
        assert!(parse("INFO,spark_job_worker::spark=Debug").is_ok());
        let error = parse("inof").unwrap_err().to_string();
        assert!(error.starts_with("\"inof\" is neither a level"), "{error}");
    }

    #[track_caller]
    fn check(filter: &Filter, target: &str, level: Level, passes: bool) {
        assert_eq!(filter.targets.would_enable(target, &level), passes, "{target} at {level}");
    }
}
