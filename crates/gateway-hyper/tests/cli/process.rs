//! A process that serves, and does not outlive its test.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitCode, Stdio};
use std::time::Duration;

use gateway_iface::asgi::event::Accept;
use gateway_iface::asgi::{self, Disconnect, Handshake, Receive, Scope};
use gateway_iface::{Error, wsgi};
use http::{HeaderMap, StatusCode};

/// The arguments of the other process, one a line; the first names what it serves.
const ARGS: &str = "GATEWAY_HYPER_TEST_CLI";

/// The other process; here, where no one asked for it, there is nothing to do.
#[test]
fn process_that_serves() {
    let Ok(args) = std::env::var(ARGS) else {
        return;
    };
    let args: Vec<&str> = args.lines().collect();
    let code = match args[0] {
        "wsgi" => gateway_hyper::main_wsgi_from(args, synchronous),
        "fails-to-start" => gateway_hyper::main_from(args, fails_to_start),
        "starts-once" => gateway_hyper::main_from(args, fails_where_a_file_is),
        "fails-to-stop" => gateway_hyper::main_from(args, fails_to_stop),
        _ => gateway_hyper::main_from(args, application),
    };
    let number = (0..=u8::MAX).find(|&number| ExitCode::from(number) == code).unwrap();
    std::process::exit(number.into());
}

async fn application(scope: Scope, receive: Receive, mut send: asgi::Send) -> Result<(), Error> {
    match scope {
        Scope::Lifespan(lifespan) => {
            let shutdown = async {
                tracing::info!("the application shuts down");
                Ok(())
            };
            lifespan.run(receive, send, async { Ok(()) }, shutdown).await
        }
        Scope::WebSocket(_) => {
            let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
            while let Ok(message) = socket.next().await {
                socket.send(message).await?;
            }
            Ok(())
        }
        Scope::Http(request) => match request.path_info() {
            "/client" => Ok(send.text(200, format!("{:?}", request.head().client())).await?),
            "/fails" => Err(Error::new("on purpose")),
            "/panics" => panic!("on purpose"),
            "/long" => until_shutdown(receive, send, true).await,
            "/stuck" => until_shutdown(receive, send, false).await,
            _ => Ok(send.text(200, "hello").await?),
        },
        other => Err(other.unsupported().into()),
    }
}

/// A response that begins, and ends once the server stops, or never.
async fn until_shutdown(mut receive: Receive, mut send: asgi::Send, ends: bool) -> Result<(), Error> {
    send.start(StatusCode::OK, HeaderMap::new()).await?;
    send.block("begun, ").await?;
    assert_eq!(receive.disconnected().await, Disconnect::Shutdown);
    if !ends {
        std::future::pending::<()>().await;
    }
    Ok(send.last("ended").await?)
}

async fn fails_to_start(scope: Scope, receive: Receive, send: asgi::Send) -> Result<(), Error> {
    let lifespan = scope.into_lifespan()?;
    lifespan.run(receive, send, async { Err(Error::new("no database")) }, async { Ok(()) }).await
}

/// Does not start while there is a file of a name in the environment.
async fn fails_where_a_file_is(scope: Scope, receive: Receive, send: asgi::Send) -> Result<(), Error> {
    let fails = std::env::var_os("GATEWAY_HYPER_TEST_FAILS").is_some_and(|path| Path::new(&path).exists());
    let fails = fails && matches!(scope, Scope::Lifespan(_));
    if fails { fails_to_start(scope, receive, send).await } else { application(scope, receive, send).await }
}

async fn fails_to_stop(scope: Scope, receive: Receive, send: asgi::Send) -> Result<(), Error> {
    let lifespan = scope.into_lifespan()?;
    lifespan.run(receive, send, async { Ok(()) }, async { Err(Error::new("not stored")) }).await
}

