//! Synchronous applications that break one rule each.

use gateway_iface::Error;
use gateway_iface::bytes::Bytes;
use gateway_iface::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use gateway_iface::testing::WsgiClient;
use gateway_iface::validate::{OnViolation, Validator, Violation};
use gateway_iface::wsgi::{Body, Environ, StartResponse};

use crate::fixtures::{Application, Seen, collecting, fields, get, plain, seen};

fn run(wrong: fn(&mut dyn StartResponse) -> Result<Body, Error>) -> Seen {
    let (app, violations) = collecting(move |_: Environ, start: &mut dyn StartResponse| wrong(start));
    let _ = WsgiClient::new(app).request(get("/"));
    seen(&violations)
}

fn answer(method: Method, status: u16, headers: HeaderMap, body: &'static str) -> Seen {
    let app = move |_: Environ, start: &mut dyn StartResponse| {
        start.start(StatusCode::from_u16(status)?, headers.clone())?;
        Ok::<Body, Error>(if body.is_empty() { Body::empty() } else { Body::from(body) })
    };
    let (app, violations) = collecting(app);
    let _ = WsgiClient::new(app).request(Request::builder().method(method).uri("/").body("").unwrap());
    seen(&violations)
}

fn length(value: &'static str) -> HeaderMap {
    fields(&[("content-type", "text/plain"), ("content-length", value)])
}

#[test]
fn w_07_body_without_a_start() {
    assert_eq!(run(|_| Ok(Body::from("hello"))), [("W-07", Application)]);
    assert_eq!(run(|_| Ok(Body::blocks([""]))), [("W-07", Application)]);
}

#[test]
fn w_106_start_for_the_second_time() {
    let wrong = run(|start| {
        start.start(StatusCode::OK, plain())?;
        start.start(StatusCode::OK, plain()).unwrap_err();
        Ok(Body::from("hello"))
    });
    assert_eq!(wrong, [("W-106", Application)]);
}

#[test]
fn w_115_write_before_the_start() {
    let wrong = run(|start| {
        start.write(b"early").unwrap_err();
        start.text(200, "hello".into())
    });
    assert_eq!(wrong, [("W-115", Application)]);
}

#[test]
fn w_119_write_beyond_the_declared_length() {
    let wrong = run(|start| {
        start.start(StatusCode::OK, length("3"))?;
        start.write(b"four").unwrap_err();
        Ok(Body::from("san"))
    });
    assert_eq!(wrong, [("W-119", Application)]);
}

#[test]
fn w_110_error_of_a_restart_that_is_swallowed() {
    let wrong = run(|start| {
        start.start(StatusCode::OK, plain())?;
        start.write(b"out")?;
        start.restart(StatusCode::BAD_GATEWAY, plain(), Error::new("cause")).unwrap_err();
        Ok(Body::from("more"))
    });
    assert_eq!(wrong, [("W-110", Application)]);
}

#[test]
fn h_85_body_of_another_length_than_declared() {
    assert_eq!(answer(Method::GET, 200, length("3"), "four"), [("H-85", Application)]);
    assert_eq!(answer(Method::GET, 200, length("9"), "four"), [("H-85", Application)]);
    for blocks in [["a", "bcde"], ["a", "b"]] {
        let app = move |_: Environ, start: &mut dyn StartResponse| {
            start.start(StatusCode::OK, length("4"))?;
            Ok::<Body, Error>(Body::blocks(blocks))
        };
        let (app, violations) = collecting(app);
        let _ = WsgiClient::new(app).request(get("/"));
        assert_eq!(seen(&violations), [("H-85", Application)], "{blocks:?}");
    }
}

#[test]
fn w_10_body_of_more_blocks_than_it_announced() {
    struct Lies(u32);
    impl Iterator for Lies {
        type Item = Bytes;
        fn next(&mut self) -> Option<Bytes> {
            self.0 += 1;
            (self.0 < 5).then(|| Bytes::from_static(b"x"))
        }
        fn size_hint(&self) -> (usize, Option<usize>) {
            (0, Some(2))
        }
    }
    let wrong = run(|start| {
        start.start(StatusCode::OK, plain())?;
        Ok(Body::blocks(Lies(0)))
    });
    assert_eq!(wrong, [("W-10", Application)]);
}

#[test]
fn heads_that_break_a_rule() {
    let plus = |name, value| {
        let mut headers = plain();
        headers.extend(fields(&[(name, value)]));
        headers
    };
    for (rule, status, headers, body) in [
        ("W-93", 103, plain(), "x"),
        ("W-98", 200, plus("x-a", "a\tb"), "x"),
        ("W-99", 200, plus("connection", "close"), "x"),
        ("W-99", 200, plus("transfer-encoding", "chunked"), "x"),
        ("W-124", 200, length("+1"), "x"),
        ("V-03", 200, plus("status", "200 OK"), "x"),
        ("V-04", 200, plus("x_", "1"), "x"),
        ("H-73", 200, HeaderMap::new(), "x"),
        ("H-74", 401, plain(), "x"),
        ("H-75", 301, plain(), "x"),
        ("H-76", 204, fields(&[("content-length", "0")]), ""),
        ("H-77", 204, HeaderMap::new(), "x"),
        ("H-80", 205, plain(), "x"),
        ("V-05", 304, plain(), ""),
    ] {
        let body = if matches!(rule, "W-93" | "W-98" | "W-99" | "W-124") { "refused" } else { body };
        assert_eq!(answer(Method::GET, status, headers, body), [(rule, Application)], "{rule} {status}");
    }
    assert_eq!(answer(Method::HEAD, 200, plain(), "x"), [("V-06", Application)]);
    let mut twice = plain();
    twice.append("etag", HeaderValue::from_static("a"));
    twice.append("etag", HeaderValue::from_static("b"));
    assert_eq!(answer(Method::GET, 200, twice, "x"), [("H-69", Application)]);
}

#[test]
fn errors_fail_the_call_with_the_violation_inside() {
    for (rule, wrong) in [
        (
            "W-106",
            (|start| {
                start.start(StatusCode::OK, plain())?;
                start.start(StatusCode::OK, plain())?;
                Ok(Body::empty())
            }) as fn(&mut dyn StartResponse) -> Result<Body, Error>,
        ),
        ("W-115", |start| {
            start.write(b"early")?;
            Ok(Body::empty())
        }),
        ("W-07", |_| Ok(Body::empty())),
        ("H-85", |start| {
            start.start(StatusCode::OK, length("1"))?;
            Ok(Body::blocks(["", "four"]))
        }),
    ] {
        let app = move |_: Environ, start: &mut dyn StartResponse| wrong(start);
        let client = WsgiClient::new(Validator::new(app).on_violation(OnViolation::Error));
        let response = client.request(get("/")).unwrap();
        let violation = response.error().unwrap().find::<Violation>().unwrap();
        assert_eq!((violation.rule(), violation.culprit()), (rule, Application));
    }
}

#[test]
#[should_panic(expected = "W-07 broken by the application (GET /)")]
fn panics_that_a_client_caught_come_again_when_the_validator_is_dropped() {
    let app = |_: Environ, _: &mut dyn StartResponse| Ok::<Body, Error>(Body::from("hello"));
    let _ = WsgiClient::new(Validator::new(app)).request(get("/"));
}
