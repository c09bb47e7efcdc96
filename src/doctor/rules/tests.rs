//! A well node, and what one thing that is not well makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::facts::{
    Account, AwsFacts, Configuration, Configured, DaemonFacts, DirectoryFacts, Facts, HistoryFacts,
    JournalFacts, LivyFacts, Node, Ownership, Room, StateFacts, Systemd, Unread, YarnFacts,
};
use super::super::{Finding, Status};
use super::judge;
use crate::activity::{Condition, Trouble};
use crate::admin::Overview;
use crate::arn::ActivityArn;
use crate::aws::Fault;
use crate::config::{self, LivyConf, Role, Settings};
use crate::job::timestamp::Timestamp;
use crate::job::world::ServiceError;
use crate::spark::address::Address;
use crate::spark::addresses::{AddressInUse, AddressLookup, KnownAddresses, ServiceAddress, Unknown};
use crate::spark::yarn::About;

use Status::{Fail, Ok as Good, Skip, Warn};

const ARN: &str = "arn:aws:states:eu-west-1:123456789012:activity:spark-job";
const LIVY_CONF: &str = "livy.spark.master = yarn\nlivy.spark.deploy-mode = cluster\n\
                         livy.server.recovery.mode = recovery\nlivy.server.recovery.state-store = filesystem";

const RM: &str = "http://rm1:8088";
const YARN_SITE: &str = "yarn.resourcemanager.hostname in /etc/hadoop/conf/yarn-site.xml";

/// A change of the well node, the check that tells it, how, and words of what is found or of the fix.
type Row = (fn(&mut Facts), &'static str, Status, &'static str);

#[test]
fn a_well_node_has_nothing_but_ok() {
    let findings = judge(&well());
    assert!(findings.iter().all(|finding| finding.status == Good && finding.fix.is_none()), "{findings:#?}");
    let checks: Vec<&str> = findings.iter().map(|finding| finding.check).collect();
    let expected = [
        "node",
        "systemd",
        "hardening",
        "user",
        "unit",
        "configuration",
        "configuration-mode",
        "daemon",
        "region",
        "clock",
        "credentials",
        "activity",
        "answers",
        "livy-address",
        "livy",
        "livy-version",
        "livy-deploy-mode",
        "livy-recovery",
        "livy-csrf",
        "yarn-address",
        "yarn",
        "yarn-version",
        "yarn-recovery",
        "yarn-tag",
        "state-directory",
        "journal",
        "disk",
    ];
    assert_eq!(checks, expected);
}

#[test]
fn every_warning_and_every_failure_has_a_fix() {
    for (at, (change, ..)) in all().into_iter().enumerate() {
        let mut facts = well();
        change(&mut facts);
        for finding in judge(&facts) {
            let ill = matches!(finding.status, Warn | Fail);
            assert_eq!(ill, finding.fix.is_some_and(|fix| !fix.is_empty()), "row {at}: {}", finding.check);
        }
    }
}

#[test]
fn node_and_unit() {
    table(node_rows());
}

