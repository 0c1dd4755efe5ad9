//! Files as bodies, by path and by descriptor.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gateway_iface::asgi::event::{PathSend, ZeroCopySend};
use gateway_iface::asgi::{Disconnect, SendError};
use gateway_iface::{Error, asgi};
use http::{HeaderMap, StatusCode, header};
use tokio::sync::mpsc;

use crate::support::{Log, Server, on_both_runtimes, on_current_thread};

/// A file that is there as long as this is.
struct Kept(PathBuf);

impl Kept {
    fn new(octets: &[u8]) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("gateway-hyper-file-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, octets).unwrap();
        Self(path)
    }

    /// Larger than what fits between a server and a client that does not read; it takes no room on the disk.
    fn vast() -> Self {
        let kept = Self::new(b"");
        File::options().write(true).open(&kept.0).unwrap().set_len(VAST).unwrap();
        kept
    }

    fn open(&self) -> Arc<File> {
        Arc::new(File::open(&self.0).unwrap())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

const VAST: u64 = 64 * 1024 * 1024;

fn part(file: &Arc<File>, offset: Option<u64>, count: Option<u64>, more_body: bool) -> ZeroCopySend {
    let mut event = ZeroCopySend::new(Arc::clone(file));
    (event.offset, event.count, event.more_body) = (offset, count, more_body);
    event
}

fn length(length: u64) -> HeaderMap {
    HeaderMap::from_iter([(header::CONTENT_LENGTH, length.into())])
}

/// An application that sends the file at that path, with that length declared.
fn sends(path: &Path, declared: Option<u64>) -> impl asgi::Application + 'static {
    let path = path.to_owned();
    move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
        let path = path.clone();
        async move {
            scope.into_http()?;
            send.start(StatusCode::OK, declared.map(length).unwrap_or_default()).await?;
            Ok::<_, Error>(send.send(PathSend::new(path)).await?)
        }
    }
}

/// H-84: with its length; and the connection goes on.
#[test]
fn a_129_file_by_path_is_the_whole_body() {
    on_both_runtimes(async || {
        for len in [0, 1, 128 * 1024, 700_001_usize] {
            let octets: Vec<_> = (0..len).map(|at| (at % 251) as u8).collect();
            let file = Kept::new(&octets);
            for declared in [None, Some(len as u64)] {
                let server = Server::start(sends(&file.0, declared)).await;
                let mut client = server.connect().await;
                for _ in 0..2 {
                    let response = client.get("/").await;
                    assert_eq!(response.status, 200);
                    assert_eq!(response.header("content-length"), Some(&*len.to_string()));
                    assert!(response.body == octets, "{len} octets");
                }
                server.stop().await;
            }
        }
    });
}

/// H-77: HEAD has the length and no octet of it.
#[test]
fn a_129_h_78_file_is_not_sent_in_answer_to_head() {
    on_both_runtimes(async || {
        let file = Kept::new(b"a file");
        let server = Server::start(sends(&file.0, None)).await;
        let mut client = server.connect().await;
        for _ in 0..2 {
            client.send("HEAD / HTTP/1.1\r\nhost: test\r\n\r\n").await;
            let head = client.head().await;
            assert_eq!((head.status, head.header("content-length")), (200, Some("6")));
        }
        assert_eq!(client.get("/").await.body, b"a file");
        server.stop().await;
    });
}

/// H-86: whatever has no octets makes no chunk.
#[test]
fn a_127_blocks_and_parts_of_files_keep_their_order() {
    on_both_runtimes(async || {
        let file = Kept::new(b"0123456789");
        let open = file.open();
        let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            let file = Arc::clone(&open);
            async move {
                scope.into_http()?;
                send.start(StatusCode::OK, HeaderMap::new()).await?;
                send.block("<").await?;
                send.send(part(&file, Some(3), Some(4), true)).await?;
                send.send(part(&file, Some(10), None, true)).await?;
                send.block("|").await?;
                send.send(part(&file, Some(8), None, true)).await?;
                send.send(part(&file, Some(0), Some(0), true)).await?;
                send.send(part(&file, Some(0), Some(2), true)).await?;
                send.block(">").await?;
                Ok::<_, Error>(send.send(part(&file, Some(9), None, false)).await?)
            }
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        for _ in 0..2 {
            let response = client.get("/").await;
            assert!(response.complete);
            assert_eq!(response.text(), "<3456|8901>9");
        }
        client.send("GET / HTTP/1.0\r\n\r\n").await;
        assert_eq!(client.response().await.text(), "<3456|8901>9");
        server.stop().await;
    });
}

