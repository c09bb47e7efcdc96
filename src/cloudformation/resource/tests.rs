//! What is sent in the life of a stack, in order and out of it, and what is decided.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::cloudformation::request::{Kind, Properties, Rules};
use crate::job::goal::Goal;
use crate::job::request::NAMELESS;

const STACK: &str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/etl/1";
const MINUTE: u64 = 60_000;
/// When the story of a test begins.
const START: u64 = 1_000_000_000;

/// An order, published so many minutes after the start, for a job with this file.
fn order(id: &str, minute: u64, kind: Kind, file: &str, mode: &str) -> Order {
    let rules = Rules {
        topic: String::new(),
        stacks: vec!["*".to_owned()],
        origins: vec!["http://127.0.0.1:1".to_owned()],
        margin: Duration::from_secs(60),
        goal: Goal::Running,
    };
    let body = json!({
        "RequestType": "Create", "RequestId": id, "StackId": STACK, "LogicalResourceId": "Etl",
        "ResponseURL": "http://127.0.0.1:1/k",
        "ResourceProperties": { "File": file, "UpdateMode": mode },
    });
    let order =
        Order::read(&body.to_string(), Timestamp(START + minute * MINUTE), &rules).expect("it is good");
    Order { kind, ..order }
}

fn create(id: &str, minute: u64, file: &str) -> Order {
    order(id, minute, Kind::Create, file, "REPLACE")
}

/// From the properties of `old` to those of `file`.
fn update(id: &str, minute: u64, named: &str, (old, file): (&str, &str), mode: &str) -> Order {
    let fields: Map<String, Value> = Map::from_iter([("File".to_owned(), json!(old))]);
    let old = Properties::new(fields).fingerprint();
    order(id, minute, Kind::Update { physical_id: named.to_owned(), old }, file, mode)
}

fn delete(id: &str, minute: u64, named: &str) -> Order {
    order(id, minute, Kind::Delete { physical_id: named.to_owned() }, "a", "REPLACE")
}

fn seen(valid: bool, candidate_lives: bool) -> Seen {
    Seen { valid, candidate_lives, is_held: false }
}

/// A resource and what comes to it.
struct Story {
    resource: Resource,
    lives: bool,
}

impl Story {
    fn new() -> Story {
        let resource = Resource::of(&create("none", 0, "a"));
        Story { resource, lives: true }
    }

    /// Decides as soon as it is published, and applies.
    fn comes(&mut self, order: &Order) -> Decision {
        self.comes_at(order, order.at)
    }

    fn comes_at(&mut self, order: &Order, now: Timestamp) -> Decision {
        let decision = decide(&self.resource, order, seen(true, self.lives), now);
        self.resource.apply(order, &decision, "etl", now);
        decision
    }

    /// A request has reached what it waited for, and its answer is recorded.
    fn succeeds(&mut self, request: &str) {
        self.resource.settle(request, Fate::Standing);
        self.resource.close(request);
    }

    fn fates(&self) -> Vec<(&str, Fate)> {
        let runs = self.resource.generations.iter().flat_map(|generation| &generation.runs);
        runs.map(|run| (run.request.as_str(), run.fate)).collect()
    }
}

