//! The plain model that the middleware is compared with: lists of words, on its own code.

/// The client that a list of hops leads to: `None` where it stays the peer, `Some("-")` where nobody tells.
///
/// Trusted is what begins with `10.`; every word of the test is one of a few known ones.
pub(super) fn client(peer: &str, hops: &str, limit: usize) -> Option<String> {
    if !peer.starts_with("10.") {
        return None;
    }
    let hops: Vec<&str> = hops.split(',').map(str::trim).filter(|hop| !hop.is_empty()).collect();
    let mut client = None;
    let mut looked_at = 0;
    let mut at = hops.len();
    while at > 0 && looked_at < limit {
        at -= 1;
        looked_at += 1;
        match meaning(hops[at]) {
            "?" => return client,
            "-" => return Some("-".into()),
            addr => {
                client = Some(addr.to_owned());
                if !addr.starts_with("10.") {
                    return client;
                }
            }
        }
    }
    client
}

/// The words that the test makes lists of, and what each one means.
pub(super) const WORDS: [(&str, &str); 12] = [
    ("10.0.0.1", "10.0.0.1"),
    ("10.9.9.9:4711", "10.9.9.9"),
    ("::ffff:10.0.0.3", "10.0.0.3"),
    ("[::ffff:10.0.0.4]:1", "10.0.0.4"),
    ("192.0.2.1", "192.0.2.1"),
    ("192.0.2.2:80", "192.0.2.2"),
    ("[2001:db8::1]:80", "2001:db8::1"),
    ("unknown", "-"),
    ("_hidden", "-"),
    ("evil", "?"),
    ("10.0.0.1.evil", "?"),
    ("010.0.0.1", "?"),
];

fn meaning(word: &str) -> &'static str {
    WORDS.iter().find(|(own, _)| *own == word).map_or("?", |(_, meaning)| meaning)
}
