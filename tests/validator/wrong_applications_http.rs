//! Applications that break one rule of HTTP exchanges each.

use std::future::Future;

use gateway_iface::asgi::event::{
    Debug, EarlyHint, PathSend, Push, ResponseStart, ResponseTrailers, SendEvent, Vendor,
};
use gateway_iface::asgi::{self, Capabilities, Receive, Scope};
use gateway_iface::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use gateway_iface::testing::{AsgiClient, block_on};
use gateway_iface::validate::Culprit;
use gateway_iface::{Connection, Error, UnsupportedScope};

use crate::fixtures::{Application, Seen, collecting, everything, fields, get, head_on, plain, seen, start};

/// What is seen of an application that is right but for what `wrong` sends.
fn http<F>(request: Request<&'static str>, capabilities: Capabilities, wrong: fn(asgi::Send) -> F) -> Seen
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let (app, violations) = collecting(move |_: Scope, _: Receive, send: asgi::Send| wrong(send));
    let client = AsgiClient::new(app).with_capabilities(capabilities);
    let _ = block_on(client.request(request));
    seen(&violations)
}

/// What is seen of an application that answers with this head and body.
fn answer(method: Method, status: u16, headers: HeaderMap, body: &'static str) -> Seen {
    let app = move |_: Scope, _: Receive, mut send: asgi::Send| {
        let headers = headers.clone();
        async move {
            send.start(StatusCode::from_u16(status)?, headers).await?;
            send.last(body).await?;
            Ok::<(), Error>(())
        }
    };
    let (app, violations) = collecting(app);
    let request = Request::builder().method(method).uri("/").body("").unwrap();
    let _ = block_on(AsgiClient::new(app).request(request));
    seen(&violations)
}

#[test]
fn a_66_start_for_the_second_time() {
    let wrong = http(get("/"), everything(), |mut send| async move {
        start(&mut send).await?;
        start(&mut send).await.unwrap_err();
        Ok(send.last("").await?)
    });
    assert_eq!(wrong, [("A-66", Application)]);
}

#[test]
fn a_66_body_before_the_start() {
    let wrong = http(get("/"), everything(), |mut send| async move {
        send.block("early").await.unwrap_err();
        Ok(send.text(200, "").await?)
    });
    assert_eq!(wrong, [("A-66", Application)]);
}

#[test]
fn a_66_path_after_a_block() {
    let wrong = http(get("/"), everything(), |mut send| async move {
        start(&mut send).await?;
        send.block("a").await?;
        send.send(PathSend::new("/etc/hostname")).await.unwrap_err();
        Ok(send.last("").await?)
    });
    assert_eq!(wrong, [("A-66", Application)]);
}

#[test]
fn a_60_status_that_is_not_final() {
    let wrong = http(get("/"), everything(), |mut send| async move {
        send.text(103, "").await.unwrap_err();
        Ok(send.text(200, "").await?)
    });
    assert_eq!(wrong, [("A-60", Application)]);
}

#[test]
fn a_65_a_66_response_that_is_not_complete_when_the_call_ends() {
    assert_eq!(http(get("/"), everything(), |_| async { Ok(()) }), [("A-65", Application)]);
    let wrong = http(get("/"), everything(), |mut send| async move { start(&mut send).await });
    assert_eq!(wrong, [("A-65", Application)]);
    let wrong = http(get("/"), everything(), |mut send| async move {
        send.send(ResponseStart::new(StatusCode::OK, plain()).with_trailers(true)).await?;
        Ok(send.last("no trailers").await?)
    });
    assert_eq!(wrong, [("A-66", Application)]);
}

#[test]
fn a_74_body_of_another_length_than_declared() {
    let long = http(get("/"), everything(), |mut send| async move {
        let headers = fields(&[("content-type", "text/plain"), ("content-length", "3")]);
        send.start(StatusCode::OK, headers).await?;
        send.last("four").await.unwrap_err();
        Ok(send.last("san").await?)
    });
    assert_eq!(long, [("A-74", Application)]);
    let short = fields(&[("content-type", "text/plain"), ("content-length", "9")]);
    assert_eq!(answer(Method::GET, 200, short, "four"), [("A-74", Application)]);
}

#[test]
fn a_123_extension_that_was_not_advertised() {
    for event in [
        SendEvent::from(EarlyHint::new(vec![HeaderValue::from_static("</a>")])),
        SendEvent::from(Push::new("/a", HeaderMap::new())),
        SendEvent::from(PathSend::new("/etc/hostname")),
        SendEvent::from(ResponseTrailers::last(HeaderMap::new())),
        SendEvent::from(Vendor::new("http.acme.flush", ())),
    ] {
        let app = move |_: Scope, _: Receive, mut send: asgi::Send| {
            let event = event.clone();
            async move {
                start(&mut send).await?;
                send.send(event).await.unwrap_err();
                Ok::<(), Error>(send.last("").await?)
            }
        };
        let (app, violations) = collecting(app);
        block_on(AsgiClient::new(app).request(get("/"))).unwrap();
        assert_eq!(seen(&violations), [("A-123", Application)]);
    }
}

