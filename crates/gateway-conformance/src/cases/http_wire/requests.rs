//! Heads of requests, good and bad.

use std::ops::RangeInclusive;

use gateway_iface::http::Version;

use crate::case::{App, Case, Failure, asgi, ensure, equal, wsgi};
use crate::cases::http_wire::apps::TELLS;
use crate::client::{Client, HOST};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "target_in_absolute_form_names_the_host",
        rules: &["H-12", "A-35"],
        about: "The target has scheme and authority: path and query are those of the target, and the host that the application sees is the target's.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let request = scope.into_http()?;
                let host = request.headers().get("host").map(|host| host.as_bytes().to_vec());
                let told = [
                    request.head().raw_path().as_bytes(),
                    b"?",
                    request.query_string().as_bytes(),
                    b" ",
                    &host.unwrap_or_default(),
                ];
                let told = told.concat();
                Ok(send.text(200, told).await?)
            })
        }),
        check: |client| {
            let path = client.path("/x");
            let mut raw = client.raw()?;
            raw.send(format!(
                "GET http://target.example:81{path}?q HTTP/1.1\r\nhost: other.example\r\n\r\n"
            ))?;
            raw.response("GET")?.is(200, format!("{path}?q target.example:81"))
        },
        ..Case::NEW
    },
    Case {
        name: "options_asterisk_is_the_whole_server",
        rules: &["A-35", "H-13"],
        about: "The target of OPTIONS is an asterisk: that is the path. With another method it is refused with 400, and so is a target of host and port alone.",
        app: TELLS,
        check: |client| {
            let mut raw = client.raw()?;
            raw.send(format!("OPTIONS * HTTP/1.1\r\nhost: {HOST}\r\nkit-case: {}\r\n\r\n", NAMES[0]))?;
            raw.response("OPTIONS")?.is(200, "OPTIONS *? ")?;
            for line in ["GET *", "POST *", "GET target.example:80"] {
                refused(
                    client,
                    &format!("{line} HTTP/1.1\r\nhost: {HOST}\r\nkit-case: {}\r\n\r\n", NAMES[0]),
                    BAD,
                )?;
            }
            equal("the calls", client.notes()?, ["called"])
        },
        ..Case::NEW
    },
    Case {
        name: "method_in_lower_case_is_no_other_method",
        rules: &["A-19", "H-08"],
        about: "The client sends `get`: it is refused, since an asynchronous application is told methods in upper case, and this is none of them.",
        app: TELLS,
        check: |client| {
            let mut raw = client.raw()?;
            raw.send(format!("get {} HTTP/1.1\r\nhost: {HOST}\r\n\r\n", client.path("")))?;
            let response = raw.response("get")?;
            ensure(matches!(response.status, 400 | 405 | 501), || {
                format!("{} {}", response.status, response.text())
            })
        },
        ..Case::NEW
    },
    Case {
        name: "host_is_needed_and_only_one",
        rules: &["H-18", "H-19"],
        about: "A request without a host, with two, with a list in it, and with one that is no host is refused with 400; the application is not called.",
        app: TELLS,
        check: |client| {
            for hosts in [
                "",
                "host: a.example\r\nhost: b.example\r\n",
                "host: a.example\r\nhost: a.example\r\n",
                "host: a.example, b.example\r\n",
                "host: a.example/x\r\n",
                "host: user@a.example\r\n",
            ] {
                refused(client, &format!("GET {} HTTP/1.1\r\n{hosts}\r\n", client.path("")), BAD)?;
            }
            not_called(client)
        },
        ..Case::NEW
    },
    Case {
        name: "request_line_against_the_grammar_is_refused",
        rules: &["H-06", "H-07", "H-10"],
        about: "Request lines that HTTP does not know, other major versions among them, are refused, and the application is not called.",
        app: TELLS,
        check: |client| {
            let path = client.path("");
            for line in [
                format!("GET {path}"),
                format!("GET {path} HTTP/9.9"),
                format!("GET {path} http/1.1"),
                format!("GET {path} HTTP/1.1 more"),
                format!("G<T {path} HTTP/1.1"),
                format!("GET {path} x HTTP/1.1"),
                format!("GET \0{path} HTTP/1.1"),
                "GET".to_owned(),
            ] {
                refused(client, &format!("{line}\r\nhost: {HOST}\r\n\r\n"), ANY)?;
            }
            not_called(client)
        },
        ..Case::NEW
    },
    Case {
        name: "field_against_the_grammar_is_refused",
        rules: &["H-03", "H-05", "H-23", "H-24", "H-26", "H-28"],
        about: "Fields with a space before the colon, no name, no colon, folded, and with NUL, a lone CR or another control in their value are refused, and the application is not called; a line that begins with a space before the first field is refused, or left out.",
        app: TELLS,
        check: |client| {
            for field in [
                "x-field : 1",
                ": 1",
                "x-field",
                "x field: 1",
                "x-f\0: 1",
                "x-field: 1\r\n folded",
                "x-field: a\0b",
                "x-field: a\rb",
                "x-field: a\u{1}b",
                "x-field: a\u{7f}b",
            ] {
                let request = format!("GET {} HTTP/1.1\r\nhost: {HOST}\r\n{field}\r\n\r\n", client.path(""));
                refused(client, &request, ANY)?;
            }
            not_called(client)?;
            let path = client.path("");
            let mut raw = client.raw()?;
            raw.send(format!("GET {path} HTTP/1.1\r\n x-kit-first: 1\r\nhost: {HOST}\r\n\r\n"))?;
            let response = raw.response("GET")?;
            if ANY.contains(&response.status) { Ok(()) } else { response.is(200, format!("GET {path}? ")) }
        },
        ..Case::NEW
    },
    Case {
        name: "spaces_around_a_value_are_not_part_of_it",
        rules: &["H-25", "H-27"],
        about: "Spaces and tabs around a value are not part of it; those inside and octets beyond ASCII are.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let request = scope.into_http()?;
                let value = request.headers().get("x-field").map(|value| value.as_bytes().to_vec());
                Ok(send.text(200, value.unwrap_or_default()).await?)
            })
        }),
        check: |client| {
            let mut raw = client.raw()?;
            let head = format!(
                "GET {} HTTP/1.1\r\nhost: {HOST}\r\nx-field: \t a \t b\u{e9}\t \r\n\r\n",
                client.path("")
            );
            raw.send(head)?;
            raw.response("GET")?.is(200, "a \t b\u{e9}")
        },
        ..Case::NEW
    },
    Case {
        name: "version_of_the_request_is_told",
        rules: &["A-18"],
        about: "The application is told 1.1 of a request in HTTP/1.1, and 1.0 of one in HTTP/1.0.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let version = scope.into_http()?.head().version();
                let told =
                    if version == Version::HTTP_10 { "1.0".to_owned() } else { format!("{version:?}") };
                Ok(send.text(200, told.trim_start_matches("HTTP/").to_owned()).await?)
            })
        }),
        check: version_is_told,
        ..Case::NEW
    },
    Case {
        name: "protocol_is_that_of_the_request",
        rules: &["W-34"],
        about: "SERVER_PROTOCOL is HTTP/1.1 for a request in HTTP/1.1, and HTTP/1.0 for one in HTTP/1.0.",
        app: App::Wsgi(|_| {
            wsgi(|environ, start_response| {
                let protocol = environ.get("SERVER_PROTOCOL").map(|value| value.latin1().into_owned());
                let told = protocol.unwrap_or_default();
                start_response.text(200, told.trim_start_matches("HTTP/").to_owned().into())
            })
        }),
        check: version_is_told,
        ..Case::NEW
    },
    Case {
        name: "options_of_a_connection_drop_no_field_of_the_application",
        rules: &["H-34", "H-35"],
        about: "The client names fields in `connection` that are meant for the application: it gets host, cookie, authorization and the length of the body all the same.",
        app: App::Asgi(|_| {
            asgi(|scope, mut receive, mut send| async move {
                let request = scope.into_http()?;
                let names = ["host", "cookie", "authorization", "content-length"];
                let there = names.into_iter().filter(|name| request.headers().contains_key(*name));
                let told = there.collect::<Vec<_>>().join(" ");
                let body = receive.body(100).await?;
                Ok(send.text(200, [told.as_bytes(), b" ", &body].concat()).await?)
            })
        }),
        check: |client| {
            for option in ["", "Close, "] {
                let mut raw = client.raw()?;
                raw.send(format!(
                    "POST {} HTTP/1.1\r\nhost: {HOST}\r\ncookie: a=1\r\nauthorization: Basic YTpi\r\n\
                     connection: {option}host, Cookie\r\nconnection: content-length,, authorization, x-a\r\n\
                     x-a: 1\r\ncontent-length: 4\r\n\r\nbody",
                    client.path("")
                ))?;
                raw.response("POST")?.is(200, "host cookie authorization content-length body")?;
                if !option.is_empty() {
                    ensure(raw.closed()?.is_empty(), || "more came after the response".to_owned())?;
                }
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "application_is_not_called_for_half_a_head",
        rules: &["H-22"],
        about: "The client sends a part of its head and nothing more: the connection is closed, no success is answered, and the application is not called.",
        app: TELLS,
        check: |client| {
            let path = client.path("");
            for half in [
                format!("GET {path} HTTP/1.1\r\nhost: {HOST}\r\n"),
                format!("GET {path} HTTP/1.1\r\nhost: {HOST}"),
                format!("GET {path} HTTP/1.1\r\n"),
                format!("GET {path}"),
            ] {
                let answer = client.send_all_there_is(&half)?;
                let answer = String::from_utf8_lossy(&answer);
                let status = answer.split(' ').nth(1).unwrap_or_default();
                ensure(!status.starts_with('2'), || format!("{half:?} is answered with {answer:?}"))?;
            }
            not_called(client)
        },
        ..Case::NEW
    },
];

/// Sends a request that must be refused with one of these, and sees the connection closed.
fn refused(client: &Client, request: &str, statuses: RangeInclusive<u16>) -> Result<(), Failure> {
    let mut raw = client.raw()?;
    raw.send_if_taken(request);
    let response = raw.response("GET").map_err(|failure| Failure::new(format!("{request:?}: {failure}")))?;
    ensure(statuses.contains(&response.status), || {
        format!("{request:?} is answered with {}", response.status)
    })?;
    let more = raw.closed()?;
    ensure(more.is_empty(), || format!("after {request:?}: {:?}", String::from_utf8_lossy(&more)))
}

fn version_is_told(client: &Client) -> Result<(), Failure> {
    for version in ["1.1", "1.0"] {
        let mut raw = client.raw()?;
        raw.send(format!("GET {} HTTP/{version}\r\nhost: {HOST}\r\n\r\n", client.path("")))?;
        raw.response("GET")?.is(200, version)?;
    }
    Ok(())
}

fn not_called(client: &Client) -> Result<(), Failure> {
    equal("the calls", client.notes()?, [""; 0])
}

/// Whatever says that the request is not served.
const ANY: RangeInclusive<u16> = 400..=505;

const BAD: RangeInclusive<u16> = 400..=400;

const NAMES: [&str; 1] = ["options_asterisk_is_the_whole_server"];
