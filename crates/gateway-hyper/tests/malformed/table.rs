//! The table: what a client sends, and what is right in answer.
//!
//! A file is a list of cases, apart from comments (`#`) and of names for what stands in many of them (`@`):
//!
//! ```text
//! @post POST / HTTP/1.1\r\nHost: test\r\n
//!
//! [a-length-with-a-plus] must H-43            the name; whether a rule binds or advises; the rules
//! > {post}Content-Length: +5\r\n\r\nhello     what is sent: lines of this kind follow on each other
//! * in-body cut                               what is special about it, see `Case`
//! = 400 close | 413 close                     what may come: statuses, then whether the connection goes on
//! ~ POST / body=hello x-a=b -x-c              what the application has seen, for each answer of its own
//! ! 431 close -- why                          what comes today in its place; `! left: ...` where the application
//!                                             leaves the body
//! ```
//!
//! Texts hold `\r`, `\n`, `\t`, `\xff`, `\\`, `\{` and `\}`; `{post}` is what was given that name, `{a*70000}` a
//! repetition. A connection goes on if a request that follows is served: the `marker`.

use std::collections::HashMap;
use std::iter::Peekable;
use std::str::Chars;

use crate::answer::Answer;

/// A request, and what is right in answer.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// Whether every rule of it binds.
    pub(crate) binds: bool,
    pub(crate) rules: Vec<String>,
    pub(crate) request: Vec<u8>,
    /// The fault is in the body: the application may have been called, and never sees the whole of it.
    pub(crate) in_body: bool,
    /// The client sends nothing after it, and closes its sending side.
    pub(crate) cut: bool,
    pub(crate) right: Vec<Answer>,
    pub(crate) seen: Vec<Seen>,
    /// What comes in place of what is right, and why it cannot be helped here.
    pub(crate) today: Option<Answer>,
    /// That comes only where the application leaves the body.
    pub(crate) today_left: bool,
}

/// What an application must have seen of a request that it answered.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: Vec<u8>,
    pub(crate) body: Option<Vec<u8>>,
    /// Fields with all their values by `|`, and those that must not be there.
    pub(crate) fields: Vec<(String, Option<Vec<u8>>)>,
}

/// Reads a file.
///
/// # Panics
///
/// When it is not written as the table is.
pub(crate) fn read(text: &str) -> Vec<Case> {
    let (mut names, mut cases) = (HashMap::new(), Vec::<Case>::new());
    for (number, line) in text.lines().enumerate() {
        assert!(line.trim_end() == line, "line {}: blanks at the end", number + 1);
        let (kind, rest) = line.split_at_checked(1).unwrap_or_default();
        if kind == "@" {
            let (name, text) = rest.split_once(' ').unwrap_or_default();
            let text = expand(text, &names);
            names.insert(name.to_owned(), text);
        } else if kind == "[" {
            cases.push(Case::new(rest));
        } else if let Some(case) = cases.last_mut() {
            assert!(case.take(kind, rest.trim_start(), &names), "line {}: {line}", number + 1);
        } else {
            assert!(matches!(kind, "" | "#"), "line {}: {line}", number + 1);
        }
    }
    for case in &cases {
        assert!(!case.request.is_empty() && !case.right.is_empty(), "{}: not complete", case.name);
    }
    cases
}

impl Case {
    /// Begins with what follows the bracket.
    fn new(line: &str) -> Self {
        let (name, rest) = line.split_once("] ").unwrap_or_else(|| panic!("[{line}"));
        let (level, rules) = rest.split_once(' ').unwrap_or_else(|| panic!("[{line}"));
        assert!(matches!(level, "must" | "should"), "[{line}");
        Self {
            name: name.to_owned(),
            binds: level == "must",
            rules: rules.split(' ').map(str::to_owned).collect(),
            request: Vec::new(),
            in_body: false,
            cut: false,
            right: Vec::new(),
            seen: Vec::new(),
            today: None,
            today_left: false,
        }
    }

