//! Heads of requests, good and bad.

use crate::case::{App, Case, Failure, asgi, ensure, equal};
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
                let told = [request.path_info().as_bytes(), b" ", &host.unwrap_or_default()].concat();
                Ok(send.text(200, told).await?)
            })
        }),
        check: |client| {
            let path = client.path("/x");
            let mut raw = client.raw()?;
            raw.send(format!(
                "GET http://target.example:81{path}?q HTTP/1.1\r\nhost: other.example\r\n\r\n"
            ))?;
            let response = raw.response("GET")?;
            equal("the status", response.status, 200)?;
            let text = response.text().into_owned();
            ensure(text.ends_with("/x target.example:81"), || text)
        },
        ..Case::NEW
    },
    Case {
        name: "options_asterisk_is_the_whole_server",
        rules: &["A-35", "H-13"],
        about: "The target of OPTIONS is an asterisk: that is the path.",
        app: TELLS,
        check: |client| {
            let mut raw = client.raw()?;
            raw.send(format!("OPTIONS * HTTP/1.1\r\nhost: {HOST}\r\nkit-case: {}\r\n\r\n", NAMES[0]))?;
            raw.response("OPTIONS")?.is(200, "OPTIONS *? ")
        },
        ..Case::NEW
    },
    Case {
        name: "method_in_lower_case_is_no_other_method",
        rules: &["A-19", "H-08"],
        about: "The client sends `get`: it is refused, or reaches the application as it was sent.",
        app: TELLS,
        check: |client| {
            let mut raw = client.raw()?;
            raw.send(format!("get {} HTTP/1.1\r\nhost: {HOST}\r\n\r\n", client.path("")))?;
            let response = raw.response("get")?;
            let as_sent = response.status == 200 && response.text().starts_with("get ");
            ensure(as_sent || matches!(response.status, 400 | 405 | 501), || {
                format!("{} {}", response.status, response.text())
            })
        },
        ..Case::NEW
    },
    Case {
        name: "host_is_needed_and_only_one",
        rules: &["H-18", "H-19"],
        about: "A request without a host, with two, and with a list in it is refused with 400; the application is not called.",
        app: TELLS,
        check: |client| {
            for hosts in ["", "host: a.example\r\nhost: b.example\r\n", "host: a.example, b.example\r\n"] {
                refused(client, &format!("GET {} HTTP/1.1\r\n{hosts}\r\n", client.path("")))?;
            }
            not_called(client)
        },
        ..Case::NEW
    },
    Case {
        name: "request_line_against_the_grammar_is_refused",
        rules: &["H-06", "H-07", "H-10", "H-16"],
        about: "Request lines that HTTP does not know are refused, and the application is not called.",
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
                refused(client, &format!("{line}\r\nhost: {HOST}\r\n\r\n"))?;
            }
            not_called(client)
        },
        ..Case::NEW
    },
    Case {
        name: "field_against_the_grammar_is_refused",
        rules: &["H-23", "H-24", "H-26", "H-28", "H-05"],
        about: "Fields with a space before the colon, no name, no colon, folded, and with NUL in their value are refused; the application is not called.",
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
            ] {
                refused(
                    client,
                    &format!("GET {} HTTP/1.1\r\nhost: {HOST}\r\n{field}\r\n\r\n", client.path("")),
                )?;
            }
            refused(client, &format!("GET {} HTTP/1.1\r\n host: {HOST}\r\n\r\n", client.path("")))?;
            not_called(client)
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
        name: "application_is_not_called_for_half_a_head",
        rules: &["H-22"],
        about: "The client sends its head but for the last line, and leaves: the application is not called.",
        app: TELLS,
        check: |client| {
            let mut raw = client.raw()?;
            raw.send(format!("GET {} HTTP/1.1\r\nhost: {HOST}\r\n", client.path("")))?;
            drop(raw);
            // Served after it, on a server that takes connections in their order.
            let mut next = client.raw()?;
            next.send(format!("GET {} HTTP/1.1\r\nhost: {HOST}\r\n\r\n", client.path("/next")))?;
            equal("the status", next.response("GET")?.status, 200)?;
            equal("the calls", client.notes()?, ["called"])
        },
        ..Case::NEW
    },
];

/// Sends a request that must be refused, and sees the connection closed.
fn refused(client: &Client, request: &str) -> Result<(), Failure> {
    let mut raw = client.raw()?;
    raw.send_if_taken(request);
    let response = raw.response("GET").map_err(|failure| Failure::new(format!("{request:?}: {failure}")))?;
    ensure((400..=505).contains(&response.status), || {
        format!("{request:?} is answered with {}", response.status)
    })?;
    let more = raw.closed()?;
    ensure(more.is_empty(), || format!("after {request:?}: {:?}", String::from_utf8_lossy(&more)))
}

fn not_called(client: &Client) -> Result<(), Failure> {
    equal("the calls", client.notes()?, [""; 0])
}

const NAMES: [&str; 1] = ["options_asterisk_is_the_whole_server"];
