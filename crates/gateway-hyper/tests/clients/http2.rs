//! curl and nghttp2's load generator over HTTP/2.

use tokio::process::Command;

use crate::curl::{Curl, Transfer};
use crate::responses::{app, stream};
use crate::support::{Site, over_tcp, over_tls, run};

#[test]
fn prior_knowledge_is_enough() {
    over_tcp(app, async |site| {
        let curl = Curl::run(site, &[PLAIN], &["/1"]).await;
        assert_eq!(curl.transfers, [Transfer::get("2", 1)]);
        assert_eq!(curl.text(), "Hello from /1\n");
    });
}

/// H-109: nor a field of the connection.
#[test]
fn h_83_stream_comes_whole_and_without_chunks() {
    over_tcp(app, async |site| {
        let curl = Curl::run(site, &[PLAIN], &["/stream"]).await;
        curl.expect(&[200]);
        assert_eq!(curl.text(), stream());
        for field in ["transfer-encoding", "connection", "keep-alive"] {
            assert_eq!(curl.values(field), [""; 0], "{field}");
        }
    });
}

/// A client of HTTP/2 takes octets of a body in answer to HEAD for an error.
#[test]
fn h_77_h_78_answer_to_head_has_the_length_of_get_and_no_body() {
    over_tls(app, async |site| {
        let head = Curl::run(site, &["--head"], &["/1", "/2"]).await;
        assert_eq!(head.transfers, [Transfer::get("2", 1), Transfer::get("2", 0)]);
        assert_eq!(head.values("content-length"), ["14", "14"]);
    });
}

/// The stream that breaks off does not take the others with it.
#[test]
fn h_87_response_that_breaks_off_costs_only_itself() {
    over_tls(app, async |site| {
        let curl = Curl::run(site, &["--http2"], &["/1", "/breaks", "/2"]).await;
        assert_eq!(curl.statuses(), ["HTTP/2 200"; 3]);
        let connects: Vec<_> = curl.transfers.iter().map(|transfer| transfer.connects).collect();
        assert_eq!(connects, [1, 0, 0]);
        assert!(curl.text().ends_with("Hello from /2\n"), "{}", curl.text());
        assert_ne!(Curl::run(site, &["--http2"], &["/breaks"]).await.code, 0);
    });
}

/// As many streams as a client may have by default, on each of its connections.
#[test]
fn a_hundred_streams_on_each_of_four_connections_are_all_answered() {
    async fn load(site: &Site) {
        for path in ["/", "/stream"] {
            let mut h2load = Command::new("h2load");
            h2load.args(["--requests", "4000", "--clients", "4", "--max-concurrent-streams", "100"]);
            let output = run(h2load.arg(site.url(path)), b"").await;
            let says = String::from_utf8_lossy(&output.stdout);
            for line in [
                "requests: 4000 total, 4000 started, 4000 done, 4000 succeeded, 0 failed, 0 errored, 0 timeout",
                "status codes: 4000 2xx, 0 3xx, 0 4xx, 0 5xx",
            ] {
                assert!(says.lines().any(|said| said == line), "{path}\n{says}");
            }
        }
    }
    over_tcp(app, load);
    over_tls(app, load);
}

/// For one request: curl may fail to make a second one on such a connection.
const PLAIN: &str = "--http2-prior-knowledge";
