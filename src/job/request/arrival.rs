//! What arrives of the texts of a request, and what does not.
//!
//! On their way to the driver they are read again and again (Spark 3.5.6 and 4.0.2 were seen to do the same to the same
//! texts on YARN 3.3.4; YARN's sources are those of Hadoop 3.3.4 and 3.4.1):
//!
//! 1. Livy starts `spark-submit`. Its `bin/spark-class` (the same file in both) drops carriage returns, and where Livy
//!    runs under the POSIX locale, Java has already made `?` of what is not ASCII.
//! 2. Spark replaces `${spark.…}`, `${env:…}` and `${system:…}` in the properties that it knows
//!    (`ConfigReader.substitute`), and Hadoop `${…}` in its own (`Configuration.substituteVars`). These rules do not see
//!    what takes their place.
//! 3. In cluster mode Spark writes the driver's command (`Client.createContainerLaunchContext`). Arguments, the class
//!    and Java options go through `YarnSparkHadoopUtil.escapeForShell`: in single quotes, with a backslash before
//!    `$` and `"`, and `'\''` for `'`. The path after `--jar`, `--primary-py-file` or `--primary-r-file` is not quoted.
//!    Executors have a command of their own (`ExecutorRunnable.prepareCommand`).
//! 4. The `NodeManager` expands command and environment (`ContainerLaunch.expandEnvironment`): `<LOG_DIR>`, `<CPS>` and,
//!    from 3.4 on, `<ADD_OPENS>` are replaced, `{{` becomes `$` and `}}` is dropped.
//! 5. It writes a script (`ContainerLaunch.UnixShellScriptBuilder`): `exec /bin/bash -c "…"` with the command between
//!    the quotes, `export NAME="…"` for the environment, `ln -sf -- "…" "…"` for files. Between double quotes bash
//!    reads `$`, backticks, `"`, and a backslash before one of these, before another one and before a newline. A
//!    backslash before U+0001 or U+007F, with which bash marks what is quoted for itself, goes wrong: of `\`, U+0001 and
//!    `\$` (Spark's way of writing a dollar) 4.2 and 5.2.15 lose the second backslash's effect, so that the dollar and
//!    what it names are read, and 4.2 makes two letters of U+007F.
//!
//! To escape on top of this would turn wrong on the day on which Spark escapes more. So what does not arrive is
//! written differently where it is JSON (`rewrite.rs`), and refused elsewhere. `names.rs` has the rules of files.

use super::markers::{LOG_DIR, MARKERS, outside_ascii};
use super::rewrite;

/// The directory where a container runs, with the files that were sent along:
/// `-Djava.security.auth.login.config={{PWD}}/jaas.conf`. YARN always sets it itself, so no task decides what it holds.
const WORK_DIR: &str = "{{PWD}}";

/// Spark's own marks in Java options (`Utils.substituteAppNExecIds`): they are gone before YARN sees them.
const APP_ID: &str = "{{APP_ID}}";
const EXECUTOR_ID: &str = "{{EXECUTOR_ID}}";

/// How a property of Spark's names another one, a variable of the environment, or a property of the JVM that reads it.
const REFERENCES: [&str; 3] = ["${spark.", "${env:", "${system:"];

/// What still helps where a text cannot arrive as it is.
const WAYS_OUT: &str = "put it into a JSON object or list, send it in base64, or put it in a file";

/// An argument as it is sent, which is how it arrives or another spelling of the same JSON.
pub(super) fn argument(text: String, utf8: bool) -> Result<String, String> {
    let sent = rewrite::structure(&text, utf8).unwrap_or(text);
    match sendable(&sent, utf8).and_then(|()| plain(&sent)) {
        Ok(()) => Ok(sent),
        Err(reason) => Err(format!("{reason}: {WAYS_OUT}")),
    }
}

/// What every text on the command line of `spark-submit` must be.
pub(super) fn sendable(text: &str, utf8: bool) -> Result<(), String> {
    let reason = if text.contains('\0') {
        "holds a NUL character, which no process argument can hold"
    } else if text.contains('\r') {
        "holds a carriage return, which spark-submit drops"
    } else if !utf8 && text.contains(outside_ascii) {
        "holds letters that are not ASCII, which arrive as `?` unless Livy and all NodeManagers run under a UTF-8 \
         locale (say so with `utf8 = true` in [yarn] of the worker's configuration)"
    } else {
        return Ok(());
    };
    Err(reason.to_owned())
}

