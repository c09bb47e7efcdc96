//! What is kept before anybody acts on it, and what a crash in between leaves to be done.

use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::cloudformation::request::Rules;
use crate::cloudformation::resource::Refusal;
use crate::job::document::Document;
use crate::job::goal::Goal;
use crate::job::report::{ErrorName, Failure, Outcome, Reached};
use crate::job::token::Token;

const NOW: Timestamp = Timestamp(10_000_000);
const KNOWN: Known<'_> = Known { valid: true, candidate_lives: true, name: "etl", on_delete: OnAbort::Kill };

fn order(kind: &str, id: &str, named: &str, seconds: u64) -> Order {
    let rules = Rules {
        topic: String::new(),
        stacks: vec!["*".to_owned()],
        origins: vec!["http://127.0.0.1:1".to_owned()],
        margin: Duration::from_secs(60),
        goal: Goal::Running,
    };
    let body = json!({
        "RequestType": kind, "RequestId": id, "LogicalResourceId": "Etl", "PhysicalResourceId": named,
        "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/etl/1",
        "ResponseURL": "http://127.0.0.1:1/k", "ResourceProperties": { "File": "s3://b/a.py" },
    });
    Order::read(&body.to_string(), Timestamp(NOW.0 - 60_000 + seconds * 1_000), &rules).expect("it is good")
}

fn open(state: &TempDir) -> Resources {
    Resources::open(state.path()).expect("it opens").0
}

async fn take(resources: &Resources, order: &Order) -> Option<Act> {
    resources.take(order, KNOWN, NOW).await.expect("it is kept").map(|taken| taken.act)
}

fn document(form: &serde_json::Value) -> Document {
    Document {
        place: Token::new(String::new()),
        form: form.to_string(),
        goal: Goal::Running,
        deadline: NOW,
        expires: NOW,
        adopted: false,
    }
}

fn id_of(order: &Order) -> String {
    task_id(&order.stack_id, &order.logical_id, &order.request_id)
}

/// The task of an order is on disk in this state.
async fn heard(resources: &Resources, order: &Order, state: &State) {
    let (task, _) = Task::orphan(&id_of(order));
    resources.heard(&task, state, NOW).await.expect("it is kept");
}

fn reached() -> State {
    State::Ended { outcome: Outcome::Reached(Box::default()), leftover: None }
}

#[tokio::test]
async fn a_request_is_taken_once_and_again_only_where_it_was_never_begun() {
    let state = tempfile::tempdir().expect("a directory");
    let create = order("Create", "r1", "", 0);
    {
        let resources = open(&state);
        assert!(matches!(take(&resources, &create).await, Some(Act::Run { .. })));
        assert_eq!(take(&resources, &create).await, None, "it is held");
    }
    let resources = open(&state);
    assert!(matches!(take(&resources, &create).await, Some(Act::Run { .. })), "nobody holds it");
    heard(&resources, &create, &reached()).await;
    resources.release(&id_of(&create)).await;
    assert_eq!(take(&resources, &create).await, None, "its outcome is recorded");
    assert_eq!(take(&open(&state), &create).await, None);
}

#[tokio::test]
async fn a_task_that_is_held_is_not_begun_twice_where_its_resources_file_was_lost() {
    let state = tempfile::tempdir().expect("a directory");
    let (resources, create) = (open(&state), order("Create", "r1", "", 0));
    let run = Run::new("etl".to_owned(), "sjw-1".to_owned());
    heard(&resources, &create, &State::Running { run }).await;
    assert_eq!(take(&resources, &create).await, None);
    assert_eq!(resources.count().await, 1, "and it is known again");
}

