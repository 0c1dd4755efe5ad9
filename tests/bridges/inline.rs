//! A synchronous application on the executor itself.

use std::sync::Arc;

use gateway_iface::asgi::{Disconnect, LifespanError};
use gateway_iface::bridge::Inline;
use gateway_iface::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use gateway_iface::testing::{AsgiClient, block_on};
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, Observe};

use crate::{Closes, Outcomes, get, head, hello, start, told};

fn counted(closes: &Closes) -> Inline<impl gateway_iface::wsgi::Application> {
    let closes = closes.clone();
    Inline::new(move |environ: Environ, start_response: &mut dyn StartResponse| {
        start(start_response)?;
        let body = match environ.path_info() {
            "/error" => Body::try_blocks([Ok("a"), Err(Error::new("broken"))]),
            "/panic" => Body::blocks(std::iter::repeat_with(|| -> &str { panic!("broken") })),
            "/endless" => Body::blocks(std::iter::repeat("x")),
            _ => Body::from("whole"),
        };
        Ok(closes.count(body))
    })
}

#[test]
fn a_148_other_scopes_are_unsupported() {
    let client = AsgiClient::new(Inline::new(hello));
    assert!(matches!(block_on(client.lifespan().startup()), Err(LifespanError::Unsupported)));
}

#[test]
fn one_block_is_a_whole_response() {
    let client = AsgiClient::new(Inline::new(hello));
    let mut exchange = client.begin(head(Method::GET, "/"));
    exchange.feed("", false);
    let events = [(); 3].map(|()| told(block_on(exchange.next_event())));
    assert_eq!(events, ["start 200", "hello last", "end"]);
    let response = block_on(client.request(Request::head("/").body("").unwrap())).unwrap();
    assert_eq!(
        (response.body().len(), &response.headers()[header::CONTENT_LENGTH]),
        (0, &HeaderValue::from(5))
    );
}

#[test]
fn body_over_the_limit_is_413_and_one_within_is_read() {
    fn echo(mut environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        start(start_response)?;
        Ok(Body::from(environ.input().read_all(100)?))
    }
    let client = AsgiClient::new(Inline::new(echo).with_body_limit(4));
    let post = |body: &'static str| block_on(client.request(Request::post("/").body(body).unwrap())).unwrap();
    assert_eq!(post("four").body(), "four");
    assert_eq!(post("fives").status(), 413);
    let mut exchange = client.begin(head(Method::POST, "/"));
    exchange.feed("fou", true);
    exchange.feed("rs", true);
    assert_eq!(block_on(exchange.response()).status(), 413);
}

#[test]
fn a_156_next_block_is_taken_when_the_server_accepted_the_one_before() {
    let closes = Closes::default();
    let client = AsgiClient::new(counted(&closes));
    let mut exchange = client.begin(head(Method::GET, "/endless"));
    exchange.feed("", false);
    assert_eq!(told(block_on(exchange.next_event())), "start 200");
    assert_eq!(told(block_on(exchange.next_event())), "x more");
    assert!(exchange.poll_once().is_pending() && exchange.is_send_pending());
    exchange.disconnect(Disconnect::Client);
    assert!(block_on(exchange.finish()).unwrap_err().is_disconnected());
    assert_eq!(closes.get(), 1);
}

#[test]
fn a_157_body_is_closed_once_on_every_path() {
    for (path, status) in [("/whole", 200), ("/error", 200), ("/panic", 500)] {
        let closes = Closes::default();
        let client = AsgiClient::new(counted(&closes));
        let mut exchange = client.begin(head(Method::GET, path));
        exchange.feed("", false);
        let response = block_on(exchange.response());
        assert_eq!(
            (response.status().as_u16(), response.is_complete()),
            (status, path != "/error"),
            "{path}"
        );
        drop(exchange);
        assert_eq!(closes.get(), 1, "{path}");
    }
    let closes = Closes::default();
    let client = AsgiClient::new(counted(&closes));
    let mut exchange = client.begin(head(Method::GET, "/endless"));
    exchange.feed("", false);
    assert!(block_on(exchange.next_event()).is_some());
    exchange.drop_application();
    assert_eq!(closes.get(), 1);
}

#[test]
fn w_116_what_is_written_leaves_in_order_and_is_bounded() {
    fn app(_: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        start(start_response)?;
        start_response.write(b"one ")?;
        start_response.write(b"two ")?;
        Ok(Body::from("three"))
    }
    let response = block_on(AsgiClient::new(Inline::new(app)).request(get("/"))).unwrap();
    assert_eq!(response.blocks(), ["one ", "two ", "three"]);
    let small = Inline::new(app).with_write_limit(7);
    assert_eq!(block_on(AsgiClient::new(small).request(get("/"))).unwrap().status(), 500);
}

#[test]
fn w_105_empty_write_lets_the_head_leave() {
    fn app(_: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        start(start_response)?;
        start_response.write(b"")?;
        Ok(Body::from("x"))
    }
    let client = AsgiClient::new(Inline::new(app));
    let mut exchange = client.begin(head(Method::GET, "/"));
    exchange.feed("", false);
    let events = [(); 3].map(|()| told(block_on(exchange.next_event())));
    assert_eq!(events, ["start 200", " more", "x last"]);
}

#[test]
fn w_107_w_122_restart_and_content_length_hold() {
    fn app(_: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        start(start_response)?;
        let headers = HeaderMap::from_iter([(header::CONTENT_LENGTH, HeaderValue::from(3))]);
        start_response.restart(StatusCode::BAD_GATEWAY, headers, Error::new("cause"))?;
        Ok(Body::blocks(["", "ab", "cd", "ef"]))
    }
    let response = block_on(AsgiClient::new(Inline::new(app)).request(get("/"))).unwrap();
    assert_eq!((response.status().as_u16(), response.blocks()), (502, &["ab".into(), "c".into()][..]));
}

/// W-52, W-53: as the server set them.
#[test]
fn a_160_flags_and_outcome() {
    let outcomes = Outcomes::default();
    let observer = outcomes.clone();
    let app = move |environ: Environ, start_response: &mut dyn StartResponse| {
        start_response.observe(Arc::new(observer.clone()) as Arc<dyn Observe>);
        start(start_response)?;
        Ok(Body::from(format!("{} {}", environ.multithread(), environ.multiprocess())))
    };
    let client = AsgiClient::new(Inline::new(app).with_multithread(false).with_multiprocess(true));
    assert_eq!(block_on(client.request(get("/"))).unwrap().body(), "false true");
    assert!(outcomes.only().complete);
}
