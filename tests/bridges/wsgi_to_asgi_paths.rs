//! every way a call can end.

use std::sync::{Arc, mpsc};
use std::thread;

use gateway_iface::asgi::{Disconnect, SendError};
use gateway_iface::bridge::{Job, WsgiToAsgi};
use gateway_iface::http::{HeaderMap, Method, StatusCode};
use gateway_iface::testing::{AsgiClient, HttpExchange, TestResponse, block_on};
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, Observe};

use crate::{Closes, Outcomes, Shared, get, head, hello, start, threads, told};

fn respond(exchange: &mut HttpExchange<'_>) -> TestResponse {
    exchange.feed("", false);
    block_on(exchange.response())
}

/// Answers by what the path names.
fn paths(closes: Closes) -> impl Fn(Environ, &mut dyn StartResponse) -> Result<Body, Error> + Send + Sync {
    move |environ: Environ, start_response: &mut dyn StartResponse| {
        let body = match environ.path_info() {
            "/error-early" => Body::try_blocks([Err::<&str, _>(Error::new("broken"))]),
            "/error-late" => Body::try_blocks([Ok("a"), Err(Error::new("broken"))]),
            "/panic-early" => Body::blocks(std::iter::repeat_with(|| -> &str { panic!("broken") })),
            "/panic-late" => {
                let mut blocks = ["a"].into_iter();
                Body::blocks(std::iter::repeat_with(move || blocks.next().expect("one more")))
            }
            "/never-started" => return Ok(closes.count(Body::from("x"))),
            "/endless" => Body::blocks(std::iter::repeat("x")),
            _ => Body::from("whole"),
        };
        start(start_response)?;
        Ok(closes.count(body))
    }
}

#[test]
fn a_157_body_is_closed_once_on_every_path_on_the_thread() {
    for (path, status, complete) in [
        ("/whole", 200, true),
        ("/error-early", 500, true),
        ("/error-late", 200, false),
        ("/panic-early", 500, true),
        ("/panic-late", 200, false),
        ("/never-started", 500, true),
    ] {
        let closes = Closes::default();
        let client = AsgiClient::new(WsgiToAsgi::new(paths(closes.clone()), threads));
        let response = respond(&mut client.begin(head(Method::GET, path)));
        assert_eq!((response.status().as_u16(), response.is_complete()), (status, complete), "{path}");
        assert_eq!(response.error().is_some(), path != "/whole", "{path}");
        closes.0.with(|threads| {
            assert_eq!(threads.len(), 1, "{path}");
            assert_ne!(threads[0], thread::current().id(), "{path}");
        });
    }
}

#[test]
fn a_157_body_is_closed_once_when_the_server_drops_the_call() {
    let closes = Closes::default();
    let client = AsgiClient::new(WsgiToAsgi::new(paths(closes.clone()), threads));
    let mut exchange = client.begin(head(Method::GET, "/endless"));
    exchange.feed("", false);
    assert_eq!(told(block_on(exchange.next_event())), "start 200");
    exchange.drop_application();
    closes.0.wait(|threads| threads.len() == 1);
    assert_ne!(closes.0.with(|threads| threads[0]), thread::current().id());
}

#[test]
fn a_157_reads_fail_when_the_server_drops_the_call() {
    let failed = Shared::<Option<bool>>::default();
    let log = failed.clone();
    let (began, begins) = mpsc::channel();
    let app = move |mut environ: Environ, start_response: &mut dyn StartResponse| {
        began.send(()).unwrap();
        let error = environ.input().read_all(100).unwrap_err();
        log.with(|log| *log = Some(Error::from(error).is_disconnected()));
        hello(environ, start_response)
    };
    let client = AsgiClient::new(WsgiToAsgi::new(app, threads));
    let mut exchange = client.begin(head(Method::POST, "/"));
    exchange.feed("x", true);
    assert!(exchange.poll_once().is_pending());
    begins.recv().unwrap();
    exchange.drop_application();
    failed.wait(Option::is_some);
    assert_eq!(failed.with(|failed| *failed), Some(true));
}

#[test]
fn job_that_begins_after_the_call_was_dropped_does_not_call_the_application() {
    fn app(_: Environ, _: &mut dyn StartResponse) -> Result<Body, Error> {
        unreachable!("nobody would get the answer")
    }
    let (queue, jobs) = mpsc::channel();
    let runner = move |job: Job| {
        queue.send(job).unwrap();
        Ok(())
    };
    let client = AsgiClient::new(WsgiToAsgi::new(app, runner));
    let mut exchange = client.begin(head(Method::GET, "/"));
    assert!(exchange.poll_once().is_pending());
    exchange.drop_application();
    jobs.recv().unwrap().run();
}

#[test]
fn a_158_failed_send_stops_the_iteration_then_closes() {
    for leave in [Disconnect::Client, Disconnect::Timeout] {
        let closes = Closes::default();
        let client = AsgiClient::new(WsgiToAsgi::new(paths(closes.clone()), threads).with_handover(2, 100));
        let mut exchange = client.begin(head(Method::GET, "/endless"));
        exchange.feed("", false);
        assert_eq!(told(block_on(exchange.next_event())), "start 200");
        exchange.disconnect(leave);
        let error = block_on(exchange.finish()).unwrap_err();
        assert_eq!(error.find().and_then(SendError::disconnect), Some(leave));
        assert!(!exchange.ending().unwrap().fault);
        assert_eq!(closes.get(), 1);
    }
}

