//! a synchronous application on an asynchronous server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use gateway_iface::Error;
use gateway_iface::asgi::{Disconnect, LifespanError};
use gateway_iface::bridge::{Busy, Job, WsgiToAsgi};
use gateway_iface::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use gateway_iface::testing::{AsgiClient, HttpExchange, block_on};
use gateway_iface::wsgi::{Body, Environ, StartResponse};

use crate::{Closes, Shared, get, head, hello, start, threads, told};

fn events(exchange: &mut HttpExchange<'_>) -> Vec<String> {
    let mut events = Vec::new();
    while let Some(event) = block_on(exchange.next_event()) {
        events.push(told(Some(event)));
    }
    events
}

/// All events of the answer to a GET without body.
fn events_of(
    app: impl Fn(Environ, &mut dyn StartResponse) -> Result<Body, Error> + Send + Sync + 'static,
    method: Method,
) -> Vec<String> {
    let client = AsgiClient::new(WsgiToAsgi::new(app, threads));
    let mut exchange = client.begin(head(method, "/"));
    exchange.feed("", false);
    events(&mut exchange)
}

/// W-01: one call for the one request.
#[test]
fn a_148_other_scopes_are_unsupported_and_never_reach_the_application() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let app = move |environ: Environ, start_response: &mut dyn StartResponse| {
        counted.fetch_add(1, Ordering::SeqCst);
        hello(environ, start_response)
    };
    let client = AsgiClient::new(WsgiToAsgi::new(app, threads));
    let error = block_on(client.lifespan().startup()).unwrap_err();
    assert!(matches!(error, LifespanError::Unsupported));
    let error = block_on(client.websocket(get("/")).finish()).unwrap_err();
    assert!(error.is_unsupported_scope());
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    assert_eq!(block_on(client.request(get("/"))).unwrap().body(), "hello");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[test]
fn a_149_application_iteration_and_close_run_on_the_runners_thread() {
    let seen = Shared::<Vec<thread::ThreadId>>::default();
    let closes = Closes::default();
    let (log, counted) = (seen.clone(), closes.clone());
    let app = move |_: Environ, start_response: &mut dyn StartResponse| {
        let note = {
            let log = log.clone();
            move || log.with(|threads| threads.push(thread::current().id()))
        };
        note();
        start(start_response)?;
        let blocks = ["a", "b"].into_iter().inspect(move |_| note());
        Ok(counted.count(Body::blocks(blocks)))
    };
    let client = AsgiClient::new(WsgiToAsgi::new(app, threads));
    assert_eq!(block_on(client.request(get("/"))).unwrap().body(), "ab");
    let mut ids = seen.with(std::mem::take);
    ids.extend(closes.0.with(std::mem::take));
    assert_eq!(ids.len(), 4);
    assert!(ids.iter().all(|&id| id == ids[0] && id != thread::current().id()));
}

#[test]
fn a_149_busy_and_a_dropped_job_are_503_and_the_application_is_not_called() {
    fn app(_: Environ, _: &mut dyn StartResponse) -> Result<Body, Error> {
        unreachable!("it is not to be called")
    }
    let busy = |_: Job| Err(Busy);
    let dropping = |_: Job| Ok(());
    let late = |job: Job| {
        thread::spawn(move || drop(job));
        Ok(())
    };
    let responses = [
        block_on(AsgiClient::new(WsgiToAsgi::new(app, busy)).request(get("/"))).unwrap(),
        block_on(AsgiClient::new(WsgiToAsgi::new(app, dropping)).request(get("/"))).unwrap(),
        block_on(AsgiClient::new(WsgiToAsgi::new(app, late)).request(get("/"))).unwrap(),
    ];
    for response in responses {
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        assert_eq!(response.body(), "Service Unavailable");
        assert!(response.error().is_none());
    }
}

fn echo(mut environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    let body = environ.input().read_all(usize::MAX)?;
    start(start_response)?;
    Ok(Body::from(body))
}

#[test]
fn a_154_request_bodies_arrive_in_order_and_the_task_never_blocks() {
    let client = AsgiClient::new(WsgiToAsgi::new(echo, threads));
    let mut exchange = client.begin(head(Method::POST, "/"));
    // The thread waits in `read`; were it this one, the poll would not return.
    assert!(exchange.poll_once().is_pending());
    for block in ["one ", "", "two ", "three"] {
        exchange.feed(block, true);
        assert!(exchange.poll_once().is_pending());
    }
    exchange.feed("", false);
    assert_eq!(events(&mut exchange), ["start 200", "one two three last"]);
}

#[test]
fn a_154_disconnect_before_the_end_of_the_body_is_a_read_error() {
    let read = Shared::<Vec<String>>::default();
    let log = read.clone();
    let app = move |mut environ: Environ, start_response: &mut dyn StartResponse| {
        let result = environ.input().read_all(usize::MAX);
        log.with(|log| log.push(format!("{:?}", result.as_ref().map_err(std::io::Error::kind))));
        result?;
        hello(environ, start_response)
    };
    let client = AsgiClient::new(WsgiToAsgi::new(app, threads));
    let mut exchange = client.begin(head(Method::POST, "/"));
    exchange.feed("half", true);
    assert!(exchange.poll_once().is_pending());
    exchange.disconnect(Disconnect::Client);
    let error = block_on(exchange.finish()).unwrap_err();
    assert!(error.is_disconnected() && !exchange.ending().unwrap().fault);
    read.with(|log| assert_eq!(*log, ["Err(BrokenPipe)"]));
}

