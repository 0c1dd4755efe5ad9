//! Heads that are large, and heads that are too large.

use crate::case::{App, Case, Failure, asgi, ensure, equal};
use crate::cases::http_wire::apps::TELLS;
use crate::client::{Client, HOST};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "long_request_line_passes",
        rules: &["H-11"],
        about: "A request line of 8000 octets is not too long: the application gets all of its query.",
        app: TELLS,
        check: |client| {
            let path = client.path("");
            let query = "q".repeat(8000 - path.len() - "GET ? HTTP/1.1".len());
            let mut raw = client.raw()?;
            raw.send(format!("GET {path}?{query} HTTP/1.1\r\nhost: {HOST}\r\n\r\n"))?;
            raw.response("GET")?.is(200, format!("GET {path}?{query} "))
        },
        ..Case::NEW
    },
    Case {
        name: "fields_of_one_name_are_all_there",
        rules: &["H-29", "H-30"],
        about: "64 fields of one name reach the application, each on its own and in their order.",
        app: TELLS,
        check: |client| {
            let path = client.path("");
            let fields: String = (0..64).map(|n| format!("x-kit-many: {n}\r\n")).collect();
            let mut raw = client.raw()?;
            raw.send(format!("GET {path} HTTP/1.1\r\nhost: {HOST}\r\n{fields}\r\n"))?;
            let told: String = (0..64).map(|n| format!("x-kit-many={n} ")).collect();
            raw.response("GET")?.is(200, format!("GET {path}? {told}"))
        },
        ..Case::NEW
    },
    Case {
        name: "too_much_head_is_refused_and_never_shortened",
        rules: &["H-11", "H-30"],
        about: "A request line, a value, and a number of fields that are more than a server takes are refused with a status of the client's fault, and the connection is closed; a server that takes them all gives the application every octet.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                journal.note("called");
                async move {
                    let request = scope.into_http()?;
                    let values = request.headers().iter().filter(|(name, _)| name.as_str().starts_with("x-"));
                    let octets = values.map(|(_, value)| value.len()).sum::<usize>();
                    Ok(send.text(200, (request.query_string().len() + octets).to_string()).await?)
                }
            })
        }),
        check: |client| {
            let path = client.path("");
            let long = "x".repeat(MANY);
            refused_or_whole(client, &format!("GET {path}?{long} HTTP/1.1\r\nhost: {HOST}\r\n\r\n"), MANY)?;
            refused_or_whole(
                client,
                &format!("GET {path} HTTP/1.1\r\nhost: {HOST}\r\nx-long: {long}\r\n\r\n"),
                MANY,
            )?;
            let fields: String = (0..10_000).map(|n| format!("x-{n}: 1\r\n")).collect();
            refused_or_whole(client, &format!("GET {path} HTTP/1.1\r\nhost: {HOST}\r\n{fields}\r\n"), 10_000)
        },
        ..Case::NEW
    },
];

fn refused_or_whole(client: &Client, request: &str, octets: usize) -> Result<(), Failure> {
    let mut raw = client.raw()?;
    raw.send_if_taken(request);
    let response = raw.response("GET")?;
    if response.status == 200 {
        return response.is(200, octets.to_string());
    }
    ensure((400..500).contains(&response.status), || {
        format!("{:?}... is answered with {}", &request[..80], response.status)
    })?;
    ensure(raw.closed()?.is_empty(), || "more came after the refusal".to_owned())?;
    equal("the calls", client.notes()?.len(), 0)
}

const MANY: usize = 1024 * 1024;
