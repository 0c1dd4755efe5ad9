//! Heads of requests.

use gateway_iface::http::{HeaderValue, Request, StatusCode, header};

use super::add;
use crate::case::{App, Case, Failure, asgi, ensure, equal, wsgi};
use crate::cases::fields::text;
use crate::client::{Client, HOST, Response};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "http2_version_method_and_target_are_told",
        rules: &["A-18", "A-19", "A-21", "A-24"],
        about: "The application tells version, method, path and query: those of the request, nothing decoded, joined or guessed.",
        app: TELLS,
        check: |client| {
            let path = client.path("/a%20b//c");
            for method in ["GET", "POST", "DELETE", "OPTIONS", "PATCH"] {
                let request = client.to(method, "/a%20b//c?d=%26&e", "");
                let told = client.http2()?.request(request)?;
                told.is(200, format!("HTTP/2.0 {method} {path} d=%26&e [{HOST}] false"))?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "http2_authority_is_the_only_host",
        rules: &["A-28", "H-111"],
        about: "A request has an authority and no host, or a host that says the same: the application sees one host, which is the authority.",
        app: TELLS,
        check: |client| {
            let path = client.path("");
            for host in [None, Some(HOST)] {
                let told = with_host(client, host)?;
                told.is(200, format!("HTTP/2.0 GET {path}  [{HOST}] false"))?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "http2_host_that_differs_from_the_authority_never_counts",
        rules: &["H-111", "A-28"],
        about: "A request has an authority and another host: it is refused, or the authority is the only host that the application sees.",
        app: TELLS,
        check: |client| match with_host(client, Some("other.example")) {
            Ok(told) if told.status == 200 => {
                told.is(200, format!("HTTP/2.0 GET {}  [{HOST}] false", client.path("")))
            }
            Ok(told) => refused(&told),
            // Its stream was reset.
            Err(_) => Ok(()),
        },
        ..Case::NEW
    },
    Case {
        name: "http2_pseudo_fields_are_no_variables",
        rules: &["H-110", "A-28", "W-37"],
        about: "A synchronous application looks at every variable: none is made of a pseudo-field, and the host is that of the request.",
        app: App::Wsgi(|_| {
            wsgi(|environ, start_response| {
                let odd: Vec<_> =
                    environ.iter().map(|(key, _)| key.into_owned()).filter(|key| is_odd(key)).collect();
                let host = environ.get("HTTP_HOST").map(|host| host.latin1().into_owned());
                start_response.text(200, format!("{odd:?} {host:?}").into())
            })
        }),
        check: |client| {
            let told = client.http2()?.request(client.to("GET", "", ""))?;
            told.is(200, format!("[] {:?}", Some(HOST)))
        },
        ..Case::NEW
    },
    Case {
        name: "http2_split_cookies_are_one_variable",
        rules: &["H-112", "H-29", "A-29"],
        about: "A browser sends each cookie in a field of its own: a synchronous application has them all in one variable, joined as cookies are.",
        app: App::Wsgi(|_| {
            wsgi(|environ, start_response| {
                let cookies = environ.get("HTTP_COOKIE").map(|value| value.latin1().into_owned());
                start_response.text(200, cookies.unwrap_or_default().into())
            })
        }),
        check: |client| {
            let mut request = client.to("GET", "", "");
            for cookie in ["a=1", "b=2; c=3", "d=4"] {
                add(&mut request, "cookie", cookie);
            }
            client.http2()?.request(request)?.is(200, "a=1; b=2; c=3; d=4")
        },
        ..Case::NEW
    },
    Case {
        name: "http2_fields_keep_order_and_repetition",
        rules: &["A-26", "A-27", "A-63", "H-29"],
        about: "Fields of one name come to the application each on its own and in their order, with every octet, and go back so.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let request = scope.into_http()?;
                let mut headers = text();
                for value in request.headers().get_all("x-kit") {
                    headers.append("x-kit", value.clone());
                }
                send.start(StatusCode::OK, headers).await?;
                Ok(send.last("").await?)
            })
        }),
        check: |client| {
            let values = ["1", "2, 3", "", "\u{e4}", "1"];
            let mut request = client.to("GET", "", "");
            for value in values {
                add(&mut request, "x-kit", value);
            }
            let response = client.http2()?.request(request)?;
            response.is(200, "")?;
            equal("the fields", response.all("x-kit").collect::<Vec<_>>(), values)
        },
        ..Case::NEW
    },
    Case {
        name: "http2_large_fields_pass",
        rules: &["H-30"],
        about: "Fields that need more than one frame reach the application whole.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let request = scope.into_http()?;
                let values = request.headers().get_all("x-kit").iter();
                let len = values.map(HeaderValue::len).sum::<usize>();
                Ok(send.text(200, len.to_string()).await?)
            })
        }),
        check: |client| {
            let mut request = client.to("GET", "", "");
            for part in ["x", "y"] {
                add(&mut request, "x-kit", &part.repeat(12_000));
            }
            client.http2()?.request(request)?.is(200, "24000")
        },
        ..Case::NEW
    },
    Case {
        name: "http2_scheme_is_that_of_the_connection",
        rules: &["H-21", "A-20"],
        about: "A request that claims https on a connection without TLS is refused, or the application is not told that it is secure.",
        app: TELLS,
        check: |client| {
            let uri = format!("https://{HOST}{}", client.path(""));
            let request = Request::get(uri).body(()).map_err(|error| Failure::of("a request", error))?;
            match client.http2()?.open_as_it_is(request, true)?.response() {
                Ok(told) if told.status == 200 => {
                    ensure(told.text().ends_with(" false"), || format!("told {:?}", told.text()))
                }
                Ok(told) => refused(&told),
                Err(_) => Ok(()),
            }
        },
        ..Case::NEW
    },
    Case {
        name: "http2_tunnel_is_not_opened",
        rules: &["H-14", "H-81"],
        about: "A request for a tunnel reaches no application as one, and is refused.",
        app: TELLS,
        check: |client| {
            let request = Request::connect("kit.example:80").body(());
            let request = request.map_err(|error| Failure::of("a request", error))?;
            if let Ok(told) = client.http2()?.open_as_it_is(request, true)?.response() {
                refused(&told)?;
            }
            // The server goes on.
            equal("the status", client.http2()?.request(client.to("GET", "", ""))?.status, 200)
        },
        ..Case::NEW
    },
    Case {
        name: "http2_method_in_lower_case_is_no_other_method",
        rules: &["A-19", "H-08"],
        about: "A method in lower case is refused, or told as it is.",
        app: TELLS,
        check: |client| {
            let mut connection = client.http2()?;
            match connection.request(client.to("get", "", "")) {
                Ok(told) if told.status == 200 => ensure(told.text().starts_with("HTTP/2.0 get "), || {
                    format!("the method became another: {:?}", told.text())
                }),
                Ok(told) => refused(&told),
                Err(_) => Ok(()),
            }
        },
        ..Case::NEW
    },
];

