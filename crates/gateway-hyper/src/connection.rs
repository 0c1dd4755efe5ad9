//! One connection, from its first octet to its last, whatever it speaks.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gateway_iface::Connection;
use gateway_iface::asgi::Tls;
use tokio::time::timeout;
use tracing::debug;

use crate::control::Control;
use crate::http1::{self, After, Link};
use crate::http2;
use crate::proxy_protocol::{self, ProxyProtocol};
use crate::serving::{Place, Serving};
use crate::socket::{Rewound, Socket};
use crate::stats::Limit;
use crate::tls::Acceptor;
use crate::websocket;

/// Serves what comes on the socket, behind what has to come first.
pub(crate) async fn serve(
    serving: Arc<Serving>,
    control: Arc<Control>,
    mut socket: Socket,
    mut connection: Connection,
    (proxies, tls): (Option<Arc<ProxyProtocol>>, Option<Arc<Acceptor>>),
    place: Place,
) {
    if let Some(proxies) = proxies {
        let proxied = Box::pin(proxied(&serving, &control, &proxies, socket, &mut connection));
        let Some(accepted) = proxied.await else {
            return;
        };
        socket = accepted;
    }
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
        After::WebSocket(driver) => websocket::drive(driver, &control).await,
    }
    drop(place);
}

async fn proxied(
    serving: &Serving,
    control: &Control,
    proxies: &ProxyProtocol,
    mut socket: Socket,
    connection: &mut Connection,
) -> Option<Socket> {
    let peer = connection.client();
    if !proxies.trusts(peer.map(|peer| peer.ip())) {
        debug!(?peer, "no PROXY header is taken from there");
        control.counters().malformed();
        return None;
    }
    let time = serving.settings().proxy_header_timeout;
    let accepting = proxy_protocol::accept(&mut socket, connection);
    match within(control, time, Limit::ProxyHeaderTime, accepting).await? {
        Ok(ahead) => Some(socket.rewound(ahead)),
        Err(error) => {
            debug!(?peer, %error, "no PROXY header");
            if error.is_malformed() {
                control.counters().malformed();
            }
            None
        }
    }
}

async fn shake_hands(
    serving: &Serving,
    control: &Control,
    acceptor: &Acceptor,
    socket: Socket,
) -> Option<(Socket, Tls)> {
    let settings = serving.settings();
    let (time, accepting) = (settings.tls_handshake_timeout, acceptor.accept(socket, settings.http2));
    match within(control, time, Limit::TlsHandshakeTime, accepting).await? {
        Ok(accepted) => Some(accepted),
        Err(error) => {
            debug!(%error, "no TLS");
            None
        }
    }
}

/// What comes of it in time, and before the connection is given up.
async fn within<T>(
    control: &Control,
    time: Duration,
    limit: Limit,
    future: impl Future<Output = T>,
) -> Option<T> {
    // Kept until it is counted, as a client sees that its connection is closed when this is dropped.
    let mut timed = pin!(timeout(time, future));
    tokio::select! {
        done = &mut timed => {
            if done.is_err() {
                debug!(%limit, "a connection took too long");
                control.counters().hit(limit);
            }
            done.ok()
        }
        () = control.cut() => None,
    }
}