/// Without an offset a part begins at the position, and moves it past itself; with one it does not.
#[test]
fn a_127_a_128_position_moves_as_if_the_part_were_read() {
    on_both_runtimes(async || {
        let file = Kept::new(b"0123456789");
        let app = {
            let path = file.0.clone();
            move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
                let path = path.clone();
                async move {
                    scope.into_http()?;
                    let file = Arc::new(File::open(path)?);
                    (&*file).seek(SeekFrom::Start(2))?;
                    send.start(StatusCode::OK, HeaderMap::new()).await?;
                    send.send(part(&file, None, Some(3), true)).await?;
                    assert_eq!((&*file).stream_position()?, 5);
                    send.send(part(&file, Some(0), Some(1), true)).await?;
                    assert_eq!((&*file).stream_position()?, 5);
                    let mut own = [0; 2];
                    (&*file).read_exact(&mut own)?;
                    assert_eq!(&own, b"56");
                    send.send(part(&file, None, None, false)).await?;
                    assert_eq!((&*file).stream_position()?, 10);
                    // The descriptor is the application's own still.
                    (&*file).rewind()?;
                    let mut all = String::new();
                    (&*file).read_to_string(&mut all)?;
                    assert_eq!(all, "0123456789");
                    Ok::<_, Error>(())
                }
            }
        };
        let log = Log::start();
        let server = Server::start(app).await;
        assert_eq!(server.get("/").await.text(), "2340789");
        assert_eq!(log.errors(), [""; 0]);
        server.stop().await;
    });
}

/// the head is not out, so that there is an answer.
#[test]
fn a_130_file_that_is_none_fails_in_send_and_the_head_can_still_be_replaced() {
    on_both_runtimes(async || {
        let missing = std::env::temp_dir().join("gateway-hyper-no-such-file");
        for path in [Path::new("Cargo.toml"), &missing, &std::env::temp_dir()] {
            let server = Server::start(sends(path, None)).await;
            let mut client = server.connect().await;
            for _ in 0..2 {
                let response = client.get("/").await;
                assert_eq!((response.status, response.complete), (500, true), "{}", path.display());
                let shown = path.to_str().unwrap();
                assert!(!response.text().contains(shown), "W-139: {}", response.text());
            }
            server.stop().await;
        }
    });
}

/// the error leaves the state as it was, so that something else can be sent.
#[test]
fn a_130_after_a_file_that_is_none_comes_another_body() {
    on_both_runtimes(async || {
        let app = async |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            scope.into_http()?;
            send.start(StatusCode::OK, HeaderMap::new()).await?;
            let error = send.send(PathSend::new("no/such/file")).await.unwrap_err();
            assert!(matches!(error, SendError::Invalid(_)), "{error}");
            Ok::<_, Error>(send.last("instead").await?)
        };
        let server = Server::despite(&["A-129"], app).await;
        assert_eq!(server.get("/").await.text(), "instead");
        server.stop().await;
    });
}

/// like any event after the end, whatever it names.
#[test]
fn a_107_file_after_the_end_is_ignored() {
    on_both_runtimes(async || {
        let (tell, mut told) = mpsc::unbounded_channel();
        let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            let tell = tell.clone();
            async move {
                scope.into_http()?;
                send.text(200, "all").await?;
                tell.send(send.send(PathSend::new("no/such/file")).await)?;
                Ok::<_, Error>(())
            }
        };
        let server = Server::despite(&["V-02"], app).await;
        assert_eq!(server.get("/").await.text(), "all");
        assert!(matches!(told.recv().await, Some(Ok(()))));
        server.stop().await;
    });
}

/// H-85: no octet more and none less; the application is told before the head is out.
#[test]
fn a_74_file_of_another_length_than_declared_is_refused() {
    on_both_runtimes(async || {
        let file = Kept::new(b"0123456789");
        for declared in [0, 9, 11] {
            let server = Server::start(sends(&file.0, Some(declared))).await;
            assert_eq!(server.get("/").await.status, 500, "{declared}");
            server.stop().await;
        }
        for (declared, count) in [(9, None), (11, None), (4, Some(3)), (4, Some(5)), (20, Some(11))] {
            let open = file.open();
            let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
                let file = Arc::clone(&open);
                async move {
                    scope.into_http()?;
                    send.start(StatusCode::OK, length(declared)).await?;
                    Ok::<_, Error>(send.send(part(&file, Some(0), count, false)).await?)
                }
            };
            let server = Server::despite(&["A-74"], app).await;
            assert_eq!(server.get("/").await.status, 500, "{declared} {count:?}");
            server.stop().await;
        }
    });
}

