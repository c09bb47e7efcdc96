//! What a batch does in time, decided before it is submitted.

use std::time::Duration;

use super::settings::Master;

/// How long an application takes to be found by Livy, and to run, unless a plan says otherwise.
const FOUND_AFTER: Duration = Duration::from_millis(50);
const STARTS_AFTER: Duration = Duration::from_millis(100);

/// The life of a batch, measured from its POST.
#[derive(Clone, Debug)]
pub struct Plan {
    start: Option<Duration>,
    app_id: Option<Duration>,
    app_id_never: bool,
    application: bool,
    steps: Vec<Step>,
    run: Duration,
    end: Option<String>,
    diagnostics: Vec<String>,
    manual: bool,
    /// What Livy says, wrongly, and when.
    says: Option<(Duration, String)>,
    forgotten: Option<Duration>,
}

#[derive(Clone, Debug)]
enum Step {
    Sleep(Duration),
    Line(String),
}

/// What happens to a batch at a moment of its plan.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Event {
    /// Livy has found the application.
    Found,
    Running,
    Line(String),
    End {
        state: String,
        diagnostics: Vec<String>,
    },
    /// Livy has looked for the application for as long as it does.
    GaveUp,
    /// Livy says so, and the application goes on.
    Says(String),
    /// Livy forgets the batch, and the application goes on.
    Forgotten,
}

impl Plan {
    /// Runs and ends in this state: `success`, `dead`, `error` or `killed`. With any other word Livy says so, and
    /// the application goes on.
    pub fn ends(state: &str) -> Self {
        Self { end: Some(state.to_owned()), ..Self::running() }
    }

    /// Runs and succeeds.
    pub fn success() -> Self {
        Self::ends("success")
    }

    /// Runs until it is deleted.
    pub fn running() -> Self {
        Self {
            start: None,
            app_id: None,
            app_id_never: false,
            application: true,
            steps: Vec::new(),
            run: Duration::ZERO,
            end: None,
            diagnostics: Vec::new(),
            manual: false,
            says: None,
            forgotten: None,
        }
    }

    /// Does nothing by itself: `starting`, until the test says otherwise. Its application exists at once.
    pub fn manual() -> Self {
        Self { manual: true, ..Self::running() }
    }

    /// spark-submit fails before it has an application; these are its words.
    pub fn submission_fails<T: Into<String>>(lines: impl IntoIterator<Item = T>) -> Self {
        Self { application: false, ..Self::ends("dead") }
            .diagnostics(["spark-submit start failed"])
            .log(lines)
    }

    /// What the arguments ask for, in order, as the scripted spark-submit of the real servers understands them:
    /// `sleep=SECONDS`, `line=TEXT`, `exit=CODE`. Others mean nothing.
    pub fn script<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Self {
        let mut plan = Self::success();
        for argument in arguments {
            match argument.split_once('=') {
                Some(("sleep", seconds)) => {
                    let seconds = seconds.parse().expect("sleep= has a number of seconds");
                    plan.steps.push(Step::Sleep(Duration::from_secs_f64(seconds)));
                }
                Some(("line", text)) => plan.steps.push(Step::Line(text.to_owned())),
                Some(("exit", "0")) => break,
                Some(("exit", code)) => {
                    plan.end = Some("dead".to_owned());
                    plan.diagnostics = vec![format!("User application exited with status {code}")];
                    break;
                }
                _ => {}
            }
        }
        plan
    }

    /// Is `starting` for this long. Without it a batch runs at once, on YARN after 0.1 s.
    pub fn starts_after(self, time: Duration) -> Self {
        Self { start: Some(time), ..self }
    }

    /// Livy learns the application's id after this time. Without it after 0.05 s.
    pub fn app_id_after(self, time: Duration) -> Self {
        Self { app_id: Some(time), ..self }
    }

    /// Livy never finds the application: it gives up after its look-up timeout and says `dead`, wrongly.
    pub fn app_id_never(self) -> Self {
        Self { app_id_never: true, ..self }
    }

    /// Livy says so after this time, counted from the POST, while the application goes on: a false verdict.
    pub fn misjudged_after(self, time: Duration, state: &str) -> Self {
        Self { says: Some((time, state.to_owned())), ..self }
    }

    /// Livy forgets the batch after this time, counted from the POST; what runs goes on.
    pub fn forgotten_after(self, time: Duration) -> Self {
        Self { forgotten: Some(time), ..self }
    }

    /// Runs for this long before it ends.
    pub fn running_for(self, time: Duration) -> Self {
        Self { run: time, ..self }
    }

    /// Prints these lines as soon as it runs.
    pub fn log<T: Into<String>>(mut self, lines: impl IntoIterator<Item = T>) -> Self {
        self.steps.extend(lines.into_iter().map(|line| Step::Line(line.into())));
        self
    }

    /// Ends with these YARN diagnostics.
    pub fn diagnostics<T: Into<String>>(mut self, lines: impl IntoIterator<Item = T>) -> Self {
        self.diagnostics.extend(lines.into_iter().map(Into::into));
        self
    }

    /// Whether there is ever an application.
    pub(super) fn has_application(&self) -> bool {
        self.application
    }

    /// All that happens, in order of time.
    pub(super) fn timeline(&self, master: Master, lookup_timeout: Duration) -> Vec<(Duration, Event)> {
        let mut events = Vec::new();
        if self.manual {
            return events;
        }
        let local = master == Master::Local;
        let mut at =
            self.start.unwrap_or(if local || !self.application { Duration::ZERO } else { STARTS_AFTER });
        if self.app_id_never && !local {
            return vec![(lookup_timeout, Event::GaveUp)];
        }
        if self.application {
            events.push((at, Event::Running));
            if !local {
                events.push((self.app_id.unwrap_or(FOUND_AFTER), Event::Found));
            }
        }
        for step in &self.steps {
            match step {
                Step::Sleep(time) => at += *time,
                Step::Line(line) => events.push((at, Event::Line(line.clone()))),
            }
        }
        events.extend(self.says.iter().map(|(at, state)| (*at, Event::Says(state.clone()))));
        events.extend(self.forgotten.map(|at| (at, Event::Forgotten)));
        if let Some(state) = &self.end {
            let end = Event::End { state: state.clone(), diagnostics: self.diagnostics.clone() };
            events.push((at + self.run, end));
        }
        // Stable: what is planned for one moment happens in the order written here.
        events.sort_by_key(|(at, _)| *at);
        events
    }
}
