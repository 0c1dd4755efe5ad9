//! The type, and what actix-web wants of a service.

use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::{
    AppService, HttpServiceFactory, ResourceDef, Service, ServiceFactory, ServiceRequest, ServiceResponse,
    always_ready,
};
use actix_web::{HttpMessage, HttpResponse};
use gateway_iface::asgi::{Application, State};
use gateway_websocket::Settings;

use super::calling::Calling;
use super::host::Actix;
use super::request::{self, Asked};
use super::websocket::handshake;
use crate::under_way::UnderWay;

/// An application as a service of actix-web.
///
/// It goes where actix-web takes one: `default_service` of an `App` or a scope, `service` of either, and the `service`
/// of a route. The application is mounted where actix's router left off (A-147): below its scopes. A resource, such as
/// a route has, takes the whole path, so nothing is left below it.
///
/// A synchronous application is one behind [`WsgiToAsgi`](gateway_iface::bridge::WsgiToAsgi), with the
/// [`BlockingPool`](crate::BlockingPool) of actix or another.
///
/// # What an application sees
///
/// - The client's address, the address of the listener, and whether that has TLS (A-20, A-30, A-31). A server that
///   knows more says so by a [`Connection`](gateway_iface::Connection) among the data of the connection, with
///   [`HttpServer::on_connect`](actix_web::HttpServer::on_connect); of [`Tls`](gateway_iface::asgi::Tls), for example.
/// - The extensions that are among those of actix's request as
///   [`http::Extensions`](gateway_iface::http::Extensions), and a [`RemoteUser`](gateway_iface::RemoteUser) (W-42).
///   With an [`Origin`](gateway_iface::adapter::Origin) there, which [`FromActix`](crate::FromActix) puts, the
///   connection and the mount point are that one's.
/// - No capabilities but the denial of WebSockets (A-121): actix sends no trailers, hints or files.
///
/// # Contract
///
/// - The call is polled where actix polls the service and the body, without a task (A-11). What is left of it when the
///   response is complete, or its client gone, goes on in one (A-06); [`with_lifespan`](crate::with_lifespan) waits for
///   those when the server ends.
/// - Where actix drops the body, the application is told that its client left (A-95, A-100). By default actix's server
///   takes a client that closes its side for one that still reads: `h1_allow_half_closed(false)` has it see the loss.
/// - A call that fails before its head is answered with 500, or with the status of the error, and nothing of the inside
///   (A-106, W-139); later the connection is closed. The error goes to `tracing`, and is among the extensions of
///   the response, as [`Failed`](gateway_iface::adapter::Failed).
/// - A request whose host, method or target is not what HTTP allows, as far as actix lets it pass, is refused with 400
///   (A-19, H-13, H-19).
/// - To HTTP/1.0, and to a request that asks for a WebSocket, a body of unknown length ends with the connection (H-83).
///
/// # Examples
///
/// ```
/// use actix_web::{App, web};
/// use gateway_actix::{BlockingPool, ToActix};
/// use gateway_iface::bridge::WsgiToAsgi;
/// use gateway_iface::{Error, wsgi};
///
/// fn report(_: wsgi::Environ, start_response: &mut dyn wsgi::StartResponse) -> Result<wsgi::Body, Error> {
///     start_response.text(200, "may block".into())
/// }
///
/// let report = ToActix::new(WsgiToAsgi::new(report, BlockingPool::new()));
/// let app = App::new().service(web::scope("/report").service(report));
/// # use actix_web::test::{TestRequest, call_and_read_body, init_service};
/// # actix_web::rt::System::new().block_on(async {
/// # let app = init_service(app).await;
/// # assert_eq!(call_and_read_body(&app, TestRequest::with_uri("/report").to_request()).await, "may block");
/// # });
/// ```
pub struct ToActix<A: ?Sized> {
    app: Arc<A>,
    state: Option<State>,
    settings: Settings,
    host: Arc<Actix>,
}

