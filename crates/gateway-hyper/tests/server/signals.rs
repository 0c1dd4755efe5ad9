//! Signals, at a process of its own: this program again, told by a variable to serve.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use gateway_hyper::Server;
use gateway_iface::asgi::event::SendEvent;
use gateway_iface::{Error, asgi};
use http::{HeaderMap, StatusCode};
use tokio::net::TcpStream;

use crate::support::{Client, on_current_thread};

/// Names how the other process is to serve: as one of the modes below.
const SERVES: &str = "GATEWAY_HYPER_TEST_SERVES";

/// With a grace period that a test can wait for.
const BRIEF: &str = "brief";
/// With one that it cannot.
const PATIENT: &str = "patient";
/// With a start-up that does not come to an end.
const STARTING: &str = "starting";
/// With a shutdown that does not come to an end.
const STOPPING: &str = "stopping";

async fn app(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    if scope.protocol() == "lifespan" {
        receive.receive().await;
        let is = |mode: &str| std::env::var(SERVES).is_ok_and(|given| given == mode);
        if is(STARTING) {
            println!("\nstarts");
            std::future::pending::<()>().await;
        }
        send.send(SendEvent::StartupComplete).await?;
        println!("\nstarted");
        receive.receive().await;
        if is(STOPPING) {
            println!("\nstops");
            std::future::pending::<()>().await;
        }
        println!("\nlifespan is over");
        return Ok(send.send(SendEvent::ShutdownComplete).await?);
    }
    let scope = scope.into_http()?;
    send.start(StatusCode::OK, HeaderMap::new()).await?;
    send.block("begun").await?;
    let reason = receive.disconnected().await;
    match scope.path_info() {
        "/hangs" => std::future::pending().await,
        "/tells-and-hangs" => {
            send.block(format!("{reason:?}")).await?;
            std::future::pending().await
        }
        _ => Ok(send.last(format!("{reason:?}")).await?),
    }
}

/// The other process; here, where no one asked for it, there is nothing to do.
#[test]
fn process_that_serves() {
    let Ok(mode) = std::env::var(SERVES) else {
        return;
    };
    on_current_thread(async || {
        let grace_period = Duration::from_millis(if mode == BRIEF { 500 } else { 600_000 });
        let builder = Server::builder().grace_period(grace_period);
        let server = builder.bind("127.0.0.1:0").await.unwrap();
        println!("\nserves {}", server.local_addr().tcp().unwrap());
        let served = server.serve(app).await;
        // A shutdown that was cut short is an error of serve.
        assert_eq!(served.is_err(), mode == STOPPING, "{served:?}");
        println!("\nserve is over");
    });
}

/// The other process, which does not outlive its test.
struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
    addr: String,
}

impl Process {
    fn start(mode: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "signals::process_that_serves", "--nocapture", "--test-threads=1"])
            .env(SERVES, mode)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut process = Self { child, output, addr: String::new() };
        process.addr = process.says("serves ");
        process
    }

    /// Waits for a line that begins so; its rest.
    fn says(&mut self, what: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "it never says {what}");
            if let Some(rest) = line.strip_prefix(what) {
                return rest.trim().to_owned();
            }
        }
    }

    async fn connect(&self) -> Client {
        Client::new(TcpStream::connect(&self.addr).await.unwrap())
    }

    /// Has a request under way.
    async fn ask(&self, path: &str) -> Client {
        let mut client = self.connect().await;
        client.ask(path).await;
        client.head().await;
        assert_eq!(client.chunk().await.unwrap(), b"begun");
        client
    }

    fn signal(&self, signal: &str) {
        let kill = Command::new("sh").args(["-c", &format!("kill -{signal} {}", self.child.id())]).status();
        assert!(kill.unwrap().success());
    }

    /// Waits for its end, which is a good one; what it said.
    fn end(mut self) -> String {
        let mut said = String::new();
        self.output.read_to_string(&mut said).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {said}");
        assert!(said.contains("\nserve is over\n"), "{said}");
        said
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It is gone already, unless the test failed.
        let _ = self.child.kill();
    }
}

/// Starts the process, has a request under way, sends the signal; what came after the first block.
async fn signalled(signal: &str, path: &str) -> Vec<u8> {
    let process = Process::start(BRIEF);
    let mut client = process.ask(path).await;
    process.signal(signal);
    let rest = client.closed().await;
    let said = process.end();
    assert!(said.contains("\nlifespan is over\n"), "SIG{signal}: {said}");
    rest
}

#[test]
fn sigterm_and_sigint_let_the_request_under_way_finish_and_the_process_exits_with_0() {
    on_current_thread(async || {
        for signal in ["TERM", "INT"] {
            assert_eq!(signalled(signal, "/").await, b"8\r\nShutdown\r\n0\r\n\r\n", "SIG{signal}");
        }
    });
}

#[test]
fn sigterm_does_not_wait_longer_than_the_grace_period() {
    on_current_thread(async || {
        assert_eq!(signalled("TERM", "/hangs").await, b"");
    });
}

#[test]
fn second_signal_ends_the_grace_period_and_the_process_exits_with_0() {
    on_current_thread(async || {
        for [first, second] in [["TERM", "TERM"], ["INT", "TERM"], ["TERM", "INT"]] {
            let process = Process::start(PATIENT);
            let mut client = process.ask("/tells-and-hangs").await;
            process.signal(first);
            assert_eq!(client.chunk().await.unwrap(), b"Shutdown");
            process.signal(second);
            assert_eq!(client.closed().await, b"", "SIG{first}, SIG{second}: cut off");
            let said = process.end();
            assert!(said.contains("\nlifespan is over\n"), "SIG{first}, SIG{second}: {said}");
        }
    });
}

#[test]
fn signal_during_the_shutdown_of_the_lifespan_ends_it() {
    on_current_thread(async || {
        for signal in ["TERM", "INT"] {
            let mut process = Process::start(STOPPING);
            // Before that a signal would meet a process that does not listen to it yet.
            process.says("started");
            process.signal(signal);
            process.says("stops");
            process.signal(signal);
            let said = process.end();
            assert!(!said.contains("lifespan is over"), "SIG{signal}: {said}");
        }
    });
}

#[test]
fn signal_during_startup_ends_the_process_with_0_and_nothing_is_served() {
    on_current_thread(async || {
        for signal in ["TERM", "INT"] {
            let mut process = Process::start(STARTING);
            let mut early = process.connect().await;
            early.ask("/").await;
            process.says("starts");
            process.signal(signal);
            assert!(early.closed().await.is_empty(), "SIG{signal}");
            let said = process.end();
            assert!(!said.contains("lifespan is over"), "SIG{signal}: {said}");
        }
    });
}
