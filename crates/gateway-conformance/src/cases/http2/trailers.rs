//! Fields after a body.

use gateway_iface::RequestTrailers;
use gateway_iface::asgi::Capability;
use gateway_iface::asgi::event::{ResponseStart, ResponseTrailers};
use gateway_iface::http::StatusCode;

use super::add;
use crate::case::{App, Case, asgi, ensure, equal};
use crate::cases::fields::fields;
use crate::client::Block;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "http2_trailers_go_to_who_asks_for_them",
        rules: &["A-135", "A-133", "A-136", "H-90"],
        about: "Where its scope says that it can, the application sends trailers: a client that asks for them has them, another has the same response without.",
        app: SUMS,
        check: |client| {
            let mut connection = client.http2()?;
            for asks in [false, true, false] {
                let mut request = client.to("GET", "", "");
                if asks {
                    add(&mut request, "te", "trailers");
                }
                let response = connection.request(request)?;
                response.is(200, "content")?;
                let sent = asks && client.notes()?.iter().any(|note| note == "advertised");
                let wanted = [("x-sum".to_owned(), b"7".to_vec()), ("x-more".to_owned(), b"8".to_vec())];
                equal("the trailers", &*response.trailers, if sent { &wanted[..] } else { &[] })?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "http2_response_does_not_end_before_its_trailers",
        rules: &["A-134"],
        about: "The application has announced trailers and sent its last block, and waits: the stream does not end meanwhile.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    let request = scope.into_http()?;
                    let advertised = request.head().capabilities().contains(Capability::Trailers);
                    journal.note(if advertised { "advertised" } else { "plain" });
                    send.send(announces()).await?;
                    send.last("content").await?;
                    if advertised {
                        journal.wait("no-end-yet").await;
                        send.send(ResponseTrailers::last(fields([("x-sum", "7")]))).await?;
                    }
                    Ok(())
                }
            })
        }),
        check: |client| {
            let mut request = client.to("GET", "", ());
            add(&mut request, "te", "trailers");
            let mut stream = client.http2()?.open(&request, true)?;
            stream.head()?;
            equal("the content", stream.octets(7)?, b"content")?;
            if client.notes()?.iter().any(|note| note == "advertised") {
                ensure(stream.is_quiet(), || "the response ended before its trailers".to_owned())?;
                client.note("no-end-yet")?;
            }
            equal("what comes after it", stream.block()?, Block::End)
        },
        ..Case::NEW
    },
    Case {
        name: "http2_trailers_of_a_request_are_no_fields",
        rules: &["H-54"],
        about: "A request has trailers: the body ends before them, none is among the fields of the head, and an application that is told of them has them when it has read the body.",
        app: App::Asgi(|_| {
            asgi(|scope, mut receive, mut send| async move {
                let request = scope.into_http()?;
                let merged = request.headers().contains_key("x-sum");
                let trailers = request.head().extensions().get::<RequestTrailers>().cloned();
                let body = receive.body(100).await?;
                let sum = trailers.as_ref().and_then(|trailers| trailers.get()?.get("x-sum"));
                let sum = sum.map(|sum| String::from_utf8_lossy(sum.as_bytes()));
                let told = trailers.is_none() || sum.as_deref() == Some("4");
                Ok(send.text(200, format!("{} {merged} {told}", String::from_utf8_lossy(&body))).await?)
            })
        }),
        check: |client| {
            let mut connection = client.http2()?;
            let mut request = client.to("POST", "", ());
            add(&mut request, "trailer", "x-sum");
            let mut stream = connection.open(&request, false)?;
            stream.send("body", false);
            stream.send_trailers(fields([("x-sum", "4")]))?;
            stream.response()?.is(200, "body false true")?;
            connection.request(client.to("POST", "", "next"))?.is(200, "next false true")
        },
        ..Case::NEW
    },
];

/// Sends trailers in two events where it can.
const SUMS: App = App::Asgi(|journal| {
    asgi(move |scope, _, mut send| {
        let journal = journal.clone();
        async move {
            let request = scope.into_http()?;
            let advertised = request.head().capabilities().contains(Capability::Trailers);
            journal.note(if advertised { "advertised" } else { "plain" });
            send.send(announces()).await?;
            send.last("content").await?;
            if advertised {
                let mut first = ResponseTrailers::last(fields([("x-sum", "7")]));
                first.more_trailers = true;
                send.send(first).await?;
                send.send(ResponseTrailers::last(fields([("x-more", "8")]))).await?;
            }
            Ok(())
        }
    })
});

fn announces() -> ResponseStart {
    let headers = fields([("content-type", "text/plain"), ("trailer", "x-sum, x-more")]);
    ResponseStart::new(StatusCode::OK, headers).with_trailers(true)
}
