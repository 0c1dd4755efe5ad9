//! The type, and how a call finds its worker.

use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use actix_service::{IntoServiceFactory, ServiceFactory};
use actix_web::body::MessageBody;
use actix_web::dev::AppConfig;
use gateway_iface::asgi::{self, HttpScope, LifespanScope, Receive, Scope, WebSocketScope};
use gateway_iface::{Error, RequestHead, adapter, async_trait};
use http::StatusCode;
use parking_lot::Mutex;

use super::handler::{Job, Task};
use super::handover::{Room, Taker, handover};
use super::relay;
use super::workers::{self, Seat, Work, Workers};

/// An actix-web application as an [`asgi::Application`].
///
/// # Threads
///
/// A service of actix-web belongs to the thread that it was made on. So there are threads of its own, all in one actix
/// `System`, each with a runtime of one thread and an instance that the factory made; what actix-web's own server has,
/// too. A call goes to the thread that has the fewest. It is one hand-over there and one wake-up back, for a response
/// that is there at once. One that streams is handed over in parcels: a wake-up is for all blocks that the handler gave
/// before it waited. The body of the request is read by the handler's thread, straight from the exchange.
///
/// The threads start with the lifespan, or with the first call where no lifespan is run, and end with it, or when this
/// is dropped. What a handler spawned by `actix_web::rt::spawn` ends with its thread, as it does with actix's server.
///
/// # What a handler sees
///
/// - The path below the mount point (A-147), the client's address (A-30), and the scheme of the connection: with TLS
///   the target is in the absolute form, which is where actix-web takes the scheme from.
/// - Among its `extensions`, the extensions of the request as [`http::Extensions`](gateway_iface::http::Extensions),
///   and the [`RemoteUser`](gateway_iface::RemoteUser), where one was verified. `conn_data` is nothing, and
///   `app_config` is the default: only actix's server can fill them.
/// - A body of a request that was cut as an error, never as an end (A-67).
///
/// # Contract
///
/// - A response has the length that actix-web would give it, and its blocks wait for the client (A-11).
/// - When the client leaves, the handler's future or its body is dropped (A-95, A-100), as actix does. A server that
///   shuts down leaves it time to finish.
/// - A panic of a handler is answered with 500, and costs its own request only (A-104). A body that fails is an error
///   of the call (A-106).
/// - A factory whose instance cannot be built fails the start-up (A-110).
/// - A WebSocket is what actix-web handlers know it as: a GET that asks for an upgrade, which `actix-ws` answers. The
///   accept has the handler's fields and subprotocol (A-78, A-79); any other answer is a denial where the server passes
///   it on (A-125), or 403. Frames are made anew, one for each message. When the client closed the socket, the handler
///   has five seconds to end before its body is dropped.
///
/// # Examples
///
/// ```
/// use actix_web::{App, HttpResponse, web};
/// use gateway_actix::FromActix;
///
/// struct Pool;
///
/// async fn users(pool: web::Data<Pool>, query: web::Query<Vec<(String, String)>>) -> HttpResponse {
///     let Pool = **pool;
///     HttpResponse::Ok().body(format!("{} questions", query.len()))
/// }
///
/// let pool = web::Data::new(Pool);
/// let app = FromActix::new(move || App::new().app_data(pool.clone()).route("/users", web::get().to(users)));
/// # use gateway_iface::Error;
/// # use gateway_iface::http::Request;
/// # use gateway_iface::testing::{AsgiClient, block_on};
/// # let response = block_on(AsgiClient::new(app).request(Request::get("/users?a=1&b=2").body("")?))?;
/// # assert_eq!(response.body(), "2 questions");
/// # Ok::<(), Error>(())
/// ```
pub struct FromActix {
    work: Work,
    threads: usize,
    backlog: usize,
    room: Room,
    workers: Mutex<Option<Arc<Workers>>>,
}

