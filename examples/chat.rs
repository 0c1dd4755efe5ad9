//! Rooms to talk in, over WebSockets, with the page to do it.
//!
//! `cargo run --example chat`, then open <http://127.0.0.1:8000/room/lobby> in two tabs. Another room is
//! another name in the path, another address is an argument.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use gateway_hyper::{ServeError, Server};
use gateway_iface::Error;
use gateway_iface::asgi::event::{Accept, Message};
use gateway_iface::asgi::{self, Handshake, HttpScope, Receive, Scope, WebSocketScope};
use gateway_iface::http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::sync::broadcast;

const PAGE: &str = include_str!("chat.html");

/// The application: a page for each room at `/room/<name>`, and its socket at `/ws/<name>`.
#[derive(Clone, Default)]
struct Chat {
    rooms: Arc<Mutex<HashMap<String, broadcast::Sender<String>>>>,
}

impl Chat {
    async fn page(request: HttpScope, mut send: asgi::Send) -> Result<(), Error> {
        match request.path_info() {
            "/" => {
                let lobby =
                    HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_static("/room/lobby"))]);
                send.start(StatusCode::FOUND, lobby).await?;
                send.last("").await?;
            }
            path if path.starts_with("/room/") => {
                let html = HeaderValue::from_static("text/html; charset=utf-8");
                send.start(StatusCode::OK, HeaderMap::from_iter([(header::CONTENT_TYPE, html)])).await?;
                send.last(PAGE).await?;
            }
            _ => send.text(404, "There is no such page.\n").await?,
        }
        Ok(())
    }

    async fn talk(&self, scope: WebSocketScope, receive: Receive, send: asgi::Send) -> Result<(), Error> {
        let handshake = Handshake::begin(receive, send).await?;
        let Some(room) = scope.head().path_info().strip_prefix("/ws/") else {
            return Ok(handshake.close().await?);
        };
        let mut socket = handshake.accept(Accept::new()).await?;
        let (room, mut said) = self.enter(room);
        loop {
            tokio::select! {
                message = socket.next() => match message {
                    // Whoever listens, the speaker among them, is told below.
                    Ok(Message::Text(text)) => drop(room.send(text)),
                    Ok(_) => {}
                    Err(_) => return Ok(()),
                },
                text = said.recv() => match text {
                    Ok(text) => socket.send(text).await?,
                    // A reader that is too slow misses what was said meanwhile.
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return Ok(()),
                },
            }
        }
    }

    /// The room of that name, and what is said in it from now on.
    fn enter(&self, name: &str) -> (broadcast::Sender<String>, broadcast::Receiver<String>) {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.retain(|_, room| room.receiver_count() > 0);
        let room = rooms.entry(name.to_owned()).or_insert_with(|| broadcast::Sender::new(64));
        (room.clone(), room.subscribe())
    }
}

#[tokio::main]
async fn main() -> Result<(), ServeError> {
    let chat = Chat::default();
    let app = move |scope: Scope, receive: Receive, send: asgi::Send| {
        let chat = chat.clone();
        async move {
            match scope {
                Scope::Http(request) => Chat::page(request, send).await,
                Scope::WebSocket(socket) => chat.talk(socket, receive, send).await,
                other => Err(other.unsupported().into()),
            }
        }
    };
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    // Nobody says more at once, and each room keeps the last 64 messages.
    let server = Server::builder().websocket_max_message(16 * 1024).bind(addr).await?;
    eprintln!("serving {}/room/lobby", server.local_addr());
    server.serve(app).await
}