/// A resource in which everything occurs that a file can hold.
pub(in crate::cloudformation) fn of_every_kind() -> Resource {
    let run = |request: &str, fate, application: Option<&str>| RunRecord {
        request: request.to_owned(),
        at: Timestamp(1_795_341_600_123),
        name: "etl".to_owned(),
        application: application.map(str::to_owned),
        fate,
    };
    let generation = |id: &str, runs| Generation {
        id: id.to_owned(),
        name: "größe \"🚖\"".to_owned(),
        fingerprint: Fingerprint("00ff".to_owned()),
        begun: Timestamp(1),
        newest: Timestamp(u64::MAX),
        deleted: id == "c",
        runs,
    };
    let id = |id: &str| id.to_owned();
    let ended = |which, proof| Act::End { which, proof, late: proof == Proof::Settled };
    let acts = [
        Act::Run { generation: id("c"), stops_first: false },
        Act::Run { generation: id("c"), stops_first: true },
        Act::Adopt { generation: id("v") },
        Act::Keep { generation: Some(id("v")) },
        Act::Keep { generation: None },
        Act::Stale,
        Act::Known,
        Act::Refuse(Refusal::Superseded),
        Act::Refuse(Refusal::InvalidInput),
        ended(Which::Generation(id("c")), Proof::OneAnswer),
        ended(Which::Generation(id("c")), Proof::Settled),
        ended(Which::UpTo(Timestamp(5)), Proof::Unknown),
    ];
    let known =
        |(at, act): (usize, Act)| Known { id: format!("k{at}"), at: Timestamp(2), open: at == 1, act };
    Resource {
        stack_id: STACK.to_owned(),
        logical_id: "Etl".to_owned(),
        newest: Some(Timestamp(3)),
        tombstone: Some(Timestamp(4)),
        requests: acts.into_iter().enumerate().map(known).collect(),
        generations: vec![
            generation(
                "c",
                vec![run("c", Fate::Over, None), run("x", Fate::Dying, Some("application_1_0001"))],
            ),
            generation("u", vec![run("u", Fate::Pending, None)]),
            generation("v", vec![run("v", Fate::Standing, Some("application_1_0002"))]),
            generation("w", vec![run("w", Fate::Succeeded, None)]),
            generation("empty", vec![]),
        ],
        lost: None,
    }
}

fn runs(generation: &str, stops_first: bool) -> Act {
    Act::Run { generation: generation.to_owned(), stops_first }
}

fn ends(generation: &str, proof: Proof) -> Act {
    Act::End { which: Which::Generation(generation.to_owned()), proof, late: false }
}

#[test]
fn a_create_runs_once_however_often_it_comes() {
    let mut story = Story::new();
    let create = create("c", 0, "a");
    assert_eq!(story.comes(&create).act, runs("c", false));
    assert_eq!(story.comes(&create).act, Act::Known);
    story.succeeds("c");
    assert_eq!(story.comes_at(&create, Timestamp(START + 100 * MINUTE)).act, Act::Known);
    assert_eq!(story.fates(), [("c", Fate::Standing)]);
    let answered = answered_as(&story.resource, &create, &runs("c", false), "etl", true);
    assert_eq!(answered, "etl/c");
}

#[test]
fn an_update_replaces_and_the_old_job_ends_by_its_own_delete() {
    let mut story = Story::new();
    story.comes(&create("c", 0, "a"));
    story.succeeds("c");
    let update = update("u", 1, "etl/c", ("a", "b"), "REPLACE");
    let decision = story.comes(&update);
    assert_eq!(decision, Decision { act: runs("u", false), supersedes: vec![], abandons: vec![] });
    assert_eq!(story.fates(), [("c", Fate::Standing), ("u", Fate::Pending)]);
    assert_eq!(answered_as(&story.resource, &update, &decision.act, "etl", true), "etl/u");
    assert_eq!(answered_as(&story.resource, &update, &decision.act, "etl", false), "etl/c", "a FAILED one");
    story.succeeds("u");
    // Its outcome was recorded: a Delete of another generation does not make it pointless.
    let decision = story.comes(&delete("d", 2, "etl/c"));
    assert_eq!(decision, Decision { act: ends("c", Proof::OneAnswer), supersedes: vec![], abandons: vec![] });
    assert_eq!(story.fates(), [("c", Fate::Dying), ("u", Fate::Standing)]);
    story.resource.ended(&Which::Generation("c".to_owned()), Timestamp(START + 3 * MINUTE));
    assert_eq!(story.fates(), [("u", Fate::Standing)]);
}

#[test]
fn equal_properties_run_nothing_whatever_became_of_the_job() {
    let mut story = Story { lives: false, ..Story::new() };
    story.comes(&create("c", 0, "a"));
    story.succeeds("c");
    let update = update("u", 1, "etl/c", ("a", "a"), "STOP_FIRST");
    let act = story.comes(&update).act;
    assert_eq!(act, Act::Keep { generation: Some("c".to_owned()) });
    assert_eq!(answered_as(&story.resource, &update, &act, "etl", true), "etl/c");
}