fn node_rows() -> Vec<Row> {
    vec![
        (|f| f.node.role = Role::Other, "node", Fail, "uninstall"),
        (|f| f.node.role = Role::NotEmr, "node", Warn, "is no EMR node"),
        (|f| f.node.role = Role::Unreadable("odd".into()), "node", Warn, "odd"),
        (|f| f.systemd.version = Err("not found".into()), "systemd", Warn, "not found"),
        (|f| f.systemd.version = Ok("systemd 219".into()), "systemd", Good, "systemd 219"),
        (|f| f.systemd.version = Ok("systemd 208 (1)".into()), "systemd", Fail, "EMR 5.30"),
        (|f| f.systemd.version = Ok("systemd 255~rc1".into()), "systemd", Good, "255"),
        (|f| f.systemd.version = Ok("upstart".into()), "systemd", Warn, "upstart"),
        (|f| unit(f, "DropInPaths", ""), "hardening", Warn, "install"),
        (
            |f| {
                unit(f, "DropInPaths", "");
                f.systemd.version = Ok("systemd 246".into());
            },
            "hardening",
            Good,
            "needs systemd 247",
        ),
        (|f| f.worker = None, "user", Fail, "there is no user"),
        (|f| f.systemd.unit = Err("no systemd".into()), "unit", Warn, "no systemd"),
        (|f| unit(f, "LoadState", "not-found"), "unit", Warn, "not installed"),
        (|f| unit(f, "LoadState", "masked"), "unit", Fail, "unmask"),
        (|f| unit(f, "LoadState", "error"), "unit", Fail, "systemd-analyze verify"),
        (|f| unit(f, "ActiveState", "activating"), "unit", Warn, "journalctl"),
        (
            |f| {
                unit(f, "ActiveState", "activating");
                unit(f, "SubState", "auto-restart");
            },
            "unit",
            Fail,
            "again and again",
        ),
        (|f| unit(f, "ActiveState", "inactive"), "unit", Warn, "systemctl enable --now spark-job-worker"),
        (|f| unit(f, "ActiveState", "failed"), "unit", Fail, "systemctl restart spark-job-worker"),
        (
            |f| {
                unit(f, "ActiveState", "failed");
                unit(f, "ExecMainStatus", "78");
            },
            "unit",
            Fail,
            "it ended with 78",
        ),
        (|f| unit(f, "UnitFileState", "disabled"), "unit", Warn, "systemctl enable"),
        (|f| unit(f, "NeedDaemonReload", "yes"), "unit", Warn, "daemon-reload"),
        (
            |f| drop(f.systemd.unit.as_mut().map(|unit| unit.remove("NRestarts"))),
            "unit",
            Good,
            "an unknown number",
        ),
    ]
}

#[test]
fn configuration_and_daemon() {
    table(configuration_rows());
}

fn configuration_rows() -> Vec<Row> {
    vec![
        (|f| wrong(f, false), "configuration", Fail, "livy.url"),
        (|f| wrong(f, true), "configuration", Warn, "sudo spark-job-worker doctor"),
        (|f| wrong(f, false), "livy", Skip, "the configuration cannot be had"),
        (|f| f.configuration.files = Some("no password".into()), "configuration", Fail, "no password"),
        (
            |f| {
                f.me = 1000;
                f.configuration.files = Some("no password".into());
            },
            "configuration",
            Warn,
            "sudo",
        ),
        (|f| file(f, 0, 0, 0o666), "configuration-mode", Fail, "all may write it"),
        (|f| file(f, 0, 0, 0o600), "configuration-mode", Fail, "cannot read it"),
        (|f| file(f, 0, 990, 0o640), "configuration-mode", Good, "0640"),
        (|f| file(f, 0, 990, 0o660), "configuration-mode", Warn, "by the user spark-job-worker itself"),
        (|f| file(f, 991, 0, 0o600), "configuration-mode", Warn, "chmod 644"),
        (|f| f.configuration.unseen = Ok(vec!["AWS_PROFILE".into()]), "environment", Warn, "AWS_PROFILE"),
        (|f| f.configuration.unseen = Err("denied".into()), "environment", Warn, "set -a"),
        (|f| configured(f).settings.watch.lost_after = Duration::from_secs(1), "waits", Warn, "shipped 3m"),
        (|f| configured(f).daemon = DaemonFacts::Absent("gone".into()), "daemon", Warn, "systemctl start"),
        (|f| configured(f).daemon = DaemonFacts::Denied, "daemon", Warn, "sudo spark-job-worker doctor"),
        (|f| configured(f).daemon = DaemonFacts::Silent("hm".into()), "daemon", Warn, "systemctl restart"),
        (|f| overview(f).version = "0.0.1".into(), "daemon", Warn, "version 0.0.1 runs"),
        (
            |f| overview(f).problems = vec!["Livy does not answer".into()],
            "daemon",
            Warn,
            "Livy does not answer",
        ),
    ]
}

#[test]
fn step_functions() {
    table(aws_rows());
}