#[test]
fn a_137_debug_for_the_second_time() {
    let wrong = http(get("/"), everything(), |mut send| async move {
        send.send(Debug::new(1)).await?;
        send.send(Debug::new(2)).await.unwrap_err();
        Ok(send.text(200, "hello").await?)
    });
    assert_eq!(wrong, [("A-137", Application)]);
}

#[test]
fn a_133_trailers_that_were_not_announced() {
    let wrong = http(get("/"), everything(), |mut send| async move {
        start(&mut send).await?;
        send.send(ResponseTrailers::last(HeaderMap::new())).await.unwrap_err();
        Ok(send.last("").await?)
    });
    assert_eq!(wrong, [("A-133", Application)]);
}

#[test]
fn h_89_field_that_is_no_trailer() {
    let wrong = http(get("/"), everything(), |mut send| async move {
        send.send(ResponseStart::new(StatusCode::OK, plain()).with_trailers(true)).await?;
        send.last("body").await?;
        Ok(send.send(ResponseTrailers::last(fields(&[("content-type", "text/html")]))).await?)
    });
    assert_eq!(wrong, [("H-89", Application)]);
}

#[test]
fn a_126_v_07_events_with_a_wrong_value() {
    let wrong = http(get("/"), everything(), |mut send| async move {
        start(&mut send).await?;
        send.send(Push::new("relative", HeaderMap::new())).await?;
        send.send(EarlyHint::new(vec![HeaderValue::from_static("no link")])).await?;
        Ok(send.last("").await?)
    });
    assert_eq!(wrong, [("A-126", Application), ("V-07", Application)]);
}

#[test]
fn v_02_event_after_the_end() {
    let wrong = http(get("/"), everything(), |mut send| async move {
        send.text(200, "done").await?;
        Ok(send.block("more").await?)
    });
    assert_eq!(wrong, [("V-02", Application)]);
}

#[test]
fn a_07_event_of_another_protocol() {
    let wrong = http(get("/"), everything(), |mut send| async move {
        send.send(SendEvent::StartupComplete).await.unwrap_err();
        Ok(send.text(200, "").await?)
    });
    assert_eq!(wrong, [("A-07", Application)]);
}

#[test]
fn heads_that_break_a_rule() {
    let plus = |pairs: &[(&'static str, &'static str)]| {
        let mut headers = plain();
        headers.extend(fields(pairs));
        headers
    };
    let mut twice = plain();
    twice.append("date", HeaderValue::from_static("a"));
    twice.append("date", HeaderValue::from_static("b"));
    for (rule, status, headers, body) in [
        ("A-72", 200, plus(&[("transfer-encoding", "chunked")]), "x"),
        ("A-73", 200, plus(&[("connection", "close")]), "x"),
        ("A-73", 200, plus(&[("upgrade", "h2c")]), "x"),
        ("V-03", 200, plus(&[("status", "200 OK")]), "x"),
        ("V-04", 200, plus(&[("x-a-", "1")]), "x"),
        ("V-04", 200, plus(&[("1x", "1")]), "x"),
        ("V-04", 200, plus(&[("x!a", "1")]), "x"),
        ("H-69", 200, twice, "x"),
        ("H-73", 200, HeaderMap::new(), "x"),
        ("H-74", 401, plain(), "x"),
        ("H-74", 405, plain(), "x"),
        ("H-75", 302, plain(), "x"),
        ("H-76", 204, fields(&[("content-length", "0")]), ""),
        ("H-77", 204, HeaderMap::new(), "x"),
        ("H-77", 304, HeaderMap::new(), "x"),
        ("H-80", 205, plain(), "x"),
        ("V-05", 204, plain(), ""),
        ("V-05", 304, plain(), ""),
        ("V-05", 304, fields(&[("content-length", "1")]), ""),
    ] {
        assert_eq!(answer(Method::GET, status, headers, body), [(rule, Application)], "{rule} {status}");
    }
    assert_eq!(answer(Method::HEAD, 200, plain(), "x"), [("V-06", Application)]);
    let length = fields(&[("content-type", "text/plain"), ("content-length", "+1")]);
    assert_eq!(answer(Method::GET, 200, length, "x"), [("H-43", Application)]);
}

#[test]
fn a_05_scope_that_is_not_supported_after_an_event_was_sent() {
    let wrong = http(get("/"), everything(), |mut send| async move {
        start(&mut send).await?;
        Err(UnsupportedScope::new("http").into())
    });
    assert_eq!(wrong, [("A-05", Application)]);
}

#[test]
fn a_129_path_that_is_not_absolute() {
    let (app, violations) = collecting(|_: Scope, _: Receive, mut send: asgi::Send| async move {
        start(&mut send).await?;
        send.send(PathSend::new("Cargo.toml")).await?;
        Ok::<(), Error>(())
    });
    let client = AsgiClient::new(app);
    let mut exchange = client.begin(head_on(Connection::new().with_capabilities(everything()), "/"));
    let _ = block_on(exchange.finish());
    // The client of this crate takes it, which is a rule of the server.
    assert_eq!(seen(&violations), [("A-129", Application), ("A-130", Culprit::Server)]);
}
