//! Clients that leave, waits, and the threads that handlers run on.

use std::future::pending;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use actix_web::middleware::DefaultHeaders;
use actix_web::{App, HttpRequest, HttpResponse, error, web};
use gateway_actix::{FromActix, ToActix};
use gateway_iface::asgi::event::SendEvent;
use gateway_iface::asgi::{self, Disconnect, LifespanError, LifespanExchange};
use gateway_iface::futures_core::Stream;
use gateway_iface::http::{Request, StatusCode};
use gateway_iface::testing::AsgiClient;
use gateway_iface::{Error, RequestHead};
use tokio::sync::{mpsc, oneshot};

use crate::support::{client, run};

type Tell = mpsc::UnboundedSender<&'static str>;

/// Tells when it is dropped.
struct Dropped(Tell);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

fn head(path: &str) -> RequestHead {
    RequestHead::new(Request::get(path).body(()).unwrap().into_parts().0)
}

/// Waits for ever where its path says: in the handler, in the body of its response, in that of its request.
fn waits() -> (FromActix, mpsc::UnboundedReceiver<&'static str>) {
    let (tell, told) = mpsc::unbounded_channel();
    let app = FromActix::new(move || {
        let tell = tell.clone();
        App::new().default_service(web::to(move |request: HttpRequest, mut body: web::Payload| {
            let tell = tell.clone();
            async move {
                let mark = Dropped(tell.clone());
                match request.path() {
                    "/handler" => {
                        tell.send("waits").unwrap();
                        pending::<()>().await;
                    }
                    "/request" => {
                        tell.send("waits").unwrap();
                        while let Some(block) =
                            std::future::poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).await
                        {
                            if block.is_err() {
                                tell.send("cut").unwrap();
                                return HttpResponse::BadRequest().finish();
                            }
                        }
                        tell.send("end").unwrap();
                    }
                    _ => return HttpResponse::Ok().streaming(Never { told: false, mark }),
                }
                drop(mark);
                HttpResponse::Ok().finish()
            }
        }))
    });
    (app.with_threads(1), told)
}

/// The body of a response whose first block never comes.
struct Never {
    told: bool,
    mark: Dropped,
}

impl Stream for Never {
    type Item = Result<web::Bytes, error::Error>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !std::mem::replace(&mut self.told, true) {
            self.mark.0.send("waits").unwrap();
        }
        Poll::Pending
    }
}

#[test]
fn a_95_a_100_loss_of_the_client_drops_handler_and_body() {
    run(async || {
        for path in ["/handler", "/response"] {
            let (app, mut told) = waits();
            let client = client(app);
            let mut exchange = client.begin(head(path));
            exchange.feed("", false);
            let (_, waits) = tokio::join!(async { exchange.poll_once() }, told.recv());
            assert_eq!(waits, Some("waits"), "{path}");
            exchange.disconnect(Disconnect::Client);
            let error = exchange.finish().await.unwrap_err();
            assert!(error.is_disconnected(), "{path}: {error}");
            assert_eq!(told.recv().await, Some("dropped"), "{path}");
            assert!(!exchange.ending().unwrap().fault, "A-96: {path}");
        }
    });
}

#[test]
fn call_that_is_dropped_drops_the_handler() {
    run(async || {
        let (app, mut told) = waits();
        let client = AsgiClient::new(app);
        let mut exchange = client.begin(head("/handler"));
        exchange.feed("", false);
        let _ = exchange.poll_once();
        assert_eq!(told.recv().await, Some("waits"));
        exchange.drop_application();
        assert_eq!(told.recv().await, Some("dropped"));
    });
}

#[test]
fn a_100_handler_may_finish_when_the_server_shuts_down() {
    run(async || {
        let (release, released) = oneshot::channel::<&'static str>();
        let (tell, mut told) = mpsc::unbounded_channel();
        let released = Arc::new(Mutex::new(Some(released)));
        let app = FromActix::new(move || {
            let (released, tell) = (released.clone(), tell.clone());
            App::new().default_service(web::to(move || {
                let released = released.lock().unwrap().take().unwrap();
                tell.send("waits").unwrap();
                async move { released.await.unwrap() }
            }))
        });
        let client = AsgiClient::new(app.with_threads(1));
        let mut exchange = client.begin(head("/"));
        exchange.feed("", false);
        let _ = exchange.poll_once();
        assert_eq!(told.recv().await, Some("waits"));
        exchange.disconnect(Disconnect::Shutdown);
        assert!(exchange.poll_once().is_pending(), "the handler is not given up");
        release.send("done").unwrap();
        // This server takes no more; the handler did not know.
        assert!(exchange.finish().await.unwrap_err().is_disconnected());
    });
}

