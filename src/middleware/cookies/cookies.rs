//! The middleware.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::asgi::call::CallFuture;
use crate::error::Error;
use crate::middleware::denial;
use crate::request::RequestHead;
use crate::{asgi, wsgi};

/// Bounds the cookies of a request and puts them into one field, so that all who read them see the
/// same: [`CookieJar`](super::CookieJar) is the way to.
///
/// Several `cookie` fields, as HTTP/2 sends them, become one, joined by `; ` (H-112, W-37); that costs
/// one allocation, a request with one field or none costs nothing. No cookie is changed or removed; the field
/// is marked so that no `Debug` output shows it.
/// A request with more than [`COUNT_LIMIT`](Self::COUNT_LIMIT) cookies or
/// [`OCTET_LIMIT`](Self::OCTET_LIMIT) octets of them is refused with 431, because an application that sees
/// some of its cookies only takes a user for another; a WebSocket gets the same where the server can
/// answer it (A-125), else it is closed (A-89). Lifespans pass untouched (A-144).
///
/// # Examples
///
/// ```
/// use gateway_iface::http::Request;
/// use gateway_iface::middleware::{CookieJar, Cookies};
/// use gateway_iface::testing::{AsgiClient, block_on};
/// use gateway_iface::{Error, asgi};
///
/// async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
///     let request = scope.into_http()?;
///     let theme = CookieJar::of(request.head()).get("theme").unwrap_or("light").to_owned();
///     send.text(200, theme).await?;
///     Ok(())
/// }
///
/// let client = AsgiClient::new(Cookies::new(app).with_count_limit(2));
/// let request = Request::get("/").header("cookie", "id=7; theme=dark").body("")?;
/// assert_eq!(block_on(client.request(request))?.body(), "dark");
/// let request = Request::get("/").header("cookie", "a=1; b=2; c=3").body("")?;
/// assert_eq!(block_on(client.request(request))?.status(), 431);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Cookies<A> {
    inner: A,
    count_limit: usize,
    octet_limit: usize,
}

impl<A> Cookies<A> {
    /// How many cookies a request may have by default: more than browsers keep for one site.
    pub const COUNT_LIMIT: usize = 200;

    /// How many octets of cookies a request may have by default.
    pub const OCTET_LIMIT: usize = 16 * 1024;

    /// With the default limits.
    #[must_use]
    pub const fn new(inner: A) -> Self {
        Self { inner, count_limit: Self::COUNT_LIMIT, octet_limit: Self::OCTET_LIMIT }
    }

    /// With at most that many cookies; what stands between two `;` is one, well-formed or not.
    #[must_use]
    pub const fn with_count_limit(mut self, count: usize) -> Self {
        self.count_limit = count;
        self
    }

    /// With at most that many octets of cookies, all fields together.
    #[must_use]
    pub const fn with_octet_limit(mut self, octets: usize) -> Self {
        self.octet_limit = octets;
        self
    }

    /// The inner application.
    #[must_use]
    pub const fn get_ref(&self) -> &A {
        &self.inner
    }

    /// Whether the cookies are within the limits; if so, they are in one field.
    fn admit(&self, head: &mut RequestHead) -> bool {
        let (mut fields, mut octets, mut count) = (0, 0, 0);
        for field in head.headers().get_all(header::COOKIE) {
            fields += 1;
            octets += field.len();
            if octets > self.octet_limit {
                return false;
            }
            let pairs = field.as_bytes().split(|&octet| octet == b';');
            count += pairs.filter(|pair| !pair.trim_ascii().is_empty()).count();
        }
        if count > self.count_limit {
            return false;
        }
        if fields > 1 {
            join(head, octets + SEPARATOR.len() * (fields - 1));
        }
        if let Some(field) = head.headers_mut().get_mut(header::COOKIE) {
            field.set_sensitive(true);
        }
        true
    }
}

impl<A: asgi::Application> asgi::Application for Cookies<A> {
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
        Box::pin(denial::deny(scope, receive, send, TOO_LARGE, HeaderMap::new()))
    }
}

impl<A: wsgi::Application> wsgi::Application for Cookies<A> {
    fn call(
        &self,
        mut environ: wsgi::Environ,
        start_response: &mut dyn wsgi::StartResponse,
    ) -> Result<wsgi::Body, Error> {
        if self.admit(environ.head_mut()) {
            return self.inner.call(environ, start_response);
        }
        denial::deny_sync(start_response, TOO_LARGE, HeaderMap::new())
    }
}

fn join(head: &mut RequestHead, len: usize) {
    let mut joined = Vec::with_capacity(len);
    for field in head.headers().get_all(header::COOKIE) {
        if !joined.is_empty() {
            joined.extend_from_slice(SEPARATOR);
        }
        joined.extend_from_slice(field.as_bytes());
    }
    // Fields that were valid apart are valid together.
    if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(joined)) {
        head.headers_mut().insert(header::COOKIE, value);
    }
}

