//! The kit itself: that it sees what is wrong, and says so.

use gateway_conformance::{
    Application, Case, Exception, Group, Host, Report, Running, Verdict, cases, verify,
};
use gateway_iface::asgi::event::SendEvent;
use gateway_iface::http::{HeaderValue, StatusCode};
use gateway_iface::{BoxError, Error, asgi, async_trait};

type Spoil = fn(&mut SendEvent);

/// A host that does something to every event on its way out.
struct Spoiled {
    spoil: Spoil,
    exceptions: &'static [Exception],
}

impl Host for Spoiled {
    fn start(&self, app: Application) -> Result<Running, BoxError> {
        Ok(Running::asgi(Spoiling { inner: app, spoil: self.spoil }))
    }

    fn exceptions(&self) -> &[Exception] {
        self.exceptions
    }
}

struct Spoiling {
    inner: Application,
    spoil: Spoil,
}

#[async_trait]
impl asgi::Application for Spoiling {
    async fn call(&self, scope: asgi::Scope, receive: asgi::Receive, send: asgi::Send) -> Result<(), Error> {
        self.inner.call(scope, receive, send.map(self.spoil)).await
    }
}

fn case(name: &str) -> Case {
    *cases().map(|(_, case)| case).find(|case| case.name == name).expect("a case")
}

fn judge(spoil: Spoil, name: &str) -> Verdict {
    verify(&Spoiled { spoil, exceptions: &[] }, &case(name))
}

#[test]
fn host_that_spoils_something_fails_the_case_about_it() {
    let spoilers: [(Spoil, &str); 5] = [
        (
            |event| {
                if let SendEvent::ResponseStart(start) = event {
                    start.status = StatusCode::OK;
                }
            },
            "every_final_status_passes",
        ),
        (
            |event| {
                if let SendEvent::ResponseStart(start) = event
                    && start.headers.contains_key("set-cookie")
                {
                    start.headers.insert("set-cookie", HeaderValue::from_static("a=1, b=2"));
                }
            },
            "fields_keep_order_and_repetition",
        ),
        (
            |event| {
                if let SendEvent::ResponseBody(block) = event
                    && block.body.is_empty()
                {
                    block.more_body = false;
                }
            },
            "empty_block_lets_the_head_go",
        ),
        (
            |event| {
                if let SendEvent::ResponseBody(block) = event {
                    block.body = String::from_utf8_lossy(&block.body).into_owned().into();
                }
            },
            "every_octet_passes_both_ways",
        ),
        (
            |event| {
                if let SendEvent::StartupFailed(_) = event {
                    *event = SendEvent::StartupComplete;
                }
            },
            "startup_that_fails_is_not_served",
        ),
    ];
    for (spoil, name) in spoilers {
        let verdict = judge(spoil, name);
        assert!(matches!(verdict, Verdict::Failed(_)), "{name}: {verdict}");
    }
}

#[test]
fn exception_is_needed_or_it_is_an_error() {
    const EXCEPTIONS: &[Exception] =
        &[Exception::new("every_final_status_passes", "this host knows 200 only")];
    let spoil: Spoil = |event| {
        if let SendEvent::ResponseStart(start) = event {
            start.status = StatusCode::OK;
        }
    };
    let known = Spoiled { spoil, exceptions: EXCEPTIONS };
    let verdict = verify(&known, &case("every_final_status_passes"));
    assert!(matches!(verdict, Verdict::Excepted("this host knows 200 only")), "{verdict}");
    let right = Spoiled { spoil: |_| {}, exceptions: EXCEPTIONS };
    let verdict = verify(&right, &case("every_final_status_passes"));
    assert!(verdict.to_string().contains("take the exception away"), "{verdict}");
}

#[test]
fn report_names_what_failed_and_what_was_not_run() {
    let host = Spoiled {
        spoil: |event| {
            if let SendEvent::StartupFailed(_) = event {
                *event = SendEvent::StartupComplete;
            }
        },
        exceptions: &[],
    };
    let report = Report::of_host(&host, &[Group::Lifespan]);
    assert!(!report.is_passed());
    let text = report.to_string();
    assert!(text.contains("lifespan/startup_that_fails_is_not_served (A-110)\n"), "{text}");
    assert!(text.contains("wsgi: not run: not asked for\n"), "{text}");
    assert!(text.ends_with(" 0 known not to pass") && text.contains(", 1 failed, "), "{text}");
}

#[test]
fn host_that_does_not_start_fails_every_case_that_needs_it() {
    let host = |_: Application| Err::<Running, BoxError>("no port is free".into());
    let verdict = verify(&host, &case("empty_blocks_send_nothing"));
    assert!(verdict.to_string().contains("starting the host: no port is free"), "{verdict}");
}

#[test]
fn address_where_no_kit_is_cannot_be_reported_on() {
    for url in ["http://127.0.0.1:1", "https://127.0.0.1:1", "/path"] {
        assert!(Report::of_url(&url.parse().unwrap(), &Group::ALL, |_, _, _| {}).is_err(), "{url}");
    }
}
