//! What an application is told of its request.

use gateway_iface::http::{HeaderName, HeaderValue};

use crate::case::{App, Case, Failure, asgi, ensure, equal};
use crate::client::HOST;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "scope_tells_of_the_request",
        rules: &["A-01", "A-02", "A-17", "A-18", "A-19", "A-20", "A-24"],
        about: "The application answers with protocol, version, method, scheme and query of its scope: those of a request over a plain connection.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let protocol = scope.protocol();
                let request = scope.into_http()?;
                let head = request.head();
                let version = head.version();
                let scheme = if head.is_secure() { "https" } else { "http" };
                let told = format!(
                    "{protocol} {version:?} {} {scheme} [{}]",
                    request.method(),
                    request.query_string()
                );
                Ok(send.text(200, told).await?)
            })
        }),
        check: |client| {
            let version = client.version();
            let told = format!("http {version} GET http [a=%20+b&c=%2F?d]");
            client.get("/?a=%20+b&c=%2F?d")?.is(200, told)?;
            client.request(client.to("REPORT", "", ""))?.is(200, format!("http {version} REPORT http []"))
        },
        ..Case::NEW
    },
    Case {
        name: "path_is_decoded_once_and_kept_raw",
        rules: &["A-21", "A-23", "A-161"],
        about: "The path is decoded once as text, the raw path is one of that text, in process the very one that was asked for, and root path followed by the rest is the whole.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let request = scope.into_http()?;
                let head = request.head();
                let whole = format!("{}{}", head.root_path(), head.path_info()) == head.raw_path();
                ensure(whole, || "root path and rest are not the path".to_owned())?;
                let told = format!("{} {}", head.raw_path(), head.path()?);
                Ok(send.text(200, told).await?)
            })
        }),
        check: |client| {
            for (raw, decoded) in [
                ("/a%2Cb", "/a,b"),
                ("/%252C", "/%2C"),
                ("//x///y/", "//x///y/"),
                ("/%E3%81%82", "/あ"),
                ("/a;b=c", "/a;b=c"),
                ("/./a/../b", "/./a/../b"),
            ] {
                let told = client.get(raw)?;
                equal("the status", told.status, 200)?;
                let text = told.text();
                let (seen, path) = text.split_once(' ').unwrap_or_default();
                equal("the decoded path", path, &*format!("{}{decoded}", client.path("")))?;
                // Over a socket a server between may have encoded anew what is the same path.
                equal("the raw path, decoded", decode(seen), path.as_bytes())?;
                ensure(!client.is_in_process() || seen == client.path(raw), || {
                    format!("the raw path is {seen}")
                })?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "path_that_is_no_text_is_the_applications_to_refuse",
        rules: &["A-22"],
        about: "A path whose octets are no text reaches the application; asking for its text is an error, which is answered with 400.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                journal.note("called");
                async move {
                    let request = scope.into_http()?;
                    let text = request.path()?.into_owned();
                    Ok(send.text(200, text).await?)
                }
            })
        }),
        check: |client| {
            equal("the status", client.get("/%FF")?.status, 400)?;
            equal("the calls", client.notes()?, ["called"])
        },
        ..Case::NEW
    },
    Case {
        name: "fields_stay_apart_and_in_order",
        rules: &["A-26", "A-27", "A-15", "H-33"],
        about: "The application answers with the values of a field that came several times, and with others; each is there, in order, its octets unchanged.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let request = scope.into_http()?;
                let mut told = Vec::new();
                for name in ["x-many", "x-octets", "host"] {
                    for value in request.headers().get_all(name) {
                        told.extend_from_slice(value.as_bytes());
                        told.push(b'|');
                    }
                }
                Ok(send.text(200, told).await?)
            })
        }),
        check: |client| {
            let mut request = client.to("GET", "", "");
            let fields: [(&str, &[u8]); 3] =
                [("x-many", b"1"), ("x-octets", b"caf\xE9"), ("x-many", b"2, 3")];
            for (name, value) in fields {
                let value = HeaderValue::from_bytes(value).map_err(|error| Failure::of(name, error))?;
                request.headers_mut().append(HeaderName::from_static(name), value);
            }
            let wanted = [&b"1|2, 3|caf\xE9|"[..], HOST.as_bytes(), b"|"].concat();
            client.request(request)?.is(200, wanted)
        },
        ..Case::NEW
    },
    Case {
        name: "each_request_has_a_scope_of_its_own",
        rules: &["A-01", "A-34"],
        about: "The application adds a field, a typed value and a state to its scope; the next request sees nothing of it, in process one of the same connection.",
        app: App::Asgi(|journal| {
            asgi(move |mut scope, _, mut send| {
                journal.note("called");
                async move {
                    let head = scope.head_mut().ok_or_else(|| Failure::new("no request"))?;
                    let left = head.headers().contains_key("x-own")
                        || head.extensions().get::<Own>().is_some()
                        || head.state().is_some_and(|state| state.get::<Own>().is_some());
                    head.headers_mut().insert("x-own", HeaderValue::from_static("1"));
                    head.extensions_mut().insert(Own);
                    head.connection_mut().state_mut().insert(Own);
                    Ok(send.text(200, left.to_string()).await?)
                }
            })
        }),
        check: |client| {
            for _ in 0..3 {
                client.get("")?.is(200, "false")?;
            }
            equal("the calls", client.notes()?, ["called"; 3])
        },
        ..Case::NEW
    },
    Case {
        name: "plain_connection_claims_no_tls",
        rules: &["A-46"],
        about: "Over a plain connection the scope is not secure, and tells nothing of TLS.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let request = scope.into_http()?;
                let tls = request.head().tls().is_some();
                Ok(send.text(200, format!("{} {tls}", request.head().is_secure())).await?)
            })
        }),
        check: |client| client.get("")?.is(200, "false false"),
        ..Case::NEW
    },
    Case {
        name: "scope_that_the_application_refuses_is_answered_for",
        rules: &["A-05"],
        about: "The application does not know the scope of requests and returns that: the client gets 500.",
        app: App::Asgi(|_| asgi(|scope, _, _| async move { Err(scope.unsupported().into()) })),
        check: |client| equal("the status", client.get("")?.status, 500),
        ..Case::NEW
    },
];

#[derive(Clone)]
struct Own;

/// The octets of a path in which each escape is a valid one.
fn decode(raw: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('%') {
        octets.extend_from_slice(before.as_bytes());
        let (escape, after) = after.split_at_checked(2).unwrap_or((after, ""));
        octets.push(u8::from_str_radix(escape, 16).unwrap_or(b'%'));
        rest = after;
    }
    octets.extend_from_slice(rest.as_bytes());
    octets
}
