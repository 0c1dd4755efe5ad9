//! One lifespan of many applications.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Request;

use super::*;
use crate::asgi::event::{ReceiveEvent, SendEvent};
use crate::asgi::{LifespanError, LifespanExchange, Receive, Scope, State};
use crate::testing::{AsgiClient, block_on};
use crate::validate::Validator;

type Log = Arc<Mutex<Vec<String>>>;

/// What an application stored under one type that all of them use.
struct Name(&'static str);

#[derive(Clone, Copy, PartialEq)]
enum Failing {
    Never,
    AtStartup,
    AtShutdown,
    ByCrash,
    WhileServing,
}

/// Logs its life, and answers with the name that it finds in its state.
fn app(name: &'static str, log: &Log, failing: Failing) -> impl asgi::Application + use<> {
    let log = Arc::clone(log);
    move |scope: Scope, receive: Receive, mut send: asgi::Send| {
        let log = Arc::clone(&log);
        async move {
            let write = move |what: &str| log.lock().unwrap().push(format!("{what} {name}"));
            let Scope::Lifespan(lifespan) = scope else {
                let request = scope.into_http()?;
                let state = request.head().state();
                let own = state.and_then(|state| state.get::<Name>()).map_or("none", |own| own.0);
                let shared = state.and_then(|state| state.get::<&str>()).copied().unwrap_or("none");
                return Ok(send.text(200, format!("{own} {shared}")).await?);
            };
            if failing == Failing::ByCrash {
                return Err(Error::new("crashed"));
            }
            let (state, start) = (lifespan.state().clone(), write.clone());
            let startup = async move {
                start("start");
                state.insert(Name(name));
                if failing == Failing::AtStartup { Err(Error::new("no database")) } else { Ok(()) }
            };
            if failing == Failing::WhileServing {
                let mut receive = receive;
                receive.receive().await;
                startup.await?;
                send.send(SendEvent::StartupComplete).await?;
                return Err(Error::new("died"));
            }
            let shutdown = async move {
                write("stop");
                if failing == Failing::AtShutdown { Err(Error::new("stuck")) } else { Ok(()) }
            };
            lifespan.run(receive, send, startup, shutdown).await
        }
    }
}

async fn without_lifespan(scope: Scope, _: Receive, mut send: asgi::Send) -> Result<(), Error> {
    let request = scope.into_http()?;
    let shared = request.head().state().and_then(|state| state.get::<&str>()).copied();
    Ok(send.text(200, shared.unwrap_or("none")).await?)
}

fn ask(mount: &Arc<Mount>, state: State, path: &str) -> String {
    let client = AsgiClient::new(Validator::new(Arc::clone(mount))).with_state(state);
    block_on(client.request(Request::get(path).body("").unwrap())).unwrap().text().into_owned()
}

fn lines(log: &Log) -> Vec<String> {
    log.lock().unwrap().clone()
}

#[test]
fn a_108_a_112_start_is_in_order_and_shutdown_in_reverse() {
    let log = Log::default();
    let inner = Mount::new().at("/x", app("inner", &log, Failing::Never)).unwrap();
    let mount = Mount::new().fallback(app("rest", &log, Failing::Never));
    let mount = mount
        .at("/one", Validator::new(app("one", &log, Failing::Never)))
        .unwrap()
        .at("/plain", without_lifespan);
    let mount = mount.unwrap().host("h", app("two", &log, Failing::Never)).unwrap().at("/in", inner).unwrap();
    let mount = Validator::new(mount);
    let mut lifespan = LifespanExchange::new(&mount);
    block_on(lifespan.startup()).unwrap();
    assert_eq!(lines(&log), ["start one", "start two", "start inner", "start rest"]);
    block_on(lifespan.shutdown()).unwrap();
    assert_eq!(lines(&log)[4..], ["stop rest", "stop inner", "stop two", "stop one"]);
}

#[test]
fn a_117_each_application_finds_its_own_state_and_what_was_there_before() {
    let log = Log::default();
    let inner = Mount::new().at("/x", app("inner", &log, Failing::Never)).unwrap();
    let mount = Mount::new().at("/one", Validator::new(app("one", &log, Failing::Never))).unwrap();
    let mount = mount.at("/in", inner).unwrap().at("/plain", without_lifespan).unwrap();
    let mount = Arc::new(mount.fallback(app("rest", &log, Failing::Never)));
    let mut given = State::new();
    given.insert("shared");
    let app = Arc::clone(&mount);
    let app = Validator::new(app);
    let mut lifespan = LifespanExchange::with_state(&app, given);
    let state = block_on(lifespan.startup()).unwrap();
    for (path, seen) in [
        ("/one", "one shared"),
        ("/in/x", "inner shared"),
        ("/plain", "shared"),
        ("/else", "rest shared"),
        ("/in/y", "Not Found"),
    ] {
        assert_eq!(ask(&mount, state.clone(), path), seen, "{path}");
    }
    assert_eq!(ask(&mount, State::new(), "/one"), "none none");
    block_on(lifespan.shutdown()).unwrap();
}

#[test]
fn a_110_one_failed_start_stops_those_before_it_and_fails_all() {
    let log = Log::default();
    let mount = Mount::new().at("/one", Validator::new(app("one", &log, Failing::Never))).unwrap();
    let mount = mount.at("/two", app("two", &log, Failing::AtStartup)).unwrap();
    let mount = mount.at("/three", app("three", &log, Failing::Never)).unwrap();
    let error = block_on(LifespanExchange::new(&Validator::new(mount)).startup()).unwrap_err();
    assert_eq!(error.to_string(), "the application failed: /two: the application failed: no database");
    assert_eq!(lines(&log), ["start one", "start two", "stop one"]);
}

#[test]
fn a_104_crash_at_start_is_a_crash_of_all() {
    let log = Log::default();
    let mount = Mount::new().at("/one", Validator::new(app("one", &log, Failing::Never))).unwrap();
    let mount = mount.at("/two", app("two", &log, Failing::ByCrash)).unwrap();
    let error = block_on(LifespanExchange::new(&Validator::new(mount)).startup()).unwrap_err();
    let text = "/two: the application crashed: crashed";
    assert!(matches!(&error, LifespanError::Crashed(error) if error.to_string() == text), "{error}");
    assert_eq!(lines(&log), ["start one", "stop one"]);
}

#[test]
fn a_104_crash_at_start_names_its_place_and_what_failed_because_of_it() {
    let log = Log::default();
    let mount = Mount::new().at("/one", app("one", &log, Failing::AtShutdown)).unwrap();
    let mount = mount.at("/two", app("two", &log, Failing::ByCrash)).unwrap();
    let Err(LifespanError::Crashed(error)) = block_on(LifespanExchange::new(&mount).startup()) else {
        panic!("no crash");
    };
    let text = "/two: the application crashed: crashed; /one: the application failed: stuck";
    assert_eq!(error.to_string(), text);
    assert_eq!(error.get_ref().source().unwrap().to_string(), "crashed");
}

#[test]
fn a_117_what_others_stored_in_a_request_stays_beside_what_the_application_stored() {
    struct Request(&'static str);
    async fn inner(scope: Scope, receive: Receive, mut send: asgi::Send) -> Result<(), Error> {
        if let Scope::Lifespan(lifespan) = scope {
            lifespan.state().insert(Name("own"));
            return lifespan.run(receive, send, async { Ok(()) }, async { Ok(()) }).await;
        }
        let request = scope.into_http()?;
        let state = request.head().state();
        let kept = state.and_then(|state| state.get::<Request>()).map_or("lost", |kept| kept.0);
        let own = state.and_then(|state| state.get::<Name>()).map_or("none", |own| own.0);
        let late = state.and_then(|state| state.get::<u8>()).copied().unwrap_or_default();
        let shared = state.and_then(|state| state.get::<&str>()).copied().unwrap_or("none");
        Ok(send.text(200, format!("{kept} {own} {late} {shared}")).await?)
    }
    /// Without lifespan, so that its own mount has nothing stored.
    struct Deaf(Mount);
    #[crate::async_trait]
    impl asgi::Application for Deaf {
        async fn call(&self, scope: Scope, receive: Receive, send: asgi::Send) -> Result<(), Error> {
            if matches!(scope, Scope::Lifespan(_)) {
                return Err(scope.unsupported().into());
            }
            self.0.call(scope, receive, send).await
        }
    }
    let deaf = Deaf(Mount::new().at("/x", inner).unwrap());
    let mount = Mount::new().at("/own", inner).unwrap().at("/deaf", deaf).unwrap();
    let mount = Arc::new(mount.at("/in", Mount::new().at("/x", inner).unwrap()).unwrap());
    let mut given = State::new();
    given.insert("given");
    let mut lifespan = LifespanExchange::with_state(&*mount, given);
    let stored = block_on(lifespan.startup()).unwrap();
    let mut changed = stored.clone();
    changed.insert(Request("kept"));
    changed.insert(7_u8);
    changed.insert("replaced");
    for (path, untouched, touched) in [
        ("/own", "lost own 0 given", "kept own 7 replaced"),
        ("/in/x", "lost own 0 given", "kept own 7 replaced"),
        ("/deaf/x", "lost none 0 given", "kept none 7 replaced"),
    ] {
        assert_eq!(ask(&mount, stored.clone(), path), untouched, "{path}");
        assert_eq!(ask(&mount, changed.clone(), path), touched, "{path}");
    }
    block_on(lifespan.shutdown()).unwrap();
}

#[test]
fn a_05_a_111_lifespan_that_nobody_knows_is_unsupported() {
    let mount = Mount::new().at("/one", without_lifespan).unwrap();
    for mount in [Mount::new(), mount] {
        let error = block_on(LifespanExchange::new(&Validator::new(mount)).startup()).unwrap_err();
        assert!(matches!(error, LifespanError::Unsupported), "{error}");
    }
}

#[test]
fn a_114_failures_are_told_at_shutdown_and_keep_nobody_from_stopping() {
    let log = Log::default();
    let mount = Mount::new().at("/one", app("one", &log, Failing::AtShutdown)).unwrap();
    let mount = mount.at("/two", app("two", &log, Failing::WhileServing)).unwrap();
    let mount = mount.at("/three", app("three", &log, Failing::AtShutdown)).unwrap();
    let mount = Validator::new(mount);
    let mut lifespan = LifespanExchange::new(&mount);
    block_on(lifespan.startup()).unwrap();
    let error = block_on(lifespan.shutdown()).unwrap_err().to_string();
    assert_eq!(
        error,
        "the application failed: /three: the application failed: stuck; /two: died; \
         /one: the application failed: stuck"
    );
    assert_eq!(lines(&log), ["start one", "start two", "start three", "stop three", "stop one"]);
}

#[test]
fn work_of_one_goes_on_while_another_starts() {
    static STEPS: AtomicUsize = AtomicUsize::new(0);
    async fn worker(scope: Scope, mut receive: Receive, mut send: asgi::Send) -> Result<(), Error> {
        scope.into_lifespan()?;
        receive.receive().await;
        send.send(SendEvent::StartupComplete).await?;
        for _ in 0..3 {
            STEPS.fetch_add(1, Ordering::Relaxed);
            yield_once().await;
        }
        while !matches!(receive.receive().await, ReceiveEvent::LifespanShutdown) {}
        Ok(send.send(SendEvent::ShutdownComplete).await?)
    }
    async fn waiter(scope: Scope, receive: Receive, send: asgi::Send) -> Result<(), Error> {
        let startup = async {
            for _ in 0..100 {
                if STEPS.load(Ordering::Relaxed) == 3 {
                    return Ok(());
                }
                yield_once().await;
            }
            Err(Error::new("nobody else worked"))
        };
        scope.into_lifespan()?.run(receive, send, startup, async { Ok(()) }).await
    }
    async fn yield_once() {
        let mut yielded = false;
        std::future::poll_fn(|cx| {
            if std::mem::replace(&mut yielded, true) {
                return std::task::Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            std::task::Poll::Pending
        })
        .await;
    }
    let mount = Mount::new().at("/one", worker).unwrap().at("/two", waiter).unwrap();
    let mount = Validator::new(mount);
    let mut lifespan = LifespanExchange::new(&mount);
    block_on(lifespan.startup()).unwrap();
    block_on(lifespan.shutdown()).unwrap();
}

#[test]
fn shared_application_at_two_places_has_one_lifespan() {
    let log = Log::default();
    let shared: Arc<dyn asgi::Application> = Arc::new(Validator::new(app("one", &log, Failing::Never)));
    let mount = Mount::new().at("/a", Arc::clone(&shared)).unwrap().host("h", Arc::clone(&shared)).unwrap();
    let mount = Arc::new(mount.fallback(shared));
    let app = Validator::new(Arc::clone(&mount));
    let mut lifespan = LifespanExchange::new(&app);
    let state = block_on(lifespan.startup()).unwrap();
    assert_eq!(lines(&log), ["start one"]);
    for target in ["/a", "http://h/", "/else"] {
        assert_eq!(ask(&mount, state.clone(), target), "one none", "{target}");
    }
    block_on(lifespan.shutdown()).unwrap();
}