fn aws_rows() -> Vec<Row> {
    vec![
        (|_| {}, "region", Good, "eu-west-1, from the activity's ARN"),
        (|f| aws(f).ahead = Some(-30), "clock", Good, "30 s behind"),
        (|f| aws(f).ahead = Some(31), "clock", Warn, "chronyc"),
        (|f| aws(f).ahead = Some(-301), "clock", Fail, "signatures are refused"),
        (|f| aws(f).ahead = None, "clock", Skip, "did not say"),
        (|f| fault(f, Fault::Credentials), "credentials", Fail, "instance profile"),
        (|f| fault(f, Fault::Credentials), "activity", Skip, "see credentials"),
        (
            |f| look(f, Condition::NoActivity),
            "activity",
            Fail,
            "create-activity --region eu-west-1 --name spark-job",
        ),
        (|f| fault(f, Fault::NotAllowed), "activity", Good, "last poll was answered 7 s ago"),
        (
            |f| {
                fault(f, Fault::NotAllowed);
                configured(f).daemon = DaemonFacts::Absent("gone".into());
            },
            "activity",
            Warn,
            "bootstrap/iam-policy.json",
        ),
        (|f| fault(f, Fault::Key), "activity", Fail, "kms:Decrypt"),
        (|f| fault(f, Fault::Unreachable), "activity", Fail, "https://states.eu-west-1.amazonaws.com"),
        (|f| fault(f, Fault::Throttled), "activity", Warn, "again"),
        (
            |f| configured(f).daemon = DaemonFacts::Absent("gone".into()),
            "activity",
            Good,
            "cannot be tried without taking a task",
        ),
        (|f| report(f, 1, Fault::NotAllowed), "answers", Fail, "no permission for states:SendTaskSuccess"),
        (|f| report(f, 1, Fault::Key), "answers", Fail, "kms:Decrypt"),
        (|f| (0..3).for_each(|at| report(f, at, Fault::Unreachable)), "answers", Skip, "not tried"),
        (|f| (0..3).for_each(|at| report(f, at, Fault::Service)), "answers", Warn, "again"),
        (
            |f| {
                fault(f, Fault::Unreachable);
                (0..3).for_each(|at| report(f, at, Fault::Unreachable));
            },
            "credentials",
            Skip,
            "see activity",
        ),
    ]
}

#[test]
fn livy_and_yarn() {
    table(cluster_rows());
}

fn cluster_rows() -> Vec<Row> {
    vec![
        (
            |f| livy(f).answers = Err(ServiceError::Unavailable("refused".into())),
            "livy",
            Fail,
            "restart livy-server",
        ),
        (
            |f| livy(f).answers = Err(ServiceError::AccessDenied("no root".into())),
            "livy",
            Fail,
            "correct [livy]",
        ),
        (|f| livy(f).version = Ok(("0.6.0".into(), true)), "livy-version", Fail, "older than 0.7"),
        (|f| livy(f).version = Err(ServiceError::Unavailable("404".into())), "livy-version", Warn, "404"),
        (|f| configured(f).livy = None, "livy", Skip, "see configuration"),
        (|f| conf(f, "livy.spark.master = yarn"), "livy-deploy-mode", Fail, "deploy-mode = cluster"),
        (|f| conf(f, "livy.spark.master = local[*]"), "livy-deploy-mode", Warn, "local[*]"),
        (|f| conf(f, ""), "livy-recovery", Warn, "livy.server.recovery.mode = recovery"),
        (|f| conf(f, "livy.server.recovery.mode = recovery"), "livy-recovery", Warn, "state-store"),
        (|f| conf(f, "livy.server.csrf-protection.enabled = true"), "livy-csrf", Good, "on"),
        (|f| configured(f).livy_conf = Some(Err("denied".into())), "livy-recovery", Skip, "denied"),
        (|_| {}, "livy-address", Good, "http://ip-10-0-0-1:8998 (/etc/livy/conf/livy.conf)"),
        (|f| livy(f).addresses = unknown(), "livy-address", Fail, "setfacl it"),
        (|f| livy(f).addresses = unknown(), "livy", Skip, "see livy-address"),
        (
            |f| {
                f.me = 1000;
                livy(f).addresses = unknown();
            },
            "livy-address",
            Warn,
            "sudo spark-job-worker doctor",
        ),
        (
            |f| configured(f).unread = vec!["/etc/livy/conf/livy.conf".into()],
            "livy-address",
            Fail,
            "sudo setfacl -m u:spark-job-worker:r /etc/livy/conf/livy.conf",
        ),
        (|_| {}, "yarn-address", Good, "http://rm1:8088 (yarn.resourcemanager.hostname in /etc/hadoop"),
        (three, "yarn-address", Good, "used: http://rm3:8088 (named by the standby http://rm1:8088)"),
        (three, "yarn", Good, "http://rm3:8088 answers"),
        (hiding, "yarn-tag", Warn, "what is not listed may run"),
        (|f| configured(f).livy_conf = None, "livy-deploy-mode", Skip, "on another host"),
        (|f| configured(f).yarn = Some(YarnFacts::Off), "yarn", Warn, "switched off"),
        (|f| configured(f).yarn = None, "yarn", Skip, "see configuration"),
        (
            |f| yarn(f, Err(ServiceError::Unavailable("hm".into())), &[]),
            "yarn",
            Fail,
            "hadoop-yarn-resourcemanager",
        ),
        (|f| yarn(f, Err(ServiceError::AccessDenied("401".into())), &[]), "yarn", Fail, "correct [yarn]"),
        (|f| yarn(f, Ok("a.b.NullRMStateStore"), &[]), "yarn-recovery", Warn, "recovery.enabled"),
        (|f| yarn(f, Ok("a.b.ZKRMStateStore"), &[]), "yarn-recovery", Good, "in ZKRMStateStore"),
        (|f| yarn(f, Ok(""), &["sjw-1"]), "yarn-tag", Good, "active: 1"),
        (|f| task(f), "yarn-tag", Warn, "the job of task 0123456789abcdef runs"),
    ]
}

