//! The limits of a server, by name.

use std::fmt;

/// A limit that a client or an application can hit.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Limit {
    /// The time of a header of the PROXY protocol:
    /// [`Builder::proxy_header_timeout`](crate::Builder::proxy_header_timeout).
    ProxyHeaderTime,
    /// The time to shake hands for TLS:
    /// [`Builder::tls_handshake_timeout`](crate::Builder::tls_handshake_timeout).
    TlsHandshakeTime,
    /// The time of a request's head: [`Builder::header_read_timeout`](crate::Builder::header_read_timeout).
    HeadTime,
    /// The size of a request's head: [`Builder::max_head_size`](crate::Builder::max_head_size), and hyper's on
    /// the number of fields and the length of the target.
    HeadSize,
    /// The time until the next request: [`Builder::idle_timeout`](crate::Builder::idle_timeout). It is no fault of
    /// anyone.
    IdleTime,
    /// The size of a request's body, as it was announced or as it came: [`Builder::max_body_size`](crate::Builder::max_body_size).
    BodySize,
    /// The time of a request's body: [`Builder::body_read_timeout`](crate::Builder::body_read_timeout).
    BodyTime,
    /// The time of the application: [`Builder::handler_timeout`](crate::Builder::handler_timeout).
    HandlerTime,
    /// The time in which a client takes nothing: [`Builder::write_timeout`](crate::Builder::write_timeout).
    WriteTime,
    /// The number of connections: [`Builder::max_connections`](crate::Builder::max_connections).
    Connections,
    /// The number of requests under way:
    /// [`Builder::max_concurrent_requests`](crate::Builder::max_concurrent_requests).
    ConcurrentRequests,
    /// The streams and calls of an HTTP/2 connection:
    /// [`Builder::http2_max_streams`](crate::Builder::http2_max_streams).
    Http2Streams,
    /// The requests that a client takes back: [`Builder::http2_max_resets`](crate::Builder::http2_max_resets).
    Http2Resets,
    /// The size of a message of a WebSocket, or of a frame:
    /// [`Builder::websocket_max_message`](crate::Builder::websocket_max_message) and
    /// [`Builder::websocket_max_frame`](crate::Builder::websocket_max_frame).
    WebSocketSize,
    /// The time in which a WebSocket's handshake is answered:
    /// [`Builder::websocket_handshake_timeout`](crate::Builder::websocket_handshake_timeout).
    WebSocketHandshakeTime,
    /// The time in which the client of a WebSocket answers a ping:
    /// [`Builder::websocket_pong_timeout`](crate::Builder::websocket_pong_timeout).
    WebSocketPongTime,
    /// The time to finish at shutdown: [`Builder::grace_period`](crate::Builder::grace_period); each
    /// connection that was cut off counts.
    GracePeriod,
}

impl Limit {
    /// All there are.
    pub const ALL: &'static [Self] = &[
        Self::ProxyHeaderTime,
        Self::TlsHandshakeTime,
        Self::HeadTime,
        Self::HeadSize,
        Self::IdleTime,
        Self::BodySize,
        Self::BodyTime,
        Self::HandlerTime,
        Self::WriteTime,
        Self::Connections,
        Self::ConcurrentRequests,
        Self::Http2Streams,
        Self::Http2Resets,
        Self::WebSocketSize,
        Self::WebSocketHandshakeTime,
        Self::WebSocketPongTime,
        Self::GracePeriod,
    ];

    /// Its name among the figures: `head_time`, for example.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProxyHeaderTime => "proxy_header_time",
            Self::TlsHandshakeTime => "tls_handshake_time",
            Self::HeadTime => "head_time",
            Self::HeadSize => "head_size",
            Self::IdleTime => "idle_time",
            Self::BodySize => "body_size",
            Self::BodyTime => "body_time",
            Self::HandlerTime => "handler_time",
            Self::WriteTime => "write_time",
            Self::Connections => "connections",
            Self::ConcurrentRequests => "concurrent_requests",
            Self::Http2Streams => "http2_streams",
            Self::Http2Resets => "http2_resets",
            Self::WebSocketSize => "websocket_size",
            Self::WebSocketHandshakeTime => "websocket_handshake_time",
            Self::WebSocketPongTime => "websocket_pong_time",
            Self::GracePeriod => "grace_period",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
