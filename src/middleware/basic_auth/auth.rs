//! The middleware.

use std::fmt;

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::credentials;
use super::users::Verify;
use crate::asgi::call::CallFuture;
use crate::error::Error;
use crate::middleware::denial;
use crate::request::RequestHead;
use crate::{asgi, wsgi};

/// Lets requests through that bring a user and the right password, and asks for them else.
///
/// The inner application finds who it is in [`RequestHead::user`], and in the variables of CGI as
/// `REMOTE_USER` and `AUTH_TYPE`; no field of a request can set those. What is not let through gets
/// 401 with a challenge (H-74); a WebSocket gets the same where the server can answer it (A-125), else it
/// is closed before it is open (A-89). Lifespans pass untouched (A-144). A request that passes costs no
/// allocation of its own with [`Users`](super::Users), and two, for the user, with a function.
///
/// The password goes over the wire as it is: use it over TLS only. The `authorization` field stays, for
/// what the inner application asks in turn, and is marked so that no `Debug` output shows it.
///
/// # Policy
///
/// | the request brings | |
/// |---|---|
/// | no `authorization` field, or several | 401 |
/// | another scheme than `Basic`, whose case makes no difference | 401 |
/// | base64 with another alphabet, white space, missing padding, or bits left over | 401 |
/// | no colon, or an empty user; the first colon ends the user | 401 |
/// | control characters, or octets that are not UTF-8, which the challenge asks for | 401 |
/// | more than [`CREDENTIALS_LIMIT`](Self::CREDENTIALS_LIMIT) octets | 401 |
///
/// # Examples
///
/// ```
/// use gateway_iface::http::Request;
/// use gateway_iface::middleware::{BasicAuth, Users};
/// use gateway_iface::testing::{AsgiClient, block_on};
/// use gateway_iface::{Error, asgi};
///
/// async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     let request = scope.into_http()?;
///     let user = request.head().user().map_or("nobody", |user| user.name());
///     send.text(200, user.to_owned()).await?;
///     Ok(())
/// }
///
/// let auth = BasicAuth::new(app, Users::new().with("ada", "lovelace")).with_realm("the engine")?;
/// let client = AsgiClient::new(auth);
/// let response = block_on(client.request(Request::get("/").body("")?))?;
/// assert_eq!(response.status(), 401);
/// assert_eq!(response.headers()["www-authenticate"], r#"Basic realm="the engine", charset="UTF-8""#);
/// let request = Request::get("/").header("authorization", "Basic YWRhOmxvdmVsYWNl").body("")?;
/// assert_eq!(block_on(client.request(request))?.body(), "ada");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct BasicAuth<A, V> {
    pub(super) inner: A,
    pub(super) verify: V,
    pub(super) challenge: HeaderValue,
}

impl<A, V: Verify> BasicAuth<A, V> {
    /// How many octets user and password may have together, with the colon between them.
    pub const CREDENTIALS_LIMIT: usize = credentials::LIMIT;

    /// Lets through to `inner` whom `verify` knows: [`Users`](super::Users), or a function of user and
    /// password.
    ///
    /// A function runs where the request does, so for an asynchronous application it must not block:
    /// [`with_async`](BasicAuth::with_async) is for a database or a slow hash. The realm is `restricted`.
    #[must_use]
    pub const fn new(inner: A, verify: V) -> Self {
        Self { inner, verify, challenge: CHALLENGE }
    }

    /// Whether the request passes; if so, its head says whose it is.
    fn admit(&self, head: &mut RequestHead) -> bool {
        let mut room = [0; credentials::LIMIT];
        let user = credentials::read(head.headers(), &mut room)
            .and_then(|(user, password)| self.verify.verify(user, password));
        hide(head);
        let admitted = user.is_some();
        head.set_user(user);
        admitted
    }
}

impl<A, V> BasicAuth<A, V> {
    /// With a realm: what clients show to their user, and keep passwords apart by.
    ///
    /// # Errors
    ///
    /// [`InvalidRealm`] when it has a control character.
    pub fn with_realm(mut self, realm: &str) -> Result<Self, InvalidRealm> {
        let quoted = realm.replace('\\', r"\\").replace('"', "\\\"");
        let challenge = format!(r#"Basic realm="{quoted}", charset="UTF-8""#);
        if realm.chars().any(char::is_control) {
            return Err(InvalidRealm);
        }
        self.challenge = HeaderValue::from_str(&challenge).map_err(|_| InvalidRealm)?;
        Ok(self)
    }

    /// The inner application.
    #[must_use]
    pub const fn get_ref(&self) -> &A {
        &self.inner
    }

    /// Answers a request that does not pass.
    pub(super) fn refuse(
        &self,
        scope: asgi::Scope,
        receive: asgi::Receive,
        send: asgi::Send,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<A, V> {
        denial::deny(scope, receive, send, StatusCode::UNAUTHORIZED, self.challenge())
    }

    fn challenge(&self) -> HeaderMap {
        HeaderMap::from_iter([(header::WWW_AUTHENTICATE, self.challenge.clone())])
    }
}

impl<A: asgi::Application, V: Verify> asgi::Application for BasicAuth<A, V> {
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
        if scope.head_mut().is_none_or(|head| self.admit(head)) {
            return self.inner.call(scope, receive, send);
        }
        Box::pin(self.refuse(scope, receive, send))
    }
}

impl<A: wsgi::Application, V: Verify> wsgi::Application for BasicAuth<A, V> {
    fn call(
        &self,
        mut environ: wsgi::Environ,
        start_response: &mut dyn wsgi::StartResponse,
    ) -> Result<wsgi::Body, Error> {
        if self.admit(environ.head_mut()) {
            return self.inner.call(environ, start_response);
        }
        denial::deny_sync(start_response, StatusCode::UNAUTHORIZED, self.challenge())
    }
}

impl<A: fmt::Debug, V> fmt::Debug for BasicAuth<A, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicAuth")
            .field("inner", &self.inner)
            .field("challenge", &self.challenge)
            .finish_non_exhaustive()
    }
}

/// Marks the password, so that no `Debug` output shows it.
pub(super) fn hide(head: &mut RequestHead) {
    let fields = head.headers_mut().iter_mut().filter(|(name, _)| *name == header::AUTHORIZATION);
    fields.for_each(|(_, field)| field.set_sensitive(true));
}

/// A realm with control characters, which no header can carry.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a realm has no control characters")]
#[non_exhaustive]
pub struct InvalidRealm;

pub(super) const CHALLENGE: HeaderValue =
    HeaderValue::from_static(r#"Basic realm="restricted", charset="UTF-8""#);

#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
