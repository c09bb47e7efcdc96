//! The page at `/`: what it shows before any script runs, that names stay text, and what it lets a browser do. How it
//! looks and behaves in a browser is asked in `tests/browser/`.

use std::time::{Duration, Instant};

use reqwest::{Client, Method, Response};
use serde_json::json;
use stand_ins::WaitFor;
use stand_ins::livy::Plan;
use stand_ins::worker::Worker;

use crate::admin::{endpoint, get, running};
use crate::harness::{Stage, text};
use crate::history::{ended, kept_before};

/// Ends what it stands in and begins something that runs, in an element, an attribute, a title, a comment and a script.
const HOSTILE: &str = "x\"' onclick='alert(1)'></td></title></script>--><img src=x onerror=alert(1)><script>alert(1)</script>\
                       &lt;b&gt;{main}\u{202e}";
/// The same in the page.
const SHOWN: &str = "x&quot;' onclick='alert(1)'&gt;&lt;/td&gt;&lt;/title&gt;&lt;/script&gt;--&gt;&lt;img src=x onerror=alert(1)&gt;\
                     &lt;script&gt;alert(1)&lt;/script&gt;&amp;lt;b&amp;gt;{main}\\u202e";
/// An execution as `$$.Execution.Id` names it.
const EXECUTION: &str = "arn:aws:states:eu-west-1:123456789012:execution:nightly:run-7";

async fn page(worker: &Worker) -> String {
    let (code, page) = get(&format!("{}/", endpoint(worker))).await;
    assert_eq!(code, 200);
    page
}

/// Waits until the page shows this.
async fn shows(worker: &Worker, part: &str) -> String {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let page = page(worker).await;
        if page.contains(part) {
            return page;
        }
        assert!(Instant::now() < end, "no {part} in\n{page}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Between the tags of each element of a kind.
fn each<'a>(page: &'a str, begins: &str) -> Vec<&'a str> {
    page.split(begins).skip(1).filter_map(|rest| rest.split("</tr>").next()).collect()
}

/// One script and one style, both from here, and nothing else that runs.
#[track_caller]
fn harmless(page: &str) {
    let count = |part: &str| page.to_lowercase().matches(part).count();
    assert_eq!((count("<script"), count("<script src=\"page.js\" defer></script>")), (1, 1), "{page}");
    assert_eq!((count("<link"), count("<style"), count(" style=")), (2, 0, 0), "{page}");
    for part in ["<img", "<iframe", "<object", "<form", "<base", "\"javascript:"] {
        assert_eq!(count(part), 0, "{part} in {page}");
    }
    let tags = page.split('<').skip(1).filter_map(|rest| rest.split('>').next());
    for tag in tags {
        assert!(!tag.contains(" on"), "<{tag}>");
    }
}

#[tokio::test]
async fn the_first_view_shows_each_task_with_its_links_and_what_the_services_say() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    let worker = stage.worker();
    let input = json!({ "Name": "etl", "File": "s3://bucket/etl.py", "Execution": EXECUTION });
    stage.schedule(&input.to_string());
    running(&stage, &worker).await;
    let id = stage.livy.live_applications()[0].id.clone().expect("YARN gives ids");
    stage.yarn().cost(&id, 3_686_400, 7_200);
    let page = shows(&worker, ">1 GiB·h <").await;
    harmless(&page);
    assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">"), "{page}");
    assert!(page.contains("Polling; 1 task (1 Running); etl-"), "{page}");
    let rows = each(&page, "<tr data-key=\"task-");
    assert_eq!(rows.len(), 1, "{page}");
    let console =
        "https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/";
    let yarn = stage.yarn().url();
    for part in [
        &format!("<a href=\"{console}{EXECUTION}\">run-7</a>"),
        &format!("<a href=\"{yarn}/cluster/app/{id}\">{id}</a>"),
        "/node/containerlogs/container_",
        "aria-label=\"log of the driver of etl\"",
        "Running",
        "<progress",
        "10 %",
        ">1 GiB·h <small>2 vcore·h</small><",
    ] {
        assert!(rows[0].contains(part), "no {part} in {}", rows[0]);
    }
    for part in [&yarn, &stage.livy.url(), &stage.config().state.display().to_string(), "spark-job"] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    stage.livy.down().await;
    let page = shows(&worker, "Waiting for Livy at").await;
    assert!(page.contains("Livy does not answer (") && page.contains("<title>Not well"), "{page}");
}

#[tokio::test]
async fn finished_tasks_stand_there_with_error_and_root_cause_the_last_first() {
    let stage = Stage::new().await;
    kept_before(&stage, 199);
    stage.livy.plan(Plan::ends("dead").diagnostics(["User class threw exception: a.B: no such rate: 99"]));
    let worker = stage.worker();
    let input = json!({ "Name": "etl", "File": "s3://bucket/etl.py", "Execution": EXECUTION });
    stage.failure(&stage.schedule(&input.to_string())).await;
    ended(&stage, &worker, 200).await;
    let page = page(&worker).await;
    let rows = each(&page, "<tr data-key=\"finished-");
    assert_eq!(rows.len(), 200);
    assert!(rows[0].contains("Failed") && rows[0].contains("a.B: no such rate: 99"), "{}", rows[0]);
    assert!(rows[0].contains(EXECUTION) && rows[1].contains("succeeded"), "{} {}", rows[0], rows[1]);
    assert!(page.len() < 150_000, "{} bytes", page.len());
}

