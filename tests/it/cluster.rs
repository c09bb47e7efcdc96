//! The clusters that people have: what is configured wrongly is refused, and Livy and YARN are found.

use std::fmt::Write as _;
use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};
use spark_job_worker::log::message_id;
use stand_ins::WaitFor;
use stand_ins::http::{Fault, Identity};
use stand_ins::livy::Plan;
use stand_ins::worker::{Config, Worker, command};
use stand_ins::yarn::Yarn;

use crate::harness::{PROGRAM, Stage};

/// A command of the program, with its exit code and all that it says.
fn said(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = command(Path::new(PROGRAM)).args(arguments).envs(variables.iter().copied()).output();
    let output = output.expect("it runs");
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[tokio::test]
async fn check_warns_of_waits_that_are_shorter_than_the_shipped_ones() {
    let stage = Stage::new().await;
    let path = stage.directory.path().join("config.toml");
    std::fs::write(&path, stage.config().text()).expect("written");
    let (code, text) = said(&["check", "--config", path.to_str().expect("UTF-8")], &[]);
    assert_eq!(code, Some(0), "{text}");
    for words in [
        "warning: watch.submit_settle = 1s is below the shipped 3m: a job may be submitted twice",
        "warning: watch.kill_settle = 3s is below the shipped 12m",
        "warning: stop.grace = 10s is below the shipped 1m 10s",
    ] {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
    assert!(!text.contains("watch.start_timeout"), "{text}");
}

#[tokio::test]
async fn a_livy_and_a_yarn_that_want_kerberos_are_told_as_that() {
    let stage = Stage::with_yarn().await;
    stage.livy.demand_kerberos();
    let worker = stage.worker();
    let task = stage.task();
    worker.logged("Livy cannot be used: it wants Kerberos (SPNEGO), which is not supported");
    assert!(stage.sfn.polls(&stage.arn) == 0 && stage.sfn.peek(&task).is_none());
    stage.yarn().demand_kerberos();
    let path = worker.config().to_str().expect("UTF-8").to_owned();
    let run = move || said(&["doctor", "--config", &path], &[]);
    let (_, text) = tokio::task::spawn_blocking(run).await.expect("no panic");
    for check in ["livy", "yarn"] {
        let told = text
            .lines()
            .any(|line| line.starts_with(&format!("fail  {check} ")) && line.contains("it wants Kerberos"));
        assert!(told, "{text}");
    }
}

#[tokio::test]
async fn the_region_is_the_arns_whatever_the_environment_says() {
    let stage = Stage::new().await;
    let path = stage.directory.path().join("config.toml");
    std::fs::write(&path, stage.config().text()).expect("written");
    let elsewhere = [("AWS_REGION", "eu-west-1"), ("AWS_DEFAULT_REGION", "eu-west-1")];
    let _worker = Worker::start_with(Path::new(PROGRAM), &path, &elsewhere);
    stage.output(&stage.task()).await;
    for call in stage.sfn.calls() {
        let signed = call.request.header("authorization").expect("calls are signed");
        assert!(signed.contains("/us-east-1/states/aws4_request"), "{signed}");
    }
}

#[tokio::test]
async fn a_journal_of_another_region_that_cannot_be_answered_ends_the_start_and_kills_nothing() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    let mut worker = stage.worker();
    let task = stage.task();
    let name = stage.submitted("etl-").await;
    worker.logged("runs as application_");
    assert!(worker.stop().success());

    let mut moved = stage.config();
    moved.activities[0].0 = stage.arn.replace("us-east-1", "eu-west-1");
    let mut moved = stage.worker_with(&moved);
    assert_eq!(moved.ended().code(), Some(78));
    let line = moved.logged(&format!("the journal has a task of {}", stage.arn));
    assert_eq!(line["level"], "ERROR");
    assert!(stage.livy.deletes().is_empty() && stage.yarn().kills().is_empty());

    let _back = stage.worker();
    stage.livy.set_state(&name, "success");
    stage.output(&task).await;
}

/// A directory with the files of a node, as EMR writes them.
struct Node(PathBuf);

impl Node {
    fn new(stage: &Stage) -> Node {
        let directory = stage.directory.path().join("conf");
        std::fs::create_dir_all(&directory).expect("made");
        Node(directory)
    }

    /// `livy.conf`, with Livy at this address.
    fn livy(&self, address: SocketAddr, more: &str) {
        let text = format!(
            "livy.server.host = {}\nlivy.server.port = {}\nlivy.spark.master yarn\nlivy.spark.deploy-mode cluster\n{more}\n",
            address.ip(),
            address.port()
        );
        std::fs::write(self.0.join("livy.conf"), text).expect("written");
    }

    /// `yarn-site.xml` with these properties.
    fn yarn(&self, properties: &[(&str, &str)]) {
        let mut text =
            "<?xml version=\"1.0\"?>\n<?xml-stylesheet type=\"text/xsl\" href=\"configuration.xsl\"?>\n\n\
                        <configuration>\n"
                .to_owned();
        for (name, value) in properties {
            let _ = write!(
                text,
                "  <property>\n    <name>{name}</name>\n    <value>{value}</value>\n  </property>\n\n"
            );
        }
        std::fs::write(self.0.join("yarn-site.xml"), text + "</configuration>\n").expect("written");
    }

    /// Three primary nodes, each with a ResourceManager.
    fn three(&self, managers: [&Yarn; 3]) {
        let [one, two, three] = managers.map(|yarn| yarn.address().to_string());
        self.yarn(&[
            ("yarn.resourcemanager.ha.enabled", "true"),
            ("yarn.resourcemanager.ha.rm-ids", "rm1,rm2,rm3"),
            ("yarn.resourcemanager.hostname.rm1", "127.0.0.1"),
            ("yarn.resourcemanager.webapp.address.rm1", &one),
            ("yarn.resourcemanager.webapp.address.rm2", &two),
            ("yarn.resourcemanager.webapp.address.rm3", &three),
        ]);
    }

    fn variables(&self) -> [(&str, &str); 3] {
        let directory = self.0.to_str().expect("UTF-8");
        ["LIVY_CONF_DIR", "HADOOP_CONF_DIR", "SPARK_CONF_DIR"].map(|name| (name, directory))
    }

    /// The worker with nothing but what the files say, and these lines.
    fn worker(&self, stage: &Stage, lines: &[(&str, &str)]) -> Worker {
        let path = written(stage, lines);
        Worker::start_with(Path::new(PROGRAM), &path, &self.variables())
    }
}

/// A configuration in which Livy and YARN are looked for.
fn written(stage: &Stage, lines: &[(&str, &str)]) -> PathBuf {
    let auto = stage.config().table("livy", "url = \"auto\"");
    let auto =
        Config { tables: auto.tables.into_iter().filter(|(table, _)| table != "yarn").collect(), ..auto };
    let auto = auto.table("yarn", "url = \"auto\"");
    let config = lines.iter().fold(auto, |config, (table, lines)| config.table(table, lines));
    let path = stage.directory.path().join("config.toml");
    std::fs::write(&path, config.text()).expect("written");
    path
}

/// A job that Livy calls a success and YARN a failure.
async fn misjudged(stage: &Stage, worker: &Worker) -> (String, serde_json::Value) {
    let task = stage.task();
    stage.submitted("etl-").await;
    worker.logged("runs as application_");
    // Some sweeps long it is just followed.
    stage.yarn().wait_for(|yarn| yarn.count("GET /apps") >= 4, None).await;
    let id = stage.livy.applications()[0].id.clone().expect("an id");
    stage.yarn().set(&id, "FINISHED", "FAILED");
    stage.livy.misjudge("etl-", "success");
    stage.failure(&task).await
}

#[tokio::test]
async fn livy_and_yarn_of_a_single_node_are_where_its_files_say() {
    let stage = Stage::with_yarn().await;
    let node = Node::new(&stage);
    node.livy(stage.livy.address(), "");
    node.yarn(&[
        ("yarn.resourcemanager.hostname", "127.0.0.1"),
        (
            "yarn.resourcemanager.webapp.address",
            &format!("${{yarn.resourcemanager.hostname}}:{}", stage.yarn().address().port()),
        ),
    ]);
    let worker = node.worker(&stage, &[]);
    assert_eq!(stage.output(&stage.task()).await["verdictSource"], "yarn");
    let directory = node.0.display();
    worker.logged(&format!("Livy is asked at {} ({directory}/livy.conf)", stage.livy.url()));
    worker.logged(&format!(
        "YARN is asked at {} (yarn.resourcemanager.webapp.address in {directory}/yarn-site.xml)",
        stage.yarn().url()
    ));
}

#[tokio::test]
async fn without_files_livy_and_yarn_are_where_they_always_were() {
    let stage = Stage::new().await;
    let node = Node::new(&stage);
    let path = written(&stage, &[]);
    let (code, text) = said(&["check", "--config", path.to_str().expect("UTF-8")], &node.variables());
    assert_eq!(code, Some(0), "{text}");
    for line in [
        format!(
            "submits to Livy at http://localhost:8998 (the default, as there is no {}/livy.conf)",
            node.0.display()
        ),
        format!(
            "asks YARN at http://localhost:8088 (the default, as there is no {}/yarn-site.xml)",
            node.0.display()
        ),
    ] {
        assert!(text.contains(&line), "{line:?} is not in {text}");
    }
}

#[tokio::test]
async fn files_that_change_after_the_start_are_looked_at_again() {
    let stage = Stage::with_yarn().await;
    let node = Node::new(&stage);
    let nowhere = Stage::with_yarn().await;
    nowhere.livy.down().await;
    nowhere.yarn().down().await;
    node.livy(nowhere.livy.address(), "");
    node.yarn(&[("yarn.resourcemanager.webapp.address", &nowhere.yarn().address().to_string())]);
    let worker = node.worker(&stage, &[]);
    worker.logged("Livy does not answer");
    let task = stage.task();
    node.livy(stage.livy.address(), "");
    node.yarn(&[("yarn.resourcemanager.webapp.address", &stage.yarn().address().to_string())]);
    assert_eq!(stage.output(&task).await["verdictSource"], "yarn");
}

#[tokio::test]
async fn the_livy_that_an_input_names_is_compared_with_the_one_that_was_found_last() {
    let stage = Stage::with_yarn().await;
    let node = Node::new(&stage);
    let before = Stage::new().await;
    before.livy.down().await;
    node.livy(before.livy.address(), "");
    node.yarn(&[("yarn.resourcemanager.webapp.address", &stage.yarn().address().to_string())]);
    let worker = node.worker(&stage, &[]);
    worker.logged(" started");
    worker.logged("Livy does not answer");
    node.livy(stage.livy.address(), "");
    let naming = |port: u16| {
        let input =
            json!({ "LivyHost": "127.0.0.1", "LivyPort": port, "Parameters": { "File": "s3://b/a.py" } });
        stage.schedule(&input.to_string())
    };
    let now = stage.livy.address().port();
    stage.output(&naming(now)).await;
    let (error, cause) = stage.failure(&naming(before.livy.address().port())).await;
    assert_eq!(error, "SparkJob.InvalidInput");
    assert!(cause.to_string().contains(&format!("leave the key out, or give {now}")), "{cause}");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_not_absent_and_nothing_is_polled_until_it_can() {
    let stage = Stage::with_yarn().await;
    let node = Node::new(&stage);
    // Root, who may run this, may read every file.
    std::fs::create_dir(node.0.join("livy.conf")).expect("made");
    node.yarn(&[("yarn.resourcemanager.webapp.address", &stage.yarn().address().to_string())]);
    let worker = node.worker(&stage, &[]);
    let task = stage.task();
    let line = worker.logged("the address of Livy is unknown");
    let file = node.0.join("livy.conf").display().to_string();
    for words in [
        format!("{file} exists but gives no usable address: not a file"),
        format!("sudo setfacl -m u:spark-job-worker:r {file}"),
        "or set url in [livy]".to_owned(),
    ] {
        assert!(
            line["message"].as_str().is_some_and(|said| said.contains(&words)),
            "{words:?} is not in {line}"
        );
    }
    assert!(line.to_string().contains(message_id::ADDRESS_UNKNOWN), "{line}");
    worker.logged("Livy cannot be used");
    assert_eq!(stage.sfn.polls(&stage.arn), 0);
    std::fs::remove_dir(&file).expect("removed");
    node.livy(stage.livy.address(), "");
    stage.output(&task).await;
}

#[tokio::test]
async fn a_file_that_is_no_configuration_of_yarns_is_told() {
    let stage = Stage::with_yarn().await;
    let node = Node::new(&stage);
    node.livy(stage.livy.address(), "");
    for (text, words) in [
        ("<configuration>", "it is not to be read as XML"),
        ("<!DOCTYPE c [<!ENTITY e \"127.0.0.1\">]><configuration/>", "it is not to be read as XML"),
        ("<html/>", "it has no <configuration>"),
    ] {
        std::fs::write(node.0.join("yarn-site.xml"), text).expect("written");
        let worker = node.worker(&stage, &[]);
        let line = worker.logged("the address of YARN is unknown");
        assert!(line["message"].as_str().is_some_and(|said| said.contains(words)), "{line}");
    }
}

#[tokio::test]
async fn of_three_primary_nodes_the_active_resource_manager_is_found_also_after_it_has_moved() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    let (one, two) = (Yarn::start(&stage.livy).await, Yarn::start(&stage.livy).await);
    for standby in [&one, &two] {
        standby.standby(&stage.yarn().url());
    }
    let node = Node::new(&stage);
    node.livy(stage.livy.address(), "");
    node.three([&one, &two, stage.yarn()]);
    let worker = node.worker(&stage, &[]);
    let task = stage.task();
    let name = stage.submitted("etl-").await;
    worker.logged("runs as application_");
    two.activate();
    stage.yarn().standby(&two.url());
    one.standby(&two.url());
    let id = stage.livy.applications()[0].id.clone().expect("an id");
    two.set(&id, "FINISHED", "SUCCEEDED");
    stage.livy.set_state(&name, "success");
    assert_eq!(stage.output(&task).await["verdictSource"], "yarn");
}

#[tokio::test]
async fn a_standby_alone_leads_to_the_active_one_which_judges_and_is_asked_from_then_on() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    let standby = Yarn::start(&stage.livy).await;
    standby.standby(&stage.yarn().url());
    let worker = stage.worker_with(&stage.config_of(&[&standby]));
    let (error, cause) = misjudged(&stage, &worker).await;
    assert_eq!((error.as_str(), &cause["verdictSource"]), ("SparkJob.Failed", &json!("yarn")));
    let asked = (standby.count("GET /apps"), stage.yarn().count("GET /apps"));
    assert!(asked.0 <= 2 && asked.1 > 2, "the standby is asked at first only: {asked:?}");
}

