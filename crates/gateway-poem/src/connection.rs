//! Addresses and scheme, as poem has them and as a connection has them.

use std::net::SocketAddr;

use gateway_iface::adapter::Origin;
use gateway_iface::{Connection, ServerAddr};
use http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Request};

/// Where a request of poem's own came from.
pub(crate) fn origin(request: &Request) -> Origin {
    let mut connection = Connection::new().with_secure(*request.scheme() == Scheme::HTTPS);
    connection.set_client(request.remote_addr().as_socket_addr().copied());
    connection.set_server(server(request.local_addr()));
    Origin::new(connection).with_target(request.original_uri().clone())
}

/// What poem's request tells of a connection.
pub(crate) fn addresses(connection: &Connection) -> (LocalAddr, RemoteAddr, Scheme) {
    let local = match connection.server() {
        Some(ServerAddr::Ip(addr)) => (*addr).into(),
        Some(ServerAddr::Name(name, port)) => Addr::custom("tcp", format!("{name}:{port}")),
        Some(ServerAddr::Unix(path)) => Addr::custom("unix", path.display().to_string()),
        _ => Addr::default(),
    };
    let remote = connection.client().map_or_else(Addr::default, Addr::from);
    let scheme = if connection.is_secure() { Scheme::HTTPS } else { Scheme::HTTP };
    (LocalAddr(local), RemoteAddr(remote), scheme)
}

fn server(local: &Addr) -> Option<ServerAddr> {
    match local {
        Addr::SocketAddr(addr) => Some(SocketAddr::into(*addr)),
        #[cfg(unix)]
        Addr::Unix(addr) => addr.as_pathname().map(ServerAddr::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_30_addresses_of_a_connection_are_those_of_poems_request() {
        let (client, server) = (SocketAddr::from(([10, 0, 0, 1], 7)), SocketAddr::from(([10, 0, 0, 2], 443)));
        let connection = Connection::new().with_client(client).with_server(server).with_secure(true);
        let (local, remote, scheme) = addresses(&connection);
        assert_eq!(local.as_socket_addr(), Some(&server));
        assert_eq!(remote.as_socket_addr(), Some(&client));
        assert_eq!(scheme, Scheme::HTTPS);
    }

    #[test]
    fn a_30_what_is_no_address_of_the_internet_is_told_by_name() {
        let named = Connection::new().with_server(ServerAddr::Name("example.org".into(), 80));
        assert_eq!(addresses(&named).0.to_string(), "tcp://example.org:80");
        let unix = Connection::new().with_server(std::path::Path::new("/run/app.sock"));
        assert_eq!(addresses(&unix).0.to_string(), "unix:///run/app.sock");
        let (local, remote, scheme) = addresses(&Connection::new());
        assert_eq!((local.0, remote.0, scheme), (Addr::default(), Addr::default(), Scheme::HTTP));
    }
}
