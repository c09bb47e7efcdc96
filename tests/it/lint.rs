//! `lint` as a command, and the state machines and templates that this repository ships.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use spark_job_worker::config;
use spark_job_worker::job::report::{ErrorName, Retry};
use spark_job_worker::lint::{self as rules, Level};

use crate::harness::PROGRAM;

/// The activity of the shipped configuration, of the README and of every example.
const ARN: &str = "arn:aws:states:us-east-1:123456789012:activity:spark-job";

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Exit code, standard output, standard error.
type Ended = (Option<i32>, String, String);

fn lint(arguments: &[&str], input: &str) -> Ended {
    let mut command = Command::new(PROGRAM);
    command.arg("lint").args(arguments);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // A program that ends before it has read everything closes the pipe.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let ended = child.wait_with_output().expect("the program ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (ended.status.code(), text(ended.stdout), text(ended.stderr))
}

/// With the shipped configuration.
fn configured(arguments: &[&str], input: &str) -> Ended {
    let shipped = root("config/spark-job-worker.toml");
    let shipped = shipped.to_str().expect("UTF-8");
    lint(&[arguments, &["--config", shipped]].concat(), input)
}

fn examples() -> Vec<PathBuf> {
    let files = std::fs::read_dir(root("config/state-machines")).expect("the examples");
    let files = files.map(|file| file.expect("a file").path());
    let mut files: Vec<_> = files.filter(|file| file.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    files
}

fn one_job() -> Value {
    serde_json::from_str(&read(&root("config/state-machines/one-job.asl.json"))).expect("JSON")
}

#[test]
fn every_example_is_good_without_a_warning() {
    assert!(examples().len() >= 7, "{:?}", examples());
    for example in examples() {
        let path = example.to_str().expect("UTF-8");
        let (code, out, err) = configured(&[path, "--strict"], "");
        assert_eq!((code, out.trim(), err.as_str()), (Some(0), format!("{path} is good").as_str(), ""));
    }
}

#[test]
fn every_example_is_described() {
    let described = read(&root("config/state-machines/README.md"));
    let readme = read(&root("config/README.md"));
    for example in examples() {
        let name = example.file_name().and_then(|name| name.to_str()).expect("UTF-8");
        assert!(described.contains(&format!("`{name}`")), "{name} is not in config/state-machines/README.md");
        assert!(readme.contains(&format!("`{name}`")), "{name} is not in config/README.md");
    }
}

#[test]
fn the_state_machines_in_the_readmes_are_good() {
    let mut found = 0;
    for readme in ["README.md", "config/README.md", "config/state-machines/README.md"] {
        for block in read(&root(readme)).split("```json\n").skip(1) {
            let text = block.split("```").next().unwrap_or_default();
            if text.contains("\"StartAt\"") && text.contains(":activity:") {
                let (code, out, err) = configured(&["-", "--strict"], text);
                assert_eq!(code, Some(0), "{out}{err}");
                found += 1;
            }
        }
    }
    assert!(found >= 1);
}

#[test]
fn each_finding_is_a_line_and_errors_end_with_1() {
    let mut definition = one_job();
    let task = &mut definition["States"]["Etl"];
    task["Resource"] = json!("arn:aws:states:eu-west-1:123456789012:activity:spark-job");
    task["Parameters"]["NumExecuters"] = json!(4);
    task["HeartbeatSeconds"] = json!(30);
    task["Catch"][0]["ErrorEquals"] = json!(["SparkJob.Faild"]);
    task["Retry"] = json!([]);
    let (code, out, err) = configured(&["-"], &definition.to_string());
    let expected = [
        format!("$.States.Etl.Resource: error: this worker does not poll that activity; did you mean {ARN}?"),
        "$.States.Etl.Parameters.NumExecuters: error: unknown key; did you mean `NumExecutors`?".to_owned(),
        "$.States.Etl.HeartbeatSeconds: error: 30 is less than three times the worker's heartbeat_interval of \
         20s; make it 60 or more"
            .to_owned(),
        "$.States.Etl: warning: has no Retry: what passes by itself fails the execution; retry \
         SparkJob.NodeLost, SparkJob.LivyUnavailable, SparkJob.ClusterTerminating, SparkJob.WorkerFault, States.Timeout, \
         States.HeartbeatTimeout"
            .to_owned(),
        "$.States.Etl.Catch[0].ErrorEquals[0]: error: no task of this worker fails with `SparkJob.Faild`; \
         did you mean `SparkJob.Failed`?"
            .to_owned(),
        "-: 4 errors, 1 warning".to_owned(),
    ];
    assert_eq!(out.lines().collect::<Vec<_>>(), expected);
    assert_eq!((code, err.as_str()), (Some(1), ""));
}

#[test]
fn a_warning_fails_only_where_it_shall() {
    let mut definition = one_job();
    definition["States"]["Etl"].as_object_mut().expect("an object").remove("TimeoutSeconds");
    let text = definition.to_string();
    let (code, out, _) = configured(&["-"], &text);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("$.States.Etl: warning: has no TimeoutSeconds"), "{out}");
    assert!(out.ends_with("-: 0 errors, 1 warning\n"), "{out}");
    assert_eq!(configured(&["-", "--strict"], &text).0, Some(1));
}

