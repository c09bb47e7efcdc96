//! The driver of a session: its statements, one after the other, in a real Python.

use std::collections::VecDeque;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use crate::http::Bell;
use crate::interpreter::{Interpreter, Killer, Python};

/// What runs statements. It outlives its Livy.
#[derive(Debug)]
pub(in crate::livy) struct Driver {
    inner: Mutex<Inner>,
    turns: Mutex<Sender<usize>>,
}

#[derive(Debug)]
struct Inner {
    statements: VecDeque<Statement>,
    next: usize,
    retained: usize,
    state: &'static str,
    interpreter: Option<Killer>,
    /// When it last became idle.
    idle: Option<Instant>,
    /// The channel to it is gone.
    closed: bool,
}

#[derive(Clone, Debug)]
struct Statement {
    id: usize,
    code: String,
    state: &'static str,
    output: Value,
    /// Its end was looked at.
    seen: bool,
}

impl Statement {
    fn view(&self) -> Value {
        json!({
            "id": self.id,
            "code": self.code,
            "state": self.state,
            "output": self.output,
            "progress": if self.state == "available" { 1.0 } else { 0.0 },
            "started": 0,
            "completed": 0,
        })
    }
}

impl Driver {
    /// A driver without statements. Python starts with the first.
    pub(in crate::livy) fn start(python: Python, retained: usize, bell: Bell) -> Arc<Driver> {
        let (turns, waiting) = channel();
        let inner = Inner {
            statements: VecDeque::new(),
            next: 0,
            retained,
            state: "idle",
            interpreter: None,
            idle: None,
            closed: false,
        };
        let driver = Arc::new(Driver { inner: Mutex::new(inner), turns: Mutex::new(turns) });
        let weak = Arc::downgrade(&driver);
        // One thread for all statements: strictly first come, first run.
        thread::spawn(move || {
            let mut interpreter = None;
            while let Ok(id) = waiting.recv() {
                let Some(driver) = weak.upgrade() else { return };
                let interpreter = interpreter.get_or_insert_with(|| {
                    let started = Interpreter::start(&python);
                    driver.inner().interpreter = Some(started.killer());
                    started
                });
                driver.perform(id, interpreter);
                bell.ring();
            }
        });
        driver
    }

    fn perform(&self, id: usize, interpreter: &mut Interpreter) {
        let code = {
            let mut inner = self.inner();
            if inner.closed {
                return;
            }
            inner.state = "busy";
            let Some(statement) = inner.statement(id) else { return };
            statement.state = "running";
            statement.code.clone()
        };
        let output = interpreter.perform(id, &code);
        let mut inner = self.inner();
        let died = output["evalue"] == "Interpreter died:\n";
        if let Some(statement) = inner.statement(id) {
            (statement.state, statement.output) = ("available", output);
        }
        let is_last = id + 1 == inner.next;
        match (died, is_last) {
            (true, _) => inner.state = "error",
            (false, true) => {
                inner.state = "idle";
                inner.idle = Some(Instant::now());
            }
            (false, false) => {}
        }
    }

    /// The driver's word for its state.
    pub(in crate::livy) fn state(&self) -> &'static str {
        self.inner().state
    }

    pub(in crate::livy) fn is_busy(&self) -> bool {
        self.state() == "busy"
    }

    /// The later of an activity and the moment at which it became idle: that counts, too.
    pub(in crate::livy) fn active(&self, other: Instant) -> Instant {
        self.inner().idle.map_or(other, |idle| idle.max(other))
    }

    /// Takes a statement; its view. `None`: the channel is gone.
    pub(in crate::livy) fn take(&self, code: &str) -> Option<Value> {
        let (id, view) = {
            let mut inner = self.inner();
            if inner.closed {
                return None;
            }
            let id = inner.next;
            inner.next += 1;
            let code = code.replace("\r\n", "\n");
            let statement = Statement { id, code, state: "waiting", output: Value::Null, seen: false };
            let view = statement.view();
            inner.statements.push_back(statement);
            // The oldest go, also where they still wait: they run unseen.
            while inner.statements.len() > inner.retained {
                inner.statements.pop_front();
            }
            (id, view)
        };
        let turns = self.turns.lock().expect("no panic while it is held");
        turns.send(id).is_ok().then_some(view)
    }

    /// The view of a statement; null where there is none of the number. `None`: the channel is gone. `lags`: the first
    /// look at its end has no output yet.
    pub(in crate::livy) fn statement(&self, id: usize, lags: bool) -> Option<Value> {
        let mut inner = self.inner();
        if inner.closed {
            return None;
        }
        let Some(statement) = inner.statement(id) else { return Some(Value::Null) };
        let mut view = statement.view();
        if lags && statement.state == "available" && !std::mem::replace(&mut statement.seen, true) {
            view["output"] = Value::Null;
        }
        Some(view)
    }

    /// What Livy could not carry any more, or a network that is gone: nothing passes from here on.
    pub(in crate::livy) fn close(&self) {
        self.inner().closed = true;
    }

    /// Its process is gone, and its Python with it.
    pub(in crate::livy) fn kill(&self) {
        let interpreter = {
            let mut inner = self.inner();
            inner.closed = true;
            inner.state = "error";
            inner.interpreter.take()
        };
        // Outside the lock: the thread that waits for an answer takes it.
        if let Some(interpreter) = interpreter {
            interpreter.kill();
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nobody panics while changing it")
    }
}

impl Inner {
    fn statement(&mut self, id: usize) -> Option<&mut Statement> {
        self.statements.iter_mut().find(|statement| statement.id == id)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.kill();
    }
}
