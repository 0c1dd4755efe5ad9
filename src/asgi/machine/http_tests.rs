//! The tables of A-66, cell by cell.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Request, StatusCode, header};

use super::*;
use crate::asgi::event::*;
use crate::connection::Connection;

const ALL: Capabilities = Capabilities::none()
    .with(Capability::Trailers)
    .with(Capability::EarlyHints)
    .with(Capability::Push)
    .with(Capability::PathSend)
    .with(Capability::ZeroCopySend)
    .with(Capability::Debug)
    .with(Capability::Vendor);

fn machine_for(method: &str, capabilities: Capabilities) -> HttpMachine {
    let (parts, ()) = Request::builder().method(method).body(()).unwrap().into_parts();
    let connection = Connection::new().with_capabilities(capabilities);
    HttpMachine::new(&RequestHead::on(parts, Arc::new(connection)))
}

fn start(trailers: bool) -> SendEvent {
    SendEvent::ResponseStart(ResponseStart::new(StatusCode::OK, HeaderMap::new()).with_trailers(trailers))
}

fn body(data: &'static str, more: bool) -> SendEvent {
    SendEvent::ResponseBody(if more { ResponseBody::block(data) } else { ResponseBody::last(data) })
}

fn in_state(name: &str) -> HttpMachine {
    let mut machine = machine_for("GET", ALL);
    let events = match name {
        "idle" => vec![],
        "started" => vec![start(true)],
        "streaming" => vec![start(true), body("a", true)],
        "trailers" => vec![start(true), body("a", false)],
        _ => vec![start(false), body("a", false)],
    };
    for mut event in events {
        machine.send(&mut event).unwrap();
    }
    machine
}

