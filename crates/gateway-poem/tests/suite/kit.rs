//! The conformance kit through the adapters.

use gateway_conformance::{Application, Exception, Host, Running, suite};
use gateway_iface::BoxError;

use crate::hosts::{poem, round_trip};

/// An application as an endpoint as an application again, on the native server.
struct RoundTrip {
    layers: usize,
    http2: bool,
}

impl Host for RoundTrip {
    fn start(&self, app: Application) -> Result<Running, BoxError> {
        round_trip(app, self.layers, self.http2)
    }
}

suite!(
    round_trip,
    RoundTrip { layers: 1, http2: false },
    [wsgi, asgi_http, asgi_websocket, middleware, http_wire, websocket_wire]
);
suite!(round_trip_http2, RoundTrip { layers: 1, http2: true }, [wsgi, asgi_http, middleware]);
suite!(ten_layers, RoundTrip { layers: 10, http2: false }, [wsgi, asgi_http, asgi_websocket, middleware]);

/// An application as the endpoint of poem's own server.
struct UnderPoem;

impl Host for UnderPoem {
    fn start(&self, app: Application) -> Result<Running, BoxError> {
        let (addr, stop) = poem(app)?;
        Ok(Running::tcp(addr, stop))
    }

    fn exceptions(&self) -> &'static [Exception] {
        LIMITS
    }
}

/// What poem's server stands in the way of: it polls a connection of hyper's again that has failed. By HTTP/2 hyper keeps
/// requests apart.
const LIMITS: &[Exception] = &[
    Exception::new("body_is_closed_once_after_an_error", ENDS_ALL_THE_SAME),
    Exception::new("broken_response_is_seen_to_be_broken", ENDS_ALL_THE_SAME),
    Exception::new("call_over_its_time_is_ended", ENDS_ALL_THE_SAME),
    Exception::new("call_that_ends_in_the_middle_breaks_the_response_off", ENDS_ALL_THE_SAME),
    Exception::new("caught_error_is_answered_and_reported", ENDS_ALL_THE_SAME),
    Exception::new("caught_error_of_a_synchronous_application", ENDS_ALL_THE_SAME),
    Exception::new("client_loss_of_one_harms_no_other", ENDS_ALL_THE_SAME),
    Exception::new("client_that_leaves_in_the_handshake_is_told_of", KEPT),
    Exception::new(
        "coding_that_is_not_chunked_is_refused",
        "H-38, H-41: hyper takes chunks in chunks for chunks",
    ),
    Exception::new("failure_after_the_head_breaks_the_response_off", ENDS_ALL_THE_SAME),
    Exception::new(
        "host_is_needed_and_only_one",
        "H-18, H-19: hyper leaves the host to its user, and poem to the endpoint",
    ),
    Exception::new("method_in_lower_case_is_no_other_method", "A-19: hyper takes any token for a method"),
    Exception::new("options_asterisk_is_the_whole_server", "H-13: hyper takes the asterisk for every method"),
    Exception::new("refused_event_that_comes_back_ends_the_call", ENDS_ALL_THE_SAME),
    Exception::new("requests_on_several_connections_do_not_harm_each_other", ENDS_ALL_THE_SAME),
    Exception::new("restart_after_output_hands_the_cause_back", ENDS_ALL_THE_SAME),
    Exception::new("send_that_is_let_go_is_answered_for", ENDS_ALL_THE_SAME),
];

/// `limits::poem_ends_a_body_that_fails_as_if_it_were_complete` shows it without us.
const ENDS_ALL_THE_SAME: &str = "A-106, H-87, W-140: poem's server polls hyper's connection again when a body has \
    failed, and hyper sends the last chunk then";
const KEPT: &str = "A-84: poem's server polls hyper's connection again when its client has left, and so keeps the \
    endpoint that waits";

suite!(
    under_poem,
    UnderPoem,
    [wsgi, asgi_http, asgi_websocket, lifespan, middleware, http_wire, websocket_wire]
);

/// The same by HTTP/2.
struct UnderPoemHttp2;

impl Host for UnderPoemHttp2 {
    fn start(&self, app: Application) -> Result<Running, BoxError> {
        let (addr, stop) = poem(app)?;
        Ok(Running::http2(addr, stop))
    }
}

suite!(under_poem_http2, UnderPoemHttp2, [wsgi, asgi_http, middleware]);
