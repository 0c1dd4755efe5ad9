//! A cookie for a response.

use std::fmt::{self, Write};
use std::time::Duration;

use http::HeaderValue;

use super::jar::is_token;
use crate::host;

/// A cookie that a response sets: the value of a `set-cookie` field.
///
/// Each cookie has a field of its own: append it, never join two (H-29).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use gateway_iface::http::{HeaderMap, header};
/// use gateway_iface::middleware::{SameSite, SetCookie};
///
/// let mut headers = HeaderMap::new();
/// let cookie = SetCookie::new("__Host-id", "7").path("/").http_only(true).secure(true);
/// let cookie = cookie.same_site(SameSite::Lax).max_age(Duration::from_secs(3600));
/// headers.append(header::SET_COOKIE, cookie.build()?);
/// assert_eq!(
///     headers[header::SET_COOKIE],
///     "__Host-id=7; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"
/// );
/// assert!(SetCookie::new("id", "two words").build().is_err());
/// # Ok::<(), gateway_iface::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a cookie is set by the field that `build` makes"]
pub struct SetCookie {
    name: String,
    value: String,
    path: Option<String>,
    domain: Option<String>,
    max_age: Option<Duration>,
    http_only: bool,
    secure: bool,
    same_site: Option<SameSite>,
}

impl SetCookie {
    /// A cookie for the time that the browser is open, for the host and the folder that set it.
    ///
    /// The value is sent as it is: whatever may have white space, commas, semicolons, quotes, backslashes or
    /// other scripts in it is encoded by the application, and decoded when it comes back.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            path: None,
            domain: None,
            max_age: None,
            http_only: false,
            secure: false,
            same_site: None,
        }
    }

    /// One that makes browsers forget the cookie of that name, with the same path and domain.
    pub fn removal(name: impl Into<String>) -> Self {
        Self::new(name, "").max_age(Duration::ZERO)
    }

    /// With the path that it is for, and all below.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// With a domain that it is for, and all below, in place of the one host.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// With the time that it is kept, in whole seconds: what is over one counts as one more.
    pub const fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// Whether scripts in the page cannot see it.
    pub const fn http_only(mut self, http_only: bool) -> Self {
        self.http_only = http_only;
        self
    }

    /// Whether it is sent over TLS only.
    pub const fn secure(mut self, secure: bool) -> Self {
        self.secure = secure;
        self
    }

    /// With what it says to requests that other sites cause.
    pub const fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = Some(same_site);
        self
    }

    /// The value of the `set-cookie` field, marked so that no `Debug` output shows it.
    ///
    /// # Errors
    ///
    /// [`InvalidCookie`] when the name is no token, the value or the path has an octet that RFC 6265 does
    /// not let a server send, the domain is no host name, or a browser would refuse it: `SameSite=None` or
    /// `__Secure-` without `Secure`, `__Host-` without `Secure`, with a domain, or with another path
    /// than `/`.
    pub fn build(&self) -> Result<HeaderValue, InvalidCookie> {
        self.check().map_err(|reason| InvalidCookie { reason })?;
        let mut text = format!("{}={}", self.name, self.value);
        let mut attribute = |name: &str, value: &str| {
            text.push_str("; ");
            text.push_str(name);
            text.push_str(value);
        };
        if let Some(path) = &self.path {
            attribute("Path=", path);
        }
        if let Some(domain) = &self.domain {
            attribute("Domain=", domain);
        }
        if let Some(max_age) = self.max_age {
            attribute("Max-Age=", "");
            // A `String` takes everything.
            let more = u64::from(max_age.subsec_nanos() > 0);
            let _ = write!(text, "{}", max_age.as_secs().saturating_add(more));
        }
        let mut flag = |name: &str, set: bool| {
            if set {
                text.push_str("; ");
                text.push_str(name);
            }
        };
        flag("HttpOnly", self.http_only);
        flag("Secure", self.secure);
        flag("SameSite=Strict", self.same_site == Some(SameSite::Strict));
        flag("SameSite=Lax", self.same_site == Some(SameSite::Lax));
        flag("SameSite=None", self.same_site == Some(SameSite::None));
        let mut field =
            HeaderValue::try_from(text).map_err(|_| InvalidCookie { reason: "no header can carry it" })?;
        field.set_sensitive(true);
        Ok(field)
    }

    fn check(&self) -> Result<(), &'static str> {
        // Browsers compare these without regard to case.
        let has_prefix =
            |prefix: &str| self.name.get(..prefix.len()).is_some_and(|own| own.eq_ignore_ascii_case(prefix));
        let is_path = |path: &str| path.bytes().all(|octet| matches!(octet, b' '..=b'~') && octet != b';');
        if !is_token(&self.name) {
            return Err("its name is no token");
        }
        if !self.value.bytes().all(is_cookie_octet) {
            return Err("its value has an octet that needs an encoding");
        }
        if !self.path.as_deref().is_none_or(|path| path.starts_with('/') && is_path(path)) {
            return Err("its path does not begin with `/`, or has an octet that ends it");
        }
        if !self.domain.as_deref().is_none_or(host::is_name) {
            return Err("its domain is no host name");
        }
        let is_bound = self.secure && self.domain.is_none() && self.path.as_deref() == Some("/");
        if has_prefix("__Host-") && !is_bound {
            return Err("`__Host-` is for one host, with `Secure` and the path `/`");
        }
        if !self.secure && (has_prefix("__Secure-") || self.same_site == Some(SameSite::None)) {
            return Err("browsers refuse it without `Secure`");
        }
        Ok(())
    }
}

