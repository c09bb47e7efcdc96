//! Bytes that say what they are: a first line with a kind, a format and the checksum of the rest.

use std::fmt;

use sha2::{Digest, Sha256};

/// The longest first line that is looked for.
const LONGEST_HEAD: usize = 200;

/// Why bytes are none of ours.
#[derive(Debug, PartialEq)]
pub enum Unreadable {
    /// A newer version wrote it, in this format.
    Newer(u32),
    /// It is whole, and of a shape that this version does not know.
    Foreign(String),
    /// It is damaged.
    Malformed(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::Newer(version) => write!(f, "it is of format {version}"),
            Unreadable::Foreign(reason) | Unreadable::Malformed(reason) => f.write_str(reason),
        }
    }
}

/// Puts the first line before a payload. The kind has no blanks.
pub fn seal(kind: &str, format: u32, payload: &[u8]) -> Vec<u8> {
    let mut text = format!("{kind} {format} {}\n", checksum(payload)).into_bytes();
    text.extend_from_slice(payload);
    text
}

/// The format and the payload of bytes of a kind. `newest`: the newest format that is known.
///
/// # Errors
/// Why they are none.
pub fn unseal<'a>(kind: &str, newest: u32, bytes: &'a [u8]) -> Result<(u32, &'a [u8]), Unreadable> {
    let malformed = |reason: &str| Unreadable::Malformed(reason.to_owned());
    let end = bytes
        .iter()
        .take(LONGEST_HEAD)
        .position(|byte| *byte == b'\n')
        .ok_or_else(|| malformed("it has no first line"))?;
    let (head, payload) = (&bytes[..end], &bytes[end + 1..]);
    let head = std::str::from_utf8(head).map_err(|_| malformed("its first line is not text"))?;
    let parts: Vec<&str> = head.split(' ').collect();
    let [of_kind, version, sum] = parts[..] else { return Err(malformed("its first line is not ours")) };
    if of_kind != kind {
        return Err(malformed("its first line is not ours"));
    }
    let version: u32 = version.parse().map_err(|_| malformed("its version is no number"))?;
    // A newer format may have another checksum and another way of writing it.
    if version > newest {
        return Err(Unreadable::Newer(version));
    }
    if checksum(payload) != sum {
        return Err(malformed("its checksum is wrong"));
    }
    Ok((version, payload))
}

pub(super) fn checksum(payload: &[u8]) -> String {
    Sha256::digest(payload).iter().map(|byte| format!("{byte:02x}")).collect()
}
