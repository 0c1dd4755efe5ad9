//! One connection, from its first octet to its last, whatever it speaks.

use std::sync::Arc;

use bytes::Bytes;
use gateway_iface::Connection;
use gateway_iface::asgi::Tls;
use tokio::time::timeout;
use tracing::debug;

use crate::control::Control;
use crate::http1::{self, After, Link};
use crate::http2;
use crate::serving::{Place, Serving};
use crate::socket::{Rewound, Socket};
use crate::tls::Acceptor;

/// Serves what comes on the socket.
pub(crate) async fn serve(
    serving: Arc<Serving>,
    control: Arc<Control>,
    mut socket: Socket,
    mut connection: Connection,
    tls: Option<Arc<Acceptor>>,
    place: Place,
) {
    if let Some(acceptor) = tls {
        let Some(accepted) = Box::pin(shake_hands(&serving, &control, &acceptor, socket)).await else {
            return;
        };
        socket = accepted.0;
        connection = connection.with_secure(true).with_tls(accepted.1);
    }
    let connection = Arc::new(connection);
    let after = if socket.is_http2() {
        After::Http2(Rewound::new(Bytes::new(), socket))
    } else {
        let link = Link::new(Arc::clone(&serving), Arc::clone(&control), Arc::clone(&connection));
        // What begins with the preface of HTTP/2 speaks that by prior knowledge.
        http1::Task::new(socket, Arc::new(link)).await
    };
    match after {
        After::End => {}
        After::Http2(io) => Box::pin(http2::serve(serving, control, connection, io)).await,
        After::WebSocket(driver) => driver.run(&control).await,
    }
    drop(place);
}

async fn shake_hands(
    serving: &Serving,
    control: &Control,
    acceptor: &Acceptor,
    socket: Socket,
) -> Option<(Socket, Tls)> {
    let settings = serving.settings();
    let accepting = timeout(settings.tls_handshake_timeout, acceptor.accept(socket, settings.http2));
    tokio::select! {
        accepted = accepting => match accepted {
            Ok(Ok(accepted)) => Some(accepted),
            Ok(Err(error)) => {
                debug!(%error, "no TLS");
                None
            }
            Err(_) => {
                debug!("no TLS in time");
                None
            }
        },
        () = control.cut() => None,
    }
}
