//! The page that tells what proves each rule.

use super::scan::Found;
use super::table::{Answer, Family, Row};

/// Something that proves rules, and where it is.
#[derive(Debug)]
pub(super) struct Proof {
    /// As the page shows it.
    pub(super) place: String,
    pub(super) ids: Vec<String>,
}

impl Proof {
    /// A test in this file.
    pub(super) fn test(path: &str, found: Found) -> Self {
        let Found { name, ids } = found;
        Self { place: format!("`{}: {name}`", path.strip_prefix("crates/").unwrap_or(path)), ids }
    }

    /// So many requests of the table in this file.
    pub(super) fn requests(path: &str, id: String, count: usize) -> Self {
        let path = path.strip_prefix("crates/").unwrap_or(path);
        let requests = if count == 1 { "request" } else { "requests" };
        Self { place: format!("`{path}`: {count} {requests}"), ids: vec![id] }
    }

    /// A case of the conformance kit.
    pub(super) fn case(group: &str, found: Found) -> Self {
        let Found { name, ids } = found;
        Self { place: format!("case `{group}/{name}`"), ids }
    }
}

/// The whole page.
pub(super) fn page(families: &[Family], rows: &[Row<'_>], proofs: &[Proof]) -> String {
    let mut page = INTRODUCTION.to_owned();
    for family in families {
        page += &format!("\n## {}\n", family.title);
        let mut section = "";
        for row in rows.iter().filter(|row| family.has(&row.id)) {
            if row.section != section {
                section = row.section;
                let (title, note) = section.split_once(" | ").unwrap_or((section, ""));
                let note = if note.is_empty() { String::new() } else { format!("\n{note}\n") };
                page += &format!("\n### {title}\n{note}\n{HEADING}");
            }
            let Row { id, level, binds, title, .. } = row;
            page += &format!(
                "| {id} | {} | {binds} | {} | {} |\n",
                level.name(),
                cell(title),
                cell(&proved(row, proofs))
            );
        }
    }
    page
}

/// The first line in which the two differ.
pub(super) fn difference(kept: &str, written: &str) -> Option<String> {
    let (mut kept, mut written) = (kept.lines(), written.lines());
    for number in 1.. {
        match (kept.next(), written.next()) {
            (None, None) => break,
            (old, new) if old == new => {}
            (old, new) => {
                let (old, new) = (old.unwrap_or("(nothing)"), new.unwrap_or("(nothing)"));
                return Some(format!("line {number}\n  has:   {old}\n  wants: {new}"));
            }
        }
    }
    None
}

fn proved(row: &Row<'_>, proofs: &[Proof]) -> String {
    let mut lines = Vec::new();
    match row.answer {
        Answer::Tests => {}
        Answer::Type(sentence) => lines.push(format!("by type: {sentence}")),
        Answer::Choice(sentence) => lines.push(format!("chosen: {sentence}")),
        Answer::Absent(sentence) => lines.push(format!("not offered: {sentence}")),
    }
    let own: Vec<_> = proofs.iter().filter(|proof| proof.ids.contains(&row.id)).collect();
    lines.extend(own.iter().take(SHOWN).map(|proof| proof.place.clone()));
    if own.len() > SHOWN {
        lines.push(format!("and {} more", own.len() - SHOWN));
    }
    if lines.is_empty() {
        lines.push("**nothing yet**".to_owned());
    }
    lines.join("<br>")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

const HEADING: &str = "| id | level | binds | rule | proved by |\n|---|---|---|---|---|\n";

/// How many proofs of one rule are shown.
const SHOWN: usize = 4;

const INTRODUCTION: &str = "\
# The rules, and what proves them

What an application, a middleware and a server may rely on is a list of rules, each with an id. The
documentation of every item names the rules it stands for, and so do the tests. This page names every
rule and what proves that it is kept here.

- An id is a letter and a number: `W` for the synchronous interface (PEP 3333), `A` for the asynchronous
  one (ASGI 3), `S` for WebSockets on the wire (RFC 6455), `H` for HTTP on the wire (RFC 9110, 9112, 9113). A
  number never changes its meaning and is never given again.
- A rule binds the server, the application, or the middleware, which is both; a server is also a gateway
  or a bridge.
- MUST rules are proved: by tests, by cases of the conformance kit, or by a type that makes the violation
  impossible, and then a sentence says how. Of a rule that only an application can break, what is proved
  is that a violation is refused, or what a server makes of it.
- A rule about something that is not offered here says so; it gets its tests with what it is about.
- SHOULD and MAY rules leave a choice. What was chosen is said here, or tests show it.

This page is generated from `tests/rules/*.txt`, the names and doc lines of the tests, the lists in the cases,
and the tables of requests of which a test runs each; `UPDATE_RULES=1 cargo test --test rules` writes it anew. The test fails when the page is out of
date, when a rule has neither proof nor answer, when one is lost, and when something names a rule that does
not exist.
";

mod tests {
    use super::super::table;
    use super::*;

    const FAMILY: Family = Family { letter: 'W', title: "Rules", text: "", last: 3, gaps: &[] };

    fn proof(name: &str, id: &str) -> Proof {
        let found = Found { name: name.to_owned(), ids: vec![id.to_owned()] };
        Proof::test("crates/one/src/lib.rs", found)
    }

    #[test]
    fn rows_show_sentences_first_and_four_proofs_at_most() {
        let text = "== Section\nW-01 | MUST | app | One | type: `A|B`.\nW-02 | MUST | app | Two |\n";
        let mut proofs: Vec<_> = (1..=6).map(|number| proof(&format!("test_{number}"), "W-02")).collect();
        proofs
            .insert(0, Proof::case("close", Found { name: "late".to_owned(), ids: vec!["W-01".to_owned()] }));
        let page = page(&[FAMILY], &table::rows(text).unwrap(), &proofs);
        let lines: Vec<_> = page.lines().rev().take(2).collect();
        assert_eq!(lines[1], "| W-01 | MUST | app | One | by type: `A\\|B`.<br>case `close/late` |");
        assert!(lines[0].starts_with("| W-02 | MUST | app | Two | `one/src/lib.rs: test_1`<br>"));
        assert!(lines[0].ends_with("test_4`<br>and 2 more |"), "{}", lines[0]);
    }

    #[test]
    fn rule_without_proof_says_so() {
        let rows = table::rows("W-03 | MUST | app | Three |").unwrap();
        assert!(page(&[FAMILY], &rows, &[]).ends_with("| **nothing yet** |\n"));
    }

    #[test]
    fn first_difference_is_told_with_its_line() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(difference("a\nb\n", "a\nc\n").unwrap(), "line 2\n  has:   b\n  wants: c");
        assert_eq!(difference("", "a\n").unwrap(), "line 1\n  has:   (nothing)\n  wants: a");
    }
}
