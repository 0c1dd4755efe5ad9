//! The documentation, the code and these tests speak of the same rules.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use gateway_iface::validate::Validator;

/// The list of the checks with their levels; it must not count as a place that reports.
const CHECKS: &str = "checks.rs";

/// The ids in quotation marks in the files below a folder of the crate.
fn quoted(folder: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with(CHECKS) {
                ids.extend(quoted_in(&fs::read_to_string(path).unwrap()));
            }
        }
    }
    ids
}

fn quoted_in(text: &str) -> impl Iterator<Item = String> {
    text.split('"').filter(|text| is_id(text)).map(str::to_owned)
}

/// The ids in a text, in quotation marks or not.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'));
    words.filter(|word| is_id(word)).map(str::to_owned).collect()
}

fn is_id(text: &str) -> bool {
    let number = ["W-", "A-", "H-", "V-"].into_iter().find_map(|prefix| text.strip_prefix(prefix));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|octet| octet.is_ascii_digit()))
}

#[test]
fn every_rule_that_is_reported_is_documented_and_tested() {
    let reported = quoted("src/validate");
    assert_eq!(reported, named(DOCS));
    assert_eq!(reported, quoted_in(LIST).collect(), "{CHECKS}");
    let untested: Vec<_> = reported.difference(&quoted("tests/validator")).cloned().collect();
    assert!(untested.is_empty(), "{untested:?}");
}

#[test]
fn checks_that_are_advice_are_documented_as_such() {
    let listed = LIST.lines().filter(|line| line.contains("Level::Advice)")).flat_map(quoted_in).collect();
    let row = |line: &&str| line.contains("| advice |");
    // The first cell is the id, and another id in a row is a reason.
    let mut documented: BTreeSet<_> =
        DOCS.lines().filter(row).filter_map(|line| line.split('|').nth(1)).flat_map(named).collect();
    let (_, rules) = DOCS.split_once("say SHOULD to whom they blame:").unwrap();
    documented.extend(named(rules.split_once('.').unwrap().0));
    assert_eq!(documented, listed);
}

#[test]
#[should_panic(expected = "no check with the id `A-666`")]
fn check_that_does_not_exist_cannot_be_left_out() {
    let _ = Validator::new(()).except("A-666");
}

const DOCS: &str = include_str!("../../src/validate/mod.rs");
const LIST: &str = include_str!("../../src/validate/checks.rs");