#[tokio::test]
async fn what_others_have_named_is_text_in_the_page_wherever_it_stands() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    stage.livy.plan_for(
        "bad",
        Plan::ends("dead").diagnostics([&format!("User class threw exception: a.B: {HOSTILE}")]),
    );
    let worker = stage.worker();
    let input = |name: &str| json!({ "Name": name, "File": "s3://b/a.py", "Execution": HOSTILE }).to_string();
    stage.failure(&stage.schedule(&input("bad"))).await;
    stage.schedule(&input("etl"));
    running(&stage, &worker).await;
    stage.strangers(HOSTILE, &format!("spark-job-worker,sjw-{HOSTILE}")).await;
    let page = shows(&worker, &format!("{SHOWN}, ")).await;
    harmless(&page);
    let [row, past] =
        ["<tr data-key=\"task-", "<tr data-key=\"finished-"].map(|begins| each(&page, begins)[0]);
    assert!(row.contains(SHOWN) && past.contains(&format!("a.B: {SHOWN}")), "{row} {past}");
    assert!(!page.contains('\u{202e}') && page.matches("</main>").count() == 1, "{page}");
}

#[tokio::test]
async fn of_many_tasks_the_oldest_are_shown_and_the_rest_is_counted() {
    let stage = Stage::with_yarn().await;
    stage.livy.plan(Plan::running());
    let config = stage
        .config()
        .activity("max_concurrent_jobs = 150\npollers = 10\nheartbeat_interval = \"3s\"")
        .table("livy", "max_concurrent_submits = 50");
    let worker = stage.worker_with(&config);
    stage.schedule(r#"{"Name":"first","File":"s3://b/a.py"}"#);
    let first = stage.submitted("first-").await;
    for _ in 0..103 {
        stage.task();
    }
    stage.livy.wait_for(|livy| livy.live_applications().len() == 104, None).await;
    let page = shows(&worker, "Tasks <small>100 of 104").await;
    let rows = each(&page, "<tr data-key=\"task-");
    assert_eq!(rows.len(), 100);
    assert!(rows[0].contains(first.trim_start_matches("first-")), "{}", rows[0]);
    let (_, status) = get(&format!("{}/status", endpoint(&worker))).await;
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(status["tasks"].as_array().map(Vec::len), Some(104));
}

#[tokio::test]
async fn a_browser_may_load_what_is_from_here_and_nothing_else() {
    let stage = Stage::new().await;
    let worker = stage.worker();
    let url = endpoint(&worker);
    let client = Client::new();
    let ask = async |method: Method, path: &str| -> Response {
        client.request(method, format!("{url}{path}")).send().await.expect("an answer")
    };
    let header = |response: &Response, name: &str| -> String {
        let value = response.headers().get(name).unwrap_or_else(|| panic!("no {name} at {}", response.url()));
        value.to_str().expect("ASCII").to_owned()
    };
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/page.js", "text/javascript; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
        ("/status", "application/json"),
        ("/history", "application/json"),
        ("/healthz", "text/plain; charset=utf-8"),
        ("/nothing", "text/plain; charset=utf-8"),
    ] {
        let response = ask(Method::GET, path).await;
        assert_eq!(header(&response, "content-type"), kind);
        assert_eq!(
            header(&response, "content-security-policy"),
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        assert_eq!(header(&response, "referrer-policy"), "no-referrer");
        assert_eq!(header(&response, "cache-control"), "no-store");
        let code = response.status();
        let body = response.text().await.expect("a text");
        let without = ask(Method::HEAD, path).await;
        assert_eq!(without.status(), code);
        assert_eq!(header(&without, "content-length").is_empty(), body.is_empty());
        assert_eq!(without.text().await.expect("a text"), "");
        assert_eq!(ask(Method::POST, path).await.status().as_u16(), 405);
        let rebound = client.get(format!("{url}{path}")).header("host", "rebound.example.org").send().await;
        assert_eq!(rebound.expect("an answer").status().as_u16(), 403);
    }
    for path in ["/page.js", "/page.css"] {
        let (_, body) = get(&format!("{url}{path}")).await;
        assert!(!body.contains("http:") && !body.contains("https:"), "{path} names an address");
        assert!(body.len() < 12_000, "{path} has {} bytes", body.len());
    }
    let (_, script) = get(&format!("{url}/page.js")).await;
    for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "setHTML"] {
        assert!(!script.contains(way), "{way}");
    }
    let (_, page) = get(&format!("{url}/")).await;
    harmless(&page);
    assert!(page.contains("No task is held") && page.contains("No task has ended"), "{page}");
    assert!(text(&json!(page)).contains("Polling; no tasks"));
}
