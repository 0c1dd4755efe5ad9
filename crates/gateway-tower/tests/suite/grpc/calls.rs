//! Calls, and what tonic's client makes of the answers: the same whether the server is ours or tonic's.

use std::fmt::Write as _;

use gateway_iface::http::HeaderMap;
use tonic::client::Grpc;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status, Streaming};

use super::servers::{Ours, Theirs, codec, connect, on_both_runtimes, path};
use super::service::{CHAT, COLLECT, Note, Notes, REPEAT, UNARY, Wish, note};

struct Call {
    name: &'static str,
    path: &'static str,
    notes: Vec<Note>,
    /// What the report of the call has in it, in this order.
    told: &'static [&'static str],
}

fn calls() -> Vec<Call> {
    let call = |name, path, notes, told| Call { name, path, notes, told };
    let refused = |code| note(0, "").with_code(code);
    let mut calls = vec![
        call(
            "unary, with metadata",
            UNARY,
            vec![note(7, "hello")],
            &["x-client: \"127.0.0.1\"", "x-echo-bin: \"AP8\", x-echo: \"twice\"", "note 7 of 5"],
        ),
        call("unary, empty", UNARY, vec![note(0, "")], &["note 0 of 0"]),
        call("unary, 3 MiB", UNARY, vec![note(1, vec![b'x'; 3 << 20])], &["note 1 of 3145728"]),
        call(
            "unary, more than a server takes",
            UNARY,
            vec![note(1, vec![b'x'; 5 << 20])],
            &["OutOfRange", "decoded message length too large"],
        ),
        call(
            "unary, refused with all that a status has",
            UNARY,
            vec![refused(Code::PermissionDenied)],
            &["PermissionDenied", "grund: 100 % \u{2603}", "details\\0\u{ff}", "x-why: \"asked\""],
        ),
        call("a stream of ten", REPEAT, vec![note(10, "x")], &["note 0 of 1", "note 9 of 1", "end"]),
        call("a stream of none", REPEAT, vec![note(0, "")], &["end"]),
        call("a stream of large ones", REPEAT, vec![note(40, vec![b'x'; 100_000])], &["note 39 of 100000"]),
        call(
            "a stream that is refused",
            REPEAT,
            vec![refused(Code::NotFound).with_wish(Wish::Early)],
            &["NotFound"],
        ),
        call(
            "a stream that fails with its first message",
            REPEAT,
            vec![refused(Code::DataLoss)],
            &["head", "DataLoss", "details"],
        ),
        call(
            "a stream that fails in the middle",
            REPEAT,
            vec![note(3, "x").with_code(Code::Aborted)],
            &["note 2 of 1", "Aborted", "grund", "x-why: \"asked\""],
        ),
        call("ten are collected", COLLECT, vec![note(0, "abc"); 10], &["note 10 of 2"]),
        call("none is collected", COLLECT, vec![], &["note 0 of 1"]),
        call(
            "collected and refused",
            COLLECT,
            vec![note(0, "x"), refused(Code::Unauthenticated), note(0, "x")],
            &["Unauthenticated"],
        ),
        call(
            "answered before all is there",
            COLLECT,
            vec![note(0, "x").with_wish(Wish::Early), note(0, vec![b'x'; 1 << 20]), note(0, "x")],
            &["note 1 of 1"],
        ),
        call(
            "a chat",
            CHAT,
            vec![note(1, "a"), note(5, "b"), note(9, vec![b'x'; 1 << 20])],
            &["note 2 of 1", "note 6 of 1", "note 10 of 1048576", "end"],
        ),
        call("a silent chat", CHAT, vec![], &["head", "end"]),
        call(
            "a chat that is broken off",
            CHAT,
            vec![note(1, "a"), refused(Code::Cancelled), note(9, "c")],
            &["note 2 of 1", "Cancelled"],
        ),
        call("a method that is not there", "/suite.Notes/None", vec![note(0, "")], &["Unimplemented"]),
        call("a service that is not there", "/suite.None/Unary", vec![note(0, "")], &["Unimplemented"]),
    ];
    let codes = (1..=16).map(|code| call("a code", UNARY, vec![refused(Code::from(code))], &["grund"]));
    calls.extend(codes);
    calls
}

