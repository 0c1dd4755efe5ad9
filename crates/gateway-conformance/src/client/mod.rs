//! The client of the kit: the same calls in process and over a socket.

mod deadline;
mod exchange;
mod extra;
mod frames;
mod http2;
mod memory_asgi;
mod memory_wsgi;
mod raw;
mod response;
mod tcp;
mod websocket;
mod websocket_tcp;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use gateway_iface::asgi::{Capabilities, Capability, State};
use gateway_iface::bytes::Bytes;
use gateway_iface::http::{Method, Request};
use gateway_iface::testing::AsgiClient;
use gateway_iface::{Connection, asgi, wsgi};

pub(crate) use self::deadline::{DEADLINE, SHORT_DEADLINE, run, with_limit};
pub(crate) use self::exchange::Exchange;
pub(crate) use self::frames::{BINARY, CLOSE, CONTINUE, Frames, PING, PONG, TEXT, frame};
pub(crate) use self::http2::{Fate, Frames as Http2Frames, Http2, Stream, pseudo};
pub(crate) use self::raw::Raw;
pub(crate) use self::response::{Block, Response};
pub(crate) use self::websocket::Socket;

use self::exchange::Wire;
use self::http2::Http2Wire;
use self::memory_asgi::AsgiWire;
use self::memory_wsgi::WsgiWire;
use self::tcp::TcpWire;
use crate::case::{Failure, ensure, equal};
use crate::control::CONTROL;
use crate::host::Reach;
use crate::journal::Journal;

/// Speaks to the application of one case, wherever that is.
///
/// Every wait has an end: what does not come within [`DEADLINE`] is a failure.
pub(crate) struct Client {
    case: &'static str,
    reach: Way,
    /// The notes of the case, where they are in this process.
    journal: Option<Journal>,
    /// What the notes came to: nothing may be added to them any more.
    settled: Mutex<Option<Vec<String>>>,
}

enum Way {
    Tcp(SocketAddr, Arc<str>),
    Http2(SocketAddr, Arc<str>),
    Asgi(AsgiClient<Arc<dyn asgi::Application>>, Arc<Connection>),
    Wsgi(Arc<dyn wsgi::Application>),
}

/// How a request announces its body.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Upload {
    /// It has none.
    None,
    /// By its length.
    Sized(usize),
    /// In chunks, without a length.
    Chunked,
}

impl Client {
    pub(crate) fn new(
        case: &'static str,
        reach: Reach,
        state: Option<State>,
        journal: Option<Journal>,
    ) -> Self {
        let reach = match reach {
            Reach::Tcp(addr, base) => Way::Tcp(addr, base),
            Reach::Http2(addr, base) => Way::Http2(addr, base),
            Reach::Wsgi(app) => Way::Wsgi(app),
            Reach::Asgi(app) => {
                let mut connection = local().with_capabilities(everything());
                if let Some(state) = state {
                    connection = connection.with_state(state);
                }
                let client = AsgiClient::new(app).with_connection(connection.clone());
                Way::Asgi(client, Arc::new(connection))
            }
        };
        Self { case, reach, journal, settled: Mutex::default() }
    }

    /// Whether the kit itself is the server, so that it alone stands between client and host.
    pub(crate) const fn is_in_process(&self) -> bool {
        !matches!(self.reach, Way::Tcp(..) | Way::Http2(..))
    }

