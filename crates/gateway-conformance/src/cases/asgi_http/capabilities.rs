//! What servers may or may not be able to do.

use std::fs::{File, remove_file};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use gateway_iface::asgi::Capability;
use gateway_iface::asgi::event::{PathSend, ResponseBody, ResponseStart, ResponseTrailers};
use gateway_iface::http::StatusCode;

use crate::case::{App, Case, asgi, ensure, equal};
use crate::cases::fields::{fields, text};
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
];

/// A file under a name that no one can guess, for as long as its application is there.
struct TemporaryFile {
    path: PathBuf,
}

impl TemporaryFile {
    fn with(content: &str) -> io::Result<Self> {
        let name = format!("gateway-kit-{:016x}", RandomState::new().hash_one(std::process::id()));
        let path = std::env::temp_dir().join(name);
        let mut file = File::create_new(&path)?;
        let made = Self { path };
        file.write_all(content.as_bytes())?;
        Ok(made)
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // Whoever cleans up the folder takes what is left.
        let _ = remove_file(&self.path);
    }
}

const CONTENT: &str = "the content of a file";
