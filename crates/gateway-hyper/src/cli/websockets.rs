//! The options about WebSockets.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::values::{Wait, origin, size, time};
use crate::builder::Builder;
use gateway_websocket::Deflate as WebSocketDeflate;

#[derive(Args, Debug)]
#[command(next_help_heading = "WebSockets")]
pub(super) struct WebSockets {
    /// Size of a message, uncompressed; a larger one closes the socket with 1009.
    #[arg(long, value_name = "SIZE", env = "GATEWAY_WEBSOCKET_MAX_MESSAGE", default_value = "1MiB", value_parser = size)]
    websocket_max_message: usize,
    /// Size of a frame, as it is sent; a larger one closes the socket with 1009.
    #[arg(long, value_name = "SIZE", env = "GATEWAY_WEBSOCKET_MAX_FRAME", default_value = "1088KiB", value_parser = size)]
    websocket_max_frame: usize,
    /// Time that a client may be silent before it is pinged; `none` for no pings.
    #[arg(long, value_name = "TIME", env = "GATEWAY_WEBSOCKET_PING_INTERVAL", default_value = "20s")]
    websocket_ping_interval: Wait,
    /// Time that a client may take to show a sign of life once it was pinged.
    #[arg(long, value_name = "TIME", env = "GATEWAY_WEBSOCKET_PONG_TIMEOUT", default_value = "20s", value_parser = time)]
    websocket_pong_timeout: Duration,
    /// Time that the end of a socket may take, once this side has closed it.
    #[arg(long, value_name = "TIME", env = "GATEWAY_WEBSOCKET_CLOSE_TIMEOUT", default_value = "10s", value_parser = time)]
    websocket_close_timeout: Duration,
    /// Time that the application may take to answer a handshake.
    #[arg(long, value_name = "TIME", env = "GATEWAY_WEBSOCKET_HANDSHAKE_TIMEOUT", default_value = "30s")]
    websocket_handshake_timeout: Wait,
    /// Whether messages are compressed where the client offers it.
    #[arg(long, value_enum, value_name = "HOW", env = "GATEWAY_WEBSOCKET_DEFLATE", default_value_t = Deflate::PerMessage)]
    websocket_deflate: Deflate,
    /// Origin whose pages may open a socket, such as `https://example.org`; all, without it. Repeatable, or a list
    /// with commas.
    #[arg(long, value_name = "ORIGIN", env = "GATEWAY_WEBSOCKET_ORIGIN", value_delimiter = ',', value_parser = origin)]
    websocket_origin: Vec<String>,
}

impl WebSockets {
    /// The builder with these settings.
    pub(super) fn set(&self, builder: Builder) -> Builder {
        let builder = builder
            .websocket_max_message(self.websocket_max_message)
            .websocket_max_frame(self.websocket_max_frame)
            .websocket_ping_interval(self.websocket_ping_interval.0)
            .websocket_pong_timeout(self.websocket_pong_timeout)
            .websocket_close_timeout(self.websocket_close_timeout)
            .websocket_handshake_timeout(self.websocket_handshake_timeout.0)
            .websocket_deflate(self.websocket_deflate.into());
        // No origin at all would be a server that no page may connect to.
        if self.websocket_origin.is_empty() {
            return builder;
        }
        builder.websocket_origins(&self.websocket_origin)
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Deflate {
    /// They are not.
    Off,
    /// Each by itself.
    PerMessage,
    /// With what earlier messages had in common; each socket keeps some 300 KiB for it.
    Context,
}

impl From<Deflate> for WebSocketDeflate {
    fn from(how: Deflate) -> Self {
        match how {
            Deflate::Off => Self::Off,
            Deflate::PerMessage => Self::PerMessage,
            Deflate::Context => Self::Context,
        }
    }
}
