//! What an application is told of its request.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use gateway_iface::http::{HeaderName, HeaderValue, Request};
use gateway_iface::wsgi::{Body, Environ};

use crate::case::{App, Case, Failure, ensure, equal, wsgi};
use crate::client::{HOST, Upload};

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
            equal("SERVER_PROTOCOL", value("SERVER_PROTOCOL"), "HTTP/1.1")?;
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
        name: "type_and_length_have_keys_of_their_own",
        rules: &["W-29", "W-30", "W-36"],
        about: "CONTENT_TYPE and CONTENT_LENGTH tell of the body, are absent or empty without one, and no HTTP_ key shows them.",
        app: TELLS,
        check: |client| {
            let mut request = client.to("POST", "", "12345");
            request.headers_mut().insert("content-type", HeaderValue::from_static("text/x-kit"));
            let told = client.request(request)?;
            let has = |line: &str| {
                let there = told.text().lines().any(|known| known == line);
                ensure(there, || format!("{line} is not among {}", told.text()))
            };
            has("CONTENT_TYPE=text/x-kit")?;
            has("CONTENT_LENGTH=5")?;
            let bare = client.get("")?;
            for told in [told.text(), bare.text()] {
                ensure(!told.contains("HTTP_CONTENT_"), || format!("an HTTP_CONTENT_ key is there: {told}"))?;
            }
            for key in ["CONTENT_TYPE=", "CONTENT_LENGTH="] {
                let value = bare.text().lines().find_map(|line| Some(line.strip_prefix(key)?.to_owned()));
                let none = matches!(value.as_deref(), None | Some(""));
                ensure(none, || format!("{key}{value:?} without a body"))?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "body_in_chunks_is_decoded_and_has_no_length_but_its_own",
        rules: &["W-31", "W-81", "W-146", "A-55"],
        about: "A request body comes in chunks; the application reads its content, and CONTENT_LENGTH is absent or that of the content.",
        app: App::Wsgi(|_| {
            wsgi(|mut environ, start_response| {
                let length = show(&environ, "CONTENT_LENGTH");
                let body = environ.input().read_all(100)?;
                let ok = length.is_empty() || length == body.len().to_string();
                let body = if ok { body } else { format!("CONTENT_LENGTH is {length}").into() };
                start_response.text(200, Body::from(body))
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("POST", "", ()), Upload::Chunked)?;
            exchange.send("one ", false)?;
            exchange.send("two", false)?;
            exchange.send("", true)?;
            exchange.response()?.is(200, "one two")
        },
        ..Case::NEW
    },
    Case {
        name: "fields_are_variables",
        rules: &["W-35", "W-37", "W-60"],
        about: "Each field is an HTTP_ key with its octets as they are, and there is no such key without a field; repeated ones are joined in order by a comma, and cookies by a semicolon.",
        app: TELLS,
        check: |client| {
            let mut request = client.to("GET", "", "");
            let fields: [(&str, &[u8]); 6] = [
                ("x-one", b"a  b"),
                ("x-many", b"1"),
                ("x-many", b"2, 3"),
                ("cookie", b"a=1"),
                ("cookie", b"b=2"),
                ("x-octets", b"caf\xE9"),
            ];
            for (name, value) in fields {
                let value = HeaderValue::from_bytes(value).map_err(|error| Failure::of(name, error))?;
                request.headers_mut().append(HeaderName::from_static(name), value);
            }
            let told = client.request(request)?;
            let lines: Vec<_> = told.body.split(|&octet| octet == b'\n').collect();
            let has = |wanted: &[&[u8]]| {
                ensure(lines.iter().any(|line| wanted.contains(line)), || {
                    format!("{:?} is not among {}", String::from_utf8_lossy(wanted[0]), told.text())
                })
            };
            has(&[b"HTTP_X_ONE=a  b"])?;
            has(&[b"HTTP_X_MANY=1,2, 3", b"HTTP_X_MANY=1, 2, 3"])?;
            has(&[b"HTTP_COOKIE=a=1; b=2"])?;
            has(&[b"HTTP_X_OCTETS=caf\xE9"])?;
            has(&[format!("HTTP_HOST={HOST}").as_bytes()])?;
            let known = ["HTTP_HOST", "HTTP_X_ONE", "HTTP_X_MANY", "HTTP_COOKIE", "HTTP_X_OCTETS"];
            let keys = lines.iter().map(|line| line.split(|&octet| octet == b'=').next().unwrap_or_default());
            let made_up: Vec<_> = keys
                .map(String::from_utf8_lossy)
                .filter(|key| key.starts_with("HTTP_") && !known.contains(&&**key))
                .collect();
            equal("keys without a field", made_up, [""; 0])
        },
        ..Case::NEW
    },
    Case {
        name: "repeated_fields_lose_nothing",
        rules: &["W-37"],
        about: "The client sends one field 64 times, and two content types: each value of the field is there, in order; the types are refused, or one of them is CONTENT_TYPE, never both joined.",
        app: TELLS,
        check: |client| {
            let mut request = client.to("GET", "", "");
            for n in 0..64 {
                request.headers_mut().append("x-many", HeaderValue::from(n));
            }
            let told = client.request(request)?;
            let told = told.text();
            let seen = told.lines().find_map(|line| line.strip_prefix("HTTP_X_MANY=")).unwrap_or_default();
            let seen: Vec<_> = seen.split(',').map(str::trim).collect();
            equal("HTTP_X_MANY", seen, (0..64).map(|n| n.to_string()).collect::<Vec<_>>())?;
            let mut request = client.to("POST", "", "x");
            for value in ["text/one", "text/two"] {
                request.headers_mut().append("content-type", HeaderValue::from_static(value));
            }
            let told = client.request(request)?;
            let one = ["CONTENT_TYPE=text/one", "CONTENT_TYPE=text/two"];
            let one = told
                .text()
                .lines()
                .filter(|line| line.starts_with("CONTENT_TYPE"))
                .all(|line| one.contains(&line));
            ensure((400..500).contains(&told.status) || one, || told.text().into_owned())
        },
        ..Case::NEW
    },
    Case {
        name: "field_cannot_pose_as_another",
        rules: &["W-38", "C-21"],
        about: "A field with an underscore in its name does not show under the key of the one with a hyphen, and no field makes HTTP_PROXY.",
        app: TELLS,
        check: |client| {
            let mut request = client.to("GET", "", "");
            for (name, value) in [("x_user", "false"), ("x-user", "true"), ("proxy", "http://evil.example")] {
                request.headers_mut().append(name, HeaderValue::from_static(value));
            }
            let told = client.request(request)?;
            let told = told.text();
            ensure(told.lines().any(|line| line == "HTTP_X_USER=true"), || told.clone().into_owned())?;
            ensure(!told.contains("HTTP_PROXY="), || format!("HTTP_PROXY is there: {told}"))
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

/// Answers with every variable, a line each.
const TELLS: App =
    App::Wsgi(|_| wsgi(|environ, start_response| start_response.text(200, tell(&environ).into())));

fn tell(environ: &Environ) -> Vec<u8> {
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

fn show(environ: &Environ, key: &str) -> String {
    environ.get(key).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
}
