//! TLS, seen by the AWS SDK and by a client that says nothing: who trusts the authority is served from the
//! same state as without TLS, who does not is not, and connections are counted apart from requests.

use std::sync::Arc;

use aws_sdk_appflow::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_types::retry::RetryConfig;
use countermand_simulator::{RunStatus, Secure, Simulator, World};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

async fn start() -> (Simulator, Secure) {
    let simulator = Simulator::start(World::seeded(), ([127, 0, 0, 1], 0).into()).await.unwrap();
    let secure = simulator.secure().await.unwrap();
    (simulator, secure)
}

/// A client that trusts this authority and no other.
fn client(secure: &Secure, authority_pem: &str) -> aws_sdk_appflow::Client {
    let trusted = TrustStore::empty().with_pem_certificate(authority_pem);
    let context = TlsContext::builder().with_trust_store(trusted).build().unwrap();
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(context)
        .build_https();
    let config = aws_sdk_appflow::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"))
        .endpoint_url(secure.base_url())
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .build();
    aws_sdk_appflow::Client::from_conf(config)
}

/// A connection on which nothing is asked, and the protocol that was agreed on.
async fn connect(secure: &Secure) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(secure.authority_pem().as_bytes()).unwrap()).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = TcpStream::connect(secure.base_url().trim_start_matches("https://")).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

#[tokio::test]
async fn calls_are_served_from_the_same_state() {
    let (simulator, secure) = start().await;
    let client = client(&secure, secure.authority_pem());
    for run in ["run-1", "run-2"] {
        let reply = client.cancel_flow_executions().flow_name("orders").execution_ids(run).send().await;
        assert!(reply.unwrap().invalid_executions().is_empty());
    }
    assert_eq!(simulator.world().appflow["orders"].runs[1].status, RunStatus::CancelStarted);
    assert_eq!(simulator.ledger().len(), 2);
    assert_eq!((secure.connections(), secure.requests()), (1, 2));
}

#[tokio::test]
async fn another_authority_is_not_trusted() {
    let (simulator, secure) = start().await;
    let other = simulator.secure().await.unwrap();
    let client = client(&secure, other.authority_pem());
    let error = client.cancel_flow_executions().flow_name("orders").send().await.unwrap_err();
    assert!(format!("{error:?}").contains("InvalidCertificate"), "{error:?}");
    assert!(simulator.ledger().is_empty());
    assert_eq!((secure.connections(), secure.requests()), (0, 0));
}

#[tokio::test]
async fn a_connection_counts_though_nothing_is_asked() {
    let (simulator, secure) = start().await;
    let stream = connect(&secure).await;
    simulator.until(|_| secure.connections() == 1).await;
    assert_eq!(secure.requests(), 0);
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
}