#[test]
fn a_failed_update_rolls_back_to_the_old_job_which_was_never_touched() {
    for mode in ["REPLACE", "STOP_FIRST"] {
        let mut story = Story::new();
        story.comes(&create("c", 0, "a"));
        story.succeeds("c");
        story.comes(&update("u", 1, "etl/c", ("a", "b"), "REPLACE"));
        story.resource.settle("u", Fate::Over);
        story.resource.close("u");
        let back = update("r", 2, "etl/c", ("b", "a"), mode);
        let decision = story.comes(&back);
        assert_eq!(decision.act, Act::Adopt { generation: "c".to_owned() });
        assert_eq!(decision.abandons, ["u"], "nobody will name it");
        assert_eq!(answered_as(&story.resource, &back, &decision.act, "etl", true), "etl/c");
        assert_eq!(story.fates(), [("c", Fate::Standing)]);
        // A Delete of before that adoption, which comes late, is too old for it.
        let late = story.comes(&delete("d", 1, "etl/c"));
        assert_eq!(late.act, Act::Refuse(Refusal::Superseded));
    }
}

#[test]
fn a_rollback_runs_the_old_properties_again_where_their_job_has_died() {
    let mut story = Story { lives: false, ..Story::new() };
    story.comes(&create("c", 0, "a"));
    story.succeeds("c");
    story.comes(&update("u", 1, "etl/c", ("a", "b"), "REPLACE"));
    assert_eq!(story.comes(&update("r", 2, "etl/c", ("b", "a"), "REPLACE")).act, runs("r", false));
    // One that has ended well is not asked about: YARN forgets.
    let mut story = Story { lives: false, ..Story::new() };
    story.comes(&create("c", 0, "a"));
    story.resource.settle("c", Fate::Succeeded);
    story.resource.close("c");
    story.comes(&update("u", 1, "etl/c", ("a", "b"), "REPLACE"));
    let act = story.comes(&update("r", 2, "etl/c", ("b", "a"), "REPLACE")).act;
    assert_eq!(act, Act::Adopt { generation: "c".to_owned() });
}

#[test]
fn stop_first_keeps_the_physical_id_and_ends_all_that_runs() {
    let mut story = Story::new();
    story.comes(&create("c", 0, "a"));
    story.succeeds("c");
    let first = update("u", 1, "etl/c", ("a", "b"), "STOP_FIRST");
    let act = story.comes(&first).act;
    assert_eq!(act, runs("c", true));
    assert_eq!(answered_as(&story.resource, &first, &act, "other", true), "etl/c");
    assert_eq!(story.fates(), [("c", Fate::Dying), ("u", Fate::Pending)]);
    story.resource.settle("c", Fate::Over);
    story.succeeds("u");
    // The rollback cannot adopt what runs now: that has the other properties.
    assert_eq!(story.comes(&update("r", 2, "etl/c", ("b", "a"), "STOP_FIRST")).act, runs("c", true));
    assert_eq!(story.fates(), [("u", Fate::Dying), ("r", Fate::Pending)]);
}

#[test]
fn stop_first_keeps_an_id_that_the_file_does_not_know_and_no_invented_one() {
    let known = update("u", 1, "old-name/c", ("a", "b"), "STOP_FIRST");
    let mut story = Story::new();
    assert_eq!(story.comes(&known).act, runs("c", true));
    assert_eq!(story.resource.generation("c").expect("it is there").physical_id(), "old-name/c");
    let invented = update("u", 1, "etl-Etl-ABC", ("a", "b"), "STOP_FIRST");
    assert_eq!(Story::new().comes(&invented).act, runs("u", true));
}

#[test]
fn a_delete_with_an_invented_id_ends_a_create_that_is_under_way() {
    let mut story = Story::new();
    story.comes(&create("c", 0, "a"));
    let decision = story.comes(&delete("d", 1, "stack-Etl-13CHARACTERS"));
    let which = Which::UpTo(Timestamp(START + MINUTE));
    assert_eq!(decision.act, Act::End { which: which.clone(), proof: Proof::Settled, late: false });
    assert_eq!(decision.supersedes, ["c"], "its Create is not answered any more");
    assert_eq!(story.fates(), [("c", Fate::Dying)]);
    story.resource.settle("c", Fate::Standing);
    assert_eq!(story.fates(), [("c", Fate::Dying)], "nothing brings it back");
    story.resource.ended(&which, Timestamp(START + 2 * MINUTE));
    assert_eq!(story.fates(), []);
}

