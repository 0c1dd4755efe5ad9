//! The table of cases, a file for each part of the contract.

use crate::case::{Case, Group};

mod asgi_http;
mod asgi_websocket;
mod fields;
mod http2;
mod http_wire;
mod layers;
mod lifespan;
mod middleware;
mod temporary_file;
mod websocket_wire;
mod wsgi;

/// Every case, group by group.
pub fn cases() -> impl Iterator<Item = (Group, &'static Case)> {
    Group::ALL
        .into_iter()
        .flat_map(|group| tables(group).iter().copied().flatten().map(move |case| (group, case)))
}

/// The case of that name.
pub(crate) fn find(name: &str) -> Option<&'static Case> {
    cases().map(|(_, case)| case).find(|case| case.name == name)
}

impl Group {
    /// The group that a case is of.
    pub(crate) fn of(case: &Case) -> Option<Self> {
        cases().find(|(_, known)| known.name == case.name).map(|(group, _)| group)
    }
}

const fn tables(group: Group) -> &'static [&'static [Case]] {
    match group {
        Group::Wsgi => wsgi::TABLES,
        Group::AsgiHttp => asgi_http::TABLES,
        Group::AsgiWebSocket => asgi_websocket::TABLES,
        Group::Lifespan => lifespan::TABLES,
        Group::Middleware => middleware::TABLES,
        Group::HttpWire => http_wire::TABLES,
        Group::WebSocketWire => websocket_wire::TABLES,
        Group::Http2 => http2::TABLES,
    }
}
