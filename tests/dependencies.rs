//! The interface depends on five crates, and all they bring along is small.

use std::collections::BTreeSet;
use std::process::Command;

const DIRECT: [&str; 5] = ["async-trait", "bytes", "futures-core", "http", "thiserror"];

/// The interface itself included.
const MOST: usize = 12;

#[test]
fn direct_dependencies_are_the_five_that_were_agreed_on() {
    let mut crates = tree(&["--depth", "1"]);
    assert!(crates.remove("gateway-iface"));
    assert_eq!(crates.iter().map(String::as_str).collect::<Vec<_>>(), DIRECT);
}

#[test]
fn whole_tree_has_no_more_than_twelve_crates() {
    let crates = tree(&[]);
    assert!(crates.len() <= MOST, "{}: {crates:?}", crates.len());
}

fn tree(arguments: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--offline", "-p", "gateway-iface", "-e", "normal", "--prefix", "none"])
        .args(["--format", "{p}"])
        .args(arguments)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("names are text");
    text.lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}
