//! Inputs as the service delivers them: good ones run, wrong ones fail with every problem at once.

use serde_json::{Value, json};
use stand_ins::livy::{Master, Version};

use crate::harness::{Stage, text};

#[tokio::test]
async fn malformed_and_wrong_inputs_fail_at_once_with_every_problem() {
    let stage = Stage::new().await;
    let worker = stage.worker();
    let cases = [
        ("{\"File\": ", "$"),
        ("\"x\"", "$"),
        ("[]", "$"),
        ("", "$"),
        (r#"{"File":"s3://b/a.py","NumExecuters":2}"#, "NumExecutors"),
        (r#"{"File":"s3://b/a.py","NumExecutors":"abc"}"#, "$.NumExecutors"),
        (r#"{"File":"s3://b/a.py","Args":[{}]}"#, "$.Args[0]"),
        (r#"{"File":"s3://b/a.py","DriverMemory":7}"#, "$.DriverMemory"),
        (r#"{"File":"s3://b/a.py","Args":["`id`"]}"#, "base64"),
        (r#"{"File":"s3://b/a b.py"}"#, "holds a blank"),
        (r#"{"File":"s3://b/a.py","Conf":{" spark.master":"local"}}"#, "blanks around it"),
        (r#"{"File":"s3://b/a.py","Conf":{"spark.master":"local"}}"#, "spark.master"),
        (r#"{"File":"s3://b/a.py","LivyHost":"elsewhere.example"}"#, "$.LivyHost"),
        (r#"{"ClassName":"a.B"}"#, "$.File"),
    ];
    for (input, part) in cases {
        let (error, cause) = stage.failure(&stage.schedule(input)).await;
        assert_eq!(error, "SparkJob.InvalidInput", "{input}");
        assert!(text(&cause["message"]).contains(part), "{input}: {cause}");
    }
    let (_, cause) = stage.failure(&stage.schedule(r#"{"NumExecutors":-1,"Bogus":1,"Args":[null]}"#)).await;
    for part in ["$.NumExecutors", "$.Bogus", "$.Args[0]", "$.File"] {
        assert!(text(&cause["message"]).contains(part), "{part} is missing: {cause}");
    }
    assert!(stage.livy.posts().is_empty(), "no request was made");
    drop(worker);
}

#[tokio::test]
async fn a_megabyte_in_many_properties_reaches_livy_whole_and_in_one_argument_is_refused() {
    let stage = Stage::with(Version::V0_8, Master::Yarn).await;
    let _worker = stage.worker();
    let conf: serde_json::Map<String, Value> =
        (0..9).map(|n| (format!("spark.n{n}"), n.to_string().repeat(110_000).into())).collect();
    let arguments = vec!["abc"; 10_000];
    let whole = json!({"Name": "big", "File": "s3://b/a.py", "Args": arguments, "Conf": conf}).to_string();
    assert!(whole.len() > 990_000);
    stage.output(&stage.schedule(&whole)).await;
    let body = &stage.livy.posts_named("big-")[0].body;
    assert_eq!(body["args"], json!(arguments));
    assert_eq!(body["conf"]["spark.n8"], conf["spark.n8"]);
    let one = json!({"Name": "one", "File": "s3://b/a.py", "Args": ["x".repeat(1_000_000)]}).to_string();
    let (error, cause) = stage.failure(&stage.schedule(&one)).await;
    assert_eq!(error, "SparkJob.InvalidInput");
    assert!(text(&cause["message"]).contains("$.Args[0]"), "{cause}");
    assert!(stage.livy.posts_named("one-").is_empty());
}

#[tokio::test]
async fn the_flat_sample_runs_with_its_file_from_the_defaults() {
    let stage = Stage::new().await;
    let config =
        stage.config().activity("defaults = { File = \"s3://b/app.jar\", Conf = { \"spark.a\" = \"1\" } }");
    let _worker = stage.worker_with(&config);
    let input = r#"{"Name":"taxi","ClassName":"com.example.Taxi","NumExecutors":4,"DriverMemory":"2g",
        "ExecutorMemory":"4g","ExecutorCores":2,"Args":["a"]}"#;
    stage.output(&stage.schedule(input)).await;
    let body = &stage.livy.posts()[0].body;
    assert_eq!(body["file"], "s3://b/app.jar");
    assert_eq!(body["conf"]["spark.a"], "1");
}

#[tokio::test]
async fn the_old_workers_input_runs_unchanged() {
    let stage = Stage::new().await;
    let _worker = stage.worker();
    let port = stage.livy.address().port();
    let input = json!({
        "LivyHost": "localhost", "LivyPort": port.to_string(),
        "Parameters": {
            "File": "s3://b/app.jar", "ClassName": "com.example.Taxi", "Args": [1, true, 1.5], "NumExecutors": "4",
            "Configuration": {"spark.a": 1},
        },
    });
    stage.output(&stage.schedule(&input.to_string())).await;
    let body = &stage.livy.posts()[0].body;
    assert_eq!(body["args"], json!(["1", "true", "1.5"]));
    assert_eq!(body["conf"]["spark.a"], "1");
    assert_eq!(body["numExecutors"], 4);
}

#[tokio::test]
async fn an_alias_of_our_livy_is_ours_and_another_port_is_not() {
    let stage = Stage::new().await;
    let _worker = stage.worker_with(&stage.config().table("livy", "aliases = [\"livy.example.internal\"]"));
    let port = stage.livy.address().port();
    let input = |host: &str, port: u16| {
        json!({"LivyHost": host, "LivyPort": port, "Parameters": {"File": "s3://b/a.py"}}).to_string()
    };
    stage.output(&stage.schedule(&input("Livy.Example.Internal", port))).await;
    let (error, _) = stage.failure(&stage.schedule(&input("localhost", port ^ 1))).await;
    assert_eq!(error, "SparkJob.InvalidInput");
    assert_eq!(stage.livy.posts().len(), 1);
}

#[tokio::test]
async fn unicode_passes_through_unharmed_where_the_cluster_reads_it() {
    let stage = Stage::new().await;
    let _worker = stage.worker_with(&stage.config().table("yarn", "utf8 = true"));
    let input = json!({"Name": "Größe 🚖", "File": "s3://b/ä.py", "Args": ["🚖", "\u{7f}\n"]});
    stage.output(&stage.schedule(&input.to_string())).await;
    let post = &stage.livy.posts()[0];
    assert_eq!(post.body["args"], json!(["🚖", "\u{7f}\n"]));
    assert!(
        post.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
        "{}",
        post.name
    );
}

#[tokio::test]
async fn what_a_shell_would_change_is_rewritten_where_it_is_json_and_refused_elsewhere() {
    let stage = Stage::new().await;
    let _worker = stage.worker();
    let args = json!([r#"{"source":{"day":"größe `x`"}}"#, "{}", "$(id)", "c\\d"]);
    let input = json!({"Name": "json", "File": "s3://b/a.py", "Args": args, "NumExecutors": 0});
    stage.output(&stage.schedule(&input.to_string())).await;
    let body = &stage.livy.posts()[0].body;
    let sent = json!([r#"{"source":{"day":"gr\u00f6\u00dfe \u0060x\u0060"} }"#, "{}", "$(id)", "c\\d"]);
    assert_eq!(body["args"], sent);
    assert_eq!(body["numExecutors"], 0);

    let args = json!([
        r#"{"source":{"table":"trips"}}"#,
        "s3://bucket/{{ds}}/in",
        "select `fare`",
        "^\\\\d+$",
        "<LOG_DIR>/x",
        "größe",
        "x".repeat(70_000),
        "x".repeat(70_000),
    ]);
    let input = json!({"Name": "wrong", "File": "s3://b/a.py", "Args": args}).to_string();
    let (error, cause) = stage.failure(&stage.schedule(&input)).await;
    assert_eq!(error, "SparkJob.InvalidInput");
    let message = text(&cause["message"]);
    for at in 1..=5 {
        assert!(message.contains(&format!("$.Args[{at}]: holds ")), "{message}");
    }
    assert!(!message.contains("$.Args[0]") && !message.contains("trips"), "{message}");
    let input = json!({"Name": "wrong", "File": "s3://b/a.py", "Args": [args[6], args[7]]}).to_string();
    let (error, cause) = stage.failure(&stage.schedule(&input)).await;
    assert_eq!(error, "SparkJob.InvalidInput");
    assert!(text(&cause["message"]).contains("$.Args: takes 140018 bytes"), "{cause}");
    assert!(stage.livy.posts_named("wrong-").is_empty(), "nothing was posted");
}
