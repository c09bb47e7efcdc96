//! What `config/monitoring/` and the alarms of the CloudFormation template say of metrics, held to what the worker has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use spark_job_worker::job::report::ErrorName;
use stand_ins::livy::Plan;
use stand_ins::sqs::Sqs;

use crate::admin::{endpoint, get, running};
use crate::harness::Stage;
use crate::structure::root;

/// Everything that names metrics for somebody else's tool.
const FILES: [&str; 5] = [
    "config/monitoring/alerts.yml",
    "config/monitoring/alerts.test.yml",
    "config/monitoring/cloudwatch-agent.json",
    "config/monitoring/grafana-dashboard.json",
    "bootstrap/cloudformation.yaml",
];

#[tokio::test]
async fn what_watches_the_worker_names_only_metrics_and_labels_that_it_has() {
    let exported = exported().await;
    let mut watched = BTreeSet::new();
    for file in FILES {
        for name in names(&read(file)) {
            assert!(exported.contains_key(&name), "{file} names {name}, which the worker does not have");
            watched.insert(name);
        }
    }
    // And nothing that it has is forgotten: a histogram is shown by its buckets.
    for name in exported.keys() {
        let by_buckets = name.strip_suffix("_sum").or_else(|| name.strip_suffix("_count"));
        let shown = by_buckets.map_or(name.clone(), |name| format!("{name}_bucket"));
        assert!(watched.contains(&shown), "nothing watches {name}");
    }
    for declaration in declarations() {
        let dimensions = declaration["dimensions"][0].as_array().expect("dimensions");
        let dimensions: BTreeSet<String> =
            dimensions.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        for selector in declaration["metric_selectors"].as_array().expect("selectors") {
            let name = selector.as_str().expect("a pattern").trim_matches(['^', '$']);
            let mut labels = exported[name].clone();
            // The scrape configuration adds it.
            labels.insert("cluster".to_owned());
            assert_eq!(dimensions, labels, "{name}");
        }
    }
}

#[test]
fn errors_in_rules_and_alarms_are_errors_of_the_worker() {
    let known = ErrorName::ALL.map(ErrorName::as_str);
    for file in FILES {
        for part in read(file).split("SparkJob.").skip(1) {
            let end = part.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(part.len());
            let error = format!("SparkJob.{}", &part[..end]);
            assert!(known.contains(&error.as_str()), "{file} names {error}");
        }
    }
}

#[test]
fn alarms_ask_for_metrics_in_the_namespace_and_by_the_dimensions_in_which_they_are_sent() {
    let agent: Value = serde_json::from_str(&read("config/monitoring/cloudwatch-agent.json")).expect("JSON");
    let prometheus = &agent["logs"]["metrics_collected"]["prometheus"];
    let namespace = prometheus["emf_processor"]["metric_namespace"].as_str().expect("a namespace");
    let mut sent = BTreeMap::new();
    for declaration in declarations() {
        for selector in declaration["metric_selectors"].as_array().expect("selectors") {
            let name = selector.as_str().expect("a pattern").trim_matches(['^', '$']).to_owned();
            sent.insert(name, declaration["dimensions"][0].clone());
        }
    }
    let template = read("bootstrap/cloudformation.yaml");
    let lines: Vec<&str> = template.lines().map(str::trim).collect();
    let mut alarms = 0;
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = line.strip_prefix("MetricName: ").filter(|name| name.starts_with("sjw_")) else {
            continue;
        };
        alarms += 1;
        assert_eq!(lines[at - 1], format!("Namespace: {namespace}"), "{name}");
        let dimensions = lines[at + 1].strip_prefix("Dimensions: ").expect("dimensions");
        let dimensions: Vec<&str> =
            dimensions.split("{ Name: ").skip(1).filter_map(|rest| rest.split(',').next()).collect();
        assert_eq!(Value::from(dimensions), sent[name], "{name}");
    }
    assert!(alarms >= 4, "{alarms} alarms on the worker's own metrics");
}

