//! WebSockets that a service has taken over, when its server stops.

use gateway_iface::asgi::event::Accept;
use gateway_iface::asgi::{self, Disconnect};
use gateway_iface::http::Request;
use gateway_iface::{BoxError, Error};
use gateway_tower::{ToTower, Upgrade};
use http_body_util::Empty;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tower::ServiceExt;

#[tokio::test]
async fn s_59_sockets_are_closed_with_1001_and_waited_for_when_the_server_stops() -> Result<(), BoxError> {
    let (tell, mut told) = mpsc::unbounded_channel();
    let app = move |scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send| {
        let tell = tell.clone();
        async move {
            scope.into_websocket()?;
            let mut socket = asgi::Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
            tell.send((0, Disconnect::Complete)).map_err(Error::new)?;
            let Err(closed) = socket.next().await else {
                return Err(Error::new("a message"));
            };
            tell.send((closed.code(), closed.disconnect())).map_err(Error::new)
        }
    };
    let service = ToTower::new(app);
    let mut open = connect(&service).await?;
    assert_eq!(told.recv().await, Some((0, Disconnect::Complete)), "it is open");

    service.shut_down();
    assert_eq!(told.recv().await, Some((1001, Disconnect::Shutdown)));
    let mut late = connect(&service).await?;
    for client in [&mut open, &mut late] {
        let mut close = [0; 4];
        client.read_exact(&mut close).await?;
        assert_eq!(close, [0x88, 2, 0x03, 0xe9], "1001");
        client.write_all(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]).await?;
    }
    service.finished().await;
    assert_eq!(open.read(&mut [0]).await?, 0, "it is over");
    Ok(())
}

/// The client's end of a WebSocket that has just opened.
async fn connect<A: asgi::Application + 'static>(service: &ToTower<A>) -> Result<DuplexStream, BoxError> {
    let (client, server) = tokio::io::duplex(1024);
    let request = Request::get("/")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .extension(Upgrade::new(async { Ok(server) }))
        .body(Empty::<&[u8]>::new())?;
    assert_eq!(service.clone().oneshot(request).await?.status(), 101);
    Ok(client)
}
