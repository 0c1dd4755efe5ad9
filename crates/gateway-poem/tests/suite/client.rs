//! A client that sees every octet, and the time a test has.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection.
pub(crate) struct Client {
    stream: TcpStream,
    seen: Vec<u8>,
}

impl Client {
    /// Connects, and sends this.
    pub(crate) async fn send(addr: SocketAddr, request: &str) -> Self {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        Self { stream, seen: Vec::new() }
    }

    /// Reads until this has come; all that has come by then.
    pub(crate) async fn until(&mut self, end: &str) -> String {
        loop {
            let text = String::from_utf8_lossy(&self.seen).into_owned();
            if text.contains(end) {
                return text;
            }
            let read = self.stream.read_buf(&mut self.seen).await.unwrap();
            assert_ne!(read, 0, "{end:?} has not come: {text}");
        }
    }

    /// Reads to the end of the connection, which may be a reset; all that has come.
    pub(crate) async fn all(mut self) -> String {
        while self.stream.read_buf(&mut self.seen).await.is_ok_and(|read| read > 0) {}
        String::from_utf8_lossy(&self.seen).into_owned()
    }
}

/// Runs a test, which must come to its end.
pub(crate) async fn within<F: Future>(test: F) -> F::Output {
    tokio::time::timeout(DEADLINE, test).await.expect("the test does not come to an end")
}

const DEADLINE: Duration = Duration::from_secs(30);
