//! The stand-ins against the contract that the real servers keep, and the faults against what they promise.

mod contract;
mod door;
mod faults;
mod livy;
mod sfn;
mod yarn;

use std::time::Duration;

use serde_json::Value;
use stand_ins::livy::Livy;

/// An answer, or the reason why there was none.
type Answered = Result<(u16, String), reqwest::Error>;

/// A client that neither repeats nor follows anything.
fn client() -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    client.timeout(Duration::from_secs(10)).build().expect("a client can be built")
}

async fn send(request: reqwest::RequestBuilder) -> Answered {
    let response = request.send().await?;
    Ok((response.status().as_u16(), response.text().await?))
}

async fn post(livy: &Livy, name: &str) -> Answered {
    let body = serde_json::json!({ "file": "s3://bucket/job.py", "name": name }).to_string();
    send(
        client()
            .post(format!("{}/batches", livy.url()))
            .header("content-type", "application/json")
            .body(body),
    )
    .await
}

async fn get(livy: &Livy, path: &str) -> Answered {
    send(client().get(format!("{}{path}", livy.url()))).await
}

async fn delete(livy: &Livy, name: &str) -> Answered {
    send(client().delete(format!("{}/batches/{name}", livy.url()))).await
}

/// The view of a batch.
async fn view(livy: &Livy, name: &str) -> Value {
    let (_, body) = get(livy, &format!("/batches/{name}")).await.expect("Livy answers");
    serde_json::from_str(&body).expect("a view is JSON")
}