impl<A: Application + 'static> ToActix<A> {
    /// A service that calls this application.
    pub fn new(app: A) -> Self {
        Self::shared(Arc::new(app))
    }
}

impl<A: Application + ?Sized + 'static> ToActix<A> {
    /// A service that calls an application that others have, too.
    #[must_use]
    pub fn shared(app: Arc<A>) -> Self {
        Self { app, state: None, settings: Settings::default(), host: Arc::default() }
    }

    /// With what the application stored at start-up (A-117); [`with_lifespan`](crate::with_lifespan) does it.
    #[must_use]
    pub fn with_state(mut self, state: State) -> Self {
        self.state = Some(state);
        self
    }

    /// With these limits for WebSockets, and what else can be set there.
    #[must_use]
    pub fn with_websockets(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// With what goes on beside the responses in the hands of whoever serves.
    pub(super) fn with_under_way(mut self, under_way: UnderWay) -> Self {
        self.host = Arc::new(Actix::new(under_way));
        self
    }

    /// Tells WebSockets that the server stops: open ones are closed with 1001 (S-59), and so are those that open from now
    /// on. To be called when the server begins to stop, which actix tells no service.
    pub fn shut_down(&self) {
        self.host.under_way.shut_down();
    }

    /// Waits until the calls that go on without their responses, and WebSockets, are over (A-06): to be called when
    /// the server has stopped, for as long as there is time; [`with_lifespan`](crate::with_lifespan) does it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends no call.
    pub async fn finished(&self) {
        self.host.under_way.ended().await;
    }

    /// The application.
    #[must_use]
    pub fn get_ref(&self) -> &A {
        &self.app
    }
}

impl<A: Application + ?Sized + 'static> Service<ServiceRequest> for ToActix<A> {
    type Response = ServiceResponse;
    type Error = actix_web::Error;
    type Future = Calling;

    always_ready!();

    fn call(&self, request: ServiceRequest) -> Calling {
        let (request, payload) = request.into_parts();
        // A worker of ours, around this, waits itself.
        let around = request.extensions_mut().remove::<UnderWay>();
        let host = around.map_or_else(
            || self.host.clone(),
            |under_way| Arc::new(Actix::new(under_way.stopped_by(&self.host.under_way))),
        );
        match request::asked(&request, &payload, self.state.as_ref()) {
            Some(Asked { head, websocket: true, .. }) => {
                let (app, settings) = (self.app.clone(), self.settings.clone());
                Calling::handshake(handshake(app, request, head, payload, settings, host))
            }
            Some(Asked { head, observed, length, .. }) => {
                Calling::begin(self.app.clone(), request, head, (payload, length), observed, host)
            }
            // H-98
            None => {
                let refusal = HttpResponse::BadRequest().force_close().finish();
                Calling::ready(ServiceResponse::new(request, refusal))
            }
        }
    }
}

impl<A: Application + ?Sized + 'static> ServiceFactory<ServiceRequest> for ToActix<A> {
    type Response = ServiceResponse;
    type Error = actix_web::Error;
    type Config = ();
    type Service = Self;
    type InitError = ();
    type Future = Ready<Result<Self, ()>>;

    fn new_service(&self, (): ()) -> Self::Future {
        ready(Ok(self.clone()))
    }
}

impl<A: Application + ?Sized + 'static> HttpServiceFactory for ToActix<A> {
    /// Everything below the scope that it is registered in, beyond what was registered before.
    fn register(self, config: &mut AppService) {
        config.register_service(ResourceDef::prefix(""), None, self, None);
    }
}

impl<A: ?Sized> Clone for ToActix<A> {
    fn clone(&self) -> Self {
        Self {
            app: self.app.clone(),
            state: self.state.clone(),
            settings: self.settings.clone(),
            host: self.host.clone(),
        }
    }
}

impl<A: ?Sized> fmt::Debug for ToActix<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToActix").field("state", &self.state.is_some()).finish_non_exhaustive()
    }
}
