//! From options to a server.

use std::io;
use std::sync::Arc;

use gateway_iface::asgi::Application;
use gateway_iface::middleware::{AccessLog, ProxyHeaders};
use tracing::warn;

use super::access;
use super::options::{Operation, Options, Tls, TrustedProxy};
use super::values::Place;
use crate::builder::Builder;
use crate::handle::Handle;
use crate::listener::{Inherited, ListenAddr, ListenOptions, Listener};
use crate::probes::Probes;
use crate::proxy_protocol::ProxyProtocol;
use crate::server::Server;
use crate::tls::{ClientCerts, TlsConfig};

/// Where to listen by these options.
pub(super) fn addresses(options: &Options, inherited: &Inherited) -> Vec<ListenAddr> {
    if !options.listening.listen.is_empty() {
        return options.listening.listen.clone();
    }
    vec![if inherited.is_empty() { ListenAddr::default() } else { ListenAddr::inherited() }]
}

/// How to listen by these options.
pub(super) fn listen_options(options: &Options) -> ListenOptions {
    ListenOptions::new()
        .backlog(options.listening.backlog)
        .reuse_port(options.listening.reuse_port)
        .unix_mode(options.listening.unix_mode)
}

/// A server by these options, listening, and the application with what belongs in front of it.
pub(super) fn server(
    options: &Options,
    app: Arc<dyn Application>,
    inherited: &mut Inherited,
) -> io::Result<(Server, Arc<dyn Application>)> {
    if let Some(conflict) = conflict(options, inherited) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, conflict));
    }
    if has_idle_certificates(options, inherited) {
        warn!("{IDLE_CERTIFICATES}");
    }
    let mut listeners = Vec::new();
    for addr in addresses(options, inherited) {
        let bound = bind(options, &addr, inherited)?;
        listeners.extend(bound.into_iter().map(|listener| match proxy_protocol(options) {
            Some(proxies) => listener.with_proxy_protocol(proxies),
            None => listener,
        }));
    }
    let mut server = builder(options).listen_all(listeners)?;
    let handle = server.handle();
    if let Some(Place::Addr(addr)) = &options.operation.metrics {
        for listener in bind(options, addr, inherited)? {
            let probes = Probes::alone(handle.clone()).with_health(HEALTH).with_metrics(METRICS);
            server = server.beside(listener, probes);
        }
    }
    Ok((server, in_front(options, app, handle)))
}

/// Two options that want the same: the second would fail, or never be asked for.
pub(super) fn conflict(options: &Options, inherited: &Inherited) -> Option<String> {
    let Operation { healthz, metrics, .. } = &options.operation;
    let mut addrs = addresses(options, inherited);
    match metrics {
        Some(Place::Addr(addr)) => addrs.push(addr.clone()),
        Some(Place::Path(path)) if healthz.as_ref() == Some(path) => {
            return Some(format!("--healthz and --metrics are both at {path}"));
        }
        _ => {}
    }
    let is_known = |(at, addr): &(usize, &ListenAddr)| addrs[..*at].iter().any(|known| known.collides(addr));
    let (_, addr) = addrs.iter().enumerate().find(is_known)?;
    Some(format!("{addr} is to be listened on twice"))
}

/// Whether there are certificates that no listener uses: an operator who gave some wants TLS.
pub(super) fn has_idle_certificates(options: &Options, inherited: &Inherited) -> bool {
    let beside = match &options.operation.metrics {
        Some(Place::Addr(addr)) => addr.is_tls(),
        _ => false,
    };
    !options.tls.tls_cert.is_empty()
        && !beside
        && !addresses(options, inherited).iter().any(ListenAddr::is_tls)
}

fn bind(options: &Options, addr: &ListenAddr, inherited: &mut Inherited) -> io::Result<Vec<Listener>> {
    let bound = listen_options(options).bind(addr, inherited);
    let bound = bound.and_then(|listeners| {
        if !addr.is_tls() {
            return Ok(listeners);
        }
        let tls = tls(&options.tls)?;
        listeners.into_iter().map(|listener| listener.with_tls(tls.clone())).collect()
    });
    bound.map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {addr}: {error}")))
}

