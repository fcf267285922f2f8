//! Connections: reads each request to its end, finds out who is asked, and sends the answer, or
//! closes the connection without one. It knows HTTP and nothing of any service.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::call::{self, Ending};
use crate::service::Asked;
use crate::wire::{Answer, Request};
use crate::{Shared, control, role, runtime_api};

/// More than any of the services takes.
const LARGEST_REQUEST: usize = 16 * 1024 * 1024;

/// Closes the connection without a reply.
#[derive(Debug)]
struct Close;

impl fmt::Display for Close {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the connection is closed without a reply")
    }
}

impl std::error::Error for Close {}

/// Serves until it is aborted; its connections end with it.
pub(crate) async fn run(listener: TcpListener, shared: Arc<Shared>) -> Infallible {
    accept(listener, |stream| {
        let shared = Arc::clone(&shared);
        async move { serve(&shared, stream, || ()).await }
    })
    .await
}

/// Serves each connection side by side with the others, until it is aborted; they end with it.
pub(crate) async fn accept<F>(listener: TcpListener, serve: impl Fn(TcpStream) -> F) -> Infallible
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, or a client that left at once: others may still come.
            tokio::task::yield_now().await;
            continue;
        };
        connections.spawn(serve(stream));
    }
}

/// Serves one connection to its end, and tells of each request that came on it.
pub(crate) async fn serve(shared: &Shared, stream: impl AsyncRead + AsyncWrite + Unpin, asked: impl Fn()) {
    let serve = service_fn(|request| {
        asked();
        answer(shared, request)
    });
    // A connection that breaks is the client's affair, or a fault's.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), serve).await;
}

async fn answer(
    shared: &Shared,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, Close> {
    let (parts, body) = request.into_parts();
    let answer = match Limited::new(body, LARGEST_REQUEST).collect().await {
        Ok(body) => dispatch(shared, Request::new(parts, body.to_bytes())).await?,
        Err(error) => Answer::json(413, &json!({"message": error.to_string()})),
    };
    Ok(response(answer).map(Full::new))
}

/// The same for a request that came on no connection; nothing where one would have been closed.
pub(crate) async fn answer_at_once(
    shared: &Shared,
    request: hyper::Request<Vec<u8>>,
) -> Option<hyper::Response<Vec<u8>>> {
    let (mut parts, body) = request.into_parts();
    // The header that HTTP clients add as they send.
    if let Some(host) = parts.uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok()) {
        parts.headers.entry(HOST).or_insert(host);
    }
    let answer = match body.len() <= LARGEST_REQUEST {
        true => dispatch(shared, Request::new(parts, body.into())).await.ok()?,
        false => Answer::json(413, &json!({"message": "length limit exceeded"})),
    };
    Some(response(answer).map(Vec::from))
}

async fn dispatch(shared: &Shared, request: Request) -> Result<Answer, Close> {
    if let Some(answer) = control::serve(shared, &request).await {
        return Ok(answer);
    }
    if let Some(answer) = runtime_api::serve(shared, &request).await {
        return Ok(answer);
    }
    if let Some(answer) = role::serve(shared, &request) {
        return Ok(answer);
    }
    let Some(asked) = Asked::of(&request) else {
        let message = format!("no simulated service is asked by {} {}", request.method, request.path);
        return Ok(Answer::json(404, &json!({"message": message})));
    };
    match call::serve(shared, asked, request).await {
        Ending::Answered(answer) => Ok(answer),
        Ending::Closed => Err(Close),
    }
}

/// The answer as HTTP. A scripted header that HTTP cannot carry is left out.
fn response(answer: Answer) -> hyper::Response<Bytes> {
    let mut response = hyper::Response::new(Bytes::from(answer.body));
    if let Ok(status) = hyper::StatusCode::from_u16(answer.status) {
        *response.status_mut() = status;
    }
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
