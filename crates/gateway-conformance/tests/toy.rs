//! A server in fewer than a hundred lines: hyper speaks HTTP, and a thread calls the application.
//!
//! It serves every synchronous application and, behind [`AsgiToWsgi`], every asynchronous one; the kit tests both.
//! A request is refused, or called on a thread. Blocks go from there to hyper through a channel with room for one.
//! It has no limit on connections, on idle time or on sizes but hyper's: a server for strangers needs more.

use std::io::{self, Read};
use std::sync::{Arc, Weak};
use std::{future::poll_fn, pin::Pin, task::Context, task::Poll, time::Duration};

use gateway_iface::http::{HeaderMap, HeaderValue, Request, StatusCode, Version, header, uri::Authority};
use gateway_iface::wsgi::{self, Environ, Input, Transport};
use gateway_iface::{Connection, RequestHead, asgi::Disconnect, bytes::Buf, bytes::Bytes};
use hyper::{Response, body::Body, body::Frame, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::{io::AsyncReadExt, net::TcpListener, net::TcpStream, runtime::Handle, task, time};

type App = Arc<dyn wsgi::Application>;
type Cut = mpsc::Sender<Answer>;

/// Accepts connections until it is dropped. When `stop` changes, each ends what is under way, and then drops
/// its copy of `stop`.
async fn serve(listener: TcpListener, app: App, stop: watch::Receiver<()>) -> io::Result<()> {
    loop {
        task::spawn(talk(listener.accept().await?.0, app.clone(), stop.clone()));
    }
}

/// Serves a connection. Who breaks a response off sends its answer to `cuts`: as long as that lives, hyper does
/// not take the response for complete.
async fn talk(stream: TcpStream, app: App, mut stop: watch::Receiver<()>) -> io::Result<()> {
    let connection = Connection::new().with_client(stream.peer_addr()?).with_server(stream.local_addr()?);
    let (connection, (cut, mut cuts)) = (Arc::new(connection), mpsc::channel(1));
    let service = service_fn(|request: Request<Incoming>| {
        let (parts, body) = request.into_parts();
        respond(RequestHead::on(parts, connection.clone()), body, app.clone(), cut.clone())
    });
    let mut http = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    loop {
        tokio::select! {
            biased; // hyper writes what came before a cut
            _ = &mut http => break,
            _ = cuts.recv() => return http.into_parts().io.into_inner().set_zero_linger(), // H-87
            _ = stop.changed() => Pin::new(&mut http).graceful_shutdown(),
        }
    }
    // To close while octets arrive would reset the connection, and take the answer along.
    let mut rest = http.into_parts().io.into_inner().take(1 << 20);
    time::timeout(Duration::from_secs(1), rest.read_to_end(&mut Vec::new())).await?.map(drop)
}

/// Calls the application on a thread, and waits for the head of its response.
async fn respond(mut head: RequestHead, body: Incoming, app: App, cut: Cut) -> io::Result<Response<Blocks>> {
    let (sender, mut blocks) = mpsc::channel(1);
    if !is_valid(&mut head) {
        let refusal = Response::builder().status(400).header(header::CONNECTION, "close");
        return refusal.body(Blocks(blocks)).map_err(io::Error::other);
    }
    let (mut answer, runtime) = (Answer(sender), Handle::current());
    task::spawn_blocking(move || {
        let (length, body) = (body.size_hint().exact(), Arc::new(Mutex::new(body)));
        let input = Input::from_read(Lent(Arc::downgrade(&body), Bytes::new(), runtime), length);
        let Err(error) = wsgi::run(&*app, Environ::new(Box::new(head), input), &mut answer) else { return };
        eprintln!("{error}");
        if error.is_aborted() {
            drop(cut.blocking_send(answer));
        }
    });
    Ok(blocks.recv().await.ok_or(io::ErrorKind::BrokenPipe)?.map(|_| Blocks(blocks)))
}

/// Whether it is a head that HTTP allows, as far as hyper leaves that to its user.
fn is_valid(head: &mut RequestHead) -> bool {
    let of = |name| head.headers().get_all(name).iter().map(HeaderValue::as_bytes);
    let is_host = |host: &[u8]| host.is_empty() || !host.contains(&b'@') && Authority::try_from(host).is_ok();
    let (path, method, old) = (head.raw_path(), head.method().as_str(), head.version() == Version::HTTP_10);
    // H-10, A-35; A-19
    let target = path.starts_with('/') || (method, path) == ("OPTIONS", "*");
    let line = target && !method.contains(char::is_lowercase);
    // H-18, H-19
    let named = of(header::HOST).all(is_host) && (usize::from(!old)..=1).contains(&of(header::HOST).count());
    // H-38; H-37, H-44
    let coded = of(header::TRANSFER_ENCODING).all(|coding| coding.eq_ignore_ascii_case(b"chunked"));
    let framed = coded && of(header::TRANSFER_ENCODING).chain(of(header::CONTENT_LENGTH)).count() < 2;
    let host = head.uri().authority().map(ToString::to_string);
    line && named && framed && host.is_none_or(|host| head.set_host(&host).is_ok()) // H-12
}

/// The body of a request, lent for as long as the call lasts (W-76), and what is left of a block of it.
struct Lent(Weak<Mutex<Incoming>>, Bytes, Handle);

impl Read for Lent {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let body = self.0.upgrade().ok_or_else(|| io::Error::other(Disconnect::Complete))?;
        if self.1.is_empty() {
            let mut body = body.blocking_lock();
            let frame = self.2.block_on(poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx))).transpose();
            let frame = frame.map_err(|_| io::Error::other(Disconnect::Client))?;
            self.1 = frame.and_then(|frame| frame.into_data().ok()).unwrap_or_default();
        }
        (&mut self.1).reader().read(buffer)
    }
}

