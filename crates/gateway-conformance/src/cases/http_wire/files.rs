//! Files as bodies, where the scope says that they can be.

use gateway_iface::asgi::Capability;
use gateway_iface::asgi::event::PathSend;
use gateway_iface::http::StatusCode;

use crate::case::{App, Case, asgi, ensure};
use crate::cases::fields::text;
use crate::cases::temporary_file::TemporaryFile;
use crate::client::HOST;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "file_is_framed_as_a_body_is",
        rules: &["A-129", "A-121", "H-77", "H-78", "H-84"],
        about: "The application sends a file by its path, or its octets where it cannot, in answer to GET and HEAD: the length is that of the file or none, HEAD has no octet, and the connection goes on.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let request = scope.into_http()?;
                send.start(StatusCode::OK, text()).await?;
                if !request.head().capabilities().contains(Capability::PathSend) {
                    return Ok(send.last(CONTENT).await?);
                }
                let file = TemporaryFile::with(CONTENT)?;
                send.send(PathSend::new(&file.path)).await?;
                Ok(send.flush().await?)
            })
        }),
        breaks: &["V-06"],
        check: |client| {
            let mut raw = client.raw()?;
            for method in ["GET", "HEAD", "GET", "HEAD", "GET"] {
                raw.send(format!("{method} {} HTTP/1.1\r\nhost: {HOST}\r\n\r\n", client.path("")))?;
                let response = raw.response(method)?;
                response.is(200, if method == "HEAD" { "" } else { CONTENT })?;
                response.has_no_length_but(CONTENT.len())?;
            }
            Ok(())
        },
        ..Case::NEW
    },
    Case {
        name: "file_that_is_none_is_refused_before_the_head_is_out",
        rules: &["A-130", "A-129", "A-66"],
        about: "The application sends a file by a path that is not absolute, where its scope says that it can send files, and goes on with something else when that is refused: the client has that and nothing of the file.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    let request = scope.into_http()?;
                    send.start(StatusCode::OK, text()).await?;
                    if request.head().capabilities().contains(Capability::PathSend) {
                        let sent = send.send(PathSend::new("Cargo.toml")).await;
                        journal.note(if sent.is_err() { "refused" } else { "taken" });
                    }
                    Ok(send.last("instead").await?)
                }
            })
        }),
        check: |client| {
            client.get("")?.is(200, "instead")?;
            let taken = client.notes()?.iter().any(|note| note == "taken");
            ensure(!taken, || "the path was taken".to_owned())
        },
        ..Case::NEW
    },
];

const CONTENT: &str = "the content of a file";
