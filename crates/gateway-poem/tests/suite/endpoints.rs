//! Clients that leave or do not read, and a server that shuts down: endpoints learn of it as under poem's own server.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use gateway_hyper::{Handle, ServeError, Server};
use gateway_poem::FromPoem;
use http_body::Frame;
use http_body_util::combinators::BoxBody;
use poem::endpoint::make;
use poem::{Body, Endpoint, IntoResponse, Response};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use crate::client::{Client, within};

/// The native server with an endpoint.
struct Native {
    addr: SocketAddr,
    handle: Handle,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Native {
    async fn start(endpoint: impl Endpoint + 'static) -> Self {
        let server = Server::builder().signals(false).bind("127.0.0.1:0").await.unwrap();
        let (addr, handle) = (server.local_addr().tcp().unwrap(), server.handle());
        Self { addr, handle, task: tokio::spawn(server.serve(FromPoem::new(endpoint))) }
    }

    async fn stop(self) {
        self.handle.shutdown();
        self.task.await.unwrap().unwrap();
    }
}

/// Tells when it is dropped.
struct Told(mpsc::UnboundedSender<&'static str>);

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

/// A body of blocks without end, or of a first one that is all there is for now.
struct Blocks {
    told: Told,
    given: Arc<AtomicUsize>,
    endless: bool,
}

impl http_body::Body for Blocks {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let given = self.given.fetch_add(1, Ordering::Relaxed);
        if given > 0 && !self.endless {
            let _ = self.told.0.send("waits");
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; BLOCK])))))
    }
}

fn waits() -> (impl Endpoint, mpsc::UnboundedReceiver<&'static str>) {
    let (tell, told) = mpsc::unbounded_channel();
    let endpoint = make(move |mut request| {
        let told = Told(tell.clone());
        async move {
            match request.uri().path() {
                "/upload" => {
                    let mut body = request.take_body().into_async_read();
                    let mut buffer = [0; 4];
                    tokio::io::AsyncReadExt::read_exact(&mut body, &mut buffer).await.unwrap();
                    told.0.send("waits").unwrap();
                    tokio::io::AsyncReadExt::read_u8(&mut body).await.unwrap();
                }
                "/stream" => {
                    let blocks = Blocks { told, given: Arc::default(), endless: false };
                    return Response::builder().body(Body::from(BoxBody::new(blocks)));
                }
                _ => {
                    told.0.send("waits").unwrap();
                    pending::<()>().await;
                }
            }
            "over".into_response()
        }
    });
    (endpoint, told)
}

#[tokio::test]
async fn a_100_endpoint_is_dropped_when_its_client_leaves() {
    within(async {
        let (endpoint, mut told) = waits();
        let server = Native::start(endpoint).await;
        for request in [
            "GET /wait HTTP/1.1\r\nhost: test\r\n\r\n",
            "POST /wait HTTP/1.1\r\nhost: test\r\ncontent-length: 9\r\n\r\nbody",
            "POST /upload HTTP/1.1\r\nhost: test\r\ncontent-length: 9\r\n\r\nbody",
            "GET /stream HTTP/1.1\r\nhost: test\r\n\r\n",
        ] {
            let client = Client::send(server.addr, request).await;
            assert_eq!(told.recv().await, Some("waits"), "{request}");
            drop(client);
            while told.recv().await != Some("dropped") {}
        }
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_11_client_that_does_not_read_holds_the_body_of_an_endpoint() {
    within(async {
        let (tell, mut told) = mpsc::unbounded_channel();
        let given = Arc::new(AtomicUsize::new(0));
        let counted = given.clone();
        let server = Native::start(make(move |_| {
            let blocks = Blocks { told: Told(tell.clone()), given: counted.clone(), endless: true };
            async move { Response::builder().body(Body::from(BoxBody::new(blocks))) }
        }))
        .await;
        let mut client = Client::send(server.addr, "GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
        client.until("\r\n\r\n").await;
        // Held is a body of which nothing was taken for several turns in a row.
        let (mut count, mut turns) = (0, 0);
        while turns < 4 {
            tokio::time::sleep(Duration::from_millis(30)).await;
            let now = given.load(Ordering::Relaxed);
            turns = if now == count { turns + 1 } else { 0 };
            count = now;
            assert!(count < BOUND, "nothing holds it");
        }
        drop(client);
        assert_eq!(told.recv().await, Some("dropped"));
        server.stop().await;
    })
    .await;
}

#[tokio::test]
async fn endpoint_under_way_finishes_when_the_server_shuts_down() {
    within(async {
        let gate = Arc::new(Semaphore::new(0));
        let (tell, mut told) = mpsc::unbounded_channel();
        let opened = gate.clone();
        let server = Native::start(make(move |_| {
            let (gate, told) = (opened.clone(), Told(tell.clone()));
            async move {
                told.0.send("waits").unwrap();
                gate.acquire().await.unwrap().forget();
                "finished"
            }
        }))
        .await;
        let client = Client::send(server.addr, "GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
        assert_eq!(told.recv().await, Some("waits"));
        server.handle.shutdown();
        // Whoever connects now is refused: the server is stopping.
        while tokio::net::TcpStream::connect(server.addr).await.is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(told.try_recv().is_err(), "it is not dropped");
        gate.add_permits(1);
        assert!(client.all().await.ends_with("finished"));
        server.stop().await;
    })
    .await;
}

const BLOCK: usize = 64 * 1024;
/// What both ends of a socket may hold in the system, and then some.
const BOUND: usize = 64 * 1024 * 1024 / BLOCK;
