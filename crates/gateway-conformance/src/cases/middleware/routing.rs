//! Several applications in one tree.

use std::sync::Arc;

use gateway_iface::http::HeaderValue;
use gateway_iface::middleware::Mount;
use gateway_iface::{asgi, wsgi};

use crate::case::{App, Case, Failure, asgi, ensure, equal, wsgi};
use crate::client::Response;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "mount_gives_each_request_to_its_application",
        rules: &["A-25", "A-147", "A-151"],
        about: "Applications are mounted under prefixes, one in another: the longest prefix at a segment border decides, however it is spelled, and each application is told its place.",
        app: App::Asgi(|_| {
            let inner = mounted(Mount::new(), "/v1", told("v1")).fallback(told("api"));
            let tree = mounted(Mount::new(), "/mount_gives_each_request_to_its_application/api", inner);
            let tree =
                mounted(tree, "/mount_gives_each_request_to_its_application/api/static", told("static"));
            Arc::new(tree.fallback(told("root")))
        }),
        check: |client| {
            for (below, name, root, rest) in [
                ("/api/v1/users", "v1", "/api/v1", "/users"),
                ("/api/v1", "v1", "/api/v1", ""),
                ("/%61pi/%761/", "v1", "/%61pi/%761", "/"),
                ("/api/v12", "api", "/api", "/v12"),
                ("/api/static/x", "static", "/api/static", "/x"),
                ("/api", "api", "/api", ""),
            ] {
                is_at(&client.get(below)?, name, root, rest)?;
            }
            let other = client.get("/apiary")?;
            equal("who answers /apiary", other.text().split('|').next(), Some("root"))
        },
        ..Case::NEW
    },
    Case {
        name: "mount_gives_each_request_to_its_synchronous_application",
        rules: &["W-22", "W-26", "W-161", "W-135"],
        about: "Synchronous applications are mounted under prefixes: SCRIPT_NAME and PATH_INFO are right at every level, and what no prefix matches is 404.",
        app: App::Wsgi(|_| {
            let inner = at(Mount::wsgi(), "/deep", told_blocking("deep")).fallback(told_blocking("outer"));
            Arc::new(at(Mount::wsgi(), "/mount_gives_each_request_to_its_synchronous_application/a", inner))
        }),
        check: |client| {
            for (below, name, root, rest) in [
                ("/a/deep/x%20y", "deep", "/a/deep", "/x y"),
                ("/a/deeper", "outer", "/a", "/deeper"),
                ("/a", "outer", "/a", ""),
            ] {
                is_at(&client.get(below)?, name, root, rest)?;
            }
            equal("the status", client.get("/b")?.status, 404)
        },
        ..Case::NEW
    },
    Case {
        name: "host_decides_before_the_path",
        rules: &["A-147"],
        about: "Applications are mounted by host name, in any case, with or without a port and a last dot: a host that is none of them does not pass for one, and the path stays whole.",
        app: App::Asgi(|_| {
            let tree = Mount::new().host("www.kit.example", told("www")).expect("a host name");
            Arc::new(tree.fallback(told("other")))
        }),
        check: |client| {
            for (host, name) in [
                ("www.kit.example", "www"),
                ("WWW.Kit.Example:8080", "www"),
                ("www.kit.example.", "www"),
                ("kit.example", "other"),
                ("evil-www.kit.example", "other"),
                ("www.kit.example.evil.example", "other"),
            ] {
                let mut request = client.to("GET", "/x", "");
                request.headers_mut().insert("host", HeaderValue::from_static(host));
                let response = client.request(request)?;
                is_at(&response, name, "", "/host_decides_before_the_path/x")
                    .map_err(|failure| Failure::new(format!("{host}: {failure}")))?;
            }
            Ok(())
        },
        ..Case::NEW
    },
];

/// Fails unless the application of that name answered, and was told that place.
fn is_at(response: &Response, name: &str, root: &str, rest: &str) -> Result<(), Failure> {
    equal("the status", response.status, 200)?;
    let text = response.text();
    let told: Vec<_> = text.split('|').collect();
    // A server may have mounted the whole tree somewhere.
    let place = told.get(1).is_some_and(|told| told.ends_with(root));
    ensure(told.first() == Some(&name) && place && told.get(2) == Some(&rest), || {
        format!("saw {text}, wanted {name}|..{root}|{rest}")
    })
}

/// Answers with its name, where it is mounted, and what is left of the path.
fn told(name: &'static str) -> Arc<dyn asgi::Application> {
    asgi(move |scope, _, mut send| async move {
        let request = scope.into_http()?;
        let head = request.head();
        let text = format!("{name}|{}|{}", head.root_path(), head.path_info());
        Ok(send.text(200, text).await?)
    })
}

fn told_blocking(name: &'static str) -> Arc<dyn wsgi::Application> {
    wsgi(move |environ, start_response| {
        let mut text = name.as_bytes().to_vec();
        for key in ["SCRIPT_NAME", "PATH_INFO"] {
            text.push(b'|');
            text.extend(environ.get(key).map(|value| value.as_bytes().to_vec()).unwrap_or_default());
        }
        start_response.text(200, text.into())
    })
}

fn mounted(
    tree: Mount<dyn asgi::Application>,
    prefix: &str,
    app: impl asgi::Application + 'static,
) -> Mount<dyn asgi::Application> {
    tree.at(prefix, app).expect("the prefixes of cases are valid")
}

fn at(
    tree: Mount<dyn wsgi::Application>,
    prefix: &str,
    app: impl wsgi::Application + 'static,
) -> Mount<dyn wsgi::Application> {
    tree.at(prefix, app).expect("the prefixes of cases are valid")
}
