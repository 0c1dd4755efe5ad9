//! What comes over the wire in answer.

use std::fmt;

/// The statuses that came, and what became of the connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    /// Those of interim responses too.
    pub(crate) statuses: Vec<u16>,
    pub(crate) end: End,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// The connection went on: the request that followed was served.
    Marker,
    /// It was closed.
    Close,
    /// Nothing came any more, and it was not closed either.
    Silence,
    /// What came was no response.
    Garbage(String),
}

impl Answer {
    /// Reads what the table says is right.
    pub(crate) fn read(text: &str) -> Self {
        let mut words: Vec<_> = text.split_whitespace().collect();
        let end = match words.pop().unwrap_or_default() {
            "marker" => End::Marker,
            "close" => End::Close,
            _ => panic!("{text}: marker or close?"),
        };
        let status = |word: &str| word.parse().unwrap_or_else(|_| panic!("{text}: no status"));
        Self { statuses: words.into_iter().map(status).collect(), end }
    }

    /// Reads what came; `of_head` if the first request asked for no body.
    pub(crate) fn parse(came: &[u8], of_head: bool, closed: bool) -> Self {
        let (mut statuses, mut rest, mut hidden) = (Vec::new(), came, of_head);
        let mut end = if closed { End::Close } else { End::Silence };
        while !rest.is_empty() {
            let Some(response) = Response::cut(&mut rest, hidden) else {
                end = End::Garbage(String::from_utf8_lossy(rest).into_owned());
                break;
            };
            if response.is_marker && rest.is_empty() && closed {
                end = End::Marker;
                break;
            }
            hidden &= response.status < 200;
            statuses.push(response.status);
        }
        Self { statuses, end }
    }

    /// How many answers are the application's own.
    pub(crate) fn served(&self) -> usize {
        self.statuses.iter().filter(|&&status| status == 200).count()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for status in &self.statuses {
            write!(f, "{status} ")?;
        }
        match &self.end {
            End::Marker => f.write_str("marker"),
            End::Close => f.write_str("close"),
            End::Silence => f.write_str("silence"),
            End::Garbage(text) => write!(f, "{text:?}"),
        }
    }
}

struct Response {
    status: u16,
    is_marker: bool,
}

impl Response {
    /// Takes a response off what came; its body is not there if it is `hidden`.
    fn cut(rest: &mut &[u8], hidden: bool) -> Option<Self> {
        let end = rest.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let head = std::str::from_utf8(&rest[..end]).ok()?.to_ascii_lowercase();
        // To an old client hyper answers in its own version.
        let line = head.strip_prefix("http/1.1 ").or_else(|| head.strip_prefix("http/1.0 "))?;
        let status = line.get(..3)?.parse().ok()?;
        let field = |name: &str| {
            let mut fields = head.lines().filter_map(|line| line.split_once(": "));
            fields.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
        };
        let length = if hidden || status < 200 { 0 } else { field("content-length")?.parse().ok()? };
        *rest = rest.get(end + length..)?;
        Some(Self { status, is_marker: field(MARKER).is_some() })
    }
}

/// The field of the response to the request that shows that a connection goes on.
pub(crate) const MARKER: &str = "x-marker";
