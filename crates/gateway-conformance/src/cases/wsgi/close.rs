//! When a body is closed.

use gateway_iface::Error;
use gateway_iface::http::StatusCode;
use gateway_iface::wsgi::{Body, StartResponse};

use crate::case::{App, Case, equal, wsgi};
use crate::cases::fields::{declared, text};
use crate::client::Upload;
use crate::journal::Journal;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "body_is_closed_once_after_its_last_block",
        rules: &["W-12", "A-157"],
        about: "The application notes each block that is taken, and the close, which comes after the last block was taken.",
        app: App::Wsgi(|journal| {
            wsgi(move |_, start_response| {
                start_response.start(StatusCode::OK, text())?;
                let (taken, closed) = (journal.clone(), journal.clone());
                let blocks = ["one", "two"].into_iter().inspect(move |block| taken.note(*block));
                Ok(Body::blocks(blocks).on_close(noting(closed)))
            })
        }),
        check: |client| {
            client.get("")?.is(200, "onetwo")?;
            client.wait_for_all(["one", "two", "closed"])
        },
        ..Case::NEW
    },
    Case {
        name: "body_is_closed_once_after_an_error",
        rules: &["W-12", "W-140", "A-157"],
        about: "The body fails in its middle: it is closed once, and the client sees a broken response.",
        app: App::Wsgi(|journal| {
            wsgi(move |_, start_response| {
                start_response.start(StatusCode::OK, text())?;
                let blocks = [Ok("part"), Err(Error::new("broken")), Ok("never")];
                Ok(Body::try_blocks(blocks).on_close(noting(journal.clone())))
            })
        }),
        check: |client| {
            client.get("")?.is_cut()?;
            client.wait_for_all(["closed"])
        },
        ..Case::NEW
    },
    Case {
        name: "body_is_closed_once_after_a_panic",
        rules: &["W-12", "W-138", "A-157"],
        about: "The body panics before its first block: it is closed once, and the client gets 500.",
        app: App::Wsgi(|journal| {
            wsgi(move |_, start_response| {
                start_response.start(StatusCode::OK, text())?;
                let blocks =
                    std::iter::from_fn(|| -> Option<&str> { std::panic::resume_unwind(Box::new("no")) });
                Ok(Body::blocks(blocks).on_close(noting(journal.clone())))
            })
        }),
        check: |client| {
            equal("the status", client.get("")?.status, 500)?;
            client.wait_for_all(["closed"])
        },
        ..Case::NEW
    },
    Case {
        name: "body_is_closed_once_when_its_client_leaves",
        rules: &["W-12", "A-157", "A-158"],
        about: "The client leaves in the middle of an endless body: no further blocks are taken for ever, and it is closed once.",
        app: App::Wsgi(|journal| {
            wsgi(move |_, start_response| {
                start_response.start(StatusCode::OK, text())?;
                Ok(Body::blocks(std::iter::repeat_with(|| vec![b'x'; 64 * 1024]))
                    .on_close(noting(journal.clone())))
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("GET", "", ()), Upload::None)?;
            exchange.octets(1)?;
            drop(exchange);
            client.wait_for_all(["closed"])
        },
        ..Case::NEW
    },
    Case {
        name: "body_that_comes_when_its_client_is_gone_is_closed",
        rules: &["W-12", "A-157"],
        about: "The client leaves before the application has returned, which learns of it by a read that fails, and returns a body all the same: that body is closed.",
        app: App::Wsgi(|journal| {
            wsgi(move |mut environ, start_response| {
                journal.note("called");
                let read = environ.input().read_all(100);
                journal.note(if read.is_ok() { "read" } else { "left" });
                start_response.start(StatusCode::OK, text())?;
                Ok(Body::blocks(["one", "two"]).on_close(noting(journal.clone())))
            })
        }),
        check: |client| {
            let mut exchange = client.open(client.to("POST", "", ()), Upload::Sized(10))?;
            exchange.send("half", false)?;
            exchange.until_noted("called", client)?;
            drop(exchange);
            client.wait_for_all(["called", "left", "closed"])
        },
        ..Case::NEW
    },
    Case {
        name: "body_is_closed_once_where_it_is_not_wanted",
        rules: &["W-12", "W-129"],
        about: "Bodies that a server need not take to their end are closed once all the same: of HEAD, beyond a declared length, and without a start.",
        app: App::Wsgi(|journal| {
            wsgi(move |environ, start_response| {
                match environ.query_string() {
                    "head" => start_response.start(StatusCode::OK, text())?,
                    "short" => start_response.start(StatusCode::OK, declared("3"))?,
                    _ => {}
                }
                Ok(Body::blocks(["one", "two", "three"]).on_close(noting(journal.clone())))
            })
        }),
        breaks: &["V-06", "W-07", "H-85"],
        check: |client| {
            client.request(client.to("HEAD", "/?head", ""))?.is(200, "")?;
            client.wait_for_all(["closed"])?;
            client.get("/?short")?;
            client.wait_for_all(["closed"; 2])?;
            equal("the status", client.get("/?never")?.status, 500)?;
            client.wait_for_all(["closed"; 3])
        },
        ..Case::NEW
    },
    Case {
        name: "error_of_the_close_spoils_nothing",
        rules: &["W-14"],
        about: "The close fails, and panics, after a whole response: the client has it, and the next request is served.",
        app: App::Wsgi(|journal| {
            wsgi(move |environ, start_response| {
                let panics = environ.query_string() == "panic";
                let journal = journal.clone();
                let body = respond(start_response)?;
                Ok(body.on_close(move || {
                    journal.note("closed");
                    if panics {
                        std::panic::resume_unwind(Box::new("in close"));
                    }
                    Err(Error::new("the close failed"))
                }))
            })
        }),
        check: |client| {
            client.get("/?error")?.is(200, "whole")?;
            client.get("/?panic")?.is(200, "whole")?;
            client.get("/?error")?.is(200, "whole")?;
            client.wait_for_all(["closed"; 3])
        },
        ..Case::NEW
    },
];

fn respond(start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    start_response.start(StatusCode::OK, text())?;
    Ok(Body::from("whole"))
}

fn noting(journal: Journal) -> impl FnOnce() -> Result<(), Error> + Send {
    move || {
        journal.note("closed");
        Ok(())
    }
}
