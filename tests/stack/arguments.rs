//! What a task says is what its job gets: arguments through a real Livy, Spark, YARN and shell.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::real::{On, Stage, control};

/// Plain texts, which arrive as they are.
const PLAIN: [&str; 25] = [
    "a b",
    "c'd",
    "e\"f",
    "''\"\"",
    "$HOME",
    "$(echo x)",
    "${HOME}",
    "$((1+1))",
    "!x",
    "a;b",
    "a&&b",
    "a|b>c",
    "*",
    "/e*c/?asswd",
    "~",
    "",
    "a\nb\n",
    "\ttab",
    "a\u{1}$b",
    "c\\d",
    "end\\",
    "{x}",
    "--arg",
    "#x",
    "<LOG>",
];

/// JSON, which arrives as the same value.
const JSON: [&str; 9] = [
    r#"{"a":1}"#,
    r#"{"source":{"table":"trips","where":{"day":"2026-11-24"}}}"#,
    r#"{"k":"{{x}}","`id -un`":["select `fare` from `trips`"]}"#,
    r#"["^\\d+\\.csv$","cost \\$HOME","a\\\nb","\\\\server\\share","\\`id`"]"#,
    r#"{"msg":"say \"hi\" to 'them'"}"#,
    r#"["<LOG_DIR>/x","a<CPS>b","<ADD_OPENS>"]"#,
    r#"{"größe":"日本 🚖"}"#,
    "[1.50, 1e3,\r\n -0.0, 12345678901234567890123]",
    r#"[{"a":{"b":{"c":{}}}}]"#,
];

/// What a shell would change, as a plain text.
const REFUSED: [&str; 12] = [
    "a `echo hi` b",
    "{{x}}",
    "x}}",
    "s3://bucket/{{ds}}/in",
    "a\\\\b",
    "x\\\"y",
    "cost \\$HOME",
    "a\\\nb",
    "\\\u{1}$(id)",
    "<LOG_DIR>/x",
    "a\rb",
    "ü",
];

#[tokio::test]
async fn arguments_arrive_in_python() {
    let stage = Stage::new(On::Yarn, "argspython").await;
    let found = job(&stage, "argspython", "arguments.py", &Value::Null, table(), json!({})).await;
    arrived(&found);
}

/// In four jobs, two at once: the table, a long argument of two kinds, and many short ones. How long they may be does not
/// depend on the language.
#[tokio::test]
async fn arguments_arrive_in_java_of_any_length() {
    let stage = Stage::new(On::Yarn, "argsjava").await;
    let quoted = vec!["0123456789'$\"".repeat(6_666)];
    let plain = vec!["x".repeat(120_000)];
    let many: Vec<String> = (0..10_000).map(|at| format!("{:03}", at % 1_000)).collect();
    let class = Value::from("Arguments");
    let run = |args: Value| job(&stage, "argsjava", "jobs.jar", &class, args, json!({}));
    let found = tokio::join!(run(table()), run(json!(quoted)));
    arrived(&found.0);
    assert_eq!(found.1, quoted);
    let found = tokio::join!(run(json!(plain)), run(json!(many)));
    assert_eq!(found, (plain, many));
}

fn table() -> Value {
    json!([&PLAIN[..], &JSON[..]].concat())
}

fn arrived(found: &[String]) {
    let table = [&PLAIN[..], &JSON[..]].concat();
    for (meant, found) in table.iter().zip(found) {
        let same = if JSON.contains(meant) { value(meant) == value(found) } else { meant == found };
        assert!(same, "{meant:?} arrived as {found:?}");
    }
    assert_eq!(found.len(), table.len());
}

#[tokio::test]
async fn arguments_that_would_not_arrive_never_reach_livy() {
    let stage = Stage::new(On::Yarn, "argsrefused").await;
    let execution = stage.run("argsrefused", "arguments.py", json!({ "Args": REFUSED })).await;
    let end = stage.ended(&execution).await;
    assert_eq!(end.error, "SparkJob.InvalidInput", "{end:?}");
    for at in 0..REFUSED.len() {
        assert!(end.cause.contains(&format!("$.Args[{at}]: holds ")), "{at}: {end:?}");
    }
    assert!(stage.batches("argsrefused-").await.is_empty());
}

#[tokio::test]
#[ignore = "slow: tests/stack/run --all"]
async fn letters_beyond_ascii_arrive_under_a_utf_8_locale() {
    let mut stage = Stage::new(On::Yarn, "argsutf8").await;
    stage.worker.kill();
    stage.restart_with(&[("SPARK_JOB_WORKER_YARN__UTF8", "true")]);
    let args = ["größe", "日本 🚖", r#"{"größe":"`日本`"}"#];
    // Under the POSIX locale the setting is wrong, and letters are lost.
    let run = async |locale: &str| {
        for server in ["livy-yarn", "nm"] {
            control(&["stop", server], &[]);
            control(&["start", server], &[("LANG", locale), ("LC_ALL", "")]);
        }
        job(&stage, "argsutf8", "arguments.py", &Value::Null, json!(args), json!({})).await
    };
    let posix = run("POSIX").await;
    let utf8 = run("C.UTF-8").await;
    for server in ["livy-yarn", "nm"] {
        control(&["stop", server], &[]);
        control(&["start", server], &[]);
    }
    assert!(posix[0].contains('?'), "{posix:?}");
    assert_eq!(utf8[..2], args[..2]);
    assert_eq!(value(&utf8[2]), value(args[2]));
}

#[tokio::test]
async fn java_options_and_the_environment_arrive_and_run_nothing() {
    let stage = Stage::new(On::Yarn, "argsconf").await;
    let conf = json!({
        "spark.driver.extraJavaOptions":
            r#"-Dx='a b' -Dy=$HOME;x -Dz="c\"d" -Xlog:gc:<LOG_DIR>/gc.log -Dlogin={{PWD}}/jaas.conf"#,
        "spark.yarn.appMasterEnv.SJW_TEST": "'a' ; & | > (x) $PWD {{PWD}}",
        "spark.driver.extraLibraryPath": "/opt/a b:$PWD/lib",
        "spark.driver.extraClassPath": "/opt/a b/*:{{PWD}}/x",
        "spark.network.timeout": "130s",
    });
    let found =
        job(&stage, "argsconf", "arguments.py", &Value::Null, json!(["a"]), json!({ "Conf": conf })).await;
    assert_eq!(found, ["a"]);
}

/// How many files jobs were given to write.
static FILES: AtomicUsize = AtomicUsize::new(0);

/// Runs the job that writes its arguments, and reads what it wrote.
async fn job(stage: &Stage, name: &str, file: &str, class: &Value, args: Value, more: Value) -> Vec<String> {
    let at = FILES.fetch_add(1, Ordering::Relaxed);
    let out = stage.directory.path().join(format!("arguments-{at}.json"));
    let mut all = vec![json!(out)];
    all.extend(args.as_array().cloned().unwrap_or_default());
    let mut more = more;
    more["Args"] = json!(all);
    more["ClassName"] = class.clone();
    let execution = stage.run(name, file, more).await;
    let end = stage.ended(&execution).await;
    assert_eq!(end.status, "SUCCEEDED", "{end:?}");
    let text = std::fs::read_to_string(&out).expect("the job wrote its arguments");
    serde_json::from_str(&text).expect("a list of texts")
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text:?}"))
}