#[tokio::test]
async fn a_standby_alone_leads_to_the_active_one_for_a_kill_too() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    stage.livy.configure(|settings| settings.kill_fails = true);
    let standby = Yarn::start(&stage.livy).await;
    standby.standby(&stage.yarn().url());
    let worker = stage.worker_with(&stage.config_of(&[&standby]));
    let task = stage.task();
    stage.submitted("etl-").await;
    worker.logged("runs as application_");
    stage.sfn.stop(&task);
    worker.logged("is dead by YARN's word");
    assert!(!stage.yarn().kills().is_empty());
}

#[tokio::test]
async fn a_password_is_not_sent_to_the_server_that_a_standby_names() {
    let stage = Stage::with_yarn().await;
    let standby = Yarn::start(&stage.livy).await;
    standby.standby(&stage.yarn().url());
    standby.demand("worker", "hunter2");
    let password = stage.directory.path().join("password");
    std::fs::write(&password, "hunter2\n").expect("written");
    std::fs::set_permissions(&password, Permissions::from_mode(0o600)).expect("changed");
    let lines = format!("username = \"worker\"\npassword_file = \"{}\"", password.display());
    let _worker = stage.worker_with(&stage.config_of(&[&standby]).table("yarn", &lines));
    assert_eq!(stage.output(&stage.task()).await["verdictSource"], "yarn");
    let told = |yarn: &Yarn| yarn.calls().iter().any(|call| call.request.header("authorization").is_some());
    assert!(told(&standby) && !told(stage.yarn()));
}