fn outcome(state: &str, mut event: SendEvent) -> Option<HttpState> {
    let mut machine = in_state(state);
    let before = machine.state();
    match machine.send(&mut event) {
        Ok(_) => Some(machine.state()),
        Err(SendError::Invalid(_)) => {
            assert_eq!(machine.state(), before, "{state} {}", event.name());
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// the last block is the end, or is followed by the trailers that were announced.
#[test]
fn a_66_every_cell_of_the_send_table_holds() {
    use HttpState::{Done, Idle, Started, Streaming, Trailers};
    let file = || ZeroCopySend::new(Arc::new(std::fs::File::open("Cargo.toml").unwrap()));
    let more_trailers = ResponseTrailers { more_trailers: true, ..ResponseTrailers::default() };
    let rows = [
        (start(true), [Some(Started), None, None, None]),
        (body("b", true), [None, Some(Streaming), Some(Streaming), None]),
        (body("b", false), [None, Some(Trailers), Some(Trailers), None]),
        (SendEvent::ZeroCopySend(file()), [None, Some(Trailers), Some(Trailers), None]),
        (SendEvent::PathSend(PathSend::new("/x")), [None, Some(Trailers), None, None]),
        (SendEvent::from(Push::new("/", HeaderMap::new())), [None, Some(Started), Some(Streaming), None]),
        (SendEvent::EarlyHint(EarlyHint::default()), [None, Some(Started), Some(Streaming), None]),
        (SendEvent::ResponseTrailers(more_trailers), [None, None, None, Some(Trailers)]),
        (SendEvent::ResponseTrailers(ResponseTrailers::default()), [None, None, None, Some(Done)]),
        (SendEvent::Debug(Debug::new(())), [Some(Idle), None, None, None]),
        (SendEvent::StartupComplete, [None, None, None, None]),
    ];
    for (event, cells) in rows {
        for (state, cell) in ["idle", "started", "streaming", "trailers"].into_iter().zip(cells) {
            assert_eq!(outcome(state, event.clone()), cell, "{} in {state}", event.name());
        }
        assert_eq!(outcome("done", event), Some(Done));
    }
}

#[test]
fn a_107_done_ignores_and_a_95_gone_fails() {
    let mut done = in_state("done");
    done.lose(Disconnect::Client);
    assert_eq!(done.send(&mut start(false)).unwrap(), Step::Ignored);
    assert_eq!(done.disconnect(), Some(Disconnect::Complete));
    for state in ["idle", "started", "streaming", "trailers"] {
        let mut machine = in_state(state);
        machine.lose(Disconnect::Client);
        machine.lose(Disconnect::Timeout);
        let error = machine.send(&mut body("b", false)).unwrap_err();
        assert_eq!(error.disconnect(), Some(Disconnect::Client), "{state}");
    }
}

#[test]
fn a_132_hint_is_acted_on_ahead_of_content_only_and_never_for_http_1_0() {
    let hint =
        || SendEvent::EarlyHint(EarlyHint::new(vec![HeaderValue::from_static("</a.css>; rel=preload")]));
    let set = Capabilities::none().with(Capability::EarlyHints);
    for (version, first) in [
        (Version::HTTP_10, Step::Ignored),
        (Version::HTTP_11, Step::Accepted),
        (Version::HTTP_2, Step::Accepted),
    ] {
        let (parts, ()) = Request::get("/").version(version).body(()).unwrap().into_parts();
        let connection = Connection::new().with_capabilities(set);
        let mut machine = HttpMachine::new(&RequestHead::on(parts, Arc::new(connection)));
        machine.send(&mut start(false)).unwrap();
        assert_eq!(machine.send(&mut hint()).unwrap(), first, "{version:?}");
        machine.send(&mut body("", true)).unwrap();
        assert_eq!(machine.send(&mut hint()).unwrap(), Step::Ignored, "{version:?}");
        assert_eq!(machine.state(), HttpState::Streaming);
    }
}

/// an application that did not look is refused; announcing alone means nothing.
#[test]
fn a_122_event_of_an_extension_not_advertised_is_refused() {
    let mut machine = machine_for("GET", Capabilities::none());
    machine.send(&mut start(true)).unwrap();
    for event in [SendEvent::PathSend(PathSend::new("/x")), SendEvent::EarlyHint(EarlyHint::default())] {
        assert!(machine.send(&mut event.clone()).is_err(), "{}", event.name());
    }
    machine.send(&mut body("a", false)).unwrap();
    assert_eq!(machine.state(), HttpState::Done, "A-136: trailers without the extension are ignored");
}

#[test]
fn a_137_debug_is_accepted_once() {
    let mut machine = in_state("idle");
    machine.send(&mut SendEvent::Debug(Debug::new(1))).unwrap();
    assert!(machine.send(&mut SendEvent::Debug(Debug::new(1))).is_err());
}

#[test]
fn a_60_status_that_is_not_final_is_refused() {
    for status in [100, 101, 103, 199, 600, 999] {
        let status = StatusCode::from_u16(status).unwrap();
        let mut event = SendEvent::ResponseStart(ResponseStart::new(status, HeaderMap::new()));
        assert!(in_state("idle").send(&mut event).is_err(), "{status}");
    }
}

fn start_with(fields: &[(&'static str, &'static str)]) -> SendEvent {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_static(value));
    }
    SendEvent::ResponseStart(ResponseStart::new(StatusCode::OK, headers))
}

#[test]
fn a_72_a_73_fields_of_the_connection_are_dropped() {
    let mut event = start_with(&[
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
        ("keep-alive", "timeout=5"),
        ("upgrade", "h2c"),
        ("x-kept", "1"),
    ]);
    in_state("idle").send(&mut event).unwrap();
    let SendEvent::ResponseStart(start) = event else { unreachable!() };
    assert_eq!(start.headers.len(), 1);
    assert!(start.headers.contains_key("x-kept"));
}

#[test]
fn a_74_body_that_differs_from_its_length_is_refused() {
    for (blocks, ok) in [(&["abc", "d"][..], true), (&["abc", "de"], false), (&["abcde"], false)] {
        let mut machine = in_state("idle");
        machine.send(&mut start_with(&[("content-length", "4")])).unwrap();
        let sent = blocks.iter().try_for_each(|data| machine.send(&mut body(data, true)).map(drop));
        assert_eq!(sent.is_ok(), ok, "{blocks:?}");
    }
    let mut machine = in_state("idle");
    machine.send(&mut start_with(&[("content-length", "4")])).unwrap();
    machine.send(&mut body("abc", true)).unwrap();
    assert!(machine.send(&mut body("", false)).is_err());
    assert_eq!(machine.state(), HttpState::Streaming);
}

/// A part of a file that is as long as the file is leaves the rest to the server; one with a count does not.
#[test]
fn a_74_parts_of_files_count_as_far_as_their_length_is_known() {
    let file = Arc::new(std::fs::File::open("Cargo.toml").unwrap());
    let part = |count, more_body| {
        SendEvent::ZeroCopySend(ZeroCopySend { count, more_body, ..ZeroCopySend::new(Arc::clone(&file)) })
    };
    for (events, ok) in [
        (vec![part(Some(4), false)], true),
        (vec![part(Some(3), false)], false),
        (vec![part(Some(5), false)], false),
        (vec![part(None, false)], true),
        (vec![part(None, true), body("ab", false)], true),
        (vec![part(None, true), body("abcde", false)], false),
        (vec![body("ab", true), part(None, true), body("", false)], true),
        (vec![body("ab", true), part(Some(1), true), body("", false)], false),
    ] {
        let mut machine = in_state("idle");
        machine.send(&mut start_with(&[("content-length", "4")])).unwrap();
        let shown = format!("{events:?}");
        let sent = events.into_iter().try_for_each(|mut event| machine.send(&mut event).map(drop));
        assert_eq!(sent.is_ok(), ok, "{shown}");
    }
}

#[test]
fn a_74_length_that_is_no_number_or_stands_twice_is_refused() {
    for fields in [
        &[("content-length", "x")][..],
        &[("content-length", "-1")],
        &[("content-length", "1"), ("content-length", "2")],
        &[("content-length", "99999999999999999999")],
    ] {
        assert!(in_state("idle").send(&mut start_with(fields)).is_err(), "{fields:?}");
    }
}

#[test]
fn a_75_body_of_head_204_and_304_is_dropped_and_drives_the_machine() {
    for (method, status) in [("HEAD", 200), ("GET", 204), ("GET", 304)] {
        let mut machine = machine_for(method, Capabilities::none());
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("3"));
        let status = StatusCode::from_u16(status).unwrap();
        let mut event = SendEvent::ResponseStart(ResponseStart::new(status, headers));
        machine.send(&mut event).unwrap();
        let SendEvent::ResponseStart(start) = event else { unreachable!() };
        assert_eq!(start.headers.contains_key("content-length"), status != StatusCode::NO_CONTENT, "H-76");
        let mut block = body("a long body", false);
        machine.send(&mut block).unwrap();
        let SendEvent::ResponseBody(block) = block else { unreachable!() };
        assert!(block.body.is_empty());
        assert_eq!(machine.state(), HttpState::Done);
    }
}

