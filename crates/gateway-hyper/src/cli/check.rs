//! `--check`: what would be done.

use std::io::{self, Write as _};

use super::options::Options;
use super::plan;
use super::values::Place;
use crate::listener::{Inherited, ListenAddr};
use crate::threads;
use crate::tls::Acceptor;

/// Says on standard output what would be done; whether it can be.
pub(super) fn check(options: &Options, inherited: &Inherited) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    let mut possible = true;
    let mut listen = |out: &mut io::StdoutLock<'_>, what: &str, addr: &ListenAddr| {
        write!(out, "{what} {addr}")?;
        let checked = plan::listen_options(options).check(addr, inherited);
        let tls =
            || if addr.is_tls() { plan::tls(&options.tls).and_then(Acceptor::new).map(drop) } else { Ok(()) };
        match tls().and(checked) {
            Ok(()) => writeln!(out),
            // A server that is to be replaced has it.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                writeln!(out, " (in use at the moment)")
            }
            Err(error) => {
                possible = false;
                writeln!(out, ": {error}")
            }
        }
    };
    for addr in plan::addresses(options, inherited) {
        listen(&mut out, "listen on", &addr)?;
    }
    if let Some(Place::Addr(addr)) = &options.operation.metrics {
        listen(&mut out, "metrics and health checks on", addr)?;
    }
    if let Some(Place::Path(path)) = &options.operation.metrics {
        writeln!(out, "metrics at {path}")?;
    }
    if let Some(path) = &options.operation.healthz {
        writeln!(out, "health checks at {path}")?;
    }
    if let Some(conflict) = plan::conflict(options, inherited) {
        possible = false;
        writeln!(out, "{conflict}")?;
    }
    if plan::has_idle_certificates(options, inherited) {
        writeln!(out, "{}", plan::IDLE_CERTIFICATES)?;
    }
    let count = options.threading.threads.unwrap_or_else(threads::processors);
    writeln!(out, "threads: {count}, {}", options.threading.runtime)?;
    for proxy in &options.proxies.trusted_proxy {
        writeln!(out, "trusted proxy: {proxy}")?;
    }
    for proxy in &options.proxies.proxy_protocol {
        writeln!(out, "PROXY protocol from: {proxy}")?;
    }
    writeln!(
        out,
        "{}",
        if possible { "the configuration is good" } else { "the configuration does not work" }
    )?;
    Ok(possible)
}
