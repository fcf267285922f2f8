//! Connections to services: one TLS configuration and one pool for all of them.
//!
//! They speak HTTP/1.1, which every service here speaks. A connection can also be opened with nothing
//! asked on it, so that the start of the process pays for it and no request does. This module knows no
//! service, no credentials, and nothing of what is sent.

use std::pin::Pin;
use std::task::{Context, Poll};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use http::uri::Scheme;
use http::{Request, Uri, Version};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{CaptureConnection, HttpConnector as Tcp, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use tower_service::Service;

use super::trust::authorities;
use crate::retry::connecting;

/// All connections of the process. Clones share them.
#[derive(Clone, Debug)]
pub struct Connections(Client<Limited<HttpsConnector<Tcp>>, SdkBody>);

impl Default for Connections {
    /// None yet; the authorities that the machine trusts are read now.
    fn default() -> Self {
        let trusting = ClientConfig::builder().with_root_certificates(authorities()).with_no_client_auth();
        let mut tcp = Tcp::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let tls = HttpsConnectorBuilder::new().with_tls_config(trusting).https_or_http().enable_http1();
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new());
        Self(builder.build(Limited(tls.wrap_connector(tcp))))
    }
}

impl Connections {
    /// Opens a connection to where this leads and leaves it in the pool; nothing is sent over it.
    ///
    /// A connection of HTTP/1.1 carries no request of HTTP/2: the client refuses to send one, when it has
    /// the connection.
    async fn open(&self, uri: Uri) -> Result<(), BoxError> {
        let mut request = Request::new(SdkBody::empty());
        (*request.uri_mut(), *request.version_mut()) = (uri, Version::HTTP_2);
        match self.0.request(request).await {
            Err(refused) if refused.connect_info().is_some() => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => Err("a request was sent that should only have opened a connection".into()),
        }
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let mut request = http1(request)?;
        let connection = capture_connection(&mut request);
        if let Some(captured) = request.extensions().get::<CaptureSmithyConnection>() {
            captured.set_connection_retriever(move || closable(&connection));
        }
        let response = self.0.request(request).await.map_err(|error| ConnectorError::io(error.into()))?;
        HttpResponse::try_from(response.map(SdkBody::from_body_1_x))
            .map_err(|error| ConnectorError::other(error.into(), None))
    }
}

impl HttpConnector for Connections {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connections = self.clone();
        HttpConnectorFuture::new(async move { connections.send(request).await })
    }
}

/// A wire that ends where a connection is open. Nothing can be sent on it; an empty object answers.
#[derive(Clone, Debug)]
pub struct Opening(pub Connections);

impl HttpConnector for Opening {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self(connections) = self.clone();
        HttpConnectorFuture::new(async move {
            let request = http1(request)?;
            // Without TLS there is little to prepare.
            if request.uri().scheme() == Some(&Scheme::HTTPS) {
                connections.open(request.uri().clone()).await.map_err(ConnectorError::io)?;
            }
            let nothing =
                StatusCode::try_from(200).map_err(|error| ConnectorError::other(error.into(), None))?;
            Ok(HttpResponse::new(nothing, SdkBody::from("{}")))
        })
    }
}

fn http1(request: HttpRequest) -> Result<Request<SdkBody>, ConnectorError> {
    request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))
}

/// Lets the SDK give up a connection that a fault came over, so that the next attempt may reach another host.
fn closable(connection: &CaptureConnection) -> Option<ConnectionMetadata> {
    connection.connection_metadata().as_ref()?;
    let connection = connection.clone();
    let close = move || {
        if let Some(connected) = connection.connection_metadata().as_ref() {
            connected.poison();
        }
    };
    Some(ConnectionMetadata::builder().proxied(false).poison_fn(close).build())
}

/// Connecting within its limit, from the look-up of the name to the end of the TLS handshake.
#[derive(Clone, Debug)]
pub struct Limited<C>(C);

impl<C> Service<Uri> for Limited<C>
where
    C: Service<Uri, Error = BoxError>,
    C::Response: 'static,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(connecting(self.0.call(uri)))
    }
}