    /// Takes a line; false if there is none of that kind.
    fn take(&mut self, kind: &str, rest: &str, names: &HashMap<String, Vec<u8>>) -> bool {
        match kind {
            "" | "#" => {}
            ">" => self.request.extend(expand(rest, names)),
            "=" => {
                let text = String::from_utf8(expand(rest, names)).unwrap_or_default();
                self.right = text.split(" | ").map(Answer::read).collect();
            }
            "~" => self.seen.push(Seen::read(rest)),
            "!" => {
                let (answer, why) = rest.split_once(" -- ").unwrap_or_default();
                assert!(!why.is_empty(), "{}: why?", self.name);
                let left = answer.strip_prefix("left: ");
                self.today_left = left.is_some();
                self.today = Some(Answer::read(left.unwrap_or(answer)));
            }
            "*" => {
                for word in rest.split(' ') {
                    match word {
                        "in-body" => self.in_body = true,
                        "cut" => self.cut = true,
                        _ => return false,
                    }
                }
            }
            _ => return false,
        }
        true
    }
}

impl Seen {
    fn read(line: &str) -> Self {
        let mut words = line.split(' ').map(|word| expand(word, &HashMap::new()));
        let mut seen = Self {
            method: String::from_utf8(words.next().unwrap_or_default()).unwrap_or_default(),
            target: words.next().unwrap_or_default(),
            body: None,
            fields: Vec::new(),
        };
        for word in words {
            if let Some(absent) = word.strip_prefix(b"-") {
                seen.fields.push((String::from_utf8_lossy(absent).into_owned(), None));
                continue;
            }
            let (name, value) = word.split_at(word.iter().position(|&octet| octet == b'=').unwrap_or(0));
            let value = value.get(1..).unwrap_or_default().to_vec();
            match name {
                b"" => panic!("what is {line}?"),
                b"body" => seen.body = Some(value),
                name => seen.fields.push((String::from_utf8_lossy(name).into_owned(), Some(value))),
            }
        }
        seen
    }
}

/// The octets that a text stands for.
fn expand(text: &str, names: &HashMap<String, Vec<u8>>) -> Vec<u8> {
    let mut rest = text.chars().peekable();
    let octets = expand_until(&mut rest, names, None);
    assert!(rest.peek().is_none(), "{text}: a brace too many");
    octets
}

fn expand_until(
    rest: &mut Peekable<Chars<'_>>,
    names: &HashMap<String, Vec<u8>>,
    end: Option<char>,
) -> Vec<u8> {
    let mut octets = Vec::new();
    while let Some(letter) = rest.next_if(|&letter| Some(letter) != end) {
        match letter {
            '\\' => octets.push(escape(rest)),
            '{' => {
                let inner = expand_until(rest, names, Some('}'));
                assert_eq!(rest.next(), Some('}'), "a brace is not closed");
                let times = inner.iter().rposition(|&octet| octet == b'*').and_then(|star| {
                    let times = std::str::from_utf8(&inner[star + 1..]).ok()?.parse().ok()?;
                    Some((&inner[..star], times))
                });
                match times {
                    Some((inner, times)) => octets.extend(inner.repeat(times)),
                    None => octets.extend(&names[&*String::from_utf8_lossy(&inner)]),
                }
            }
            letter => {
                octets.push(u8::try_from(letter).unwrap_or_else(|_| panic!("{letter}: write its octets")))
            }
        }
    }
    octets
}

/// What a backslash begins.
fn escape(rest: &mut Peekable<Chars<'_>>) -> u8 {
    match rest.next() {
        Some('r') => b'\r',
        Some('n') => b'\n',
        Some('t') => b'\t',
        Some('x') => {
            let digits: String = rest.by_ref().take(2).collect();
            u8::from_str_radix(&digits, 16).unwrap_or_else(|_| panic!("\\x{digits}"))
        }
        Some(letter @ ('\\' | '{' | '}')) => letter as u8,
        other => panic!("what is \\{other:?}?"),
    }
}
