//! curl over TLS: which protocol is spoken, and how responses end.

use crate::curl::{Curl, Transfer};
use crate::responses::{app, stream};
use crate::support::over_tls;

#[test]
fn version_is_what_client_and_server_agree_on() {
    over_tls(app, async |site| {
        for (asked, version) in [("--http2", "2"), ("--http1.1", "1.1"), ("--no-alpn", "1.1")] {
            for tls in ["1.2", "1.3"] {
                let curl = Curl::run(site, &[asked, "--tls-max", tls], &["/1", "/2"]).await;
                let expected = [Transfer::get(version, 1), Transfer::get(version, 0)];
                assert_eq!(curl.transfers, expected, "{asked}, TLS {tls}");
                assert_eq!(curl.text(), "Hello from /1\nHello from /2\n", "{asked}, TLS {tls}");
            }
        }
    });
}

/// curl names HTTP/1.0 alone when it agrees on the protocol.
#[test]
fn h_84_stream_that_the_connection_ends_comes_whole() {
    over_tls(app, async |site| {
        let curl = Curl::run(site, &["--http1.0"], &["/stream"]).await;
        curl.expect(&[200]);
        assert_eq!(curl.text(), stream());
    });
}

#[test]
fn h_87_response_that_breaks_off_is_no_whole_one() {
    over_tls(app, async |site| {
        for version in ["--http1.0", "--http1.1", "--http2"] {
            let curl = Curl::run(site, &[version], &["/breaks"]).await;
            assert_ne!(curl.code, 0, "{version}");
            assert_eq!(curl.statuses().len(), 1, "{version}");
        }
    });
}

#[test]
fn client_that_does_not_know_the_root_sends_no_request() {
    over_tls(app, async |site| {
        let curl = Curl::run(site, &["--cacert", "/dev/null"], &["/"]).await;
        assert_ne!(curl.code, 0);
        assert_eq!(curl.sent(), [""; 0]);
        Curl::run(site, &[], &["/"]).await.expect(&[200]);
    });
}
