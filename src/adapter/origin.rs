//! Where a request came from: what a framework's own request has no field for.

use std::net::SocketAddr;
use std::sync::Arc;

use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, Uri, header};

use crate::connection::Connection;
use crate::request::RequestHead;

/// The connection of a request and where its handler is mounted, among the extensions of a framework's request.
///
/// A framework's router works on the path below the mount point: [`detach`](Self::detach) gives it that, and
/// [`restore`](Self::restore) makes the whole of it again for an application behind the framework, together with
/// what the framework's own routers took off (A-147, W-160).
///
/// # Examples
///
/// ```
/// use gateway_iface::RequestHead;
/// use gateway_iface::adapter::Origin;
/// use gateway_iface::http::{Request, Uri};
///
/// let mut head = RequestHead::new(Request::get("/app/api/users?q=1").body(())?.into_parts().0);
/// head.mount("/app".len())?;
///
/// // A framework sees the path below the mount point.
/// let mut parts = Origin::detach(head);
/// assert_eq!(parts.uri, "/api/users?q=1");
///
/// // It has a router of its own, which takes a prefix off.
/// parts.uri = Uri::from_static("/users?q=1");
///
/// // What is behind it sees both mounts.
/// let origin: Origin = parts.extensions.remove().unwrap_or_default();
/// let head = origin.restore(parts);
/// assert_eq!((head.root_path(), head.path_info()), ("/app/api", "/users"));
/// # Ok::<(), gateway_iface::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Origin {
    connection: Arc<Connection>,
    target: Option<Uri>,
    detached: bool,
}

impl Origin {
    /// On this connection.
    #[must_use]
    pub fn new(connection: impl Into<Arc<Connection>>) -> Self {
        Self { connection: connection.into(), target: None, detached: false }
    }

    /// With the whole target of the request, where the framework's router took a prefix off.
    #[must_use]
    pub fn with_target(mut self, target: Uri) -> Self {
        self.target = Some(target);
        self
    }

    /// With this address of the client, where none is known (A-30).
    #[must_use]
    pub fn with_client(mut self, client: SocketAddr) -> Self {
        if self.connection.client() != Some(client) {
            Arc::make_mut(&mut self.connection).set_client(Some(client));
        }
        self
    }

    /// The connection.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The connection, to change for this request.
    pub fn connection_mut(&mut self) -> &mut Connection {
        Arc::make_mut(&mut self.connection)
    }

    /// The whole target of the request, if known.
    #[must_use]
    pub const fn target(&self) -> Option<&Uri> {
        self.target.as_ref()
    }

    /// Whether [`detach`](Self::detach) has made it: then an adapter around the framework learns of errors by the
    /// [`Failed`](super::Failed) of a response.
    #[must_use]
    pub const fn is_detached(&self) -> bool {
        self.detached
    }

    /// With what an adapter knows of all its connections: what it supports (A-121), and what the application stored at
    /// start-up, where the adapter ran that (A-117).
    #[must_use]
    pub fn with_common(mut self, common: &Connection) -> Self {
        if self.connection.capabilities() != common.capabilities() {
            self.connection_mut().set_capabilities(common.capabilities());
        }
        if let Some(state) = common.state() {
            *self.connection_mut().state_mut() = state.clone();
        }
        self
    }

    /// Takes a head apart for a framework: the target is what is below the mount point, and the rest is among the
    /// extensions, as an `Origin`. A [`RemoteUser`](crate::RemoteUser) is there as well (W-42).
    #[must_use]
    pub fn detach(head: RequestHead) -> Parts {
        let root_len = head.root_path().len();
        let connection = head.shared_connection();
        let mut parts = head.into_parts();
        let target = parts.uri.clone();
        if root_len > 0 {
            parts.uri = below(&target, root_len);
        }
        parts.extensions.insert(Self { connection, target: Some(target), detached: true });
        parts
    }

    /// Makes a head of a framework's request.
    ///
    /// The mount point is what the whole target has before the request's own path. Where that is not its end,
    /// because the framework rewrote it, the request's own target is all there is. A target that was rewritten to `/`, or to
    /// what is the end of the whole one by chance, cannot be told from one that a router took a prefix off.
    ///
    /// The host of a target that has one is the `host` field as well (H-12, A-28).
    #[must_use]
    pub fn restore(self, mut parts: Parts) -> Box<RequestHead> {
        let root_len = self.target.as_ref().and_then(|target| mounted(target, &parts.uri));
        if let (Some(len), Some(target)) = (root_len, self.target)
            && len > 0
        {
            parts.uri = target;
        }
        if parts.uri.authority().is_some() {
            set_host(&mut parts);
        }
        let mut head = Box::new(RequestHead::on(parts, self.connection));
        if let Some(len) = root_len {
            // A border of segments, as `mounted` has seen.
            let _ = head.mount(len);
        }
        head
    }
}

