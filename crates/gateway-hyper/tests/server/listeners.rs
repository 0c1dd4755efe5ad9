//! What a server can listen on.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use gateway_hyper::{Inherited, ListenOptions, Listener, LocalAddr};
use gateway_iface::{Error, asgi};
use tokio::net::{TcpStream, UnixStream};

use crate::support::{Client, Server, builder, hello, on_both_runtimes};

/// A path for a socket; its folder goes with it.
struct SocketPath(PathBuf);

impl SocketPath {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("gateway-hyper-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).unwrap();
        Self(folder.join("socket"))
    }
}

impl Drop for SocketPath {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.0.parent().unwrap());
    }
}

/// Serves on that path while the test runs; the path must be gone afterwards.
async fn serve_unix(path: &Path, test: impl AsyncFnOnce()) {
    async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
        let scope = scope.into_http()?;
        let text = format!("{:?} {:?}", scope.head().client(), scope.head().server());
        Ok(send.text(200, text).await?)
    }
    let server = builder().bind_unix(path).unwrap();
    assert_eq!(server.local_addr(), &LocalAddr::Unix(Some(path.to_owned())));
    let handle = server.handle();
    let task = tokio::spawn(server.serve(app));
    test().await;
    handle.shutdown();
    task.await.unwrap().unwrap();
}

#[test]
fn port_0_is_a_free_port() {
    on_both_runtimes(async || {
        let server = builder().bind("127.0.0.1:0").await.unwrap();
        assert_ne!(server.local_addr().tcp().unwrap().port(), 0);
        let server = Server::of(server, hello);
        assert_eq!(server.get("/").await.status, 200);
        server.stop().await;
    });
}

#[test]
fn listener_of_std_and_listener_of_tokio_serve() {
    on_both_runtimes(async || {
        let std = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let tokio = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        for listener in [Listener::try_from(std).unwrap(), Listener::try_from(tokio).unwrap()] {
            let server = Server::of(builder().listen(listener).unwrap(), hello);
            assert_eq!(server.get("/").await.text(), "Hello, World!");
            server.stop().await;
        }
    });
}

