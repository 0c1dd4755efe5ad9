//! What servers cost a request, counted by valgrind: shared by the benches that compare servers.
//!
//! Each server runs twice, with two numbers of requests, so that start-up cancels.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const FEW: u64 = 300;
const MANY: u64 = 1_300;

/// A request that is made again and again.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) body: usize,
}

/// What is counted.
#[derive(Clone, Copy)]
pub(crate) enum Counted {
    Instructions,
    Allocations,
}

impl Counted {
    /// `instructions` or `allocations`.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        match name {
            "instructions" => Ok(Self::Instructions),
            "allocations" => Ok(Self::Allocations),
            _ => Err(format!("nobody counts {name}")),
        }
    }

    fn tool(self) -> &'static [&'static str] {
        match self {
            Self::Instructions => &["--tool=callgrind", "--callgrind-out-file=/dev/null"],
            Self::Allocations => &["--tool=dhat", "--dhat-out-file=/dev/null"],
        }
    }

    /// What the report of the tool says.
    fn read(self, report: &str) -> Option<u64> {
        let number = match self {
            Self::Instructions => report.lines().find_map(|line| line.split("Collected : ").nth(1))?,
            Self::Allocations => {
                let line = report.lines().find(|line| line.contains("Total:"))?;
                line.split(" bytes in ").nth(1)?.split(' ').next()?
            }
        };
        number.trim().replace(',', "").parse().ok()
    }
}

/// Builds examples in release, and returns the folder they are in. `args` are cargo's.
pub(crate) fn build(args: &[&str]) -> Result<PathBuf, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).args(["build", "--release"]).args(args).status()?;
    if !status.success() {
        return Err("the servers do not build".into());
    }
    // This program stands in `<target>/release/deps`.
    let program = std::env::current_exe()?;
    let release = program.ancestors().nth(2).ok_or("no target folder")?;
    Ok(release.join("examples"))
}

/// What a request costs a server, which is one of the examples.
pub(crate) fn per_request(
    counted: Counted,
    server: &Path,
    options: &[&str],
    request: Request,
) -> Result<u64, Box<dyn Error>> {
    per_call(counted, server, options, request.body, |addr, requests, child| {
        load(addr, request, requests, child)
    })
}

/// What one of the things costs a server that `load` does to it: so many of them, at that address, each of so many
/// octets. The server may not listen yet.
pub(crate) fn per_call(
    counted: Counted,
    server: &Path,
    options: &[&str],
    octets: usize,
    load: impl Fn(&str, u64, &mut Child) -> Result<(), Box<dyn Error>>,
) -> Result<u64, Box<dyn Error>> {
    // What is large takes long.
    let scale = if octets > 64 * 1024 { 10 } else { 1 };
    let (few, many) = (FEW / scale, MANY / scale);
    let cost = |times| count(counted, server, options, |addr, child| load(addr, times, child));
    Ok((cost(many)? - cost(few)?) / (many - few))
}

/// What a whole run costs.
fn count(
    counted: Counted,
    server: &Path,
    options: &[&str],
    load: impl FnOnce(&str, &mut Child) -> Result<(), Box<dyn Error>>,
) -> Result<u64, Box<dyn Error>> {
    let addr = free_address()?;
    let mut child = Command::new("valgrind")
        .args(counted.tool())
        .arg(server)
        .args(["--bind", &addr])
        .args(options)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("valgrind is needed to count: {error}"))?;
    let result = load(&addr, &mut child);
    Command::new("kill").arg(child.id().to_string()).status()?;
    let output = child.wait_with_output()?;
    result?;
    let report = String::from_utf8_lossy(&output.stderr);
    Ok(counted.read(&report).ok_or_else(|| format!("no count in: {report}"))?)
}

fn free_address() -> std::io::Result<String> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

fn load(addr: &str, request: Request, requests: u64, child: &mut Child) -> Result<(), Box<dyn Error>> {
    let stream = loop {
        match TcpStream::connect(addr) {
            Ok(stream) => break stream,
            Err(_) if child.try_wait()?.is_none() => std::thread::yield_now(),
            Err(error) => return Err(format!("the server ended: {error}").into()),
        }
    };
    stream.set_nodelay(true)?;
    let Request { method, path, body } = request;
    let mut message = format!("{method} {path} HTTP/1.1\r\nhost: {addr}\r\n").into_bytes();
    if body > 0 {
        message.extend(format!("content-type: text/plain\r\ncontent-length: {body}\r\n").into_bytes());
    }
    message.extend(b"\r\n");
    message.resize(message.len() + body, b'x');
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::with_capacity(1 << 16, stream);
    for _ in 0..requests {
        // A large body is sent while the answer is read, so that neither side waits for the other.
        std::thread::scope(|scope| {
            let sent = scope.spawn(|| writer.write_all(&message));
            let read = response(&mut reader);
            sent.join().map_err(|_| "the writer panicked")??;
            read
        })?;
    }
    Ok(())
}

/// Reads one response whole.
fn response(reader: &mut impl BufRead) -> Result<(), Box<dyn Error>> {
    let (mut length, mut chunked, mut line) = (0, false, String::new());
    reader.read_line(&mut line)?;
    if !line.starts_with("HTTP/1.1 200") {
        return Err(format!("unexpected answer: {line}").into());
    }
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let field = line.trim_end().to_ascii_lowercase();
        if field.is_empty() {
            break;
        }
        if let Some(value) = field.strip_prefix("content-length: ") {
            length = value.parse()?;
        }
        chunked |= field == "transfer-encoding: chunked";
    }
    if !chunked {
        std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
        return Ok(());
    }
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let size = u64::from_str_radix(line.trim_end(), 16)?;
        std::io::copy(&mut reader.by_ref().take(size + 2), &mut std::io::sink())?;
        if size == 0 {
            return Ok(());
        }
    }
}