impl FromActix {
    /// The application that this factory makes: what [`HttpServer::new`](actix_web::HttpServer::new) takes.
    pub fn new<F, I, S, B>(factory: F) -> Self
    where
        F: Fn() -> I + Send + 'static,
        I: IntoServiceFactory<S, actix_http::Request>,
        S: ServiceFactory<actix_http::Request, Config = AppConfig> + 'static,
        S::Error: Into<actix_web::Error> + 'static,
        S::InitError: fmt::Debug,
        S::Response: Into<actix_http::Response<B>> + 'static,
        S::Service: 'static,
        B: MessageBody + 'static,
    {
        Self {
            work: workers::work(factory),
            threads: thread::available_parallelism().map_or(1, NonZero::get),
            backlog: 256,
            room: Room { blocks: 32, octets: 256 * 1024 },
            workers: Mutex::new(None),
        }
    }

    /// With that many threads, at least one. By default it is one for each processor.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// With room for that many requests before each thread, at least one; by default 256.
    ///
    /// A thread takes a request out as soon as it comes to it, and does not wait for the response. Only where
    /// handlers keep their thread busy do requests pile up. What comes beyond is answered with 503.
    #[must_use]
    pub fn with_backlog(mut self, backlog: usize) -> Self {
        self.backlog = backlog.max(1);
        self
    }

    /// With room for that many blocks of a response on their way between the threads, and stops at that many
    /// octets; at least one of each, by default 32 and 256 KiB. What the server takes is replaced at once: there may be up
    /// to twice that.
    #[must_use]
    pub fn with_handover(mut self, blocks: usize, octets: usize) -> Self {
        self.room = Room { blocks: blocks.max(1), octets: octets.max(1) };
        self
    }

    fn workers(&self) -> Result<Arc<Workers>, Error> {
        let mut running = self.workers.lock();
        if let Some(workers) = &*running {
            return Ok(workers.clone());
        }
        let workers = Workers::start(self.work.clone(), self.threads, self.backlog).map_err(Error::new)?;
        Ok(running.insert(Arc::new(workers)).clone())
    }

    async fn http(&self, scope: HttpScope, receive: Receive, send: asgi::Send) -> Result<(), Error> {
        let head = scope.into_head();
        let (body, watch) = adapter::split(receive, head.is_bodiless());
        relay::http(self.hand_over(head, Task::Http(body))?, watch, send).await
    }

    async fn websocket(
        &self,
        scope: WebSocketScope,
        receive: Receive,
        send: asgi::Send,
    ) -> Result<(), Error> {
        relay::end(self.hand_over(scope.into_head(), Task::WebSocket(receive, send))?).await
    }

    /// Gives a call to the worker that has the least to do.
    fn hand_over(&self, head: Box<RequestHead>, task: Task) -> Result<Taker, Error> {
        let Seat { jobs, load } = self.workers()?.least()?;
        let (giver, taker) = handover(self.room);
        match jobs.try_send(Job { head, task, giver, load }) {
            Ok(()) => Ok(taker),
            Err(error) => Err(Error::new(error.to_string()).with_status(StatusCode::SERVICE_UNAVAILABLE)),
        }
    }

    async fn lifespan(&self, scope: LifespanScope, receive: Receive, send: asgi::Send) -> Result<(), Error> {
        let startup = async {
            self.workers()?.built().await?;
            Ok(())
        };
        let shutdown = async {
            let workers = self.workers.lock().take();
            if let Some(workers) = workers {
                workers.stop().await;
            }
            Ok(())
        };
        scope.run(receive, send, startup, shutdown).await
    }
}

#[async_trait]
impl asgi::Application for FromActix {
    async fn call(&self, scope: Scope, receive: Receive, send: asgi::Send) -> Result<(), Error> {
        match scope {
            Scope::Http(scope) => self.http(scope, receive, send).await,
            Scope::WebSocket(scope) => self.websocket(scope, receive, send).await,
            Scope::Lifespan(scope) => self.lifespan(scope, receive, send).await,
            other => Err(other.unsupported().into()),
        }
    }
}

impl fmt::Debug for FromActix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromActix").field("threads", &self.threads).finish_non_exhaustive()
    }
}
