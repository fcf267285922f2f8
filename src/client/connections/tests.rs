use std::future::{Ready, ready};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use hyper_util::client::legacy::connect::dns::Name;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use super::*;

/// A name with these addresses.
#[derive(Clone)]
struct Addresses(Vec<IpAddr>);

impl Service<Name> for Addresses {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::io::Error;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        let addresses: Vec<SocketAddr> = self.0.iter().map(|address| (*address, 0).into()).collect();
        ready(Ok(addresses.into_iter()))
    }
}

/// An address that swallows packets: nobody accepts, and the backlog is full.
struct Deaf(#[expect(dead_code, reason = "they fill the backlog")] (TcpListener, Vec<TcpStream>));

impl Deaf {
    async fn listen(address: SocketAddr) -> std::io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.bind(address)?;
        let listener = socket.listen(1)?;
        let mut backlog = Vec::new();
        while let Ok(connected) = timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
            backlog.push(connected?);
        }
        Ok(Self((listener, backlog)))
    }
}

#[tokio::test]
async fn an_address_that_swallows_packets_leaves_time_for_the_others() {
    for (deaf, alive) in [
        (&["127.0.0.2"][..], "127.0.0.1"),
        (&["127.0.0.2", "127.0.0.3", "127.0.0.4"], "127.0.0.1"),
        (&["::1"], "127.0.0.1"),
        (&["::1", "127.0.0.2"], "127.0.0.1"),
    ] {
        let parsed = |address: &&str| address.parse::<IpAddr>().expect("an address");
        let listener = TcpListener::bind((parsed(&alive), 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let mut swallowing = Vec::new();
        for address in deaf {
            // Where there is no IPv6, an address of it is refused at once.
            swallowing.push(Deaf::listen((parsed(address), port).into()).await.ok());
        }
        let addresses = deaf.iter().chain([&alive]).map(parsed).collect();
        let mut connector = connector(Addresses(addresses), RootCertStore::empty());
        let uri = format!("http://several.example:{port}").parse().expect("a URI");
        let began = Instant::now();
        let connected = connector.call(uri).await;
        assert!(connected.is_ok(), "{deaf:?}: {:?}", connected.err());
        assert!(began.elapsed() < Duration::from_secs(1), "{deaf:?}");
    }
}

#[test]
fn a_host_is_named_without_what_is_secret() {
    for (uri, named) in [
        ("https://swf.us-east-1.amazonaws.com/", "swf.us-east-1.amazonaws.com"),
        ("http://user:hush@127.0.0.1:9/path?Signature=hush", "127.0.0.1:9"),
        ("https://[::1]:8443/", "[::1]:8443"),
    ] {
        assert_eq!(host(&uri.parse().expect("a URI")), named);
    }
}