/// Whether `escapeForShell` brings a text through YARN and the shell.
pub(super) fn plain(text: &str) -> Result<(), String> {
    if text.contains('`') {
        return Err("holds a backtick, and the shell of its container would run what follows it".to_owned());
    }
    replaced(text)?;
    let read = |pair: &[u8]| matches!(pair, [b'\\', b'\\' | b'"' | b'$' | b'\n' | 0x01 | 0x7f]);
    match text.as_bytes().windows(2).find(|pair| read(pair)) {
        None => Ok(()),
        Some(pair) => {
            let next = match pair {
                [_, b'\\'] => "another one",
                [_, b'"'] => "a double quote",
                [_, b'$'] => "a dollar",
                [_, 0x01] => "the control character U+0001",
                [_, 0x7f] => "the control character U+007F",
                _ => "a newline",
            };
            Err(format!("holds a backslash before {next}, and the shell of its container would read the two"))
        }
    }
}

/// Whether YARN leaves a text as it is.
pub(super) fn replaced(text: &str) -> Result<(), String> {
    let marks = MARKERS.into_iter().chain(["{{", "}}"]);
    match marks.into_iter().find(|mark| text.contains(mark)) {
        None => Ok(()),
        Some("}}") => Err("holds `}}`, which YARN drops".to_owned()),
        Some(mark) => Err(format!("holds `{mark}`, which YARN replaces")),
    }
}

/// Java options, of which Spark escapes each by itself. A directory that only a container knows stands for its path.
pub(super) fn java_options(property: &str, text: &str) -> Result<(), String> {
    unreferenced(text)?;
    let mut text = text.replace(APP_ID, "x");
    if property.starts_with("spark.executor.") {
        text = text.replace(EXECUTOR_ID, "x");
    }
    let (options, open) = split(&text);
    if open {
        // Spark puts default options in front of others: a quote that does not end would take in what follows.
        return Err("has a quote that does not end".to_owned());
    }
    options.iter().try_for_each(|option| plain(&without_directories(option)))
}

/// That Spark finds nothing to replace in a property.
pub(super) fn unreferenced(text: &str) -> Result<(), String> {
    match REFERENCES.into_iter().find(|reference| text.contains(reference)) {
        None => Ok(()),
        Some(reference) => Err(format!(
            "holds `{reference}`, which Spark replaces, and nobody has looked at what it puts there: write the value \
             itself (the directory of a container's logs is `<LOG_DIR>`)"
        )),
    }
}

/// Hadoop's own property that gets into the environment.
pub(super) fn hadoop_classpath(text: &str) -> Result<(), String> {
    if text.contains("${") {
        return Err("holds `${`, which Hadoop replaces: write `$NAME` for a variable".to_owned());
    }
    environment(text)
}

/// A Java option with a path in the place of each directory's name. The shell reads `{{PWD}}` as `$PWD`: letters behind
/// it would become part of the name, a backslash before it would keep the shell from reading it, and a brace at either
/// side would make other braces of YARN's own ones.
fn without_directories(option: &str) -> String {
    let option = option.replace(LOG_DIR, "/");
    let parts: Vec<&str> = option.split(WORK_DIR).collect();
    let joins = |c: char| c.is_alphanumeric() || c == '_' || c == '}';
    let apart = |pair: &[&str]| !pair[0].ends_with(['{', '\\']) && !pair[1].starts_with(joins);
    if parts.windows(2).all(apart) { parts.join("/") } else { option }
}

/// A text into its options, as Spark does it (`Utils.splitCommandString`): at blanks outside quotes, and inside double
/// quotes a backslash keeps the next letter.
pub(super) fn split_options(text: &str) -> Vec<String> {
    split(text).0
}

/// The same, and whether a quote is still open at the end.
fn split(text: &str) -> (Vec<String>, bool) {
    let (mut options, mut option) = (Vec::new(), None::<String>);
    let mut open = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (open, letter) {
            (Some(quote), _) if letter == quote => open = None,
            (Some('"'), '\\') => option.get_or_insert_default().extend(letters.next()),
            (None, '"' | '\'') => {
                open = Some(letter);
                option.get_or_insert_default();
            }
            (None, ' ' | '\t' | '\n' | '\r') => options.extend(option.take()),
            _ => option.get_or_insert_default().push(letter),
        }
    }
    options.extend(option);
    (options, open.is_some())
}

