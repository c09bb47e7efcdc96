//! What a task says about statements: several keys that make one script.
//!
//! A text of a task is never put into code: values go in as data, and code goes in whole.

use super::super::statements::script::{Kind as Language, Script, Statement};
use super::json::{Json, Type};
use super::keys::{self, Kind};
use super::limits::expected;
use super::problem::{Problems, member, shown};
use super::settings::InputSettings;
use crate::nearest::nearest;

/// How many statements a task may have.
const MAX_STATEMENTS: usize = 50;
/// The keys of a statement that is an object.
const CODE: [&str; 2] = ["Code", "code"];
const KIND: [&str; 2] = ["Kind", "kind"];
/// The most digits of an integer that Python reads (`sys.int_info.default_max_str_digits`, from 3.11 on).
const MAX_DIGITS: usize = 4_300;
/// Words that are no names (the Language Reference, 2.3.1; all that some version from 3.6 on has).
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// Reads the keys of `table` that say something about statements; `None` where there are none, or none that is right.
/// `for_resource`: what they are for has no place for a result, and outlives a session.
pub(super) fn read(
    table: Json,
    settings: &InputSettings,
    base: &str,
    for_resource: bool,
    problems: &mut Problems,
) -> Option<Script> {
    if !settings.has(Kind::Statements) {
        for spelling in settings.spellings(|key| key.is_of_script()) {
            problems.add(member(base, spelling), "says something about Statements, and there are none");
        }
        return None;
    }
    for spelling in settings.spellings(|key| key.is_of_program()) {
        let text = "may not stand beside Statements: a task is a file or a list of statements";
        problems.add(member(base, spelling), text);
    }
    let given = |kind: Kind| {
        let members = table.members().into_iter();
        let mut of_kind = members.filter(|(spelling, value)| {
            value.kind() != Type::Null && keys::find(spelling).is_some_and(|key| key.kind == kind)
        });
        of_kind.next().map(|(spelling, value)| (member(base, &spelling), value))
    };
    let usual = given(Kind::Language).and_then(|(path, value)| language(value, &path, problems));
    let (path, list) = given(Kind::Statements)?;
    if for_resource {
        problems.add(&path, "belongs to tasks of Step Functions: a resource is a job with a file of its own");
    }
    let statements = statements(list, &path, usual.unwrap_or(Language::Pyspark), problems);
    let variables = match given(Kind::Variables) {
        None => Some("{}".to_owned()),
        Some((path, value)) => variables(value, &path, problems),
    };
    let result = match given(Kind::Result) {
        None => None,
        Some((path, value)) => Some(result(value, &path, problems)?),
    };
    Some(Script { statements: statements?, variables: variables?, result })
}

fn statements(list: Json, path: &str, usual: Language, problems: &mut Problems) -> Option<Vec<Statement>> {
    match list.kind() {
        Type::List => {}
        Type::Open => return None,
        Type::Null | Type::Bool | Type::Number | Type::Text | Type::Object => {
            problems.add(path, expected("a list of statements", list));
            return None;
        }
    }
    let elements = list.elements();
    if elements.is_empty() || elements.len() > MAX_STATEMENTS {
        let found = elements.len();
        problems.add(path, format!("holds {found} statements, and a task has 1 to {MAX_STATEMENTS}"));
    }
    let read = |(at, element): (usize, &Json)| statement(*element, &format!("{path}[{at}]"), usual, problems);
    let statements: Vec<Option<Statement>> = elements.iter().enumerate().map(read).collect();
    statements.into_iter().collect()
}