#[test]
fn without_a_configuration_a_note_says_what_was_assumed() {
    if Path::new(config::PATH).exists() {
        println!("this machine has {}, so nothing can be seen here", config::PATH);
        return;
    }
    let (code, out, _) = lint(&["-", "--strict"], &one_job().to_string());
    assert_eq!(code, Some(0), "{out}");
    assert!(out.starts_with("$: note: without a configuration"), "{out}");
    assert!(out.ends_with("- is good\n"), "{out}");
}

#[test]
fn what_cannot_be_read_is_no_state_machine() {
    let (code, out, err) = configured(&["-"], "{");
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.starts_with("- is not JSON: "), "{err}");
    let (code, _, err) = configured(&["/nowhere/at.all"], "");
    assert_eq!(code, Some(1));
    assert!(err.starts_with("/nowhere/at.all cannot be read: "), "{err}");
    assert_eq!(configured(&[], "").0, Some(2), "usage");
    let (code, _, err) = lint(&["-", "--config", "/nowhere/config.toml"], &one_job().to_string());
    assert_eq!(code, Some(78), "a configuration that was named must be there: {err}");
}

/// Where the definitions are that Step Functions takes.
const ACCEPTED: &str = "tests/fixtures/lint/accepted";

fn accepted() -> Vec<(String, String)> {
    let files =
        std::fs::read_dir(root(ACCEPTED)).expect("the fixtures").map(|file| file.expect("a file").path());
    let files = files.filter(|file| file.extension().is_some_and(|end| end == "json"));
    files
        .map(|file| (file.file_name().expect("a name").to_string_lossy().into_owned(), read(&file)))
        .collect()
}

