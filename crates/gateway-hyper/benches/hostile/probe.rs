//! What other clients see of a server under attack.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::app::HELLO;
use crate::process::memory;

/// Asks for `/` on one new connection after the other, and watches the server's memory.
pub(crate) struct Probe {
    end: Arc<AtomicBool>,
    most_memory: Arc<AtomicUsize>,
    asks: JoinHandle<Vec<io::Result<Duration>>>,
    watches: JoinHandle<()>,
}

impl Probe {
    pub(crate) fn start(addr: SocketAddr, id: u32) -> Self {
        let (end, most_memory) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let until = Arc::clone(&end);
        let asks = thread::spawn(move || {
            let mut answers = Vec::new();
            while !until.load(Ordering::Relaxed) {
                let began = Instant::now();
                answers.push(ask(addr).map(|()| began.elapsed()));
                thread::sleep(PAUSE);
            }
            answers
        });
        let (until, most) = (Arc::clone(&end), Arc::clone(&most_memory));
        let watches = thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                most.fetch_max(memory(id).unwrap_or_default(), Ordering::Relaxed);
                thread::sleep(PAUSE / 4);
            }
        });
        Self { end, most_memory, asks, watches }
    }

    /// The times of all answers, in order of size, and how many there were not; the most memory there was.
    pub(crate) fn end(self) -> (Vec<Duration>, usize, usize) {
        self.end.store(true, Ordering::Relaxed);
        let answers = self.asks.join().unwrap_or_default();
        let failed = answers.iter().filter(|answer| answer.is_err()).count();
        let mut times = answers.into_iter().flatten().collect::<Vec<_>>();
        times.sort_unstable();
        // Its only result is the maximum.
        let _ = self.watches.join();
        (times, failed, self.most_memory.load(Ordering::Relaxed))
    }
}

/// One request on a new connection.
pub(crate) fn ask(addr: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    if response.starts_with("HTTP/1.1 200 ") && response.ends_with(HELLO) {
        Ok(())
    } else {
        Err(io::Error::other(response))
    }
}

/// Time between two requests.
const PAUSE: Duration = Duration::from_millis(20);
/// How long an answer is waited for, to tell late from never.
const PATIENCE: Duration = Duration::from_secs(10);
