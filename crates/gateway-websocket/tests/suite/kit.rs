//! The kit's groups about WebSockets, over TCP.

use gateway_conformance::suite;

use crate::over_hyper::start;

suite!(plain_hyper, start, [asgi_websocket, websocket_wire]);