#[test]
fn a_67_cut_body_is_an_error_and_no_end() {
    run(async || {
        let (app, mut told) = waits();
        // The watch of the call would drop the handler first: it is the body that is asked here.
        let client = client(app);
        let mut exchange = client.begin(head("/request"));
        exchange.feed("part", true);
        let _ = exchange.poll_once();
        assert_eq!(told.recv().await, Some("waits"));
        exchange.disconnect(Disconnect::Client);
        let _ = exchange.finish().await;
        let next = told.recv().await;
        assert!(matches!(next, Some("cut" | "dropped")), "no end: {next:?}");
    });
}

#[test]
fn a_69_head_goes_before_the_first_block() {
    run(async || {
        let (app, _told) = waits();
        let client = client(app);
        let mut exchange = client.begin(head("/response"));
        exchange.feed("", false);
        let Some(SendEvent::ResponseStart(start)) = exchange.next_event().await else {
            panic!("no start");
        };
        assert_eq!(start.status, StatusCode::OK);
        // What makes a server send it.
        assert!(
            matches!(exchange.next_event().await, Some(SendEvent::ResponseBody(block)) if block.more_body)
        );
        exchange.disconnect(Disconnect::Client);
        exchange.finish().await.unwrap_err();
    });
}

/// The body of a response that never ends, and counts its blocks.
struct Endless(Arc<AtomicUsize>);

impl Stream for Endless {
    type Item = Result<web::Bytes, error::Error>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Some(Ok(web::Bytes::from_static(&[b'x'; 1024]))))
    }
}

#[test]
fn a_11_response_waits_for_its_client() {
    run(async || {
        let count = Arc::<AtomicUsize>::default();
        let blocks = count.clone();
        let app = FromActix::new(move || {
            let blocks = blocks.clone();
            App::new().default_service(web::to(move || {
                let blocks = blocks.clone();
                async move { HttpResponse::Ok().streaming(Endless(blocks)) }
            }))
        });
        let client = client(app.with_handover(4, 1 << 20).with_threads(1));
        let mut exchange = client.begin(head("/"));
        exchange.feed("", false);
        let mut taken = 0;
        while taken < 100 {
            match exchange.next_event().await {
                Some(SendEvent::ResponseBody(block)) => taken += usize::from(!block.body.is_empty()),
                Some(_) => {}
                None => panic!("it ended"),
            }
            // One parcel on its way, one that fills, and what the exchange holds.
            let ahead = count.load(Ordering::Relaxed) - taken;
            assert!(ahead <= 2 * 4 + 3, "{ahead} blocks ahead after {taken}");
        }
        exchange.disconnect(Disconnect::Client);
        exchange.finish().await.unwrap_err();
    });
}

#[test]
fn a_108_a_112_lifespan_starts_and_stops_the_threads() {
    run(async || {
        let alive = Arc::new(());
        let held = alive.clone();
        let app = FromActix::new(move || {
            App::new().app_data(held.clone()).default_service(web::to(|| async { "served" }))
        });
        let app = Arc::new(app.with_threads(3));
        let mut lifespan = LifespanExchange::new(&*app);
        lifespan.startup().await.unwrap();
        assert_eq!(Arc::strong_count(&alive), 2 + 3, "an instance on each thread");
        let response = client(app.clone()).request(Request::get("/").body("").unwrap()).await.unwrap();
        assert_eq!(response.text(), "served");
        lifespan.shutdown().await.unwrap();
        assert_eq!(Arc::strong_count(&alive), 2, "all threads have ended");
    });
}

#[test]
fn a_110_factory_that_fails_fails_the_startup() {
    run(async || {
        for panics in [false, true] {
            let app = FromActix::new(move || {
                assert!(!panics, "on purpose");
                App::new().data_factory(|| async { Err::<u8, _>("no database") })
            });
            let app = app.with_threads(2);
            let mut lifespan = LifespanExchange::new(&app);
            let error = lifespan.startup().await.unwrap_err();
            assert!(matches!(&error, LifespanError::Failed(_)), "{error:?}");
            assert!(error.to_string().contains("could not be built"), "{error}");
        }
    });
}