#[tokio::test]
async fn a_fault_of_one_resource_manager_is_answered_by_the_next() {
    for fault in [
        Fault::html(500, "Internal Server Error"),
        Fault::html(503, "Service Unavailable"),
        Fault::html(200, "This is standby RM"),
        Fault::json(200, &json!({ "status": "ok" })),
        Fault::Truncated,
    ] {
        let stage = Stage::with_yarn().await;
        stage.livy.plan(Plan::running());
        let broken = Yarn::start(&stage.livy).await;
        let config = stage.config_of(&[&broken, stage.yarn()]);
        broken.fault_times("*", usize::MAX, fault);
        let worker = stage.worker_with(&config);
        let (error, cause) = misjudged(&stage, &worker).await;
        assert_eq!((error.as_str(), &cause["verdictSource"]), ("SparkJob.Failed", &json!("yarn")));
    }
}

#[tokio::test]
async fn encryption_in_transit_is_seen_in_the_files_and_no_password_of_theirs_is_shown() {
    let stage = Stage::with_yarn().await;
    let identity = Identity::recipe();
    stage.livy.secure(&identity);
    stage.yarn().secure(&identity);
    let node = Node::new(&stage);
    node.livy(
        stage.livy.address(),
        "livy.keystore = /etc/livy/conf/keystore.jks\nlivy.keystore.password = hunter2\nlivy.key-password = hunter2",
    );
    let address = stage.yarn().address().to_string();
    node.yarn(&[
        ("yarn.http.policy", "HTTPS_ONLY"),
        ("yarn.resourcemanager.webapp.address", "127.0.0.1:1"),
        ("yarn.resourcemanager.webapp.https.address", &address),
    ]);
    let pins: Vec<String> = Sha256::digest(identity.der()).iter().map(|byte| format!("{byte:02x}")).collect();
    let pin = format!("pinned_sha256 = \"{}\"", pins.concat());
    let worker = node.worker(&stage, &[("livy", &pin), ("yarn", &pin), ("log", "filter = \"trace\"")]);
    assert_eq!(stage.output(&stage.task()).await["verdictSource"], "yarn");
    worker.logged(&format!("Livy is asked at https://{}", stage.livy.address()));
    let log: String = worker.lines().iter().map(serde_json::Value::to_string).collect();
    assert!(!log.contains("hunter2"), "a keystore's password is in the log");
}

