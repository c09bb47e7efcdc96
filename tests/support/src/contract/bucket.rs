//! What S3 must answer to a PUT at a presigned URL.

use std::sync::Arc;
use std::time::Duration;

use super::{Reply, cases, client, run};

/// Presigned URLs of different keys.
#[derive(Clone, Debug)]
pub struct Urls {
    /// With Signature Version 4, of which only the host is signed.
    pub v4: String,
    /// With Signature Version 2.
    pub v2: String,
    /// Without a signature.
    pub unsigned: String,
    /// Whether the bucket refuses strangers: LocalStack enforces no policy.
    pub refuses_strangers: bool,
}

/// Runs all cases against the bucket behind these URLs; returns their names.
///
/// # Panics
/// If a case fails.
pub async fn cases(urls: &Urls) -> Vec<&'static str> {
    let peer = Arc::new(urls.clone());
    let all = cases![peer;
        a_put_without_a_type_is_taken_and_so_is_its_repetition,
        a_type_breaks_the_older_signature_alone,
        a_field_that_is_not_signed_breaks_the_newer_one,
        nothing_is_taken_without_a_signature,
        another_method_is_not_signed,
    ];
    run(all).await
}

/// An URL for one that has expired.
///
/// # Panics
/// If it is taken, or refused in another way.
pub async fn expired(url: &str) {
    let reply = put(url, &[]).await;
    assert_eq!(reply.status, 403, "{reply:?}");
    assert!(reply.body.contains("Request has expired"), "{reply:?}");
}

async fn put(url: &str, headers: &[(&str, &str)]) -> Reply {
    let request = client(Duration::from_secs(10)).put(url).body("{}".as_bytes().to_vec());
    Reply::of(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

async fn a_put_without_a_type_is_taken_and_so_is_its_repetition(urls: Arc<Urls>) {
    for url in [&urls.v4, &urls.v2, &urls.v4] {
        assert_eq!(put(url, &[]).await.status, 200);
    }
}

async fn a_type_breaks_the_older_signature_alone(urls: Arc<Urls>) {
    let typed = [("content-type", "application/json")];
    assert_eq!(put(&urls.v4, &typed).await.status, 200);
    let reply = put(&urls.v2, &typed).await;
    assert_eq!(reply.status, 403);
    assert!(reply.body.contains("SignatureDoesNotMatch"), "{reply:?}");
}

async fn a_field_that_is_not_signed_breaks_the_newer_one(urls: Arc<Urls>) {
    let reply = put(&urls.v4, &[("x-amz-acl", "private")]).await;
    assert_eq!(reply.status, 403);
    assert!(reply.body.contains("AccessDenied"), "{reply:?}");
}

async fn nothing_is_taken_without_a_signature(urls: Arc<Urls>) {
    let expected = if urls.refuses_strangers { 403 } else { 200 };
    assert_eq!(put(&urls.unsigned, &[]).await.status, expected);
}

async fn another_method_is_not_signed(urls: Arc<Urls>) {
    let reply = Reply::of(client(Duration::from_secs(10)).delete(&urls.v4)).await;
    assert_eq!(reply.status, 403, "{reply:?}");
}
