//! The middleware.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use super::host_rule::HostRule;
use super::lifespan;
use super::prefix::Prefix;
use crate::asgi::call::CallFuture;
use crate::error::Error;
use crate::middleware::Refusal;
use crate::request::RequestHead;
use crate::{asgi, host, wsgi};

/// Many applications as one: each request goes to the application of its host, else of its path.
///
/// [`Mount::new`] is for asynchronous applications, with synchronous ones among them by
/// [`bridge::WsgiToAsgi`](crate::bridge::WsgiToAsgi); [`Mount::wsgi`] is for synchronous ones only. A
/// mount is an application itself, so it can be mounted. A request costs no allocation, and one where
/// the mount has run its lifespan; up to four where others stored something after that began.
///
/// # Paths
///
/// The longest prefix wins, and it ends where a segment ends: `/api` has `/api` and `/api/x`, not
/// `/apiary` (A-151). The path is never rewritten: [`RequestHead::mount`] moves the mount point, so at
/// every level `root_path` and `path_info`, as well as SCRIPT_NAME and PATH_INFO, are the whole path
/// (W-26, W-161, A-147).
///
/// | in the request | |
/// |---|---|
/// | `/%61pi` | is `/api`: whole segments are compared as they decode, once |
/// | `/a%2Fb`, `/api%2Fx` | an encoded slash ends no segment and is in no prefix |
/// | `/x/../api`, `/./api`, `/%2e/api` | dot segments are not resolved: the path begins with `x`, `.`, `.` |
/// | `//api` | begins with an empty segment, so it is not below `/api`; `/api//x` is |
/// | `/API` | case counts |
/// | `/api%zz` | an incomplete escape equals nothing |
///
/// What a request is let through to is decided before, by a [`PathGuard`](crate::middleware::PathGuard)
/// around the mount, say; this only says whose it is. Around the mount a guard has rules about the whole
/// path; in an application that is mounted, about the path below its mount point.
///
/// # Hosts
///
/// Hosts come before paths, and their applications have the whole path. The host is the authority of the
/// target where it has one, as with HTTP/2 and absolute targets, else the one `host` field (H-12,
/// H-111). Case, the port and one dot at the end make no difference; addresses in brackets are compared
/// as addresses. One name comes before `*.example.org`, which covers all names below, at any depth, and
/// not `example.org`. A request with several hosts, with a user in its host, or with none, has no host
/// here. Whoever sends a request chooses its host: it is no proof of anything.
///
/// # Everything else
///
/// It gets [`fallback`](Self::fallback), which by default is a [`Refusal`]: 404, for WebSockets too where
/// the server can answer them (A-125, A-89).
///
/// # Lifespan
///
/// Every mounted application has a lifespan of its own, one after the other in the order they were
/// added, the fallback last; one that does not know it is served without (A-05). While one starts or
/// stops, and while requests are served, the others go on with what they do. Shutdown is in reverse.
///
/// - One start-up that fails shuts down those before it and is the failure of all, with its place, and with
///   what went wrong meanwhile (A-110).
/// - An application finds in its requests what it stored itself, and nothing of the others; beside that, what
///   there is in the requests of the mount (A-117).
/// - Failures while serving or at shutdown are told to the server at shutdown, each with its place
///   (A-114).
/// - An application that is mounted twice, by clones of one `Arc<dyn Application>`, has one lifespan.
/// - Where no application knows the lifespan, neither does the mount.
///
/// # Examples
///
/// ```
/// use gateway_iface::http::Request;
/// use gateway_iface::middleware::Mount;
/// use gateway_iface::testing::{AsgiClient, block_on};
/// use gateway_iface::{Error, asgi};
///
/// async fn show(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     let request = scope.into_http()?;
///     let text = format!("{} + {}", request.head().root_path(), request.path_info());
///     send.text(200, text).await?;
///     Ok(())
/// }
///
/// let users = Mount::new().at("/users", show)?;
/// let app = Mount::new().at("/api", users)?.at("/static", show)?.host("www.example.org", show)?;
/// let client = AsgiClient::new(app);
/// for (url, body) in [
///     ("/static/a.css", "/static + /a.css"),
///     ("/api/users/7", "/api/users + /7"),
///     ("/api/groups", "Not Found"),
///     ("http://www.example.org/static/a.css", " + /static/a.css"),
/// ] {
///     assert_eq!(block_on(client.request(Request::get(url).body("")?))?.body(), body, "{url}");
/// }
/// # Ok::<(), Error>(())
/// ```
pub struct Mount<A: ?Sized = dyn asgi::Application> {
    apps: Vec<Mounted<A>>,
    hosts: Vec<(HostRule, usize)>,
    prefixes: Vec<(Prefix, usize)>,
    /// Without one of the user's own, what refuses is not among the applications.
    fallback: Mounted<A>,
    has_fallback: bool,
}

