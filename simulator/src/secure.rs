//! The same services behind TLS: a second listener on the state of a simulator, with a certificate for
//! `localhost` that an authority of its own has signed, made anew each time. It counts connections and
//! requests, so that a test can tell a connection that was only opened from one that was used. It knows
//! certificates and TLS, and nothing of what is asked.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::{Server, Shared, Simulator, server};

/// A listener with TLS. It ends with this handle.
pub struct Secure {
    address: SocketAddr,
    authority_pem: String,
    counts: Arc<Counts>,
    _server: Server,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

impl Simulator {
    /// Listens with TLS on a port of the kernel's choice, for HTTP/1.1. What is asked there is one with what
    /// is asked without TLS: the same world, ledger, faults and limits. `Simulator::until` looks again
    /// whenever a connection was made.
    pub async fn secure(&self) -> io::Result<Secure> {
        let Certified { config, authority_pem } = certified().map_err(io::Error::other)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let counts = Arc::new(Counts::default());
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (shared, counted) = (Arc::clone(&self.shared), Arc::clone(&counts));
        let server = tokio::spawn(server::accept(listener, move |stream| {
            serve(stream, acceptor.clone(), Arc::clone(&shared), Arc::clone(&counted))
        }));
        Ok(Secure { address, authority_pem, counts, _server: Server(server.abort_handle()) })
    }
}

impl Secure {
    /// Where it listens, by the name that its certificate is for.
    pub fn base_url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// The certificate of the authority to trust, in PEM.
    pub fn authority_pem(&self) -> &str {
        &self.authority_pem
    }

    /// How many connections were made, handshake included.
    pub fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// How many requests came on them.
    pub fn requests(&self) -> usize {
        self.counts.requests.load(Ordering::Relaxed)
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, shared: Arc<Shared>, counts: Arc<Counts>) {
    // As the services have it: the answer that follows another on a connection is not held back.
    let _ = stream.set_nodelay(true);
    // A client that does not trust the certificate ends the handshake.
    let Ok(stream) = acceptor.accept(stream).await else { return };
    counts.connections.fetch_add(1, Ordering::Relaxed);
    shared.noted.notify_waiters();
    let asked = || {
        counts.requests.fetch_add(1, Ordering::Relaxed);
    };
    server::serve(&shared, stream, asked).await;
}

struct Certified {
    config: ServerConfig,
    authority_pem: String,
}

/// A certificate for this machine, signed by an authority, so that a client verifies a chain as it does
/// out in the world.
fn certified() -> Result<Certified, Box<dyn std::error::Error + Send + Sync>> {
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "Simulated authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

    let mut own = CertificateParams::new(vec!["localhost".into(), Ipv4Addr::LOCALHOST.to_string()])?;
    own.distinguished_name.push(DnType::CommonName, "localhost");
    own.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // Strict verifiers, as Python's, look for it.
    own.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = own.signed_by(&key, &authority)?;

    let key = PrivateKeyDer::try_from(key.serialize_der())?;
    let chain = vec![certificate.der().clone(), authority.der().clone()];
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Certified { config, authority_pem: authority.pem() })
}
