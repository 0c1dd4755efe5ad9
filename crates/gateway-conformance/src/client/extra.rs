//! A connection that its client ends in one direction.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

use super::{Client, Way, deadline::limit};
use crate::case::{Failure, ensure};

impl Client {
    /// Sends these octets on a connection of their own and then nothing more; what came back until the
    /// server closed it.
    pub(crate) fn send_all_there_is(&self, octets: impl AsRef<[u8]>) -> Result<Vec<u8>, Failure> {
        let Way::Tcp(addr, _) = &self.reach else {
            return Err(Failure::new("the host is not reached over a socket"));
        };
        let exchange = || {
            let mut stream = TcpStream::connect_timeout(addr, limit())?;
            stream.set_read_timeout(Some(limit()))?;
            stream.write_all(octets.as_ref())?;
            stream.shutdown(Shutdown::Write)?;
            let mut answer = Vec::new();
            match stream.read_to_end(&mut answer) {
                Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Err(error),
                _ => Ok(answer),
            }
        };
        exchange().map_err(|error| Failure::of("sending a request that ends early", error))
    }

    /// Waits until the application has noted anything.
    pub(crate) fn wait_for_any(&self) -> Result<(), Failure> {
        let there = self.wait_until(|lines| !lines.is_empty())?;
        ensure(there, || "the application noted nothing".to_owned())
    }
}