#[test]
fn a_154_upload_larger_than_the_hand_over_streams() {
    const BLOCKS: usize = 200;
    let client = AsgiClient::new(WsgiToAsgi::new(echo, threads).with_handover(4, 1024));
    let mut exchange = client.begin(head(Method::POST, "/"));
    for _ in 0..BLOCKS {
        exchange.feed(vec![b'x'; 300], true);
    }
    exchange.feed("", false);
    assert_eq!(block_on(exchange.response()).body().len(), BLOCKS * 300);
}

/// W-104: the start sends nothing either.
#[test]
fn a_155_empty_blocks_send_nothing_and_the_head_can_still_be_replaced() {
    let gate = Shared::<bool>::default();
    let opened = gate.clone();
    let app = move |_: Environ, start_response: &mut dyn StartResponse| {
        start(start_response)?;
        start_response.restart(StatusCode::BAD_GATEWAY, HeaderMap::new(), Error::new("late"))?;
        let opened = opened.clone();
        let blocks = ["", "data"].into_iter().inspect(move |block| {
            if *block == "data" {
                opened.wait(|&open| open);
            }
        });
        Ok(Body::blocks(blocks))
    };
    let client = AsgiClient::new(WsgiToAsgi::new(app, threads));
    let mut exchange = client.begin(head(Method::GET, "/"));
    exchange.feed("", false);
    assert!(exchange.poll_once().is_pending() && exchange.take_event().is_none());
    gate.with(|open| *open = true);
    let events = events(&mut exchange);
    assert_eq!(events[0], "start 502");
    assert_eq!(events[1..].concat().matches("data").count(), 1);
}

#[test]
fn a_155_empty_write_lets_the_head_leave_at_once() {
    let gate = Shared::<bool>::default();
    let opened = gate.clone();
    let app = move |_: Environ, start_response: &mut dyn StartResponse| {
        start(start_response)?;
        start_response.write(b"")?;
        opened.wait(|&open| open);
        Ok(Body::from("data"))
    };
    let client = AsgiClient::new(WsgiToAsgi::new(app, threads));
    let mut exchange = client.begin(head(Method::GET, "/"));
    exchange.feed("", false);
    assert_eq!(told(block_on(exchange.next_event())), "start 200");
    assert_eq!(told(block_on(exchange.next_event())), " more");
    gate.with(|open| *open = true);
    assert_eq!(events(&mut exchange).concat().replace(" more", "").replace(" last", ""), "data");
}

/// W-17, W-131: each block waits until the client has the one before.
#[test]
fn a_156_each_block_is_an_event_and_the_end_is_told() {
    let taken = Shared::<usize>::default();
    let seen = taken.clone();
    let app = move |_: Environ, start_response: &mut dyn StartResponse| {
        start(start_response)?;
        let seen = seen.clone();
        let blocks = ["a", "", "b", "c"].into_iter().enumerate();
        Ok(Body::blocks(
            blocks
                .map(move |(index, block)| {
                    seen.wait(|&taken| taken >= [0, 1, 1, 2][index]);
                    block
                })
                .chain(std::iter::from_fn(|| None)),
        ))
    };
    let client = AsgiClient::new(WsgiToAsgi::new(app, threads));
    let mut exchange = client.begin(head(Method::GET, "/"));
    exchange.feed("", false);
    assert_eq!(told(block_on(exchange.next_event())), "start 200");
    assert_eq!(told(block_on(exchange.next_event())), "a more");
    taken.with(|taken| *taken += 1);
    assert_eq!(told(block_on(exchange.next_event())), "b more");
    taken.with(|taken| *taken += 1);
    // The end may have come while the last block was on its way.
    let rest = events(&mut exchange);
    assert!(rest == ["c more", " last"] || rest == ["c last"], "{rest:?}");
}

#[test]
fn a_156_one_block_is_handed_over_as_a_whole_response() {
    assert_eq!(events_of(hello, Method::GET), ["start 200", "hello last"]);
}

#[test]
fn a_156_content_length_caps_the_body_and_stops_the_iteration() {
    for (blocks, sizes, pulled) in [(&[4, 2, 4][..], &[4, 2, 2][..], 3), (&[8, 8], &[8], 1)] {
        let (count, closes) = (Arc::new(AtomicUsize::new(0)), Closes::default());
        let (counted, closed) = (Arc::clone(&count), closes.clone());
        let app = move |_: Environ, start_response: &mut dyn StartResponse| {
            let headers = HeaderMap::from_iter([(header::CONTENT_LENGTH, HeaderValue::from(8))]);
            start_response.start(StatusCode::OK, headers)?;
            let counted = Arc::clone(&counted);
            let blocks = blocks.iter().map(move |&len| {
                counted.fetch_add(1, Ordering::SeqCst);
                vec![b'x'; len]
            });
            Ok(closed.count(Body::blocks(blocks)))
        };
        let client = AsgiClient::new(WsgiToAsgi::new(app, threads));
        let response = block_on(client.request(get("/"))).unwrap();
        assert_eq!(response.blocks().iter().map(|block| block.len()).collect::<Vec<_>>(), sizes);
        assert_eq!((count.load(Ordering::SeqCst), closes.get()), (pulled, 1));
    }
}

