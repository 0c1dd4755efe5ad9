//! Applications under poem's own server: clients that leave, and the shutdown.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gateway_iface::http::{HeaderMap, StatusCode};
use gateway_iface::{Error, asgi};
use gateway_poem::ToPoem;
use poem::{Endpoint, Server};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::client::{Client, within};
use crate::hosts::{acceptor, address};

/// poem's server with an endpoint, which stops when it is told to, and drops what takes longer than this.
struct Native {
    addr: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Native {
    fn start(endpoint: impl Endpoint + 'static, timeout: Option<Duration>) -> Self {
        let acceptor = acceptor().unwrap();
        let (addr, (stop, stopped)) = (address(&acceptor), oneshot::channel());
        let stopped = async { drop(stopped.await) };
        let server = Server::new_with_acceptor(acceptor);
        let task = tokio::spawn(server.run_with_graceful_shutdown(endpoint, stopped, timeout));
        Self { addr, stop, task }
    }
}

/// Gives a block; then either waits for the gate and ends, or learns of a loss and goes on for a while after that.
fn app(gate: &Arc<Semaphore>) -> (impl asgi::Application + 'static, mpsc::UnboundedReceiver<String>) {
    let (tell, told) = mpsc::unbounded_channel();
    let gate = gate.clone();
    let app = move |scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send| {
        let (tell, gate) = (tell.clone(), gate.clone());
        async move {
            scope.into_http()?;
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            send.block("one").await?;
            tell.send("waits".to_owned())?;
            tokio::select! {
                permit = gate.acquire() => {
                    permit?.forget();
                    return Ok::<(), Error>(send.last("two").await?);
                }
                reason = receive.disconnected() => tell.send(format!("{reason:?}"))?,
            }
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            Ok(tell.send("cleaned up".to_owned())?)
        }
    };
    (app, told)
}

#[tokio::test]
async fn a_06_a_95_application_whose_client_left_goes_on_and_is_waited_for() {
    within(async {
        let (app, mut told) = app(&Arc::new(Semaphore::new(0)));
        let endpoint = ToPoem::new(app);
        let server = Native::start(endpoint.clone(), None);
        // Without more to read of a body, poem's server does not tell.
        let upload = "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 9\r\n\r\nbody";
        let mut client = Client::send(server.addr, upload).await;
        client.until("one").await;
        assert_eq!(told.recv().await.unwrap(), "waits");
        drop(client);
        assert_eq!(told.recv().await.unwrap(), "Client");
        server.stop.send(()).unwrap();
        server.task.await.unwrap().unwrap();
        endpoint.finished().await;
        assert_eq!(told.try_recv().unwrap(), "cleaned up");
    })
    .await;
}

#[tokio::test]
async fn application_under_way_finishes_when_poem_shuts_down() {
    within(async {
        let gate = Arc::new(Semaphore::new(0));
        let (app, mut told) = app(&gate);
        let server = Native::start(ToPoem::new(app), None);
        let mut client = Client::send(server.addr, "GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
        client.until("one").await;
        assert_eq!(told.recv().await.unwrap(), "waits");
        server.stop.send(()).unwrap();
        // Whoever connects now is refused: the server is stopping.
        while TcpStream::connect(server.addr).await.is_ok() {
            tokio::task::yield_now().await;
        }
        gate.add_permits(1);
        assert!(client.all().await.ends_with("two\r\n0\r\n\r\n"));
        server.task.await.unwrap().unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_95_application_is_told_when_poem_has_no_more_time_for_it() {
    within(async {
        let (app, mut told) = app(&Arc::new(Semaphore::new(0)));
        let endpoint = ToPoem::new(app);
        let server = Native::start(endpoint.clone(), Some(Duration::ZERO));
        let mut client = Client::send(server.addr, "GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
        client.until("one").await;
        assert_eq!(told.recv().await.unwrap(), "waits");
        server.stop.send(()).unwrap();
        server.task.await.unwrap().unwrap();
        endpoint.finished().await;
        assert_eq!(told.try_recv().unwrap(), "Client");
        assert_eq!(told.try_recv().unwrap(), "cleaned up");
    })
    .await;
}