/// Tells version, method, target, hosts, and whether the connection is secure.
const TELLS: App = App::Asgi(|_| {
    asgi(|scope, _, mut send| async move {
        let request = scope.into_http()?;
        let head = request.head();
        let hosts = head.headers().get_all(header::HOST).iter();
        let hosts: Vec<_> = hosts.map(|host| String::from_utf8_lossy(host.as_bytes())).collect();
        let told = format!(
            "{:?} {} {} {} [{}] {}",
            head.version(),
            head.method(),
            head.raw_path(),
            head.query_string(),
            hosts.join("|"),
            head.is_secure()
        );
        Ok(send.text(200, told).await?)
    })
});

/// The answer to a request with an authority, and that host beside it.
fn with_host(client: &Client, host: Option<&'static str>) -> Result<Response, Failure> {
    let uri = format!("http://{HOST}{}", client.path(""));
    let mut request = Request::get(uri).body(()).map_err(|error| Failure::of("a request", error))?;
    if let Some(host) = host {
        request.headers_mut().insert(header::HOST, HeaderValue::from_static(host));
    }
    client.http2()?.open_as_it_is(request, true)?.response()
}

fn refused(told: &Response) -> Result<(), Failure> {
    ensure((400..=505).contains(&told.status), || format!("answered with {}", told.status))
}

/// Whether a variable is named after a pseudo-field.
fn is_odd(key: &str) -> bool {
    key.contains(':') || ["HTTP_METHOD", "HTTP_PATH", "HTTP_SCHEME", "HTTP_AUTHORITY"].contains(&key)
}
