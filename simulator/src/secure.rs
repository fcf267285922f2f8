//! The same services behind TLS: a second listener on the state of a simulator, with a certificate for
//! `localhost` that an authority of its own has signed, made anew each time, with a flaw where that is wanted.
//! It counts connections, the bytes that come on them, and requests, so that a test can tell a connection that
//! was only opened from one that was used. It knows certificates and TLS, and nothing of what is asked.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use uuid::Uuid;

use crate::{Server, Shared, Simulator, server};

/// A listener with TLS. It ends with this handle.
pub struct Secure {
    address: SocketAddr,
    authority_pem: String,
    counts: Arc<Counts>,
    _server: Server,
}

/// Why nobody should trust a certificate though its authority is trusted.
#[derive(Clone, Copy, Debug)]
pub enum Flaw {
    Expired,
    NotYetValid,
    /// It is for another host.
    OtherName,
    /// Who signed it may sign nothing, though an authority has signed who did.
    NoAuthority,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    bytes: AtomicUsize,
    requests: AtomicUsize,
}

impl Simulator {
    /// Listens with TLS on a port of the kernel's choice, for HTTP/1.1. What is asked there is one with what
    /// is asked without TLS: the same world, ledger, faults and limits. `Simulator::until` looks again
    /// whenever a connection was made.
    pub async fn secure(&self) -> io::Result<Secure> {
        self.certified(None).await
    }

    /// The same with a certificate that has a flaw.
    pub async fn secure_with(&self, flaw: Flaw) -> io::Result<Secure> {
        self.certified(Some(flaw)).await
    }

    async fn certified(&self, flaw: Option<Flaw>) -> io::Result<Secure> {
        let Certified { config, authority_pem } = certified(flaw).map_err(io::Error::other)?;
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

    /// How many bytes came on them behind the handshakes.
    pub fn bytes(&self) -> usize {
        self.counts.bytes.load(Ordering::Relaxed)
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
    let stream = Counted { stream, counts: Arc::clone(&counts) };
    let asked = || {
        counts.requests.fetch_add(1, Ordering::Relaxed);
    };
    server::serve(&shared, stream, asked).await;
}

/// A connection whose bytes are counted as they come.
struct Counted<S> {
    stream: S,
    counts: Arc<Counts>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.counts.bytes.fetch_add(buffer.filled().len() - before, Ordering::Relaxed);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

struct Certified {
    config: ServerConfig,
    authority_pem: String,
}

/// A certificate for this machine, signed by an authority, so that a client verifies a chain as it does
/// out in the world.
fn certified(flaw: Option<Flaw>) -> Result<Certified, Box<dyn std::error::Error + Send + Sync>> {
    let mut authority = CertificateParams::default();
    let name = format!("Simulated authority {}", Uuid::new_v4());
    authority.distinguished_name.push(DnType::CommonName, name);
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

    let names = match flaw {
        Some(Flaw::OtherName) => vec!["elsewhere.example".into()],
        _ => vec!["localhost".into(), Ipv4Addr::LOCALHOST.to_string()],
    };
    let mut own = CertificateParams::new(names)?;
    match flaw {
        Some(Flaw::Expired) => own.not_after = rcgen::date_time_ymd(2020, 1, 1),
        Some(Flaw::NotYetValid) => own.not_before = rcgen::date_time_ymd(4000, 1, 1),
        _ => {}
    }
    own.distinguished_name.push(DnType::CommonName, "localhost");
    own.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // Strict verifiers, as Python's, look for it.
    own.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let mut chain = vec![authority.der().clone()];
    let certificate = match flaw {
        Some(Flaw::NoAuthority) => {
            let mut anybody = CertificateParams::default();
            anybody.distinguished_name.push(DnType::CommonName, "Anybody");
            anybody.is_ca = IsCa::ExplicitNoCa;
            let anybody = CertifiedIssuer::signed_by(anybody, KeyPair::generate()?, &authority)?;
            chain.insert(0, anybody.der().clone());
            own.signed_by(&key, &anybody)?
        }
        _ => own.signed_by(&key, &authority)?,
    };
    chain.insert(0, certificate.der().clone());

    let key = PrivateKeyDer::try_from(key.serialize_der())?;
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Certified { config, authority_pem: authority.pem() })
}