/// Livy is stopped, told to run drivers beside itself, and started.
async fn goes_over_to_client_mode(stage: &Stage, node: &Node, worker: &Worker) {
    stage.livy.down().await;
    worker.logged("Livy does not answer");
    node.livy(stage.livy.address(), "livy.spark.deploy-mode = client");
    stage.livy.up().await;
    worker.logged("Livy cannot be used: Livy runs drivers in YARN's client mode");
}

#[tokio::test]
async fn a_livy_that_comes_back_in_client_mode_gets_nothing_more_and_running_jobs_are_seen_to_their_end() {
    for yarn in [true, false] {
        let stage = if yarn { Stage::with_yarn().await } else { Stage::new().await };
        stage.livy.plan(Plan::running());
        stage.sfn.hold_polls(Duration::from_secs(10));
        let node = Node::new(&stage);
        node.livy(stage.livy.address(), "");
        // The node's files count for a Livy of this node that is configured, too.
        let path = stage.directory.path().join("config.toml");
        std::fs::write(&path, stage.config().table("livy", "patience = \"2s\"").text()).expect("written");
        let mut worker = Worker::start_with(Path::new(PROGRAM), &path, &node.variables());
        let task = stage.task();
        let name = stage.submitted("etl-").await;
        worker.logged("is batch 0 of Livy");
        stage.polling().await;
        let polls = stage.sfn.polls(&stage.arn);
        goes_over_to_client_mode(&stage, &node, &worker).await;
        // The open poll is heard, and what it brings goes to no such Livy.
        let late = stage.task();
        assert_eq!(stage.failure(&late).await.0, "SparkJob.LivyUnavailable");
        assert!(worker.is_running(), "a job runs");
        stage.livy.set_state(&name, "success");
        let source = if yarn { "yarn" } else { "livy" };
        assert_eq!(stage.output(&task).await["verdictSource"], source);
        assert_eq!(worker.ended().code(), Some(78));
        assert_eq!((stage.livy.posts().len(), stage.sfn.polls(&stage.arn)), (1, polls));
        assert_eq!(stage.sfn.ghosts(), 0, "no open poll was left");
    }
}

