//! Bodies and outcomes of an asynchronous application behind a blocking server.

use std::sync::Arc;
use std::thread;

use gateway_iface::Error;
use gateway_iface::asgi::{self, Disconnect};
use gateway_iface::bridge::AsgiToWsgi;
use gateway_iface::http::{HeaderMap, Method, Request, StatusCode};
use gateway_iface::testing::WsgiClient;
use gateway_iface::wsgi::{Application, Body, Environ, HeadState, Input};

use crate::asgi_to_wsgi::{Server, environ, logging, pause};
use crate::{Outcomes, get, head};

#[test]
fn w_129_head_keeps_the_length_and_no_body() {
    async fn app(_: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
        send.text(200, "hello").await?;
        Ok(())
    }
    let bridge = AsgiToWsgi::new(app);
    let mut state = HeadState::new(&head(Method::HEAD, "/"));
    let environ = Environ::from_request(Request::head("/").body("").unwrap());
    let mut server = Server::default();
    let mut body = bridge.call(environ, &mut server).unwrap();
    state.start(StatusCode::OK, HeaderMap::new()).unwrap();
    let admitted = state.admit_last(body.next().unwrap().unwrap()).unwrap();
    assert_eq!((admitted.head.unwrap().length, admitted.data.len()), (Some(5), 0));
    let response = WsgiClient::new(bridge).request(Request::head("/").body("").unwrap()).unwrap();
    assert!(response.is_complete() && response.body().is_empty());
}

#[test]
fn empty_body_and_other_threads_work() {
    let (bridge, _) = logging(|_, mut send, _| async move {
        let (done, finished) = std::sync::mpsc::channel();
        // The half moves to another thread, which sends while this future waits.
        thread::spawn(move || {
            done.send(gateway_iface::testing::block_on(async {
                send.start(StatusCode::ACCEPTED, HeaderMap::new()).await?;
                send.block("x").await?;
                send.last("").await
            }))
        });
        while finished.try_recv().is_err() {
            pause().await;
        }
        Ok(())
    });
    let response = WsgiClient::new(bridge).request(get("/")).unwrap();
    assert_eq!((response.status().as_u16(), response.text().as_ref()), (202, "x"));
    let (empty, _) = logging(|_, mut send, _| async move {
        send.start(StatusCode::OK, HeaderMap::new()).await?;
        send.last("").await?;
        Ok(())
    });
    let response = WsgiClient::new(empty).request(get("/")).unwrap();
    assert!(response.is_complete() && response.body().is_empty());
}

#[test]
fn outcome_is_told_once() {
    for early in [true, false] {
        let outcomes = Outcomes::default();
        let observer = outcomes.clone();
        let (bridge, _) = logging(move |_, mut send: asgi::Send, _| {
            let observer = observer.clone();
            async move {
                if early {
                    send.observe(Arc::new(observer.clone()));
                }
                send.start(StatusCode::OK, HeaderMap::new()).await?;
                send.block("a").await?;
                if !early {
                    send.observe(Arc::new(observer));
                }
                send.last("b").await?;
                Ok(())
            }
        });
        assert_eq!(WsgiClient::new(bridge).request(get("/")).unwrap().body(), "ab");
        let outcome = outcomes.only();
        assert_eq!((outcome.complete, outcome.bytes, outcome.disconnect), (true, 2, None::<Disconnect>));
    }
}

#[test]
fn body_can_move_to_another_thread_before_it_is_taken() {
    let (bridge, _) = logging(|_, mut send, _| async move {
        send.start(StatusCode::OK, HeaderMap::new()).await?;
        for block in ["a", "b", "c"] {
            pause().await;
            send.block(block).await?;
        }
        send.last("").await?;
        Ok(())
    });
    let body: Body = bridge.call(environ(Input::empty()), &mut Server::default()).unwrap();
    let blocks = thread::spawn(move || body.collect::<Result<Vec<_>, _>>().unwrap().concat());
    assert_eq!(blocks.join().unwrap(), b"abc");
}
