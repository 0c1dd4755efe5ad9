//! What servers may or may not be able to do.

use gateway_iface::asgi::Capability;
use gateway_iface::asgi::event::{PathSend, ResponseBody, ResponseStart, ResponseTrailers};
use gateway_iface::http::StatusCode;

use crate::case::{App, Case, asgi};
use crate::cases::fields::{fields, text};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "trailers_are_taken_where_they_are_advertised",
        rules: &["A-133", "A-134", "A-136", "A-121"],
        about: "The application announces trailers, and sends them where its scope says that it can: the response is complete either way.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    let request = scope.into_http()?;
                    let advertised = request.head().capabilities().contains(Capability::Trailers);
                    let headers = fields([("content-type", "text/plain"), ("trailer", "x-sum")]);
                    send.send(ResponseStart::new(StatusCode::OK, headers).with_trailers(true)).await?;
                    send.send(ResponseBody::last("content")).await?;
                    if advertised {
                        send.send(ResponseTrailers::last(fields([("x-sum", "7")]))).await?;
                    }
                    journal.note("all-sent");
                    Ok(())
                }
            })
        }),
        check: |client| {
            client.get("")?.is(200, "content")?;
            client.wait_for("all-sent")
        },
        ..Case::NEW
    },
    Case {
        name: "file_by_path_is_sent_where_that_is_advertised",
        rules: &["A-129", "A-121", "A-123"],
        about: "The application sends a file by its path where its scope says that it can, and else its octets: the client sees no difference.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let request = scope.into_http()?;
                send.start(StatusCode::OK, text()).await?;
                if request.head().capabilities().contains(Capability::PathSend) {
                    let path = std::env::temp_dir().join(format!("gateway-kit-{}", std::process::id()));
                    std::fs::write(&path, CONTENT)?;
                    return Ok(send.send(PathSend::new(path)).await?);
                }
                Ok(send.last(CONTENT).await?)
            })
        }),
        check: |client| client.get("")?.is(200, CONTENT),
        ..Case::NEW
    },
];

const CONTENT: &str = "the content of a file";
