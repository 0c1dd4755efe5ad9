//! The beginning of a connection that a proxy passes on.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use gateway_iface::Connection;
use tokio::io::AsyncReadExt as _;

use super::header::{self, InvalidHeader};
use crate::socket::Socket;

/// Reads the header on a socket, whose addresses become the connection's; what was read of that which
/// follows it.
pub(crate) async fn accept(socket: &mut Socket, connection: &mut Connection) -> Result<Bytes, NotAccepted> {
    let mut octets = BytesMut::with_capacity(READ);
    loop {
        if let Some(header) = header::read(&octets)? {
            if let Some((client, server)) = header.addrs {
                connection.set_client(Some(client));
                connection.set_server(Some(server.into()));
            }
            octets.advance(header.len);
            return Ok(octets.freeze());
        }
        if socket.read_buf(&mut octets).await? == 0 {
            return Err(if octets.is_empty() { NotAccepted::Unused } else { NotAccepted::Cut });
        }
    }
}

/// Why a connection goes no further.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAccepted {
    #[error("nothing came at all")]
    Unused,
    #[error("the header was cut")]
    Cut,
    #[error("what came is no header: {0}")]
    Invalid(#[from] InvalidHeader),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl NotAccepted {
    /// Whether something came that was no header.
    pub(crate) const fn is_malformed(&self) -> bool {
        matches!(self, Self::Cut | Self::Invalid(_))
    }
}

/// Octets that are read at once: most headers, and what may have come behind one.
const READ: usize = 512;
