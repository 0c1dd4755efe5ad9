//! The documentation, the code and these tests speak of the same rules.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The ids in quotation marks in the files below a folder of the crate.
fn quoted(folder: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(path).unwrap();
                ids.extend(text.split('"').filter(|text| is_id(text)).map(str::to_owned));
            }
        }
    }
    ids
}

fn is_id(text: &str) -> bool {
    let number = ["W-", "A-", "H-", "V-"].into_iter().find_map(|prefix| text.strip_prefix(prefix));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|octet| octet.is_ascii_digit()))
}

#[test]
fn every_rule_that_is_reported_is_documented_and_tested() {
    let reported = quoted("src/validate");
    let docs = include_str!("../../src/validate/mod.rs");
    let words = docs.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'));
    let documented: BTreeSet<_> = words.filter(|word| is_id(word)).map(str::to_owned).collect();
    assert_eq!(reported, documented);
    let untested: Vec<_> = reported.difference(&quoted("tests/validator")).cloned().collect();
    assert!(untested.is_empty(), "{untested:?}");
}
