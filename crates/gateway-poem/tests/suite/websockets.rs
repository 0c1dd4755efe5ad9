//! poem's own WebSockets, as applications. The other way is the kit's.

use futures_util::{SinkExt, StreamExt};
use gateway_iface::asgi::event::Message;
use gateway_iface::asgi::{Capabilities, Capability};
use gateway_iface::http::Request;
use gateway_iface::testing::AsgiClient;
use gateway_poem::FromPoem;
use poem::web::websocket::WebSocket;
use poem::{IntoResponse, Route, get, handler};

use crate::client::within;

#[handler]
fn echo(socket: WebSocket) -> impl IntoResponse {
    socket.protocols(["echo"]).on_upgrade(|mut socket| async move {
        while let Some(Ok(message)) = socket.next().await {
            if socket.send(message).await.is_err() {
                break;
            }
        }
    })
}

#[tokio::test]
async fn a_88_websocket_of_an_endpoint_is_one_of_an_application() {
    within(async {
        let client = AsgiClient::new(FromPoem::new(Route::new().at("/echo", get(echo))));
        let request = Request::get("/echo").header("sec-websocket-protocol", "other, echo").body(()).unwrap();
        let mut socket = client.websocket(request);
        let accept = socket.connect().await.unwrap();
        assert_eq!(accept.subprotocol.as_deref(), Some("echo"));
        for text in ["one", "two"] {
            socket.send(Message::from(text));
            assert_eq!(socket.next().await, Some(Message::from(text)));
        }
        socket.close(1001, "gone");
        socket.finish().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_125_endpoint_that_does_not_upgrade_refuses_the_socket_with_its_answer() {
    within(async {
        let client = AsgiClient::new(FromPoem::new(Route::new().at("/echo", get(echo))))
            .with_capabilities(Capabilities::none().with(Capability::WebSocketDenial));
        let denied =
            client.websocket(Request::get("/nothing").body(()).unwrap()).connect().await.unwrap_err();
        assert_eq!((denied.status().as_u16(), denied.text().as_ref()), (404, "not found"));
    })
    .await;
}
