//! Signals, at a process of its own: this program again, told by a variable to serve.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

use gateway_hyper::Server;
use gateway_iface::asgi::event::SendEvent;
use gateway_iface::{Error, asgi};
use http::{HeaderMap, StatusCode};
use tokio::net::TcpStream;

use crate::support::{Client, on_current_thread};

const SERVES: &str = "GATEWAY_HYPER_TEST_SERVES";

async fn app(scope: asgi::Scope, mut receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    if scope.protocol() == "lifespan" {
        receive.receive().await;
        send.send(SendEvent::StartupComplete).await?;
        receive.receive().await;
        println!("\nlifespan is over");
        return Ok(send.send(SendEvent::ShutdownComplete).await?);
    }
    let scope = scope.into_http()?;
    send.start(StatusCode::OK, HeaderMap::new()).await?;
    send.block("begun").await?;
    let reason = receive.disconnected().await;
    if scope.path_info() == "/hangs" {
        std::future::pending::<()>().await;
    }
    Ok(send.last(format!("{reason:?}")).await?)
}

/// The other process; here, where no one asked for it, there is nothing to do.
#[test]
fn process_that_serves() {
    if std::env::var_os(SERVES).is_none() {
        return;
    }
    on_current_thread(async || {
        let builder = Server::builder().grace_period(Duration::from_millis(500));
        let server = builder.bind("127.0.0.1:0").await.unwrap();
        println!("\nserves {}", server.local_addr().tcp().unwrap());
        server.serve(app).await.unwrap();
        println!("\nserve is over");
    });
}

/// Starts the process, has a request under way, sends the signal; what came after the first block.
async fn signalled(signal: &str, path: &str) -> Vec<u8> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "signals::process_that_serves", "--nocapture", "--test-threads=1"])
        .env(SERVES, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let addr = loop {
        let mut line = String::new();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "it does not serve");
        if let Some(addr) = line.strip_prefix("serves ") {
            break addr.trim().to_owned();
        }
    };
    let mut client = Client::new(TcpStream::connect(addr).await.unwrap());
    client.ask(path).await;
    client.head().await;
    assert_eq!(client.chunk().await.unwrap(), b"begun");
    let kill = Command::new("sh").args(["-c", &format!("kill -{signal} {}", child.id())]).status();
    assert!(kill.unwrap().success());
    let rest = client.closed().await;
    let mut said = String::new();
    output.read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "SIG{signal}: {said}");
    assert!(
        said.contains("\nlifespan is over\n") && said.contains("\nserve is over\n"),
        "SIG{signal}: {said}"
    );
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
