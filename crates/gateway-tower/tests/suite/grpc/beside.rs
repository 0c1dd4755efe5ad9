//! gRPC beside other applications on one port, behind our middleware, and over TLS.

use std::net::SocketAddr;

use gateway_hyper::{Listener, Server, TlsConfig};
use gateway_iface::http::StatusCode;
use gateway_iface::middleware::{Counter, Mount, PathGuard};
use gateway_iface::{Error, asgi};
use gateway_tower::{FromTower, ToTower};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Request;
use tonic::client::Grpc;
use tonic::service::Routes;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

use super::servers::{Ours, codec, connect, on_both_runtimes, path};
use super::service::{COLLECT, Note, Notes, UNARY, note};

async fn hello(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    scope.into_http()?;
    Ok(send.text(200, "hello").await?)
}

/// below a prefix, which the client is told to put before its paths.
#[test]
fn a_147_service_is_mounted_behind_middleware() {
    on_both_runtimes(async || {
        let routes = Routes::new(Notes::new().0).prepare();
        let mount =
            Mount::new().at("/api", gateway_tower::tonic::application(routes)).unwrap().fallback(hello);
        let app = Counter::new(PathGuard::deny(mount).exact("/api/suite.Notes/Collect"));
        let counts = app.counts();
        let server = Ours::start(app).await;
        let origin = format!("http://{}/api", server.addr).parse().unwrap();
        let mut client = Grpc::with_origin(connect(server.addr).await, origin);
        client.ready().await.unwrap();
        let answer = client.unary(Request::new(note(3, "x")), path(UNARY), codec()).await.unwrap();
        assert_eq!(answer.get_ref(), &note(3, "x"));
        client.ready().await.unwrap();
        let notes = Request::new(tokio_stream::once(note(3, "x")));
        let refused = client.client_streaming::<_, _, Note, _>(notes, path(COLLECT), codec()).await;
        // What is not gRPC is an error to tonic, which tells of the answer's status.
        let refused = refused.unwrap_err();
        assert!(refused.message().contains("404 Not Found"), "{refused}");
        assert!(get(server.addr).await.ends_with("hello"));
        drop(client);
        server.stop().await;
        let counts = counts.snapshot();
        assert_eq!((counts.requests, counts.success, counts.client_error, counts.in_flight), (3, 2, 1, 0));
    });
}

/// tonic's routes are an axum router, whose fallback an application of ours is.
#[test]
fn application_is_beside_the_routes_of_tonic() {
    on_both_runtimes(async || {
        let router = Routes::new(Notes::new().0).into_axum_router().fallback_service(ToTower::new(hello));
        let server = Ours::start(FromTower::new(router)).await;
        let mut client = Grpc::new(connect(server.addr).await);
        client.ready().await.unwrap();
        let answer = client.unary(Request::new(note(3, "x")), path(UNARY), codec()).await.unwrap();
        assert_eq!(answer.get_ref(), &note(3, "x"));
        assert!(get(server.addr).await.ends_with("hello"));
        drop(client);
        server.stop().await;
    });
}

/// HTTP/2 is agreed on by ALPN.
#[test]
fn calls_come_over_tls() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = std::env::temp_dir().join(format!("gateway-tower-grpc-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    on_both_runtimes(async || {
        let tls = TlsConfig::new(&chain, &key);
        let listener = Listener::bind("127.0.0.1:0").await.unwrap().with_tls(tls).unwrap();
        let server = Server::builder().signals(false).listen(listener).unwrap();
        let (addr, handle) = (server.local_addr().tcp().unwrap(), server.handle());
        let routes = Routes::new(Notes::new().0).prepare();
        let serving = tokio::spawn(server.serve(gateway_tower::tonic::application(routes)));
        let trusted = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(made.cert.pem()))
            .domain_name("localhost");
        let endpoint = Endpoint::from_shared(format!("https://{addr}")).unwrap().tls_config(trusted).unwrap();
        let mut client = Grpc::new(endpoint.connect().await.unwrap());
        client.ready().await.unwrap();
        let answer = client.unary(Request::new(note(3, "x")), path(UNARY), codec()).await.unwrap();
        assert_eq!(answer.metadata().get("x-client").unwrap(), "127.0.0.1");
        drop(client);
        handle.shutdown();
        serving.await.unwrap().unwrap();
    });
    std::fs::remove_dir_all(folder).unwrap();
}

/// A request by HTTP/1.1 on the same port: all of the answer.
async fn get(addr: SocketAddr) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(b"GET /hello HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with(&format!("HTTP/1.1 {}", StatusCode::OK)), "{answer}");
    answer
}
