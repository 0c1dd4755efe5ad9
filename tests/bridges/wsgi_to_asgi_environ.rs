//! What the environ of a bridged call tells.

use std::sync::Arc;

use gateway_iface::bridge::WsgiToAsgi;
use gateway_iface::http::{Method, Request, StatusCode};
use gateway_iface::testing::{AsgiClient, block_on};
use gateway_iface::wsgi::{Body, Environ, StartResponse};
use gateway_iface::{Connection, RequestHead};

use crate::{head, hello, start, threads};

fn variables(head: RequestHead, names: &'static [&'static str]) -> Vec<String> {
    let app = move |environ: Environ, start_response: &mut dyn StartResponse| {
        start(start_response)?;
        let value = |&name| {
            environ.get(name).map_or_else(String::new, |value| value.as_bytes().escape_ascii().to_string())
        };
        Ok(Body::from(names.iter().map(value).collect::<Vec<String>>().join("\n")))
    };
    let client = AsgiClient::new(WsgiToAsgi::new(app, threads));
    let mut exchange = client.begin(head);
    exchange.feed("", false);
    block_on(exchange.response()).text().lines().map(str::to_owned).collect()
}

/// W-29, W-49: type and scheme among them.
#[test]
fn a_150_environ_has_the_variables_of_the_scope() {
    let request = Request::put("/app/x?q=%20+")
        .header("content-type", "text/plain")
        .header("content-length", "0")
        .header("x-a", "1")
        .header("x-a", "2");
    let connection = Connection::new().with_client("1.2.3.4:5".parse().unwrap()).with_secure(true);
    let mut head = RequestHead::on(request.body(()).unwrap().into_parts().0, Arc::new(connection));
    head.mount(4).unwrap();
    let values = variables(
        head,
        &[
            "REQUEST_METHOD",
            "SCRIPT_NAME",
            "QUERY_STRING",
            "SERVER_PROTOCOL",
            "wsgi.url_scheme",
            "CONTENT_TYPE",
            "CONTENT_LENGTH",
            "HTTP_X_A",
            "REMOTE_ADDR",
            "REMOTE_PORT",
        ],
    );
    let expected = ["PUT", "/app", "q=%20+", "HTTP/1.1", "https", "text/plain", "0", "1,2", "1.2.3.4", "5"];
    assert_eq!(values, expected);
}

#[test]
fn a_151_path_info_is_what_follows_the_mount_as_octets() {
    let mut mounted = head(Method::GET, "/api/caf%C3%A9%FF");
    mounted.mount(4).unwrap();
    assert_eq!(variables(mounted, &["SCRIPT_NAME", "PATH_INFO"]), ["/api", "/caf\\xc3\\xa9\\xff"]);
    assert!(head(Method::GET, "/apiary").mount(4).is_err());
}

#[test]
fn a_152_server_name_and_port_are_never_empty() {
    const NAMES: &[&str] = &["SERVER_NAME", "SERVER_PORT"];
    let on = |connection: Connection, host: Option<&str>| {
        let mut request = Request::get("/");
        if let Some(host) = host {
            request = request.header("host", host);
        }
        RequestHead::on(request.body(()).unwrap().into_parts().0, Arc::new(connection))
    };
    let unix = || Connection::new().with_server(std::path::Path::new("/run/app.sock"));
    let tcp = Connection::new().with_server("[::1]:8080".parse::<std::net::SocketAddr>().unwrap());
    assert_eq!(variables(on(tcp, None), NAMES), ["[::1]", "8080"]);
    assert_eq!(variables(on(Connection::new(), None), NAMES), ["localhost", "80"]);
    assert_eq!(variables(on(unix(), None), NAMES), ["localhost", "80"]);
    assert_eq!(variables(on(unix(), Some("example.org:81")), NAMES), ["example.org", "81"]);
}

#[test]
fn a_153_too_many_fields_of_one_name_are_400() {
    let request = |count: usize| {
        (0..count).fold(Request::get("/"), |request, _| request.header("x-a", "1")).body("").unwrap()
    };
    let client = AsgiClient::new(WsgiToAsgi::new(hello, threads));
    assert_eq!(block_on(client.request(request(100))).unwrap().status(), 200);
    assert_eq!(block_on(client.request(request(101))).unwrap().status(), 400);
    let client = AsgiClient::new(WsgiToAsgi::new(hello, threads).with_field_limit(2));
    assert_eq!(block_on(client.request(request(2))).unwrap().status(), 200);
    let response = block_on(client.request(request(3))).unwrap();
    assert_eq!((response.status(), response.text().as_ref()), (StatusCode::BAD_REQUEST, "Bad Request"));
}
