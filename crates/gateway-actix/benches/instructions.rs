//! Instructions for each request, counted by valgrind, so they repeat: what each direction costs over what it stands
//! before.
//!
//! `cargo bench -p gateway-actix --bench instructions`
//!
//! Each server runs twice, with two numbers of requests on one connection, so that start-up cancels. An argument, such
//! as `hello`, picks rows by name.

#![expect(clippy::print_stdout, reason = "a table on standard output is what it is for")]

use std::future::poll_fn;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::task::{Context, Poll};
use std::{env, io, thread};

use actix_web::web::{self, Bytes, Payload};
use actix_web::{App, HttpResponse, HttpServer};
use gateway_actix::{FromActix, ToActix};
use gateway_iface::futures_core::Stream;
use gateway_iface::http::{HeaderMap, StatusCode};
use gateway_iface::{BoxError, asgi};

const FEW: u64 = 200;
const MANY: u64 = 700;

const ROWS: &[Row] = &[
    Row { name: "hello", method: "GET", path: "/", body: 0 },
    Row { name: "stream of ten blocks", method: "GET", path: "/stream", body: 0 },
    // actix closes a connection whose response begins before the request has ended, so it is no echo.
    Row { name: "upload of 1 MiB", method: "POST", path: "/upload", body: 1024 * 1024 },
];

/// The servers, each pair compared.
const PAIRS: [(&str, &str); 3] = [("to-actix", "actix"), ("from-actix", "actix"), ("from-actix", "native")];

struct Row {
    name: &'static str,
    method: &'static str,
    path: &'static str,
    body: usize,
}

fn main() -> Result<(), BoxError> {
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [serve, server, addr] = &args[..]
        && serve == "--serve"
    {
        return self::serve(server, addr);
    }
    println!("{:<24} {:>12} {:>10} {:>12} {:>10} {:>7}", "instructions a request", "", "", "", "", "ratio");
    for row in
        ROWS.iter().filter(|row| args.is_empty() || args.iter().any(|name| row.name.contains(name.as_str())))
    {
        for (ours, theirs) in PAIRS {
            let (own, other) = (per_request(ours, row)?, per_request(theirs, row)?);
            let ratio = own as f64 / other as f64;
            println!("{:<24} {ours:>12} {own:>10} {theirs:>12} {other:>10} {ratio:>7.3}", row.name);
        }
    }
    Ok(())
}

fn serve(server: &str, addr: &str) -> Result<(), BoxError> {
    let by_actix = |configure: fn(&mut web::ServiceConfig)| {
        actix_web::rt::System::new().block_on(async {
            HttpServer::new(move || App::new().configure(configure)).workers(1).bind(addr)?.run().await
        })
    };
    match server {
        "actix" => by_actix(handlers)?,
        "to-actix" => by_actix(|config| {
            config.default_service(ToActix::new(application));
        })?,
        "from-actix" => native(addr, FromActix::new(|| App::new().configure(handlers)).with_threads(1))?,
        _ => native(addr, application)?,
    }
    Ok(())
}

fn native(addr: &str, app: impl asgi::Application + 'static) -> Result<(), BoxError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(gateway_hyper::serve(addr, app))?)
}

fn handlers(config: &mut web::ServiceConfig) {
    config
        .route("/", web::get().to(|| async { "Hello, World!" }))
        .route("/stream", web::get().to(|| async { HttpResponse::Ok().streaming(Ten(10)) }))
        .route("/upload", web::post().to(upload));
}

async fn upload(mut body: Payload) -> actix_web::Result<String> {
    let mut len = 0;
    while let Some(block) = poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).await {
        len += block?.len();
    }
    Ok(len.to_string())
}

struct Ten(usize);

impl Stream for Ten {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.0 == 0 {
            return Poll::Ready(None);
        }
        self.0 -= 1;
        Poll::Ready(Some(Ok(Bytes::from_static(BLOCK))))
    }
}

async fn application(
    scope: asgi::Scope,
    mut receive: asgi::Receive,
    mut send: asgi::Send,
) -> Result<(), gateway_iface::Error> {
    match scope.into_http()?.path_info() {
        "/stream" => {
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            for _ in 0..10 {
                send.block(BLOCK).await?;
            }
            send.last("").await?;
        }
        "/upload" => {
            let mut len = 0;
            while let Some(block) = receive.block().await? {
                len += block.len();
            }
            send.text(200, len.to_string()).await?;
        }
        _ => send.text(200, "Hello, World!").await?,
    }
    Ok(())
}

fn per_request(server: &str, row: &Row) -> Result<u64, BoxError> {
    let scale = if row.body > 0 { 10 } else { 1 };
    let (few, many) = (FEW / scale, MANY / scale);
    Ok((count(server, row, many)? - count(server, row, few)?) / (many - few))
}

/// Instructions of a whole run with that many requests, one after the other on one connection.
fn count(server: &str, row: &Row, requests: u64) -> Result<u64, BoxError> {
    let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let mut child = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args(["--serve", server, &addr])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("valgrind is needed to count instructions: {error}"))?;
    let result = load(&addr, row, requests, &mut child);
    Command::new("kill").arg(child.id().to_string()).status()?;
    let output = child.wait_with_output()?;
    result?;
    let report = String::from_utf8_lossy(&output.stderr);
    let collected = report.lines().find_map(|line| line.split("Collected : ").nth(1));
    Ok(collected.ok_or_else(|| format!("no count in: {report}"))?.trim().parse()?)
}

fn load(addr: &str, row: &Row, requests: u64, child: &mut Child) -> Result<(), BoxError> {
    let stream = loop {
        match TcpStream::connect(addr) {
            Ok(stream) => break stream,
            Err(_) if child.try_wait()?.is_none() => thread::yield_now(),
            Err(error) => return Err(format!("the server ended: {error}").into()),
        }
    };
    stream.set_nodelay(true)?;
    let Row { method, path, body, .. } = row;
    let mut message = format!("{method} {path} HTTP/1.1\r\nhost: {addr}\r\n").into_bytes();
    if *body > 0 {
        message.extend(format!("content-length: {body}\r\n").into_bytes());
    }
    message.extend(b"\r\n");
    message.resize(message.len() + body, b'x');
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::with_capacity(1 << 16, stream);
    for _ in 0..requests {
        // A large body is sent while the answer is read, so that neither side waits for the other.
        thread::scope(|scope| {
            let sent = scope.spawn(|| writer.write_all(&message));
            let read = response(&mut reader);
            sent.join().map_err(|_| "the writer panicked")??;
            read
        })?;
    }
    Ok(())
}

/// Reads one response whole.
fn response(reader: &mut impl BufRead) -> Result<(), BoxError> {
    let (mut length, mut line) = (None, String::new());
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
            length = Some(value.parse()?);
        }
    }
    if let Some(length) = length {
        io::copy(&mut reader.by_ref().take(length), &mut io::sink())?;
        return Ok(());
    }
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let size = u64::from_str_radix(line.trim_end(), 16)?;
        io::copy(&mut reader.by_ref().take(size + 2), &mut io::sink())?;
        if size == 0 {
            return Ok(());
        }
    }
}

const BLOCK: &[u8] = &[b'x'; 1024];