#[test]
fn a_create_that_comes_after_its_delete_is_refused_and_not_run() {
    let mut story = Story::new();
    let decision = story.comes(&delete("d", 1, "stack-Etl-13CHARACTERS"));
    let which = Which::UpTo(Timestamp(START + MINUTE));
    assert_eq!(decision.act, Act::End { which, proof: Proof::Unknown, late: false });
    for minute in [0, 1] {
        let id = format!("c{minute}");
        let now = Timestamp(START + 2 * MINUTE);
        let decision = story.comes_at(&create(&id, minute, "a"), now);
        assert_eq!(decision.act, Act::Refuse(Refusal::Superseded), "a tie goes to the Delete");
    }
    assert_eq!(story.comes(&create("c2", 2, "a")).act, runs("c2", false), "what is newer is not refused");
    // The Delete comes again, with a new id, for what was refused: it never ran.
    assert_eq!(story.comes(&delete("d2", 3, "etl/c0")).act, ends("c0", Proof::OneAnswer));
}

#[test]
fn a_delete_spares_what_was_asked_for_after_it() {
    let mut story = Story::new();
    story.comes(&create("c", 0, "a"));
    story.comes(&create("c2", 5, "b"));
    story.succeeds("c2");
    story.comes_at(&delete("d", 2, "stack-Etl-13CHARACTERS"), Timestamp(START + 6 * MINUTE));
    assert_eq!(story.fates(), [("c", Fate::Dying), ("c2", Fate::Standing)]);
}

#[test]
fn an_older_update_that_comes_late_is_refused_and_a_newer_one_makes_it_pointless() {
    let mut story = Story::new();
    story.comes(&create("c", 0, "a"));
    story.succeeds("c");
    let cancelled = update("u", 1, "etl/c", ("a", "b"), "REPLACE");
    let back = update("r", 2, "etl/c", ("b", "a"), "REPLACE");
    story.comes(&cancelled);
    let decision = story.comes(&back);
    assert_eq!((&*decision.supersedes, &*decision.abandons), (&["u".to_owned()][..], &["u".to_owned()][..]));
    assert_eq!(story.fates(), [("c", Fate::Standing), ("u", Fate::Dying)]);

    let mut story = Story::new();
    story.comes(&create("c", 0, "a"));
    story.succeeds("c");
    story.comes(&back);
    let late = story.comes_at(&cancelled, Timestamp(START + 3 * MINUTE));
    assert_eq!(late.act, Act::Refuse(Refusal::Superseded));
    assert_eq!(answered_as(&story.resource, &cancelled, &late.act, "etl", false), "etl/c");
    assert_eq!(story.fates(), [("c", Fate::Standing)]);
}

#[test]
fn a_success_that_nobody_read_is_given_up_by_what_the_next_update_believes() {
    let mut story = Story::new();
    story.comes(&create("c", 0, "a"));
    story.succeeds("c");
    story.comes(&update("u", 1, "etl/c", ("a", "b"), "REPLACE"));
    story.succeeds("u");
    let decision = story.comes(&update("r", 2, "etl/c", ("b", "a"), "REPLACE"));
    assert_eq!(decision.act, Act::Adopt { generation: "c".to_owned() });
    assert_eq!(decision.abandons, ["u"]);
    assert_eq!(story.fates(), [("c", Fate::Standing), ("u", Fate::Dying)]);
    // The other way round, what is named is kept, and what is older is left to CloudFormation's own Delete.
    let mut story = Story::new();
    story.comes(&create("c", 0, "a"));
    story.succeeds("c");
    story.comes(&update("u", 1, "etl/c", ("a", "b"), "REPLACE"));
    story.succeeds("u");
    assert_eq!(story.comes(&update("v", 2, "etl/u", ("b", "x"), "REPLACE")).abandons, Vec::<String>::new());
}

#[test]
fn what_nobody_waits_for_any_more_starts_nothing_and_a_late_delete_is_carried_out() {
    let late = Timestamp(START + 60 * MINUTE);
    let mut story = Story::new();
    assert_eq!(story.comes_at(&create("c", 0, "a"), late).act, Act::Stale);
    assert_eq!(story.fates(), []);
    let act = story.comes_at(&delete("d", 0, "etl/c"), late).act;
    let which = Which::Generation("c".to_owned());
    assert_eq!(act, Act::End { which, proof: Proof::Unknown, late: true });
}

