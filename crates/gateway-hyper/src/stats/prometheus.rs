//! The text format of Prometheus.
//!
//! It is a line for each figure. The crates for it (`prometheus-client`, `metrics`) bring a registry and
//! counters of their own, which the figures would have to be copied to.

use std::fmt::Write as _;

use super::{Limit, Stats};

/// The figures as text.
pub(super) fn text(stats: &Stats) -> String {
    let mut text = Text(String::with_capacity(4096));
    text.gauge("uptime_seconds", "Seconds since the server began to listen.", stats.uptime().as_secs());
    text.gauge("draining", "1 while the server stops.", u64::from(stats.is_draining()));
    text.counter("connections_total", "Connections accepted.", stats.connections());
    text.gauge("connections_open", "Connections that are open.", stats.open_connections());
    text.counter("requests_total", "Requests that came by.", stats.requests());
    text.gauge("requests_in_flight", "Requests under way.", stats.requests_in_flight());
    text.counter("websockets_total", "WebSockets accepted.", stats.websockets());
    text.gauge("websockets_open", "WebSockets that are open.", stats.open_websockets());
    text.counter("received_bytes_total", "Octets that came on connections.", stats.octets_received());
    text.counter("sent_bytes_total", "Octets that went out on connections.", stats.octets_sent());
    text.head("responses_total", "Responses by class of status.", "counter");
    for class in 1..=5 {
        text.labelled("responses_total", "class", format_args!("{class}xx"), stats.responses(class));
    }
    text.counter("malformed_requests_total", "What came and was no request.", stats.malformed());
    text.head("application_failures_total", "Requests that the application failed.", "counter");
    let failures = [("error", stats.application_errors()), ("panic", stats.application_panics())];
    for (kind, value) in failures {
        text.labelled("application_failures_total", "kind", kind, value);
    }
    text.head("limit_hits_total", "How often a limit was hit.", "counter");
    for &limit in Limit::ALL {
        text.labelled("limit_hits_total", "limit", limit, stats.limit_hits(limit));
    }
    text.0
}

struct Text(String);

impl Text {
    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.plain(name, help, "counter", value);
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.plain(name, help, "gauge", value);
    }

    fn plain(&mut self, name: &str, help: &str, kind: &str, value: u64) {
        self.head(name, help, kind);
        self.push(format_args!("gateway_{name} {value}\n"));
    }

    fn head(&mut self, name: &str, help: &str, kind: &str) {
        self.push(format_args!("# HELP gateway_{name} {help}\n# TYPE gateway_{name} {kind}\n"));
    }

    /// No label that is written here needs escaping.
    fn labelled(&mut self, name: &str, label: &str, value: impl std::fmt::Display, count: u64) {
        self.push(format_args!("gateway_{name}{{{label}=\"{value}\"}} {count}\n"));
    }

    fn push(&mut self, arguments: std::fmt::Arguments<'_>) {
        // A string takes whatever is written.
        let _ = self.0.write_fmt(arguments);
    }
}