#[test]
fn address_that_is_taken_is_an_error() {
    on_both_runtimes(async || {
        let first = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let error = builder().bind(first.local_addr().unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    });
}

#[test]
fn a_31_unix_socket_serves_tells_its_path_and_is_removed_at_the_end() {
    on_both_runtimes(async || {
        let path = SocketPath::new();
        serve_unix(&path.0, async || {
            let mut client = Client::new(UnixStream::connect(&path.0).await.unwrap());
            for _ in 0..2 {
                let response = client.get("/").await;
                assert_eq!(response.text(), format!("None Some(Unix({:?}))", path.0));
            }
        })
        .await;
        assert!(!path.0.exists());
    });
}

#[test]
fn unix_socket_that_a_dead_server_left_is_replaced() {
    on_both_runtimes(async || {
        let path = SocketPath::new();
        drop(std::os::unix::net::UnixListener::bind(&path.0).unwrap());
        assert!(path.0.exists());
        serve_unix(&path.0, async || {
            let mut client = Client::new(UnixStream::connect(&path.0).await.unwrap());
            assert_eq!(client.get("/").await.status, 200);
        })
        .await;
    });
}

#[test]
fn unix_socket_of_a_live_server_and_a_plain_file_are_left_alone() {
    on_both_runtimes(async || {
        let path = SocketPath::new();
        let live = std::os::unix::net::UnixListener::bind(&path.0).unwrap();
        assert_eq!(builder().bind_unix(&path.0).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        std::os::unix::net::UnixStream::connect(&path.0).unwrap();
        drop(live);

        let file = path.0.with_extension("file");
        std::fs::write(&file, "precious").unwrap();
        assert_eq!(builder().bind_unix(&file).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert_eq!(std::fs::read(&file).unwrap(), b"precious");
    });
}

#[test]
fn existing_unix_listener_serves_and_its_path_stays_with_its_owner() {
    on_both_runtimes(async || {
        let path = SocketPath::new();
        let listener = tokio::net::UnixListener::bind(&path.0).unwrap();
        let server = builder().listen(Listener::try_from(listener).unwrap()).unwrap();
        let handle = server.handle();
        let task = tokio::spawn(server.serve(hello));
        let mut client = Client::new(UnixStream::connect(&path.0).await.unwrap());
        assert_eq!(client.get("/").await.status, 200);
        handle.shutdown();
        task.await.unwrap().unwrap();
        assert!(path.0.exists());
    });
}

#[test]
fn unix_socket_that_another_server_put_in_its_place_is_left_at_the_end() {
    on_both_runtimes(async || {
        let path = SocketPath::new();
        let first = builder().bind_unix(&path.0).unwrap();
        let stop_first = first.handle();
        let first = tokio::spawn(first.serve(hello));
        let mut client = Client::new(UnixStream::connect(&path.0).await.unwrap());
        assert_eq!(client.get("/").await.status, 200);

        std::fs::remove_file(&path.0).unwrap();
        serve_unix(&path.0, async || {
            stop_first.shutdown();
            first.await.unwrap().unwrap();
            assert!(client.closed().await.is_empty());
            let mut client = Client::new(UnixStream::connect(&path.0).await.unwrap());
            assert_eq!(client.get("/").await.status, 200);
        })
        .await;
        assert!(!path.0.exists(), "the second one removes its own");
    });
}

#[test]
fn one_server_listens_at_several_places_and_tells_each() {
    on_both_runtimes(async || {
        let path = SocketPath::new();
        let options = ListenOptions::new().unix_mode(Some(0o600));
        let mut listeners = Vec::new();
        for text in
            ["127.0.0.1:0".to_owned(), "http://[::1]:0".to_owned(), format!("unix:{}", path.0.display())]
        {
            listeners.extend(options.bind(&text.parse().unwrap(), &mut Inherited::none()).unwrap());
        }
        let server = builder().listen_all(listeners).unwrap();
        let addrs = server.local_addrs().to_vec();
        assert_eq!(server.local_addr(), &addrs[0]);
        let server = Server::of(server, hello);
        let mode = std::os::unix::fs::PermissionsExt::mode(&path.0.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        for addr in addrs {
            let response = match addr.tcp() {
                Some(addr) => Client::new(TcpStream::connect(addr).await.unwrap()).get("/").await,
                None => Client::new(UnixStream::connect(&path.0).await.unwrap()).get("/").await,
            };
            assert_eq!(response.text(), "Hello, World!", "{addr}");
        }
        server.stop().await;
        assert!(!path.0.exists());
    });
}

#[test]
fn what_is_beside_has_its_own_application_and_serves_until_all_else_is_done() {
    on_both_runtimes(async || {
        let (stopping, mut stops) = tokio::sync::mpsc::unbounded_channel();
        let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
        let opens = gate.clone();
        let app = move |scope: asgi::Scope, receive: asgi::Receive, mut send: asgi::Send| {
            let (stopping, gate) = (stopping.clone(), opens.clone());
            async move {
                let asgi::Scope::Lifespan(lifespan) = scope else {
                    return Ok(send.text(200, "main").await?);
                };
                let shutdown = async move {
                    stopping.send(())?;
                    gate.acquire().await?.forget();
                    Ok(())
                };
                lifespan.run(receive, send, async { Ok(()) }, shutdown).await
            }
        };
        // An address of its own: no other test is given the port that becomes free.
        let beside = Listener::bind("127.0.0.3:0").await.unwrap();
        let addr = beside.local_addr().unwrap().tcp().unwrap();
        let server = builder().bind("127.0.0.1:0").await.unwrap().beside(beside, hello);
        let server = Server::of(server, app);
        assert_eq!(server.get("/").await.text(), "main");
        server.handle.shutdown();
        stops.recv().await.unwrap();
        let mut client = Client::new(TcpStream::connect(addr).await.unwrap());
        assert_eq!(client.get("/").await.text(), "Hello, World!");
        assert_eq!(server.handle.stats().requests(), 1, "what is beside is not counted");
        gate.add_permits(1);
        server.task.await.unwrap().unwrap();
        assert!(client.closed().await.is_empty());
        assert!(TcpStream::connect(addr).await.is_err());
    });
}

#[test]
fn reuse_port_lets_another_listen_and_its_absence_does_not() {
    on_both_runtimes(async || {
        let options = ListenOptions::new().reuse_port(true);
        let first = options.bind_addr("127.0.0.1:0".parse().unwrap()).unwrap();
        let addr = first.local_addr().unwrap().tcp().unwrap();
        options.bind_addr(addr).unwrap();
        assert_eq!(ListenOptions::new().bind_addr(addr).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    });
}