#[tokio::test]
async fn without_a_job_a_livy_that_comes_back_in_client_mode_ends_the_process_once_no_poll_is_open() {
    let stage = Stage::with_yarn().await;
    stage.sfn.hold_polls(Duration::from_secs(3));
    let node = Node::new(&stage);
    node.livy(stage.livy.address(), "");
    node.yarn(&[("yarn.resourcemanager.webapp.address", &stage.yarn().address().to_string())]);
    let mut worker = node.worker(&stage, &[]);
    stage.polling().await;
    goes_over_to_client_mode(&stage, &node, &worker).await;
    let polls = stage.sfn.polls(&stage.arn);
    assert_eq!((stage.sfn.open_polls(&stage.arn), worker.is_running()), (1, true));
    assert_eq!(worker.ended().code(), Some(78));
    assert_eq!((stage.sfn.polls(&stage.arn), stage.sfn.ghosts()), (polls, 0), "no open poll was left");
    worker.logged("livy.spark.deploy-mode = cluster");
}

#[tokio::test]
async fn a_task_that_comes_while_the_process_is_to_end_for_such_a_livy_is_answered_first() {
    let stage = Stage::with_yarn().await;
    stage.sfn.hold_polls(Duration::from_secs(20));
    let node = Node::new(&stage);
    node.livy(stage.livy.address(), "");
    let path = stage.directory.path().join("config.toml");
    std::fs::write(&path, stage.config().table("livy", "patience = \"2s\"").text()).expect("written");
    let mut worker = Worker::start_with(Path::new(PROGRAM), &path, &node.variables());
    stage.polling().await;
    goes_over_to_client_mode(&stage, &node, &worker).await;
    let late = stage.task();
    assert_eq!(stage.failure(&late).await.0, "SparkJob.LivyUnavailable");
    assert_eq!(worker.ended().code(), Some(78));
    assert_eq!((stage.livy.posts().len(), stage.sfn.ghosts()), (0, 0));
}