    /// The version of the requests, as fields and logs have it.
    pub(crate) const fn version(&self) -> &'static str {
        if matches!(self.reach, Way::Http2(..)) { "HTTP/2.0" } else { "HTTP/1.1" }
    }

    /// The path of this case, with something below it.
    pub(crate) fn path(&self, below: &str) -> String {
        format!("{}/{}{below}", self.base(), self.case)
    }

    /// The path that all requests begin with.
    fn base(&self) -> &str {
        match &self.reach {
            Way::Tcp(_, base) | Way::Http2(_, base) => base,
            Way::Asgi(..) | Way::Wsgi(_) => "",
        }
    }

    /// A GET of something below the path of this case.
    pub(crate) fn get(&self, below: &str) -> Result<Response, Failure> {
        self.request(self.to("GET", below, ""))
    }

    /// A POST of a body to something below the path of this case.
    pub(crate) fn post(&self, below: &str, body: impl Into<Bytes>) -> Result<Response, Failure> {
        self.request(self.to("POST", below, body))
    }

    /// A request to something below the path of this case.
    pub(crate) fn to<B>(&self, method: &str, below: &str, body: B) -> Request<B> {
        let request = Request::builder().method(method).uri(self.path(below)).header("host", HOST);
        request.body(body).expect("the paths of cases are targets")
    }

    /// Makes a whole request.
    pub(crate) fn request(&self, request: Request<impl Into<Bytes>>) -> Result<Response, Failure> {
        let (parts, body) = request.into_parts();
        let body = body.into();
        let upload = if body.is_empty() { Upload::None } else { Upload::Sized(body.len()) };
        self.begin(Request::from_parts(parts, ()), upload, &body)?.response()
    }

    /// Begins a request whose body is sent, and whose response is read, step by step.
    pub(crate) fn open(&self, request: Request<()>, upload: Upload) -> Result<Exchange<'_>, Failure> {
        self.begin(request, upload, &Bytes::new())
    }

    /// With the whole body at once, unless it is empty.
    fn begin(&self, request: Request<()>, upload: Upload, body: &Bytes) -> Result<Exchange<'_>, Failure> {
        self.settle(None);
        let is_head = request.method() == Method::HEAD;
        let mut wire: Box<dyn Wire + '_> = match &self.reach {
            Way::Tcp(addr, _) => Box::new(TcpWire::open(*addr, &request, upload, body)?),
            Way::Http2(addr, _) => Box::new(Http2Wire::open(*addr, request, upload, body)?),
            Way::Asgi(client, connection) => Box::new(AsgiWire::open(client, connection, request, upload)),
            Way::Wsgi(app) => Box::new(WsgiWire::open(app.clone(), request, upload)?),
        };
        if !body.is_empty() && self.is_in_process() {
            wire.send(body.clone(), true)?;
        }
        Ok(Exchange::new(wire, is_head))
    }

    /// A connection of which every octet is seen.
    pub(crate) fn raw(&self) -> Result<Raw, Failure> {
        self.settle(None);
        match &self.reach {
            Way::Tcp(addr, _) => Raw::connect(*addr),
            _ => Err(Failure::new("the host is not reached by HTTP/1 over a socket")),
        }
    }

    /// A connection by HTTP/2.
    pub(crate) fn http2(&self) -> Result<Http2, Failure> {
        self.settle(None);
        Http2::connect(self.socket()?)
    }

    /// A connection by HTTP/2 of which every frame is the kit's own.
    pub(crate) fn http2_frames(&self) -> Result<Http2Frames, Failure> {
        self.settle(None);
        Http2Frames::connect(self.socket()?)
    }

    fn socket(&self) -> Result<SocketAddr, Failure> {
        match &self.reach {
            Way::Tcp(addr, _) | Way::Http2(addr, _) => Ok(*addr),
            Way::Asgi(..) | Way::Wsgi(_) => Err(Failure::new("the host is not reached over a socket")),
        }
    }

    /// Asks for a WebSocket.
    pub(crate) fn websocket(&self, request: Request<()>) -> Result<Socket<'_>, Failure> {
        self.settle(None);
        match &self.reach {
            Way::Asgi(client, _) => Ok(Socket::open(client, request)),
            Way::Tcp(addr, _) => Frames::ask(*addr, request).map(Socket::over),
            Way::Http2(..) => Err(Failure::new("the kit opens WebSockets over HTTP/1.1 only")),
            Way::Wsgi(_) => Err(Failure::new("there are no WebSockets in the synchronous interface")),
        }
    }

    /// Asks for a WebSocket of which every frame is seen.
    pub(crate) fn frames(&self, request: Request<()>) -> Result<Frames, Failure> {
        self.settle(None);
        match &self.reach {
            Way::Tcp(addr, _) => Frames::ask(*addr, request),
            _ => Err(Failure::new("the host is not reached over a socket")),
        }
    }

    /// The notes of the application.
    pub(crate) fn notes(&self) -> Result<Vec<String>, Failure> {
        if let Some(journal) = &self.journal {
            return Ok(journal.lines());
        }
        let notes = self.control("GET", "")?;
        Ok(notes.text().lines().map(str::to_owned).collect())
    }

    /// Adds a note: lets the application go on that waits for it.
    pub(crate) fn note(&self, text: &str) -> Result<(), Failure> {
        self.settle(None);
        if let Some(journal) = &self.journal {
            journal.note(text);
            return Ok(());
        }
        self.control("POST", &format!("/{text}")).map(drop)
    }

    /// Forgets the notes.
    pub(crate) fn forget_notes(&self) -> Result<(), Failure> {
        self.control("DELETE", "").map(drop)
    }

    /// Waits until the application has noted this.
    pub(crate) fn wait_for(&self, text: &str) -> Result<(), Failure> {
        let there = self.wait_until(|lines| lines.iter().any(|line| line == text))?;
        ensure(there, || format!("the application never came to `{text}`; its notes: {:?}", self.notes()))
    }

    /// Waits until the application has noted so much; fails unless it is this.
    ///
    /// When the client does nothing after this, it must still be this when the host has stopped.
    pub(crate) fn wait_for_all<const N: usize>(&self, notes: [&str; N]) -> Result<(), Failure> {
        self.wait_until(|lines| lines.len() >= N)?;
        let seen = self.notes()?;
        equal("the notes", &*seen, notes)?;
        self.settle(Some(seen));
        Ok(())
    }

    /// Fails if notes were added to what they came to, on a host that the kit cannot stop.
    pub(crate) fn stays_settled(&self) -> Result<(), Failure> {
        match self.settled() {
            Some(settled) if self.journal.is_none() => {
                thread::sleep(QUIET);
                equal("the notes a while later", self.notes()?, settled)
            }
            _ => Ok(()),
        }
    }

    fn settle(&self, notes: Option<Vec<String>>) {
        *self.settled.lock().unwrap_or_else(PoisonError::into_inner) = notes;
    }

    /// What the notes came to, if the case ended with that.
    pub(crate) fn settled(&self) -> Option<Vec<String>> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the application has noted so much.
    pub(crate) fn wait_for_count(&self, count: usize) -> Result<(), Failure> {
        let there = self.wait_until(|lines| lines.len() >= count)?;
        ensure(there, || format!("the application noted less than {count} times: {:?}", self.notes()))
    }

    fn wait_until(&self, so: impl Fn(&[String]) -> bool) -> Result<bool, Failure> {
        match &self.journal {
            Some(journal) => Ok(journal.wait_until(so, deadline::limit())),
            None => deadline::until(|| Ok(so(&self.notes()?))),
        }
    }

    fn control(&self, method: &str, below: &str) -> Result<Response, Failure> {
        let path = format!("{}/{CONTROL}/{}{below}", self.base(), self.case);
        let request = Request::builder().method(method).uri(path).header("host", HOST).body("");
        let response = self.request(request.map_err(|error| Failure::of("asking for the notes", error))?)?;
        equal("the status of the notes", response.status, 200)?;
        Ok(response)
    }
}

/// A connection from this machine, as one over a socket would be.
fn local() -> Connection {
    Connection::new().with_client(([127, 0, 0, 1], 40_000).into())
}

/// What a server in memory can do: all that has a meaning without a wire.
fn everything() -> Capabilities {
    Capabilities::none()
        .with(Capability::Trailers)
        .with(Capability::PathSend)
        .with(Capability::ZeroCopySend)
        .with(Capability::WebSocketDenial)
}

/// How long nothing must happen to be taken for a standstill.
const QUIET: Duration = Duration::from_millis(200);

/// The host that requests name.
pub(crate) const HOST: &str = "kit.example";
