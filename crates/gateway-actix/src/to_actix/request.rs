//! The head of a request, made of actix's.

use actix_web::dev::Payload;
use actix_web::{HttpMessage, HttpRequest};
use gateway_iface::adapter::Origin;
use gateway_iface::asgi::{Capabilities, Capability, State};
use gateway_iface::bytes::Bytes;
use gateway_iface::{Connection, RemoteUser, RequestHead};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery};
use http::{Extensions, HeaderValue, Method, Request, Uri, Version, header};

use crate::fields;

/// A request for an application.
pub(super) struct Asked {
    pub(super) head: Box<RequestHead>,
    /// Whether it came by an application that stands around actix, which learns of errors.
    pub(super) observed: bool,
    pub(super) websocket: bool,
    /// What there is of a body, where actix takes all that comes for one: after an `upgrade`, also without a WebSocket.
    pub(super) length: Option<u64>,
}

/// Makes a request for an application; `None` of what is none. Without a payload it is none for a WebSocket.
pub(super) fn asked(request: &HttpRequest, payload: &Payload, state: Option<&State>) -> Option<Asked> {
    let mut parts = parts(request)?;
    let origin = parts.extensions.remove::<Origin>();
    let observed = origin.as_ref().is_some_and(Origin::is_detached);
    if !observed && !is_valid(&parts) {
        return None;
    }
    let mut origin = origin.unwrap_or_else(|| Origin::new(connection(request)));
    let connection = origin.connection_mut();
    connection.set_capabilities(Capabilities::none());
    if let Some(state) = state {
        *connection.state_mut() = state.clone();
    }
    let path = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let border = border(request);
    let below = path.get(border..).unwrap_or_default();
    let whole =
        origin.target().filter(|target| border == 0 && target.path_and_query() == parts.uri.path_and_query());
    if let Some(whole) = whole {
        parts.uri = whole.clone();
    } else if border > 0 {
        let below = if below.starts_with('/') { below.parse() } else { format!("/{below}").parse() };
        let below = below.ok()?;
        if origin.target().is_none() {
            origin = origin.with_target(parts.uri);
        }
        parts.uri = below;
    }
    let mut head = origin.restore(parts);
    let websocket = !matches!(payload, Payload::None) && gateway_websocket::is_asked(&head);
    if websocket {
        let denial = Capabilities::none().with(Capability::WebSocketDenial);
        head.connection_mut().set_capabilities(denial);
    }
    let upgrades =
        !observed && head.version() < Version::HTTP_2 && head.headers().contains_key(header::UPGRADE);
    let framed = upgrades && !head.headers().contains_key(header::TRANSFER_ENCODING);
    let length = framed.then(|| head.content_length().unwrap_or_default());
    Some(Asked { head, observed, websocket, length })
}

/// Whether it is a head that HTTP allows, as far as actix leaves that to its user.
fn is_valid(parts: &Parts) -> bool {
    let is_host = |host: &HeaderValue| {
        let host = host.as_bytes();
        host.is_empty() || Authority::try_from(host).is_ok() && !host.contains(&b'@')
    };
    // H-13, A-35
    let (path, whole_server) = (parts.uri.path(), parts.method == Method::OPTIONS && parts.uri.path() == "*");
    let target = path.starts_with('/') || whole_server;
    // A-19; a tunnel is nothing that an application of actix is asked for.
    let method = parts.method != Method::CONNECT && !parts.method.as_str().contains(char::is_lowercase);
    // H-19; that there is one, actix sees to.
    let host = parts.headers.get_all(header::HOST).iter().all(is_host);
    target && method && host
}

fn parts(request: &HttpRequest) -> Option<Parts> {
    let mut parts = Request::new(()).into_parts().0;
    parts.method = Method::from_bytes(request.method().as_str().as_bytes()).ok()?;
    parts.uri = target(request.uri())?;
    parts.version = version(request.version());
    parts.headers = fields::from_actix(request.headers()).ok()?;
    let mut extensions = request.extensions_mut();
    if let Some(theirs) = extensions.remove::<Extensions>() {
        parts.extensions = theirs;
    }
    if let Some(user) = extensions.remove::<RemoteUser>() {
        parts.extensions.insert(user);
    }
    drop(extensions);
    Some(parts)
}

fn target(uri: &actix_web::http::Uri) -> Option<Uri> {
    if uri.authority().is_some() {
        return uri.to_string().parse().ok();
    }
    let path = uri.path_and_query()?.as_str();
    Uri::from_maybe_shared(Bytes::copy_from_slice(path.as_bytes())).ok()
}

fn version(version: actix_web::http::Version) -> Version {
    match version {
        actix_web::http::Version::HTTP_09 => Version::HTTP_09,
        actix_web::http::Version::HTTP_10 => Version::HTTP_10,
        actix_web::http::Version::HTTP_2 => Version::HTTP_2,
        actix_web::http::Version::HTTP_3 => Version::HTTP_3,
        _ => Version::HTTP_11,
    }
}

/// The connection, as far as actix tells; or as whoever accepted it says, among the data of the connection.
fn connection(request: &HttpRequest) -> Connection {
    let config = request.app_config();
    let mut connection = request
        .conn_data::<Connection>()
        .cloned()
        .unwrap_or_else(|| Connection::new().with_server(config.local_addr()).with_secure(config.secure()));
    if connection.client().is_none() {
        connection.set_client(request.peer_addr());
    }
    connection
}

/// Where in the path the router of actix left off.
///
/// It works on a path of its own in which some octets are decoded, but no `/` is: segments are counted, not octets.
fn border(request: &HttpRequest) -> usize {
    let info = request.match_info();
    let done = info.as_str().len() - info.unprocessed().len();
    let done = info.as_str()[..done].trim_end_matches('/');
    let segments = done.matches('/').count();
    if segments == 0 {
        return 0;
    }
    let path = request.uri().path();
    path.match_indices('/').nth(segments).map_or(path.len(), |(at, _)| at)
}