#[test]
fn nothing_that_step_functions_accepts_is_an_error() {
    let all = accepted();
    assert!(all.len() >= 60, "{}", all.len());
    let index = read(&root(ACCEPTED).join("README.md"));
    for (name, text) in &all {
        let definition: Value = serde_json::from_str(text).expect("JSON");
        let said = definition["Comment"].as_str().unwrap_or_default();
        let has_source = said.contains("https://") || said.contains("github.com/");
        assert!(has_source || index.contains(&format!("`{name}`")), "who says that {name} is accepted?");
        let found = rules::lint(&definition, None, false);
        let errors: Vec<_> = found.iter().filter(|found| found.level == Level::Error).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
    let directory = root(ACCEPTED);
    let (code, out, err) = configured(&[directory.to_str().expect("UTF-8")], "");
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(!out.contains(": error: "), "{out}");
    assert!(
        out.lines().last().is_some_and(|last| last.starts_with(&format!("{} files: 0 errors, ", all.len())))
    );
}

/// Every type of state, the fields that matter, and what values there are beside.
const TYPES: &str = "Task Pass Wait Choice Succeed Fail Parallel Map";
const FIELDS: &str = "Arguments Assign BackoffRate Branches Catch Condition Credentials Default ErrorPath ExecutionType \
                      HeartbeatSecondsPath InputPath ItemBatcher ItemProcessor ItemReader ItemSelector Items ItemsPath \
                      Iterator JitterStrategy Label MaxConcurrency MaxConcurrencyPath MaxDelaySeconds Output OutputPath \
                      Parameters ProcessorConfig QueryLanguage ResultPath ResultSelector ResultWriter TimeoutSecondsPath \
                      Timestamp ToleratedFailureCount ToleratedFailurePercentage Version WriterConfig";
const VALUES: &str = ".sync\" .sync:2\" .waitForTaskToken\" :::http:invoke :::aws-sdk: States.Http.StatusCode. States.Http.Socket \
                      \"JSONata\" \"JSONPath\" \"DISTRIBUTED\" \"INLINE\" \"EXPRESS\" \"Fn::GetAtt\" \"Ref\" ${ $$.Task.Token \
                      stateMachine:child:7 stateMachine:child:PROD States.JsonMerge( States.MathRandom( States.UUID(";

#[test]
fn what_is_accepted_has_everything_that_the_language_has() {
    let all: String = accepted().into_iter().map(|(_, text)| text).collect();
    let types = TYPES.split(' ').map(|kind| format!("\"Type\": \"{kind}\""));
    let fields = FIELDS.split(' ').map(|field| format!("\"{field}\":"));
    let values = VALUES.split(' ').map(str::to_owned);
    for part in types.chain(fields).chain(values) {
        assert!(all.contains(&part), "no definition has {part}");
    }
}

#[test]
fn several_files_and_directories_are_checked_in_one_call() {
    let directory = tempfile::tempdir().expect("a directory");
    let place = |name: &str| directory.path().join(name).to_str().expect("UTF-8").to_owned();
    let write = |name: &str, text: &str| std::fs::write(place(name), text).expect("written");
    let mut bad = one_job();
    bad["States"]["Etl"]["HeartbeatSeconds"] = json!(30);
    std::fs::create_dir_all(place("deep/er")).expect("made");
    std::fs::create_dir_all(place(".hidden")).expect("made");
    write("deep/er/bad.asl.json", &bad.to_string());
    write("good.json", &one_job().to_string());
    write("package.json", "{\"name\": \"x\"}");
    write("notes.txt", "{");
    let job = "{Type: 'Custom::SparkJob', Properties: {ServiceToken: !Ref T, Fle: 's3://b/x.py'}}";
    write("jobs.yaml", &format!("Resources:\n  Etl: {job}\n"));
    write("topic.template", "Resources:\n  T: {Type: 'AWS::SNS::Topic'}\n");
    write(".hidden/x.json", "{");
    let (code, out, err) = configured(&[&place("")], "");
    assert_eq!((code, err.as_str()), (Some(1), ""), "{out}");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(
        lines,
        [
            format!(
                "{0}: $.States.Etl.HeartbeatSeconds: error: 30 is less than three times the worker's heartbeat_interval \
                 of 20s; make it 60 or more",
                place("deep/er/bad.asl.json")
            ),
            format!("{}: 1 error, 0 warnings", place("deep/er/bad.asl.json")),
            format!("{} is good", place("good.json")),
            format!(
                "{}: $.Resources.Etl.Properties.Fle: error: unknown key; did you mean `File`?",
                place("jobs.yaml")
            ),
            format!("{}: 1 error, 0 warnings", place("jobs.yaml")),
            format!("{} has neither a state machine nor a Custom::SparkJob", place("package.json")),
            format!("{} has neither a state machine nor a Custom::SparkJob", place("topic.template")),
            "3 files: 2 errors, 0 warnings".to_owned(),
        ]
    );
    // What is named itself is looked at, whatever it is, and what cannot be read keeps nothing else from being read.
    let (code, out, err) = configured(
        &[&place("package.json"), &place("none.json"), &place("notes.txt"), &place("good.json")],
        "",
    );
    assert_eq!(code, Some(1));
    assert!(out.contains("package.json: $: error: has no States"), "{out}");
    assert!(out.contains(&format!("{} is good", place("good.json"))), "{out}");
    assert!(out.ends_with("2 files: 2 errors, 1 warning, 2 not read\n"), "{out}");
    assert!(err.contains("none.json cannot be read: ") && err.contains("notes.txt is not JSON: "), "{err}");
    let (code, _, _) = configured(&[&place("good.json"), &place("good.json")], "");
    assert_eq!(code, Some(0));
    std::fs::create_dir(place("empty")).expect("made");
    let (code, _, err) = configured(&[&place("empty")], "");
    assert_eq!(code, Some(1));
    assert!(err.contains("has no *.json, *.yaml, *.yml or *.template in it"), "{err}");
}

#[test]
fn a_template_is_read_from_standard_input_in_either_syntax() {
    let shipped = read(&root("bootstrap/cloudformation-jobs.yaml"));
    let (code, out, _) = lint(&["-", "--strict"], &shipped);
    assert_eq!((code, out.as_str()), (Some(0), "- is good\n"));
    let wrong = json!({ "Resources": { "Etl": { "Type": "Custom::SparkJob",
        "Properties": { "ServiceToken": { "Ref": "T" }, "File": "s3://b/x.py", "WaitFor": "DONE" } } } });
    let (code, out, _) = lint(&["-"], &wrong.to_string());
    assert_eq!(code, Some(1));
    assert!(out.starts_with("$.Resources.Etl.Properties.WaitFor: error: expected one of SUBMITTED"), "{out}");
    let (code, _, err) = lint(&["-"], "Resources: [");
    assert_eq!(code, Some(1));
    assert!(err.starts_with("- is not YAML: "), "{err}");
}

#[test]
fn the_template_has_the_example_and_the_policy() {
    let template = read(&root("bootstrap/cloudformation.yaml"));
    let (_, rest) = template.split_once("DefinitionString: !Sub |\n").expect("a definition");
    let definition: String =
        rest.lines().take_while(|line| line.starts_with("        ")).collect::<Vec<_>>().join("\n");
    let definition = definition.replace("${Activity}", ARN).replace("${Bucket}", "bucket");
    assert_eq!(serde_json::from_str::<Value>(&definition).expect("JSON"), one_job());
    let policy: Value = serde_json::from_str(&read(&root("bootstrap/iam-policy.json"))).expect("JSON");
    let actions = |text: &str| -> BTreeSet<String> {
        let word = |rest: &str| rest.chars().take_while(char::is_ascii_alphabetic).collect::<String>();
        text.split("states:").skip(1).map(word).filter(|word| !word.is_empty()).collect()
    };
    let (_, of_the_worker) = template.split_once("WorkerPolicy:").expect("a policy");
    let (of_the_worker, _) = of_the_worker.split_once("InstanceRole:").expect("a role");
    let of_the_policy = actions(&policy["Statement"].to_string().replace("arn:aws:states:", ""));
    assert_eq!(actions(of_the_worker), of_the_policy);
    assert_eq!(of_the_policy.len(), 5, "{of_the_policy:?}");
}

#[test]
fn every_name_of_an_error_is_in_the_list_and_the_readme_says_the_same_of_it() {
    let source = read(&root("src/job/report/error.rs"));
    let written = source.split('"').filter(|text| text.starts_with("SparkJob."));
    let listed = ErrorName::ALL.into_iter().chain(ErrorName::OF_DOCUMENTS).map(ErrorName::as_str);
    assert_eq!(written.collect::<Vec<_>>(), listed.collect::<Vec<_>>());
    let readme = read(&root("config/README.md"));
    for name in ErrorName::ALL {
        let row = readme.lines().find(|line| line.starts_with(&format!("| `{}` |", name.as_str())));
        let worth = row.and_then(|row| row.split('|').nth(3)).expect("a row").trim();
        let expected = match name.retry() {
            Retry::Yes => "yes",
            Retry::ByChoice => "by choice",
            Retry::No => "no",
        };
        assert!(worth.starts_with(expected), "{}: {worth}", name.as_str());
    }
}
