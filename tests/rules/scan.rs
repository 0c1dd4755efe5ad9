//! Finds what proves rules in source text: tests by names and doc lines, cases by their lists.
//!
//! It reads line by line what rustfmt has formatted; it is no parser.

/// Something that names the rules it proves.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) ids: Vec<String>,
}

/// The tests that name rules and are run: not those that are commented out, nor ignored ones.
pub(super) fn tests(text: &str) -> Vec<Found> {
    let (mut found, mut item, mut in_comment) = (Vec::new(), Item::default(), false);
    for line in text.lines().map(str::trim) {
        in_comment |= line.starts_with("/*");
        if in_comment {
            in_comment = !line.ends_with("*/");
        } else {
            found.extend(item.take(line));
        }
    }
    found
}

/// What stands before an item: its doc lines and attributes.
#[derive(Debug, Default)]
struct Item {
    docs: String,
    in_attribute: bool,
    is_test: bool,
    is_ignored: bool,
}

impl Item {
    /// Takes a line, and gives the test that begins on it.
    fn take(&mut self, line: &str) -> Option<Found> {
        if self.in_attribute || line.starts_with("#[") {
            self.is_test |= is_test_attribute(line);
            self.is_ignored |= line.starts_with("#[ignore");
            self.in_attribute = !line.ends_with(']');
            return None;
        }
        if let Some(doc) = line.strip_prefix("///") {
            self.docs.push_str(doc);
            self.docs.push('\n');
            return None;
        }
        if line.is_empty() || line.starts_with("//") {
            return None;
        }
        let item = std::mem::take(self);
        let name = function(line).filter(|_| item.is_test && !item.is_ignored)?;
        let mut ids = in_name(name);
        ids.extend(in_text(&item.docs));
        ids.sort();
        ids.dedup();
        (!ids.is_empty()).then(|| Found { name: name.to_owned(), ids })
    }
}

/// The cases of the conformance kit: the first `rules: &[...]` after each `name: "..."`.
pub(super) fn cases(text: &str) -> Vec<Found> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let (mut found, mut rest) = (Vec::new(), &*code);
    while let Some(after) = after_field(rest, "name") {
        rest = after;
        let Some((name, after)) = after.strip_prefix('"').and_then(|after| after.split_once('"')) else {
            continue;
        };
        // The next case begins where the next name does.
        let own = after_field(after, "name").map_or(after, |next| &after[..after.len() - next.len()]);
        let list =
            after_field(own, "rules").and_then(|rules| rules.trim_start_matches('&').strip_prefix('['));
        let ids =
            list.and_then(|list| list.split_once(']')).map_or_else(Vec::new, |(list, _)| literals(list));
        if !ids.is_empty() {
            found.push(Found { name: name.to_owned(), ids });
        }
    }
    found
}

/// The rules that the requests of a table are about, each with their number. A request that is not answered as is
/// right, which its line with `!` says, proves nothing.
pub(super) fn requests(text: &str) -> Vec<(String, usize)> {
    let mut found: Vec<(String, usize)> = Vec::new();
    for case in text.split("\n[").skip(1) {
        let (line, rest) = case.split_once('\n').unwrap_or((case, ""));
        let rules = line.split_once("] ").map_or("", |(_, rules)| rules);
        for id in in_text(rules).into_iter().filter(|_| !rest.lines().any(|line| line.starts_with('!'))) {
            match found.iter_mut().find(|(known, _)| *known == id) {
                Some((_, count)) => *count += 1,
                None => found.push((id, 1)),
            }
        }
    }
    found
}