/// a block after a file is not taken before the file was; so a client that does not read holds it.
#[test]
fn a_11_a_127_block_after_a_file_waits_for_it() {
    on_both_runtimes(async || {
        let file = Kept::vast();
        let (tell, mut told) = mpsc::unbounded_channel();
        let open = file.open();
        let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            let (file, tell) = (Arc::clone(&open), tell.clone());
            async move {
                scope.into_http()?;
                send.start(StatusCode::OK, length(VAST + 1)).await?;
                send.send(part(&file, Some(0), None, true)).await?;
                tell.send("file")?;
                send.last(".").await?;
                tell.send("block")?;
                Ok::<_, Error>(())
            }
        };
        let server = Server::start(app).await;
        let mut client = server.connect().await;
        client.ask("/").await;
        client.head().await;
        assert_eq!(told.recv().await, Some("file"));
        for _ in 0..64 {
            client.exact(64 * 1024).await;
        }
        assert!(told.try_recv().is_err(), "most of the file is not read yet");
        for _ in 64..VAST / (64 * 1024) {
            client.exact(64 * 1024).await;
        }
        assert_eq!(client.exact(1).await, b".");
        assert_eq!(told.recv().await, Some("block"));
        server.stop().await;
    });
}

/// H-85, H-87: what is short of the declared length is no whole response, and the next send fails.
#[test]
fn h_87_file_that_shrinks_while_it_is_sent_breaks_the_response_off() {
    on_current_thread(async || {
        let log = Log::start();
        for chunked in [false, true] {
            let file = Kept::vast();
            let (tell, mut told) = mpsc::unbounded_channel();
            let open = file.open();
            let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
                let (file, tell) = (Arc::clone(&open), tell.clone());
                async move {
                    if scope.into_http()?.path_info() == "/other" {
                        return Ok(send.text(200, "other").await?);
                    }
                    let headers = if chunked { HeaderMap::new() } else { length(VAST + 1) };
                    send.start(StatusCode::OK, headers).await?;
                    send.send(part(&file, Some(0), None, true)).await?;
                    let end = send.last(".").await;
                    tell.send(end.as_ref().err().and_then(SendError::disconnect))?;
                    Ok::<_, Error>(end?)
                }
            };
            let server = Server::start(app).await;
            let mut client = server.connect().await;
            client.ask("/").await;
            client.head().await;
            File::options().write(true).open(&file.0).unwrap().set_len(1024).unwrap();
            let rest = client.closed().await;
            assert!((rest.len() as u64) < VAST && !rest.ends_with(b"0\r\n\r\n"));
            assert_eq!(told.recv().await, Some(Some(Disconnect::Client)));
            assert_eq!(log.errors().len(), 1, "{:?}", log.errors());
            Log::start();
            // Only that connection is closed.
            assert_eq!(server.get("/other").await.text(), "other");
            server.stop().await;
        }
    });
}

/// whoever waits for the file to be gone learns that its client is.
#[test]
fn a_95_client_that_leaves_a_file_is_lost() {
    on_both_runtimes(async || {
        let file = Kept::vast();
        let (tell, mut told) = mpsc::unbounded_channel();
        let open = file.open();
        let app = move |scope: asgi::Scope, _: asgi::Receive, mut send: asgi::Send| {
            let (file, tell) = (Arc::clone(&open), tell.clone());
            async move {
                scope.into_http()?;
                send.start(StatusCode::OK, HeaderMap::new()).await?;
                send.send(part(&file, Some(0), None, true)).await?;
                let lost = send.last(".").await;
                tell.send(lost.as_ref().err().and_then(SendError::disconnect))?;
                Ok::<_, Error>(lost?)
            }
        };
        let server = Server::start(app).await;
        for reset in [true, false] {
            let mut client = server.connect().await;
            client.ask("/").await;
            client.head().await;
            if reset {
                client.reset();
            } else {
                drop(client);
            }
            assert_eq!(told.recv().await, Some(Some(Disconnect::Client)));
        }
        server.stop().await;
    });
}
