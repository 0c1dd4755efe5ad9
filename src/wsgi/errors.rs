//! The error stream of a request.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Where the application writes text for the operator: `wsgi.errors`.
///
/// It goes to standard error unless the server gives it another sink (W-90).
///
/// # Contract
///
/// - Any text is accepted; `\n` ends a line (W-84 to W-86).
/// - Text counts as out only after [`flush`](Self::flush) (W-88); standard error is unbuffered.
/// - A sink that fails gives an error, never a panic.
///
/// # Examples
///
/// ```
/// use std::sync::{Arc, Mutex};
///
/// use gateway_iface::wsgi::ErrorStream;
///
/// let log = Arc::new(Mutex::new(Vec::new()));
/// let mut errors = ErrorStream::new(log.clone());
/// write!(errors, "low on {}\n", "paper")?;
/// errors.flush()?;
/// assert_eq!(*log.lock().unwrap(), b"low on paper\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct ErrorStream {
    sink: Option<Arc<Mutex<dyn io::Write + Send>>>,
}

impl ErrorStream {
    /// Writes into this sink, which other requests may share.
    #[must_use]
    pub fn new(sink: Arc<Mutex<dyn io::Write + Send>>) -> Self {
        Self { sink: Some(sink) }
    }

    /// Writes to standard error.
    #[must_use]
    pub const fn stderr() -> Self {
        Self { sink: None }
    }

    /// Writes text as it is.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn write_text(&mut self, text: &str) -> io::Result<()> {
        self.with_sink(|sink| sink.write_all(text.as_bytes()))
    }

    /// Writes several texts, adding nothing between them (W-84).
    ///
    /// # Errors
    ///
    /// Those of the sink; the texts after the one that failed are not written.
    pub fn write_lines<T: AsRef<str>>(&mut self, lines: impl IntoIterator<Item = T>) -> io::Result<()> {
        lines.into_iter().try_for_each(|line| self.write_text(line.as_ref()))
    }

    /// Writes formatted text: what `write!` calls, with no import.
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
        self.with_sink(|sink| sink.write_fmt(text))
    }

    /// Sees to it that everything written is out (W-88).
    ///
    /// # Errors
    ///
    /// Those of the sink.
    pub fn flush(&mut self) -> io::Result<()> {
        self.with_sink(|sink| sink.flush())
    }

    fn with_sink<T>(&self, write: impl FnOnce(&mut dyn io::Write) -> io::Result<T>) -> io::Result<T> {
        match &self.sink {
            // A sink whose user panicked is still a sink.
            Some(sink) => write(&mut *sink.lock().unwrap_or_else(PoisonError::into_inner)),
            None => write(&mut io::stderr().lock()),
        }
    }
}

impl fmt::Write for ErrorStream {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write_text(text).map_err(|_| fmt::Error)
    }
}

impl io::Write for ErrorStream {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.with_sink(|sink| sink.write(octets))
    }

    fn flush(&mut self) -> io::Result<()> {
        Self::flush(self)
    }
}

impl fmt::Debug for ErrorStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sink = if self.sink.is_some() { "custom" } else { "stderr" };
        f.debug_struct("ErrorStream").field("sink", &sink).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// W-85: a line ends with LF in the sink too.
    #[test]
    fn w_84_w_86_text_reaches_the_sink_unchanged() {
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut errors = ErrorStream::new(log.clone());
        errors.write_text("é\n").unwrap();
        errors.write_lines(["a\n", "b", "\n"]).unwrap();
        fmt::Write::write_str(&mut errors, "c").unwrap();
        io::Write::write_all(&mut errors, b"d").unwrap();
        errors.flush().unwrap();
        assert_eq!(String::from_utf8(log.lock().unwrap().clone()).unwrap(), "é\na\nb\ncd");
    }

    #[test]
    fn w_88_text_is_out_after_the_flush_whatever_the_sink_holds_back() {
        struct Shared(Arc<Mutex<Vec<u8>>>);
        impl io::Write for Shared {
            fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().write(octets)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let log = Arc::new(Mutex::new(Vec::new()));
        let sink = io::BufWriter::new(Shared(Arc::clone(&log)));
        let mut errors = ErrorStream::new(Arc::new(Mutex::new(sink)));
        errors.write_text("held back").unwrap();
        assert!(log.lock().unwrap().is_empty());
        errors.flush().unwrap();
        assert_eq!(*log.lock().unwrap(), b"held back");
    }

    #[test]
    fn failing_sink_is_an_error_not_a_panic() {
        struct Full;
        impl io::Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut errors = ErrorStream::new(Arc::new(Mutex::new(Full)));
        assert_eq!(errors.write_text("x").unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(fmt::Write::write_str(&mut errors, "x").is_err());
    }
}
