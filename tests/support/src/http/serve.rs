//! Accepting connections, and answering each request in a way that its fault, if any, asks for.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::ledger::Ledger;
use super::{Answer, Answering, Fault, Identity, Operation, Request, Service};

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

pub(super) struct Shared {
    pub(super) service: Arc<dyn ServiceObject>,
    pub(super) ledger: Ledger,
    pub(super) idle: Option<Duration>,
    /// Who it is over TLS; nobody: it speaks without.
    pub(super) identity: Mutex<Option<Identity>>,
    /// The `Authorization` that it wants to see.
    /// What must be said, and the challenge to who does not say it.
    pub(super) login: Mutex<Option<(String, &'static str)>>,
    pub(super) hung: watch::Sender<bool>,
    pub(super) releases: watch::Sender<u64>,
}

/// [`Service`] behind a pointer.
pub(super) trait ServiceObject: Send + Sync {
    fn operation_of(&self, request: &Request) -> Operation;
    fn answering(self: Arc<Self>, request: Arc<Request>) -> Answering;
}

impl<S: Service> ServiceObject for S {
    fn operation_of(&self, request: &Request) -> Operation {
        self.operation(request)
    }

    fn answering(self: Arc<Self>, request: Arc<Request>) -> Answering {
        self.answer(request)
    }
}

pub(super) enum Control {
    Up(oneshot::Sender<()>),
    Down(oneshot::Sender<()>),
}

/// Serves until nobody is left to give orders. `reserved` keeps the port and never listens.
pub(super) async fn run(
    shared: Arc<Shared>,
    reserved: TcpSocket,
    mut orders: mpsc::UnboundedReceiver<Control>,
) {
    let address = reserved.local_addr().expect("a bound socket has an address");
    let mut listener: Option<TcpListener> = None;
    let mut connections = JoinSet::new();
    let mut count = 0;
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Control::Up(done)) => {
                    if listener.is_none() {
                        listener = Some(super::reserve(address).listen(BACKLOG).expect("the reserved port is ours"));
                    }
                    let _ = done.send(());
                }
                Some(Control::Down(done)) => {
                    listener = None;
                    connections.shutdown().await;
                    let _ = done.send(());
                }
                None => return,
            },
            stream = accept(listener.as_ref()) => {
                connections.spawn(converse(Arc::clone(&shared), stream, count));
                count += 1;
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// The next connection; none as long as nobody listens.
async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            return stream;
        }
    }
}

async fn converse(shared: Arc<Shared>, stream: TcpStream, connection: u64) {
    // Small answers must not wait for the client's acknowledgements.
    let _ = stream.set_nodelay(true);
    let identity = shared.identity.lock().expect("no panic while it is held").clone();
    match identity {
        None => speak(shared, stream, connection).await,
        Some(identity) => {
            // A client who does not like the certificate leaves in the middle of the handshake.
            if let Ok(stream) = identity.acceptor.accept(stream).await {
                speak(shared, stream, connection).await;
            }
        }
    }
}

