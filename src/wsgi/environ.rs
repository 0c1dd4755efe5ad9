//! The request as an application sees it.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderValue, Method, Request, header};

use super::cgi_keys::key_of;
use super::cgi_view::{self, KEYS};
use super::overlay::Overlay;
use super::peer_keys::is_peer_key;
use super::{ErrorStream, Input, Value};
use crate::request::RequestHead;

/// One request: its head, its body, where errors go, and the variables of CGI as a view of these.
///
/// # Contract
///
/// - Each call owns one; whatever is changed concerns this call only (W-04).
/// - No map of strings is built: [`get`](Self::get) reads the pieces of the request. [`set`](Self::set),
///   [`remove`](Self::remove) and [`clear`](Self::clear) work on any key nevertheless (W-05).
/// - Keys and values are octets, never decoded to text on the way (W-60, W-64).
///
/// The variables (W-45):
///
/// | key | value | rules |
/// |---|---|---|
/// | `REQUEST_METHOD` | the method as sent | W-21 |
/// | `SCRIPT_NAME`, `PATH_INFO` | path up to and below the mount point, decoded once; `%2F` is a `/` then | W-22 to W-26 |
/// | `REQUEST_URI` | path and query as sent, undecoded | W-25 |
/// | `QUERY_STRING` | as sent, without `?`; empty if there is none | W-27, W-28 |
/// | `CONTENT_TYPE` | if the request has one | W-29 |
/// | `CONTENT_LENGTH` | if the request has a valid one, and no `transfer-encoding` | W-30, W-31 |
/// | `SERVER_NAME`, `SERVER_PORT` | where the request arrived; at a unix socket, or unknown, those that the client asked for, else `localhost` and the scheme's port | W-32, W-33, A-152 |
/// | `SERVER_PROTOCOL` | `HTTP/1.0`, `HTTP/1.1`, `HTTP/2.0`, `HTTP/3.0` | W-34 |
/// | `SERVER_SOFTWARE`, `GATEWAY_INTERFACE` | this crate, `CGI/1.1`; a server sets its own name | W-40 |
/// | `REMOTE_ADDR`, `REMOTE_PORT` | of the client, if known | W-40, W-42 |
/// | `REMOTE_USER`, `AUTH_TYPE` | of [`RequestHead::user`], if someone was verified; no field of a request can set them | W-42 |
/// | `HTTPS` | `on` if secure | W-41 |
/// | `HTTP_…` | the header fields, hop-by-hop ones too, repeated ones joined by `,`, cookies by `; ` | W-35, W-37, W-39 |
/// | `wsgi.version`, `wsgi.url_scheme` | `1.0`, `http` or `https` | W-48, W-49 |
/// | `wsgi.multithread`, `wsgi.multiprocess`, `wsgi.run_once`, `wsgi.input_terminated` | `1` or `0` | W-52 to W-54, W-57 |
///
/// No variable shows header names with anything but letters, digits and hyphens (W-38), nor `proxy`
/// (C-21); [`headers`](Self::headers) has them. Whatever else is there when someone sets it (W-59).
/// `wsgi.input` and `wsgi.errors` are [`input`](Self::input) and [`errors`](Self::errors).
///
/// # Examples
///
/// ```
/// use gateway_iface::http::Request;
/// use gateway_iface::wsgi::Environ;
///
/// let request = Request::post("/form?draft").header("Accept", "text/html").body("name=ada").unwrap();
/// let mut environ = Environ::from_request(request);
/// assert_eq!(environ.get("HTTP_ACCEPT").unwrap(), "text/html");
/// assert_eq!(environ.get("CONTENT_LENGTH").unwrap(), "8");
/// assert_eq!(environ.query_string(), "draft");
/// assert!(environ.get("REMOTE_USER").is_none());
/// assert_eq!(environ.input().read_all(100)?, "name=ada");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Environ {
    head: Box<RequestHead>,
    input: Input,
    errors: ErrorStream,
    multithread: bool,
    multiprocess: bool,
    run_once: bool,
    overlay: Option<Box<Overlay>>,
}

