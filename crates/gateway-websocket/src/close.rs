//! Close frames, and why a socket is failed.

/// Why the server fails a socket (S-58).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Failure {
    pub(super) code: u16,
    pub(super) reason: &'static str,
}

impl Failure {
    /// The client broke the protocol.
    pub(super) const fn protocol(reason: &'static str) -> Self {
        Self { code: 1002, reason }
    }

    /// A text is none.
    pub(super) const fn text() -> Self {
        Self { code: 1007, reason: "not UTF-8" }
    }

    /// More than the server takes.
    pub(super) const fn size(reason: &'static str) -> Self {
        Self { code: 1009, reason }
    }

    /// Whether it is about more than the server takes.
    pub(super) const fn is_size(self) -> bool {
        self.code == 1009
    }
}

/// What the client's Close says: its code, unless it has none, and its words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct PeerClose {
    pub(super) code: Option<u16>,
    pub(super) reason: String,
}

impl PeerClose {
    /// Reads the payload of a Close (S-47, S-48).
    pub(super) fn parse(payload: &[u8]) -> Result<Self, Failure> {
        match payload {
            [] => Ok(Self { code: None, reason: String::new() }),
            [_] => Err(Failure::protocol("a Close of one octet")),
            [high, low, reason @ ..] => {
                let code = u16::from_be_bytes([*high, *low]);
                if !is_code(code) {
                    return Err(Failure::protocol("a code that no Close may have"));
                }
                let reason = std::str::from_utf8(reason).map_err(|_| Failure::text())?;
                Ok(Self { code: Some(code), reason: reason.to_owned() })
            }
        }
    }

    /// The code as an application learns of it: 1005 where there was none (S-56).
    pub(super) fn code(&self) -> u16 {
        self.code.unwrap_or(NO_CODE)
    }
}

/// Whether a Close may have this code.
const fn is_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// The payload of a Close; the reason is no longer than a control frame has room for.
pub(super) fn payload(code: u16, reason: &str) -> Vec<u8> {
    let mut payload = Vec::with_capacity(2 + reason.len());
    payload.extend_from_slice(&code.to_be_bytes());
    payload.extend_from_slice(reason.as_bytes());
    payload
}

/// The code of a Close without one (S-56).
pub(super) const NO_CODE: u16 = 1005;
/// The code of a connection that ended without a Close (S-56).
pub(super) const ABNORMAL: u16 = 1006;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_47_close_is_empty_or_a_code_and_text() {
        assert_eq!(PeerClose::parse(b"").unwrap().code(), 1005);
        let close = PeerClose::parse(b"\x03\xe8bye").unwrap();
        assert_eq!((close.code(), close.reason.as_str()), (1000, "bye"));
        assert_eq!(PeerClose::parse(b"\x03").unwrap_err().code, 1002);
        assert_eq!(PeerClose::parse(b"\x03\xe8\xff").unwrap_err().code, 1007);
    }

    #[test]
    fn s_48_codes_that_no_close_may_have_are_refused() {
        for code in [1000_u16, 1001, 1002, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] {
            assert_eq!(PeerClose::parse(&code.to_be_bytes()).map(|close| close.code), Ok(Some(code)));
        }
        for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
            assert_eq!(PeerClose::parse(&code.to_be_bytes()).unwrap_err().code, 1002, "{code}");
        }
    }
}
