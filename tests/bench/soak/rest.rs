//! The worker when nothing is left to do: what it holds, and that this is what it held before.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::board::Board;
use crate::looker::asked;
use crate::stage::{Journal, Process, Stage, wait};
use crate::watch::NO_COMPILER;
use crate::{PLACES, Soak};

/// Idle connections to Step Functions are closed after 90 s.
const SETTLES: Duration = Duration::from_secs(100);
/// How long it is looked at, seconds.
const SPAN: u64 = 40;
/// While no job is watched there is a sweep every 10 s, otherwise one a second. The first may come late.
const SWEEPS: f64 = SPAN as f64 / 10.0 + 2.0;
/// What memory may have grown by: a share, or MB where that is more.
const GROWTH: (f64, f64) = (0.15, 4.0);
/// What is allocated and not freed may have grown by so much, MB: the finished tasks that are remembered differ, and tables
/// have the size of the most that they held.
const IN_USE: f64 = 0.5;
/// The files in which entries are written, of which there are as many at most as entries are written at once.
const SPARES: f64 = 64.0;
/// A file of finished tasks may be so much larger: other tasks have longer names and causes.
const HISTORY: f64 = 1.3;

/// The worker at rest.
pub(crate) struct Rest {
    /// MB.
    resident: f64,
    /// What it has allocated and not freed, MB; none where that cannot be told.
    in_use: Option<f64>,
    /// The most that it was, MB, and the seconds of a processor so far.
    used: (f64, f64),
    threads: usize,
    files: usize,
    /// Tasks that it says it holds.
    held: usize,
    /// Places that are neither free nor kept for what a poll may bring.
    taken: usize,
    /// Lists of Livy and of YARN.
    sweeps: (usize, usize),
    /// The files of the state directory, and their bytes.
    kept: BTreeMap<String, u64>,
}

/// How many entries the journal has.
pub(crate) fn entries(stage: &Stage) -> usize {
    kept(stage).keys().filter(|name| name.ends_with(".task")).count()
}

fn is_spare(name: &str) -> bool {
    name.ends_with(".tmp")
}

fn kept(stage: &Stage) -> BTreeMap<String, u64> {
    let files = std::fs::read_dir(stage.place(Journal::OnDisk).join("state")).expect("a directory");
    let size = |file: std::io::Result<std::fs::DirEntry>| {
        let file = file.ok()?;
        // It may be gone by then.
        Some((file.file_name().to_string_lossy().into_owned(), file.metadata().ok()?.len()))
    };
    files.filter_map(size).collect()
}

/// Waits until connections have closed, and looks. The least of what is open counts: polls come and go.
pub(crate) async fn rest(soak: &Soak, process: &Process) -> Rest {
    wait(SETTLES).await;
    let lists = || (soak.stage.livy.count("GET /batches"), soak.stage.yarn.count("GET /apps"));
    let before = lists();
    let mut usage = process.usage();
    for _ in 0..SPAN {
        wait(Duration::from_secs(1)).await;
        let now = process.usage();
        usage.files = usage.files.min(now.files);
        usage.threads = usage.threads.min(now.threads);
        usage.resident = usage.resident.min(now.resident);
    }
    let after = lists();
    let in_use = match &soak.watch {
        Some(watch) => Some(watch.in_use().await as f64 / 1024.0 / 1024.0),
        None => None,
    };
    let status: Value = serde_json::from_str(&asked(soak.port, "/status").await).expect("JSON");
    let states = status["states"].as_object().expect("a table").values();
    let figure = |key: &str| status["activities"][0][key].as_u64().expect("a number") as usize;
    Rest {
        resident: usage.resident,
        in_use,
        used: (usage.peak, usage.cpu),
        threads: usage.threads,
        files: usage.files,
        held: states.filter_map(Value::as_u64).sum::<u64>() as usize,
        taken: PLACES - figure("free") - figure("openPolls"),
        sweeps: (after.0 - before.0, after.1 - before.1),
        kept: kept(&soak.stage),
    }
}

impl Rest {
    /// What needs no comparison.
    pub(crate) fn tell(&self, board: &mut Board, what: &str) {
        board.tell(&format!("{what}, resident memory"), &format!("{:.2} MB", self.resident));
        match self.in_use {
            Some(in_use) => board.tell(&format!("{what}, allocated memory"), &format!("{in_use:.3} MB")),
            None => board.left_out(&format!("{what}, allocated memory"), NO_COMPILER),
        }
        board.tell(
            &format!("{what}, open files and threads"),
            &format!("{} and {}", self.files, self.threads),
        );
        let (peak, cpu) = self.used;
        board.tell(&format!("{what}, peak and processor so far"), &format!("{peak:.2} MB, {cpu:.1} s"));
        let entries = self.kept.keys().filter(|name| name.ends_with(".task")).count();
        board.at_most(&format!("{what}, entries of the journal"), entries as f64, 0.0, "entries");
        let spares = self.kept.keys().filter(|name| is_spare(name)).count();
        board.at_most(&format!("{what}, spare files of the journal"), spares as f64, SPARES, "files");
        board.at_most(&format!("{what}, tasks held"), self.held as f64, 0.0, "tasks");
        board.at_most(&format!("{what}, places taken"), self.taken as f64, 0.0, "places");
        // Whom a sweep still looks for, no metric says; a single one makes it sweep each second.
        for (service, lists) in [("Livy", self.sweeps.0), ("YARN", self.sweeps.1)] {
            board.at_most(
                &format!("{what}, sweeps of {service} in {SPAN} s"),
                lists as f64,
                SWEEPS,
                "sweeps",
            );
        }
    }

    /// What it has more than before, after so many jobs.
    pub(crate) fn compare(&self, board: &mut Board, before: &Rest, jobs: usize) {
        let grown = self.resident - before.resident;
        let most = (before.resident * GROWTH.0).max(GROWTH.1);
        board.at_most("grown, resident memory", grown, most, "MB");
        if let (Some(now), Some(before)) = (self.in_use, before.in_use) {
            board.at_most("grown, allocated memory", now - before, IN_USE, "MB");
        }
        board.tell(
            "grown, resident memory of a job",
            &format!("{:.0} bytes", grown * 1024.0 * 1024.0 / jobs as f64),
        );
        let more = |now: usize, before: usize| now as f64 - before as f64;
        board.at_most("grown, open files", more(self.files, before.files), 0.0, "files");
        board.at_most("grown, threads", more(self.threads, before.threads), 0.0, "threads");
        let is_new = |name: &&String| !is_spare(name) && !before.kept.contains_key(*name);
        let others = self.kept.keys().filter(is_new).count();
        board.at_most("grown, names in the state directory", others as f64, 0.0, "files");
        for (name, size) in self.kept.iter().filter(|(_, size)| **size > 0) {
            let was = before.kept.get(name).copied().unwrap_or_default().max(1);
            board.at_most(&format!("grown, {name}"), *size as f64 / was as f64, HISTORY, "times");
        }
    }
}
