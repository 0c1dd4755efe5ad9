//! The options, as `--help` shows them.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, ValueEnum};
use gateway_iface::middleware::{ForwardingFields, Network};
use tracing_subscriber::filter::Targets;

use super::values::{Place, Size, Wait, filter, mode, path, size, time};
use super::websockets::WebSockets;
use crate::builder::OnDisconnect;
use crate::lifespan::LifespanMode;
use crate::listener::{ListenAddr, ListenOptions};
use crate::pool::Pool;
use crate::threads::Runtime;

/// The command line of an asynchronous application.
#[derive(Debug, Parser)]
pub(super) struct Asynchronous {
    #[command(flatten)]
    pub(super) options: Options,
}

/// The command line of a synchronous application.
#[derive(Debug, Parser)]
pub(super) struct Synchronous {
    #[command(flatten)]
    pub(super) options: Options,
    #[command(flatten)]
    pub(super) pool: PoolOptions,
}

/// What all command lines have.
#[derive(Args, Debug)]
pub(super) struct Options {
    /// Say what would be done, and whether it can be, without serving.
    #[arg(long)]
    pub(super) check: bool,
    #[command(flatten)]
    pub(super) listening: Listening,
    #[command(flatten)]
    pub(super) tls: Tls,
    #[command(flatten)]
    pub(super) threading: Threading,
    #[command(flatten)]
    pub(super) limits: Limits,
    #[command(flatten)]
    pub(super) websockets: WebSockets,
    #[command(flatten)]
    pub(super) proxies: Proxies,
    #[command(flatten)]
    pub(super) operation: Operation,
    #[command(flatten)]
    pub(super) logging: Logging,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Listening")]
pub(super) struct Listening {
    /// Where to listen: `127.0.0.1:8000`, `[::1]:8000`, `https://[::]:8443`, `unix:/run/app.sock`, or
    /// `systemd:NAME` for sockets that were handed in, `systemd:` for all of them. Repeatable, or a list with commas.
    ///
    /// Without it, the sockets that were handed in (`LISTEN_FDS`), or 127.0.0.1:8000 where there are none.
    #[arg(long, short, value_name = "ADDRESS", env = "GATEWAY_LISTEN", value_delimiter = ',')]
    pub(super) listen: Vec<ListenAddr>,
    /// Permissions of the files of unix sockets, such as 660.
    #[arg(long, value_name = "MODE", env = "GATEWAY_UNIX_MODE", value_parser = mode)]
    pub(super) unix_mode: Option<u32>,
    /// Connections that wait in the system's queue, at the most.
    #[arg(long, value_name = "COUNT", env = "GATEWAY_BACKLOG", default_value_t = ListenOptions::BACKLOG)]
    pub(super) backlog: u32,
    /// A TCP socket of its own for each thread (SO_REUSEPORT).
    #[arg(long, env = "GATEWAY_REUSE_PORT", value_parser = BoolishValueParser::new())]
    pub(super) reuse_port: bool,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "TLS, for addresses with https://")]