#[test]
fn invalid_properties_touch_nothing_that_runs() {
    let mut story = Story::new();
    story.comes(&create("c", 0, "a"));
    story.succeeds("c");
    for mode in ["REPLACE", "STOP_FIRST"] {
        let update = update(mode, 1, "etl/c", ("a", "b"), mode);
        let decision = decide(&story.resource, &update, seen(false, true), update.at);
        assert_eq!(decision.act, Act::Refuse(Refusal::InvalidInput));
        assert_eq!(answered_as(&story.resource, &update, &decision.act, "job", false), "etl/c");
        story.resource.apply(&update, &decision, "job", update.at);
        assert_eq!(story.fates(), [("c", Fate::Standing)]);
    }
    let mut story = Story::new();
    let create = create("c", 0, "a");
    let decision = decide(&story.resource, &create, seen(false, true), create.at);
    assert_eq!(answered_as(&story.resource, &create, &decision.act, NAMELESS, false), "job/c");
    story.resource.apply(&create, &decision, NAMELESS, create.at);
    assert_eq!(story.comes(&delete("d", 1, "job/c")).act, ends("c", Proof::OneAnswer), "it never ran");
}

#[test]
fn a_file_forgets_after_two_hours_what_nobody_can_ask_for_and_keeps_what_runs() {
    let mut story = Story::new();
    story.comes(&create("c", 0, "a"));
    story.succeeds("c");
    let later = Timestamp(START + MEMORY + MINUTE);
    story.resource.prune(later);
    assert_eq!((story.resource.requests.len(), story.fates().len()), (0, 1));
    assert!(!story.resource.is_forgotten(later));
    story.comes_at(&delete("d", 130, "etl/c"), Timestamp(START + 130 * MINUTE));
    story.resource.close("d");
    story.resource.ended(&Which::Generation("c".to_owned()), Timestamp(START + 131 * MINUTE));
    assert!(!story.resource.is_forgotten(Timestamp(START + 131 * MINUTE)), "its tombstone");
    let end = Timestamp(START + 130 * MINUTE + MEMORY + 1);
    story.resource.prune(end);
    assert!(story.resource.is_forgotten(end), "{:?}", story.resource);
}

#[test]
fn ids_are_made_of_what_comes_again_with_each_request() {
    assert_eq!(task_id(STACK, "Etl", "r"), tags::short_id(&[STACK, "Etl", "r"]));
    assert_eq!(resource_id(STACK, "Etl"), tags::short_id(&[&format!("{STACK}\nEtl")]));
    assert_ne!(task_id(STACK, "Etl", "r"), task_id(STACK, "Other", "r"));
    assert_eq!(generation_of("a/b/c"), Some("c"));
    assert_eq!(generation_of("stack-Etl-1X"), None);
}

#[test]
fn what_a_delete_names_and_nothing_is_remembered_of_is_looked_for_by_the_tag_of_its_group() {
    let mut story = Story::new();
    assert_eq!(story.comes(&delete("d", 1, "etl/lost")).act, ends("lost", Proof::Unknown));
    assert_eq!(story.fates(), [("lost", Fate::Dying)]);
    let tag_of = |story: &Story| {
        let generation = &story.resource.generations[0];
        generation.runs[0].tag(&story.resource, generation)
    };
    assert_eq!(tag_of(&story), tags::of_generation(&generation_id(STACK, "Etl", "lost")));
    let again = story.comes(&delete("d2", 2, "etl/lost")).act;
    assert_eq!(again, ends("lost", Proof::Settled), "it is being looked for");
    story.resource.ended(&Which::Generation("lost".to_owned()), Timestamp(START + 3 * MINUTE));
    assert_eq!(story.fates(), []);

    let mut story = Story::new();
    story.comes(&delete("d", 1, "stack-Etl-13CHARACTERS"));
    assert_eq!(tag_of(&story), tags::of_resource(&resource_id(STACK, "Etl")));
    let mut story = Story::new();
    story.comes(&create("c", 0, "a"));
    assert_eq!(tag_of(&story), tags::of_run(&task_id(STACK, "Etl", "c")));
}