#[test]
fn sparks_history_server() {
    table(history_rows());
}

fn history_rows() -> Vec<Row> {
    vec![
        (
            |f| history(f, Ok("3.5.6".into())),
            "spark-history",
            Good,
            "http://h:18080 (a test) answers, Spark 3.5.6",
        ),
        (
            |f| history(f, Err(ServiceError::Unavailable("refused".into()))),
            "spark-history",
            Warn,
            "spark-history-server",
        ),
        (
            |f| history(f, Err(ServiceError::AccessDenied("no".into()))),
            "spark-history",
            Warn,
            "correct [yarn] or",
        ),
        (
            |f| {
                history(f, Ok(String::new()));
                configured(f).history.as_mut().expect("it is asked").addresses = unknown();
            },
            "spark-history",
            Warn,
            "gives no usable address",
        ),
    ]
}

#[test]
fn state_directory() {
    table(state_rows());
}

fn state_rows() -> Vec<Row> {
    vec![
        (|f| state(f).directory = Err("hm".into()), "state-directory", Fail, "ls -ld"),
        (|f| state(f).directory = Ok(None), "state-directory", Fail, "install -d -m 700"),
        (
            |f| {
                unit(f, "LoadState", "not-found");
                state(f).directory = Ok(None);
            },
            "state-directory",
            Warn,
            "first start",
        ),
        (|f| directory(f, 0, 0o700), "state-directory", Fail, "chown -R spark-job-worker"),
        (|f| directory(f, 991, 0o500), "state-directory", Fail, "its owner cannot write"),
        (|f| directory(f, 991, 0o755), "state-directory", Warn, "chmod 700"),
        (
            |f| {
                f.worker = None;
                directory(f, 5, 0o700);
            },
            "state-directory",
            Fail,
            "chown -R 0 ",
        ),
        (|f| state(f).journal = Err(Unread::Denied), "journal", Warn, "sudo"),
        (|f| state(f).journal = Err(Unread::Trouble("I/O".into())), "journal", Fail, "dmesg"),
        (|f| journal(f).unreadable = vec!["newer".into()], "journal", Fail, "1; newer"),
        (|f| journal(f).foreign = Some("/x/lock".into()), "journal", Fail, "chown -R --reference"),
        (|f| journal(f).corrupt = 2, "journal", Warn, "could not be read: 2"),
        (|f| state(f).room = Err("hm".into()), "disk", Fail, "df -h"),
        (|f| room(f).read_only = true, "disk", Fail, "read-only"),
        (|f| room(f).bytes = (100 << 20) - 1, "disk", Fail, "99 MB free"),
        (|f| room(f).bytes = 100 << 20, "disk", Warn, "100 MB free"),
        (|f| room(f).files = Some(999), "disk", Fail, "999 more files"),
        (|f| room(f).files = None, "disk", Good, "MB free"),
        (|f| room(f).in_memory = true, "disk", Warn, "a reboot loses the tasks"),
    ]
}

fn all() -> Vec<Row> {
    [node_rows(), configuration_rows(), aws_rows(), cluster_rows(), history_rows(), state_rows()].concat()
}