fn synchronous(
    mut environ: wsgi::Environ,
    start_response: &mut dyn wsgi::StartResponse,
) -> Result<wsgi::Body, Error> {
    environ.input().read_all(1024)?;
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("a thread without name");
    start_response.text(200, format!("{} on {thread}", environ.path_info()).into())
}

/// A command line, to be run.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "process::process_that_serves", "--nocapture", "--test-threads=1"])
        .env(ARGS, args.join("\n"))
        .stdin(Stdio::null());
    command
}

/// What a command line comes to that serves nothing: its exit code, and all it says.
pub(crate) fn run(args: &[&str]) -> (i32, String) {
    outcome(&mut command(args))
}

pub(crate) fn outcome(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

/// A process that serves.
pub(crate) struct Process {
    child: Child,
    /// The process that serves: the child, or one that took over from it.
    pid: u32,
    log: BufReader<ChildStderr>,
    /// Where it listens, in the order of its log.
    pub(crate) addrs: Vec<String>,
}

impl Process {
    /// Starts it, and waits until it says that it listens so often.
    pub(crate) fn start(args: &[&str], listeners: usize) -> Self {
        Self::of(&mut command(args), listeners)
    }

    pub(crate) fn of(command: &mut Command, listeners: usize) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let pid = child.id();
        let mut process = Self { child, pid, log, addrs: Vec::new() };
        while process.addrs.len() < listeners {
            let line = process.says("address=");
            let addr = line.split_once("address=").unwrap().1.trim();
            process.addrs.push(addr.rsplit_once("//").map_or(addr, |(_, addr)| addr).to_owned());
        }
        process
    }

    /// Waits for a line of its log with that in it.
    pub(crate) fn says(&mut self, what: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.log.read_line(&mut line).unwrap(), 0, "it never says {what}");
            if line.contains(what) {
                return line;
            }
        }
    }

    /// The answer to a GET, head and all.
    pub(crate) fn get(&self, path: &str) -> String {
        get(&self.addrs[0], path, "")
    }

    pub(crate) fn signal(&self, signal: &str) {
        assert!(kill(signal, self.pid));
    }

    /// Has a new process take over, and waits until the old one is gone; the number of the new one.
    pub(crate) fn replace(&mut self) -> u32 {
        self.signal("USR2");
        self.replaced()
    }

    /// Waits until a new process has taken over, and the old one is gone; the number of the new one.
    pub(crate) fn replaced(&mut self) -> u32 {
        let line = self.says("a new process serves, this one finishes");
        self.pid = line.split_once("pid=").unwrap().1.trim().parse().unwrap();
        self.says("stopped");
        self.pid
    }

    /// Stops it; its exit code, and what it logged since.
    pub(crate) fn stop(mut self) -> (i32, String) {
        self.signal("TERM");
        self.end()
    }

    /// Waits for the end of all; the exit code of the first one.
    pub(crate) fn end(&mut self) -> (i32, String) {
        let mut said = String::new();
        self.log.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code().unwrap(), said)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It is gone already, unless the test failed.
        if self.pid != self.child.id() {
            kill("KILL", self.pid);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kill(signal: &str, pid: u32) -> bool {
    // Where the process is gone already, that is said on standard error.
    let kill =
        Command::new("sh").args(["-c", &format!("kill -{signal} {pid}")]).stderr(Stdio::null()).status();
    kill.unwrap().success()
}

/// The answer to a GET with further fields, on a connection of its own.
pub(crate) fn get(addr: &str, path: &str, fields: &str) -> String {
    ask(addr, &format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{fields}\r\n")).unwrap()
}

/// What comes in answer to that, on a connection of its own, until it is closed.
pub(crate) fn ask(addr: &str, octets: &str) -> io::Result<String> {
    let mut stream = connect(addr);
    stream.write_all(octets.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

pub(crate) fn connect(addr: &str) -> TcpStream {
    let addr: SocketAddr = addr.parse().unwrap();
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// Only keeps a deadlock from hanging the run.
const DEADLINE: Duration = Duration::from_secs(60);
