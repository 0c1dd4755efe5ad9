//! Lifespans inside of middleware.

use std::sync::Arc;

use gateway_iface::asgi::{self, Scope};
use gateway_iface::middleware::Mount;

use crate::case::{App, Case, Ended, asgi, equal};
use crate::cases::layers::layered;
use crate::journal::Journal;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "lifespan_passes_every_layer",
        rules: &["A-144", "A-117"],
        about: "Every middleware there is stands around the application: its start-up and shutdown are told once, and what it stores is in its requests.",
        app: App::Asgi(|journal| layered(named(journal, "app"))),
        check: |client| client.get("")?.is(200, "app"),
        after: Some(|journal, ended| {
            equal("the end", ended, Ended::Stopped)?;
            equal("the notes", journal.lines(), ["app starts", "app stops"])
        }),
        ..Case::NEW
    },
    Case {
        name: "mounted_applications_have_lifespans_of_their_own",
        rules: &["A-108", "A-112", "A-117", "A-119"],
        about: "Two applications are mounted: each is started before the first request and stopped after the last, and each request finds what its own application stored.",
        app: App::Asgi(|journal| {
            let base = "/mounted_applications_have_lifespans_of_their_own";
            let tree = Mount::new().at(&format!("{base}/one"), named(journal.clone(), "one"));
            let tree = tree.and_then(|tree| tree.at(&format!("{base}/two"), named(journal, "two")));
            Arc::new(tree.expect("the prefixes of cases are valid"))
        }),
        check: |client| {
            client.get("/two")?.is(200, "two")?;
            client.get("/one")?.is(200, "one")
        },
        after: Some(|journal, ended| {
            equal("the end", ended, Ended::Stopped)?;
            equal("the notes", journal.lines(), ["one starts", "two starts", "two stops", "one stops"])
        }),
        ..Case::NEW
    },
];

/// Stores its name at start-up, and answers with what it finds stored.
fn named(journal: Journal, name: &'static str) -> Arc<dyn asgi::Application> {
    asgi(move |scope, receive, mut send| {
        let journal = journal.clone();
        async move {
            let request = match scope {
                Scope::Lifespan(lifespan) => {
                    let (state, noted) = (lifespan.state().clone(), journal.clone());
                    let startup = async move {
                        noted.note(format!("{name} starts"));
                        state.insert(Name(name));
                        Ok(())
                    };
                    let shutdown = async move {
                        journal.note(format!("{name} stops"));
                        Ok(())
                    };
                    return lifespan.run(receive, send, startup, shutdown).await;
                }
                scope => scope.into_http()?,
            };
            let stored =
                request.head().state().and_then(|state| state.get::<Name>()).map_or("nothing", |name| name.0);
            Ok(send.text(200, stored).await?)
        }
    })
}

struct Name(&'static str);
