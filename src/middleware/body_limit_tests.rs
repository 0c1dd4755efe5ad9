use std::task::{Context, Poll};

use http::{Request, Version};

use super::*;
use crate::asgi::event::{ReceiveEvent, RequestBody};
use crate::asgi::{Disconnect, Receive, Scope, Send};
use crate::middleware::fixtures::{self, get};
use crate::testing::{AsgiClient, WsgiClient, block_on};
use crate::validate::Validator;
use crate::wsgi::{Environ, StartResponse};

async fn echo(_: Scope, mut receive: Receive, mut send: Send) -> Result<(), Error> {
    let body = receive.body(usize::MAX).await?;
    Ok(send.text(200, body).await?)
}

fn counted_head(method: &str) -> RequestHead {
    let request = Request::builder().method(method).uri("/").header("transfer-encoding", "chunked");
    RequestHead::new(request.body(()).unwrap().into_parts().0)
}

fn limited<A>(app: A) -> Validator<BodyLimit<Validator<A>>> {
    Validator::new(app).except("A-65").http_only().around(|app| BodyLimit::new(app, 4))
}

#[test]
fn a_144_everything_passes_that_has_no_large_body() {
    fixtures::passes_what_is_not_its_own(|app| BodyLimit::new(app, 4), true);
    fixtures::passes_what_is_synchronous(|app| BodyLimit::new(app, 4));
}

#[test]
fn announced_length_over_the_limit_is_refused_without_a_call() {
    let uncalled = |_: Scope, _: Receive, _: Send| async { panic!("called") };
    let response =
        block_on(AsgiClient::new(limited(uncalled)).request(Request::post("/").body("fives").unwrap()));
    let response = response.unwrap();
    assert_eq!((response.status().as_u16(), response.text().as_ref()), (413, "Payload Too Large"));
    assert!(response.error().is_none());
    let uncalled = |_: Environ, _: &mut dyn StartResponse| -> Result<Body, Error> { panic!("called") };
    let response =
        WsgiClient::new(limited(uncalled)).request(Request::post("/").body("fives").unwrap()).unwrap();
    assert_eq!((response.status().as_u16(), response.text().as_ref()), (413, "Payload Too Large"));
}

#[test]
fn body_as_large_as_the_limit_passes() {
    let client = AsgiClient::new(limited(echo));
    let announced = Request::post("/").body("four").unwrap();
    assert_eq!(block_on(client.request(announced)).unwrap().body(), "four");
    for blocks in [&["four"][..], &["fo", "ur"], &["", "f", "our", ""]] {
        let mut exchange = client.begin(counted_head("POST"));
        for block in blocks {
            exchange.feed(*block, true);
        }
        exchange.feed("", false);
        assert_eq!(block_on(exchange.response()).body(), "four");
    }
}

#[test]
fn a_95_body_over_the_limit_is_cut_and_answered_with_413() {
    let client = AsgiClient::new(limited(echo));
    for (blocks, method) in [(&["fives"][..], "POST"), (&["four", "s"], "GET"), (&["f", "our", "s"], "PUT")] {
        let mut exchange = client.begin(counted_head(method));
        for block in blocks {
            exchange.feed(*block, true);
        }
        exchange.feed("", false);
        let response = block_on(exchange.response());
        assert_eq!((response.status().as_u16(), response.is_complete()), (413, true));
        assert!(response.error().is_none());
    }
}

#[test]
fn a_99_application_is_told_again_and_can_send_nothing() {
    let client = AsgiClient::new(limited(|_: Scope, mut receive: Receive, mut send: Send| async move {
        receive.block().await.unwrap_err();
        for _ in 0..2 {
            assert_eq!(receive.receive().await.disconnect(), Some(Disconnect::Client));
            assert_eq!(receive.disconnected().await, Disconnect::Client);
        }
        let error = send.start(StatusCode::OK, fixtures::text_headers()).await.unwrap_err();
        assert_eq!(error.disconnect(), Some(Disconnect::Client));
        assert!(send.text(200, "x").await.is_err() && send.block("x").await.is_err());
        Ok(())
    }));
    let mut exchange = client.begin(counted_head("POST"));
    exchange.feed("fives", false);
    assert_eq!(block_on(exchange.response()).status(), 413);
}

#[test]
fn response_that_has_begun_is_replaced_by_the_server_or_broken_off() {
    for (streams, status, complete) in [(false, 413, true), (true, 200, false)] {
        let client =
            AsgiClient::new(limited(move |_: Scope, mut receive: Receive, mut send: Send| async move {
                send.start(StatusCode::OK, fixtures::text_headers()).await?;
                if streams {
                    send.block("part").await?;
                }
                while receive.block().await?.is_some() {}
                Ok(())
            }));
        let mut exchange = client.begin(counted_head("POST"));
        exchange.feed("fives", false);
        let response = block_on(exchange.response());
        assert_eq!((response.status().as_u16(), response.is_complete()), (status, complete));
        let error = response.error().unwrap();
        assert_eq!(error.find::<BodyLimitError>().unwrap().limit(), 4);
    }
}

#[test]
fn error_of_the_applications_own_making_goes_on_with_a_status() {
    for (own, status) in [(None, 413), (Some(StatusCode::BAD_REQUEST), 400)] {
        let client = AsgiClient::new(limited(move |_: Scope, mut receive: Receive, _: Send| async move {
            receive.block().await.unwrap_err();
            let error = Error::new("no form");
            Err(own.into_iter().fold(error, Error::with_status))
        }));
        let mut exchange = client.begin(counted_head("POST"));
        exchange.feed("fives", false);
        let response = block_on(exchange.response());
        assert_eq!(
            (response.status().as_u16(), response.error().unwrap().to_string()),
            (status, "no form".into())
        );
    }
}

