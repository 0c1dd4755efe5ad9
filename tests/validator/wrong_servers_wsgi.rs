//! Synchronous servers that break one rule each.

use std::io;
use std::io::Read;
use std::sync::Arc;

use gateway_iface::http::{HeaderMap, HeaderValue, Method, StatusCode};
use gateway_iface::validate::{OnViolation, Validator};
use gateway_iface::wsgi::{Application as _, Body, Environ, Input, StartResponse};
use gateway_iface::{Error, Observe, Observers};

use crate::fixtures::{Application, Seen, Server, collecting, fields, head, plain, seen};

/// A server that accepts everything, or refuses what it is told to.
#[derive(Default)]
struct Careless {
    refuses_start: bool,
    refuses_restart: bool,
    write_error: Option<io::ErrorKind>,
    forgets: bool,
    observers: Observers,
}

impl StartResponse for Careless {
    fn start(&mut self, _: StatusCode, _: HeaderMap) -> Result<(), Error> {
        if self.refuses_start { Err(Error::new("no")) } else { Ok(()) }
    }

    fn restart(&mut self, _: StatusCode, _: HeaderMap, cause: Error) -> Result<(), Error> {
        if self.refuses_restart { Err(cause) } else { Ok(()) }
    }

    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        self.write_error.map_or(Ok(()), |kind| Err(kind.into()))
    }

    fn observe(&mut self, observer: Arc<dyn Observe>) {
        if !self.forgets {
            self.observers.add(observer);
        }
    }
}

fn environ() -> Environ {
    Environ::new(Box::new(head(Method::GET, "/")), Input::empty())
}

/// What is seen while that server calls an application.
fn call(
    mut server: Careless,
    environ: Environ,
    app: fn(Environ, &mut dyn StartResponse) -> Result<Body, Error>,
) -> Seen {
    let (app, violations) =
        collecting(move |environ: Environ, start: &mut dyn StartResponse| app(environ, start));
    if let Ok(body) = app.call(environ, &mut server) {
        body.for_each(|_| ());
    }
    seen(&violations)
}

fn hello(_: Environ, start: &mut dyn StartResponse) -> Result<Body, Error> {
    start.text(200, "hello".into())
}

fn echo(mut environ: Environ, start: &mut dyn StartResponse) -> Result<Body, Error> {
    let mut body = Vec::new();
    environ.input().read_to_end(&mut body)?;
    start.text(200, body.into())
}

#[test]
fn right_server_is_silent() {
    assert_eq!(call(Careless::default(), environ(), hello), []);
}

#[test]
fn v_10_server_that_forgets_its_observers() {
    let server = Careless { forgets: true, ..Careless::default() };
    assert_eq!(call(server, environ(), hello), [("V-10", Server)]);
}

#[test]
fn w_106_server_that_accepts_a_start_for_the_second_time() {
    let wrong = call(Careless::default(), environ(), |_, start| {
        start.start(StatusCode::OK, plain())?;
        start.text(200, "again".into())
    });
    assert_eq!(wrong, [("W-106", Application), ("W-106", Server)]);
}

#[test]
fn w_91_server_that_refuses_a_start_that_breaks_no_rule() {
    let server = Careless { refuses_start: true, ..Careless::default() };
    assert_eq!(call(server, environ(), hello), [("W-91", Server)]);
}

#[test]
fn w_100_server_that_accepts_a_hop_by_hop_field() {
    let wrong = call(Careless::default(), environ(), |_, start| {
        start.start(StatusCode::OK, fields(&[("connection", "close")]))?;
        Ok(Body::from("x"))
    });
    assert_eq!(wrong, [("W-99", Application), ("W-100", Server)]);
}

#[test]
fn w_101_server_that_accepts_a_control_character() {
    let wrong = call(Careless::default(), environ(), |_, start| {
        start.start(StatusCode::OK, fields(&[("x-a", "a\tb")]))?;
        Ok(Body::from("x"))
    });
    assert_eq!(wrong, [("W-98", Application), ("W-101", Server)]);
}

#[test]
fn w_107_server_that_refuses_another_head_before_the_first_is_sent() {
    let server = Careless { refuses_restart: true, ..Careless::default() };
    let wrong = call(server, environ(), |_, start| {
        start.start(StatusCode::OK, plain())?;
        start.restart(StatusCode::NOT_FOUND, plain(), Error::new("cause"))?;
        Ok(Body::from("x"))
    });
    assert_eq!(wrong, [("W-107", Server)]);
}

