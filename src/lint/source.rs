//! A file's text becomes the value that is checked: JSON, or YAML with CloudFormation's tags.
//!
//! A tag stands for a function: `!Sub x` for `{"Fn::Sub": x}`, `!Ref x` for `{"Ref": x}`, `!GetAtt a.b` for
//! `{"Fn::GetAtt": ["a", "b"]}` (user guide, intrinsic function reference), so the rest of the check knows one form.

use saphyr::{LoadableYamlNode as _, ScalarOwned, YamlOwned};
use serde_json::{Map, Number, Value};

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// JSON.
    Json,
    /// YAML, in which a template may use tags for functions.
    Yaml,
}

impl Syntax {
    /// What a text is that does not say it: JSON begins with a bracket.
    pub fn of(text: &str) -> Syntax {
        if text.trim_start().starts_with(['{', '[']) { Syntax::Json } else { Syntax::Yaml }
    }
}

/// Reads a text of one document.
///
/// # Errors
/// Why it cannot be read, with the place.
pub fn read(text: &str, syntax: Syntax) -> Result<Value, String> {
    match syntax {
        Syntax::Json => serde_json::from_str(text).map_err(|error| format!("not JSON: {error}")),
        Syntax::Yaml => {
            let mut documents =
                YamlOwned::load_from_str(text).map_err(|error| format!("not YAML: {error}"))?;
            match (documents.pop(), documents.len()) {
                (Some(only), 0) => value(only).map_err(|what| format!("not YAML: {what}")),
                (None, _) => Err("empty".to_owned()),
                (Some(_), more) => Err(format!("not one document: it has {}", more + 1)),
            }
        }
    }
}

fn value(node: YamlOwned) -> Result<Value, String> {
    Ok(match node {
        YamlOwned::Value(scalar) => scalar_value(scalar),
        YamlOwned::Sequence(elements) => {
            Value::Array(elements.into_iter().map(value).collect::<Result<_, _>>()?)
        }
        YamlOwned::Mapping(members) => {
            let mut fields = Map::new();
            for (key, member) in members {
                fields.insert(text_of(&value(key)?)?, value(member)?);
            }
            Value::Object(fields)
        }
        YamlOwned::Tagged(tag, node) if tag.handle == "!" => function(&tag.suffix, value(*node)?),
        // `!!str` and the like say how the text is to be read, and that was done.
        YamlOwned::Tagged(_, node) => value(*node)?,
        YamlOwned::Representation(text, ..) => Value::String(text),
        YamlOwned::Alias(_) | YamlOwned::BadValue => return Err("a value that cannot be read".to_owned()),
    })
}

fn scalar_value(scalar: ScalarOwned) -> Value {
    match scalar {
        ScalarOwned::Null => Value::Null,
        ScalarOwned::Boolean(flag) => Value::Bool(flag),
        ScalarOwned::Integer(number) => Value::from(number),
        ScalarOwned::FloatingPoint(number) => {
            Number::from_f64(*number).map_or_else(|| Value::String(number.to_string()), Value::Number)
        }
        ScalarOwned::String(text) => Value::String(text),
    }
}

/// A key: a number or a flag is the text that was written.
fn text_of(key: &Value) -> Result<String, String> {
    match key {
        Value::String(text) => Ok(text.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(key.to_string()),
        Value::Array(_) | Value::Object(_) => Err("a key that is a list or an object".to_owned()),
    }
}

fn function(name: &str, argument: Value) -> Value {
    let (name, argument) = match (name, argument) {
        ("Ref" | "Condition", argument) => (name.to_owned(), argument),
        ("GetAtt", Value::String(path)) => {
            let parts = path.split_once('.').map(|(resource, attribute)| vec![resource, attribute]);
            ("Fn::GetAtt".to_owned(), parts.map_or(Value::String(path.clone()), Value::from))
        }
        (name, argument) => (format!("Fn::{name}"), argument),
    };
    Value::Object(Map::from_iter([(name, argument)]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn yaml(text: &str) -> Value {
        read(text, Syntax::Yaml).expect("YAML")
    }

    #[test]
    fn tags_are_the_functions_that_they_stand_for() {
        let read = yaml(
            "a: !Ref X\nb: !GetAtt Etl.Data.Id\nc: !Sub 's3://${B}/x'\nd: !Join ['', [a, !Ref B]]\ne: !If [C, 1, !Ref AWS::NoValue]\nf: !Condition C",
        );
        assert_eq!(
            read,
            json!({
                "a": {"Ref": "X"}, "b": {"Fn::GetAtt": ["Etl", "Data.Id"]}, "c": {"Fn::Sub": "s3://${B}/x"},
                "d": {"Fn::Join": ["", ["a", {"Ref": "B"}]]}, "e": {"Fn::If": ["C", 1, {"Ref": "AWS::NoValue"}]},
                "f": {"Condition": "C"},
            })
        );
    }

    #[test]
    fn scalars_are_what_they_look_like_and_dates_and_accounts_stay_texts() {
        let read = yaml(
            "a: 4\nb: '4'\nc: true\nd: 1.5\ne: ~\nf: 2010-09-09\ng: |\n  two\n  lines\n012345678901: x\nh: .inf",
        );
        assert_eq!(
            (&read["a"], &read["b"], &read["c"], &read["d"]),
            (&json!(4), &json!("4"), &json!(true), &json!(1.5))
        );
        assert_eq!(
            (&read["e"], &read["f"], &read["g"]),
            (&Value::Null, &json!("2010-09-09"), &json!("two\nlines\n"))
        );
        assert_eq!(read["h"], json!("inf"));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place() {
        let wrong = |text: &str| read(text, Syntax::of(text)).expect_err(text);
        assert!(wrong("{\"a\": ").starts_with("not JSON: EOF"));
        assert!(wrong("a: [1, 2\nb: 3").starts_with("not YAML: "));
        assert!(wrong("a: [1, 2\nb: 3").contains("line 2"), "{}", wrong("a: [1, 2\nb: 3"));
        assert_eq!(wrong("---\na: 1\n---\nb: 2"), "not one document: it has 2");
        assert_eq!(wrong(""), "empty");
        assert!(wrong("? [a]\n: b").contains("a key"));
    }
}
