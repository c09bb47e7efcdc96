//! What a state machine's definition, or a CloudFormation template, gets wrong about this worker's jobs, found before it
//! is created.
//!
//! An error is what Step Functions refuses, and what is sure to hurt: a heartbeat that comes too late, an activity that
//! nobody polls, a key or an error that does not exist. The rest is a warning. Values are checked by the rules for real
//! inputs ([`crate::job::request`]), names of errors by the list of those reported ([`crate::job::report`]).

mod errors;
mod expression;
mod fields;
mod finding;
mod input;
mod resource;
mod retry;
mod shape;
mod source;
mod template;
#[cfg(test)]
mod tests;
mod times;
mod walk;

use serde_json::Value;

use crate::config::ActivitySettings;

pub use finding::{Finding, Level};
pub use source::{Syntax, read};
pub use template::{Door, has_job, is_template, lint_template};

use errors::Source;
use finding::Findings;
use resource::{Resource, Use};
use walk::{AslState, Program};

/// Checks a definition against the activities of a configuration, or, where there is none, takes every activity for the
/// worker's own. `utf8` is that of `[yarn]`. What was found is in the order of the states.
pub fn lint(definition: &Value, activities: Option<&[ActivitySettings]>, utf8: bool) -> Vec<Finding> {
    let programs = walk::programs(definition);
    let mut findings = Findings::default();
    if activities.is_none() {
        findings.note(
            "$",
            "without a configuration every activity is the worker's, with a heartbeat_interval of 20s",
            "give --config to check against yours",
        );
    }
    let known = resource::Known::new(activities);
    shape::check(definition, &programs, &mut findings);
    let raised = errors::raised(&programs);
    let (mut ours, mut later) = (0, 0);
    for state in programs.iter().flat_map(Program::states) {
        let source = match known.look(state.body) {
            Use::Ours(resource) => {
                ours += 1;
                task(state, &resource, utf8, &mut findings);
                Source::Ours
            }
            Use::Later => {
                later += 1;
                Source::Others
            }
            Use::Other => Source::around(state, |inside| matches!(known.look(inside.body), Use::Ours(_))),
        };
        errors::check(state, source, &raised, &mut findings);
        errors::check_made_up(state, &mut findings);
    }
    if ours == 0 && later > 0 {
        let what =
            format!("no Task state is seen to be the worker's; Resources that are filled in later: {later}");
        findings.note(
            "$",
            what,
            "write `Activity` into the name of what is filled in, and the state is checked",
        );
    } else if ours == 0 {
        let what = if activities.is_some() {
            "no Task state has the ARN of a configured activity"
        } else {
            "no Task state has the ARN of an activity"
        };
        findings.warning("$", what, "put it into the Resource of the Task state that runs the job");
    }
    findings.done()
}

/// Checks a Task state that this worker serves.
fn task(state: &AslState, resource: &Resource, utf8: bool, findings: &mut Findings) {
    resource.report(state, findings);
    if state.around.express {
        findings.error(
            state.at("Resource"),
            "runs in Express workflows, which have no activities",
            "make the Map's ProcessorConfig.ExecutionType STANDARD",
        );
    }
    fields::check(state, findings);
    input::check(state, resource, utf8, findings);
    times::check(state, resource.heartbeat_interval(), findings);
    retry::check(state, findings);
}
