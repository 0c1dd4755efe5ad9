//! Many requests at the same time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use gateway_hyper::Pool;
use gateway_iface::bridge::{Job, RunBlocking, WsgiToAsgi};
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Error, asgi};
use http::{HeaderMap, StatusCode};
use tokio::sync::{Barrier, mpsc};
use tokio::task::JoinSet;

use crate::support::{Server, hello, on_both_runtimes, on_current_thread};

#[test]
fn a_thousand_requests_wait_at_the_same_time_on_one_thread() {
    on_current_thread(async || {
        const REQUESTS: usize = 1000;
        let all = Arc::new(Barrier::new(REQUESTS));
        let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            let all = Arc::clone(&all);
            async move {
                scope.into_http()?;
                // No one passes before all are there.
                all.wait().await;
                Ok::<(), Error>(send.text(200, "together").await?)
            }
        };
        let server = Server::start(app).await;
        let mut clients = JoinSet::new();
        for _ in 0..REQUESTS {
            let mut client = server.connect().await;
            clients.spawn(async move { client.get("/").await });
        }
        let mut answered = 0;
        while let Some(response) = clients.join_next().await {
            assert_eq!(response.unwrap().text(), "together");
            answered += 1;
        }
        assert_eq!(answered, REQUESTS);
        server.stop().await;
    });
}

#[test]
fn connections_that_come_and_go_are_all_served() {
    on_both_runtimes(async || {
        let server = Arc::new(Server::start(hello).await);
        let mut clients = JoinSet::new();
        for _ in 0..20 {
            let server = Arc::clone(&server);
            clients.spawn(async move {
                for _ in 0..20 {
                    assert_eq!(server.get("/").await.text(), "Hello, World!");
                }
            });
        }
        while let Some(client) = clients.join_next().await {
            client.unwrap();
        }
        Arc::into_inner(server).unwrap().stop().await;
    });
}

/// What the threads of a pool wait for, and how many do.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
    running: AtomicUsize,
    most: AtomicUsize,
}

impl Gate {
    fn pass(&self) {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        drop(self.opened.wait_while(self.open.lock().unwrap(), |open| !*open).unwrap());
        self.running.fetch_sub(1, Ordering::SeqCst);
    }

    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

#[test]
fn a_149_pool_of_n_threads_runs_n_calls_keeps_its_queue_and_refuses_the_rest_at_once() {
    const THREADS: usize = 3;
    const QUEUE: usize = 4;
    on_both_runtimes(async || {
        let gate = Arc::new(Gate::default());
        let (began, mut begins) = mpsc::unbounded_channel();
        let (taken, mut takes) = mpsc::unbounded_channel();
        let app = {
            let gate = Arc::clone(&gate);
            move |_: Environ, start_response: &mut dyn StartResponse| {
                began.send(())?;
                gate.pass();
                start_response.start(StatusCode::OK, HeaderMap::new())?;
                Ok(Body::from("ran"))
            }
        };
        let pool = Pool::new(THREADS, QUEUE).unwrap();
        assert_eq!(pool.threads(), THREADS);
        let runner = move |job: Job| {
            let result = pool.run(job);
            taken.send(result.is_ok()).unwrap();
            result
        };
        let server = Server::start(WsgiToAsgi::new(app, runner)).await;
        let mut clients = Vec::new();
        for n in 0..THREADS + QUEUE {
            let mut client = server.connect().await;
            client.ask("/").await;
            assert!(takes.recv().await.unwrap());
            if n < THREADS {
                begins.recv().await.unwrap();
            }
            clients.push(client);
        }
        // Full: refused while all the others still wait, and the connection is good for more.
        let mut refused = server.connect().await;
        for _ in 0..3 {
            let response = refused.get("/").await;
            assert_eq!((response.status, response.header("retry-after")), (503, Some("1")));
            assert!(!takes.recv().await.unwrap());
        }
        assert!(begins.try_recv().is_err(), "the queue waits");
        gate.open();
        for mut client in clients {
            assert_eq!(client.response().await.text(), "ran");
        }
        assert_eq!(gate.most.load(Ordering::SeqCst), THREADS);
        assert_eq!(refused.get("/").await.text(), "ran");
        server.stop().await;
    });
}

#[test]
fn a_158_call_whose_client_left_while_it_waited_for_a_thread_is_not_made() {
    on_both_runtimes(async || {
        let gate = Arc::new(Gate::default());
        let (began, mut begins) = mpsc::unbounded_channel();
        let app = {
            let gate = Arc::clone(&gate);
            move |environ: Environ, start_response: &mut dyn StartResponse| {
                began.send(environ.path_info().to_owned())?;
                gate.pass();
                start_response.start(StatusCode::OK, HeaderMap::new())?;
                Ok(Body::from("ran"))
            }
        };
        let (left, mut leaves) = mpsc::unbounded_channel();
        let app = Arc::new(WsgiToAsgi::new(app, Pool::new(1, 4).unwrap()));
        let app = move |scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send| {
            let (app, left) = (Arc::clone(&app), Left(left.clone()));
            async move {
                let left = left;
                left.0.send(())?;
                asgi::Application::call(&*app, scope, receive, send).await
            }
        };
        // The task of a call goes on by default, and so does its job; a cancelled one takes it back.
        let builder = crate::support::builder().lifespan(gateway_hyper::LifespanMode::Off);
        let server = Server::cancelling(builder, app).await;
        let mut first = server.connect().await;
        first.ask("/first").await;
        assert_eq!(begins.recv().await.unwrap(), "/first");
        let mut gone = server.connect().await;
        gone.ask("/gone").await;
        // One call began, then the other; then one of them is over.
        leaves.recv().await.unwrap();
        leaves.recv().await.unwrap();
        drop(gone);
        leaves.recv().await.unwrap();
        gate.open();
        assert_eq!(first.response().await.text(), "ran");
        assert_eq!(first.get("/second").await.text(), "ran");
        assert_eq!(begins.recv().await.unwrap(), "/second");
        server.stop().await;
    });
}

/// Tells when a call is over, or was dropped.
struct Left(mpsc::UnboundedSender<()>);

impl Drop for Left {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}
