//! The head of one request: what both interfaces tell the application.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use http::request::Parts;
use http::uri::{PathAndQuery, Uri};
use http::{Extensions, HeaderMap, HeaderValue, Method, Version, header};

use crate::asgi::{Capabilities, State};
use crate::connection::{Connection, ServerAddr};
use crate::host;
use crate::path;
use crate::user::RemoteUser;

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
}

impl RequestHead {
    /// A head on an unknown connection, mounted at the root.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self::on(parts, Arc::default())
    }

    /// A head on this connection, mounted at the root.
    #[must_use]
    #[inline]
    pub const fn on(parts: Parts, connection: Arc<Connection>) -> Self {
        Self { parts, root_len: 0, connection, user: None }
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

    /// The connection the request came on.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
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
        self.user = user;
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

    /// Moves the mount point `len` octets further into [`path_info`](Self::path_info) (A-147, W-160, W-161).
    ///
    /// # Errors
    ///
    /// [`InvalidMount`], and nothing changes, unless those octets begin with `/`, do not end with
    /// `/`, and end where a segment ends.
    pub fn mount(&mut self, len: usize) -> Result<(), InvalidMount> {
        let Some((prefix, rest)) = self.path_info().split_at_checked(len) else {
            return Err(InvalidMount);
        };
        let starts = prefix.is_empty() || prefix.starts_with('/');
        let ends = !prefix.ends_with('/') && (rest.is_empty() || rest.starts_with('/'));
        if !(starts && ends) {
            return Err(InvalidMount);
        }
        self.root_len += len;
        Ok(())
    }

    /// Mounts the application at `prefix`, percent-encoded, where [`path_info`](Self::path_info) begins
    /// with it and the two meet at a segment border; whether it did (A-147, A-151).
    ///
    /// ```
    /// # use gateway_iface::RequestHead;
    /// # use gateway_iface::http::Request;
    /// # let (parts, ()) = Request::get("/api/users").body(()).unwrap().into_parts();
    /// # let mut head = RequestHead::new(parts);
    /// assert!(!head.mount_at("/ap"));
    /// assert!(head.mount_at("/api"));
    /// assert_eq!(head.path_info(), "/users");
    /// ```
    pub fn mount_at(&mut self, prefix: &str) -> bool {
        self.path_info().starts_with(prefix) && self.mount(prefix.len()).is_ok()
    }

    /// Replaces mount point, path below it, and query, all percent-encoded (W-161).
    ///
    /// # Errors
    ///
    /// [`InvalidMount`], and nothing changes, when the two do not meet at a segment border or the
    /// result is no request target.
    pub fn set_target(&mut self, root_path: &str, path_info: &str, query: &str) -> Result<(), InvalidMount> {
        let mut target = format!("{root_path}{path_info}");
        if !query.is_empty() {
            target.push('?');
            target.push_str(query);
        }
        let path_and_query = PathAndQuery::try_from(target).map_err(|_| InvalidMount)?;
        let mut uri = self.parts.uri.clone().into_parts();
        uri.path_and_query = Some(path_and_query);
        let uri = Uri::from_parts(uri).map_err(|_| InvalidMount)?;
        let (old_uri, old_len) = (std::mem::replace(&mut self.parts.uri, uri), self.root_len);
        self.root_len = 0;
        if let Err(error) = self.mount(root_path.len()) {
            self.parts.uri = old_uri;
            self.root_len = old_len;
            return Err(error);
        }
        Ok(())
    }

    /// Replaces the host that the client asked for, `name` or `name:port`: the `host` field, and the
    /// authority of the target where it has one, so that the two agree (H-12, H-111).
    ///
    /// # Errors
    ///
    /// [`InvalidHost`], and nothing changes, when it is none (H-18, H-19).
    pub fn set_host(&mut self, host: &str) -> Result<(), InvalidHost> {
        let (name, port) = host::split(host).ok_or(InvalidHost)?;
        let valid_name = name.len() <= HOST_LIMIT && (host::is_name(name) || host::literal(name).is_some());
        let valid_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
        if !(valid_name && valid_port) {
            return Err(InvalidHost);
        }
        let value = HeaderValue::from_str(host).map_err(|_| InvalidHost)?;
        if self.parts.uri.authority().is_some() {
            let mut uri = self.parts.uri.clone().into_parts();
            uri.authority = Some(host.parse().map_err(|_| InvalidHost)?);
            self.parts.uri = Uri::from_parts(uri).map_err(|_| InvalidHost)?;
        }
        self.parts.headers.insert(header::HOST, value);
        Ok(())
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

    /// Gives the pieces back; the mount offset, the connection and the user are dropped.
    #[must_use]
    pub fn into_parts(self) -> Parts {
        self.parts
    }
}

/// The path cannot be decoded to text: an incomplete escape, or octets that are not UTF-8 (A-22).
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the request path is not valid percent-encoded UTF-8")]
#[non_exhaustive]
pub struct InvalidPath;

/// A mount point that does not end at a segment border of the path.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a mount point begins with `/`, does not end with `/`, and ends where a path segment ends")]
#[non_exhaustive]
pub struct InvalidMount;

/// A text that is no host: a name or an address, and a port if need be.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a host is a name or an address, and a port if need be")]
#[non_exhaustive]
pub struct InvalidHost;

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

/// No name in the DNS is longer, in octets.
const HOST_LIMIT: usize = 255;

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
