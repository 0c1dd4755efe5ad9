//! The access log.

use gateway_iface::http::HeaderValue;
use gateway_iface::middleware::AccessEntry;
use tracing::info;

use super::options::LogFormat;

/// The target of its events.
pub(super) const TARGET: &str = "gateway_hyper::access";

/// What is told of each exchange.
pub(super) fn log(format: LogFormat) -> impl Fn(&AccessEntry<'_>) + Send + Sync + 'static {
    move |entry| match format {
        LogFormat::Text => info!(target: TARGET, "{entry}"),
        LogFormat::Json => members(entry),
    }
}

fn members(entry: &AccessEntry<'_>) {
    let text = |value: Option<&HeaderValue>| {
        value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    info!(
        target: TARGET,
        client = entry.remote.map(tracing::field::display),
        user = entry.user,
        host = entry.host,
        secure = entry.secure,
        method = entry.method.as_str(),
        uri = entry.target,
        version = ?entry.version,
        status = entry.status.map(|status| status.as_u16()),
        bytes = entry.bytes,
        referer = text(entry.referer),
        user_agent = text(entry.user_agent),
        request_id = text(entry.request_id),
        duration_ms = entry.duration.as_secs_f64() * 1000.0,
        complete = entry.complete,
        disconnect = entry.disconnect.map(tracing::field::debug),
        "request"
    );
}
