//! Networks of addresses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// An address, or a network of them: `192.0.2.1`, `10.0.0.0/8`, `2001:db8::/32`.
///
/// Addresses of IPv4 that are written in IPv6 (`::ffff:192.0.2.1`) are those of IPv4, here and in what
/// it is compared with.
///
/// # Examples
///
/// ```
/// use gateway_iface::middleware::Network;
///
/// let network: Network = "10.0.0.0/8".parse()?;
/// assert!(network.contains("10.1.2.3".parse()?));
/// assert!(network.contains("::ffff:10.1.2.3".parse()?));
/// assert!(!network.contains("11.0.0.0".parse()?));
/// assert!("10.0.0.1/8".parse::<Network>().is_err());
/// # Ok::<(), gateway_iface::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Network {
    addr: IpAddr,
    len: u8,
}

impl Network {
    /// The network of the addresses that have their first `len` bits in common with `addr`.
    ///
    /// # Errors
    ///
    /// [`InvalidNetwork`] when `len` is too large, or `addr` has bits set after those.
    pub fn new(addr: IpAddr, len: u8) -> Result<Self, InvalidNetwork> {
        let canonical = addr.to_canonical();
        let len = if addr == canonical { Some(len) } else { len.checked_sub(MAPPED_LEN) };
        let len = len.filter(|&len| len <= width(canonical)).ok_or(InvalidNetwork)?;
        let network = Self { addr: canonical, len };
        if network.masked(canonical) == Some(bits(canonical)) { Ok(network) } else { Err(InvalidNetwork) }
    }

    /// Whether an address is in it.
    #[must_use]
    pub fn contains(&self, addr: IpAddr) -> bool {
        self.masked(addr.to_canonical()) == Some(bits(self.addr))
    }

    /// The bits of the network part, for an address of the same kind.
    fn masked(&self, addr: IpAddr) -> Option<u128> {
        let host_bits = u32::from(width(addr)) - u32::from(self.len.min(width(addr)));
        let network = bits(addr).checked_shr(host_bits).unwrap_or(0).checked_shl(host_bits).unwrap_or(0);
        (addr.is_ipv4() == self.addr.is_ipv4()).then_some(network)
    }
}

impl From<IpAddr> for Network {
    fn from(addr: IpAddr) -> Self {
        let addr = addr.to_canonical();
        Self { addr, len: width(addr) }
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let Some((addr, len)) = text.split_once('/') else {
            return Ok(Self::from(text.parse::<IpAddr>().map_err(|_| InvalidNetwork)?));
        };
        let is_number = !len.is_empty() && len.bytes().all(|octet| octet.is_ascii_digit());
        let len = len.parse().ok().filter(|_| is_number).ok_or(InvalidNetwork)?;
        Self::new(addr.parse().map_err(|_| InvalidNetwork)?, len)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.len)
    }
}

/// A text that is no address and no network.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "a network is an address, and `/` and the length of its common part if need be, with nothing set after that"
)]
#[non_exhaustive]
pub struct InvalidNetwork;

const fn width(addr: IpAddr) -> u8 {
    if addr.is_ipv4() { 32 } else { 128 }
}

fn bits(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(addr) => u128::from(addr.to_bits()),
        IpAddr::V6(addr) => addr.to_bits(),
    }
}

/// How much of an IPv4 address in IPv6 is not its own.
const MAPPED_LEN: u8 = 96;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_in_their_networks_only() {
        for (network, inside, outside) in [
            (
                "10.0.0.0/8",
                &["10.0.0.0", "10.255.255.255", "::ffff:10.1.1.1"][..],
                &["11.0.0.0", "9.255.255.255"][..],
            ),
            ("192.0.2.1", &["192.0.2.1"], &["192.0.2.2", "192.0.2.0", "::c000:201"]),
            ("192.0.2.1/32", &["192.0.2.1"], &["192.0.2.3"]),
            ("0.0.0.0/0", &["1.2.3.4", "::ffff:1.2.3.4"], &["::1", "2001:db8::1"]),
            ("::/0", &["::1", "2001:db8::1"], &["1.2.3.4", "::ffff:1.2.3.4"]),
            ("2001:db8::/32", &["2001:db8:ffff::1"], &["2001:db9::"]),
            ("::1", &["::1"], &["::2", "127.0.0.1"]),
            ("::ffff:10.0.0.0/104", &["10.9.9.9", "::ffff:10.9.9.9"], &["11.0.0.0"]),
            ("::ffff:10.0.0.1", &["10.0.0.1"], &["10.0.0.2"]),
        ] {
            let network: Network = network.parse().unwrap();
            for addr in inside {
                assert!(network.contains(addr.parse().unwrap()), "{addr} in {network}");
            }
            for addr in outside {
                assert!(!network.contains(addr.parse().unwrap()), "{addr} not in {network}");
            }
        }
    }

    #[test]
    fn texts_that_may_mean_something_else_are_refused() {
        for text in [
            "",
            "/",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/-1",
            "10.0.0.0/8/8",
            "10.0.0.1/8",
            "10/8",
            "010.0.0.0/8",
            "::/129",
            "::1/64",
            "[::1]",
            "::ffff:10.0.0.0/8",
            "localhost",
            "10.0.0.0 /8",
            "10.0.0.0/256",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
