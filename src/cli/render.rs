//! `render`: prints the Livy request that a task's input, or a resource's properties, would become.

use std::path::Path;
use std::process::ExitCode;

use crate::cloudformation::request::Properties;
use crate::config::Settings;
use crate::job::request::{Identity, Input, JobRequest};
use crate::job::statements::script::Turn;
use crate::job::tags;

use super::{failed, read, terminal};

/// What stands in the place of a task id.
const RENDERED_ID: &str = "0000000000000000";

/// Prints the request, or what is wrong with the input.
pub(super) fn run(settings: &Settings, path: &Path, arn: Option<&str>) -> ExitCode {
    let text = match read(path) {
        Ok(text) => text,
        Err(problem) => return failed(&format!("{} cannot be read: {problem}", path.display())),
    };
    let activity =
        settings.activities.iter().find(|activity| arn.is_none_or(|arn| activity.arn.as_str() == arn));
    let door = settings.doors.iter().find(|door| arn.is_none_or(|arn| door.topic.as_str() == arn));
    let (defaults, properties) = match (activity, door) {
        (Some(activity), _) => (&activity.defaults, None),
        (None, Some(door)) => match Properties::read(&text) {
            Ok(properties) => (&door.defaults, Some((properties, door.rules.goal))),
            Err(problem) => return failed(&format!("{} cannot be read: {problem}", path.display())),
        },
        (None, None) => {
            return failed(&format!(
                "the configuration has no activity or topic {}",
                arn.unwrap_or_default()
            ));
        }
    };
    let mut own_livy = settings.own_livy();
    if let Some(home) = settings.addresses().0.first() {
        own_livy.is_found_at(home.address.host(), home.address.port());
    }
    if let Some((properties, goal)) = properties {
        let name = format!("{}-{RENDERED_ID}", properties.job_name(defaults));
        let groups = vec![tags::of_generation(RENDERED_ID), tags::of_resource(RENDERED_ID)];
        let identity = Identity { name, tag: tags::of_run(RENDERED_ID), groups };
        return match properties.check(&identity, defaults, &own_livy, goal) {
            Ok(wanted) => show(&wanted.job),
            Err(problems) => failed(&problems),
        };
    }
    let input = Input::read(&text);
    let identity = input.identity(RENDERED_ID, defaults);
    match input.check(&identity, defaults, &own_livy) {
        Ok(request) => show(&request),
        Err(problems) => {
            for problem in problems.iter() {
                terminal::complain_line(&format!("{}: {}", problem.path, problem.text));
            }
            ExitCode::FAILURE
        }
    }
}

/// What Livy is asked for; where it is a session, the statements after it, each as it is sent. What opens the session and
/// what checks a statement is this worker's own, the same for all, and not shown.
fn show(request: &JobRequest) -> ExitCode {
    terminal::text(&serde_json::to_string_pretty(&request.batch).unwrap_or_default());
    if let Some(script) = &request.script {
        let steps = 1..=script.last();
        for text in steps.filter_map(|step| script.text(RENDERED_ID, Turn::Step(step))) {
            terminal::text(&format!("\n{text}"));
        }
    }
    ExitCode::SUCCESS
}
