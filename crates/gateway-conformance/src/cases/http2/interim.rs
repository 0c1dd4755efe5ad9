//! Responses ahead of the final one.

use gateway_iface::asgi::Capability;
use gateway_iface::asgi::event::EarlyHint;
use gateway_iface::http::{HeaderValue, StatusCode};

use super::add;
use crate::case::{App, Case, asgi, ensure, equal};
use crate::cases::fields::text;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "http2_continue_comes_when_the_body_is_read",
        rules: &["H-57", "H-60", "W-144"],
        about: "The client waits for 100 before it sends its body, which the application reads: it comes once, and then the final response.",
        app: App::Asgi(|_| {
            asgi(|scope, mut receive, mut send| async move {
                scope.into_http()?;
                let body = receive.body(100).await?;
                Ok(send.text(200, body).await?)
            })
        }),
        check: |client| {
            let mut request = client.to("POST", "", ());
            add(&mut request, "expect", "100-Continue");
            let mut stream = client.http2()?.open(&request, false)?;
            equal("the first status", stream.interim()?.map(|head| head.status), Some(100))?;
            stream.send("body", true);
            equal("the second status", stream.interim()?.map(|head| head.status), None)?;
            stream.response()?.is(200, "body")
        },
        ..Case::NEW
    },
    Case {
        name: "http2_no_continue_after_the_final_head",
        rules: &["H-57", "H-60", "H-61"],
        about: "The application answers without reading the body, and tries to read it then: there is one final response, with at most one 100 ahead of it.",
        app: App::Asgi(|_| {
            asgi(|scope, mut receive, mut send| async move {
                scope.into_http()?;
                send.text(403, "no").await?;
                let _ = receive.block().await;
                Ok(())
            })
        }),
        check: |client| {
            let mut connection = client.http2()?;
            let mut request = client.to("POST", "", ());
            add(&mut request, "expect", "100-continue");
            let mut stream = connection.open(&request, false)?;
            let mut early = 0;
            while stream.interim()?.is_some() {
                early += 1;
            }
            ensure(early <= 1, || format!("{early} informational responses"))?;
            stream.response()?.is(403, "no")?;
            connection.request(client.to("GET", "", ""))?.is(403, "no")
        },
        ..Case::NEW
    },
    Case {
        name: "http2_early_hints_precede_the_head",
        rules: &["A-131", "A-132", "H-93"],
        about: "Where its scope says that it can, the application hints at links before its head, which waits until the client has them, or may be dropped; and once more when the head is out, which changes nothing.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    let request = scope.into_http()?;
                    let advertised = request.head().capabilities().contains(Capability::EarlyHints);
                    journal.note(if advertised { "advertised" } else { "plain" });
                    send.start(StatusCode::OK, text()).await?;
                    if advertised {
                        send.send(hint("</a.css>; rel=preload")).await?;
                        send.send(hint("</b.js>; rel=preload")).await?;
                    }
                    send.block("con").await?;
                    send.flush().await?;
                    if advertised {
                        send.send(hint("</late>")).await?;
                    }
                    Ok(send.last("tent").await?)
                }
            })
        }),
        check: |client| {
            let mut stream = client.http2()?.open(&client.to("GET", "", ()), true)?;
            let mut links = Vec::new();
            while let Some(head) = stream.interim()? {
                equal("the status of a hint", head.status, 103)?;
                head.lacks("content-length")?;
                links.extend(head.all("link").map(std::borrow::Cow::into_owned).collect::<Vec<_>>());
            }
            let wanted = ["</a.css>; rel=preload", "</b.js>; rel=preload"];
            ensure(links.is_empty() || links == wanted, || format!("the links are {links:?}"))?;
            let response = stream.response()?;
            response.is(200, "content")?;
            response.lacks("link")?;
            let advertised = client.notes()?.iter().any(|note| note == "advertised");
            ensure(advertised || links.is_empty(), || "hints that no one sent".to_owned())
        },
        ..Case::NEW
    },
];

fn hint(link: &'static str) -> EarlyHint {
    EarlyHint::new(vec![HeaderValue::from_static(link)])
}