#[tokio::test]
async fn a_run_that_is_left_alone_after_its_resources_file_was_lost_is_known_again_and_ends_when_nobody_names_it()
 {
    let (create, update) = (order("Create", "r1", "", 0), order("Update", "r2", "etl/r0", 1));
    let form = json!({
        "stack": create.stack_id, "logical": create.logical_id, "request": "r1", "topic": "",
        "succeeded": "etl/r1", "failed": "etl/r1", "name": "etl-1",
    });
    let task = |received: u64| Task {
        document: Some(Box::new(document(&form))),
        received: Timestamp(received),
        ..Task::orphan(&id_of(&create)).0
    };
    let reached = Reached { application_id: Some("application_1_1".to_owned()), ..Reached::default() };
    let ended = State::Ended { outcome: Outcome::Reached(Box::new(reached)), leftover: None };
    for newer_first in [true, false] {
        let state = tempfile::tempdir().expect("a directory");
        let resources = open(&state);
        if newer_first {
            take(&resources, &update).await.expect("it is decided");
        }
        resources.heard(&task(NOW.0 - 59_500), &ended, NOW).await.expect("kept");
        resources.left(&id_of(&create), NOW).await.expect("kept");
        resources.release(&id_of(&create)).await;
        assert_eq!(resources.stands(&id_of(&create)), !newer_first);
        assert_eq!(take(&resources, &create).await, None, "it is not begun again");
        drop(resources);
        let resources = open(&state);
        if !newer_first {
            assert!(
                resources.duties().await.kill.is_empty(),
                "it is waited for no more, and may be what is named"
            );
            take(&resources, &update).await.expect("it is decided");
        }
        let kills: Vec<String> = resources.duties().await.kill.into_iter().map(|kill| kill.task).collect();
        assert_eq!(kills, [id_of(&create)], "the Update names another one");
    }
}

#[tokio::test]
async fn a_request_is_not_begun_again_after_its_resources_file_was_damaged() {
    let state = tempfile::tempdir().expect("a directory");
    let create = order("Create", "r1", "", 0);
    take(&open(&state), &create).await.expect("it runs");
    let name = resource_id(&create.stack_id, &create.logical_id);
    let path = state.path().join("resources").join(&name);
    std::fs::write(&path, "damaged").expect("written");
    drop(open(&state));
    let resources = open(&state);
    assert_eq!(
        take(&resources, &create).await,
        Some(Act::Refuse(Refusal::Lost)),
        "the second start knows it, too"
    );
    heard(&resources, &create, &reached()).await;
    resources.release(&id_of(&create)).await;
    let old = order("Create", "r0", "", 0);
    assert_eq!(
        take(&open(&state), &old).await,
        Some(Act::Refuse(Refusal::Lost)),
        "the new file says it, too"
    );
}

#[tokio::test]
async fn a_task_whose_resources_file_was_lost_is_dropped_by_a_newer_request_which_waits_for_its_end() {
    let state = tempfile::tempdir().expect("a directory");
    let (create, delete) = (order("Create", "r1", "", 0), order("Delete", "r2", "stack-Etl-1", 1));
    let (stack, logical) = (create.stack_id.clone(), create.logical_id.clone());
    let form = json!({
        "stack": stack, "logical": logical, "request": "r1", "topic": "", "succeeded": "etl/r1",
        "failed": "etl/r1", "name": "",
    });
    let document = document(&form);
    let received = Timestamp(NOW.0 - 59_500);
    let task = Task { document: Some(Box::new(document)), received, ..Task::orphan(&id_of(&create)).0 };
    let run = Run::new("etl".to_owned(), "sjw-1".to_owned());

    let resources = open(&state);
    resources.heard(&task, &State::Running { run: run.clone() }, NOW).await.expect("kept");
    assert!(resources.duties().await.drop.is_empty(), "nothing newer is known");
    take(&resources, &delete).await.expect("it is decided");
    assert_eq!(resources.duties().await.drop, [id_of(&create)]);
    assert_eq!(resources.waits(&id_of(&delete)).await, Some(Wait::Dying));
    resources.heard(&task, &State::Orphaned { run }, NOW).await.expect("kept");
    assert_eq!(resources.waits(&id_of(&delete)).await, Some(Wait::Dying));
    resources.release(&id_of(&create)).await;
    assert!(!resources.duties().await.drop.contains(&id_of(&create)));
}

#[tokio::test]
async fn what_a_failed_update_began_is_not_remembered_because_nobody_will_name_it() {
    let state = tempfile::tempdir().expect("a directory");
    let (resources, create) = (open(&state), order("Create", "r1", "", 0));
    take(&resources, &create).await;
    heard(&resources, &create, &reached()).await;
    resources.release(&id_of(&create)).await;
    let update = order("Update", "r2", "etl/r1", 1);
    let known = Known { candidate_lives: false, ..KNOWN };
    let taken = resources.take(&update, known, NOW).await.expect("kept").expect("a task");
    assert!(matches!(taken.act, Act::Run { stops_first: false, .. }));
    let form = json!({
        "stack": "", "logical": "", "request": "r2", "topic": "", "succeeded": "etl/r2", "failed": "etl/r1",
        "name": "",
    });
    let document = document(&form);
    let task = Task { document: Some(Box::new(document)), ..Task::orphan(&id_of(&update)).0 };
    let failure = Failure::new(ErrorName::Failed, "Running", "no");
    let failed = State::Ended { outcome: Outcome::Failed(Box::new(failure)), leftover: None };
    resources.heard(&task, &failed, NOW).await.expect("kept");
    let inner = resources.inner.lock().await;
    let left: Vec<&str> = inner
        .known
        .values()
        .flat_map(|resource| &resource.generations)
        .map(|generation| generation.id.as_str())
        .collect();
    assert_eq!(left, ["r1"]);
}