const TOO_LARGE: StatusCode = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
const SEPARATOR: &[u8] = b"; ";

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::asgi::event::{Accept, Message};
    use crate::asgi::{Capabilities, Capability, Handshake, LifespanError, LifespanExchange};
    use crate::middleware::CookieJar;
    use crate::testing::{AsgiClient, WsgiClient, block_on};
    use crate::validate::Validator;

    fn request(fields: &[&str]) -> Request<&'static str> {
        fields
            .iter()
            .fold(Request::get("/"), |request, field| request.header("cookie", *field))
            .body("")
            .unwrap()
    }

    async fn app(scope: asgi::Scope, receive: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
        let id = scope.head().and_then(|head| CookieJar::of(head).get("id")).unwrap_or("none").to_owned();
        if matches!(scope, asgi::Scope::WebSocket(_)) {
            let mut socket = Handshake::begin(receive, send).await?.accept(Accept::new()).await?;
            return Ok(socket.send(id).await?);
        }
        let request = scope.into_http()?;
        let fields = request.headers().get_all("cookie").iter().count();
        Ok(send.text(200, format!("{id} in {fields}")).await?)
    }

    fn ask(cookies: Cookies<()>, fields: &[&str]) -> String {
        let client = AsgiClient::new(Validator::new(app).around(|inner| Cookies {
            inner,
            count_limit: cookies.count_limit,
            octet_limit: cookies.octet_limit,
        }));
        let response = block_on(client.request(request(fields))).unwrap();
        if response.status() == 200 { response.text().into_owned() } else { response.status().to_string() }
    }

    #[test]
    fn h_112_fields_become_one_and_keep_their_order() {
        assert_eq!(ask(Cookies::new(()), &[]), "none in 0");
        assert_eq!(ask(Cookies::new(()), &["a=1", "id=7; b=2", "id=8"]), "7 in 1");
        let mut head = RequestHead::new(request(&["a=1", "b=\u{E9}; c", "", "d=4"]).into_parts().0);
        assert!(Cookies::new(()).admit(&mut head));
        assert_eq!(head.headers()["cookie"], "a=1; b=\u{E9}; c; ; d=4");
    }

    #[test]
    fn no_debug_output_shows_a_cookie() {
        for fields in [&["sid=secret"][..], &["a=1", "sid=secret"]] {
            let mut head = RequestHead::new(request(fields).into_parts().0);
            assert!(Cookies::new(()).admit(&mut head));
            assert!(!format!("{head:?}").contains("secret"), "{fields:?}");
        }
    }

    #[test]
    fn requests_over_a_limit_are_refused_and_those_at_it_pass() {
        let too_large = "431 Request Header Fields Too Large";
        let two = Cookies::new(()).with_count_limit(2);
        assert_eq!(ask(two, &["id=7; b=2;; ;"]), "7 in 1");
        assert_eq!(ask(two, &["id=7; b=2; c"]), too_large);
        assert_eq!(ask(two, &["id=7", "b=2", "c=3"]), too_large);
        let ten = Cookies::new(()).with_octet_limit(10);
        assert_eq!(ask(ten, &["id=7", "b=2345"]), "7 in 1");
        assert_eq!(ask(ten, &["id=7", "b=23456"]), too_large);
        assert_eq!(ask(Cookies::new(()), &[&format!("id={}", "x".repeat(20_000))]), too_large);
        assert_eq!(ask(Cookies::new(()), &[&"a=1;".repeat(201)]), too_large);
        assert_eq!(ask(Cookies::new(()), &[&"id=1;".repeat(200)]), "1 in 1");
    }

    #[test]
    fn synchronous_requests_are_bounded_the_same() {
        let app = |environ: wsgi::Environ, start_response: &mut dyn wsgi::StartResponse| {
            let id = CookieJar::of(environ.head()).get("id").unwrap_or("none").to_owned();
            start_response.text(200, id.into())
        };
        let client = WsgiClient::new(Validator::new(app).around(|app| Cookies::new(app).with_count_limit(1)));
        assert_eq!(client.request(request(&["id=7"])).unwrap().body(), "7");
        assert_eq!(client.request(request(&["id=7; a=1"])).unwrap().status(), 431);
    }

    #[test]
    fn a_89_a_125_handshakes_have_cookies_too() {
        let denial = Capabilities::none().with(Capability::WebSocketDenial);
        for (capabilities, refused) in [(Capabilities::none(), 403), (denial, 431)] {
            let app = Validator::new(app).around(|app| Cookies::new(app).with_count_limit(1));
            let client = AsgiClient::new(app).with_capabilities(capabilities);
            let mut socket = client.websocket(request(&["id=7"]));
            block_on(socket.connect()).unwrap();
            assert_eq!(block_on(socket.next()), Some(Message::from("7")));
            let mut socket = client.websocket(request(&["id=7; a=1"]));
            assert_eq!(block_on(socket.connect()).unwrap_err().status().as_u16(), refused);
        }
    }

    #[test]
    fn a_144_lifespan_passes() {
        let app = Validator::new(app).around(Cookies::new);
        let unsupported = block_on(LifespanExchange::new(&app).startup());
        assert!(matches!(unsupported, Err(LifespanError::Unsupported)));
    }
}
