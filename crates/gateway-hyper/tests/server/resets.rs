//! Connections that break at any point: none of them is missed by the next client.

use std::io::Read;
use std::sync::Arc;

use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, asgi};
use http::{HeaderMap, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Log, Server, both_ways, on_both_runtimes, on_current_thread};

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

async fn asgi_echo(
    scope: asgi::Scope,
    mut receive: asgi::Receive,
    mut send: asgi::Send,
) -> Result<(), Error> {
    scope.into_http()?;
    send.start(StatusCode::OK, HeaderMap::new()).await?;
    while let Some(block) = receive.block().await? {
        for part in block.chunks(700) {
            send.block(part.to_vec()).await?;
        }
    }
    Ok(send.last("end").await?)
}

fn wsgi_echo(mut environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    let mut body = Vec::new();
    environ.input().read_to_end(&mut body)?;
    start_response.start(StatusCode::OK, HeaderMap::new())?;
    let mut blocks: Vec<_> = body.chunks(700).map(<[u8]>::to_vec).collect();
    blocks.push(b"end".to_vec());
    Ok(Body::blocks(blocks))
}

/// Sends some of the request, reads some of the response, and is gone in one of three ways.
async fn break_one(server: &Server, numbers: &mut Numbers) {
    let len = numbers.below(20_000);
    let head = match numbers.below(3) {
        0 => format!("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: {len}\r\n\r\n"),
        1 => format!("POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n{len:x}\r\n"),
        _ => "GET / HTTP/1.1\r\nhost: test\r\n\r\nGET / HTTP/1.1\r\nhost: test\r\n\r\n".to_owned(),
    };
    let mut request = head.into_bytes();
    request.resize(request.len() + len, b'x');
    request.truncate(numbers.below(request.len() + 1));
    let mut client = server.connect().await;
    let _ = client.stream.write_all(&request).await;
    // What the server has to say to a part of a request may be nothing at all.
    for _ in 0..numbers.below(4) {
        let mut octets = [0; 300];
        let _ = client.stream.try_read(&mut octets);
        tokio::task::yield_now().await;
    }
    match numbers.below(3) {
        0 => drop(client),
        1 => client.reset(),
        _ => {
            let _ = client.stream.shutdown().await;
            let mut rest = Vec::new();
            let _ = client.stream.read_to_end(&mut rest).await;
        }
    }
}

async fn break_many(name: &str, app: Arc<dyn asgi::Application>, seed: u64) {
    let server = Server::start(app).await;
    let mut numbers = Numbers(seed);
    let mut good = server.connect().await;
    for n in 0..200 {
        break_one(&server, &mut numbers).await;
        if n % 20 == 0 {
            assert_eq!(good.get("/").await.text(), "end", "{name}: after {n}");
        }
    }
    assert_eq!(good.get("/").await.text(), "end", "{name}");
    assert_eq!(server.get("/").await.text(), "end", "{name}");
    // Every call comes to its end: the server can stop.
    server.stop().await;
}

#[test]
fn two_hundred_connections_that_break_leave_the_server_well() {
    on_both_runtimes(async || {
        break_many("asgi", Arc::new(asgi_echo), 1).await;
        for (name, app) in both_ways(wsgi_echo) {
            break_many(name, app, 2).await;
        }
    });
}

#[test]
fn connections_that_break_are_not_logged_as_faults_of_the_application() {
    on_current_thread(async || {
        let log = Log::start();
        break_many("asgi", Arc::new(asgi_echo), 3).await;
        assert_eq!(log.errors(), [""; 0], "asgi");
        for (name, app) in both_ways(wsgi_echo) {
            break_many(name, app, 4).await;
            assert_eq!(log.errors(), [""; 0], "{name}");
        }
    });
}