#[test]
fn a_156_endless_response_to_a_stalled_reader_is_bounded() {
    const BLOCKS: usize = 4;
    let (produced, closes) = (Shared::<usize>::default(), Closes::default());
    let (count, closed) = (produced.clone(), closes.clone());
    let app = move |_: Environ, start_response: &mut dyn StartResponse| {
        start(start_response)?;
        let count = count.clone();
        let blocks = std::iter::repeat_with(move || {
            count.with(|count| *count += 1);
            "block"
        });
        Ok(closed.count(Body::blocks(blocks)))
    };
    let client = AsgiClient::new(WsgiToAsgi::new(app, threads).with_handover(BLOCKS, 1 << 20));
    let mut exchange = client.begin(head(Method::GET, "/"));
    exchange.feed("", false);
    assert_eq!(told(block_on(exchange.next_event())), "start 200");
    assert_eq!(told(block_on(exchange.next_event())), "block more");
    // One event with the client, one that waits for it, the hand-over, and one that waits for room.
    let most = 1 + 2 + BLOCKS + 1;
    while produced.with(|count| *count) < 1 + BLOCKS + 1 {
        assert!(exchange.poll_once().is_pending());
        thread::yield_now();
    }
    for _ in 0..100 {
        assert!(exchange.poll_once().is_pending());
        assert!(produced.with(|count| *count) <= most);
    }
    exchange.disconnect(Disconnect::Client);
    assert!(block_on(exchange.finish()).unwrap_err().is_disconnected());
    assert!(produced.with(|count| *count) <= most);
    assert_eq!(closes.get(), 1);
}

#[test]
fn a_159_status_is_a_number_and_fields_are_lower_case_octets() {
    fn app(_: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        let mut headers = HeaderMap::new();
        headers.append(HeaderName::from_bytes(b"X-Mixed")?, HeaderValue::from_bytes(b"\xFF")?);
        headers.append("x-mixed", HeaderValue::from_static("2"));
        start_response.start(StatusCode::IM_A_TEAPOT, headers)?;
        Ok(Body::empty())
    }
    let client = AsgiClient::new(WsgiToAsgi::new(app, threads));
    let response = block_on(client.request(get("/"))).unwrap();
    assert_eq!(response.status().as_u16(), 418);
    let fields: Vec<_> =
        response.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    assert_eq!(fields, [("x-mixed", &b"\xFF"[..]), ("x-mixed", b"2")]);
}

/// W-52, W-53, W-54: of the bridge.
#[test]
fn a_160_flags_tell_of_threads_processes_and_repetition() {
    fn app(environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        start(start_response)?;
        let flags = [environ.multithread(), environ.multiprocess(), environ.run_once()];
        drop(environ);
        Ok(Body::from(format!("{flags:?}")))
    }
    let client = AsgiClient::new(WsgiToAsgi::new(app, threads));
    assert_eq!(block_on(client.request(get("/"))).unwrap().body(), "[true, false, false]");
    let client = AsgiClient::new(WsgiToAsgi::new(app, threads).with_multiprocess(true));
    assert_eq!(block_on(client.request(get("/"))).unwrap().body(), "[true, true, false]");
}

#[test]
fn w_116_written_data_precedes_what_is_returned() {
    fn app(_: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        start(start_response)?;
        start_response.write(b"written ")?;
        start_response.write(b"twice ")?;
        Ok(Body::blocks(["and ", "returned"]))
    }
    let client = AsgiClient::new(WsgiToAsgi::new(app, threads));
    let response = block_on(client.request(get("/"))).unwrap();
    assert_eq!(response.blocks(), ["written ", "twice ", "and ", "returned"]);
}

#[test]
fn w_105_w_127_w_129_bodies_that_are_empty_or_unwanted() {
    fn empty(_: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        start(start_response)?;
        Ok(Body::empty())
    }
    fn unmodified(_: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        start_response.start(StatusCode::NOT_MODIFIED, HeaderMap::new())?;
        Ok(Body::from("unwanted"))
    }
    assert_eq!(events_of(empty, Method::GET), ["start 200", " last"]);
    assert_eq!(events_of(hello, Method::HEAD), ["start 200", " last"]);
    assert_eq!(events_of(unmodified, Method::GET), ["start 304", " last"]);
    let client = AsgiClient::new(WsgiToAsgi::new(hello, threads));
    let response = block_on(client.request(Request::head("/").body("").unwrap())).unwrap();
    assert_eq!(response.headers()[header::CONTENT_LENGTH], "5");
}