#[track_caller]
fn table(rows: Vec<Row>) {
    for (at, (change, check, status, reason)) in rows.into_iter().enumerate() {
        let mut facts = well();
        change(&mut facts);
        let findings = judge(&facts);
        let found: Vec<&Finding> = findings.iter().filter(|finding| finding.check == check).collect();
        assert_eq!(found.len(), 1, "row {at}: {check}: {found:?}");
        assert_eq!(found[0].status, status, "row {at}: {found:?}");
        let told = format!("{} {}", found[0].found, found[0].fix.as_deref().unwrap_or_default());
        assert!(told.contains(reason), "row {at}: {reason:?} is not in {told:?}");
    }
}

/// An EMR node on which all is as it should be, looked at by root.
fn well() -> Facts {
    let unit = [
        ("LoadState", "loaded"),
        ("UnitFileState", "enabled"),
        ("ActiveState", "active"),
        ("SubState", "running"),
        ("Result", "success"),
        ("ExecMainStatus", "0"),
        ("NRestarts", "0"),
        ("DropInPaths", "/etc/systemd/system/spark-job-worker.service.d/10-hardening.conf"),
        ("NeedDaemonReload", "no"),
    ];
    let unit: BTreeMap<String, String> =
        unit.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Facts {
        me: 0,
        worker: Some(Account { user: 991, group: 990 }),
        node: Node { role: Role::Primary, name: "j-1".into() },
        systemd: Systemd { version: Ok("systemd 252 (252.23-2.amzn2023)".into()), unit: Ok(unit) },
        configuration: Configuration {
            path: "/etc/spark-job-worker/config.toml".into(),
            denied: false,
            wrong: None,
            files: None,
            file: Some(Ownership { user: 0, group: 0, mode: 0o644 }),
            unseen: Ok(Vec::new()),
        },
        configured: Some(well_configured()),
    }
}

/// Those of a configuration with one activity and nothing else.
fn settings() -> Settings {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("[[activity]]\narn = {ARN:?}\n")).unwrap();
    config::load(file.path()).unwrap()
}

fn well_configured() -> Configured {
    let daemon = Overview {
        version: env!("CARGO_PKG_VERSION").into(),
        phase: "serving".into(),
        activities: vec![serde_json::from_value(serde_json::json!({
            "arn": ARN, "places": 20, "free": 20, "openPolls": 1, "lastPoll": 7, "unanswered": null, "trouble": null
        }))
        .unwrap()],
        ..Overview::default()
    };
    Configured {
        settings: settings(),
        aws: AwsFacts {
            activities: vec![(ActivityArn::parse(ARN).unwrap(), None)],
            reports: vec![
                ("states:SendTaskHeartbeat", None),
                ("states:SendTaskSuccess", None),
                ("states:SendTaskFailure", None),
            ],
            ahead: Some(0),
        },
        queues: Vec::new(),
        livy: Some(LivyFacts {
            addresses: addresses("http://ip-10-0-0-1:8998", "/etc/livy/conf/livy.conf"),
            answers: Ok(()),
            version: Ok(("0.8.0-incubating".into(), false)),
        }),
        livy_conf: Some(Ok(LivyConf::new(LIVY_CONF, ""))),
        yarn: Some(YarnFacts::On {
            addresses: addresses(RM, YARN_SITE),
            used: AddressInUse { url: RM.into(), source: YARN_SITE.into() },
            about: Ok(about("x.FileSystemRMStateStore")),
            tags: Ok(BTreeSet::new()),
        }),
        history: None,
        unread: Vec::new(),
        state: StateFacts {
            path: "/var/lib/spark-job-worker".into(),
            directory: Ok(Some(DirectoryFacts {
                is_directory: true,
                owner: Ownership { user: 991, group: 990, mode: 0o700 },
            })),
            room: Ok(Room { bytes: 5 << 30, files: Some(1 << 20), read_only: false, in_memory: false }),
            journal: Ok(JournalFacts::default()),
        },
        daemon: DaemonFacts::Answers(Box::new(daemon)),
    }
}

fn addresses(url: &str, source: &str) -> AddressLookup {
    let home = ServiceAddress { address: Address::parse(url).unwrap(), source: source.to_owned() };
    Ok(KnownAddresses { addresses: vec![home], filters_lists: false })
}

