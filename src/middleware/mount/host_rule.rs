//! The host that an application is mounted at.

use std::net::Ipv6Addr;

use crate::host;

/// The hosts that one application is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum HostRule {
    /// One name, in lower case.
    Name(String),
    /// One address.
    Literal(Ipv6Addr),
    /// Every name that ends so, in lower case with its first dot: all below a domain.
    Below(String),
}

impl HostRule {
    /// Reads a rule; says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if let Some(addr) = text.parse().ok().or_else(|| host::literal(text)) {
            return Ok(Self::Literal(addr));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let (rule, name) = match name.strip_prefix("*.") {
            Some(domain) => (Self::Below(format!(".{domain}")), domain),
            None => (Self::Name(name.clone()), name.as_str()),
        };
        if host::is_name(name) {
            Ok(rule)
        } else {
            Err("a host is a name of letters, digits, `-` and `_`, or an address, and has no port")
        }
    }

    /// Whether it covers a name, its port taken off.
    pub(super) fn covers(&self, name: &str) -> bool {
        let plain = name.strip_suffix('.').unwrap_or(name);
        match self {
            Self::Name(own) => own.eq_ignore_ascii_case(plain),
            Self::Literal(own) => host::literal(name) == Some(*own),
            Self::Below(domain) => {
                let split = plain.len().checked_sub(domain.len()).and_then(|at| plain.split_at_checked(at));
                split.is_some_and(|(below, end)| domain.eq_ignore_ascii_case(end) && host::is_name(below))
            }
        }
    }

    /// The rule that says most comes first: one name before a domain, a long domain before a short one.
    pub(super) fn rank(&self) -> usize {
        match self {
            Self::Name(_) | Self::Literal(_) => usize::MAX,
            Self::Below(domain) => domain.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_are_no_host_are_refused() {
        for text in [
            "", ".", "*", "*.", "a..b", ".a", "a.*", "*a.b", "*.*.a", "a:80", "a/b", "u@a", "ä.de", "[::1",
            "a b",
        ] {
            assert!(HostRule::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn spellings_of_one_host_are_one_rule() {
        for text in ["example.org", "Example.ORG", "example.org."] {
            assert_eq!(HostRule::parse(text).unwrap(), HostRule::Name("example.org".into()));
        }
        for text in ["::1", "[::1]", "[0:0:0:0:0:0:0:1]"] {
            assert_eq!(HostRule::parse(text).unwrap(), HostRule::Literal(Ipv6Addr::LOCALHOST));
        }
    }
}
