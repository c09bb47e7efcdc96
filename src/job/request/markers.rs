//! What does not arrive as it is written: what YARN replaces, and letters that a POSIX locale does not know.

/// What YARN replaces by a text of its own.
pub(super) const MARKERS: [&str; 3] = [LOG_DIR, "<CPS>", "<ADD_OPENS>"];
/// The directory whose files YARN shows and aggregates: `-Xlog:gc:<LOG_DIR>/gc.log`.
pub(super) const LOG_DIR: &str = "<LOG_DIR>";

/// A letter that arrives only where the locales of Livy and of YARN's nodes are UTF-8 (`[yarn] utf8`).
pub(super) fn outside_ascii(letter: char) -> bool {
    !letter.is_ascii()
}
