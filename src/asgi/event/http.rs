//! The events of the `http` protocol.

use std::any::Any;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};

/// A block of the request body, decoded.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct RequestBody {
    /// The octets; how they are cut into blocks means nothing.
    pub body: Bytes,
    /// Whether more blocks follow.
    pub more_body: bool,
}

impl RequestBody {
    /// A block that others follow.
    pub fn block(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), more_body: true }
    }

    /// The last block.
    pub fn last(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), more_body: false }
    }
}

/// Status and header fields of the response.
///
/// Names and values cannot hold what would break the message, by type (A-62, H-67). A server
/// ignores `transfer-encoding` and `connection` and its relatives from an application: framing and
/// connections are its own.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ResponseStart {
    /// The final status, 200 to 599.
    pub status: StatusCode,
    /// The header fields, order and repetition kept.
    pub headers: HeaderMap,
    /// Whether trailers follow the body; without the capability it means nothing.
    pub trailers: bool,
}

impl ResponseStart {
    /// A head without trailers to follow.
    #[must_use]
    pub const fn new(status: StatusCode, headers: HeaderMap) -> Self {
        Self { status, headers, trailers: false }
    }

    /// Whether trailers follow.
    #[must_use]
    pub const fn with_trailers(mut self, trailers: bool) -> Self {
        self.trailers = trailers;
        self
    }
}

/// A block of the response body.
///
/// An empty block with more to come sends the head and nothing else.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ResponseBody {
    /// The octets.
    pub body: Bytes,
    /// Whether more blocks follow.
    pub more_body: bool,
}

impl ResponseBody {
    /// A block that others follow.
    pub fn block(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), more_body: true }
    }

    /// The last block: it completes the response.
    pub fn last(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), more_body: false }
    }
}

/// Fields after the body.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ResponseTrailers {
    /// The fields.
    pub headers: HeaderMap,
    /// Whether more trailers follow.
    pub more_trailers: bool,
}

impl ResponseTrailers {
    /// The last trailers.
    #[must_use]
    pub const fn last(headers: HeaderMap) -> Self {
        Self { headers, more_trailers: false }
    }
}

/// Links that a client may fetch ahead of the final head: status 103.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct EarlyHint {
    /// The values of the `link` fields.
    pub links: Vec<HeaderValue>,
}

impl EarlyHint {
    /// With these links.
    #[must_use]
    pub const fn new(links: Vec<HeaderValue>) -> Self {
        Self { links }
    }
}

/// A request that the server should push.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Push {
    /// The path, decoded.
    pub path: String,
    /// The header fields of the request to push.
    pub headers: HeaderMap,
}

impl Push {
    /// Pushes that path.
    pub fn new(path: impl Into<String>, headers: HeaderMap) -> Self {
        Self { path: path.into(), headers }
    }
}

/// A file, by absolute path, as the whole body.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PathSend {
    /// The path.
    pub path: PathBuf,
}

impl PathSend {
    /// Sends that file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

/// Part of an open file as a block of the body.
///
/// The application's handle stays its own.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ZeroCopySend {
    /// The open file.
    pub file: Arc<File>,
    /// Where to begin, in octets; `None` is the current position.
    pub offset: Option<u64>,
    /// How many octets; `None` is up to the end.
    pub count: Option<u64>,
    /// Whether more blocks follow.
    pub more_body: bool,
}

impl ZeroCopySend {
    /// The file from its current position to its end, as the last block.
    #[must_use]
    pub const fn new(file: Arc<File>) -> Self {
        Self { file, offset: None, count: None, more_body: false }
    }
}

/// Data for a test harness, once, ahead of the response.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Debug {
    /// Any value.
    pub info: Arc<dyn Any + Send + Sync>,
}

impl Debug {
    /// Carries that value.
    pub fn new<T: Any + Send + Sync>(info: T) -> Self {
        Self { info: Arc::new(info) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_53_a_64_defaults_are_an_empty_last_block() {
        assert_eq!(RequestBody::default(), RequestBody::last(""));
        assert_eq!(ResponseBody::default(), ResponseBody::last(""));
    }
}
