//! What Step Functions, Livy and YARN do wrong: gusts that befall one call, and storms of seconds.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use serde_json::json;
use stand_ins::http::{Fault, Server};
use stand_ins::sfn::refusal;

use crate::board::Board;
use crate::stage::{Stage, wait};

/// How long a storm lasts, and the quiet after it, milliseconds.
const STORM: std::ops::Range<u64> = 1_000..8_000;
const QUIET: std::ops::Range<u64> = 2_000..10_000;
/// From gust to gust, milliseconds.
const GUSTS: std::ops::Range<u64> = 100..700;
/// More faults do not wait at a server: an operation that is seldom called would take up the others' places.
const WAITING: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Storm {
    LivyIsDown,
    LivyHangs,
    LivyFails,
    LivyIsFull,
    /// With recovery.
    LivyRestarts,
    /// Without.
    LivyForgets,
    YarnIsDown,
    YarnHangs,
    YarnFails,
    YarnRestarts,
    StepFunctionsIsDown,
    StepFunctionsHangs,
    StepFunctionsFails,
    StepFunctionsThrottles,
}

use Storm::*;

const STORMS: [Storm; 14] = [
    LivyIsDown,
    LivyHangs,
    LivyFails,
    LivyIsFull,
    LivyRestarts,
    LivyForgets,
    YarnIsDown,
    YarnHangs,
    YarnFails,
    YarnRestarts,
    StepFunctionsIsDown,
    StepFunctionsHangs,
    StepFunctionsFails,
    StepFunctionsThrottles,
];

/// What a gust may befall, of each service.
const OF_LIVY: [&str; 5] =
    ["POST /batches", "POST /batches", "GET /batches", "GET /batches/*", "DELETE /batches/*"];
const OF_YARN: [&str; 4] = ["GET /apps", "GET /apps/*", "PUT /apps/*/state", "GET /node/containerlogs"];
const OF_STEP_FUNCTIONS: [&str; 4] =
    ["GetActivityTask", "SendTaskHeartbeat", "SendTaskSuccess", "SendTaskFailure"];

/// All that goes wrong.
pub(crate) struct Sky {
    dice: RefCell<fastrand::Rng>,
    storms: Cell<usize>,
    /// When Livy went down and forgot something.
    forgot: RefCell<Vec<Instant>>,
}

impl Sky {
    pub(crate) fn new(dice: fastrand::Rng) -> Sky {
        Sky { dice: RefCell::new(dice), storms: Cell::default(), forgot: RefCell::default() }
    }

    /// Whether Livy forgot something between these two.
    pub(crate) fn forgot_between(&self, from: Instant, to: Instant) -> bool {
        self.forgot.borrow().iter().any(|at| (from..to).contains(at))
    }

    async fn waits(&self, range: std::ops::Range<u64>) {
        let time = self.dice.borrow_mut().u64(range);
        wait(Duration::from_millis(time)).await;
    }

    /// One storm after the other, each kind once before any comes again.
    pub(crate) async fn storms(&self, stage: &Stage) -> Infallible {
        loop {
            let mut storms = STORMS;
            self.dice.borrow_mut().shuffle(&mut storms);
            for storm in storms {
                self.waits(QUIET).await;
                self.breaks(stage, storm).await;
                self.waits(STORM).await;
                self.clears(stage).await;
                self.storms.set(self.storms.get() + 1);
            }
        }
    }

