//! A new process takes over under clients of TLS and of HTTP/2, and no request is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::{self, Runtime};
use tokio::task::JoinHandle;

use crate::process::Process;
use crate::tls::{Authority, Client};

/// What clients of all kinds share.
struct Load {
    plain: String,
    secure: String,
    http1: Client,
    http2: Client,
    stop: AtomicBool,
    answered: [AtomicU64; 3],
}

impl Load {
    /// One connection after the other, by TLS and HTTP/1.1: each until the server says that it closes it.
    async fn by_http_1(&self) {
        let mut stream = self.http1.connect(self.secure.parse().unwrap(), "localhost").await.unwrap();
        while !self.stops() {
            stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"\r\n\r\nhello") {
                assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "a request was lost");
            }
            self.answered[0].fetch_add(1, Ordering::Relaxed);
            if String::from_utf8(answer).unwrap().contains("connection: close\r\n") {
                return;
            }
        }
    }

    /// Eight requests at a time on a connection, until the server wants no more on it.
    async fn by_http_2<S>(&self, stream: S, scheme: &str, kind: usize)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (mut requests, connection) = h2::client::handshake(stream).await.unwrap();
        let connection = tokio::spawn(connection);
        while !self.stops() {
            let mut responses = Vec::new();
            while responses.len() < 8 {
                let request = Request::get(format!("{scheme}://localhost/")).body(()).unwrap();
                match requests.ready().await {
                    Ok(ready) => requests = ready,
                    // No request was sent.
                    Err(error) => {
                        assert!(error.is_go_away(), "{error}");
                        return self.read(responses, kind).await;
                    }
                }
                responses.push(requests.send_request(request, true).unwrap().0);
            }
            self.read(responses, kind).await;
        }
        drop::<SendRequest<Bytes>>(requests);
        connection.abort();
    }

    async fn read(&self, responses: Vec<h2::client::ResponseFuture>, kind: usize) {
        for response in responses {
            let mut body = response.await.expect("a request was lost").into_body();
            let mut text = Vec::new();
            while let Some(block) = body.data().await {
                text.extend(block.expect("a response was broken off"));
            }
            assert_eq!(text, b"hello");
            self.answered[kind].fetch_add(1, Ordering::Relaxed);
        }
    }

    fn stops(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn start(self: &Arc<Self>, runtime: &Runtime) -> Vec<JoinHandle<()>> {
        let start = |kind: usize| {
            let load = Arc::clone(self);
            runtime.spawn(async move {
                while !load.stops() {
                    match kind {
                        0 => load.by_http_1().await,
                        1 => {
                            let addr = load.secure.parse().unwrap();
                            let stream = load.http2.connect(addr, "localhost").await.unwrap();
                            load.by_http_2(stream, "https", kind).await;
                        }
                        _ => {
                            let stream = TcpStream::connect(&load.plain).await.unwrap();
                            load.by_http_2(stream, "http", kind).await;
                        }
                    }
                }
            })
        };
        [0, 0, 1, 1, 2, 2].map(start).into()
    }

    /// Waits until each kind of client had more answers.
    fn goes_on(&self, clients: &[JoinHandle<()>]) {
        let until = self.answered.each_ref().map(|answered| answered.load(Ordering::Relaxed) + 50);
        while self
            .answered
            .iter()
            .zip(until)
            .any(|(answered, until)| answered.load(Ordering::Relaxed) < until)
        {
            assert!(clients.iter().all(|client| !client.is_finished()), "a client failed");
            thread::yield_now();
        }
    }
}

#[test]
fn ten_restarts_under_tls_and_http_2_lose_no_request() {
    let authority = Authority::new("restart");
    let (chain, key) = authority.sign("localhost", &["localhost"], &[]);
    let args = ["app", "--threads", "2", "--listen", "127.0.0.1:0", "--listen", "https://127.0.0.1:0"];
    let files = ["--tls-cert", chain.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let mut process = Process::start(&[&args[..], &files].concat(), 2);
    let load = Arc::new(Load {
        plain: process.addrs[0].clone(),
        secure: process.addrs[1].clone(),
        http1: Client::trusting(&authority.root()),
        http2: Client::trusting(&authority.root()).alpn(&["h2"]),
        stop: AtomicBool::new(false),
        answered: Default::default(),
    });
    let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let clients = load.start(&runtime);
    for _ in 0..10 {
        load.goes_on(&clients);
        process.replace();
    }
    load.goes_on(&clients);
    load.stop.store(true, Ordering::Relaxed);
    for client in clients {
        runtime.block_on(client).unwrap();
    }
    assert_eq!(process.stop().0, 0);
}
