//! The two shapes of an input: flat, and with `Parameters`.

use super::json::{Json, Type};
use super::keys::{self, Kind};
use super::problem::{Problems, member};
use super::settings::{InputSettings, KeyScope};

/// The table with the keys for Livy.
pub(super) fn inner(top: Json) -> Json {
    parameters(top).map_or(top, |(_, inner)| inner)
}

/// Reads either shape, and says under which path its keys for Livy stand.
pub(super) fn read(top: Json, utf8: bool, problems: &mut Problems) -> (InputSettings, String) {
    match parameters(top) {
        None => (InputSettings::read(top, "$", KeyScope::Flat, utf8, problems), "$".to_owned()),
        Some((spelling, inner)) => {
            let base = member("$", &spelling);
            let mut settings = InputSettings::read(top, "$", KeyScope::Beside, utf8, problems);
            settings.extend(InputSettings::read(inner, &base, KeyScope::Inside, utf8, problems));
            (settings, base)
        }
    }
}

/// What makes an input one of the nested shape.
pub(super) fn parameters(top: Json) -> Option<(String, Json)> {
    let is_parameters = |spelling: &str| keys::find(spelling).is_some_and(|key| key.kind == Kind::Parameters);
    top.members().into_iter().find(|(spelling, value)| is_parameters(spelling) && value.kind() != Type::Null)
}

/// Whether nothing can be said about what `Parameters` lacks.
pub(super) fn unreadable(top: Json) -> bool {
    parameters(top).is_some_and(|(_, inner)| inner.kind() != Type::Object)
}