impl Environ {
    /// A request with this head and body, on a server of one process with several threads.
    #[must_use]
    pub const fn new(head: Box<RequestHead>, input: Input) -> Self {
        Self {
            head,
            input,
            errors: ErrorStream::stderr(),
            multithread: true,
            multiprocess: false,
            run_once: false,
            overlay: None,
        }
    }

    /// A request whose body is in memory, on an unknown connection; its length is announced.
    #[must_use]
    pub fn from_request(request: Request<impl Into<Bytes>>) -> Self {
        let (mut parts, body) = request.into_parts();
        let body = body.into();
        let framed = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING];
        if !body.is_empty() && !framed.iter().any(|name| parts.headers.contains_key(name)) {
            parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        Self::new(Box::new(RequestHead::new(parts)), Input::from_bytes(body))
    }

    /// With another place for errors (W-90).
    #[must_use]
    pub fn with_errors(mut self, errors: ErrorStream) -> Self {
        self.errors = errors;
        self
    }

    /// Whether other threads of this process may call the application at the same time (W-52).
    #[must_use]
    pub const fn with_multithread(mut self, multithread: bool) -> Self {
        self.multithread = multithread;
        self
    }

    /// Whether other processes may run the application at the same time (W-53).
    #[must_use]
    pub const fn with_multiprocess(mut self, multiprocess: bool) -> Self {
        self.multiprocess = multiprocess;
        self
    }

    /// Whether the server expects no further call in this process (W-54).
    #[must_use]
    pub const fn with_run_once(mut self, run_once: bool) -> Self {
        self.run_once = run_once;
        self
    }

    /// The head.
    #[must_use]
    pub const fn head(&self) -> &RequestHead {
        &self.head
    }

    /// The head, to change.
    ///
    /// A variable that was set or removed by name shows that, whatever becomes of the head, unless
    /// [`set`](Self::set) says that it is a piece of it.
    pub const fn head_mut(&mut self) -> &mut RequestHead {
        &mut self.head
    }

    /// Takes the head out.
    #[must_use]
    pub fn into_head(self) -> Box<RequestHead> {
        self.head
    }

    /// The method (W-21).
    #[must_use]
    pub const fn method(&self) -> &Method {
        self.head.method()
    }

    /// The header fields.
    #[must_use]
    pub const fn headers(&self) -> &HeaderMap {
        self.head.headers()
    }

    /// Where the application is mounted, percent-encoded; `SCRIPT_NAME` is the decoded form (W-22).
    #[doc(alias = "SCRIPT_NAME")]
    #[must_use]
    pub fn root_path(&self) -> &str {
        self.head.root_path()
    }

    /// The path below the mount point, percent-encoded; `PATH_INFO` is the decoded form (W-23).
    #[must_use]
    pub fn path_info(&self) -> &str {
        self.head.path_info()
    }

    /// The query without its `?`; empty when there is none (W-27).
    #[must_use]
    pub fn query_string(&self) -> &str {
        self.head.query_string()
    }

    /// The media type of the body, if the request named one (W-29).
    #[must_use]
    pub fn content_type(&self) -> Option<&[u8]> {
        self.head.content_type()
    }

