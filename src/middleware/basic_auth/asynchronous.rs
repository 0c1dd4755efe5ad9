//! Verifying users without blocking.

use super::auth::{BasicAuth, CHALLENGE, hide};
use super::credentials;
use crate::asgi;
use crate::asgi::call::CallFuture;
use crate::user::RemoteUser;

/// A function whose future says whether a password is that of a user: what [`BasicAuth::with_async`] keeps.
#[derive(Clone, Debug)]
pub struct AsyncVerify<F> {
    verify: F,
}

impl<A, F, R> BasicAuth<A, AsyncVerify<F>>
where
    F: Fn(String, String) -> R + Send + Sync,
    R: Future<Output = bool> + Send,
{
    /// Lets through to `inner`, which is asynchronous, whom `verify` knows: for a database, or a slow hash on
    /// another thread.
    ///
    /// It costs five allocations for each request that brings a user, else one.
    ///
    /// ```
    /// use gateway_iface::http::Request;
    /// use gateway_iface::middleware::BasicAuth;
    /// use gateway_iface::testing::{AsgiClient, block_on};
    /// use gateway_iface::{Error, asgi};
    ///
    /// async fn is_known(user: String, password: String) -> bool {
    ///     (user.as_str(), password.as_str()) == ("ada", "lovelace")
    /// }
    /// # async fn app(scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send) -> Result<(), Error> {
    /// #     let user = scope.into_http()?.head().user().map_or("nobody", |user| user.name()).to_owned();
    /// #     Ok(send.text(200, user).await?)
    /// # }
    ///
    /// let client = AsgiClient::new(BasicAuth::with_async(app, is_known));
    /// let request = Request::get("/").header("authorization", "Basic YWRhOmxvdmVsYWNl").body("")?;
    /// assert_eq!(block_on(client.request(request))?.body(), "ada");
    /// assert_eq!(block_on(client.request(Request::get("/").body("")?))?.status(), 401);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub const fn with_async(inner: A, verify: F) -> Self {
        Self { inner, verify: AsyncVerify { verify }, challenge: CHALLENGE }
    }

    async fn user(&self, scope: &mut asgi::Scope) -> Option<RemoteUser> {
        let (user, password) = {
            let head = scope.head_mut()?;
            hide(head);
            let mut room = [0; credentials::LIMIT];
            let (user, password) = credentials::read(head.headers(), &mut room)?;
            (user.to_owned(), password.to_owned())
        };
        let is_right = (self.verify.verify)(user.clone(), password).await;
        is_right.then(|| RemoteUser::new(user, "Basic"))
    }
}

impl<A, F, R> asgi::Application for BasicAuth<A, AsyncVerify<F>>
where
    A: asgi::Application,
    F: Fn(String, String) -> R + Send + Sync,
    R: Future<Output = bool> + Send,
{
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
        if scope.head().is_none() {
            return self.inner.call(scope, receive, send);
        }
        Box::pin(async move {
            let user = self.user(&mut scope).await;
            let admitted = user.is_some();
            if let Some(head) = scope.head_mut() {
                head.set_user(user);
            }
            if !admitted {
                return self.refuse(scope, receive, send).await;
            }
            self.inner.call(scope, receive, send).await
        })
    }
}
