//! A PUT at a presigned URL.
//!
//! The URL is a secret, and its signature covers the host and can cover the type of the body: so the client sends no
//! type, follows nothing, goes through no proxy, and no error here shows where it went.

use std::error::Error;
use std::time::Duration;

use reqwest::{Client, redirect, retry};

use super::connection::reason;
use super::read_body;

/// For one PUT of a few KB, TLS included.
const PUT: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(5);
/// The longest code of S3's that is shown.
const MAX_CODE: usize = 64;

/// A client for presigned URLs.
#[derive(Debug, Clone)]
pub struct Presigned(Client);

/// What came of a PUT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// The server answered with this status, and this code of S3's where it said one.
    Answered(u16, String),
    /// Nobody was there: not a byte was sent.
    NotSent(String),
    /// No answer came, and it may have been taken.
    Lost(String),
}

impl Presigned {
    /// Makes the client.
    ///
    /// # Errors
    /// Where the system's certificates cannot be used.
    pub fn new() -> Result<Presigned, Box<dyn Error + Send + Sync>> {
        let builder = Client::builder()
            .retry(retry::never())
            .redirect(redirect::Policy::none())
            .no_proxy()
            .http1_only()
            .timeout(PUT)
            .connect_timeout(CONNECT)
            .pool_max_idle_per_host(0);
        Ok(Presigned(builder.build()?))
    }

    /// Whether anybody answers at an origin, whatever is said.
    ///
    /// # Errors
    /// Why not, in words.
    pub async fn answers(&self, origin: &str) -> Result<(), String> {
        let asked = self.0.get(origin).send().await;
        asked.map(|_| ()).map_err(|error| reason(&error.without_url()))
    }

    /// PUTs the bytes.
    pub async fn put(&self, url: &str, body: Vec<u8>) -> Put {
        match self.0.put(url).body(body).send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                // Only its code: S3 repeats in its words what was signed.
                let said =
                    if status < 300 { Vec::new() } else { read_body(response).await.unwrap_or_default() };
                Put::Answered(status, code(&String::from_utf8_lossy(&said)))
            }
            Err(error) => {
                let (is_connect, is_builder) = (error.is_connect(), error.is_builder());
                let words = reason(&error.without_url());
                if is_connect || is_builder { Put::NotSent(words) } else { Put::Lost(words) }
            }
        }
    }
}

/// What S3 calls its error; empty where the answer is not S3's.
fn code(body: &str) -> String {
    let inner = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    let word = inner.map(|(code, _)| code).unwrap_or_default();
    let is_word = word.len() <= MAX_CODE && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_word { word.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_code_of_an_error_is_read() {
        let body = "<?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code><Message>m</Message>\
                    <SignatureProvided>secret</SignatureProvided></Error>";
        assert_eq!(code(body), "SignatureDoesNotMatch");
        for odd in [
            "",
            "<html>",
            "<Code></Code>",
            "<Code>a b</Code>",
            "<Code>a",
            &format!("<Code>{}</Code>", "x".repeat(65)),
        ] {
            assert_eq!(code(odd), "", "{odd}");
        }
    }
}
