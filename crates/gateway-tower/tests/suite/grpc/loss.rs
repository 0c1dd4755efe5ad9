//! A client that leaves, one that has waited long enough, and a server that stops.

use bytes::Bytes;
use gateway_iface::http::{HeaderMap, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::client::Grpc;
use tonic::transport::Endpoint;
use tower::service_fn;

use super::servers::{Ours, Theirs, codec, connect, on_both_runtimes, path};
use super::service::{CHAT, COLLECT, Notes, REPEAT, UNARY, Wish, note};

#[test]
fn a_100_handlers_of_calls_that_are_given_up_are_dropped() {
    on_both_runtimes(async || {
        let (notes, seen, mut drops) = Notes::new();
        let server = Ours::tonic(notes).await;
        let mut client = Grpc::new(connect(server.addr).await);
        let mut passed = seen.passed.subscribe();

        let hung = tonic::Request::new(note(0, "").with_wish(Wish::Hang));
        client.ready().await.unwrap();
        tokio::select! {
            answer = client.unary(hung, path(UNARY), codec()) => panic!("{answer:?}"),
            () = reached(&mut passed, 1) => {}
        }
        assert_eq!(drops.recv().await, Some("unary"));

        let hung = tonic::Request::new(note(1, "x").with_wish(Wish::Hang));
        client.ready().await.unwrap();
        let answer = client.server_streaming(hung, path(REPEAT), codec()).await.unwrap();
        let mut answer = answer.into_inner();
        assert_eq!(answer.message().await.unwrap(), Some(note(0, "x")));
        drop(answer);
        assert_eq!(drops.recv().await, Some("repeat"));

        let silent = tonic::Request::new(tokio_stream::once(note(0, "x")).chain(tokio_stream::pending()));
        client.ready().await.unwrap();
        tokio::select! {
            answer = client.client_streaming(silent, path(COLLECT), codec()) => panic!("{answer:?}"),
            () = reached(&mut passed, 3) => {}
        }
        assert_eq!(drops.recv().await, Some("collect"));

        drop(client);
        server.stop().await;
    });
}

/// A client of tonic's that drops the answer of a chat goes on with its own half. Only its connection ends that.
#[test]
fn a_100_handlers_of_a_connection_that_breaks_are_dropped() {
    on_both_runtimes(async || {
        let (notes, _, mut drops) = Notes::new();
        let server = Ours::tonic(notes).await;
        let socket = std::net::TcpStream::connect(server.addr).unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut stream = Some(TcpStream::from_std(socket.try_clone().unwrap()).unwrap());
        let connector = service_fn(move |_: Uri| {
            let stream = stream.take().map(TokioIo::new).ok_or_else(|| std::io::Error::other("once only"));
            std::future::ready(stream)
        });
        let endpoint = Endpoint::from_shared(format!("http://{}", server.addr)).unwrap();
        let mut client = Grpc::new(endpoint.connect_with_connector(connector).await.unwrap());

        let silent = tonic::Request::new(tokio_stream::once(note(0, "x")).chain(tokio_stream::pending()));
        client.ready().await.unwrap();
        let mut chat = client.streaming(silent, path(CHAT), codec()).await.unwrap().into_inner();
        assert_eq!(chat.message().await.unwrap(), Some(note(1, "x")));
        let hung = tonic::Request::new(note(1, "x").with_wish(Wish::Hang));
        client.ready().await.unwrap();
        let mut answer = client.server_streaming(hung, path(REPEAT), codec()).await.unwrap().into_inner();
        assert_eq!(answer.message().await.unwrap(), Some(note(0, "x")));

        socket.shutdown(std::net::Shutdown::Both).unwrap();
        let mut dropped = [drops.recv().await, drops.recv().await];
        dropped.sort_unstable();
        assert_eq!(dropped, [Some("chat"), Some("repeat")]);
        assert_eq!(answer.message().await.unwrap_err().code(), tonic::Code::Unknown);
        drop((client, chat));
        server.stop().await;
    });
}

#[test]
fn deadline_ends_a_call_as_on_the_server_of_tonic() {
    on_both_runtimes(async || {
        let ((notes, _, mut drops), (others, _, mut other_drops)) = (Notes::new(), Notes::new());
        let (ours, theirs) = (Ours::tonic(notes).await, Theirs::start(others).await);
        let body = framed(&note(0, "").with_wish(Wish::Hang));
        let fields = [("te", "trailers"), ("grpc-timeout", "500m")];
        let answer = raw(ours.addr, &fields, body.clone()).await;
        assert_eq!(told(&answer), told(&raw(theirs.addr, &fields, body).await));
        assert_eq!(answer.headers()["grpc-status"], "1");
        assert_eq!(answer.headers()["grpc-message"], "Timeout%20expired");
        assert_eq!(drops.recv().await, Some("unary"));
        assert_eq!(other_drops.recv().await, Some("unary"));
        ours.stop().await;
        theirs.stop().await;
    });
}

/// As gRPC has it: a status without messages is one head, and the end of the stream.
#[test]
fn a_135_status_comes_with_the_trailers_or_in_the_only_head() {
    on_both_runtimes(async || {
        let (ours, theirs) = (Ours::tonic(Notes::new().0).await, Theirs::start(Notes::new().0).await);
        let (fine, refused) = (framed(&note(0, "x")), framed(&note(0, "").with_code(tonic::Code::NotFound)));
        let te = [("te", "trailers")];
        let answer = raw(ours.addr, &te, fine.clone()).await;
        assert_eq!(told(&answer), told(&raw(theirs.addr, &te, fine.clone()).await));
        assert_eq!(answer.body().1.as_ref().unwrap()["grpc-status"], "0");
        let answer = raw(ours.addr, &te, refused.clone()).await;
        assert_eq!(told(&answer), told(&raw(theirs.addr, &te, refused).await));
        assert_eq!(answer.headers()["grpc-status"], "5");
        assert!(answer.body().1.is_none());
        // Who does not ask for trailers gets none; gRPC demands that clients ask.
        let answer = raw(ours.addr, &[], fine.clone()).await;
        assert!(answer.body().1.is_none());
        assert_eq!(answer.into_body().0, fine);
        ours.stop().await;
        theirs.stop().await;
    });
}

#[test]
fn streams_go_on_while_the_server_stops() {
    on_both_runtimes(async || {
        let (notes, _, _drops) = Notes::new();
        let server = Ours::tonic(notes).await;
        let mut client = Grpc::new(connect(server.addr).await);
        let (say, said) = mpsc::channel(1);
        client.ready().await.unwrap();
        say.send(note(1, "x")).await.unwrap();
        let chat = tonic::Request::new(ReceiverStream::new(said));
        let mut answer = client.streaming(chat, path(CHAT), codec()).await.unwrap().into_inner();
        assert_eq!(answer.message().await.unwrap(), Some(note(2, "x")));
        server.handle.shutdown();
        for number in 10..20 {
            say.send(note(number, "x")).await.unwrap();
            assert_eq!(answer.message().await.unwrap(), Some(note(number + 1, "x")));
        }
        drop(say);
        assert_eq!(answer.message().await.unwrap(), None);
        drop(client);
        server.stop().await;
    });
}

async fn reached(passed: &mut watch::Receiver<u32>, number: u32) {
    passed.wait_for(|passed| *passed >= number).await.unwrap();
}

/// A message as it is on the wire.
fn framed(note: &super::service::Note) -> Bytes {
    let message = note.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], &message].concat().into()
}

/// A call by a client that knows nothing of gRPC.
async fn raw(
    addr: std::net::SocketAddr,
    fields: &[(&str, &str)],
    body: Bytes,
) -> Response<(Bytes, Option<HeaderMap>)> {
    let stream = TokioIo::new(TcpStream::connect(addr).await.unwrap());
    let (mut client, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut request =
        Request::post(format!("http://{addr}{UNARY}")).header("content-type", "application/grpc");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let answer = client.send_request(request.body(Full::new(body)).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap();
    let trailers = body.trailers().cloned();
    drop(client);
    connection.await.unwrap().unwrap();
    Response::from_parts(parts, (body.to_bytes(), trailers))
}

/// All there is of an answer but its date, and the length of one without a body.
fn told(answer: &Response<(Bytes, Option<HeaderMap>)>) -> (StatusCode, HeaderMap, Bytes, Option<HeaderMap>) {
    let mut headers = answer.headers().clone();
    headers.remove("date");
    headers.remove("content-length");
    let (body, trailers) = answer.body().clone();
    (answer.status(), headers, body, trailers)
}