struct Mounted<A: ?Sized> {
    /// The first place it was mounted at, for messages.
    place: String,
    app: Arc<A>,
}

impl Mount {
    /// For asynchronous applications; nothing is mounted yet.
    #[must_use]
    pub fn new() -> Self {
        Self::empty(Arc::new(Refusal::default()))
    }

    /// With an application at a path and all below it.
    ///
    /// The path is written as in a URL; slashes at its end, and a missing one at its front, make no
    /// difference. At `/` it has every path that no other prefix has.
    ///
    /// # Errors
    ///
    /// [`InvalidRoute`] when something is there already, or the path has an empty segment, a dot
    /// segment, an encoded slash, a control character, an incomplete escape, a query or a fragment.
    pub fn at(self, prefix: &str, app: impl asgi::Application + 'static) -> Result<Self, InvalidRoute> {
        self.with_prefix(prefix, share(app))
    }

    /// With an application for a host: `www.example.org`, `*.example.org`, `192.0.2.1`, `[2001:db8::1]`.
    ///
    /// # Errors
    ///
    /// [`InvalidRoute`] when something is there already, or it is no host. A port is no part of it;
    /// names in other scripts are written as they are sent, `xn--…`.
    pub fn host(self, host: &str, app: impl asgi::Application + 'static) -> Result<Self, InvalidRoute> {
        self.with_host(host, share(app))
    }

    /// With an application for everything else.
    #[must_use]
    pub fn fallback(self, app: impl asgi::Application + 'static) -> Self {
        self.with_fallback(share(app))
    }
}

impl Mount<dyn wsgi::Application> {
    /// For synchronous applications; nothing is mounted yet.
    ///
    /// ```
    /// use gateway_iface::Error;
    /// use gateway_iface::http::Request;
    /// use gateway_iface::middleware::Mount;
    /// use gateway_iface::testing::WsgiClient;
    /// use gateway_iface::wsgi::{Body, Environ, StartResponse};
    ///
    /// fn show(environ: Environ, start_response: &mut dyn StartResponse) -> Result<Body, Error> {
    ///     let get = |key| environ.get(key).map(|value| value.latin1().into_owned()).unwrap_or_default();
    ///     start_response.text(200, format!("{} + {}", get("SCRIPT_NAME"), get("PATH_INFO")).into())
    /// }
    ///
    /// let client = WsgiClient::new(Mount::wsgi().at("/api", show)?);
    /// assert_eq!(client.request(Request::get("/%61pi/x").body("")?)?.body(), "/api + /x");
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn wsgi() -> Self {
        Self::empty(Arc::new(Refusal::default()))
    }

    /// With an application at a path and all below it, as for asynchronous ones.
    ///
    /// # Errors
    ///
    /// [`InvalidRoute`], likewise.
    pub fn at(self, prefix: &str, app: impl wsgi::Application + 'static) -> Result<Self, InvalidRoute> {
        self.with_prefix(prefix, Arc::new(app))
    }

    /// With an application for a host, as for asynchronous ones.
    ///
    /// # Errors
    ///
    /// [`InvalidRoute`], likewise.
    pub fn host(self, host: &str, app: impl wsgi::Application + 'static) -> Result<Self, InvalidRoute> {
        self.with_host(host, Arc::new(app))
    }

    /// With an application for everything else.
    #[must_use]
    pub fn fallback(self, app: impl wsgi::Application + 'static) -> Self {
        self.with_fallback(Arc::new(app))
    }
}

impl<A: ?Sized> Mount<A> {
    fn empty(refusal: Arc<A>) -> Self {
        let fallback = Mounted { place: "fallback".to_owned(), app: refusal };
        Self { apps: Vec::new(), hosts: Vec::new(), prefixes: Vec::new(), fallback, has_fallback: false }
    }

    fn with_prefix(mut self, text: &str, app: Arc<A>) -> Result<Self, InvalidRoute> {
        let prefix = Prefix::parse(text).map_err(|reason| InvalidRoute::new(text, reason))?;
        if self.prefixes.iter().any(|(other, _)| *other == prefix) {
            return Err(InvalidRoute::new(text, TAKEN));
        }
        let index = self.add(text, app);
        self.prefixes.push((prefix, index));
        self.prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Ok(self)
    }

    fn with_host(mut self, text: &str, app: Arc<A>) -> Result<Self, InvalidRoute> {
        let rule = HostRule::parse(text).map_err(|reason| InvalidRoute::new(text, reason))?;
        if self.hosts.iter().any(|(other, _)| *other == rule) {
            return Err(InvalidRoute::new(text, TAKEN));
        }
        let index = self.add(text, app);
        self.hosts.push((rule, index));
        self.hosts.sort_by_key(|(rule, _)| std::cmp::Reverse(rule.rank()));
        Ok(self)
    }

