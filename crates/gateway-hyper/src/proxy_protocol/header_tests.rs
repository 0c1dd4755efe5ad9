//! Headers, whole and cut and wrong.

use super::header::{Header, read};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const IPV4: &[u8] = &[192, 0, 2, 7, 198, 51, 100, 1, 0x30, 0x39, 0x01, 0xbb];

/// The client's address, and the one that it connected to.
type Addrs = (&'static str, &'static str);

/// A header of version 2.
fn binary(command: u8, family: u8, len: u16, rest: &[u8]) -> Vec<u8> {
    [SIGNATURE, &[command, family], &len.to_be_bytes(), rest].concat()
}

fn ipv6() -> Vec<u8> {
    let mut rest = vec![0; 36];
    (rest[0], rest[15], rest[31]) = (0x20, 7, 1);
    (rest[33], rest[35]) = (80, 81);
    rest
}

/// Headers that are right, with the addresses that they tell.
fn right() -> Vec<(Vec<u8>, Option<Addrs>)> {
    let v4 = Some(("192.0.2.7:12345", "198.51.100.1:443"));
    let long = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let longest = format!("PROXY UNKNOWN {long} {long} 65535 65535\r\n");
    assert_eq!(longest.len(), 107);
    let with_tlvs = [IPV4, &[0x04, 0, 3, 1, 2, 3]].concat();
    let with_wrong_tlvs = [IPV4, &[0x04, 0xff, 0xff, 1]].concat();
    vec![
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 12345 443\r\n".into(), v4),
        (
            b"PROXY TCP4 192.0.2.7 198.51.100.1 0 65535\r\n".into(),
            Some(("192.0.2.7:0", "198.51.100.1:65535")),
        ),
        (b"PROXY TCP6 2001:db8::7 ::1 1 2\r\n".into(), Some(("[2001:db8::7]:1", "[::1]:2"))),
        (b"PROXY UNKNOWN\r\n".into(), None),
        (b"PROXY UNKNOWN not an address\r\n".into(), None),
        (longest.into(), None),
        (binary(0x21, 0x11, 12, IPV4), v4),
        (binary(0x21, 0x11, 18, &with_tlvs), v4),
        (binary(0x21, 0x11, 16, &with_wrong_tlvs), v4),
        (binary(0x21, 0x21, 36, &ipv6()), Some(("[2000::7]:80", "[::1]:81"))),
        (binary(0x21, 0x12, 12, IPV4), None),
        (binary(0x21, 0x10, 12, IPV4), None),
        (binary(0x21, 0x00, 0, &[]), None),
        (binary(0x21, 0x00, 5, b"what?"), None),
        (binary(0x21, 0x31, 216, &[b'x'; 216]), None),
        (binary(0x20, 0x00, 0, &[]), None),
        (binary(0x20, 0x11, 12, IPV4), None),
        (binary(0x20, 0xff, 3, b"abc"), None),
        (binary(0x21, 0x11, 4080, &[IPV4, &[0; 4068]].concat()), v4),
    ]
}

#[test]
fn a_30_a_31_headers_tell_addresses_or_that_those_of_the_connection_hold() {
    for (mut octets, addrs) in right() {
        let addrs = addrs.map(|(client, server)| (client.parse().unwrap(), server.parse().unwrap()));
        let header = Header { addrs, len: octets.len() };
        assert_eq!(read(&octets).unwrap(), Some(header), "{}", octets.escape_ascii());
        octets.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n");
        assert_eq!(read(&octets).unwrap(), Some(header), "what follows: {}", octets.escape_ascii());
    }
}

#[test]
fn header_that_is_cut_anywhere_waits_for_its_rest() {
    for (octets, _) in right() {
        for end in 0..octets.len() {
            let cut = &octets[..end];
            assert_eq!(read(cut).unwrap(), None, "{end}: {}", octets.escape_ascii());
        }
    }
}

#[test]
fn malformed_headers_are_refused() {
    let long = |len: usize| format!("PROXY UNKNOWN {}\r\n", "x".repeat(len - 16)).into_bytes();
    let without_end = |len: usize| [b"PROXY TCP4 ".to_vec(), vec![b'1'; len - 11]].concat();
    let texts: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\x00",
        b"proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
        b" PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
        b"PROXYTCP4 192.0.2.7 198.51.100.1 1 2\r\n",
        b"PROXY\tTCP4 192.0.2.7 198.51.100.1 1 2\r\n",
        b"PROXY  TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
        b"PROXY \r\n",
        b"PROXY tcp4 192.0.2.7 198.51.100.1 1 2\r\n",
        b"PROXY TCP5 192.0.2.7 198.51.100.1 1 2\r\n",
        b"PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n",
        b"PROXY UNKNOWNS\r\n",
        b"PROXY TCP4\r\n",
        b"PROXY TCP4 192.0.2.7\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n",
        b"PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n",
        b"PROXY UNKNOWN\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 1\r2\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\r\n",
        b"PROXY UNKNOWN a\rb\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 2\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 1 65536\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 -1 2\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 +1 2\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 1 0x2\r\n",
        b"PROXY TCP4 256.0.2.7 198.51.100.1 1 2\r\n",
        b"PROXY TCP4 192.0.2 198.51.100.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\n",
        b"PROXY TCP4 ::1 ::1 1 2\r\n",
        b"PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n",
        b"PROXY TCP6 [::1] [::1] 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        b"PROXY TCP4 localhost localhost 1 2\r\n",
        b"PROXY TCP4 \xff\xfe 198.51.100.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\0\r\n",
        &long(108),
        &without_end(107),
        &without_end(1000),
        b"\r\n\r\n\0\r\nQUIX\n\x21\x11",
        b"\r\n\r\nGET / HTTP/1.1\r\n",
        b"\r\n\r\n\0\r\nQUIT\r\n",
    ];
    let binaries = [
        binary(0x11, 0x11, 12, IPV4),
        binary(0x31, 0x11, 12, IPV4),
        binary(0x22, 0x11, 12, IPV4),
        binary(0x2f, 0x11, 12, IPV4),
        binary(0x21, 0x41, 12, IPV4),
        binary(0x21, 0xf1, 12, IPV4),
        binary(0x21, 0x13, 12, IPV4),
        binary(0x21, 0x11, 0, &[]),
        binary(0x21, 0x11, 11, &IPV4[..11]),
        // The octets behind it do not belong to it.
        binary(0x21, 0x11, 8, IPV4),
        binary(0x21, 0x21, 12, IPV4),
        binary(0x21, 0x21, 35, &ipv6()[..35]),
        binary(0x21, 0x31, 215, &[0; 215]),
        binary(0x21, 0x11, 4081, IPV4),
        binary(0x21, 0x00, 0xffff, &[]),
        binary(0x20, 0x00, 0xffff, &[]),
    ];
    let binaries = binaries.iter().map(Vec::as_slice);
    for octets in texts.iter().copied().chain(binaries) {
        assert!(read(octets).is_err(), "{}", octets.escape_ascii());
    }
}