#[test]
fn the_agent_is_given_both_configurations_with_the_clusters_name_and_goes_on_with_what_it_does() {
    let place = tempfile::tempdir().expect("a directory");
    let (archive, agent) = (place.path().join("archive"), place.path().join("agent"));
    for folder in [archive.clone(), agent.join("bin"), agent.join("etc")] {
        fs::create_dir_all(folder).expect("created");
    }
    // Flat, as in the release archive.
    for file in [
        "bootstrap/publish-metrics",
        "config/monitoring/prometheus.yml",
        "config/monitoring/cloudwatch-agent.json",
    ] {
        let name = Path::new(file).file_name().expect("a name");
        fs::copy(root().join(file), archive.join(name)).expect("copied");
    }
    let run = |arguments: &[&str]| {
        let mut program = Command::new("bash");
        program.arg(archive.join("publish-metrics")).args(arguments).env("SJW_CLOUDWATCH_AGENT", &agent);
        let output = program.output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let arguments = ["--cluster", "etl-1", "--log-group", "/emr/etl"];
    let (code, told) = run(&arguments);
    assert_eq!(code, Some(1));
    assert!(
        told.contains("there is no CloudWatch agent") && told.contains("AmazonCloudWatchAgent"),
        "{told}"
    );
    // It keeps what it is told and given: the file is gone afterwards.
    let control = agent.join("bin/amazon-cloudwatch-agent-ctl");
    let keeps = "#!/bin/sh\necho \"$@\" >\"$0.told\"\ncp \"${7#file:}\" \"$0.given\"\n";
    fs::write(&control, keeps).expect("written");
    fs::set_permissions(&control, fs::Permissions::from_mode(0o755)).expect("a program");
    for _ in 0..2 {
        assert_eq!(run(&arguments), (Some(0), String::new()));
        let told = fs::read_to_string(control.with_extension("told")).expect("told");
        assert!(told.starts_with("-a append-config -m ec2 -s -c file:"), "{told}");
        let given = fs::read_to_string(control.with_extension("given")).expect("given");
        let given: Value = serde_json::from_str(&given).expect("JSON");
        let given = &given["logs"]["metrics_collected"]["prometheus"];
        assert_eq!(given["log_group_name"], "/emr/etl");
        let scrape = given["prometheus_config_path"].as_str().expect("a path");
        assert!(Path::new(scrape).starts_with(&agent), "{scrape}");
        assert!(fs::read_to_string(scrape).expect("written").contains("cluster: 'etl-1'\n"));
    }
    for wrong in [&["--cluster", "a b"][..], &["--cluster"], &["--log-group", "x"], &["--else"]] {
        assert_eq!(run(wrong).0, Some(2), "{wrong:?}");
    }
}

/// The names of the samples that a worker has, with their labels.
async fn exported() -> BTreeMap<String, BTreeSet<String>> {
    let stage = Stage::with_yarn().await;
    // A task that stays, and Livy and YARN that have answered: what they have not said yet has no series.
    stage.livy.plan(Plan::running());
    let sqs = Sqs::start().await;
    let queue = format!("queue_url = '{}'\ntopic_arn = '{}'", sqs.queue_url(), stand_ins::sqs::TOPIC);
    let worker = stage.worker_with(&stage.config().table("[cloudformation]", &queue));
    let url = endpoint(&worker);
    stage.task();
    running(&stage, &worker).await;
    stage.polling().await;
    let (_, body) = get(&format!("{url}/metrics")).await;
    let mut found = BTreeMap::<String, BTreeSet<String>>::new();
    for line in body.lines().filter(|line| !line.starts_with('#')) {
        let end = line.find(['{', ' ']).expect("a sample");
        let labels = line[end..].split("=\"").map(|part| part.rsplit(['{', ',']).next().unwrap_or_default());
        let labels: Vec<String> = labels.map(str::to_owned).collect();
        let labels = labels[..labels.len() - 1].iter().cloned();
        found.entry(line[..end].to_owned()).or_default().extend(labels);
    }
    found
}

fn declarations() -> Vec<Value> {
    let agent: Value = serde_json::from_str(&read("config/monitoring/cloudwatch-agent.json")).expect("JSON");
    let processor = &agent["logs"]["metrics_collected"]["prometheus"]["emf_processor"];
    processor["metric_declaration"].as_array().expect("declarations").clone()
}

/// Every metric of the worker that a text names.
fn names(text: &str) -> BTreeSet<String> {
    let parts = text.split("sjw_").skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(rest.len());
        format!("sjw_{}", &rest[..end])
    });
    parts.collect()
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}
