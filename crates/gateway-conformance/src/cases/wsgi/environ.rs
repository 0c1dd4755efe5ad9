//! What an application is told of its request.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use gateway_iface::http::{HeaderValue, Request};
use gateway_iface::wsgi::Environ;

use crate::case::{App, Case, Failure, ensure, equal, wsgi};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "each_request_is_one_call_with_an_environ_of_its_own",
        rules: &["W-01", "W-03", "W-04"],
        about: "The application counts its calls, sets a key of its own and then wipes its environ; three requests are three calls, and none sees what another left.",
        app: App::Wsgi(|journal| {
            wsgi(move |mut environ, start_response| {
                journal.note("called");
                let left = environ.contains("x.own");
                let method = show(&environ, "REQUEST_METHOD");
                let answer = format!("{left} {method} {}", environ.path_info().ends_with("/one"));
                environ.set("x.own", "mine")?;
                environ.clear();
                ensure(environ.iter().next().is_none(), || "the wiped environ has keys".to_owned())?;
                start_response.text(200, answer.into())
            })
        }),
        check: |client| {
            client.get("/one")?.is(200, "false GET true")?;
            client.get("/two")?.is(200, "false GET false")?;
            client.post("/one", "x")?.is(200, "false POST true")?;
            equal("the calls", client.notes()?, ["called"; 3])
        },
        ..Case::NEW
    },
    Case {
        name: "environ_has_what_every_application_relies_on",
        rules: &["W-21", "W-32", "W-33", "W-34", "W-43", "W-47", "W-48", "W-49", "W-54"],
        about: "The application answers with the variables that must always be there; none is empty, those with a grammar keep to it, protocol and scheme are those of the request, and wsgi.run_once is 0 where the same application is called again.",
        app: App::Wsgi(|journal| {
            let calls = AtomicUsize::new(0);
            wsgi(move |environ, start_response| {
                if calls.fetch_add(1, Ordering::Relaxed) > 0 {
                    journal.note("called-again");
                }
                start_response.text(200, tell(&environ).into())
            })
        }),
        check: |client| {
            equal("the status", client.get("")?.status, 200)?;
            let told = client.get("")?;
            equal("the status", told.status, 200)?;
            ensure(told.complete, || "the answer is cut".to_owned())?;
            let told = told.text().into_owned();
            let value = |key: &str| {
                let line = told.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
                line.unwrap_or_default().to_owned()
            };
            equal("REQUEST_METHOD", value("REQUEST_METHOD"), "GET")?;
            equal("wsgi.version", value("wsgi.version"), "1.0")?;
            ensure(!value("SERVER_NAME").is_empty(), || "SERVER_NAME is empty".to_owned())?;
            let port = value("SERVER_PORT");
            ensure(port.parse::<u16>().is_ok(), || format!("SERVER_PORT is {port:?}"))?;
            equal("SERVER_PROTOCOL", value("SERVER_PROTOCOL"), client.version())?;
            equal("wsgi.url_scheme", value("wsgi.url_scheme"), "http")?;
            for key in ["wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once"] {
                let flag = value(key);
                ensure(matches!(&*flag, "0" | "1"), || format!("{key} is {flag:?}"))?;
            }
            // A server that starts a program for each request reaches another one each time.
            let again = client.notes()?.iter().any(|note| note == "called-again");
            ensure(!again || value("wsgi.run_once") == "0", || {
                "wsgi.run_once is 1 in a second call".to_owned()
            })
        },
        ..Case::NEW
    },
    Case {
        name: "environ_is_a_whole_map",
        rules: &["W-05"],
        about: "The application iterates over its environ, and finds each key by get too; then it sets, replaces and removes keys.",
        app: App::Wsgi(|_| {
            wsgi(|mut environ, start_response| {
                for (key, value) in environ.iter() {
                    ensure(environ.get(&key) == Some(value), || format!("{key} is not found"))?;
                }
                for value in ["one", "two"] {
                    environ.set("x.own", value)?;
                    ensure(environ.get("x.own").is_some_and(|own| own == value), || value.to_owned())?;
                }
                for key in ["x.own", "REQUEST_METHOD", "HTTP_X_FIELD"] {
                    environ.remove(key);
                    ensure(!environ.contains(key), || format!("{key} is still there"))?;
                }
                environ.set("REMOTE_USER", "ada")?;
                let user = show(&environ, "REMOTE_USER");
                start_response.text(200, user.into())
            })
        }),
        check: |client| {
            let mut request = client.to("GET", "", "");
            request.headers_mut().insert("x-field", HeaderValue::from_static("1"));
            client.request(request)?.is(200, "ada")
        },
        ..Case::NEW
    },
    Case {
        name: "path_is_decoded_once",
        rules: &["W-22", "W-23", "W-24", "W-26", "W-64"],
        about: "SCRIPT_NAME is where the kit is mounted, or empty, and PATH_INFO is the rest of the path, decoded once and otherwise untouched, dot segments and octets that are no text included; NUL may be refused.",
        app: App::Wsgi(|_| {
            wsgi(|environ, start_response| {
                let mut path = Vec::new();
                for key in ["SCRIPT_NAME", "PATH_INFO"] {
                    let part = environ.get(key).map(|part| part.as_bytes().to_vec()).unwrap_or_default();
                    let ok = part.is_empty() || part.starts_with(b"/");
                    ensure(ok, || format!("{key} does not begin with a slash"))?;
                    path.extend(part);
                    path.push(b'|');
                }
                start_response.text(200, path.into())
            })
        }),
        check: |client| {
            let place = client.path("");
            let (base, case) = place.split_at(place.rfind('/').unwrap_or_default());
            let wanted = |rest: &[u8]| [base.as_bytes(), b"|", case.as_bytes(), rest, b"|"].concat();
            for (raw, decoded) in [
                ("/a%2cb", &b"/a,b"[..]),
                ("/%252c", b"/%2c"),
                ("//x///y", b"//x///y"),
                ("/%E3%81%82", b"/\xE3\x81\x82"),
                ("/%FF%C3", b"/\xFF\xC3"),
                ("/a;b=c/", b"/a;b=c/"),
                ("/CaSe", b"/CaSe"),
                ("/./a/../b", b"/./a/../b"),
            ] {
                client.get(raw)?.is(200, wanted(decoded))?;
            }
            let nul = client.get("/%FF%00%C3")?;
            if (400..500).contains(&nul.status) { Ok(()) } else { nul.is(200, wanted(b"/\xFF\x00\xC3")) }
        },
        ..Case::NEW
    },
    Case {
        name: "query_is_as_sent",
        rules: &["W-27", "W-28"],
        about: "QUERY_STRING is what follows the first question mark, nothing of it decoded, and there also when it is empty.",
        app: App::Wsgi(|_| {
            wsgi(|environ, start_response| {
                let query =
                    format!("{} {}", environ.contains("QUERY_STRING"), show(&environ, "QUERY_STRING"));
                start_response.text(200, query.into())
            })
        }),
        check: |client| {
            client.get("/?a=%20+b&c=%2F?d")?.is(200, "true a=%20+b&c=%2F?d")?;
            client.get("/?")?.is(200, "true ")?;
            client.get("/")?.is(200, "true ")
        },
        ..Case::NEW
    },
    Case {
        name: "calls_that_meet_are_told_that_they_may",
        rules: &["W-52"],
        about: "Two requests are made at once: when their calls meet in the application, wsgi.multithread is 1 in both.",
        app: App::Wsgi(|journal| {
            let inside = AtomicUsize::new(0);
            wsgi(move |environ, start_response| {
                if inside.fetch_add(1, Ordering::SeqCst) > 0 {
                    journal.note("met");
                }
                // A server that makes one call after the other is right, and this is all that it costs.
                let met = journal.wait_blocking("met", Duration::from_millis(500));
                inside.fetch_sub(1, Ordering::SeqCst);
                start_response.text(200, format!("{met} {}", environ.multithread()).into())
            })
        }),
        check: |client| {
            let answers = thread::scope(|scope| {
                let calls = [(); 2].map(|()| scope.spawn(|| client.get("")));
                calls.map(|call| call.join().map_err(|_| Failure::new("the client panicked")))
            });
            for answer in answers {
                let answer = answer??;
                equal("the status", answer.status, 200)?;
                ensure(answer.text() != "true false", || "calls met while wsgi.multithread is 0".to_owned())?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "method_is_as_sent",
        rules: &["W-21", "A-19"],
        about: "Any method reaches the application as it was sent; one that is not of HTTP itself may be refused with 501.",
        app: App::Wsgi(|_| {
            wsgi(|environ, start_response| start_response.text(200, show(&environ, "REQUEST_METHOD").into()))
        }),
        check: |client| {
            for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "REPORT", "M-SEARCH"] {
                let request: Request<&str> = client.to(method, "", "");
                let response = client.request(request)?;
                if !(method_is_rare(method) && response.status == 501) {
                    response.is(200, method)?;
                }
            }
            Ok(())
        },
        ..Case::NEW
    },
];

/// Every variable, a line each.
pub(super) fn tell(environ: &Environ) -> Vec<u8> {
    let mut told = Vec::new();
    for (key, value) in environ.iter() {
        told.extend_from_slice(key.as_bytes());
        told.push(b'=');
        told.extend_from_slice(value.as_bytes());
        told.push(b'\n');
    }
    told
}

fn method_is_rare(method: &str) -> bool {
    matches!(method, "PATCH" | "REPORT" | "M-SEARCH")
}

pub(super) fn show(environ: &Environ, key: &str) -> String {
    environ.get(key).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
}
