//! A list of applications as a ResourceManager writes it down, of which each is taken as it comes: the whole is never
//! there.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::application::RawApplication;
use crate::job::application::{Active, Application, MovingApplication};

/// What is made of the applications of a list.
pub(super) trait Gather {
    fn take(&mut self, application: RawApplication);
}

/// All that is told of each.
#[derive(Default)]
pub(super) struct Whole(pub(super) Vec<Application>);

impl Gather for Whole {
    fn take(&mut self, application: RawApplication) {
        self.0.push(application.into());
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Whole, D::Error> {
        Answer(Whole::default()).deserialize(deserializer)
    }
}

/// Those with a tag of a run, by that tag; what is as the last list had it is that one's.
pub(super) struct Moving {
    pub(super) found: Active,
    pub(super) before: Option<Arc<Active>>,
}

impl Gather for Moving {
    fn take(&mut self, raw: RawApplication) {
        let Some(tag) = raw.run_tag().map(str::to_owned) else { return };
        let (name, progress) = (raw.name.clone(), raw.progress());
        let whole = Application::from(raw);
        let (memory_seconds, vcore_seconds) = (whole.memory_seconds, whole.vcore_seconds);
        // What a waiting application says, and what it has cost so far, change all the time and mean nothing.
        let application =
            Application { diagnostics: String::new(), memory_seconds: None, vcore_seconds: None, ..whole };
        let moving = MovingApplication { name, progress, memory_seconds, vcore_seconds, application };
        self.found.add(&tag, moving, self.before.as_deref());
    }
}

/// The answer with a list, read into what is to be made of it. `apps` is null or empty where there are none, and never
/// left out: without it somebody else answers.
pub(super) struct Answer<T>(pub(super) T);

impl<'de, T: Gather> DeserializeSeed<'de> for Answer<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Gather> Visitor<'de> for Answer<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with apps")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        member(map, "apps", Apps(self.0))?.map_err(|_| A::Error::missing_field("apps"))
    }
}

struct Apps<T>(T);

impl<'de, T: Gather> DeserializeSeed<'de> for Apps<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Gather> Visitor<'de> for Apps<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with app, or null")
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(self.0)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        Ok(member(map, "app", Each(self.0))?.unwrap_or_else(|Each(nothing)| nothing))
    }
}

struct Each<T>(T);

impl<'de, T: Gather> DeserializeSeed<'de> for Each<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Gather> Visitor<'de> for Each<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<T, A::Error> {
        while let Some(application) = seq.next_element()? {
            self.0.take(application);
        }
        Ok(self.0)
    }
}

/// Reads an object's first member of a name; without one, what was to be done with it comes back.
fn member<'de, A: MapAccess<'de>, S: DeserializeSeed<'de>>(
    mut map: A,
    name: &str,
    seed: S,
) -> Result<Result<S::Value, S>, A::Error> {
    let mut found = Err(seed);
    while let Some(key) = map.next_key::<String>()? {
        found = match found {
            Err(seed) if key == name => Ok(map.next_value_seed(seed)?),
            found => {
                map.next_value::<IgnoredAny>()?;
                found
            }
        };
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_of_something_else_is_no_answer_and_an_empty_list_is_one() {
        for none in [r#"{"apps": null}"#, r#"{"apps": {}}"#, r#"{"apps": {"app": []}}"#] {
            let list = serde_json::from_str::<Whole>(none).expect("it is read");
            assert_eq!(list.0.len(), 0, "{none}");
        }
        for odd in ["{}", r#"{"status": "ok"}"#, r#"{"apps": "ok"}"#, "[]"] {
            assert!(serde_json::from_str::<Whole>(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_list_is_read_wherever_it_stands_among_what_is_not_ours_to_know() {
        let text = r#"{"x": {"apps": 1}, "apps": {"y": [2], "app": [{"id": "a_1_1", "state": "NEW"}], "z": {}}, "w": 3}"#;
        let list = serde_json::from_str::<Whole>(text).expect("it is read");
        assert_eq!(list.0.len(), 1);
        assert!(serde_json::from_str::<Whole>(r#"{"apps": {"app": [{"id": "a_1_1"}]}}"#).is_err());
    }
}