#[tokio::test]
async fn what_a_newer_request_makes_pointless_is_dropped_also_after_a_crash() {
    let state = tempfile::tempdir().expect("a directory");
    let (create, delete) = (order("Create", "r1", "", 0), order("Delete", "r2", "stack-Etl-1", 1));
    let run = Run::new("etl".to_owned(), "sjw-1".to_owned());
    {
        let resources = open(&state);
        take(&resources, &create).await;
        heard(&resources, &create, &State::Running { run: run.clone() }).await;
        assert!(resources.duties().await.drop.is_empty());
        take(&resources, &delete).await;
    }
    let resources = open(&state);
    heard(&resources, &create, &State::Running { run: run.clone() }).await;
    let duties = resources.duties().await;
    assert!(duties.drop.contains(&id_of(&create)) && duties.kill.is_empty());
    // Its own job ends the run.
    heard(&resources, &create, &State::Orphaned { run }).await;
    assert_eq!(resources.waits(&id_of(&delete)).await, Some(Wait::Dying));
    resources.left(&id_of(&create), NOW).await.expect("kept");
    resources.release(&id_of(&create)).await;
    assert!(matches!(resources.waits(&id_of(&delete)).await, Some(Wait::Look(tags)) if !tags.is_empty()));
}

#[tokio::test]
async fn an_answered_run_is_ended_by_a_task_of_its_own_once_nobody_else_is_at_it() {
    let state = tempfile::tempdir().expect("a directory");
    let resources = open(&state);
    let (create, delete) = (order("Create", "r1", "", 0), order("Delete", "r2", "etl/r1", 1));
    take(&resources, &create).await;
    let run =
        Run { application: Some("application_1_0001".to_owned()), ..Run::new(String::new(), String::new()) };
    heard(&resources, &create, &State::Running { run }).await;
    heard(&resources, &create, &reached()).await;
    take(&resources, &delete).await;
    assert!(resources.duties().await.kill.is_empty(), "its task is held yet");
    resources.release(&id_of(&create)).await;
    let kills = resources.duties().await.kill;
    let [kill] = &kills[..] else { panic!("{kills:?}") };
    assert_eq!(
        (&kill.task, kill.proof),
        (&id_of(&create), crate::cloudformation::resource::Proof::OneAnswer)
    );
    assert_eq!(kill.run.application.as_deref(), Some("application_1_0001"));
    assert!(resources.duties().await.kill.is_empty(), "one is enough");
}

#[tokio::test]
async fn an_answered_run_may_be_spared_by_its_delete() {
    let state = tempfile::tempdir().expect("a directory");
    let resources = open(&state);
    let (create, delete) = (order("Create", "r1", "", 0), order("Delete", "r2", "etl/r1", 1));
    take(&resources, &create).await;
    heard(&resources, &create, &reached()).await;
    resources.release(&id_of(&create)).await;
    let known = Known { on_delete: OnAbort::Leave, ..KNOWN };
    resources.take(&delete, known, NOW).await.expect("kept");
    assert!(resources.duties().await.kill.is_empty());
}

#[tokio::test]
async fn a_resource_is_forgotten_once_nobody_can_ask_for_it() {
    let state = tempfile::tempdir().expect("a directory");
    let resources = open(&state);
    let (create, delete) = (order("Create", "r1", "", 0), order("Delete", "r2", "etl/r1", 1));
    // It was decided and never begun.
    take(&resources, &create).await;
    resources.release(&id_of(&create)).await;
    take(&resources, &delete).await;
    heard(&resources, &delete, &reached()).await;
    resources.release(&id_of(&delete)).await;
    resources.tidy(NOW).await;
    assert_eq!(resources.count().await, 1);
    resources.tidy(Timestamp(NOW.0 + 3 * 3_600_000)).await;
    assert_eq!((resources.count().await, open(&state).count().await), (0, 0));
}