/// Says in the fields which host the target names.
fn set_host(parts: &mut Parts) {
    let Some(authority) = parts.uri.authority() else {
        return;
    };
    let host = authority.as_str().rsplit('@').next().unwrap_or_default();
    if !parts.headers.get_all(header::HOST).iter().eq([host])
        && let Ok(host) = HeaderValue::from_str(host)
    {
        parts.headers.insert(header::HOST, host);
    }
}

/// The target below the mount point; a path is never empty there.
fn below(target: &Uri, root_len: usize) -> Uri {
    let Some(rest) = target.path_and_query().and_then(|whole| whole.as_str().get(root_len..)) else {
        return target.clone();
    };
    let rest = if rest.starts_with('/') {
        PathAndQuery::try_from(rest)
    } else {
        PathAndQuery::try_from(format!("/{rest}"))
    };
    let mut pieces = target.clone().into_parts();
    if let Ok(rest) = rest {
        pieces.path_and_query = Some(rest);
    }
    Uri::from_parts(pieces).unwrap_or_else(|_| target.clone())
}

/// How much of the whole target's path is before that of the request; `None` where the request has another target.
fn mounted(target: &Uri, own: &Uri) -> Option<usize> {
    let (whole, path) = (target.path(), own.path());
    if target.query() != own.query() {
        return None;
    }
    let prefix = match whole.strip_suffix(path) {
        Some(prefix) => prefix,
        None if path == "/" => whole,
        None => return None,
    };
    (!prefix.ends_with('/') && (prefix.is_empty() || prefix.starts_with('/'))).then_some(prefix.len())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    /// What an application behind a framework sees that takes `own` for its target.
    fn seen(target: &str, root_len: usize, own: &str) -> (String, String, String) {
        let mut head = RequestHead::new(Request::get(target).body(()).unwrap().into_parts().0);
        head.mount(root_len).unwrap();
        let mut parts = Origin::detach(head);
        if !own.is_empty() {
            parts.uri = own.parse().unwrap();
        }
        let origin = parts.extensions.remove::<Origin>().unwrap();
        let head = origin.restore(parts);
        (head.root_path().to_owned(), head.path_info().to_owned(), head.query_string().to_owned())
    }

    #[test]
    fn a_147_mount_point_goes_through_a_framework_and_comes_back() {
        let cases = [
            ("/a/b?q", 0, "", ("", "/a/b", "q")),
            ("/a/b?q", 2, "", ("/a", "/b", "q")),
            ("/a/b?q", 4, "", ("/a/b", "", "q")),
            ("/a/", 2, "", ("/a", "/", "")),
            ("/a//b", 2, "", ("/a", "//b", "")),
            ("/a/b/c", 2, "/c", ("/a/b", "/c", "")),
            ("/a/b", 0, "/", ("/a/b", "", "")),
            // Rewritten: the mount point is not known any more.
            ("/a/b/c", 2, "/other", ("", "/other", "")),
            ("/a/b?q", 2, "/b?other", ("", "/b", "other")),
            ("/ab", 0, "/b", ("", "/b", "")),
        ];
        for (target, root_len, own, (root, path, query)) in cases {
            let wanted = (root.to_owned(), path.to_owned(), query.to_owned());
            assert_eq!(seen(target, root_len, own), wanted, "{target} mounted at {root_len}, then {own:?}");
        }
    }

    #[test]
    fn h_12_a_28_host_of_the_target_is_the_host() {
        for (fields, hosts) in
            [(vec![], vec!["a.example:8000"]), (vec!["a.example:8000", "b.example"], vec!["a.example:8000"])]
        {
            let mut request = Request::get("http://user@a.example:8000/x");
            for field in fields {
                request = request.header(header::HOST, field);
            }
            let head = Origin::default().restore(request.body(()).unwrap().into_parts().0);
            assert_eq!(head.headers().get_all(header::HOST).iter().collect::<Vec<_>>(), hosts);
        }
    }

    #[test]
    fn framework_sees_the_path_below_the_mount_point_and_the_rest_as_it_is() {
        for (target, root_len, own) in [
            ("http://example.org/a/b?q", 2, "http://example.org/b?q"),
            ("http://example.org/a?q", 2, "http://example.org/?q"),
            ("/a", 2, "/"),
            ("*", 0, "*"),
        ] {
            let request = Request::builder().method("OPTIONS").uri(target).body(()).unwrap();
            let mut head = RequestHead::new(request.into_parts().0);
            if root_len > 0 {
                head.mount(root_len).unwrap();
            }
            assert_eq!(Origin::detach(head).uri, own);
        }
    }
}