/// A path that Spark writes into the driver's command without quotes.
pub(super) fn unquoted(path: &str) -> Result<(), String> {
    const READ: &str = "`$\"'\\;&|<>()*?[]{}";
    let what = match path.chars().find(|c| c.is_whitespace() || c.is_control() || READ.contains(*c)) {
        Some(letter) if READ.contains(letter) => format!("`{letter}`"),
        Some(' ') => "a blank".to_owned(),
        Some(_) => "a control character or other white space".to_owned(),
        None => return Ok(()),
    };
    Err(format!(
        "holds {what}, and Spark writes this path into a shell's command without quotes: rename the file"
    ))
}

/// What a value of the environment or of a search path must be, where `$NAME` and `{{NAME}}` are lawful: nothing that
/// a shell would run, and nothing that ends the quotes around it. It is looked at as YARN leaves it, because
/// `{{(id)}}` and `$}}(id)` become commands only there.
pub(super) fn environment(text: &str) -> Result<(), String> {
    unreferenced(text)?;
    let expanded = |text: &str| text.replace("{{", "$").replace("}}", "");
    let without = MARKERS.iter().fold(text.to_owned(), |text, marker| text.replace(marker, ""));
    let forms = [text.to_owned(), expanded(text), expanded(&without)];
    if let Some(mark) =
        ["`", "$(", "\"", "\\"].into_iter().find(|mark| forms.iter().any(|form| form.contains(mark)))
    {
        return Err(format!("holds `{mark}`, which the shell of its container would read"));
    }
    if forms.iter().all(|form| form.split('$').skip(1).all(names_a_variable)) {
        return Ok(());
    }
    Err("holds a `$` without a variable's plain name behind it (`$NAME`, `${NAME}`), and a shell can be made to run \
         what that stands for"
        .to_owned())
}

/// Whether what follows a dollar begins with a variable's name, alone or in braces, there with a plain default at most.
fn names_a_variable(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let Some(rest) = text.strip_prefix('{') else {
        return is_name(text.split(|c: char| !letter(c)).next().unwrap_or_default());
    };
    let Some((inner, _)) = rest.split_once('}') else { return false };
    let (name, more) = inner.split_at(inner.find(|c: char| !letter(c)).unwrap_or(inner.len()));
    let default =
        [":-", ":+", "-", "+"].into_iter().any(|mark| more.starts_with(mark)) && !more.contains('{');
    is_name(name) && (more.is_empty() || default)
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The value of a variable of a container.
pub(super) fn value_of(name: &str, text: &str) -> Result<(), String> {
    match name {
        // `exec /bin/bash -c "$JAVA_HOME/bin/java …"`: the inner shell splits and reads it.
        "JAVA_HOME" => unquoted(text),
        _ => environment(text),
    }
}

/// The name of a variable, which YARN writes into its script as it is.
pub(super) fn variable(name: &str) -> Result<(), String> {
    /// A shell runs the file that they name, or what they hold.
    const OF_SHELLS: [&str; 6] = ["BASH_ENV", "ENV", "PROMPT_COMMAND", "PS4", "SHELLOPTS", "BASHOPTS"];
    if OF_SHELLS.contains(&name) {
        return Err("is a variable of the shell itself, which runs what it names".to_owned());
    }
    if is_name(name) {
        return Ok(());
    }
    Err("names no variable of the environment: letters, digits and `_`".to_owned())
}

/// The name of a user. It becomes part of the paths of the user's containers, which Spark and YARN write into scripts
/// without quotes (`-Djava.io.tmpdir={{PWD}}/tmp`).
pub(super) fn user(text: &str) -> Result<(), String> {
    const MARKS: &str = "._-@+=";
    if text.chars().all(|letter| letter.is_alphanumeric() || MARKS.contains(letter)) {
        return Ok(());
    }
    Err(format!(
        "is no user's name, which has letters, digits and {MARKS}: it becomes part of paths in scripts"
    ))
}
