//! An input of which only a part is known: what a state machine's definition says of it.

use std::fmt;

use serde_json::Value;

use super::json::OPEN;

/// What a state machine's definition says about an input.
#[derive(Debug, Clone, PartialEq)]
pub enum Template {
    /// Computed when the state is entered.
    Open,
    /// Fixed, and no list or object.
    Fixed(Value),
    /// A list of such values.
    List(Vec<Template>),
    /// An object of such values, in their order.
    Object(Vec<(String, Template)>),
}

/// JSON, but for what is open.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Template::Open => f.write_str(OPEN),
            Template::Fixed(value) => write!(f, "{value}"),
            Template::List(elements) => {
                separated(f, '[', elements, |f, element| write!(f, "{element}"))?;
                f.write_str("]")
            }
            Template::Object(members) => {
                separated(f, '{', members, |f, (key, value)| {
                    write!(f, "{}:{value}", Value::String(key.clone()))
                })?;
                f.write_str("}")
            }
        }
    }
}

fn separated<T>(
    f: &mut fmt::Formatter<'_>,
    open: char,
    parts: &[T],
    write: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    write!(f, "{open}")?;
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            f.write_str(",")?;
        }
        write(f, part)?;
    }
    Ok(())
}
