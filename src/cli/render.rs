//! `render`: prints the Livy request that a task's input would become.

use std::path::Path;
use std::process::ExitCode;

use crate::config::Settings;
use crate::job::request::Input;

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
    let Some(activity) = activity else {
        return failed(&format!("the configuration has no activity {}", arn.unwrap_or_default()));
    };
    let defaults = &activity.defaults;
    let input = Input::read(&text);
    let identity = input.identity(RENDERED_ID, defaults);
    let mut own_livy = settings.own_livy();
    if let Some(home) = settings.addresses().0.first() {
        own_livy.is_found_at(home.address.host(), home.address.port());
    }
    match input.check(&identity, defaults, &own_livy) {
        Ok(request) => {
            terminal::text(&serde_json::to_string_pretty(&request.batch).unwrap_or_default());
            ExitCode::SUCCESS
        }
        Err(problems) => {
            for problem in problems.iter() {
                terminal::complain_line(&format!("{}: {}", problem.path, problem.text));
            }
            ExitCode::FAILURE
        }
    }
}
