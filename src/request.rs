//! The head of one request: what both interfaces tell the application.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue, Method, Uri, Version, header};

use crate::asgi::{Capabilities, State, Tls};
use crate::connection::{Connection, ServerAddr};
use crate::path;
use crate::user::{RemoteUser, Witness};

#[path = "request_target.rs"]
mod target;

pub use self::target::{InvalidHost, InvalidMount};

/// The head of one request: [`http::request::Parts`], where the application is mounted, and the
/// connection it came on.
///
/// [`asgi::HttpScope`](crate::asgi::HttpScope), [`asgi::WebSocketScope`](crate::asgi::WebSocketScope)
/// and [`wsgi::Environ`](crate::wsgi::Environ) each hold one.
///
/// # Contract
///
/// - The path is kept once, as received ([`raw_path`](Self::raw_path), A-23). Mounting never
///   rewrites it but moves an offset at a segment border, so [`root_path`](Self::root_path) followed
///   by [`path_info`](Self::path_info) is always the whole (W-26, A-21, A-147, A-151).
/// - Header names are lower-case, values are octets, repeated fields stay separate in the order
///   received (A-26, A-27).
/// - Each request has a head of its own (A-34); a middleware changes only the one it was given
///   (A-141, A-142).
///
/// # Examples
///
/// ```
/// use gateway_iface::RequestHead;
/// use gateway_iface::http::Request;
///
/// let (parts, ()) = Request::get("/api/caf%C3%A9?q=1").body(()).unwrap().into_parts();
/// let mut head = RequestHead::new(parts);
/// head.mount("/api".len())?;
/// assert_eq!(head.root_path(), "/api");
/// assert_eq!(head.path_info(), "/caf%C3%A9");
/// assert_eq!(head.path()?, "/api/café");
/// assert_eq!(head.query_string(), "q=1");
/// # Ok::<(), gateway_iface::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RequestHead {
    parts: Parts,
    root_len: usize,
    connection: Arc<Connection>,
    user: Option<RemoteUser>,
    witness: Option<Witness>,
    bodiless: bool,
}