/// Without the value, which is often as good as a password.
impl fmt::Debug for SetCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetCookie").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Whether a cookie goes with requests that other sites cause.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SameSite {
    /// Never.
    Strict,
    /// When the user follows a link.
    Lax,
    /// Always.
    None,
}

/// A cookie that browsers would refuse, or take for another.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the cookie is not valid: {reason}")]
#[non_exhaustive]
pub struct InvalidCookie {
    reason: &'static str,
}

/// RFC 6265, 4.1.1.
const fn is_cookie_octet(octet: u8) -> bool {
    matches!(octet, 0x21 | 0x23..=0x2B | 0x2D..=0x3A | 0x3C..=0x5B | 0x5D..=0x7E)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_written_where_they_were_asked_for() {
        assert_eq!(SetCookie::new("a", "1").build().unwrap(), "a=1");
        let all = SetCookie::new("a", "").path("/x y").domain("example.org").secure(true);
        let all = all.same_site(SameSite::None).max_age(Duration::from_millis(1999));
        let text = "a=; Path=/x y; Domain=example.org; Max-Age=2; Secure; SameSite=None";
        assert_eq!(all.build().unwrap(), text);
        let short = SetCookie::new("a", "1").max_age(Duration::from_millis(1));
        assert_eq!(short.build().unwrap(), "a=1; Max-Age=1");
        let longest = SetCookie::new("a", "1").max_age(Duration::MAX);
        assert_eq!(longest.build().unwrap(), format!("a=1; Max-Age={}", u64::MAX));
        assert_eq!(format!("{:?}", all.build().unwrap()), "Sensitive");
        assert_eq!(SetCookie::removal("a").path("/").build().unwrap(), "a=; Path=/; Max-Age=0");
    }

    #[test]
    fn nothing_gets_out_of_its_place() {
        for value in ["a b", "a;b", "a,b", "a\"b", "a\\b", "a\r\nb: c", "a\0", "\u{E9}", "a\tb", "\u{7F}"] {
            assert!(SetCookie::new("a", value).build().is_err(), "{value:?}");
        }
        for name in ["", "a b", "a=b", "a;b", "a\nb", "\u{E9}", "a,b", "\"a\""] {
            assert!(SetCookie::new(name, "1").build().is_err(), "{name:?}");
        }
        for path in ["", "x", "/a; Domain=b", "/a\n", "/\u{E9}", "/\0"] {
            assert!(SetCookie::new("a", "1").path(path).build().is_err(), "{path:?}");
        }
        for domain in ["", "a b", "a;b", ".a", "a..b", "a:80", "a\n"] {
            assert!(SetCookie::new("a", "1").domain(domain).build().is_err(), "{domain:?}");
        }
    }

    #[test]
    fn what_browsers_refuse_is_refused_here() {
        let host = || SetCookie::new("__Host-a", "1").path("/").secure(true);
        assert!(host().build().is_ok());
        assert!(host().secure(false).build().is_err());
        assert!(host().path("/x").build().is_err());
        assert!(host().domain("a").build().is_err());
        assert!(SetCookie::new("__host-a", "1").build().is_err());
        assert!(SetCookie::new("__Secure-a", "1").build().is_err());
        assert!(SetCookie::new("__Secure-a", "1").secure(true).build().is_ok());
        assert!(SetCookie::new("a", "1").same_site(SameSite::None).build().is_err());
    }
}
