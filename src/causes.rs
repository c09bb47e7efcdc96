//! An error and what caused it.

use std::error::Error;
use std::iter::from_fn;

/// An error, what caused it, what caused that, to the end.
pub fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// All of them in one line: `the journal cannot be set up: opening /x failed: permission denied`.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The last of them, which is the one that helps: "connection refused" rather than "error sending request".
pub fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    causes(error).last().unwrap_or(error)
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::io;

    use super::*;

    #[derive(Debug)]
    struct Outer(io::Error);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the file cannot be read")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn an_error_is_told_with_all_that_caused_it() {
        let error = Outer(io::Error::from(io::ErrorKind::NotFound));
        assert_eq!(chain(&error), "the file cannot be read: entity not found");
        assert_eq!(innermost(&error).to_string(), "entity not found");
        assert_eq!(innermost(&error.0).to_string(), "entity not found");
    }
}
