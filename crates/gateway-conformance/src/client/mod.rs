//! The client of the kit: the same calls in process and over a socket.

mod deadline;
mod extra;
mod memory_asgi;
mod memory_wsgi;
mod raw;
mod response;
mod tcp;
mod websocket;

use std::sync::Arc;

use gateway_iface::asgi::{Capabilities, Capability, State};
use gateway_iface::bytes::Bytes;
use gateway_iface::http::Request;
use gateway_iface::testing::AsgiClient;
use gateway_iface::{Connection, asgi, wsgi};

pub(crate) use self::deadline::{DEADLINE, SHORT_DEADLINE, run, with_limit};
pub(crate) use self::raw::Raw;
pub(crate) use self::response::{Block, Response};
pub(crate) use self::websocket::Socket;

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
}

enum Way {
    Tcp(std::net::SocketAddr, Arc<str>),
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
        Self { case, reach, journal }
    }

    /// The path of this case, with something below it.
    pub(crate) fn path(&self, below: &str) -> String {
        let base = if let Way::Tcp(_, base) = &self.reach { base } else { "" };
        format!("{base}/{}{below}", self.case)
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
        let mut exchange = self.open(Request::from_parts(parts, ()), upload)?;
        if !body.is_empty() {
            exchange.send(body, true)?;
        }
        exchange.response()
    }

    /// Begins a request whose body is sent, and whose response is read, step by step.
    pub(crate) fn open(&self, request: Request<()>, upload: Upload) -> Result<Exchange<'_>, Failure> {
        let wire: Box<dyn Wire + '_> = match &self.reach {
            Way::Tcp(addr, _) => Box::new(TcpWire::open(*addr, &request, upload)?),
            Way::Asgi(client, connection) => Box::new(AsgiWire::open(client, connection, request, upload)),
            Way::Wsgi(app) => Box::new(WsgiWire::open(app.clone(), request, upload)?),
        };
        Ok(Exchange { wire, response: None })
    }

    /// A connection of which every octet is seen.
    pub(crate) fn raw(&self) -> Result<Raw, Failure> {
        match &self.reach {
            Way::Tcp(addr, _) => Raw::connect(*addr),
            _ => Err(Failure::new("the host is not reached over a socket")),
        }
    }

    /// Asks for a WebSocket.
    pub(crate) fn websocket(&self, request: Request<()>) -> Result<Socket<'_>, Failure> {
        match &self.reach {
            Way::Asgi(client, _) => Ok(Socket::open(client, request)),
            _ => Err(Failure::new("the kit has no WebSocket over this host's way")),
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
    pub(crate) fn wait_for_all<const N: usize>(&self, notes: [&str; N]) -> Result<(), Failure> {
        self.wait_until(|lines| lines.len() >= N)?;
        equal("the notes", self.notes()?, notes)
    }

    fn wait_until(&self, so: impl Fn(&[String]) -> bool) -> Result<bool, Failure> {
        match &self.journal {
            Some(journal) => Ok(journal.wait_until(so, deadline::limit())),
            None => deadline::until(|| Ok(so(&self.notes()?))),
        }
    }

    fn control(&self, method: &str, below: &str) -> Result<Response, Failure> {
        let base = if let Way::Tcp(_, base) = &self.reach { base } else { "" };
        let path = format!("{base}/{CONTROL}/{}{below}", self.case);
        let request = Request::builder().method(method).uri(path).header("host", HOST).body("");
        let response = self.request(request.map_err(|error| Failure::of("asking for the notes", error))?)?;
        equal("the status of the notes", response.status, 200)?;
        Ok(response)
    }
}

/// One request, step by step; dropped early, the client leaves.
pub(crate) struct Exchange<'a> {
    wire: Box<dyn Wire + 'a>,
    response: Option<Response>,
}

impl Exchange<'_> {
    /// Sends a block of the request body.
    pub(crate) fn send(&mut self, block: impl Into<Bytes>, last: bool) -> Result<(), Failure> {
        self.wire.send(block.into(), last)
    }

    /// Waits until the application has noted this; in process it runs meanwhile.
    pub(crate) fn until_noted(&mut self, text: &'static str, client: &Client) -> Result<(), Failure> {
        if let Some(journal) = &client.journal {
            self.wire.drive(journal, text)?;
        }
        client.wait_for(text)
    }

    /// Reads the head of the response; its body is still empty.
    pub(crate) fn head(&mut self) -> Result<&Response, Failure> {
        if self.response.is_none() {
            self.response = Some(self.wire.head()?);
        }
        self.response.as_ref().ok_or_else(|| Failure::new("no head"))
    }

    /// Reads the next block of the response.
    pub(crate) fn block(&mut self) -> Result<Block, Failure> {
        self.head()?;
        self.wire.block()
    }

    /// Reads at least so many octets of the body, or up to its end.
    pub(crate) fn octets(&mut self, len: usize) -> Result<Vec<u8>, Failure> {
        let mut octets = Vec::new();
        while octets.len() < len {
            match self.block()? {
                Block::Data(block) => octets.extend_from_slice(&block),
                Block::End | Block::Cut => break,
            }
        }
        Ok(octets)
    }

    /// Reads the rest of the response.
    pub(crate) fn response(mut self) -> Result<Response, Failure> {
        self.head()?;
        let mut response = self.response.take().ok_or_else(|| Failure::new("no head"))?;
        loop {
            match self.wire.block()? {
                Block::Data(block) => response.body.extend_from_slice(&block),
                Block::End => break response.complete = true,
                Block::Cut => break,
            }
        }
        Ok(response)
    }
}

/// What an exchange goes over.
trait Wire {
    fn send(&mut self, block: Bytes, last: bool) -> Result<(), Failure>;

    fn head(&mut self) -> Result<Response, Failure>;

    fn block(&mut self) -> Result<Block, Failure>;

    /// Lets an application run that runs only while it is looked at, until it has noted this.
    fn drive(&mut self, journal: &Journal, text: &'static str) -> Result<(), Failure> {
        let _ = (journal, text);
        Ok(())
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

/// The host that requests name.
pub(crate) const HOST: &str = "kit.example";
