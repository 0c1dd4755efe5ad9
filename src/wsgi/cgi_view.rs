//! The variables that a request's own pieces stand behind.

use std::net::{IpAddr, SocketAddr};

use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Version};

use super::cgi_keys::{ROOM, header_of, shows};
use super::{Environ, Value};
use crate::connection::ServerAddr;
use crate::host;
use crate::path;
use crate::request::RequestHead;

/// Every variable that is not a header field.
pub(super) const KEYS: [&str; 23] = [
    "REQUEST_METHOD",
    "SCRIPT_NAME",
    "PATH_INFO",
    "QUERY_STRING",
    "REQUEST_URI",
    "CONTENT_TYPE",
    "CONTENT_LENGTH",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "SERVER_SOFTWARE",
    "GATEWAY_INTERFACE",
    "REMOTE_ADDR",
    "REMOTE_PORT",
    "REMOTE_USER",
    "AUTH_TYPE",
    "HTTPS",
    "wsgi.version",
    "wsgi.url_scheme",
    "wsgi.multithread",
    "wsgi.multiprocess",
    "wsgi.run_once",
    "wsgi.input_terminated",
];

/// The value of a variable, before anything was set or removed by hand.
pub(super) fn derive<'a>(environ: &'a Environ, key: &str) -> Option<Value<'a>> {
    let head = environ.head();
    Some(match key {
        "REQUEST_METHOD" => text(head.method().as_str()),
        "SCRIPT_NAME" => Value::cow(path::decode(head.root_path())),
        "PATH_INFO" => Value::cow(path::decode(head.path_info())),
        "QUERY_STRING" => text(head.query_string()),
        "REQUEST_URI" => text(request_uri(head)),
        "CONTENT_TYPE" => Value::borrowed(head.content_type()?),
        "CONTENT_LENGTH" => Value::borrowed(content_length(head)?.as_bytes()),
        "SERVER_NAME" => server_name(head),
        "SERVER_PORT" => server_port(head),
        "SERVER_PROTOCOL" => text(protocol(head.version())),
        "SERVER_SOFTWARE" => text(SOFTWARE),
        "GATEWAY_INTERFACE" => text("CGI/1.1"),
        "REMOTE_ADDR" => Value::display(&head.client()?.ip()),
        // An address from a proxy may come without a port.
        "REMOTE_PORT" => Value::display(&Some(head.client()?.port()).filter(|&port| port != 0)?),
        "REMOTE_USER" => text(head.user()?.name()),
        "AUTH_TYPE" => text(Some(head.user()?.auth_type()).filter(|scheme| !scheme.is_empty())?),
        "HTTPS" if head.is_secure() => text("on"),
        "wsgi.version" => text("1.0"),
        "wsgi.url_scheme" => text(environ.url_scheme()),
        "wsgi.multithread" => flag(environ.multithread()),
        "wsgi.multiprocess" => flag(environ.multiprocess()),
        "wsgi.run_once" => flag(environ.run_once()),
        "wsgi.input_terminated" => flag(true),
        _ => return field(head.headers(), key),
    })
}

/// The announced length, unless a transfer coding stands beside it (W-31).
pub(super) fn content_length(head: &RequestHead) -> Option<&HeaderValue> {
    let announced =
        head.content_length().is_some() && !head.headers().contains_key(header::TRANSFER_ENCODING);
    head.headers().get(header::CONTENT_LENGTH).filter(|_| announced)
}

fn field<'a>(headers: &'a HeaderMap, key: &str) -> Option<Value<'a>> {
    let mut room = [0; ROOM];
    match header_of(key, &mut room) {
        Some(name) => join(name, headers.get_all(name).iter()),
        None if key.len() > ROOM => {
            let name: &HeaderName = headers.keys().find(|name| shows(key, name))?;
            join(name.as_str(), headers.get_all(name).iter())
        }
        None => None,
    }
}

/// One value out of all the fields of one name (W-37).
fn join<'a>(name: &str, mut values: impl Iterator<Item = &'a HeaderValue>) -> Option<Value<'a>> {
    let first = values.next()?.as_bytes();
    if name == header::HOST.as_str() {
        return Some(Value::borrowed(first));
    }
    let Some(second) = values.next() else {
        return Some(Value::borrowed(first));
    };
    let separator: &[u8] = if name == header::COOKIE.as_str() { b"; " } else { b"," };
    let mut joined = first.to_vec();
    for value in std::iter::once(second).chain(values) {
        joined.extend_from_slice(separator);
        joined.extend_from_slice(value.as_bytes());
    }
    Some(Value::owned(joined))
}

const fn text(text: &str) -> Value<'_> {
    Value::borrowed(text.as_bytes())
}

const fn flag(set: bool) -> Value<'static> {
    text(if set { "1" } else { "0" })
}

fn request_uri(head: &RequestHead) -> &str {
    let uri = head.uri();
    match (uri.path_and_query(), uri.authority()) {
        (Some(target), _) => target.as_str(),
        (None, Some(authority)) => authority.as_str(),
        (None, None) => head.raw_path(),
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}

fn server_name(head: &RequestHead) -> Value<'_> {
    match head.server() {
        Some(ServerAddr::Ip(SocketAddr::V4(addr))) => Value::display(addr.ip()),
        Some(ServerAddr::Ip(SocketAddr::V6(addr))) => Value::display(&format_args!("[{}]", addr.ip())),
        Some(ServerAddr::Name(name, _)) if !name.is_empty() => match name.parse() {
            Ok(IpAddr::V6(addr)) => Value::display(&format_args!("[{addr}]")),
            _ => text(name),
        },
        _ => text(host(head).map_or("localhost", |(name, _)| name)),
    }
}

fn server_port(head: &RequestHead) -> Value<'_> {
    match head.server() {
        Some(ServerAddr::Ip(addr)) => Value::display(&addr.port()),
        Some(ServerAddr::Name(name, port)) if !name.is_empty() => Value::display(port),
        _ => {
            let default = if head.is_secure() { "443" } else { "80" };
            text(host(head).and_then(|(_, port)| port).unwrap_or(default))
        }
    }
}

/// What the client takes the server's name and port for (A-152, H-111).
fn host(head: &RequestHead) -> Option<(&str, Option<&str>)> {
    host::split(host::requested(head)?)
}

const SOFTWARE: &str = concat!("gateway-iface/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
#[path = "cgi_view_tests.rs"]
mod tests;
