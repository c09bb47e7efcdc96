//! How long the worker's loop holds up what waits for it, measured from outside (`turns.c`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Watches the loop of a process that is started with its environment.
pub(crate) struct Turns {
    library: PathBuf,
    file: PathBuf,
}

/// The longest turn since the last reset, and how many there were.
pub(crate) struct Longest {
    /// Milliseconds of a processor.
    pub(crate) processor: f64,
    /// Milliseconds, with what other processes took meanwhile.
    pub(crate) wall: f64,
    pub(crate) count: u64,
}

/// Why a figure is missing.
pub(crate) const NO_COMPILER: &str = "there is no C compiler (cc)";

impl Turns {
    /// None where there is no compiler.
    pub(crate) fn new(directory: &Path) -> Option<Turns> {
        let (library, file) = (directory.join("turns.so"), directory.join("turns"));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/turns.c");
        let made =
            Command::new("cc").args(["-O2", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
        made.is_ok_and(|status| status.success()).then(|| {
            let turns = Turns { library, file };
            turns.reset();
            turns
        })
    }

    /// What the process is to have in its environment.
    pub(crate) fn environment(&self) -> [(&'static str, &Path); 2] {
        [("LD_PRELOAD", &self.library), ("TURNS", &self.file)]
    }

    /// Forgets the longest.
    pub(crate) fn reset(&self) {
        let file = fs::OpenOptions::new().write(true).create(true).truncate(false).open(&self.file);
        let written = file.and_then(|mut file| std::io::Write::write_all(&mut file, &[0; 24]));
        written.expect("written");
    }

    pub(crate) fn longest(&self) -> Longest {
        let bytes = fs::read(&self.file).expect("read");
        let numbers: Vec<u64> = bytes
            .chunks_exact(8)
            .map(|number| u64::from_ne_bytes(number.try_into().expect("eight bytes")))
            .collect();
        let milliseconds = |at: usize| numbers[at] as f64 / 1e6;
        Longest { processor: milliseconds(0), wall: milliseconds(1), count: numbers[2] }
    }
}
