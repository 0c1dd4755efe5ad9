//! Connections that are closed, and what is counted of them.

use std::time::Duration;

use gateway_hyper::{Limit, ProxyProtocol};
use gateway_iface::middleware::Network;
use tokio::io::AsyncWriteExt as _;

use crate::proxied::{ADDRS, BINARY, TEXT, here, start, start_with};
use crate::support::{builder, on_both_runtimes};

#[test]
fn connection_whose_header_is_malformed_is_closed_without_an_answer() {
    on_both_runtimes(async || {
        let server = start(here()).await;
        let malformed: [&[u8]; 7] = [
            b"GET / HTTP/1.1\r\nhost: test\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 12345 443\n",
            b"PROXY TCP4 192.0.2.7 198.51.100.1 12345 65536\r\n",
            &[b'P'; 200],
            &[b"PROXY UNKNOWN ".as_slice(), &[b'x'; 200]].concat(),
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
        ];
        for (number, octets) in (1..).zip(malformed) {
            let mut client = server.connect().await;
            client.send(octets).await;
            assert_eq!(client.closed().await, b"", "{}", octets.escape_ascii());
            assert_eq!(server.handle.stats().malformed(), number);
        }
        assert_eq!(server.handle.stats().requests(), 0);
        server.stop().await;
    });
}

#[test]
fn connection_whose_header_is_cut_is_closed_and_one_that_was_not_used_counts_as_nothing() {
    on_both_runtimes(async || {
        let server = start(here()).await;
        for (octets, malformed) in
            [(&TEXT[..1], 1), (&TEXT[..TEXT.len() - 1], 2), (&BINARY[..13], 3), (&BINARY[..27], 4), (b"", 4)]
        {
            let mut client = server.connect().await;
            client.send(octets).await;
            client.stream.shutdown().await.unwrap();
            assert_eq!(client.closed().await, b"");
            assert_eq!(server.handle.stats().malformed(), malformed, "{}", octets.escape_ascii());
        }
        server.stop().await;
    });
}

#[test]
fn peer_that_is_no_proxy_is_closed_whatever_it_says() {
    on_both_runtimes(async || {
        let elsewhere: Network = "10.0.0.0/8".parse().unwrap();
        let elsewhere = ProxyProtocol::new().trust_network(elsewhere).with_unix(true);
        for proxies in [ProxyProtocol::new(), elsewhere] {
            let server = start(proxies).await;
            let request = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";
            for octets in [request.to_vec(), [TEXT, request].concat(), [BINARY, request].concat()] {
                let mut client = server.connect().await;
                // It may be closed before all is written.
                let _ = client.stream.write_all(&octets).await;
                assert_eq!(client.closed().await, b"");
            }
            assert_eq!((server.handle.stats().malformed(), server.handle.stats().requests()), (3, 0));
            server.stop().await;
        }
    });
}

#[test]
fn header_that_does_not_come_in_time_is_counted() {
    on_both_runtimes(async || {
        let server = start_with(builder().proxy_header_timeout(Duration::from_millis(40)), here()).await;
        for (number, octets) in (1..).zip([&b""[..], &TEXT[..20], &BINARY[..20]]) {
            let mut client = server.connect().await;
            client.send(octets).await;
            assert_eq!(client.closed().await, b"");
            assert_eq!(server.handle.stats().limit_hits(Limit::ProxyHeaderTime), number);
        }
        assert_eq!(server.handle.stats().malformed(), 0);
        let mut client = server.connect().await;
        client.send(TEXT).await;
        assert_eq!(client.get("/").await.text(), ADDRS);
        server.stop().await;
    });
}

#[test]
fn server_that_gives_up_waits_for_no_header() {
    on_both_runtimes(async || {
        let forever = Duration::from_secs(100_000);
        let builder = builder().proxy_header_timeout(forever).grace_period(Duration::ZERO);
        let server = start_with(builder, here()).await;
        let mut client = server.connect().await;
        client.send(&TEXT[..20]).await;
        while server.handle.stats().connections() == 0 {
            tokio::task::yield_now().await;
        }
        server.stop().await;
        assert_eq!(client.closed().await, b"");
    });
}
