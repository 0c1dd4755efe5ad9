//! The server that is attacked: a process of its own, with one thread.

use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::time::Duration;

use gateway_hyper::{Limit, Listener, LocalAddr, Server, TlsConfig};
use tokio::runtime;

use crate::MEMORY;
use crate::app::app;

/// The argument that makes this program the server.
pub(crate) const SERVE: &str = "--serve";

/// Serves until standard input ends, and writes its figures for each line of that.
pub(crate) fn serve(folder: &Path) -> Result<(), Box<dyn Error>> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let tls = TlsConfig::new(folder.join("chain.pem"), folder.join("key.pem"));
    let server = runtime.block_on(async {
        let plain = Listener::bind("127.0.0.1:0").await?;
        let tls = Listener::bind("127.0.0.1:0").await?.with_tls(tls)?;
        builder().listen_all([plain, tls])
    })?;
    for addr in server.local_addrs().iter().filter_map(LocalAddr::tcp) {
        println!("{addr}");
    }
    let (handle, metrics) = (server.handle(), runtime.handle().clone());
    std::thread::spawn(move || {
        for _ in std::io::stdin().lock().lines().map_while(Result::ok) {
            let stats = handle.stats();
            let tasks = metrics.metrics().num_alive_tasks();
            let (connections, requests) = (stats.open_connections(), stats.requests_in_flight());
            let mut line = format!("{connections} {requests} {tasks} {}", MEMORY.current_usage() / 1024);
            for &limit in Limit::ALL {
                line.push_str(&format!(" {limit}={}", stats.limit_hits(limit)));
            }
            println!("{line}");
            // Who does not read has ended.
            let _ = std::io::stdout().flush();
        }
        handle.shutdown();
    });
    runtime.block_on(server.serve(app))?;
    Ok(())
}

/// The limits of production, on time that is worth waiting for.
fn builder() -> gateway_hyper::Builder {
    const SHORT: Duration = Duration::from_secs(1);
    Server::builder()
        .signals(false)
        .header_read_timeout(Some(SHORT))
        .idle_timeout(Some(3 * SHORT))
        .body_read_timeout(Some(SHORT))
        .write_timeout(Some(SHORT))
        .tls_handshake_timeout(SHORT)
        .websocket_ping_interval(Some(SHORT))
        .websocket_pong_timeout(SHORT)
        .websocket_close_timeout(SHORT)
        .drain_idle(Duration::ZERO)
}
