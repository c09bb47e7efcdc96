//! The texts that are sent, one for each turn.

use std::fmt;

/// What defines `begin` and the session's object.
const INTERPRETER: &str = include_str!("interpreter.py");

/// What a mark line begins with.
const MARK: &str = "# sjw-";

/// In which language a statement is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Python, with `spark` and `sc`.
    Pyspark,
    /// One query or command of Spark SQL.
    Sql,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 2] = [Kind::Pyspark, Kind::Sql];

    /// As inputs and outputs write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Pyspark => "pyspark",
            Kind::Sql => "sql",
        }
    }
}

/// One statement of a task.
#[derive(Clone, PartialEq, Eq)]
pub struct Statement {
    /// In which language it is written.
    pub kind: Kind,
    /// What runs.
    pub code: String,
}

/// Code can hold secrets.
impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What is run in one session, one after the other.
#[derive(Clone, PartialEq, Eq)]
pub struct Script {
    /// The statements, at least one.
    pub statements: Vec<Statement>,
    /// A JSON object: what becomes `variables`.
    pub variables: String,
    /// The Python name whose value is the task's result.
    pub result: Option<String>,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("statements", &self.statements).finish_non_exhaustive()
    }
}

/// What is said to the interpreter at one time. Step 0 opens the session, the statements are steps from 1 on, and the
/// result, where one is asked for, is a step of its own behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The step itself.
    Step(usize),
    /// How it ended.
    Check(usize),
}

impl Turn {
    /// The first line of what is said, by which it is known again.
    pub fn mark(self, task: &str) -> String {
        match self {
            Turn::Step(step) => format!("{MARK}{task} {step}"),
            Turn::Check(step) => format!("{MARK}{task} {step}?"),
        }
    }
}

/// What a mark line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked {
    /// A turn of this task.
    Own(Turn),
    /// Nothing of this task's.
    Foreign,
}

impl Marked {
    /// Reads the first line of a statement's code.
    pub fn read(line: &str, task: &str) -> Marked {
        let rest = line.strip_prefix(MARK).and_then(|rest| rest.strip_prefix(task)?.strip_prefix(' '));
        let Some(rest) = rest else { return Marked::Foreign };
        let (digits, is_check) = rest.strip_suffix('?').map_or((rest, false), |digits| (digits, true));
        match digits.parse() {
            Ok(step) if is_check => Marked::Own(Turn::Check(step)),
            Ok(step) => Marked::Own(Turn::Step(step)),
            Err(_) => Marked::Foreign,
        }
    }
}

impl Turn {
    /// Its place in the order in which turns are said.
    pub fn place(self) -> usize {
        match self {
            Turn::Step(step) => 2 * step,
            Turn::Check(step) => 2 * step + 1,
        }
    }
}

impl Script {
    /// The last step.
    pub fn last(&self) -> usize {
        self.statements.len() + usize::from(self.result.is_some())
    }

    /// The text of a turn; `None` where there is no such step. It is ASCII, because Livy writes to the interpreter in the
    /// charset of its platform, and holds every text as a literal, so that nothing in it is read as something else.
    pub fn text(&self, task: &str, turn: Turn) -> Option<String> {
        let mark = turn.mark(task);
        let task = literal(task);
        let said = match turn {
            Turn::Step(0) => {
                let (source, variables) = (literal(INTERPRETER), literal(&self.variables));
                format!(
                    "if '_sjw' not in globals():\n    \
                     _sjw = {{'__name__': '_sjw'}}\n    \
                     exec(compile({source}, '<sjw>', 'exec', 0, True), _sjw)\n    \
                     _sjw = _sjw['begin'](globals(), {task}, {variables})"
                )
            }
            Turn::Step(step) => match (self.statements.get(step - 1), &self.result) {
                (Some(Statement { kind, code }), _) => {
                    format!("_sjw.run({task}, {step}, '{}', {})", kind.as_str(), literal(code))
                }
                (None, Some(name)) if step == self.last() => {
                    format!("_sjw.result({task}, {step}, {})", literal(name))
                }
                (None, _) => return None,
            },
            Turn::Check(step) if step <= self.last() => {
                let whole = if step == self.last() { "True" } else { "False" };
                format!("_sjw_check = _sjw.check({task}, {step}, {whole})\n%json _sjw_check")
            }
            Turn::Check(_) => return None,
        };
        Some(format!("{mark}\n{said}"))
    }
}

/// A text as Python writes it, in ASCII.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for letter in text.chars() {
        match letter {
            '\\' | '\'' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            ' '..='~' => out.push(letter),
            '\0'..='\u{ffff}' => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ => out.push_str(&format!("\\U{:08x}", u32::from(letter))),
        }
    }
    out.push('\'');
    out
}