#[test]
fn loss_of_the_client_makes_the_next_write_fail_while_the_thread_neither_reads_nor_writes() {
    let lost = Shared::<bool>::default();
    let result = Shared::<Option<bool>>::default();
    let (gate, log) = (lost.clone(), result.clone());
    let app = move |_: Environ, start_response: &mut dyn StartResponse| {
        start(start_response)?;
        gate.wait(|&lost| lost);
        let written = start_response.write(b"too late");
        log.with(|log| *log = Some(written.is_err()));
        written?;
        Ok(Body::empty())
    };
    let client = AsgiClient::new(WsgiToAsgi::new(app, threads));
    let mut exchange = client.begin(head(Method::GET, "/"));
    exchange.feed("", false);
    assert!(exchange.poll_once().is_pending());
    exchange.disconnect(Disconnect::Client);
    assert!(exchange.poll_once().is_pending());
    lost.with(|lost| *lost = true);
    assert!(block_on(exchange.finish()).unwrap_err().is_disconnected());
    assert_eq!(result.with(|result| *result), Some(true));
}

#[test]
fn w_107_w_109_restart_replaces_the_head_before_it_is_out_and_fails_after() {
    let app = |environ: Environ, start_response: &mut dyn StartResponse| {
        start(start_response)?;
        if environ.path_info() == "/after" {
            start_response.write(b"out")?;
        }
        start_response.restart(StatusCode::BAD_GATEWAY, HeaderMap::new(), Error::new("cause"))?;
        Ok(Body::from("sorry"))
    };
    let client = AsgiClient::new(WsgiToAsgi::new(app, threads));
    let response = respond(&mut client.begin(head(Method::GET, "/before")));
    assert_eq!((response.status().as_u16(), response.text().as_ref()), (502, "sorry"));
    let response = respond(&mut client.begin(head(Method::GET, "/after")));
    assert_eq!(response.error().unwrap().to_string(), "cause");
    assert!(!response.is_complete());
}

#[test]
fn w_138_thread_of_a_pool_survives_a_panic_and_the_answer_is_500() {
    fn app(environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
        assert_ne!(environ.path_info(), "/panic");
        hello(environ, start_response)
    }
    let (queue, jobs) = mpsc::channel::<Job>();
    let pool = thread::spawn(move || jobs.into_iter().for_each(Job::run));
    let runner = move |job: Job| {
        queue.send(job).unwrap();
        Ok(())
    };
    let client = AsgiClient::new(WsgiToAsgi::new(app, runner));
    let response = block_on(client.request(get("/panic"))).unwrap();
    assert_eq!((response.status().as_u16(), response.text().as_ref()), (500, "Internal Server Error"));
    assert!(response.error().unwrap().to_string().contains("panicked"));
    assert_eq!(block_on(client.request(get("/"))).unwrap().body(), "hello");
    drop(client);
    pool.join().unwrap();
}

#[test]
fn outcome_is_told_once_by_the_server_on_every_path() {
    let observed = |outcomes: &Outcomes| {
        let outcomes = outcomes.clone();
        let body = paths(Closes::default());
        move |environ: Environ, start_response: &mut dyn StartResponse| {
            start_response.observe(Arc::new(outcomes.clone()) as Arc<dyn Observe>);
            body(environ, start_response)
        }
    };
    for (path, bytes, complete) in [("/whole", 5, true), ("/error-late", 1, false)] {
        let outcomes = Outcomes::default();
        let client = AsgiClient::new(WsgiToAsgi::new(observed(&outcomes), threads));
        respond(&mut client.begin(head(Method::GET, path)));
        let outcome = outcomes.only();
        assert_eq!((outcome.bytes, outcome.complete), (bytes, complete), "{path}");
    }
    let outcomes = Outcomes::default();
    let client = AsgiClient::new(WsgiToAsgi::new(observed(&outcomes), threads));
    let mut exchange = client.begin(head(Method::GET, "/endless"));
    exchange.feed("", false);
    assert_eq!(told(block_on(exchange.next_event())), "start 200");
    exchange.disconnect(Disconnect::Client);
    assert!(block_on(exchange.finish()).is_err());
    assert_eq!(outcomes.only().disconnect, Some(Disconnect::Client));
}

#[test]
fn outcome_is_told_when_the_server_drops_the_call_before_it_heard_of_the_observer() {
    let (outcomes, gate) = (Outcomes::default(), Shared::<u8>::default());
    let (observer, waiting) = (outcomes.clone(), gate.clone());
    let app = move |_: Environ, start_response: &mut dyn StartResponse| {
        waiting.with(|stage| *stage = 1);
        waiting.wait(|&stage| stage == 2);
        start_response.observe(Arc::new(observer.clone()));
        start(start_response)?;
        Ok(Body::empty())
    };
    let client = AsgiClient::new(WsgiToAsgi::new(app, threads));
    let mut exchange = client.begin(head(Method::GET, "/"));
    assert!(exchange.poll_once().is_pending());
    gate.wait(|&stage| stage == 1);
    exchange.drop_application();
    gate.with(|stage| *stage = 2);
    outcomes.0.wait(|outcomes| !outcomes.is_empty());
    assert!(!outcomes.only().complete);
}