    /// The length of the body, where it was announced and no transfer coding stands beside it
    /// (W-30, W-31).
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        cgi_view::content_length(&self.head).and_then(|_| self.head.content_length())
    }

    /// Typed values that servers and middleware attach to this request (W-163).
    #[must_use]
    pub const fn extensions(&self) -> &Extensions {
        self.head.extensions()
    }

    /// `https` on a secure connection, else `http` (W-49).
    #[must_use]
    pub fn url_scheme(&self) -> &'static str {
        if self.head.is_secure() { "https" } else { "http" }
    }

    /// The body (W-50).
    pub const fn input(&mut self) -> &mut Input {
        &mut self.input
    }

    /// Takes the body out; an empty one stays.
    #[must_use]
    pub fn take_input(&mut self) -> Input {
        std::mem::take(&mut self.input)
    }

    /// Puts another body in its place.
    pub fn set_input(&mut self, input: Input) {
        self.input = input;
    }

    /// Where text for the operator goes (W-51).
    pub const fn errors(&mut self) -> &mut ErrorStream {
        &mut self.errors
    }

    /// The version of the interface: 1.0 (W-48).
    #[must_use]
    pub const fn version(&self) -> (u32, u32) {
        (1, 0)
    }

    /// Whether other threads of this process may call the application at the same time (W-52).
    #[must_use]
    pub const fn multithread(&self) -> bool {
        self.multithread
    }

    /// Whether other processes may run the application at the same time (W-53).
    #[must_use]
    pub const fn multiprocess(&self) -> bool {
        self.multiprocess
    }

    /// Whether the server expects no further call in this process (W-54).
    #[must_use]
    pub const fn run_once(&self) -> bool {
        self.run_once
    }

    /// The value of a variable.
    ///
    /// It allocates only to decode a path with escapes and to join repeated header fields.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value<'_>> {
        match self.overlay().and_then(|overlay| overlay.get(key)) {
            // What waits there is nothing beside what is verified.
            Some(value) if is_peer_key(key) => {
                cgi_view::derive(self, key).or_else(|| value.as_deref().map(Value::borrowed))
            }
            Some(value) => value.as_deref().map(Value::borrowed),
            None => cgi_view::derive(self, key),
        }
    }

    /// Whether there is such a variable.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// All variables, each once (W-05).
    ///
    /// ```
    /// use gateway_iface::http::Request;
    /// use gateway_iface::wsgi::Environ;
    ///
    /// let environ = Environ::from_request(Request::get("/").header("x-a", "1").body("").unwrap());
    /// let fields: Vec<_> = environ.iter().filter(|(key, _)| key.starts_with("HTTP_")).collect();
    /// assert_eq!(fields.len(), 1);
    /// assert_eq!((fields[0].0.as_ref(), fields[0].1.as_bytes()), ("HTTP_X_A", &b"1"[..]));
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'_, str>, Value<'_>)> {
        let own = KEYS.iter().map(|&key| Cow::Borrowed(key));
        let fields = self.headers().keys().filter_map(key_of).map(Cow::Owned);
        let derived =
            own.chain(fields).filter(|key| !self.overlay().is_some_and(|set| set.contains_key(&**key)));
        let set = self.overlay().into_iter().flat_map(|overlay| overlay.keys());
        derived.chain(set.map(|key| Cow::Borrowed(key.as_str()))).filter_map(|key| {
            let value = self.get(&key)?;
            Some((key, value))
        })
    }

    pub(super) fn overlay(&self) -> Option<&Overlay> {
        self.overlay.as_deref()
    }

    pub(super) fn overlay_mut(&mut self) -> Option<&mut Overlay> {
        self.overlay.as_deref_mut()
    }

    pub(super) fn overlay_or_default(&mut self) -> &mut Overlay {
        self.overlay.get_or_insert_default()
    }

    pub(super) const fn set_multithread(&mut self, multithread: bool) {
        self.multithread = multithread;
    }

    pub(super) const fn set_multiprocess(&mut self, multiprocess: bool) {
        self.multiprocess = multiprocess;
    }

    pub(super) const fn set_run_once(&mut self, run_once: bool) {
        self.run_once = run_once;
    }
}

impl fmt::Debug for Environ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environ")
            .field("head", &self.head)
            .field("input", &self.input)
            .field("errors", &self.errors)
            .field("multithread", &self.multithread)
            .field("multiprocess", &self.multiprocess)
            .field("run_once", &self.run_once)
            .field("overlay", &self.overlay)
            .finish()
    }
}
