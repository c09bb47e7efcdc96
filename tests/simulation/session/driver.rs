//! The driver of a session: its statements in their order, and an interpreter that keeps the rules of
//! `interpreter.py`.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};
use spark_job_worker::job::statements::script::{Marked, Turn};

use super::plan::{Broken, Mishap};
use super::world::{Act, Inner};
use crate::plan::{Millis, SECOND};

#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) mark: String,
    pub(super) is_over: bool,
    pub(super) output: Value,
}

/// What runs in the application of a session.
#[derive(Debug, Default)]
pub(super) struct Driver {
    pub(super) statements: Vec<Statement>,
    queue: VecDeque<usize>,
    pub(super) running: Option<usize>,
    opened: bool,
    last: u16,
    /// How each step ended.
    ends: BTreeMap<u16, Value>,
    pub(super) died: bool,
    /// Answers that come one question late, once something was written past the interpreter.
    late: VecDeque<Value>,
    shifted: bool,
}

impl Inner {
    /// The driver takes a statement, and returns its number.
    pub(super) fn takes_statement(&mut self, app: usize, code: &str) -> u64 {
        let mark = code.lines().next().unwrap_or_default().to_owned();
        let driver = &mut self.apps[app].driver;
        driver.statements.push(Statement { mark, is_over: false, output: Value::Null });
        let number = driver.statements.len() - 1;
        driver.queue.push_back(number);
        self.begins_next(app);
        number as u64
    }

    /// The next statement begins, where none runs.
    fn begins_next(&mut self, app: usize) {
        let driver = &mut self.apps[app].driver;
        if driver.running.is_some() {
            return;
        }
        let Some(number) = driver.queue.pop_front() else { return };
        driver.running = Some(number);
        let mark = driver.statements[number].mark.clone();
        let took = self.begins(app, &mark);
        let at = self.at + took;
        self.plan_act(at, Act::StatementEnds { app, number });
    }

    /// What begins with a turn, and how long it takes.
    fn begins(&mut self, app: usize, mark: &str) -> Millis {
        let Marked::Own(turn) = Marked::read(mark, &self.task) else { panic!("a mark of ours: {mark}") };
        let broken = self.plan.broken;
        let driver = &mut self.apps[app].driver;
        match turn {
            _ if driver.died => 1,
            Turn::Step(0) => 1_000,
            Turn::Step(step)
                if driver.opened && (step == usize::from(driver.last) + 1 || broken == Broken::AnyOrder) =>
            {
                let step = u16::try_from(step).expect("few");
                driver.last = step;
                driver.ends.remove(&step);
                self.starts(step);
                if self.rng.u8(0..4) == 0 {
                    self.rng.u64(0..200 * SECOND)
                } else {
                    self.rng.u64(0..3 * SECOND)
                }
            }
            Turn::Step(_) | Turn::Check(_) => 20,
        }
    }

    /// A statement has run.
    pub(super) fn ends_statement(&mut self, app: usize, number: usize) {
        if self.apps[app].over.is_some() {
            return;
        }
        let mark = self.apps[app].driver.statements[number].mark.clone();
        let Marked::Own(turn) = Marked::read(&mark, &self.task) else { panic!("a mark of ours: {mark}") };
        let output = self.output(app, turn);
        let driver = &mut self.apps[app].driver;
        let statement = &mut driver.statements[number];
        (statement.is_over, statement.output) = (true, output);
        driver.running = None;
        self.apps[app].active = self.at;
        self.begins_next(app);
    }

    fn output(&mut self, app: usize, turn: Turn) -> Value {
        let answer = self.answer(app, turn);
        let driver = &mut self.apps[app].driver;
        if driver.died {
            return json!({ "status": "error", "ename": "Error", "evalue": "Interpreter died:\n", "traceback": [] });
        }
        if driver.shifted {
            driver.late.push_back(answer);
            return driver.late.pop_front().unwrap_or_default();
        }
        answer
    }

    fn answer(&mut self, app: usize, turn: Turn) -> Value {
        let well = || json!({ "status": "ok", "data": { "text/plain": "" } });
        let refused =
            |name: &str| json!({ "status": "error", "ename": name, "evalue": "no", "traceback": [] });
        let (unlucky, last) = (self.plan.unlucky, self.plan.last());
        match turn {
            Turn::Step(0) => {
                self.apps[app].driver.opened = true;
                well()
            }
            Turn::Step(step) => {
                let step = u16::try_from(step).expect("few");
                let driver = &self.apps[app].driver;
                if !driver.opened || driver.last != step || driver.ends.contains_key(&step) {
                    self.reach("a turn is refused");
                    return refused("Refused");
                }
                if step == unlucky && self.plan.has(Mishap::PythonDies) {
                    self.reach("Python dies");
                    self.apps[app].driver.died = true;
                    return Value::Null;
                }
                let fails = step == unlucky && self.plan.has(Mishap::StatementFails);
                self.ledger.ended.insert(step, !fails);
                let mut end = json!({ "status": "ok" });
                if fails {
                    end = json!({ "status": "failed", "ename": "E", "evalue": "why", "traceback": "at" });
                } else if step > self.plan.statements {
                    let made = format!("{}", self.rng.u32(..));
                    end["result"] = json!(format!("\"{made}\""));
                    self.ledger.result = Some(made);
                }
                let driver = &mut self.apps[app].driver;
                driver.ends.insert(step, end);
                if step == unlucky && self.plan.has(Mishap::Shifts) && !driver.shifted {
                    driver.shifted = true;
                    driver.late.push_back(refused("com.fasterxml.jackson.core.JsonParseException"));
                    self.ledger.shifted = true;
                    self.reach("answers are shifted");
                }
                well()
            }
            Turn::Check(_) if !self.apps[app].driver.opened => refused("NameError"),
            Turn::Check(asked) => {
                let driver = &self.apps[app].driver;
                let step = u16::try_from(asked).expect("few");
                let mut end = driver.ends.get(&step).cloned().unwrap_or_default();
                if self.plan.broken == Broken::AnyEnd && end.is_object() {
                    end["status"] = json!("ok");
                }
                if self.plan.broken == Broken::OldResult && end.get("result").is_some() {
                    end["result"] = json!("\"of another\"");
                }
                let mut view = json!({ "sjw": self.task, "for": self.task, "asked": asked, "last": driver.last, "end": end });
                if step == last {
                    view["statements"] = json!([]);
                }
                json!({ "status": "ok", "data": { "application/json": view } })
            }
        }
    }
}
