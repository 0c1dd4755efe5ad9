//! What the head of a response says, and what it must not.

use std::borrow::Cow;

use http::HeaderMap;

use crate::asgi::event::ResponseStart;
use crate::asgi::{InvalidEvent, SendError};
use crate::request::parse_length;

pub(super) fn check_length(
    name: &'static str,
    declared: u64,
    sent: u64,
    more: bool,
) -> Result<(), SendError> {
    if sent > declared {
        return Err(refuse(name, format!("the body is longer than its content-length of {declared}")));
    }
    if !more && sent < declared {
        return Err(refuse(name, format!("the body ends at {sent} of {declared} octets")));
    }
    Ok(())
}

/// What a head says of its response.
pub(crate) struct Head {
    pub(super) length: Option<u64>,
    pub(super) connection_fields: bool,
}

/// What is wrong with a start, whatever came before it.
pub(crate) fn check_start(start: &ResponseStart) -> Result<Head, SendError> {
    if !(200..600).contains(&start.status.as_u16()) {
        return Err(refuse(NAME, "the final status is 200 to 599"));
    }
    check_head(&start.headers)
}

fn check_head(headers: &HeaderMap) -> Result<Head, SendError> {
    let mut head = Head { length: None, connection_fields: false };
    for (name, value) in headers {
        match name.as_str() {
            "content-length" => {
                let length = parse_length(value.as_bytes());
                if length.is_none() || head.length.is_some() {
                    return Err(refuse(NAME, "content-length is one decimal number"));
                }
                head.length = length;
            }
            "connection" | "keep-alive" | "proxy-connection" | "transfer-encoding" | "upgrade" => {
                head.connection_fields = true;
            }
            _ => {}
        }
    }
    Ok(head)
}

pub(super) fn remove_connection_fields(headers: &mut HeaderMap) {
    for name in ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"] {
        headers.remove(name);
    }
}

#[cold]
pub(super) fn refuse(event: &'static str, reason: impl Into<Cow<'static, str>>) -> SendError {
    InvalidEvent::new(event, reason).into()
}

const NAME: &str = "http.response.start";