#[test]
fn response_before_the_limit_is_reached_stands() {
    let client = AsgiClient::new(limited(|_: Scope, mut receive: Receive, mut send: Send| async move {
        receive.block().await?;
        Ok(send.text(200, "enough").await?)
    }));
    let mut exchange = client.begin(counted_head("POST"));
    exchange.feed("four", true);
    exchange.feed("more", true);
    assert_eq!(block_on(exchange.response()).body(), "enough");
}

#[test]
fn length_is_counted_unless_the_head_says_it() {
    let head = |method: &str, version, fields: &[(&'static str, &'static str)]| {
        let request = Request::builder().method(method).version(version).uri("/");
        let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        announced(&RequestHead::new(request.body(()).unwrap().into_parts().0))
    };
    let (length, chunked) = (("content-length", "5"), ("transfer-encoding", "chunked"));
    assert_eq!(head("POST", Version::HTTP_11, &[length]), Some(5));
    assert_eq!(head("GET", Version::HTTP_2, &[length]), Some(5));
    for (method, version, fields) in [
        ("POST", Version::HTTP_11, &[][..]),
        ("GET", Version::HTTP_11, &[]),
        ("DELETE", Version::HTTP_10, &[]),
        ("GET", Version::HTTP_2, &[]),
        ("GET", Version::HTTP_11, &[chunked]),
        ("POST", Version::HTTP_11, &[length, chunked]),
        ("POST", Version::HTTP_11, &[("content-length", "x")]),
    ] {
        assert_eq!(head(method, version, fields), None, "{method} {version:?} {fields:?}");
    }
    let mut bodiless = fixtures::head("/");
    bodiless.set_bodiless(true);
    assert_eq!(announced(&bodiless), Some(0));
}

#[test]
fn body_is_counted_whatever_the_method_says() {
    use crate::bridge::AsgiToWsgi;
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "POST"] {
        let head =
            || RequestHead::new(Request::builder().method(method).uri("/").body(()).unwrap().into_parts().0);
        let client = AsgiClient::new(BodyLimit::new(echo, 4));
        let mut exchange = client.begin(head());
        exchange.feed("many more", false);
        assert_eq!(block_on(exchange.response()).status(), 413, "{method}");
        let client = WsgiClient::new(AsgiToWsgi::new(BodyLimit::new(echo, 4)));
        let response = client.begin(head()).with_input(Input::new(&b"many more"[..], None)).run();
        assert_eq!(response.status(), 413, "{method}");
    }
}

#[test]
fn response_that_is_complete_stands_though_the_rest_is_too_long() {
    struct Endless;
    impl asgi::PollReceive for Endless {
        fn poll_receive(&mut self, _: &mut Context<'_>) -> Poll<ReceiveEvent> {
            Poll::Ready(ReceiveEvent::HttpRequest(RequestBody::block("fives")))
        }
        fn poll_disconnect(&mut self, _: &mut Context<'_>) -> Poll<Disconnect> {
            Poll::Pending
        }
    }
    async fn app(_: Scope, mut receive: Receive, mut send: Send) -> Result<(), Error> {
        send.text(200, "done").await?;
        assert!(receive.block().await.is_err());
        Ok(())
    }
    // A server that goes on with the body after the response.
    let client = AsgiClient::new(|scope: Scope, _: Receive, send: Send| async move {
        asgi::Application::call(&BodyLimit::new(app, 4), scope, Receive::new(Endless), send).await
    });
    let response = block_on(client.begin(counted_head("POST")).response());
    assert_eq!((response.text().as_ref(), response.error().is_none()), ("done", true));
}

fn sync_echo(mut environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    let body = environ.input().read_all(usize::MAX)?;
    start_response.text(200, body.into())
}

#[test]
fn synchronous_body_of_unknown_length_is_counted_while_it_is_read() {
    let client = WsgiClient::new(limited(sync_echo));
    for (body, status) in [(&b""[..], 200), (b"four", 200), (b"fives", 413), (b"many more", 413)] {
        let response = client.begin(counted_head("POST")).with_input(Input::new(body, None)).run();
        assert_eq!(response.status(), status, "{body:?}");
        if status == 200 {
            assert_eq!(response.body(), body);
        } else {
            assert!(response.error().unwrap().find::<BodyLimitError>().is_some());
        }
    }
}

#[test]
fn synchronous_read_fails_every_time_once_over_the_limit() {
    let counted = Counted { inner: Input::new(&b"fives"[..], None), left: 4, limit: 4 };
    let mut input = Input::new(counted, None);
    let mut buffer = [0; 9];
    assert_eq!(input.read(&mut buffer).unwrap(), 4);
    for _ in 0..3 {
        let error = Error::from(input.read(&mut buffer).unwrap_err());
        assert_eq!((error.find::<BodyLimitError>().unwrap().limit(), error.status()), (4, Some(STATUS)));
    }
}

#[test]
fn synchronous_body_in_memory_is_measured_without_reading() {
    let client = WsgiClient::new(limited(sync_echo));
    let response = client.begin(counted_head("POST")).with_input(Input::from_bytes("fives".into())).run();
    assert_eq!(response.status(), 413);
    assert_eq!(client.request(get("/")).unwrap().status(), 200);
}
