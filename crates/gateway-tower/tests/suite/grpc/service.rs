//! A service of all four kinds, written over tonic's own `Grpc`: what its code generator would write needs a build script
//! and a compiler of the protocol's files.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use gateway_iface::http;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_stream::StreamExt;
use tonic::body::Body;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::server::{Grpc, NamedService};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::service_fn;

/// The message of all calls, both ways.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Note {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) data: Bytes,
    /// How many notes are wanted; of an answer, which one it is.
    #[prost(uint32, tag = "2")]
    pub(crate) number: u32,
    /// The status to end with, when the notes are out.
    #[prost(int32, tag = "3")]
    pub(crate) code: i32,
    /// What else is wanted.
    #[prost(enumeration = "Wish", tag = "4")]
    pub(crate) wish: i32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Wish {
    None = 0,
    /// The status comes from the call and not from its stream.
    Early = 1,
    /// Nothing comes any more when the notes are out.
    Hang = 2,
    /// Nothing is read until the test says so.
    Gate = 3,
}

pub(crate) fn note(number: u32, data: impl Into<Bytes>) -> Note {
    Note { data: data.into(), number, code: 0, wish: 0 }
}

impl Note {
    pub(crate) fn with_code(self, code: Code) -> Self {
        Self { code: code.into(), ..self }
    }

    pub(crate) fn with_wish(self, wish: Wish) -> Self {
        Self { wish: wish.into(), ..self }
    }
}

/// The service; what it has seen is shared by its clones.
#[derive(Clone, Debug)]
pub(crate) struct Notes {
    seen: Arc<Seen>,
}

/// What a test learns of the handlers.
#[derive(Debug)]
pub(crate) struct Seen {
    /// How many notes handlers have made, or have read.
    pub(crate) passed: watch::Sender<u32>,
    /// What notes that wish for it wait for.
    pub(crate) gate: Semaphore,
    dropped: mpsc::UnboundedSender<&'static str>,
}

impl Notes {
    /// The service; and what is dropped of its handlers, by name.
    pub(crate) fn new() -> (Self, Arc<Seen>, mpsc::UnboundedReceiver<&'static str>) {
        let (dropped, drops) = mpsc::unbounded_channel();
        let seen = Arc::new(Seen { passed: watch::Sender::new(0), gate: Semaphore::new(0), dropped });
        (Self { seen: seen.clone() }, seen, drops)
    }

    fn guard(&self, name: &'static str) -> Guard {
        Guard { name, dropped: self.seen.dropped.clone() }
    }

    fn count(&self) {
        self.seen.passed.send_modify(|passed| *passed += 1);
    }

    async fn unary(self, request: Request<Note>) -> Result<Response<Note>, Status> {
        let guard = self.guard("unary");
        let note = request.get_ref().clone();
        self.count();
        if note.wish() == Wish::Hang {
            std::future::pending::<()>().await;
        }
        drop(guard);
        let addr = request.remote_addr().map(|addr| addr.ip().to_string());
        let mut response = Response::new(fail(note.code).map_or(Ok(note), Err)?);
        let metadata = response.metadata_mut();
        if let Some(value) = request.metadata().get("x-echo") {
            metadata.insert("x-echo", value.clone());
        }
        if let Some(value) = request.metadata().get_bin("x-echo-bin") {
            metadata.insert_bin("x-echo-bin", value.clone());
        }
        metadata.insert("x-client", addr.unwrap_or_default().parse().unwrap());
        Ok(response)
    }

    async fn collect(self, request: Request<Streaming<Note>>) -> Result<Response<Note>, Status> {
        let _guard = self.guard("collect");
        let (mut notes, mut count, mut octets) = (request.into_inner(), 0, 0);
        while let Some(note) = notes.message().await? {
            self.count();
            (count, octets) = (count + 1, octets + note.data.len());
            match note.wish() {
                Wish::Gate => drop(self.seen.gate.acquire().await),
                Wish::Early => break,
                _ => {}
            }
            fail(note.code).map_or(Ok(()), Err)?;
        }
        Ok(Response::new(note(count, octets.to_string())))
    }

    async fn repeat(self, request: Request<Note>) -> Result<Response<Out>, Status> {
        let wanted = request.into_inner();
        let end = fail(wanted.code);
        if wanted.wish() == Wish::Early {
            return Err(end.unwrap_or_else(|| Status::internal("no status was asked for")));
        }
        let (guard, data) = (self.guard("repeat"), wanted.data.clone());
        let notes = tokio_stream::iter(0..wanted.number).map(move |number| {
            self.count();
            Ok(note(number, data.clone()))
        });
        let end = tokio_stream::iter(end.map(Err));
        let notes: Out = match wanted.wish() {
            Wish::Hang => Box::pin(notes.chain(tokio_stream::pending())),
            _ => Box::pin(notes.chain(end)),
        };
        Ok(Response::new(guard.over(notes)))
    }

    async fn chat(self, request: Request<Streaming<Note>>) -> Result<Response<Out>, Status> {
        let guard = self.guard("chat");
        let replies = request.into_inner().map(move |note| {
            let note = note?;
            self.count();
            fail(note.code).map_or(Ok(()), Err)?;
            Ok(Note { number: note.number + 1, ..note })
        });
        Ok(Response::new(guard.over(Box::pin(replies))))
    }
}

/// The status with that code, with all that a status may have.
fn fail(code: i32) -> Option<Status> {
    let mut status =
        Status::with_details(Code::from(code), "grund: 100 % \u{2603}", "details\0\u{ff}".into());
    status.metadata_mut().insert("x-why", "asked".parse().ok()?);
    (code != 0).then_some(status)
}

type Out = Pin<Box<dyn Stream<Item = Result<Note, Status>> + Send>>;

/// Tells that a handler, or its stream, is dropped.
struct Guard {
    name: &'static str,
    dropped: mpsc::UnboundedSender<&'static str>,
}

impl Guard {
    /// Goes with the whole of a stream.
    fn over(self, notes: Out) -> Out {
        Box::pin(notes.map(move |note| {
            let _ = &self;
            note
        }))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Not every test wants to know.
        let _ = self.dropped.send(self.name);
    }
}

impl NamedService for Notes {
    const NAME: &'static str = "suite.Notes";
}

impl tower::Service<http::Request<Body>> for Notes {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let notes = self.clone();
        Box::pin(async move {
            let codec = ProstCodec::<Note, Note>::default();
            let mut grpc = Grpc::new(codec).accept_compressed(Gzip).send_compressed(Gzip);
            Ok(match request.uri().path() {
                UNARY => grpc.unary(service_fn(|request| notes.clone().unary(request)), request).await,
                COLLECT => {
                    let handler = service_fn(|request| notes.clone().collect(request));
                    grpc.client_streaming(handler, request).await
                }
                REPEAT => {
                    let handler = service_fn(|request| notes.clone().repeat(request));
                    grpc.server_streaming(handler, request).await
                }
                CHAT => grpc.streaming(service_fn(|request| notes.clone().chat(request)), request).await,
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

pub(crate) const UNARY: &str = "/suite.Notes/Unary";
pub(crate) const COLLECT: &str = "/suite.Notes/Collect";
pub(crate) const REPEAT: &str = "/suite.Notes/Repeat";
pub(crate) const CHAT: &str = "/suite.Notes/Chat";
