//! Bodies that end before their end.

use crate::case::{App, Case, Ended, Failure, asgi, ensure, equal, wsgi};
use crate::client::{Client, HOST};
use crate::journal::Journal;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "body_that_ends_without_its_end_is_no_body",
        rules: &["H-49", "H-53", "A-56"],
        about: "The client sends nothing more within a length, without the last chunk, within the last chunk, and without the empty line after it: the application never gets a last block, and no success is answered.",
        app: App::Asgi(|journal| {
            asgi(move |scope, mut receive, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    let body = receive.body(100).await;
                    journal.note(if body.is_ok() { "whole" } else { "cut" });
                    body?;
                    Ok(send.text(200, "whole").await?)
                }
            })
        }),
        check: nothing_looks_whole,
        after: Some(one_was_whole),
        ..Case::NEW
    },
    Case {
        name: "input_that_ends_without_its_end_fails",
        rules: &["H-49", "H-53", "W-82"],
        about: "The client sends nothing more within a length, without the last chunk, within the last chunk, and without the empty line after it: a read of the application fails, and no success is answered.",
        app: App::Wsgi(|journal| {
            wsgi(move |mut environ, start_response| {
                let body = environ.input().read_all(100);
                journal.note(if body.is_ok() { "whole" } else { "cut" });
                body?;
                start_response.text(200, "whole".into())
            })
        }),
        check: nothing_looks_whole,
        after: Some(one_was_whole),
        ..Case::NEW
    },
];

fn nothing_looks_whole(client: &Client) -> Result<(), Failure> {
    let path = client.path("");
    for cut in [
        "content-length: 8\r\n\r\nhalf",
        "transfer-encoding: chunked\r\n\r\n8\r\nhalf",
        "transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n",
        "transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0",
        "transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n",
        "transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nx-trailer: 1\r\n",
    ] {
        let answer = client.send_all_there_is(format!("POST {path} HTTP/1.1\r\nhost: {HOST}\r\n{cut}"))?;
        let answer = String::from_utf8_lossy(&answer);
        let status = answer.split(' ').nth(1).unwrap_or_default();
        ensure(!status.starts_with('2'), || format!("{cut:?} is answered with {answer:?}"))?;
    }
    client.post("", "whole")?.is(200, "whole")?;
    one_is_whole(&client.notes()?)
}

/// A server may know that a body is cut before it calls, and a call may end after its connection.
fn one_was_whole(journal: &Journal, ended: Ended) -> Result<(), Failure> {
    equal("the end", ended, Ended::Stopped)?;
    one_is_whole(&journal.lines())
}

fn one_is_whole(notes: &[String]) -> Result<(), Failure> {
    let whole = notes.iter().filter(|note| *note == "whole").count();
    equal("the bodies that looked whole", whole, 1)
}
