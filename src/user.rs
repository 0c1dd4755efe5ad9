//! Who sent a request.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Who sent a request, as someone on this side has verified.
///
/// A server or a middleware puts it into the head with
/// [`RequestHead::set_user`](crate::RequestHead::set_user); no header field of a request can. It is one
/// pointer wide and a clone is cheap. In the variables of CGI it is `REMOTE_USER` and `AUTH_TYPE`; in the
/// request of a framework, that comes of [`RequestHead::into_parts`](crate::RequestHead::into_parts), it is
/// among the extensions.
///
/// # Examples
///
/// ```
/// use gateway_iface::http::Request;
/// use gateway_iface::wsgi::Environ;
/// use gateway_iface::RemoteUser;
///
/// let mut environ = Environ::from_request(Request::get("/").body("").unwrap());
/// environ.head_mut().set_user(Some(RemoteUser::new("ada", "Basic")));
/// assert_eq!(environ.head().user().map(RemoteUser::name), Some("ada"));
/// assert_eq!(environ.get("REMOTE_USER").unwrap(), "ada");
/// assert_eq!(environ.get("AUTH_TYPE").unwrap(), "Basic");
/// ```
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct RemoteUser {
    inner: Arc<Inner>,
}

#[derive(Eq, Hash, PartialEq)]
struct Inner {
    name: Box<str>,
    auth_type: Cow<'static, str>,
}

impl RemoteUser {
    /// The user of that name, verified by that scheme: `Basic`, `Digest`, or a name of one's own.
    #[must_use]
    pub fn new(name: impl Into<Box<str>>, auth_type: impl Into<Cow<'static, str>>) -> Self {
        Self { inner: Arc::new(Inner { name: name.into(), auth_type: auth_type.into() }) }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The scheme by which the user was verified.
    #[must_use]
    pub fn auth_type(&self) -> &str {
        &self.inner.auth_type
    }
}

impl fmt::Debug for RemoteUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteUser")
            .field("name", &self.name())
            .field("auth_type", &self.auth_type())
            .finish()
    }
}

/// Who is told the user of a request, as soon as someone is verified further in.
#[derive(Clone)]
pub(crate) struct Witness(Arc<dyn Learn>);

/// Learns who sent a request.
pub(crate) trait Learn: Send + Sync {
    /// The user that counts from now on.
    fn learn(&self, user: Option<&RemoteUser>);
}

impl Witness {
    pub(crate) const fn new(learner: Arc<dyn Learn>) -> Self {
        Self(learner)
    }

    pub(crate) fn learn(&self, user: Option<&RemoteUser>) {
        self.0.learn(user);
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Witness").finish_non_exhaustive()
    }
}