#[test]
fn w_109_server_that_accepts_another_head_after_the_first_was_sent() {
    let wrong = call(Careless::default(), environ(), |_, start| {
        start.start(StatusCode::OK, plain())?;
        start.write(b"out")?;
        start.restart(StatusCode::NOT_FOUND, plain(), Error::new("cause"))?;
        Ok(Body::from("x"))
    });
    assert_eq!(wrong, [("W-109", Server)]);
}

#[test]
fn w_115_server_that_accepts_a_write_before_the_start() {
    let wrong = call(Careless::default(), environ(), |_, start| {
        start.write(b"early")?;
        start.text(200, "hello".into())
    });
    assert_eq!(wrong, [("W-115", Application), ("W-115", Server)]);
}

#[test]
fn w_120_server_whose_lost_client_is_not_known_for_what_it_is() {
    for (kind, expected) in
        [(io::ErrorKind::Other, &[("W-120", Server)][..]), (io::ErrorKind::BrokenPipe, &[])]
    {
        let server = Careless { write_error: Some(kind), ..Careless::default() };
        let wrong = call(server, environ(), |_, start| {
            start.start(StatusCode::OK, plain())?;
            start.write(b"lost")?;
            Ok(Body::empty())
        });
        assert_eq!(wrong, expected);
    }
}

fn upload(length: &'static str, input: Input) -> Environ {
    let mut head = head(Method::POST, "/");
    head.headers_mut().insert("content-length", HeaderValue::from_static(length));
    Environ::new(Box::new(head), input)
}

#[test]
fn w_30_server_whose_input_has_another_length_than_it_announced() {
    for (length, input) in [
        ("5", Input::from_bytes("four".into())),
        ("3", Input::from_bytes("four".into())),
        ("3", Input::new(&b"four"[..], Some(4))),
        ("1", Input::empty()),
    ] {
        assert_eq!(call(Careless::default(), upload(length, input), echo), [("W-30", Server)], "{length}");
    }
    assert_eq!(call(Careless::default(), upload("4", Input::new(&b"four"[..], None)), echo), []);
}

#[test]
fn w_76_server_that_gives_octets_beyond_the_request() {
    let input = Input::new(&b"four and the next request"[..], None);
    assert_eq!(call(Careless::default(), upload("4", input), echo), [("W-76", Server)]);
}

#[test]
fn w_82_server_whose_cut_request_looks_complete() {
    let input = Input::new(&b"fo"[..], None);
    assert_eq!(call(Careless::default(), upload("4", input), echo), [("W-82", Server)]);
}

#[test]
fn environs_that_break_a_rule() {
    for (rule, key, value) in [
        ("W-32", "SERVER_NAME", ""),
        ("W-32", "SERVER_NAME", "a b"),
        ("W-33", "SERVER_PORT", ""),
        ("W-33", "SERVER_PORT", "None"),
        ("V-09", "SERVER_PROTOCOL", "INCLUDED"),
        ("W-42", "REMOTE_USER", ""),
        ("V-08", "REQUEST_METHOD", "get"),
        ("H-18", "HTTP_HOST", "a b"),
    ] {
        let mut environ = environ();
        environ.set(key, value).unwrap();
        assert_eq!(call(Careless::default(), environ, hello), [(rule, Server)], "{key} {value}");
    }
    for (key, value) in [("HTTP_CONTENT_TYPE", "text/plain"), ("HTTP_CONTENT_LENGTH", "1")] {
        let mut environ = environ();
        environ.set(key, value).unwrap();
        assert_eq!(call(Careless::default(), environ, hello), [("W-36", Server)], "{key}");
    }
    let mut missing = environ();
    missing.remove("QUERY_STRING");
    assert_eq!(call(Careless::default(), missing, hello), [("W-28", Server)]);
    let mut framed = upload("1", Input::from_bytes("x".into()));
    framed.head_mut().headers_mut().insert("transfer-encoding", HeaderValue::from_static("chunked"));
    assert_eq!(call(Careless::default(), framed, hello), [("H-37", Server)]);
}

#[test]
fn errors_of_what_a_server_hands_in_fail_the_call_or_the_read() {
    let app = Validator::new(hello).on_violation(OnViolation::Error);
    let mut environ = environ();
    environ.set("SERVER_PORT", "").unwrap();
    let error = app.call(environ, &mut Careless::default()).unwrap_err();
    assert_eq!(error.find::<gateway_iface::validate::Violation>().unwrap().rule(), "W-33");
    let app = Validator::new(echo).on_violation(OnViolation::Error);
    let input = Input::new(&b"fo"[..], None);
    let error = app.call(upload("4", input), &mut Careless::default()).unwrap_err();
    assert_eq!(error.find::<gateway_iface::validate::Violation>().unwrap().rule(), "W-82");
}