fn statement(value: Json, path: &str, usual: Language, problems: &mut Problems) -> Option<Statement> {
    match value.kind() {
        Type::Text => code(value, path, problems).map(|code| Statement { kind: usual, code }),
        Type::Object => {
            let (mut code_given, mut kind) = (None, None);
            for (key, value) in value.members() {
                let path = member(path, &key);
                match key.as_str() {
                    _ if value.kind() == Type::Null => {}
                    key if CODE.contains(&key) => code_given = Some((path, value)),
                    key if KIND.contains(&key) => kind = Some((path, value)),
                    key => problems.add_unknown_key(path, unknown(key)),
                }
            }
            let kind = match kind {
                None => Some(usual),
                Some((path, value)) => language(value, &path, problems),
            };
            let Some((path, value)) = code_given else {
                problems.add(member(path, "Code"), "is required");
                return None;
            };
            Some(Statement { code: code(value, &path, problems)?, kind: kind? })
        }
        Type::Open => None,
        Type::Null | Type::Bool | Type::Number | Type::List => {
            problems.add(path, expected("a statement: a string, or an object with Code and Kind", value));
            None
        }
    }
}

fn unknown(key: &str) -> String {
    match nearest(key, CODE.into_iter().chain(KIND)) {
        Some(known) => format!("unknown key; did you mean `{known}`?"),
        None => "unknown key: a statement has Code and Kind".to_owned(),
    }
}

fn code(value: Json, path: &str, problems: &mut Problems) -> Option<String> {
    if value.kind() == Type::Open {
        return None;
    }
    let text = match value.text() {
        None => Err(expected("a string", value)),
        Some(text) if text.trim().is_empty() => Err("must not be empty".to_owned()),
        Some(text) => Ok(text),
    };
    text.map_err(|text| problems.add(path, text)).ok()
}

fn language(value: Json, path: &str, problems: &mut Problems) -> Option<Language> {
    if value.kind() == Type::Open {
        return None;
    }
    let known = Language::ALL.map(Language::as_str);
    let Some(word) = value.text() else {
        problems.add(path, expected("`pyspark` or `sql`", value));
        return None;
    };
    let language = Language::ALL.into_iter().find(|language| language.as_str() == word);
    if language.is_none() {
        let hint = match nearest(&word, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "only `pyspark` and `sql` run here".to_owned(),
        };
        problems.add(path, format!("{} is no kind of statement; {hint}", shown(&word)));
    }
    language
}

/// Numbers reach Python as they are written, or not at all.
fn variables(value: Json, path: &str, problems: &mut Problems) -> Option<String> {
    match value.kind() {
        Type::Object => {}
        Type::Open => return None,
        Type::Null | Type::Bool | Type::Number | Type::Text | Type::List => {
            problems.add(path, expected("an object", value));
            return None;
        }
    }
    let before = problems.iter().count();
    numbers(value, path, problems);
    (problems.iter().count() == before).then(|| value.whole().to_owned())
}

fn numbers(value: Json, path: &str, problems: &mut Problems) {
    match value.kind() {
        Type::Number => {
            let text = value.whole();
            let sound = if text.contains(['.', 'e', 'E']) {
                text.parse::<f64>().is_ok_and(f64::is_finite)
            } else {
                text.len() <= MAX_DIGITS
            };
            if !sound {
                problems.add(path, format!("{} is a number that Python cannot hold", value.described()));
            }
        }
        Type::List => {
            for (at, element) in value.elements().into_iter().enumerate() {
                numbers(element, &format!("{path}[{at}]"), problems);
            }
        }
        Type::Object => {
            for (key, value) in value.members() {
                numbers(value, &member(path, &key), problems);
            }
        }
        Type::Null | Type::Bool | Type::Text | Type::Open => {}
    }
}

fn result(value: Json, path: &str, problems: &mut Problems) -> Option<String> {
    if value.kind() == Type::Open {
        return None;
    }
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let checked = match value.text() {
        None => Err(expected("a string", value)),
        Some(name) if name.starts_with("_sjw") => {
            Err(format!("{} is a name of this worker's own", shown(&name)))
        }
        Some(name)
            if name.starts_with(|c: char| c.is_ascii_digit())
                || !name.chars().all(letter)
                || name.is_empty()
                || KEYWORDS.contains(&name.as_str()) =>
        {
            let text = "is no name in Python: let the last statement give the value a name, and write that";
            Err(format!("{} {text}", shown(&name)))
        }
        Some(name) => Ok(name),
    };
    checked.map_err(|text| problems.add(path, text)).ok()
}