#[tokio::test]
async fn a_password_is_not_said_in_clear_to_another_node_that_was_found() {
    let stage = Stage::new().await;
    let node = Node::new(&stage);
    node.livy("10.255.0.1:8998".parse().expect("an address"), "");
    let password = stage.directory.path().join("password");
    std::fs::write(&password, "hunter2\n").expect("written");
    std::fs::set_permissions(&password, Permissions::from_mode(0o600)).expect("changed");
    let lines = format!("username = \"worker\"\npassword_file = \"{}\"", password.display());
    let worker = node.worker(&stage, &[("livy", &lines)]);
    let line = worker.logged("the address of Livy is unknown");
    let words = "a password goes over https or to this node only, and 10.255.0.1 is another";
    assert!(line["message"].as_str().is_some_and(|said| said.contains(words)), "{line}");
    worker.logged("Livy cannot be used");
    assert_eq!(stage.sfn.polls(&stage.arn), 0);
}

#[tokio::test]
async fn doctor_shows_for_each_address_where_it_comes_from() {
    let stage = Stage::with_yarn().await;
    let (one, two) = (Yarn::start(&stage.livy).await, Yarn::start(&stage.livy).await);
    for standby in [&one, &two] {
        standby.standby(&stage.yarn().url());
    }
    let node = Node::new(&stage);
    node.livy(stage.livy.address(), "");
    node.three([&one, &two, stage.yarn()]);
    let doctor = async |expected: Vec<(&str, &str, String)>| {
        let path = written(&stage, &[]).to_str().expect("UTF-8").to_owned();
        let directory = node.0.clone();
        let run = move || {
            let node = Node(directory);
            said(&["doctor", "--json", "--config", &path], &node.variables()).1
        };
        let text = tokio::task::spawn_blocking(run).await.expect("no panic");
        let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        for (check, status, words) in expected {
            let checks = report["checks"].as_array().expect("a list");
            let finding = checks.iter().find(|finding| finding["check"] == check).expect("a line");
            assert_eq!(finding["status"], status, "{finding}");
            let told = format!("{} {}", finding["found"], finding["fix"]);
            assert!(told.contains(&words), "{words:?} is not in {told}");
        }
    };
    let directory = node.0.display();
    doctor(vec![
        ("livy-address", "ok", format!("{} ({directory}/livy.conf)", stage.livy.url())),
        (
            "yarn-address",
            "ok",
            format!("{} (yarn.resourcemanager.webapp.address.rm1 in {directory}", one.url()),
        ),
        ("yarn-address", "ok", format!("used: {}", stage.yarn().url())),
        ("yarn", "ok", format!("{} answers", stage.yarn().url())),
    ])
    .await;
    std::fs::remove_file(node.0.join("livy.conf")).expect("removed");
    std::fs::create_dir(node.0.join("livy.conf")).expect("made");
    doctor(vec![
        ("livy-address", "fail", format!("sudo setfacl -m u:spark-job-worker:r {directory}/livy.conf")),
        ("livy", "skip", "see livy-address".to_owned()),
    ])
    .await;
}
