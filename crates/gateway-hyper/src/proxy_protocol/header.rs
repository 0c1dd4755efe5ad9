//! What a header says, and where it ends.

use std::net::SocketAddr;

use ppp::{v1, v2};

/// A whole header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Header {
    /// The client's address, and the one that it connected to; `None` where those of the connection hold.
    pub(super) addrs: Option<(SocketAddr, SocketAddr)>,
    /// Octets that it has.
    pub(super) len: usize,
}

/// Reads a header at the beginning of what came; `None` when there has to come more.
pub(super) fn read(octets: &[u8]) -> Result<Option<Header>, InvalidHeader> {
    if is_begun(octets, TEXT) {
        text(octets)
    } else if is_begun(octets, BINARY) {
        binary(octets)
    } else {
        Err(InvalidHeader::Signature)
    }
}

/// Whether both are the same as far as both go.
fn is_begun(octets: &[u8], signature: &[u8]) -> bool {
    octets.iter().zip(signature).all(|(octet, expected)| octet == expected)
}

/// Version 1: a line.
fn text(octets: &[u8]) -> Result<Option<Header>, InvalidHeader> {
    // The crate takes a line that was cut behind a space for a wrong one, so it is given whole lines.
    let Some(end) = octets.iter().take(MAX_TEXT).position(|&octet| octet == b'\n') else {
        return if octets.len() < MAX_TEXT { Ok(None) } else { Err(InvalidHeader::Length) };
    };
    let line = &octets[..=end];
    let header = v1::Header::try_from(line)?;
    // The standard library reads numbers with a sign, and so does the crate.
    if line.contains(&b'+') {
        return Err(InvalidHeader::Sign);
    }
    let addrs = match header.addresses {
        v1::Addresses::Tcp4(addrs) => Some(v4(addrs)),
        v1::Addresses::Tcp6(addrs) => Some(v6(addrs)),
        v1::Addresses::Unknown => None,
    };
    Ok(Some(Header { addrs, len: line.len() }))
}

/// Version 2: sixteen octets, and as many as they say.
fn binary(octets: &[u8]) -> Result<Option<Header>, InvalidHeader> {
    let Some(&[command, _, high, low]) = octets.get(BINARY.len()..FIXED) else {
        return Ok(None);
    };
    let len = FIXED + usize::from(u16::from_be_bytes([high, low]));
    if len > MAX_BINARY {
        return Err(InvalidHeader::Length);
    }
    let Some(octets) = octets.get(..len) else {
        return Ok(None);
    };
    if command == LOCAL {
        // What else it says is to be ignored, the family of addresses included.
        return Ok(Some(Header { addrs: None, len }));
    }
    let header = v2::Header::try_from(octets)?;
    let addrs = match header.addresses {
        v2::Addresses::IPv4(addrs) if header.protocol == v2::Protocol::Stream => Some(v4(addrs)),
        v2::Addresses::IPv6(addrs) if header.protocol == v2::Protocol::Stream => Some(v6(addrs)),
        _ => None,
    };
    Ok(Some(Header { addrs, len }))
}

fn v4(addrs: v1::IPv4) -> (SocketAddr, SocketAddr) {
    let source = (addrs.source_address, addrs.source_port).into();
    (source, (addrs.destination_address, addrs.destination_port).into())
}

fn v6(addrs: v1::IPv6) -> (SocketAddr, SocketAddr) {
    let source = (addrs.source_address, addrs.source_port).into();
    (source, (addrs.destination_address, addrs.destination_port).into())
}

/// Why something is no header.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidHeader {
    #[error("it begins as neither version does")]
    Signature,
    #[error("it is too long")]
    Length,
    #[error("a number has a sign")]
    Sign,
    #[error(transparent)]
    Text(#[from] v1::BinaryParseError),
    #[error(transparent)]
    Binary(#[from] v2::ParseError),
}

const TEXT: &[u8] = b"PROXY ";
/// Octets that a line can have.
const MAX_TEXT: usize = 107;

const BINARY: &[u8] = v2::PROTOCOL_PREFIX;
/// Octets that every header of version 2 has.
const FIXED: usize = BINARY.len() + 4;
/// Octets that one may have: addresses need 232, the rest is for what is ignored.
const MAX_BINARY: usize = 4096;
/// The version, and the command of who speaks for itself.
const LOCAL: u8 = 0x20;