#[test]
fn a_110_factory_that_panics_on_a_later_thread_fails_the_startup_and_all_threads_end() {
    run(async || {
        let alive = Arc::new(());
        let (held, instances) = (alive.clone(), AtomicUsize::new(0));
        let app = FromActix::new(move || {
            assert_ne!(instances.fetch_add(1, Ordering::SeqCst), 1, "on purpose");
            App::new().app_data(held.clone())
        });
        let app = app.with_threads(3);
        let mut lifespan = LifespanExchange::new(&app);
        let error = lifespan.startup().await.unwrap_err();
        assert!(error.to_string().contains("on purpose"), "{error}");
        drop(lifespan);
        drop(app);
        while Arc::strong_count(&alive) > 1 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_110_without_a_lifespan_calls_fail_with_the_reason_until_there_is_an_instance() {
    run(async || {
        let app = FromActix::new(|| App::new().data_factory(|| async { Err::<u8, _>("no database") }));
        let client = AsgiClient::new(app.with_threads(2));
        for _ in 0..5 {
            let mut exchange = client.begin(head("/"));
            exchange.feed("", false);
            let error = exchange.finish().await.unwrap_err();
            assert!(error.to_string().contains("could not be built"), "{error}");
        }
    });
}

#[test]
fn a_110_without_a_lifespan_those_threads_serve_that_have_an_instance() {
    run(async || {
        let instances = AtomicUsize::new(0);
        let app = FromActix::new(move || {
            assert_ne!(instances.fetch_add(1, Ordering::SeqCst), 1, "on purpose");
            App::new().default_service(web::to(|| async { "served" }))
        });
        let client = AsgiClient::new(app.with_threads(2));
        // The first ones may come before it is known which thread has none.
        let mut served = 0;
        while served < 5 {
            let response = client.request(Request::get("/").body("").unwrap()).await;
            served = if response.unwrap().status() == StatusCode::OK { served + 1 } else { 0 };
        }
    });
}

#[test]
fn a_106_answer_to_what_failed_further_in_is_sent_and_the_call_ends_with_the_error() {
    run(async || {
        let fails = async |_: asgi::Scope, _: asgi::Receive, _: asgi::Send| {
            Err::<(), _>(Error::new("the inside").with_status(StatusCode::BAD_GATEWAY))
        };
        let service = ToActix::new(fails);
        let app = FromActix::new(move || {
            let page = DefaultHeaders::new().add(("x-page", "of the framework"));
            App::new().wrap(page).default_service(service.clone())
        });
        let client = client(app.with_threads(1));
        let mut exchange = client.begin(head("/"));
        exchange.feed("", false);
        let Some(SendEvent::ResponseStart(start)) = exchange.next_event().await else {
            panic!("no start");
        };
        assert_eq!(start.status, StatusCode::BAD_GATEWAY);
        assert_eq!(start.headers["x-page"], "of the framework");
        let error = exchange.finish().await.unwrap_err();
        assert_eq!(error.to_string(), "the inside");
    });
}

#[test]
fn request_beyond_the_backlog_is_answered_with_503() {
    run(async || {
        let (release, released) = std::sync::mpsc::channel::<()>();
        let released = Arc::new(Mutex::new(released));
        let (tell, mut told) = mpsc::unbounded_channel();
        let app = FromActix::new(move || {
            let (released, tell) = (released.clone(), tell.clone());
            App::new().default_service(web::to(move || {
                let (released, tell) = (released.clone(), tell.clone());
                async move {
                    tell.send(()).unwrap();
                    // What no handler should do: it blocks its thread.
                    let _ = released.lock().unwrap().recv();
                    "released"
                }
            }))
        });
        let client = client(app.with_threads(1).with_backlog(1));
        let mut first = client.begin(head("/"));
        let mut second = client.begin(head("/"));
        for exchange in [&mut first, &mut second] {
            exchange.feed("", false);
        }
        let _ = first.poll_once();
        told.recv().await.unwrap();
        let _ = second.poll_once();
        let refused = client.request(Request::get("/").body("").unwrap()).await.unwrap();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        drop(release);
        assert_eq!(first.response().await.text(), "released");
        assert_eq!(second.response().await.text(), "released");
    });
}