async fn speak(
    shared: Arc<Shared>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    connection: u64,
) {
    let service = service_fn(|request| {
        let shared = Arc::clone(&shared);
        async move { respond(shared, connection, request).await }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(shared.idle);
    // An error here is a client who left, an idle connection, or a fault at work.
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

/// The connection is to be dropped without another byte.
#[derive(Debug)]
struct Dropped;

impl std::fmt::Display for Dropped {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("dropped on purpose")
    }
}

impl std::error::Error for Dropped {}

async fn respond(
    shared: Arc<Shared>,
    connection: u64,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Payload>, Dropped> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
    let request = Arc::new(Request {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        headers: head.headers,
        body,
    });
    let operation = shared.service.operation_of(&request);
    // Before the call can be seen: whoever sees it may release it at once.
    let releases = shared.releases.subscribe();
    let (seq, fault) = shared.ledger.arrive(Arc::clone(&request), operation, connection);
    let mut departure = Departure { shared: Arc::clone(&shared), seq, over: false };
    let (reply, answered) = oneshot::channel();
    // Beside the connection: what is being applied goes on when the client leaves.
    tokio::spawn(undergo(Arc::clone(&shared), request, fault, releases, reply));
    let outcome = answered.await;
    departure.over = true;
    let Ok(Some((answer, missing))) = outcome else {
        return Err(Dropped);
    };
    shared.ledger.answered(seq, &answer);
    let mut response = hyper::Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Payload { data: Some(answer.body), missing, paused: false }).map_err(|_| Dropped)
}

/// Marks a call whose client is gone: hyper drops the answer in the making then.
struct Departure {
    shared: Arc<Shared>,
    seq: usize,
    over: bool,
}

impl Drop for Departure {
    fn drop(&mut self) {
        if !self.over {
            self.shared.ledger.left(self.seq);
        }
    }
}

/// An answer, and how many bytes it promises beyond those it has; none if the connection is to be dropped.
type Reply = Option<(Answer, u64)>;

async fn undergo(
    shared: Arc<Shared>,
    request: Arc<Request>,
    fault: Option<Fault>,
    mut releases: watch::Receiver<u64>,
    mut reply: oneshot::Sender<Reply>,
) {
    // A server that is shut down drops its tasks here; there is nothing to answer then.
    let _ = shared.hung.subscribe().wait_for(|hung| !hung).await;
    let login = shared.login.lock().expect("no panic while it is held").clone();
    if let Some((login, challenge)) = login
        && request.header("authorization") != Some(&login)
    {
        let page = "<html><body><h2>HTTP ERROR 401</h2><p>Authentication required</p></body></html>";
        let answer = Answer::new(401, "text/html;charset=iso-8859-1", page.to_owned());
        let _ = reply.send(Some((answer.with("www-authenticate", challenge), 0)));
        return;
    }
    let apply = || Arc::clone(&shared.service).answering(Arc::clone(&request));
    let outcome = match fault {
        None => Some((apply().await, 0)),
        Some(Fault::Answer { status, content_type, body }) => {
            Some((Answer::new(status, &content_type, body), 0))
        }
        Some(Fault::Redirect(location)) => Some((Answer::empty(307).with("location", location), 0)),
        Some(Fault::Close) => None,
        Some(Fault::AnswerLost) => {
            apply().await;
            None
        }
        Some(Fault::Truncated) => {
            let mut answer = apply().await;
            let whole = answer.body.len();
            answer.body.truncate(whole / 2);
            // At least one byte is missing, or an empty answer would arrive whole.
            Some((answer, (whole - whole / 2).max(1) as u64))
        }
        Some(Fault::Delay(time)) => {
            tokio::time::sleep(time).await;
            Some((apply().await, 0))
        }
        Some(Fault::Hang) => tokio::select! {
            _ = releases.changed() => Some((apply().await, 0)),
            () = reply.closed() => None,
        },
        Some(Fault::Late) => {
            let _ = releases.changed().await;
            Some((apply().await, 0))
        }
        Some(Fault::HangAfter) => {
            let answer = apply().await;
            let _ = releases.changed().await;
            Some((answer, 0))
        }
    };
    let _ = reply.send(outcome);
}

/// A body that may end short of the length it promises.
struct Payload {
    data: Option<Bytes>,
    missing: u64,
    paused: bool,
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Dropped;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Dropped>>> {
        if let Some(data) = self.data.take().filter(|data| !data.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if self.missing == 0 {
            return Poll::Ready(None);
        }
        if !self.paused {
            // hyper sends what it holds before it asks again; an error at once would swallow that.
            self.paused = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(Dropped)))
    }

    fn is_end_stream(&self) -> bool {
        self.missing == 0 && self.data.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, |data| data.len() as u64) + self.missing)
    }
}
