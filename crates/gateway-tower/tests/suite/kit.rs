//! The conformance kit through the adapters.

use gateway_conformance::{Application, Exception, Host, Running, suite};
use gateway_iface::BoxError;

use crate::hosts::{Axum, Hyper, round_trip, start};

/// An application as a service in an axum router as an application again, on the native server.
struct RoundTripNative {
    layers: usize,
    http2: bool,
}

impl Host for RoundTripNative {
    fn start(&self, app: Application) -> Result<Running, BoxError> {
        round_trip(app, self.layers, self.http2)
    }
}

suite!(
    round_trip,
    RoundTripNative { layers: 1, http2: false },
    [wsgi, asgi_http, asgi_websocket, middleware, http_wire, websocket_wire]
);
suite!(round_trip_http2, RoundTripNative { layers: 1, http2: true }, [wsgi, asgi_http, middleware]);
suite!(
    ten_layers,
    RoundTripNative { layers: 10, http2: false },
    [wsgi, asgi_http, asgi_websocket, middleware]
);

/// An application as a service under plain hyper.
struct UnderHyper;

impl Host for UnderHyper {
    fn start(&self, app: Application) -> Result<Running, BoxError> {
        let (addr, stop) = start(Hyper, app)?;
        Ok(Running::tcp(addr, stop))
    }

    fn exceptions(&self) -> &'static [Exception] {
        LIMITS
    }
}

/// What is lost in hyper, or left by it to its user, before a service is called. Our own server refuses it.
const LIMITS: &[Exception] = &[
    Exception::new(
        "broken_response_is_seen_to_be_broken",
        "H-87: hyper does not reset a connection of HTTP/1.0",
    ),
    Exception::new(
        "coding_that_is_not_chunked_is_refused",
        "H-38, H-41: hyper takes chunks in chunks for chunks",
    ),
    Exception::new("host_is_needed_and_only_one", "H-18, H-19: hyper leaves the host to its user"),
    Exception::new("method_in_lower_case_is_no_other_method", "A-19: hyper takes any token for a method"),
    Exception::new("options_asterisk_is_the_whole_server", "H-13: hyper takes the asterisk for every method"),
];

suite!(
    under_hyper,
    UnderHyper,
    [wsgi, asgi_http, asgi_websocket, lifespan, middleware, http_wire, websocket_wire]
);

/// The same by HTTP/2.
struct UnderHyperHttp2;

impl Host for UnderHyperHttp2 {
    fn start(&self, app: Application) -> Result<Running, BoxError> {
        let (addr, stop) = start(Hyper, app)?;
        Ok(Running::http2(addr, stop))
    }
}

suite!(under_hyper_http2, UnderHyperHttp2, [wsgi, asgi_http, middleware]);

/// An application as the fallback of a router under `axum::serve`.
struct UnderAxum;

impl Host for UnderAxum {
    fn start(&self, app: Application) -> Result<Running, BoxError> {
        let (addr, stop) = start(Axum, app)?;
        Ok(Running::tcp(addr, stop))
    }

    fn exceptions(&self) -> &'static [Exception] {
        LIMITS
    }
}

suite!(
    under_axum,
    UnderAxum,
    [wsgi, asgi_http, asgi_websocket, lifespan, middleware, http_wire, websocket_wire]
);