#[derive(Debug, Clone)]
enum Step {
    Create(u64),
    Update { minute: u64, named: usize, stop_first: bool, file: u8 },
    Delete { minute: u64, named: Option<usize> },
    Again(usize),
    Succeeds(usize),
    Fails(usize),
    Verified,
}

fn step() -> impl Strategy<Value = Step> {
    let minute = 0_u64..30;
    prop_oneof![
        minute.clone().prop_map(Step::Create),
        (minute.clone(), 0_usize..4, any::<bool>(), 0_u8..3).prop_map(|(minute, named, stop_first, file)| {
            Step::Update { minute, named, stop_first, file }
        }),
        (minute, prop::option::of(0_usize..4)).prop_map(|(minute, named)| Step::Delete { minute, named }),
        (0_usize..8).prop_map(Step::Again),
        (0_usize..8).prop_map(Step::Succeeds),
        (0_usize..8).prop_map(Step::Fails),
        Just(Step::Verified),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn in_any_order_nothing_runs_twice_nothing_stale_starts_and_a_delete_leaves_nothing(
        steps in prop::collection::vec(step(), 1..25), lives in any::<bool>()
    ) {
        let mut story = Story { lives, ..Story::new() };
        let mut orders: Vec<Order> = Vec::new();
        let now = Timestamp(START + 40 * MINUTE);
        for (at, step) in steps.into_iter().enumerate() {
            let id = format!("r{at}");
            // Of what came before: nobody knows an id that was not answered yet.
            let named = |number: usize| {
                if number < at { format!("etl/r{number}") } else { "stack-Etl-1".to_owned() }
            };
            let order = match step {
                Step::Create(minute) => create(&id, minute, "a"),
                Step::Update { minute, named: number, stop_first, file } => {
                    let mode = if stop_first { "STOP_FIRST" } else { "REPLACE" };
                    update(&id, minute, &named(number), ("a", ["a", "b", "c"][usize::from(file)]), mode)
                }
                Step::Delete { minute, named: number } => {
                    delete(&id, minute, &number.map_or("stack-Etl-1".to_owned(), named))
                }
                Step::Again(number) => match orders.get(number) {
                    Some(order) => {
                        let before = story.resource.clone();
                        prop_assert_eq!(story.comes_at(order, now).act, Act::Known);
                        prop_assert_eq!(&story.resource, &before);
                        continue;
                    }
                    None => continue,
                },
                Step::Succeeds(number) => { story.succeeds(&format!("r{number}")); continue }
                Step::Fails(number) => {
                    story.resource.settle(&format!("r{number}"), Fate::Over);
                    story.resource.close(&format!("r{number}"));
                    continue;
                }
                Step::Verified => {
                    let dying: Vec<String> = story.fates().into_iter().filter(|(_, fate)| *fate == Fate::Dying).map(|(id, _)| id.to_owned()).collect();
                    dying.iter().for_each(|request| story.resource.settle(request, Fate::Over));
                    continue;
                }
            };
            let newest = story.resource.newest;
            let decision = story.comes_at(&order, now);
            let fates = story.fates();
            prop_assert!(fates.iter().filter(|(request, _)| *request == id).count() <= 1);
            if let Act::Run { stops_first, .. } = decision.act {
                prop_assert!(newest.is_none_or(|newest| order.at >= newest), "a stale request starts nothing");
                if stops_first {
                    let alive = fates.iter().filter(|(_, fate)| !fate.is_over() && *fate != Fate::Dying);
                    prop_assert_eq!(alive.count(), 1);
                }
            }
            if let Act::End { which: Which::UpTo(at), .. } = &decision.act {
                for generation in story.resource.generations.iter().filter(|found| found.newest <= *at) {
                    prop_assert!(generation.runs.iter().all(|run| run.fate.is_over() || run.fate == Fate::Dying));
                }
            }
            // Not answered are only those that nothing newer has made pointless.
            let is_job = |known: &&Known| known.open && matches!(known.act, Act::Run { .. } | Act::Adopt { .. });
            let open = story.resource.requests.iter().filter(is_job).count();
            prop_assert!(open <= 1, "{:?}", story.resource.requests);
            orders.push(order);
        }
    }
}

/// A resource whose file was written last in this minute, and lost.
fn lost(minute: u64) -> Story {
    let mut story = Story::new();
    story.resource.lost = Some(Timestamp(START + minute * MINUTE));
    story
}

#[test]
fn a_request_that_may_have_been_carried_out_before_its_file_was_lost_is_refused() {
    let mut story = lost(10);
    assert_eq!(story.comes(&create("c", 10, "a")).act, Act::Refuse(Refusal::Lost));
    let update = |minute| update("u", minute, "etl/c", ("a", "b"), "STOP_FIRST");
    assert_eq!(story.comes(&update(9)).act, Act::Refuse(Refusal::Lost));
    assert_eq!(story.fates(), [], "neither begins anything");
    let mut story = lost(10);
    let create_held = create("c", 8, "a");
    let held = Seen { is_held: true, ..seen(true, true) };
    let decision = decide(&story.resource, &create_held, held, create_held.at);
    story.resource.apply(&create_held, &decision, "etl", create_held.at);
    assert_eq!(story.fates(), [("c", Fate::Pending)], "its task is there");
    assert_eq!(story.comes(&update(9)).act, Act::Refuse(Refusal::Lost));
    assert_eq!(story.fates(), [("c", Fate::Dying)], "nobody waits for it any more");
    let old = create("old", 0, "a");
    let decision = story.comes_at(&old, Timestamp(START + 10 * 60 * MINUTE));
    assert_eq!(decision.act, Act::Stale, "nobody waits for it");
}

#[test]
fn a_lost_files_create_is_taken_for_one_that_ran() {
    let mut story = lost(10);
    story.comes(&create("c", 5, "a"));
    let which = Which::Generation("c".to_owned());
    let act = story.comes(&delete("d", 12, "etl/c")).act;
    assert_eq!(act, Act::End { which, proof: Proof::Unknown, late: false });
    let mut story = lost(10);
    story.comes(&create("c", 5, "a"));
    let act = story.comes(&delete("d", 12, "stack-Etl-1")).act;
    let which = Which::UpTo(Timestamp(START + 12 * MINUTE));
    assert_eq!(act, Act::End { which, proof: Proof::Unknown, late: false }, "its requests prove nothing");
    let mut story = lost(10);
    story.comes(&create("c", 5, "a"));
    story.comes(&update("u", 12, "etl/c", ("a", "b"), "STOP_FIRST"));
    assert_eq!(story.fates(), [("", Fate::Dying), ("u", Fate::Pending)], "all of the resource ends first");
    let mut story = lost(10);
    story.resource.stands_again("c", "etl/c", "application_1_1", Timestamp(START));
    story.comes(&update("u", 12, "etl/c", ("a", "b"), "STOP_FIRST"));
    let ends = [("c", Fate::Dying), ("u", Fate::Pending), ("", Fate::Dying)];
    assert_eq!(story.fates(), ends, "also beside what is known again");
}

#[test]
fn a_request_after_the_last_write_of_a_lost_file_is_decided_as_ever_with_a_minute_for_clocks() {
    let mut story = lost(10);
    let at = |seconds: u64| {
        let mut create = create("c", 10, "a");
        create.at = Timestamp(create.at.0 + seconds * 1_000);
        create
    };
    assert_eq!(story.comes(&at(60)).act, Act::Refuse(Refusal::Lost));
    let mut story = lost(10);
    assert!(matches!(story.comes(&at(61)).act, Act::Run { stops_first: false, .. }));
    assert!(!story.resource.is_forgotten(Timestamp(START + 11 * MINUTE)));
}

#[test]
fn that_a_file_was_lost_is_kept_in_the_new_one() {
    let mut story = lost(10);
    story.comes(&create("c", 5, "a"));
    let bytes = story.resource.encode().expect("encoded");
    assert_eq!(Resource::decode(&bytes).expect("decoded"), story.resource);
    let text =
        String::from_utf8_lossy(&Resource::of(&create("c", 0, "a")).encode().expect("encoded")).into_owned();
    assert!(!text.contains("lost"), "{text}");
}