    fn with_fallback(mut self, app: Arc<A>) -> Self {
        self.fallback.app = app;
        self.has_fallback = true;
        self
    }

    fn add(&mut self, place: &str, app: Arc<A>) -> usize {
        self.index_of(&app).unwrap_or_else(|| {
            self.apps.push(Mounted { place: place.to_owned(), app });
            self.apps.len() - 1
        })
    }

    fn index_of(&self, app: &Arc<A>) -> Option<usize> {
        self.apps.iter().position(|mounted| is_same(&mounted.app, app))
    }

    /// The application of a request, which is mounted where that is found.
    #[inline]
    fn route(&self, head: &mut RequestHead) -> &Arc<A> {
        let Some(index) = self.by_host(head).or_else(|| self.by_path(head)) else {
            if self.has_fallback {
                let index = self.index_of(&self.fallback.app).unwrap_or(self.apps.len());
                lifespan::give_state(head, index);
            }
            return &self.fallback.app;
        };
        lifespan::give_state(head, index);
        &self.apps[index].app
    }

    fn by_host(&self, head: &RequestHead) -> Option<usize> {
        if self.hosts.is_empty() {
            return None;
        }
        let (name, _) = host::split(host::requested(head)?)?;
        self.hosts.iter().find(|(rule, _)| rule.covers(name)).map(|(_, index)| *index)
    }

    fn by_path(&self, head: &mut RequestHead) -> Option<usize> {
        let path = head.path_info();
        let matched = |(prefix, index): &(Prefix, usize)| Some((prefix.matched_len(path)?, *index));
        let (len, index) = self.prefixes.iter().find_map(matched)?;
        head.mount(len).ok().map(|()| index)
    }
}

impl Default for Mount {
    fn default() -> Self {
        Self::new()
    }
}

impl asgi::Application for Mount {
    #[inline]
    fn call<'a, 'b>(
        &'a self,
        mut scope: asgi::Scope,
        receive: asgi::Receive,
        send: asgi::Send,
    ) -> CallFuture<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        if let Some(head) = scope.head_mut() {
            return self.route(head).call(scope, receive, send);
        }
        match scope {
            asgi::Scope::Lifespan(scope) => {
                let own = (self.has_fallback && self.index_of(&self.fallback.app).is_none())
                    .then_some(&self.fallback);
                let apps = self.apps.iter().chain(own).map(|mounted| (&*mounted.place, &mounted.app));
                Box::pin(lifespan::run(apps.collect(), scope, receive, send))
            }
            other => Box::pin(std::future::ready(Err(other.unsupported().into()))),
        }
    }
}

impl wsgi::Application for Mount<dyn wsgi::Application> {
    #[inline]
    fn call(
        &self,
        mut environ: wsgi::Environ,
        start_response: &mut dyn wsgi::StartResponse,
    ) -> Result<wsgi::Body, Error> {
        self.route(environ.head_mut()).call(environ, start_response)
    }
}

impl<A: ?Sized> Clone for Mount<A> {
    fn clone(&self) -> Self {
        Self {
            apps: self.apps.clone(),
            hosts: self.hosts.clone(),
            prefixes: self.prefixes.clone(),
            fallback: self.fallback.clone(),
            has_fallback: self.has_fallback,
        }
    }
}

impl<A: ?Sized> fmt::Debug for Mount<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<_> = self.apps.iter().map(|mounted| &mounted.place).collect();
        f.debug_struct("Mount").field("apps", &places).field("fallback", &self.has_fallback).finish()
    }
}

impl<A: ?Sized> Clone for Mounted<A> {
    fn clone(&self) -> Self {
        Self { place: self.place.clone(), app: Arc::clone(&self.app) }
    }
}

/// A place where no application can be mounted.
#[derive(Clone, Debug, thiserror::Error)]
#[error("nothing can be mounted at `{place}`: {reason}")]
#[non_exhaustive]
pub struct InvalidRoute {
    place: String,
    reason: &'static str,
}

impl InvalidRoute {
    fn new(place: &str, reason: &'static str) -> Self {
        Self { place: place.to_owned(), reason }
    }
}

/// An application that is shared already is not put in a second `Arc`, so that two places can have one.
fn share<A: asgi::Application + 'static>(app: A) -> Arc<dyn asgi::Application> {
    match (&app as &dyn Any).downcast_ref::<Arc<dyn asgi::Application>>() {
        Some(shared) => Arc::clone(shared),
        None => Arc::new(app),
    }
}

fn is_same<A: ?Sized>(one: &Arc<A>, two: &Arc<A>) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(two))
}

const TAKEN: &str = "another application is there already";

#[cfg(test)]
#[path = "mount_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "lifespan_tests.rs"]
mod lifespan_tests;