/// The thread's end of a response. What it sends first has the head, the rest are blocks.
struct Answer(mpsc::Sender<Response<Bytes>>);

impl Transport for Answer {
    fn head(&mut self, status: StatusCode, mut headers: HeaderMap, length: Option<u64>) -> io::Result<()> {
        // With `Some`, it replaces a length that is there.
        headers.extend(length.map(|length| (Some(header::CONTENT_LENGTH), length.into())));
        let mut start = Response::default();
        (*start.status_mut(), *start.headers_mut()) = (status, headers);
        self.0.blocking_send(start).map_err(io::Error::other)
    }

    fn block(&mut self, data: Bytes) -> io::Result<()> {
        self.0.blocking_send(Response::new(data)).map_err(io::Error::other)
    }
}

/// hyper's end of a response.
struct Blocks(mpsc::Receiver<Response<Bytes>>);

impl Body for Blocks {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(cx).map(|block| block.map(|block| Ok(Frame::data(block.into_body()))))
    }
}

// The kit.

use gateway_conformance::{Application, Exception, Host, Running, suite};
use gateway_iface::{BoxError, bridge::AsgiToWsgi};

/// Starts the server, on either interface.
struct Toy(fn(Application) -> Result<Running, BoxError>);

impl Host for Toy {
    fn start(&self, app: Application) -> Result<Running, BoxError> {
        (self.0)(app)
    }

    fn exceptions(&self) -> &[Exception] {
        const CASE: &str = "last_block_completes_the_response_while_the_application_goes_on";
        const END: Exception = Exception::new(CASE, "A-71: its message ends with the thread of its call");
        const KNOWN: &[Exception] = Exception::SYNCHRONOUS;
        const ALL: [Exception; 5] = [KNOWN[0], KNOWN[1], KNOWN[2], KNOWN[3], END];
        &ALL
    }
}

fn synchronous(app: Application) -> Result<Running, BoxError> {
    start(Arc::new(app), || Ok(()))
}

fn asynchronous(app: Application) -> Result<Running, BoxError> {
    let bridge = Arc::new(AsgiToWsgi::with_lifespan(app)?);
    start(bridge.clone(), move || Ok(bridge.shutdown()?))
}

fn start(
    app: App,
    last: impl FnOnce() -> Result<(), BoxError> + Send + 'static,
) -> Result<Running, BoxError> {
    let runtime = tokio::runtime::Runtime::new()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let (addr, (stop, stopped)) = (listener.local_addr()?, watch::channel(()));
    let serving = runtime.spawn(serve(listener, app, stopped));
    Ok(Running::tcp(addr, move || {
        serving.abort();
        stop.send_replace(());
        let patience = Duration::from_secs(1);
        let _ = runtime.block_on(async { time::timeout(patience, stop.closed()).await });
        runtime.shutdown_timeout(patience);
        last()
    }))
}

suite!(wsgi_toy, Toy(synchronous), [wsgi, middleware, http_wire]);
suite!(asgi_toy, Toy(asynchronous), [asgi_http, lifespan]);

#[test]
fn server_has_fewer_than_a_hundred_lines() {
    let (server, _) = include_str!("toy.rs").split_once("// The kit.").unwrap();
    let lines = server.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    let lines = lines.count();
    assert!(lines < 100, "{lines} lines");
}
