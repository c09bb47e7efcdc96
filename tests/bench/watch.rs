//! The turns of the worker's loop, its syncs and what it has allocated, measured from outside (`watch.c`).

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use stand_ins::worker::Config;

use crate::stage::{Process, Stage, wait};

/// The numbers of `struct seen`, and where some of them stand.
const FIELDS: usize = 6;
const ASKED: u64 = 4;
const IN_USE: usize = 5;

/// Watches a process that is started with its environment.
pub(crate) struct Watch {
    library: PathBuf,
    file: PathBuf,
}

/// What was seen since the last reset.
pub(crate) struct Seen {
    /// The longest turn, in milliseconds of a processor.
    pub(crate) processor: f64,
    /// The longest turn in milliseconds, with what other processes took meanwhile.
    pub(crate) wall: f64,
    pub(crate) turns: u64,
    /// Of files and of directories.
    pub(crate) syncs: u64,
}

/// Starts the worker, watched where that can be done.
pub(crate) fn start(stage: &Stage, config: &Config, watch: Option<&Watch>) -> Process {
    watch.map_or_else(|| stage.start(config), |watch| stage.start_with(config, &watch.environment()))
}

/// Why a figure is missing.
pub(crate) const NO_COMPILER: &str = "there is no C compiler (cc)";

impl Watch {
    /// None where there is no compiler.
    pub(crate) fn new(directory: &Path) -> Option<Watch> {
        let (library, file) = (directory.join("watch.so"), directory.join("watched"));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/watch.c");
        let made =
            Command::new("cc").args(["-O2", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
        made.is_ok_and(|status| status.success()).then(|| {
            let watch = Watch { library, file };
            watch.reset();
            watch
        })
    }

    /// What the process is to have in its environment.
    fn environment(&self) -> [(&'static str, &Path); 2] {
        [("LD_PRELOAD", &self.library), ("WATCHED", &self.file)]
    }

    /// Forgets what was seen.
    pub(crate) fn reset(&self) {
        let file = fs::OpenOptions::new().write(true).create(true).truncate(false).open(&self.file);
        let written = file.and_then(|mut file| std::io::Write::write_all(&mut file, &[0; 8 * FIELDS]));
        written.expect("written");
    }

    pub(crate) fn seen(&self) -> Seen {
        let numbers = self.numbers();
        let milliseconds = |at: usize| numbers[at] as f64 / 1e6;
        Seen { processor: milliseconds(0), wall: milliseconds(1), turns: numbers[2], syncs: numbers[3] }
    }

    /// The bytes that the process has allocated and not freed, as soon as its loop turns.
    pub(crate) async fn in_use(&self) -> u64 {
        let file = fs::OpenOptions::new().write(true).open(&self.file).expect("the watched file");
        file.write_all_at(&1_u64.to_ne_bytes(), 8 * ASKED).expect("written");
        while self.numbers()[ASKED as usize] != 0 {
            wait(Duration::from_millis(20)).await;
        }
        self.numbers()[IN_USE]
    }

    fn numbers(&self) -> Vec<u64> {
        let bytes = fs::read(&self.file).expect("read");
        let number = |bytes: &[u8]| u64::from_ne_bytes(bytes.try_into().expect("eight bytes"));
        bytes.chunks_exact(8).map(number).collect()
    }
}
