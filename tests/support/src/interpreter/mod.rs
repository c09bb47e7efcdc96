//! The Pythons of this machine, and the interpreter half of a session in one of them.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// What runs in it.
const SHELL: &str = include_str!("shell.py");
/// Longer than anything takes that a test lets it do.
const ANSWER: Duration = Duration::from_secs(60);

/// A Python of this machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Python {
    /// Its version: major, minor, micro.
    pub version: (u32, u32, u32),
    /// Where it is.
    pub path: PathBuf,
}

/// One of each version that is found: those of `SJW_TEST_PYTHONS` (paths between colons), else pyenv's and the system's.
pub fn pythons() -> Vec<Python> {
    let mut found: Vec<Python> = candidates().iter().filter_map(|path| python(path)).collect();
    found.sort();
    found.dedup_by_key(|python| python.version);
    found
}

/// The newest that has what a session needs.
///
/// # Panics
/// Where there is none: what needs a session cannot be tested then.
pub fn newest() -> Python {
    static NEWEST: OnceLock<Python> = OnceLock::new();
    let find = || pythons().into_iter().rfind(|python| python.version >= (3, 6, 0));
    NEWEST.get_or_init(|| find().expect("a Python 3.6 or newer")).clone()
}

fn candidates() -> Vec<PathBuf> {
    if let Some(named) = env::var_os("SJW_TEST_PYTHONS") {
        return env::split_paths(&named).collect();
    }
    let versions = env::home_dir().and_then(|home| home.join(".pyenv/versions").read_dir().ok());
    let pyenv = versions.into_iter().flatten().flatten().map(|entry| entry.path().join("bin/python"));
    let path = env::var_os("PATH").unwrap_or_default();
    let system: Vec<PathBuf> = env::split_paths(&path).map(|folder| folder.join("python3")).collect();
    pyenv.chain(system).filter(|path| path.exists()).collect()
}

fn python(path: &Path) -> Option<Python> {
    const ASK: &str = "import sys; print('%d %d %d' % sys.version_info[:3])";
    let said = Command::new(path).args(["-c", ASK]).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(said.stdout).ok()?;
    let numbers: Vec<u32> = text.split_whitespace().filter_map(|part| part.parse().ok()).collect();
    match numbers[..] {
        [major, minor, micro] => Some(Python { version: (major, minor, micro), path: path.to_owned() }),
        _ => None,
    }
}

/// A running interpreter, as Livy's driver has one: whatever writes a line to its standard output shifts every later
/// answer.
#[derive(Debug)]
pub struct Interpreter {
    process: Arc<Mutex<Child>>,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Interpreter {
    /// Starts one.
    pub fn start(python: &Python) -> Interpreter {
        let mut command = Command::new(&python.path);
        command.args(["-c", SHELL]).env("PYTHONUNBUFFERED", "YES").env_remove("PYSPARK_GATEWAY_PORT");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("the interpreter starts");
        let input = process.stdin.take().expect("it is piped");
        let output = process.stdout.take().expect("it is piped");
        let (tell, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        let mut interpreter = Interpreter { process: Arc::new(Mutex::new(process)), input, lines };
        assert_eq!(interpreter.line().as_deref(), Some("READY"), "{}", python.path.display());
        interpreter
    }

    /// What ends its process, at any time.
    pub fn killer(&self) -> Killer {
        Killer(Arc::clone(&self.process))
    }

    /// Runs a statement and returns its output as Livy shows it. Two questions are asked for each, as Livy does.
    pub fn perform(&mut self, number: usize, code: &str) -> Value {
        // Livy writes in the charset of its platform, where another letter may become a question mark.
        assert!(code.is_ascii(), "what is not ASCII does not arrive: {code}");
        self.ask(&format!("sc.setJobGroup('{number}', 'statement {number}', False)"));
        let mut output = match self.ask(code).map(|line| serde_json::from_str::<Value>(&line)) {
            Some(Ok(output)) => output,
            Some(Err(error)) => failure("com.fasterxml.jackson.core.JsonParseException", &error.to_string()),
            None => failure("Error", "Interpreter died:\n"),
        };
        output["execution_count"] = json!(number);
        output
    }

    /// One question and the next line, which may be the answer to an earlier one. `None`: it has died.
    fn ask(&mut self, code: &str) -> Option<String> {
        let written = writeln!(self.input, "{}", json!({ "code": code })).and_then(|()| self.input.flush());
        written.ok().and_then(|()| self.line())
    }

    fn line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(ANSWER) {
            Ok(line) => Some(line),
            // Its output is closed.
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no line from the interpreter within {ANSWER:?}"),
        }
    }
}

impl Drop for Interpreter {
    fn drop(&mut self) {
        self.killer().kill();
    }
}

/// Ends the process of an interpreter.
#[derive(Clone, Debug)]
pub struct Killer(Arc<Mutex<Child>>);

impl Killer {
    /// Ends it, if it has not ended.
    pub fn kill(&self) {
        let mut process = self.0.lock().expect("no panic while it is held");
        let _ = process.kill();
        let _ = process.wait();
    }
}

fn failure(name: &str, words: &str) -> Value {
    json!({ "status": "error", "ename": name, "evalue": words, "traceback": [] })
}
