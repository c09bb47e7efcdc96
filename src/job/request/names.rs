//! What files are called. Their names get into the scripts of containers, decoded as often as there are readers.

use super::arrival::{environment, replaced, unquoted, unreferenced};

/// The most layers of `%XX` in a path: more than there are readers on the way.
const LAYERS: usize = 4;

/// The path of the job's own file, of which Spark writes the decoded name into a command without quotes.
pub(super) fn of_program(path: &str) -> Result<(), String> {
    decodings(path)?.iter().try_for_each(|path| unquoted(path))
}

/// A list of files as a property has it. Spark splits it at commas, and Livy at blanks as well.
pub(super) fn of_list(paths: &str) -> Result<(), String> {
    paths.split(',').map(str::trim).try_for_each(|path| {
        if path.contains(char::is_whitespace) {
            return Err(
                "holds a blank inside a path, at which Livy would split it: rename the file".to_owned()
            );
        }
        of_file(path)
    })
}

/// A file to send along: what it is called in the container is written into its script, and of a `local:` one the whole
/// path. What Spark puts in the place of a reference may hold the name.
pub(super) fn of_file(path: &str) -> Result<(), String> {
    unreferenced(path)?;
    // A path is decoded by each that makes a URI of it, and what was no separator may then be one.
    decodings(path)?.iter().try_for_each(|path| {
        let whole = path.starts_with("local:").then_some(path.as_str());
        let last = |end: &[char]| {
            let path = &path[..path.find(end).unwrap_or(path.len())];
            path.rsplit('/').next().unwrap_or_default()
        };
        let alias = path.split_once('#').map(|(_, alias)| alias);
        let read = [Some(last(&[])), Some(last(&['#'])), Some(last(&['?', '#'])), alias, whole];
        let mut read = read.into_iter().flatten();
        read.try_for_each(word).map_err(|reason| format!("the name or alias {reason}"))
    })
}

/// A text between double quotes of a script, which must stay as it is.
fn word(text: &str) -> Result<(), String> {
    environment(text)?;
    replaced(text)?;
    if text.contains('$') {
        return Err("holds `$`, which the shell of its container would read".to_owned());
    }
    Ok(())
}

/// A path, and what it becomes when `%XX` in it is decoded, until nothing changes.
fn decodings(path: &str) -> Result<Vec<String>, String> {
    let mut found = vec![path.to_owned()];
    while found.len() <= LAYERS {
        let next = decoded(&found[found.len() - 1]);
        if found.last() == Some(&next) {
            return Ok(found);
        }
        found.push(next);
    }
    Err("is encoded with `%` again and again: rename the file".to_owned())
}

/// A URI's text without `%XX`, as Hadoop's `Path` takes the name from it.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