/// a start alone is a fault.
#[test]
fn a_66_a_106_an_application_that_ends_early_is_answered_or_cut_off() {
    let failed = || Err(Error::new("broken"));
    let answer = Action::Answer(StatusCode::INTERNAL_SERVER_ERROR);
    for (state, head_out, action) in [
        ("idle", false, answer),
        ("started", false, answer),
        ("started", true, Action::Abort),
        ("streaming", true, Action::Abort),
        ("trailers", true, Action::Abort),
    ] {
        for result in [Ok(()), failed()] {
            assert_eq!(in_state(state).end(&result, head_out), Ending { action, fault: true }, "{state}");
        }
    }
    let mut done = in_state("done");
    assert_eq!(done.end(&Ok(()), true), Ending { action: Action::Nothing, fault: false });
    assert_eq!(done.end(&failed(), true), Ending { action: Action::Nothing, fault: true });
}

#[test]
fn a_96_the_servers_own_error_coming_back_is_no_fault() {
    let mut machine = in_state("streaming");
    machine.lose(Disconnect::Client);
    let own = Err(SendError::Disconnected(Disconnect::Client).into());
    assert!(!machine.end(&own, true).fault);
    assert!(machine.end(&Err(Error::new("other")), true).fault);
    assert!(!machine.end(&Ok(()), true).fault);
}

#[test]
fn error_with_a_status_is_answered_with_it() {
    let result = Err(Error::new("no").with_status(StatusCode::BAD_REQUEST));
    assert_eq!(in_state("idle").end(&result, false).action, Action::Answer(StatusCode::BAD_REQUEST));
}
