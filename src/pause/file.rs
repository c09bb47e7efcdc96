//! The file `paused` in the state directory: a contract with later versions.
//!
//! A first line `spark-job-worker-paused 1 <SHA-256 of the rest>`, then since when and until when as JSON, in milliseconds
//! since 1970. There is no file while nothing is paused. A version that does not know the file polls.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::job::journal::{read_bounded, replace, seal, unseal};
use crate::job::timestamp::Timestamp;

const FILE: &str = "paused";
const TEMPORARY: &str = "tmp";
const KIND: &str = "spark-job-worker-paused";
const FORMAT: u32 = 1;

/// The shortest pause that makes sense.
pub const LEAST: Duration = Duration::from_secs(1);
/// The longest that ends by itself: who wants more has to end it.
pub const MOST: Duration = Duration::from_secs(30 * 24 * 3_600);

/// From when to when polls are paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Since when.
    pub since: Timestamp,
    /// When the end was said.
    said: Timestamp,
    /// Until when; none: until somebody ends it.
    pub until: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    since: u64,
    said: u64,
    until: Option<u64>,
}

impl Span {
    /// One that was said at `now`, and to last so long.
    pub fn new(since: Timestamp, now: Timestamp, length: Option<Duration>) -> Span {
        let millis = |length: Duration| u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        let until = length.map(|length| Timestamp(now.0.saturating_add(millis(length))));
        Span { since, said: now, until }
    }

    /// What is left of it; none where it has no end. Never more than it was to last, whatever the clock says.
    pub fn left(&self, now: Timestamp) -> Option<Duration> {
        let until = self.until?;
        let length = until.0.saturating_sub(self.said.0);
        let left = until.0.saturating_sub(now.0).min(length);
        Some(Duration::from_millis(left).min(MOST))
    }
}

/// What a state directory says of a pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// None is on.
    Nothing,
    /// One, which can be over.
    Paused(Span),
    /// There is a file that cannot be read or understood, for the reason in words.
    Unreadable(String),
}

/// Reads it. Nothing is changed.
pub fn read(directory: &Path) -> Read {
    let path = path(directory);
    let why = match read_bounded(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Read::Nothing,
        Err(error) => error.to_string(),
        Ok(bytes) => match bytes.map_err(|why| why.to_string()).and_then(|bytes| decode(&bytes)) {
            Ok(span) => return Read::Paused(span),
            Err(why) => why,
        },
    };
    Read::Unreadable(format!("{} says that polls are paused, and cannot be read: {why}", path.display()))
}

/// Where it is.
pub(super) fn path(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

/// Makes it durable.
pub(super) fn keep(directory: &Path, span: &Span) -> io::Result<()> {
    let (path, bytes) = (path(directory), encode(span)?);
    let temporary = path.with_extension(TEMPORARY);
    let kept = replace(&temporary, &path, &bytes).and_then(|()| sync(directory));
    if kept.is_err() {
        // What is left of it would take the room that the journal needs; the next start removes it, too.
        let _ = fs::remove_file(&temporary);
    }
    kept
}

/// Takes it away for good.
pub(super) fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_file(path(directory)) {
        Ok(()) => sync(directory),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn encode(span: &Span) -> io::Result<Vec<u8>> {
    let payload = Payload { since: span.since.0, said: span.said.0, until: span.until.map(|until| until.0) };
    Ok(seal(KIND, FORMAT, &serde_json::to_vec(&payload)?))
}

fn decode(bytes: &[u8]) -> Result<Span, String> {
    let (_, payload) = unseal(KIND, FORMAT, bytes).map_err(|why| why.to_string())?;
    let payload: Payload = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
    let (since, said) = (Timestamp(payload.since), Timestamp(payload.said));
    Ok(Span { since, said, until: payload.until.map(Timestamp) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Span =
        Span { since: Timestamp(1_764_000_000_000), said: Timestamp(1_764_000_060_000), until: None };

    fn until(until: u64) -> Span {
        Span { until: Some(Timestamp(until)), ..SPAN }
    }

    /// What this version writes is, byte for byte, what later versions have to read.
    #[test]
    fn the_file_stays_as_it_is() {
        for (name, span) in [("open", SPAN), ("until", until(1_764_007_260_000))] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/paused").join(name);
            let shipped = fs::read(&path).unwrap();
            let bytes = encode(&span).unwrap();
            assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&shipped), "{name}");
            assert_eq!(decode(&shipped), Ok(span));
        }
    }

    #[test]
    fn what_is_left_is_never_more_than_it_was_to_last() {
        let span = Span::new(SPAN.since, SPAN.said, Some(Duration::from_secs(7_200)));
        let left = |now: u64| span.left(Timestamp(now)).map(|left| left.as_secs());
        assert_eq!(left(SPAN.said.0), Some(7_200));
        assert_eq!(left(SPAN.said.0 + 7_199_000), Some(1));
        assert_eq!(left(SPAN.said.0 + 7_200_000), Some(0));
        assert_eq!(left(u64::MAX), Some(0));
        assert_eq!(left(0), Some(7_200), "the clock was set back by decades");
        assert_eq!(Span::new(SPAN.since, SPAN.said, None).left(Timestamp(u64::MAX)), None);
        let made_up = Span { said: Timestamp(0), ..until(u64::MAX) };
        assert_eq!(made_up.left(Timestamp(0)), Some(MOST));
    }

    #[test]
    fn whatever_is_there_and_is_not_ours_is_a_pause_that_cannot_be_read() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(read(directory.path()), Read::Nothing);
        keep(directory.path(), &until(7)).unwrap();
        assert_eq!(read(directory.path()), Read::Paused(until(7)));
        let newer = format!("{KIND} 2 00\n{{}}");
        for wrong in ["", "x", &newer, "spark-job-worker-hidden 1 00\n[]"] {
            fs::write(path(directory.path()), wrong).unwrap();
            let Read::Unreadable(why) = read(directory.path()) else { panic!("{wrong:?}") };
            assert!(why.contains("paused, and cannot be read"), "{why}");
        }
        remove(directory.path()).unwrap();
        remove(directory.path()).unwrap();
        assert_eq!(read(directory.path()), Read::Nothing);
    }
}
