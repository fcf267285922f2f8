//! A server that says any bytes at all, which no HTTP library would.
//!
//! It stands in for a service whose replies are no HTTP, and for Lambda where it delivers what is no JSON.
//! It reads requests as far as it must, and knows nothing of what they ask.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// Replies of SWF, and whether they mean that the service has taken the request.
pub const REPLIES: [(fn() -> String, bool); 15] = [
    (|| "HTTP/1.1 200 OK\r\nx-name: \u{e9}\u{fffd}\r\ncontent-length: 0\r\n\r\n".into(), true),
    (|| format!("HTTP/1.1 200 OK\r\nx-long: {}\r\ncontent-length: 2\r\n\r\n{{}}", "x".repeat(60_000)), true),
    // More than it said is not read.
    (|| "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}{}".into(), true),
    (|| "HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n{}".into(), false),
    (|| "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{}".into(), false),
    (|| "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}".into(), false),
    (|| "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}".into(), false),
    (|| "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n".into(), false),
    (|| "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n\u{1f}\u{8}\0".into(), false),
    (|| "HTTP/1.1 200 OK\r\nx-nul: \0\r\ncontent-length: 0\r\n\r\n".into(), false),
    (|| "HTTP/1.1 200 OK\r\n".to_owned() + &"x: y\r\n".repeat(100_000) + "\r\n", false),
    (|| "HTTP/1.1 99999 What\r\n\r\n".into(), false),
    (|| "HTTP/1.1 101 Switching Protocols\r\nupgrade: raw\r\nconnection: upgrade\r\n\r\n{}".into(), false),
    (|| "SSH-2.0-OpenSSH_9.6\r\n".into(), false),
    (String::new, false),
];

/// What was asked: the path, and the body as text.
pub struct Heard {
    pub path: String,
    pub body: String,
}

/// Listens from now on, and answers each request with bytes, after which the connection is closed; or
/// never, where there are none.
pub fn serve(answer: impl Fn(Heard) -> Option<Vec<u8>> + Clone + Send + 'static) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            // Whoever breaks the connection off hears nothing more.
            thread::spawn(move || talk(stream, answer));
        }
    });
    Ok(address)
}

fn talk(mut stream: TcpStream, answer: impl Fn(Heard) -> Option<Vec<u8>>) -> io::Result<()> {
    let heard = hear(&stream)?;
    match answer(heard) {
        Some(bytes) => stream.write_all(&bytes),
        None => loop {
            thread::park();
        },
    }
}

fn hear(stream: &TcpStream) -> io::Result<Heard> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    while line.trim() != "" {
        line.clear();
        reader.read_line(&mut line)?;
        let value = line.to_ascii_lowercase();
        length =
            value.strip_prefix("content-length:").and_then(|it| it.trim().parse().ok()).unwrap_or(length);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Heard { path, body: String::from_utf8_lossy(&body).into_owned() })
}

/// A Lambda that delivers these events one by one, as `lambda-0` and so on, and tells how each was
/// answered: the path, and the answer itself.
pub fn lambda(events: VecDeque<Vec<u8>>) -> io::Result<(SocketAddr, Receiver<(String, String)>)> {
    let (told, answers) = channel();
    let waiting = std::sync::Arc::new(Mutex::new(events.into_iter().enumerate()));
    let address = serve(move |heard| {
        if !heard.path.ends_with("/invocation/next") {
            // Nobody listens once the test has ended.
            let _ = told.send((heard.path, heard.body));
            return Some(b"HTTP/1.1 202 Accepted\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_vec());
        }
        let (number, event) = waiting.lock().ok()?.next()?;
        let head = format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\nlambda-runtime-aws-request-id: lambda-{number}\r\n\
             lambda-runtime-deadline-ms: 253402300799000\r\n\
             lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:111122223333:function:countermand\r\n\
             content-length: {}\r\n\r\n",
            event.len()
        );
        Some([head.into_bytes(), event].concat())
    })?;
    Ok((address, answers))
}
