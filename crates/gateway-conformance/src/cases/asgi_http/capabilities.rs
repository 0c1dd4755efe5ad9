//! What servers may or may not be able to do.

use std::fs::File;
use std::io::{self, Seek};
use std::sync::{Arc, OnceLock};

use gateway_iface::asgi::Capability;
use gateway_iface::asgi::event::{
    EarlyHint, PathSend, ResponseBody, ResponseStart, ResponseTrailers, ZeroCopySend,
};
use gateway_iface::http::{HeaderValue, StatusCode};

use crate::case::{App, Case, asgi, ensure, equal};
use crate::cases::fields::{fields, text};
use crate::cases::temporary_file::TemporaryFile;
use crate::client::Upload;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "trailers_are_taken_where_they_are_advertised",
        rules: &["A-134", "A-136", "A-121"],
        about: "The application announces trailers, and sends them where its scope says that it can: then the response does not end before them, and the client has them. Elsewhere the last block completes it.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    let request = scope.into_http()?;
                    let advertised = request.head().capabilities().contains(Capability::Trailers);
                    let headers = fields([("content-type", "text/plain"), ("trailer", "x-sum")]);
                    journal.note(if advertised { "advertised" } else { "plain" });
                    send.send(ResponseStart::new(StatusCode::OK, headers).with_trailers(true)).await?;
                    send.send(ResponseBody::last("content")).await?;
                    if advertised {
                        journal.wait("no-end-yet").await;
                        send.send(ResponseTrailers::last(fields([("x-sum", "7")]))).await?;
                    }
                    journal.note("all-sent");
                    Ok(())
                }
            })
        }),
        check: |client| {
            let mut request = client.to("GET", "", ());
            request.headers_mut().extend(fields([("te", "trailers"), ("connection", "te, close")]));
            let mut exchange = client.open(request, Upload::None)?;
            equal("the content", exchange.octets(7)?, b"content")?;
            let advertised = client.notes()?.iter().any(|note| note == "advertised");
            if advertised {
                ensure(exchange.is_silent()?, || "the response ended before its trailers".to_owned())?;
                client.note("no-end-yet")?;
            }
            let response = exchange.response()?;
            response.is(200, "")?;
            let wanted = [("x-sum".to_owned(), b"7".to_vec())];
            equal("the trailers", &*response.trailers, if advertised { &wanted[..] } else { &[] })?;
            client.wait_for("all-sent")
        },
        ..Case::NEW
    },
    Case {
        name: "file_by_path_is_sent_where_that_is_advertised",
        rules: &["A-129", "A-121", "A-123"],
        about: "The application sends a file by its path where its scope says that it can, and else its octets: the client sees no difference.",
        app: App::Asgi(|_| {
            let file = Arc::new(OnceLock::<TemporaryFile>::new());
            asgi(move |scope, _, mut send| {
                let file = Arc::clone(&file);
                async move {
                    let request = scope.into_http()?;
                    send.start(StatusCode::OK, text()).await?;
                    if !request.head().capabilities().contains(Capability::PathSend) {
                        return Ok(send.last(CONTENT).await?);
                    }
                    let path = match file.get() {
                        Some(file) => &file.path,
                        None => {
                            let new = TemporaryFile::with(CONTENT)?;
                            &file.get_or_init(|| new).path
                        }
                    };
                    Ok(send.send(PathSend::new(path)).await?)
                }
            })
        }),
        check: |client| client.get("")?.is(200, CONTENT),
        ..Case::NEW
    },
    Case {
        name: "parts_of_files_are_sent_where_that_is_advertised",
        rules: &["A-127", "A-128", "A-121", "A-123"],
        about: "The application sends blocks and parts of an open file, from an offset and from its position, where its scope says that it can, and else their octets: the client sees no difference, and the file is the application's own still.",
        app: App::Asgi(|journal| {
            asgi(move |scope, _, mut send| {
                let journal = journal.clone();
                async move {
                    let request = scope.into_http()?;
                    send.start(StatusCode::OK, text()).await?;
                    if !request.head().capabilities().contains(Capability::ZeroCopySend) {
                        return Ok(send.last(PARTS).await?);
                    }
                    let named = TemporaryFile::with(CONTENT)?;
                    let file = Arc::new(File::open(&named.path)?);
                    send.block("<").await?;
                    send.send(part(&file, Some(4), Some(7), true)).await?;
                    send.block("|").await?;
                    send.send(part(&file, None, Some(3), true)).await?;
                    send.send(part(&file, None, Some(0), true)).await?;
                    send.send(part(&file, Some(15), None, true)).await?;
                    send.block(">").await?;
                    send.send(part(&file, Some(0), Some(1), false)).await?;
                    (&*file).rewind()?;
                    journal.note(if io::read_to_string(&*file)? == CONTENT { "own" } else { "lost" });
                    Ok(())
                }
            })
        }),
        check: |client| {
            client.get("")?.is(200, PARTS)?;
            let lost = client.notes()?.iter().any(|note| note == "lost");
            equal("whether the file is lost to its application", lost, false)
        },
        ..Case::NEW
    },
    Case {
        name: "early_hints_change_nothing_of_the_response",
        rules: &["A-131", "A-132", "A-121", "H-93"],
        about: "The application hints at links before and after its first block where its scope says that it can: the client has the same response, and no link among its fields.",
        app: App::Asgi(|_| {
            asgi(|scope, _, mut send| async move {
                let request = scope.into_http()?;
                let advertised = request.head().capabilities().contains(Capability::EarlyHints);
                let hint = || EarlyHint::new(vec![HeaderValue::from_static("</a.css>; rel=preload")]);
                send.start(StatusCode::OK, text()).await?;
                if advertised {
                    send.send(hint()).await?;
                    send.send(hint()).await?;
                }
                send.block("con").await?;
                if advertised {
                    send.send(hint()).await?;
                }
                Ok(send.last("tent").await?)
            })
        }),
        check: |client| {
            let response = client.get("")?;
            response.is(200, "content")?;
            response.lacks("link")
        },
        ..Case::NEW
    },
];

fn part(file: &Arc<File>, offset: Option<u64>, count: Option<u64>, more_body: bool) -> ZeroCopySend {
    let mut event = ZeroCopySend::new(Arc::clone(file));
    (event.offset, event.count, event.more_body) = (offset, count, more_body);
    event
}

const CONTENT: &str = "the content of a file";
const PARTS: &str = "<content|thea file>t";