/// The group of cases that this file holds: its own name, or that of its folder, below `cases`.
pub(super) fn group(path: &str) -> &str {
    let below = path.split_once("/cases/").map_or_else(|| path.rsplit('/').next(), |(_, below)| Some(below));
    let first = below.and_then(|below| below.split('/').next()).unwrap_or(path);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// Ids that are string literals of their own.
pub(super) fn literals(text: &str) -> Vec<String> {
    let pieces: Vec<_> = text.split('"').collect();
    pieces.into_iter().filter(|piece| in_text(piece) == [*piece]).map(str::to_owned).collect()
}

/// Ids in a sentence, such as `W-12`.
fn in_text(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-' && letter != '_');
    words.filter(|word| is_id(word)).map(str::to_owned).collect()
}

/// Ids in the name of a function, such as `w_12_w_13_...`.
fn in_name(name: &str) -> Vec<String> {
    let words: Vec<_> = name.split('_').collect();
    let pairs = words.windows(2).map(|pair| format!("{}-{}", pair[0].to_ascii_uppercase(), pair[1]));
    pairs.filter(|pair| is_id(pair)).collect()
}

/// A letter, a hyphen, and two or three digits.
fn is_id(word: &str) -> bool {
    let Some((letter, digits)) = word.split_once('-') else {
        return false;
    };
    matches!(letter, "W" | "A" | "C" | "S" | "H")
        && (2..=3).contains(&digits.len())
        && digits.bytes().all(|digit| digit.is_ascii_digit())
}

/// Whether the attribute is `test`, alone or at the end of a path.
fn is_test_attribute(line: &str) -> bool {
    let path = line.trim_start_matches("#[").split(['(', ']']).next().unwrap_or_default();
    path.rsplit("::").next() == Some("test")
}

/// The name of the function that begins on this line.
fn function(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let qualifiers = before.split_whitespace().all(|word| ["async", "const", "pub"].contains(&word));
    qualifiers.then(|| after.split(['(', '<']).next()).flatten()
}

/// What follows the colon of the next field of that name.
fn after_field<'a>(text: &'a str, field: &str) -> Option<&'a str> {
    let mut rest = text;
    loop {
        let at = rest.find(field)?;
        let after = rest[at + field.len()..].trim_start();
        let is_whole = !rest[..at].ends_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '_');
        match after.strip_prefix(':').filter(|_| is_whole) {
            Some(value) if !value.starts_with(':') => return Some(value.trim_start()),
            _ => rest = &rest[at + field.len()..],
        }
    }
}

mod tests {
    use super::*;

    fn found(name: &str, ids: &[&str]) -> Found {
        Found { name: name.to_owned(), ids: ids.iter().map(|&id| id.to_owned()).collect() }
    }

    #[test]
    fn ids_are_taken_from_names_and_doc_lines() {
        let text = "
            #[test]
            fn w_12_w_13_closes() {}

            /// A-06, A-95: goes on. The octets of UTF-16 are no rule, nor is A-1.
            ///
            /// And W-12.
            #[tokio::test(
                flavor = \"current_thread\",
            )]
            async fn a_107_ends_and_a_95_fails() {}
        ";
        let second = found("a_107_ends_and_a_95_fails", &["A-06", "A-107", "A-95", "W-12"]);
        assert_eq!(tests(text), [found("w_12_w_13_closes", &["W-12", "W-13"]), second]);
    }

    #[test]
    fn what_is_no_test_or_is_not_run_proves_nothing() {
        let text = "
            fn w_01_helper() {}
            // #[test]
            // fn w_02_commented_out() {}
            /*
            #[test]
            fn w_03_commented_out() {}
            */
            #[test]
            #[ignore = \"slow\"]
            fn w_04_ignored() {}
            /// W-05: of a struct.
            struct Thing;
            #[test]
            fn waits_100_times_for_a_1_and_h_pipelined() {}
            #[cfg(test)]
            fn w_06_not_a_test() {}
            #[test]
            fn h_65_counts() {}
        ";
        assert_eq!(tests(text), [found("h_65_counts", &["H-65"])]);
    }

    #[test]
    fn cases_are_taken_with_the_rules_that_follow_their_name() {
        let text = r#"
            pub struct Case { pub name: &'static str, pub rules: &'static [&'static str] }
            const ONE: Case = Case { name: "one", rules: &["W-12", "A-95"], run };
            // Case { name: "commented out", rules: &["W-13"] },
            Case { name: "no rules", app },
            Case { name: "empty", rules: &[], app: App { file_name: "x" } },
            Case {
                name: "many",
                rules: &[
                    "W-14",
                    "H-103",
                ],
            }
        "#;
        assert_eq!(cases(text), [found("one", &["W-12", "A-95"]), found("many", &["W-14", "H-103"])]);
    }

    #[test]
    fn requests_of_a_table_are_counted_unless_they_are_answered_in_another_way() {
        let text =
            "# of H-01\n\n[one] must H-36 H-50\n> x\n= 200 marker\n\n[two] should H-50\n> y\n= 400 close\n
[three] must H-50\n> [x] must H-51\n= 400 close\n! 200 marker -- why\n";
        assert_eq!(requests(text), [("H-36".to_owned(), 1), ("H-50".to_owned(), 2)]);
    }

    #[test]
    fn a_group_is_a_file_or_a_folder_of_cases() {
        for (path, name) in [
            ("crates/gateway-conformance/src/cases/close.rs", "close"),
            ("crates/gateway-conformance/src/cases/head/order.rs", "head"),
            ("crates/gateway-conformance/src/extra.rs", "extra"),
        ] {
            assert_eq!(group(path), name);
        }
    }

    #[test]
    fn literals_are_ids_and_nothing_but_ids() {
        let text = r#"Reason::Status => "W-93", "see A-66", report("A-66"); // W-12"#;
        assert_eq!(literals(text), ["W-93", "A-66"]);
    }
}
