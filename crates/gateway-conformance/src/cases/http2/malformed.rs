//! Requests that are malformed: none reaches the application.

use crate::case::{App, Case, Failure, asgi, ensure, equal};
use crate::client::{Client, Fate, pseudo};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "http2_names_in_upper_case_are_malformed",
        rules: &["H-108"],
        about: "A request has a field whose name is not in lower case: the application is not called, and the server goes on.",
        app: NOTES,
        check: |client| {
            malformed(client, &[("X-Kit", "1")])?;
            malformed(client, &[("x-kiT", "1")])?;
            well(client)
        },
        ..Case::NEW
    },
    Case {
        name: "http2_fields_of_a_connection_are_malformed",
        rules: &["H-109", "H-34"],
        about: "A request has a field that is about a connection of HTTP/1: the application is not called.",
        app: NOTES,
        check: |client| {
            for field in [
                ("connection", "close"),
                ("keep-alive", "timeout=5"),
                ("proxy-connection", "keep-alive"),
                ("transfer-encoding", "chunked"),
                ("upgrade", "websocket"),
            ] {
                malformed(client, &[field])?;
            }
            well(client)
        },
        ..Case::NEW
    },
    Case {
        name: "http2_te_is_trailers_or_malformed",
        rules: &["H-109", "H-92"],
        about: "`te` is for trailers only: with another value the application is not called, with that one it is.",
        app: NOTES,
        check: |client| {
            malformed(client, &[("te", "gzip")])?;
            let mut frames = client.http2_frames()?;
            let path = client.path("");
            frames.request(1, &[&pseudo(&path)[..], &[("te", "trailers")]].concat())?;
            equal("what becomes of it", frames.fate(1)?, Fate::Answered)?;
            client.wait_for("called")
        },
        ..Case::NEW
    },
    Case {
        name: "http2_pseudo_fields_out_of_place_are_malformed",
        rules: &["H-110"],
        about: "Pseudo-fields are missing, empty, repeated, unknown, those of a response, or behind a field: the application is not called.",
        app: NOTES,
        check: |client| {
            let path = client.path("");
            let [method, scheme, authority, target] = pseudo(&path);
            for fields in [
                &[scheme, authority, target][..],
                &[method, authority, target],
                &[method, scheme, authority],
                &[method, scheme, authority, (":path", "")],
                &[method, method, scheme, authority, target],
                &[method, scheme, authority, target, target],
                &[method, scheme, authority, target, (":kit", "1")],
                &[method, scheme, authority, target, (":status", "200")],
                &[method, scheme, authority, ("x-kit", "1"), target],
            ] {
                refused(client, fields)?;
            }
            well(client)
        },
        ..Case::NEW
    },
    Case {
        name: "http2_octets_that_no_field_holds_are_malformed",
        rules: &["H-23", "H-26"],
        about: "A value holds NUL, CR or LF, or a name is no token: the application is not called.",
        app: NOTES,
        check: |client| {
            for field in [
                ("x-kit", "a\0b"),
                ("x-kit", "a\rb"),
                ("x-kit", "a\nb"),
                ("x-kit", "a\r\nx-other: b"),
                ("x kit", "1"),
                ("x-kit:", "1"),
                ("", "1"),
            ] {
                malformed(client, &[field])?;
            }
            well(client)
        },
        ..Case::NEW
    },
    Case {
        name: "http2_target_that_is_none_is_malformed",
        rules: &["H-10", "H-13"],
        about: "A path does not begin with a slash, or holds what no path holds: the application is not called.",
        app: NOTES,
        check: |client| {
            let path = client.path("");
            let [method, scheme, authority, _] = pseudo(&path);
            let odd = [format!("{path} x"), format!("{path}\0"), path[1..].to_owned(), "*".to_owned()];
            for target in &odd {
                refused(client, &[method, scheme, authority, (":path", target)])?;
            }
            well(client)
        },
        ..Case::NEW
    },
    Case {
        name: "http2_authority_that_is_none_is_malformed",
        rules: &["H-18", "H-15"],
        about: "The authority is no host, or names a user: the application is not called.",
        app: NOTES,
        check: |client| {
            let path = client.path("");
            let [method, scheme, _, target] = pseudo(&path);
            for authority in ["user@kit.example", "kit.example/x", "kit example", "kit.example:port"] {
                refused(client, &[method, scheme, (":authority", authority), target])?;
            }
            well(client)
        },
        ..Case::NEW
    },
];

/// Notes that it is called.
const NOTES: App = App::Asgi(|journal| {
    asgi(move |scope, _, mut send| {
        journal.note("called");
        async move {
            scope.into_http()?;
            Ok(send.text(200, "well").await?)
        }
    })
});

/// Sends a request that only this field makes malformed.
fn malformed(client: &Client, fields: &[(&str, &str)]) -> Result<(), Failure> {
    let path = client.path("");
    refused(client, &[&pseudo(&path)[..], fields].concat())
}

/// Sends a request with these fields, which must not reach the application.
fn refused(client: &Client, fields: &[(&str, &str)]) -> Result<(), Failure> {
    let mut frames = client.http2_frames()?;
    frames.request(1, fields)?;
    let fate = frames.fate(1)?;
    let notes = client.notes()?;
    ensure(notes.is_empty(), || format!("{fields:?} reached the application; its stream: {fate:?}"))
}

/// The same without anything malformed is answered.
fn well(client: &Client) -> Result<(), Failure> {
    client.http2()?.request(client.to("GET", "", ""))?.is(200, "well")?;
    client.wait_for_all(["called"])
}