/// The proxies that say who their clients are before any protocol, if there are any.
fn proxy_protocol(options: &Options) -> Option<ProxyProtocol> {
    let proxies = &options.proxies.proxy_protocol;
    let named = proxies.iter().fold(ProxyProtocol::new(), |named, proxy| match proxy {
        TrustedProxy::Network(network) => named.trust_network(*network),
        TrustedProxy::Unix => named.with_unix(true),
    });
    (!proxies.is_empty()).then_some(named)
}

/// TLS by these options; there has to be a certificate.
pub(super) fn tls(options: &Tls) -> io::Result<TlsConfig> {
    let invalid = |message| io::Error::new(io::ErrorKind::InvalidInput, message);
    if options.tls_cert.len() != options.tls_key.len() {
        return Err(invalid("there are not as many keys as certificate chains"));
    }
    let mut pairs = options.tls_cert.iter().zip(&options.tls_key);
    let (chain, key) = pairs.next().ok_or_else(|| invalid("TLS needs --tls-cert and --tls-key"))?;
    let mut config = TlsConfig::new(chain, key);
    for (chain, key) in pairs {
        config = config.certificate(chain, key);
    }
    Ok(match &options.tls_client_ca {
        Some(roots) if options.tls_client_required => {
            config.client_certs(ClientCerts::Required(roots.clone()))
        }
        Some(roots) => config.client_certs(ClientCerts::Optional(roots.clone())),
        None => config,
    })
}

fn builder(options: &Options) -> Builder {
    let Options { threading, limits, proxies, operation, .. } = options;
    let builder = Server::builder()
        .header_read_timeout(limits.header_read_timeout.0)
        .idle_timeout(limits.idle_timeout.0)
        .body_read_timeout(limits.body_read_timeout.0)
        .body_min_rate(limits.body_min_rate)
        .max_body_size(limits.max_body_size.0)
        .handler_timeout(limits.handler_timeout.0)
        .write_timeout(limits.write_timeout.0)
        .max_requests(limits.max_requests)
        .max_headers(limits.max_headers)
        .max_head_size(limits.max_head_size)
        .max_connections(Some(limits.max_connections))
        .max_concurrent_requests(limits.max_concurrent_requests)
        .http2(!limits.no_http2)
        .http2_max_streams(limits.http2_max_streams)
        .http2_max_resets(limits.http2_max_resets)
        .half_close(limits.half_close)
        .on_disconnect(limits.on_disconnect.into())
        .proxy_header_timeout(proxies.proxy_header_timeout)
        .tls_handshake_timeout(options.tls.tls_handshake_timeout)
        .drain_delay(operation.drain_delay)
        .drain_idle(operation.drain_idle)
        .notify(true)
        .grace_period(operation.grace_period)
        .lifespan(operation.lifespan.into())
        .runtime(threading.runtime.into());
    let builder = options.websockets.set(builder);
    match threading.threads {
        Some(threads) => builder.threads(threads),
        None => builder,
    }
}

/// Outermost first: probes, which are in no log; what proxies say; the log, which is to have the client's
/// own address.
fn in_front(options: &Options, app: Arc<dyn Application>, handle: Handle) -> Arc<dyn Application> {
    let mut app = app;
    if options.logging.access_log {
        app = Arc::new(AccessLog::new(app, access::log(options.logging.log_format)));
    }
    if !options.proxies.trusted_proxy.is_empty() {
        let mut proxies = ProxyHeaders::new(app).with_fields(options.proxies.forwarded.into());
        for proxy in &options.proxies.trusted_proxy {
            proxies = match proxy {
                TrustedProxy::Network(network) => proxies.trust_network(*network),
                TrustedProxy::Unix => proxies.with_unix(true),
            };
        }
        app = Arc::new(proxies);
    }
    let metrics = match &options.operation.metrics {
        Some(Place::Path(path)) => Some(path),
        _ => None,
    };
    if options.operation.healthz.is_none() && metrics.is_none() {
        return app;
    }
    let mut probes = Probes::new(app, handle);
    if let Some(path) = &options.operation.healthz {
        probes = probes.with_health(path);
    }
    if let Some(path) = metrics {
        probes = probes.with_metrics(path);
    }
    Arc::new(probes)
}

pub(super) const IDLE_CERTIFICATES: &str = "certificates are given, and no address with https://";

/// The paths at an address of their own.
const HEALTH: &str = "/healthz";
const METRICS: &str = "/metrics";
