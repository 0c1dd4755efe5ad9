//! A server under attack, and what must hold of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use gateway_hyper::{Builder, Handle, Limit, Listener, ServeError, TlsConfig};
use gateway_iface::validate::{OnViolation, Validator, Violations};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime;
use tokio::task::{JoinHandle, JoinSet};

use crate::app::{HELLO, app};
use crate::attack::{ATTACKS, Attack, Certificate, End, Target};

/// Puts a server under attack, on a runtime with one thread and on one with two, and checks all that must hold.
pub(crate) fn survives(name: &str) {
    let attack = ATTACKS.iter().find(|attack| attack.name == name).unwrap();
    for mut builder in [runtime::Builder::new_current_thread(), runtime::Builder::new_multi_thread()] {
        let runtime = builder.worker_threads(2).enable_all().build().unwrap();
        let done = runtime.block_on(async { tokio::time::timeout(DEADLINE, attacked(attack)).await });
        runtime.shutdown_background();
        done.unwrap_or_else(|_| panic!("{name} does not come to an end"));
    }
}

async fn attacked(attack: &Attack) {
    let server = Server::start(attack).await;
    server.get().await;
    server.rests().await;
    let (tasks, before) = (alive_tasks(), server.handle.stats());

    let target = Target::new(server.addr, server.tls.clone(), AMOUNT);
    let mut clients = (0..CLIENTS).map(|_| (attack.client)(target.clone())).collect::<JoinSet<_>>();
    let mut served = 0;
    while target.engaged() < CLIENTS {
        served += server.get().await;
        if clients.len() < CLIENTS && attack.end == End::Server {
            panic!("{attack:?} did not begin: {:?}", clients.join_next().await);
        }
    }
    served += match attack.end {
        End::Server => server.rests().await,
        End::Client => server.get().await,
    };
    if attack.end == End::Client {
        while let Some(left) = clients.join_next().await {
            left.unwrap().unwrap();
        }
    }
    // Who holds its connection leaves only now.
    clients.shutdown().await;
    served += server.rests().await;
    while alive_tasks() > tasks {
        served += server.get().await;
    }
    let stats = server.handle.stats();
    assert_eq!(stats.requests_in_flight(), 0, "{attack:?}");
    let answered = stats.responses(2) - before.responses(2);
    assert!(answered >= served, "{attack:?}: {answered} of {served}");
    if let Some(limit) = attack.limit {
        let hits =
            Limit::ALL.iter().map(|&limit| (limit, stats.limit_hits(limit) - before.limit_hits(limit)));
        let hits = hits.filter(|hit| hit.1 > 0).collect::<Vec<_>>();
        assert!(hits.iter().any(|hit| hit.0 == limit && hit.1 >= CLIENTS as u64), "{attack:?}: {hits:?}");
    }
    server.stop().await;
}

/// A server that serves, with a validator between it and its application.
struct Server {
    addr: SocketAddr,
    tls: Option<(SocketAddr, Arc<Certificate>)>,
    handle: Handle,
    task: JoinHandle<Result<(), ServeError>>,
    violations: Violations,
}

impl Server {
    async fn start(attack: &Attack) -> Self {
        let validator = Validator::new(app).on_violation(OnViolation::Collect).except("H-73").except("V-06");
        let violations = validator.violations();
        let mut listeners = vec![Listener::bind("127.0.0.1:0").await.unwrap()];
        let mut certificate = None;
        if attack.name.starts_with("tls") {
            let thread = format!("{:?}", std::thread::current().id());
            let folder = format!("gateway-hostile-{}-{thread}", std::process::id());
            let made = Arc::new(Certificate::new(std::env::temp_dir().join(folder)).unwrap());
            let config = TlsConfig::new(made.chain(), made.key());
            listeners.push(Listener::bind("127.0.0.1:0").await.unwrap().with_tls(config).unwrap());
            certificate = Some(made);
        }
        let server = limited(attack).listen_all(listeners).unwrap();
        let addrs = server.local_addrs().iter().map(|addr| addr.tcp().unwrap()).collect::<Vec<_>>();
        let tls = certificate.map(|certificate| (addrs[1], certificate));
        let handle = server.handle();
        Self { addr: addrs[0], tls, handle, task: tokio::spawn(server.serve(validator)), violations }
    }

    /// Another client is served, on a connection of its own: one request.
    async fn get(&self) -> u64 {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        // Nothing of this connection stays in the system's table.
        stream.set_zero_linger().unwrap();
        assert!(response.starts_with("HTTP/1.1 200 ") && response.ends_with(HELLO), "{response}");
        1
    }

    /// Serves others until no connection is open and no descriptor is left: how many.
    async fn rests(&self) -> u64 {
        let mut served = 0;
        while self.handle.stats().open_connections() > 0 || self.sockets() > 0 {
            served += self.get().await;
        }
        served
    }

    /// Descriptors of connections that the server holds.
    fn sockets(&self) -> usize {
        let ports = [Some(self.addr), self.tls.as_ref().map(|tls| tls.0)];
        let ports = ports.into_iter().flatten().map(|addr| format!(" 0100007F:{:04X} ", addr.port()));
        let ports = ports.collect::<Vec<_>>();
        let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
        let held = table.lines().filter(|line| ports.iter().any(|port| line.contains(port))).filter(|line| {
            let socket = line.split_whitespace().collect::<Vec<_>>();
            let (local, state, inode) = (socket[1], socket[3], socket[9]);
            ports.iter().any(|port| port.trim() == local) && state != LISTENING && inode != "0"
        });
        held.count()
    }

    /// Stops it: everything must come to its end, and no rule must have been broken.
    async fn stop(self) {
        self.handle.shutdown();
        self.task.await.unwrap().unwrap();
        self.violations.assert_none();
    }
}

/// Limits that are short where they are to be hit, and never hit elsewhere.
fn limited(attack: &Attack) -> Builder {
    let limit = |limit| if attack.limit == Some(limit) { SHORT } else { LONG };
    // What else could end them.
    let idle = if attack.name.contains("deaf") { LONG } else { SHORT };
    let ping = if attack.name == "websocket-silent" { SHORT } else { LONG };
    gateway_hyper::Server::builder()
        .signals(false)
        .grace_period(LONG)
        .drain_idle(Duration::ZERO)
        .header_read_timeout(Some(limit(Limit::HeadTime)))
        .idle_timeout(Some(idle))
        .body_read_timeout(Some(limit(Limit::BodyTime)))
        .write_timeout(Some(limit(Limit::WriteTime)))
        .tls_handshake_timeout(SHORT)
        .websocket_ping_interval(Some(ping))
        .websocket_pong_timeout(SHORT)
        .websocket_close_timeout(SHORT)
}

/// Tasks of this runtime.
fn alive_tasks() -> usize {
    runtime::Handle::current().metrics().num_alive_tasks()
}

/// Clients of an attack.
const CLIENTS: usize = 3;
/// Requests or frames that a client sends before it leaves by itself.
const AMOUNT: usize = 1000;
const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(600);
const DEADLINE: Duration = Duration::from_secs(60);
/// The state of a socket that listens, as the system shows it.
const LISTENING: &str = "0A";
