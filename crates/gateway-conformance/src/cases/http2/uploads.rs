//! Bodies of requests.

use gateway_iface::bytes::Bytes;
use gateway_iface::http::{StatusCode, header};

use super::add;
use crate::case::{App, Case, Failure, asgi, ensure, equal, wsgi};
use crate::cases::fields::text;
use crate::client::{Block, Client, Http2, Stream};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "http2_body_of_any_method_is_read",
        rules: &["A-53", "H-47", "H-55"],
        about: "A body without a length comes whole, whatever the method; the application is told of no coding.",
        app: App::Asgi(|_| {
            asgi(|scope, mut receive, mut send| async move {
                let request = scope.into_http()?;
                let coded = request.headers().contains_key(header::TRANSFER_ENCODING);
                let body = receive.body(100).await?;
                Ok(send.text(200, format!("{coded} {}", String::from_utf8_lossy(&body))).await?)
            })
        }),
        check: |client| {
            let mut connection = client.http2()?;
            for method in ["POST", "PUT", "GET", "DELETE"] {
                connection.request(client.to(method, "", "body"))?.is(200, "false body")?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "http2_request_without_body_is_one_empty_last_block",
        rules: &["A-54", "A-53", "H-46"],
        about: "A head that ends its stream is followed by one empty last block; so is one that an empty frame ends.",
        app: App::Asgi(|_| {
            asgi(|scope, mut receive, mut send| async move {
                scope.into_http()?;
                let mut blocks = Vec::new();
                while let Some(block) = receive.block().await? {
                    blocks.push(block.len());
                }
                Ok(send.text(200, format!("{}", blocks.iter().sum::<usize>())).await?)
            })
        }),
        check: |client| {
            let mut connection = client.http2()?;
            connection.request(client.to("GET", "", ""))?.is(200, "0")?;
            let mut stream = connection.open(&client.to("POST", "", ()), false)?;
            stream.send("", true);
            stream.response()?.is(200, "0")
        },
        ..Case::NEW
    },
    Case {
        name: "http2_frames_of_a_body_mean_nothing",
        rules: &["A-53", "A-55"],
        about: "However a body is cut into frames, empty ones among them, the application reads the same.",
        app: READS,
        check: |client| {
            let mut connection = client.http2()?;
            for pieces in [&["whole"][..], &["wh", "o", "le"], &["", "who", "", "", "le", ""]] {
                let mut stream = connection.open(&client.to("POST", "", ()), false)?;
                for piece in pieces {
                    stream.send(*piece, false);
                }
                stream.send("", true);
                stream.response()?.is(200, "whole")?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "http2_body_of_another_length_is_no_body",
        rules: &["H-113", "H-49"],
        about: "A body is shorter or longer than the length that the head declares: the application never has it whole, no success is answered, and another stream is served.",
        app: READS,
        check: |client| {
            let mut connection = client.http2()?;
            for body in ["", "sho", "longer"] {
                let mut stream = declared(&mut connection, client, "4")?;
                stream.send(body, true);
                stream.must_be_refused()?;
            }
            let mut stream = declared(&mut client.http2()?, client, "4")?;
            stream.send("body", true);
            stream.response()?.is(200, "body")?;
            let whole = client.notes()?.iter().filter(|note| *note == "whole").count();
            equal("the bodies that looked whole", whole, 1)
        },
        ..Case::NEW
    },
    Case {
        name: "http2_input_of_another_length_fails",
        rules: &["H-113", "W-82"],
        about: "A body is shorter than the length that the head declares: the read of a synchronous application fails.",
        app: App::Wsgi(|journal| {
            wsgi(move |mut environ, start_response| {
                let body = environ.input().read_all(100);
                journal.note(if body.is_ok() { "whole" } else { "cut" });
                start_response.text(200, body?.into())
            })
        }),
        check: |client| {
            let mut stream = declared(&mut client.http2()?, client, "4")?;
            stream.send("sho", true);
            stream.must_be_refused()?;
            let whole = client.notes()?.iter().any(|note| note == "whole");
            equal("whether the body looked whole", whole, false)
        },
        ..Case::NEW
    },
    Case {
        name: "http2_length_against_the_grammar_is_refused",
        rules: &["H-43", "H-44", "H-45"],
        about: "Lengths that are no single number are refused, and the application has no body of them.",
        app: READS,
        check: |client| {
            for length in ["+4", "-4", "0x4", "4.0", "4, 5", "99999999999999999999999999"] {
                let mut stream = declared(&mut client.http2()?, client, length)?;
                stream.send("body", true);
                stream.must_be_refused()?;
            }
            let whole = client.notes()?.iter().any(|note| note == "whole");
            equal("whether a body looked whole", whole, false)
        },
        ..Case::NEW
    },
    Case {
        name: "http2_large_bodies_pass_both_ways",
        rules: &["A-53", "A-69", "A-55"],
        about: "A body of many windows goes in, and comes back whole.",
        app: App::Asgi(|_| {
            asgi(|scope, mut receive, mut send| async move {
                scope.into_http()?;
                let body = receive.body(usize::MAX).await?;
                Ok(send.text(200, body).await?)
            })
        }),
        check: |client| {
            let body: Bytes = (0..1_500_000_u32).map(|n| (n % 251) as u8).collect();
            let mut stream = client.http2()?.open(&client.to("POST", "", ()), false)?;
            stream.send(body.clone(), true);
            let response = stream.response()?;
            ensure(response.complete && response.body == body, || {
                format!("{} of {} octets came back", response.body.len(), body.len())
            })
        },
        ..Case::NEW
    },
    Case {
        name: "http2_body_that_no_one_reads_is_not_taken",
        rules: &["A-57", "A-11"],
        about: "An application waits and does not read: a client that sends 64 MiB is held up before half of that is taken; when it is read, it goes on.",
        app: App::Asgi(|journal| {
            asgi(move |scope, mut receive, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    journal.note("waits");
                    journal.wait("read").await;
                    let len = receive.body(usize::MAX).await?.len();
                    Ok(send.text(200, len.to_string()).await?)
                }
            })
        }),
        check: |client| {
            let mut connection = client.http2()?;
            let mut stream = connection.open(&client.to("POST", "", ()), false)?;
            client.wait_for("waits")?;
            let taken = stream.fill(32 * 1024 * 1024);
            ensure(taken < 32 * 1024 * 1024, || format!("{taken} octets were taken that no one reads"))?;
            client.note("read")?;
            stream.send("end", true);
            stream.response()?.is(200, (taken + 3).to_string())
        },
        ..Case::NEW
    },
    Case {
        name: "http2_body_that_is_not_read_holds_up_no_answer",
        rules: &["H-56", "H-61"],
        about: "The application answers without reading the body, which is still under way: the client has the answer, and the connection serves its next streams.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                scope.into_http()?;
                Ok(send.text(403, "no").await?)
            })
        }),
        check: |client| {
            let mut connection = client.http2()?;
            for _ in 0..3 {
                let mut stream = connection.open(&client.to("POST", "", ()), false)?;
                stream.send("the beginning", false);
                stream.response()?.is(403, "no")?;
            }
            connection.request(client.to("GET", "", ""))?.is(403, "no")
        },
        ..Case::NEW
    },
    Case {
        name: "http2_request_streams_back_while_it_comes",
        rules: &["A-11", "A-12", "A-69"],
        about: "The application sends each block of the request back at once; the client sends the next when it has that.",
        app: App::Asgi(|_| {
            asgi(|scope, mut receive, mut send| async move {
                scope.into_http()?;
                send.start(StatusCode::OK, text()).await?;
                while let Some(block) = receive.block().await? {
                    send.block(block).await?;
                }
                Ok(send.last("").await?)
            })
        }),
        check: |client| {
            let mut connection = client.http2()?;
            let mut stream = connection.open(&client.to("POST", "", ()), false)?;
            let mut head = None;
            for n in 0..3 {
                let block = format!("block {n};");
                stream.send(block.clone(), false);
                if head.is_none() {
                    head = Some(stream.head()?);
                }
                equal("what came back", stream.octets(8)?, block.into_bytes())?;
            }
            stream.send("", true);
            equal("what comes after it", stream.block()?, Block::End)
        },
        ..Case::NEW
    },
];

/// Notes whether the body came whole, and sends it back.
const READS: App = App::Asgi(|journal| {
    asgi(move |scope, mut receive, mut send| {
        let journal = journal.clone();
        async move {
            scope.into_http()?;
            let body = receive.body(100).await;
            journal.note(if body.is_ok() { "whole" } else { "cut" });
            Ok(send.text(200, body?).await?)
        }
    })
});

/// Begins a request that declares that length.
fn declared(connection: &mut Http2, client: &Client, length: &str) -> Result<Stream, Failure> {
    let mut request = client.to("POST", "", ());
    add(&mut request, "content-length", length);
    connection.open(&request, false)
}