/// Two ResourceManagers, of which a standby has named a third.
fn three(facts: &mut Facts) {
    let of = |number: u8| addresses(&format!("http://rm{number}:8088"), YARN_SITE).unwrap().addresses;
    let found = KnownAddresses { addresses: [of(1), of(2)].concat(), filters_lists: false };
    let used =
        AddressInUse { url: "http://rm3:8088".into(), source: "named by the standby http://rm1:8088".into() };
    configured(facts).yarn =
        Some(YarnFacts::On { addresses: Ok(found), used, about: Ok(about("")), tags: Ok(BTreeSet::new()) });
}

fn hiding(facts: &mut Facts) {
    if let Some(YarnFacts::On { addresses: Ok(found), .. }) = &mut configured(facts).yarn {
        found.filters_lists = true;
    }
}

fn unknown() -> AddressLookup {
    Err(Unknown { why: "/etc/x exists but gives no usable address".into(), fix: "setfacl it".into() })
}

fn about(store: &str) -> About {
    About { started: Timestamp(1), version: "3.3.6".into(), store: store.into() }
}

fn configured(facts: &mut Facts) -> &mut Configured {
    facts.configured.as_mut().unwrap()
}

fn unit(facts: &mut Facts, name: &str, value: &str) {
    facts.systemd.unit.as_mut().unwrap().insert(name.into(), value.into());
}

fn wrong(facts: &mut Facts, denied: bool) {
    facts.configuration.wrong = Some("livy.url = \"x\": must begin with http://".into());
    facts.configuration.denied = denied;
    facts.configured = None;
}

fn file(facts: &mut Facts, user: u32, group: u32, mode: u32) {
    facts.configuration.file = Some(Ownership { user, group, mode });
}

fn overview(facts: &mut Facts) -> &mut Overview {
    match &mut configured(facts).daemon {
        DaemonFacts::Answers(overview) => overview,
        DaemonFacts::Absent(_) | DaemonFacts::Denied | DaemonFacts::Silent(_) => {
            panic!("a well daemon answers")
        }
    }
}

fn aws(facts: &mut Facts) -> &mut AwsFacts {
    &mut configured(facts).aws
}

fn trouble(condition: Condition) -> Option<Trouble> {
    Some(Trouble { condition, reason: "so it says".into() })
}

fn look(facts: &mut Facts, condition: Condition) {
    aws(facts).activities[0].1 = trouble(condition);
}

fn fault(facts: &mut Facts, fault: Fault) {
    look(facts, Condition::Fault(fault));
}

fn report(facts: &mut Facts, at: usize, fault: Fault) {
    aws(facts).reports[at].1 = trouble(Condition::Fault(fault));
}

fn livy(facts: &mut Facts) -> &mut LivyFacts {
    configured(facts).livy.as_mut().unwrap()
}

fn conf(facts: &mut Facts, text: &str) {
    configured(facts).livy_conf = Some(Ok(LivyConf::new(text, "")));
}

fn yarn(facts: &mut Facts, store: Result<&str, ServiceError>, tags: &[&str]) {
    let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    let used = AddressInUse { url: RM.into(), source: YARN_SITE.into() };
    let addresses = addresses(RM, YARN_SITE);
    configured(facts).yarn = Some(YarnFacts::On { addresses, used, about: store.map(about), tags: Ok(tags) });
}

/// A task whose job the daemon knows to be running.
fn history(facts: &mut Facts, version: Result<String, ServiceError>) {
    let addresses = addresses("http://h:18080", "a test");
    configured(facts).history = Some(HistoryFacts { addresses, version });
}

fn task(facts: &mut Facts) {
    let task = serde_json::json!({
        "task": "0123456789abcdef", "execution": null, "activity": ARN, "job": null, "state": "Running", "batch": 1,
        "application": "application_1_0001", "yarnState": "RUNNING", "percent": 10, "trackingUrl": null, "age": 1,
        "heartbeat": 1
    });
    overview(facts).tasks = vec![serde_json::from_value(task).unwrap()];
}

fn state(facts: &mut Facts) -> &mut StateFacts {
    &mut configured(facts).state
}

fn directory(facts: &mut Facts, user: u32, mode: u32) {
    let owner = Ownership { user, group: 0, mode };
    state(facts).directory = Ok(Some(DirectoryFacts { is_directory: true, owner }));
}

fn journal(facts: &mut Facts) -> &mut JournalFacts {
    state(facts).journal.as_mut().unwrap()
}

fn room(facts: &mut Facts) -> &mut Room {
    state(facts).room.as_mut().unwrap()
}