    async fn breaks(&self, stage: &Stage, storm: Storm) {
        let fails = |server: &Server, fault: Fault| {
            server.clear_faults();
            server.fault_times("*", usize::MAX, fault);
        };
        match storm {
            LivyIsDown => stage.livy.down().await,
            LivyHangs => stage.livy.hang_all(true),
            LivyFails => fails(&stage.livy, Fault::html(503, "Service Unavailable")),
            LivyIsFull => stage.livy.configure(|settings| settings.max_creation = 0),
            LivyRestarts | LivyForgets => {
                stage.livy.down().await;
                self.forgot.borrow_mut().push(Instant::now());
                stage.livy.crash(matches!(storm, LivyRestarts));
            }
            YarnIsDown => stage.yarn.down().await,
            YarnHangs => stage.yarn.hang_all(true),
            YarnFails => fails(&stage.yarn, Fault::html(500, "Internal Server Error")),
            YarnRestarts => stage.yarn.restart(true).await,
            StepFunctionsIsDown => stage.sfn.down().await,
            StepFunctionsHangs => stage.sfn.hang_all(true),
            StepFunctionsFails => fails(&stage.sfn, unavailable()),
            StepFunctionsThrottles => fails(&stage.sfn, refusal("ThrottlingException", "Rate exceeded")),
        }
    }

    /// All services are well, and what was held up goes on.
    pub(crate) async fn clears(&self, stage: &Stage) {
        stage.livy.configure(|settings| settings.max_creation = 100);
        let servers: [&Server; 3] = [&stage.livy, &stage.yarn, &stage.sfn];
        for server in servers {
            server.clear_faults();
            server.hang_all(false);
            server.release();
            server.up().await;
        }
    }

    /// Faults of single calls, without a pause between them that is longer than a second.
    pub(crate) async fn gusts(&self, stage: &Stage) -> Infallible {
        loop {
            self.waits(GUSTS).await;
            let mut dice = self.dice.borrow_mut();
            let (server, operations): (&Server, &[&str]) = match dice.u8(0..3) {
                0 => (&stage.livy, &OF_LIVY),
                1 => (&stage.yarn, &OF_YARN),
                _ => (&stage.sfn, &OF_STEP_FUNCTIONS),
            };
            let operation = operations[dice.usize(0..operations.len())];
            let is_step_functions = operations == OF_STEP_FUNCTIONS;
            let fault = gust(&mut dice, is_step_functions);
            if server.faults_left() < WAITING {
                server.fault(operation, fault);
            }
            if dice.u8(0..8) == 0 {
                server.release();
            }
        }
    }

    /// What befell whom, and how often.
    pub(crate) fn tell(&self, board: &Board, stage: &Stage) {
        board.tell("storms", &self.storms.get().to_string());
        let servers: [(&str, &Server); 3] =
            [("Step Functions", &stage.sfn), ("Livy", &stage.livy), ("YARN", &stage.yarn)];
        for (name, server) in servers {
            let mut faults: BTreeMap<&str, usize> = BTreeMap::new();
            let calls = server.calls();
            for fault in calls.iter().filter_map(|call| call.fault) {
                *faults.entry(fault).or_default() += 1;
            }
            let faults: Vec<String> =
                faults.iter().map(|(fault, count)| format!("{count} {fault}")).collect();
            board.tell(
                &format!("faults of {name}"),
                &format!("{} of {} calls", faults.join(", "), calls.len()),
            );
        }
    }
}

/// Step Functions' own failure.
fn unavailable() -> Fault {
    Fault::json(503, &json!({ "__type": "ServiceUnavailableException", "message": "Service is unavailable" }))
}

fn gust(dice: &mut fastrand::Rng, is_step_functions: bool) -> Fault {
    match dice.u8(0..10) {
        0 if is_step_functions => unavailable(),
        0 => Fault::json(500, &json!("java.lang.IllegalStateException: no")),
        1 if is_step_functions => refusal("ThrottlingException", "Rate exceeded"),
        1 => Fault::html(502, "Bad Gateway"),
        2 => Fault::Close,
        3 | 4 => Fault::AnswerLost,
        5 => Fault::Truncated,
        6 => Fault::Hang,
        7 => Fault::Late,
        8 => Fault::HangAfter,
        _ => Fault::Delay(Duration::from_millis(dice.u64(100..3_000))),
    }
}