pub(super) struct Tls {
    /// PEM file of a certificate chain. Repeatable, or a list with commas: the first is for clients that name no host.
    #[arg(long, value_name = "FILE", env = "GATEWAY_TLS_CERT", value_delimiter = ',', requires = "tls_key")]
    pub(super) tls_cert: Vec<PathBuf>,
    /// PEM file of its private key; as many as there are chains, in their order.
    #[arg(long, value_name = "FILE", env = "GATEWAY_TLS_KEY", value_delimiter = ',', requires = "tls_cert")]
    pub(super) tls_key: Vec<PathBuf>,
    /// PEM file of the roots that verify certificates of clients, which are asked for then.
    #[arg(long, value_name = "FILE", env = "GATEWAY_TLS_CLIENT_CA", requires = "tls_cert")]
    pub(super) tls_client_ca: Option<PathBuf>,
    /// Refuse clients without a certificate.
    #[arg(long, env = "GATEWAY_TLS_CLIENT_REQUIRED", value_parser = BoolishValueParser::new(), requires = "tls_client_ca")]
    pub(super) tls_client_required: bool,
    /// Time that a client has to shake hands.
    #[arg(long, value_name = "TIME", env = "GATEWAY_TLS_HANDSHAKE_TIMEOUT", default_value = "10s", value_parser = time)]
    pub(super) tls_handshake_timeout: Duration,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Threads")]
pub(super) struct Threading {
    /// Threads that serve connections; as many as there are processors by default.
    #[arg(long, value_name = "COUNT", env = "GATEWAY_THREADS")]
    pub(super) threads: Option<NonZeroUsize>,
    /// How they share the connections.
    #[arg(long, value_enum, value_name = "KIND", env = "GATEWAY_RUNTIME", default_value_t = RuntimeKind::PerThread)]
    pub(super) runtime: RuntimeKind,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Threads")]
pub(super) struct PoolOptions {
    /// Threads that call the application; by default four more than there are processors, up to 32.
    #[arg(long, value_name = "COUNT", env = "GATEWAY_WSGI_THREADS")]
    pub(super) wsgi_threads: Option<NonZeroUsize>,
    /// Requests that wait for such a thread, at the most; what comes beyond is answered with 503.
    #[arg(long, value_name = "COUNT", env = "GATEWAY_WSGI_QUEUE", default_value_t = Pool::DEFAULT_QUEUE)]
    pub(super) wsgi_queue: usize,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Limits")]
pub(super) struct Limits {
    /// Time that a client has for the head of a request, such as 10s; `none` for no limit.
    #[arg(long, value_name = "TIME", env = "GATEWAY_HEADER_READ_TIMEOUT", default_value = "30s")]
    pub(super) header_read_timeout: Wait,
    /// Time that a connection may wait for its next request.
    #[arg(long, value_name = "TIME", env = "GATEWAY_IDLE_TIMEOUT", default_value = "75s")]
    pub(super) idle_timeout: Wait,
    /// Time that an application may have to wait for a request's body, beyond what the rate allows for.
    #[arg(long, value_name = "TIME", env = "GATEWAY_BODY_READ_TIMEOUT", default_value = "30s")]
    pub(super) body_read_timeout: Wait,
    /// Octets of a body in a second that are fast enough for ever.
    #[arg(long, value_name = "COUNT", env = "GATEWAY_BODY_MIN_RATE", default_value_t = 500)]
    pub(super) body_min_rate: u32,
    /// Size of the body of a request; `none` leaves that to the application.
    #[arg(long, value_name = "SIZE", env = "GATEWAY_MAX_BODY_SIZE", default_value = "none")]
    pub(super) max_body_size: Size,
    /// Time that the application may take until its response begins.
    #[arg(long, value_name = "TIME", env = "GATEWAY_HANDLER_TIMEOUT", default_value = "none")]
    pub(super) handler_timeout: Wait,
    /// Time that a client may take nothing of a response.
    #[arg(long, value_name = "TIME", env = "GATEWAY_WRITE_TIMEOUT", default_value = "30s")]
    pub(super) write_timeout: Wait,
    /// Connections at the same time; one more is answered with 503.
    #[arg(long, value_name = "COUNT", env = "GATEWAY_MAX_CONNECTIONS", default_value_t = 16384)]
    pub(super) max_connections: usize,
    /// Requests under way at the same time; one more is answered with 503. No limit by default.
    #[arg(long, value_name = "COUNT", env = "GATEWAY_MAX_CONCURRENT_REQUESTS")]
    pub(super) max_concurrent_requests: Option<usize>,
    /// Requests on one connection; the last one is answered with `connection: close`. No limit by default.
    #[arg(long, value_name = "COUNT", env = "GATEWAY_MAX_REQUESTS")]
    pub(super) max_requests: Option<u64>,
    /// Header fields of a request.
    #[arg(long, value_name = "COUNT", env = "GATEWAY_MAX_HEADERS", default_value_t = 100)]
    pub(super) max_headers: usize,
    /// Size of the head of a request.
    #[arg(long, value_name = "SIZE", env = "GATEWAY_MAX_HEAD_SIZE", default_value = "128KiB", value_parser = size)]
    pub(super) max_head_size: usize,
    /// HTTP/1 alone: HTTP/2 is not spoken.
    #[arg(long, env = "GATEWAY_NO_HTTP2", value_parser = BoolishValueParser::new())]
    pub(super) no_http2: bool,
    /// Streams that an HTTP/2 connection may have open at the same time.
    #[arg(long, value_name = "COUNT", env = "GATEWAY_HTTP2_MAX_STREAMS", default_value_t = 128)]
    pub(super) http2_max_streams: u32,
    /// Requests that a client may take back on an HTTP/2 connection, beyond those that it lets finish.
    #[arg(long, value_name = "COUNT", env = "GATEWAY_HTTP2_MAX_RESETS", default_value_t = 256)]
    pub(super) http2_max_resets: u32,
    /// Answer clients that closed their sending side, instead of taking them for gone.
    #[arg(long, env = "GATEWAY_HALF_CLOSE", value_parser = BoolishValueParser::new())]
    pub(super) half_close: bool,
    /// What becomes of the call of a client that is gone.
    #[arg(long, value_enum, value_name = "WHAT", env = "GATEWAY_ON_DISCONNECT", default_value_t = Disconnected::Run)]
    pub(super) on_disconnect: Disconnected,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Proxies")]
pub(super) struct Proxies {
    /// Address or network of proxies whose word about the client is taken: `10.0.0.0/8`, `::1`, or `unix` for
    /// all that connect by a unix socket. Repeatable, or a list with commas.
    #[arg(long, value_name = "NETWORK", env = "GATEWAY_TRUSTED_PROXY", value_delimiter = ',')]
    pub(super) trusted_proxy: Vec<TrustedProxy>,
    /// The fields that those proxies write.
    #[arg(long, value_enum, value_name = "FIELDS", env = "GATEWAY_FORWARDED", default_value_t = Forwarded::XForwarded)]
    pub(super) forwarded: Forwarded,
    /// Address or network of proxies that begin each connection with a header of the PROXY protocol, version 1 or 2,
    /// or `unix`: on all listeners, where connections of anyone else are closed then, but not on that for metrics.
    /// Repeatable, or a list with commas.
    #[arg(long, value_name = "NETWORK", env = "GATEWAY_PROXY_PROTOCOL", value_delimiter = ',')]
    pub(super) proxy_protocol: Vec<TrustedProxy>,
    /// Time that such a proxy has for the header.
    #[arg(long, value_name = "TIME", env = "GATEWAY_PROXY_HEADER_TIMEOUT", default_value = "10s", value_parser = time)]
    pub(super) proxy_header_timeout: Duration,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Operation")]
pub(super) struct Operation {
    /// Path that is answered with 200, and with 503 while the server stops.
    #[arg(long, value_name = "PATH", env = "GATEWAY_HEALTHZ", value_parser = path)]
    pub(super) healthz: Option<String>,
    /// Path, or address of a listener of its own, for figures in the format of Prometheus; at an address they
    /// are on /metrics, beside /healthz.
    #[arg(long, value_name = "PATH|ADDRESS", env = "GATEWAY_METRICS")]
    pub(super) metrics: Option<Place>,
    /// Time between the signal to stop, from when health checks fail, and the end of accepting.
    #[arg(long, value_name = "TIME", env = "GATEWAY_DRAIN_DELAY", default_value = "0s", value_parser = time)]
    pub(super) drain_delay: Duration,
    /// Time that idle connections stay open once accepting ended, for requests that are on their way.
    #[arg(long, value_name = "TIME", env = "GATEWAY_DRAIN_IDLE", default_value = "1s", value_parser = time)]
    pub(super) drain_idle: Duration,
    /// Time that requests have to finish once the server stops, and the application's shutdown after them.
    #[arg(long, value_name = "TIME", env = "GATEWAY_GRACE_PERIOD", default_value = "30s", value_parser = time)]
    pub(super) grace_period: Duration,
    /// Whether the application is told of start-up and shutdown; `auto`: if it supports that.
    #[arg(long, value_enum, value_name = "WHEN", env = "GATEWAY_LIFESPAN", default_value_t = Lifespan::Auto)]
    pub(super) lifespan: Lifespan,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Logging")]
pub(super) struct Logging {
    /// What is logged: error, warn, info, debug, trace or off, also by module: `warn,my_app=debug`.
    #[arg(long, value_name = "LEVEL", env = "GATEWAY_LOG_LEVEL", default_value = "info", value_parser = filter)]
    pub(super) log_level: Targets,
    /// The form of the log, which goes to standard error.
    #[arg(long, value_enum, value_name = "FORMAT", env = "GATEWAY_LOG_FORMAT", default_value_t = LogFormat::Text)]
    pub(super) log_format: LogFormat,
    /// Log every request: as text in the combined format, as JSON with a member for each part.
    #[arg(long, env = "GATEWAY_ACCESS_LOG", value_parser = BoolishValueParser::new())]
    pub(super) access_log: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum RuntimeKind {
    /// Each thread has its own.
    PerThread,
    /// Idle threads take work from busy ones.
    WorkStealing,
}

impl fmt::Display for RuntimeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PerThread => "each with a runtime of its own",
            Self::WorkStealing => "with one runtime for all",
        })
    }
}

impl From<RuntimeKind> for Runtime {
    fn from(kind: RuntimeKind) -> Self {
        match kind {
            RuntimeKind::PerThread => Self::PerThread,
            RuntimeKind::WorkStealing => Self::WorkStealing,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Disconnected {
    /// It runs to its end.
    Run,
    /// It is dropped.
    Cancel,
}

impl From<Disconnected> for OnDisconnect {
    fn from(what: Disconnected) -> Self {
        match what {
            Disconnected::Run => Self::Run,
            Disconnected::Cancel => Self::Cancel,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Lifespan {
    Auto,
    On,
    Off,
}

impl From<Lifespan> for LifespanMode {
    fn from(when: Lifespan) -> Self {
        match when {
            Lifespan::Auto => Self::Auto,
            Lifespan::On => Self::On,
            Lifespan::Off => Self::Off,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Forwarded {
    /// `x-forwarded-for` and `x-forwarded-proto`.
    XForwarded,
    /// `forwarded`.
    Forwarded,
}

impl From<Forwarded> for ForwardingFields {
    fn from(fields: Forwarded) -> Self {
        match fields {
            Forwarded::XForwarded => Self::XForwarded,
            Forwarded::Forwarded => Self::Forwarded,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum LogFormat {
    Text,
    Json,
}

/// Whose word is taken.
#[derive(Clone, Copy, Debug)]
pub(super) enum TrustedProxy {
    Network(Network),
    Unix,
}

impl fmt::Display for TrustedProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

impl std::str::FromStr for TrustedProxy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "unix" {
            return Ok(Self::Unix);
        }
        text.parse()
            .map(Self::Network)
            .map_err(|_| "it is no address and no network, such as 10.0.0.0/8".into())
    }
}
