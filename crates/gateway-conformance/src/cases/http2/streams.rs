//! Many streams on a connection.

use gateway_iface::http::StatusCode;

use crate::case::{App, Case, asgi, equal};
use crate::cases::fields::text;
use crate::client::Block;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "http2_streams_run_side_by_side",
        rules: &["A-34", "A-01"],
        about: "Twenty requests of one connection are under way at once, and end in another order than they began.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    let request = scope.into_http()?;
                    let number: usize = request.query_string().parse()?;
                    journal.note("called");
                    journal.wait(GO[number]).await;
                    Ok(send.text(200, number.to_string()).await?)
                }
            })
        }),
        check: |client| {
            let mut connection = client.http2()?;
            let mut streams = Vec::new();
            for number in 0..GO.len() {
                streams.push(connection.open(&client.to("GET", &format!("?{number}"), ()), true)?);
            }
            client.wait_for_count(GO.len())?;
            for (number, stream) in streams.into_iter().enumerate().rev() {
                client.note(GO[number])?;
                stream.response()?.is(200, number.to_string())?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "http2_bodies_of_several_streams_do_not_mix",
        rules: &["A-34", "H-103"],
        about: "The bodies of several requests come in turns, block by block, and go back so: each stream has its own.",
        app: App::Asgi(|_| {
            asgi(|scope, mut receive, mut send| async move {
                let request = scope.into_http()?;
                let own = request.query_string().to_owned();
                send.start(StatusCode::OK, text()).await?;
                while let Some(block) = receive.block().await? {
                    send.block([own.as_bytes(), &block].concat()).await?;
                }
                Ok(send.last("").await?)
            })
        }),
        check: |client| {
            let mut connection = client.http2()?;
            let mut streams = Vec::new();
            for name in ["a", "b", "c"] {
                let stream = connection.open(&client.to("POST", &format!("?{name}"), ()), false)?;
                streams.push((name, stream, false));
            }
            for round in 0..4 {
                for (name, stream, begun) in &mut streams {
                    stream.send(format!("{round}{name};"), false);
                    if !std::mem::replace(begun, true) {
                        stream.head()?;
                    }
                    equal("what came back", stream.octets(4)?, format!("{name}{round}{name};").into_bytes())?;
                }
            }
            for (_, stream, _) in &mut streams {
                stream.send("", true);
                equal("what comes after it", stream.block()?, Block::End)?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "http2_requests_share_nothing",
        rules: &["H-103", "A-34"],
        about: "Requests of one connection have different fields: each sees its own, and nothing of the others.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let request = scope.into_http()?;
                let mut names: Vec<_> = request.headers().keys().map(|name| name.as_str()).collect();
                names.retain(|name| name.starts_with("x-kit"));
                Ok(send.text(200, names.concat()).await?)
            })
        }),
        check: |client| {
            let mut connection = client.http2()?;
            for name in ["x-kit-a", "x-kit-b", "x-kit-a"] {
                let mut request = client.to("GET", "", "");
                super::add(&mut request, name, "1");
                connection.request(request)?.is(200, name)?;
                connection.request(client.to("GET", "", ""))?.is(200, "")?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "http2_last_block_completes_while_the_application_goes_on",
        rules: &["A-71", "A-06", "A-107"],
        about: "After its last block the application waits until its client has seen the end, sends more, which means nothing, and only then returns.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    scope.into_http()?;
                    send.text(200, "whole").await?;
                    journal.wait("seen").await;
                    let ignored = send.block("more").await;
                    journal.note(if ignored.is_ok() { "ignored" } else { "refused" });
                    Ok(())
                }
            })
        }),
        breaks: &["V-02"],
        check: |client| {
            let mut connection = client.http2()?;
            let mut stream = connection.open(&client.to("GET", "", ()), true)?;
            stream.head()?;
            equal("the body", stream.octets(5)?, b"whole")?;
            equal("what comes after it", stream.block()?, Block::End)?;
            client.note("seen")?;
            client.wait_for("ignored")
        },
        ..Case::NEW
    },
];

const GO: [&str; 20] = [
    "go-0", "go-1", "go-2", "go-3", "go-4", "go-5", "go-6", "go-7", "go-8", "go-9", "go-10", "go-11",
    "go-12", "go-13", "go-14", "go-15", "go-16", "go-17", "go-18", "go-19",
];
