//! Cases about statements.

use std::sync::Arc;

use serde_json::json;

use super::Peer;

pub(super) async fn statements_are_numbered_and_echoed(peer: Arc<Peer>) {
    let name = peer.idle().await;
    let path = format!("/sessions/{name}/statements");
    for (number, code, echo) in [
        (0, "# sjw-0123 1\n21 * 2", "# sjw-0123 1\n21 * 2"),
        (1, "a = 1\r\na + 1", "a = 1\na + 1"),
        (2, "print('x')", "print('x')"),
    ] {
        let missing = peer.get(&format!("{path}/{number}")).await;
        assert_eq!((missing.status, missing.json()), (404, json!("Statement not found")), "{missing:?}");
        let reply = peer.post(&path, &json!({ "code": code })).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        assert!(reply.header("location").ends_with(&format!("/statements/{number}")), "{reply:?}");
        let view = reply.json();
        assert_eq!((&view["id"], &view["code"]), (&json!(number), &json!(echo)));
        let known = ["waiting", "running", "available"];
        assert!(known.contains(&view["state"].as_str().unwrap_or_default()), "{view}");
    }
    let said = peer.run(&name, "a + 41").await;
    assert_eq!(said, json!({ "status": "ok", "execution_count": 3, "data": { "text/plain": "42" } }));
    // Later ones change nothing of the earlier.
    let first = peer.get(&format!("{path}/0")).await.json();
    assert_eq!(
        (&first["state"], &first["output"]["data"]["text/plain"]),
        (&json!("available"), &json!("42"))
    );
    peer.ends(&name).await;
}

pub(super) async fn errors_have_a_name_a_value_and_a_traceback(peer: Arc<Peer>) {
    let name = peer.idle().await;
    for (code, ename, evalue) in [
        ("1 / 0", "ZeroDivisionError", "division by zero"),
        ("def f(:\n  pass", "SyntaxError", "invalid syntax"),
        ("import sys; sys.exit(0)", "SystemExit", "0"),
        ("%nosuchmagic x", "UnknownMagic", "unknown magic command 'nosuchmagic'"),
    ] {
        let said = peer.run(&name, code).await;
        assert_eq!((&said["status"], &said["ename"]), (&json!("error"), &json!(ename)), "{said}");
        assert!(said["evalue"].as_str().is_some_and(|value| value.contains(evalue)), "{said}");
        assert!(said["traceback"].is_array(), "{said}");
    }
    assert_eq!(peer.run(&name, "'lives'").await["data"]["text/plain"], json!("'lives'"));
    peer.ends(&name).await;
}

pub(super) async fn magics_give_json_and_false_successes(peer: Arc<Peer>) {
    let name = peer.idle().await;
    let said = peer.run(&name, "rows = [{'id': 1, 'n': 'x'}]\n%json rows").await;
    assert_eq!(said["data"], json!({ "application/json": [{ "id": 1, "n": "x" }] }), "{said}");
    for code in ["%json nosuch", "%json 1+1"] {
        let said = peer.run(&name, code).await;
        assert_eq!(said["status"], json!("ok"), "{said}");
        let content = &said["data"]["content"];
        assert_eq!((&content["status"], &content["ename"]), (&json!("error"), &json!("KeyError")), "{said}");
    }
    let said = peer.run(&name, "nan = float('nan')\n%json nan").await;
    assert_eq!(said["status"], json!("error"), "{said}");
    assert_eq!(peer.run(&name, "1 + 1").await["data"]["text/plain"], json!("2"), "nothing is shifted");
    peer.ends(&name).await;
}

pub(super) async fn a_line_on_standard_output_shifts_every_later_answer(peer: Arc<Peer>) {
    let name = peer.idle().await;
    let noise = peer.run(&name, "import os; os.system('echo hi')").await;
    assert!(noise["ename"].as_str().is_some_and(|name| name.ends_with("JsonParseException")), "{noise}");
    let false_success = peer.run(&name, "raise ValueError('real failure')").await;
    assert_eq!(false_success["status"], json!("ok"), "{false_success}");
    peer.ends(&name).await;
}

pub(super) async fn what_cannot_be_json_ends_the_interpreter(peer: Arc<Peer>) {
    let name = peer.idle().await;
    let said = peer.run(&name, "import datetime; day = datetime.date(2020, 1, 1)\n%json day").await;
    for said in [said, peer.run(&name, "1").await] {
        assert_eq!((&said["status"], &said["ename"]), (&json!("error"), &json!("Error")), "{said}");
        assert!(said["evalue"].as_str().is_some_and(|value| value.starts_with("Interpreter died")), "{said}");
    }
    assert_eq!(peer.get(&format!("/sessions/{name}/state")).await.json()["state"], json!("error"));
    peer.ends(&name).await;
}
