//! Cookies: RFC 6265.
//!
//! [`CookieJar`] reads those of a request, [`Cookies`] is the middleware that bounds them, and
//! [`SetCookie`] writes one into a response.

#[expect(clippy::module_inception, reason = "the middleware has the name of its folder")]
mod cookies;
mod jar;
mod set_cookie;

pub use self::cookies::Cookies;
pub use self::jar::CookieJar;
pub use self::set_cookie::{InvalidCookie, SameSite, SetCookie};
