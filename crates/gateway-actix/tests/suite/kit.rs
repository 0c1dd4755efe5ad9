//! The kit, through each direction.

use std::sync::Arc;

use actix_web::App;
use gateway_actix::{FromActix, ToActix};
use gateway_conformance::{Application, Exception, Host, Running, suite};
use gateway_iface::{BoxError, asgi};

use crate::support::{by_actix, by_hyper};

suite!(
    to_actix,
    |app: Application| {
        let (addr, stop) = by_actix(app)?;
        Ok(Running::tcp(addr, stop))
    },
    [wsgi, asgi_http, asgi_websocket, middleware, lifespan]
);

suite!(to_actix_wire, Wire, [http_wire, websocket_wire]);

suite!(
    ten_layers,
    |app: Application| {
        let mut app: Arc<dyn asgi::Application> = Arc::new(app);
        for _ in 0..10 {
            let service = ToActix::shared(app);
            app =
                Arc::new(FromActix::new(move || App::new().default_service(service.clone())).with_threads(1));
        }
        let (addr, stop) = by_hyper(app)?;
        Ok(Running::tcp(addr, stop))
    },
    [wsgi, asgi_http, asgi_websocket, middleware]
);

suite!(
    round_trip,
    |app: Application| {
        let service = ToActix::new(app);
        let app = FromActix::new(move || App::new().default_service(service.clone())).with_threads(2);
        let (addr, stop) = by_hyper(app)?;
        Ok(Running::tcp(addr, stop))
    },
    [wsgi, asgi_http, asgi_websocket, middleware]
);

/// What is the server's own is actix's: so are the rules that it does not keep.
struct Wire;

impl Host for Wire {
    fn start(&self, app: Application) -> Result<Running, BoxError> {
        let (addr, stop) = by_actix(app)?;
        Ok(Running::tcp(addr, stop))
    }

    fn exceptions(&self) -> &[Exception] {
        const KNOWN: [Exception; 3] = [
            Exception::new(
                "broken_response_is_seen_to_be_broken",
                "H-87: actix closes a connection of HTTP/1.0 where it is to be reset",
            ),
            Exception::new(
                "chunks_against_the_grammar_are_no_body",
                "H-50: the decoder of actix takes an extension of any form",
            ),
            Exception::new(
                "connection_is_kept_and_closed_as_asked",
                "H-94: actix answers requests that it read together with one that says close",
            ),
        ];
        &KNOWN
    }
}
