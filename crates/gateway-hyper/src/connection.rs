//! One connection, from its first octet to its last, whatever it speaks.

use std::sync::Arc;

use gateway_iface::Connection;

use crate::control::Control;
use crate::http1::{self, Link};
use crate::http2;
use crate::serving::{Registered, Serving};
use crate::socket::Socket;

/// Serves what comes on the socket.
pub(crate) async fn serve(
    serving: Arc<Serving>,
    control: Arc<Control>,
    socket: Socket,
    connection: Arc<Connection>,
    registered: Registered,
) {
    let link = Link::new(Arc::clone(&serving), Arc::clone(&control), Arc::clone(&connection));
    // What begins with the preface of HTTP/2 speaks that by prior knowledge.
    if let Some(io) = http1::Task::new(socket, Arc::new(link)).await {
        Box::pin(http2::serve(serving, control, connection, io)).await;
    }
    drop(registered);
}
