//! Instructions for each request, over raw hyper: counted by valgrind, so they repeat.
//!
//! `cargo bench -p gateway-hyper --bench instructions`
//!
//! Each server runs twice, with two numbers of requests, so that start-up cancels. Both sides are built
//! with the same profile and run with the same protections: once with hyper's limit on the time that a
//! request's head may take, and once without. A third argument, such as `hello`, picks rows by name.

#![expect(clippy::print_stdout, reason = "a table on standard output is what it is for")]

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

const FEW: u64 = 300;
const MANY: u64 = 1_300;

struct Row {
    name: &'static str,
    request: Request,
    options: &'static [&'static str],
    limit: f64,
}

#[derive(Clone, Copy)]
struct Request {
    method: &'static str,
    path: &'static str,
    body: usize,
}

const HELLO: Request = Request { method: "GET", path: "/", body: 0 };
const STREAM: Request = Request { method: "GET", path: "/stream", body: 0 };
const ECHO: Request = Request { method: "POST", path: "/echo", body: 1024 };
const LARGE_ECHO: Request = Request { method: "POST", path: "/echo", body: 256 * 1024 };

const ROWS: &[Row] = &[
    Row { name: "hello", request: HELLO, options: &[], limit: 1.10 },
    Row { name: "stream of ten blocks", request: STREAM, options: &[], limit: 1.15 },
    Row { name: "echo of 1 KiB", request: ECHO, options: &[], limit: 1.15 },
    Row { name: "echo of 256 KiB", request: LARGE_ECHO, options: &[], limit: 1.15 },
    Row {
        name: "hello, ten layers that forward",
        request: HELLO,
        options: &["--layers", "forward"],
        limit: 1.12,
    },
    Row { name: "hello, ten counters", request: HELLO, options: &["--layers", "counter"], limit: 1.12 },
    Row { name: "hello, ten path guards", request: HELLO, options: &["--layers", "path-guard"], limit: 1.12 },
    Row {
        name: "hello, wsgi inline",
        request: HELLO,
        options: &["--interface", "wsgi", "--inline"],
        limit: 1.15,
    },
    Row { name: "hello, wsgi on the pool", request: HELLO, options: &["--interface", "wsgi"], limit: 1.50 },
];

fn main() -> Result<(), Box<dyn Error>> {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let examples = build()?;
    println!(
        "{:<34} {:>10} {:>10} {:>7} {:>7}",
        "instructions a request", "ours", "raw hyper", "ratio", "limit"
    );
    for protections in [&["--no-header-timeout"][..], &[]] {
        let label = if protections.is_empty() { "with" } else { "without" };
        println!("{label} a limit on the time of the request's head:");
        let mut raw: Vec<(&str, usize, u64)> = Vec::new();
        for row in
            ROWS.iter().filter(|row| wanted.is_empty() || wanted.iter().any(|name| row.name.contains(name)))
        {
            let key = (row.request.path, row.request.body);
            let theirs = match raw.iter().find(|(path, body, _)| (*path, *body) == key) {
                Some((_, _, count)) => *count,
                None => {
                    let count = per_request(&examples, "raw_hyper", protections, row.request)?;
                    raw.push((key.0, key.1, count));
                    count
                }
            };
            let options = [row.options, protections].concat();
            let ours = per_request(&examples, "testbed", &options, row.request)?;
            let ratio = ours as f64 / theirs as f64;
            println!("{:<34} {ours:>10} {theirs:>10} {ratio:>7.3} {:>7.2}", row.name, row.limit);
        }
    }
    Ok(())
}

/// Builds both servers and returns the folder they are in.
fn build() -> Result<PathBuf, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "-p", "gateway-iface", "-p", "gateway-hyper"])
        .args(["--example", "testbed", "--example", "raw_hyper"])
        .status()?;
    if !status.success() {
        return Err("the servers do not build".into());
    }
    // This program stands in `<target>/release/deps`.
    let program = std::env::current_exe()?;
    let release = program.ancestors().nth(2).ok_or("no target folder")?;
    Ok(release.join("examples"))
}

fn per_request(
    examples: &std::path::Path,
    server: &str,
    options: &[&str],
    request: Request,
) -> Result<u64, Box<dyn Error>> {
    let few = count(&examples.join(server), options, request, FEW)?;
    let many = count(&examples.join(server), options, request, MANY)?;
    Ok((many - few) / (MANY - FEW))
}

/// Instructions of a whole run with that many requests, one after the other on one connection.
fn count(
    server: &std::path::Path,
    options: &[&str],
    request: Request,
    requests: u64,
) -> Result<u64, Box<dyn Error>> {
    let addr = free_address()?;
    let mut child = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(server)
        .args(["--bind", &addr])
        .args(options)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("valgrind is needed to count instructions: {error}"))?;
    let result = load(&addr, request, requests, &mut child);
    Command::new("kill").arg(child.id().to_string()).status()?;
    let output = child.wait_with_output()?;
    result?;
    let report = String::from_utf8_lossy(&output.stderr);
    let collected = report.lines().find_map(|line| line.split("Collected : ").nth(1));
    Ok(collected.ok_or_else(|| format!("no count in: {report}"))?.trim().parse()?)
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
