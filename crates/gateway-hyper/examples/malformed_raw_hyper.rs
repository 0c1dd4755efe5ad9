//! The table of malformed requests against hyper alone: what a server on it has to refuse by itself.
//!
//! `cargo run -p gateway-hyper --example malformed_raw_hyper`

#![expect(clippy::print_stdout, reason = "a program that tells what it found")]

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

#[path = "../tests/malformed/answer.rs"]
mod answer;
#[path = "../tests/malformed/calls.rs"]
mod calls;
#[path = "../tests/malformed/client.rs"]
mod client;
#[path = "../tests/malformed/files.rs"]
mod files;
#[path = "../tests/malformed/judge.rs"]
mod judge;
#[path = "../tests/malformed/table.rs"]
mod table;

use calls::Calls;
use judge::{Verdict, judge};

/// The content of a response: none.
struct Empty;

impl Body for Empty {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        std::task::Poll::Ready(None)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(0)
    }
}

async fn answer_all(
    calls: Calls,
    client: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Empty>, hyper::Error> {
    let query = request.uri().query().map_or_else(String::new, |query| format!("?{query}"));
    let target = format!("{}{query}", request.uri().path());
    let response = calls.begin(client, request.method().as_str(), &target, request.headers());
    let (mut body, mut read) = (request.into_body(), BytesMut::new());
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Ok(data) = frame?.into_data() {
            read.extend_from_slice(&data);
        }
    }
    calls.read(client, read.freeze());
    Ok(response.map(|_| Empty))
}

async fn serve(listener: TcpListener, calls: Calls) -> std::io::Result<()> {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(30));
    loop {
        let (stream, client) = listener.accept().await?;
        let calls = calls.clone();
        let service = service_fn(move |request| answer_all(calls.clone(), client, request));
        let connection = http.serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            // A connection that fails concerns no one else.
            let _ = connection.await;
        });
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let calls = Calls::default();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    tokio::spawn(serve(listener, calls.clone()));
    let (mut must, mut should) = ((0, 0), (0, 0));
    for file in files::ALL {
        let cases = table::read(file);
        let outcomes = client::send_all(addr, &cases, false).await;
        for (case, outcome) in cases.iter().zip(&outcomes) {
            let (right, all) = if case.binds { &mut must } else { &mut should };
            *all += 1;
            match judge(case, &outcome.answer, &calls.of(outcome.client), true) {
                Verdict::Right => *right += 1,
                Verdict::Known => println!("{} {:?}: {}", case.name, case.rules, outcome.answer),
                Verdict::Wrong(fault) => println!("{} {:?}: {fault}", case.name, case.rules),
            }
        }
    }
    println!("right: {} of {} that bind, {} of {} that advise", must.0, must.1, should.0, should.1);
    Ok(())
}