/// Makes a call and reports all that its client is told.
async fn report(client: &mut Grpc<Channel>, call: &Call) -> String {
    client.ready().await.unwrap();
    let (path, codec) = (path(call.path), codec());
    let mut notes = call.notes.clone();
    let result = match call.path {
        COLLECT => {
            let request = request(tokio_stream::iter(notes));
            client.client_streaming(request, path, codec).await.map(Answer::One)
        }
        CHAT => client.streaming(request(tokio_stream::iter(notes)), path, codec).await.map(Answer::Many),
        REPEAT => client.server_streaming(request(notes.remove(0)), path, codec).await.map(Answer::Many),
        _ => client.unary(request(notes.remove(0)), path, codec).await.map(Answer::One),
    };
    let mut told = String::new();
    match result {
        Ok(Answer::One(response)) => {
            fields(&mut told, "head", response.metadata());
            one(&mut told, response.get_ref());
        }
        Ok(Answer::Many(response)) => {
            fields(&mut told, "head", response.metadata());
            let mut notes = response.into_inner();
            let end = loop {
                match notes.message().await {
                    Ok(Some(note)) => one(&mut told, &note),
                    Ok(None) => break notes.trailers().await,
                    Err(status) => break Err(status),
                }
            };
            match end {
                Ok(trailers) => fields(&mut told, "end", &trailers.unwrap_or_default()),
                Err(status) => failed(&mut told, &status),
            }
        }
        Err(status) => failed(&mut told, &status),
    }
    told
}

enum Answer {
    One(Response<Note>),
    Many(Response<Streaming<Note>>),
}

fn request<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("x-echo", MetadataValue::from_static("twice"));
    request.metadata_mut().insert_bin("x-echo-bin", MetadataValue::from_bytes(b"\0\xff"));
    request
}

fn one(told: &mut String, note: &Note) {
    writeln!(told, "note {} of {}", note.number, note.data.len()).unwrap();
}

fn failed(told: &mut String, status: &Status) {
    writeln!(
        told,
        "{:?} {:?} {:?}",
        status.code(),
        status.message(),
        String::from_utf8_lossy(status.details())
    )
    .unwrap();
    fields(told, "fields", status.metadata());
}

fn fields(told: &mut String, what: &str, fields: &MetadataMap) {
    let mut fields: HeaderMap = fields.clone().into_headers();
    // The one is a matter of time, and the other of taste.
    fields.remove("date");
    fields.remove("content-length");
    let mut fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    fields.sort();
    writeln!(told, "{what} {}", fields.join(", ")).unwrap();
}

async fn both(client: impl Fn(Channel) -> Grpc<Channel>) -> Vec<(Call, String)> {
    let (ours, theirs) = (Ours::tonic(Notes::new().0).await, Theirs::start(Notes::new().0).await);
    let (mut to_ours, mut to_theirs) = (client(connect(ours.addr).await), client(connect(theirs.addr).await));
    let mut told = Vec::new();
    for call in calls() {
        let report_of_ours = report(&mut to_ours, &call).await;
        assert_eq!(report_of_ours, report(&mut to_theirs, &call).await, "{}", call.name);
        told.push((call, report_of_ours));
    }
    drop((to_ours, to_theirs));
    ours.stop().await;
    theirs.stop().await;
    told
}

#[test]
fn a_133_calls_of_all_kinds_are_as_on_the_server_of_tonic() {
    on_both_runtimes(async || {
        for (call, told) in both(Grpc::new).await {
            let mut rest = told.as_str();
            for part in call.told {
                let at = rest.find(part);
                let at = at.unwrap_or_else(|| panic!("{}: no {part:?} in {rest}", call.name));
                rest = &rest[at + part.len()..];
            }
            assert!(!told.contains("grpc-encoding"), "{told}");
        }
    });
}

#[test]
fn a_133_compressed_calls_are_as_on_the_server_of_tonic() {
    on_both_runtimes(async || {
        for (_, told) in
            both(|channel| Grpc::new(channel).send_compressed(Gzip).accept_compressed(Gzip)).await
        {
            assert_eq!(told.contains("grpc-encoding"), told.contains("head"), "{told}");
        }
    });
}