impl RequestHead {
    /// A head on an unknown connection, mounted at the root.
    ///
    /// A [`RemoteUser`] among the extensions is taken for the [user](Self::user).
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self::on(parts, Arc::default())
    }

    /// A head on this connection, mounted at the root.
    ///
    /// A [`RemoteUser`] among the extensions is taken for the [user](Self::user), so that who was verified goes
    /// through a framework's own request and comes back: [`into_parts`](Self::into_parts) puts it there.
    #[must_use]
    #[inline]
    pub fn on(mut parts: Parts, connection: Arc<Connection>) -> Self {
        let user = if parts.extensions.is_empty() { None } else { take_user(&mut parts.extensions) };
        Self { parts, root_len: 0, connection, user, witness: None, bodiless: false }
    }

    /// The request method (W-21, A-19).
    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.parts.method
    }

    /// The protocol version of the request (W-34, A-18).
    #[must_use]
    pub const fn version(&self) -> Version {
        self.parts.version
    }

    /// The request target as it was parsed.
    #[must_use]
    pub const fn uri(&self) -> &Uri {
        &self.parts.uri
    }

    /// The header fields.
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    /// The header fields, to change.
    pub const fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.parts.headers
    }

    /// Typed values that servers and middleware attach to this request.
    #[must_use]
    pub const fn extensions(&self) -> &Extensions {
        &self.parts.extensions
    }

    /// The typed values, to change.
    pub const fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.parts.extensions
    }

    /// The whole path as received: percent-encoded, without query (A-23).
    #[must_use]
    pub fn raw_path(&self) -> &str {
        self.parts.uri.path()
    }

    /// Where the application is mounted, as received; empty at the root (A-25, W-22).
    #[must_use]
    pub fn root_path(&self) -> &str {
        &self.raw_path()[..self.root_len]
    }

    /// The path below the mount point, as received (W-23, A-151).
    #[must_use]
    pub fn path_info(&self) -> &str {
        &self.raw_path()[self.root_len..]
    }

    /// The whole path, percent-decoded once, as text; it begins with the root path (A-21).
    ///
    /// # Errors
    ///
    /// [`InvalidPath`] when an escape is incomplete or the octets are not UTF-8 (A-22). Passed on by
    /// an application it is answered with 400. The octets themselves are `PATH_INFO` in
    /// [`Environ::get`](crate::wsgi::Environ::get).
    pub fn path(&self) -> Result<Cow<'_, str>, InvalidPath> {
        decode_text(self.raw_path())
    }

    /// The query without its `?`, still percent-encoded; empty when there is none (W-27, A-24).
    #[must_use]
    pub fn query_string(&self) -> &str {
        self.parts.uri.query().unwrap_or_default()
    }

    /// `https` (or `wss`) on a secure connection, else `http` (or `ws`): (A-20, A-38, W-49).
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.connection.is_secure()
    }

    /// What is known of the TLS that it came by (A-46, A-138).
    #[must_use]
    pub fn tls(&self) -> Option<&Tls> {
        self.connection.tls()
    }

    /// The connection the request came on.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The connection, shared with the other requests that came on it.
    pub(crate) fn shared_connection(&self) -> Arc<Connection> {
        Arc::clone(&self.connection)
    }

    /// The connection as this request sees it, to change: other requests keep theirs.
    pub fn connection_mut(&mut self) -> &mut Connection {
        Arc::make_mut(&mut self.connection)
    }

    /// The client's address, if known (A-30).
    #[must_use]
    pub fn client(&self) -> Option<SocketAddr> {
        self.connection.client()
    }

    /// The address the request arrived at, if known (A-31).
    #[must_use]
    pub fn server(&self) -> Option<&ServerAddr> {
        self.connection.server()
    }

    /// Who sent the request, if a server or a middleware has verified it (W-42).
    #[must_use]
    pub const fn user(&self) -> Option<&RemoteUser> {
        self.user.as_ref()
    }

    /// Says who sent the request.
    pub fn set_user(&mut self, user: Option<RemoteUser>) {
        if let Some(witness) = &self.witness {
            witness.learn(user.as_ref());
        }
        self.user = user;
    }

    /// Has this one learn who sent the request when that is set, and gives back who did before.
    pub(crate) const fn replace_witness(&mut self, witness: Witness) -> Option<Witness> {
        self.witness.replace(witness)
    }

    /// Whether the server knows that the request has no body; `false` says nothing.
    #[must_use]
    pub const fn is_bodiless(&self) -> bool {
        self.bodiless
    }

    /// Says whether the request is known to have no body.
    ///
    /// For a server, and for a layer that gives the application another body than it was given.
    pub const fn set_bodiless(&mut self, bodiless: bool) {
        self.bodiless = bodiless;
    }

    /// What the server supports beyond the core protocol (A-121).
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.connection.capabilities()
    }

    /// What the application stored at start-up; `None` when no lifespan ran (A-32, A-117).
    #[must_use]
    pub fn state(&self) -> Option<&State> {
        self.connection.state()
    }

    /// Replaces the method.
    pub fn set_method(&mut self, method: Method) {
        self.parts.method = method;
    }

    /// The media type of the body, if the request named one.
    #[must_use]
    pub fn content_type(&self) -> Option<&[u8]> {
        self.parts.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes)
    }

    /// The length of the body in octets, where the request announced a valid one (W-30).
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        parse_length(self.parts.headers.get(header::CONTENT_LENGTH)?.as_bytes())
    }

    /// Gives the pieces back, with the user among the extensions as [`RemoteUser`], where someone was verified;
    /// mount offset and connection are dropped.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use gateway_iface::http::Request;
    /// # use gateway_iface::{Connection, RemoteUser, RequestHead};
    /// # let mut head = RequestHead::new(Request::get("/").body(()).unwrap().into_parts().0);
    /// head.set_user(Some(RemoteUser::new("ada", "Basic")));
    /// let request = Request::from_parts(head.into_parts(), ());
    /// assert_eq!(request.extensions().get::<RemoteUser>().unwrap().name(), "ada");
    /// let head = RequestHead::on(request.into_parts().0, Arc::default());
    /// assert_eq!(head.user().unwrap().name(), "ada");
    /// ```
    #[must_use]
    pub fn into_parts(mut self) -> Parts {
        // What someone else put there was verified by nobody.
        self.parts.extensions.remove::<RemoteUser>();
        if let Some(user) = self.user {
            self.parts.extensions.insert(user);
        }
        self.parts
    }
}

/// The path cannot be decoded to text: an incomplete escape, or octets that are not UTF-8 (A-22).
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the request path is not valid percent-encoded UTF-8")]
#[non_exhaustive]
pub struct InvalidPath;

#[cold]
fn take_user(extensions: &mut Extensions) -> Option<RemoteUser> {
    extensions.remove()
}

/// Parses `1*DIGIT` without overflow (H-43, H-45).
pub(crate) fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |length, &digit| {
        if !digit.is_ascii_digit() {
            return None;
        }
        length.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })
}

fn decode_text(raw: &str) -> Result<Cow<'_, str>, InvalidPath> {
    if !path::is_well_formed(raw) {
        return Err(InvalidPath);
    }
    match path::decode(raw) {
        Cow::Borrowed(_) => Ok(Cow::Borrowed(raw)),
        Cow::Owned(octets) => String::from_utf8(octets).map(Cow::Owned).map_err(|_| InvalidPath),
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
