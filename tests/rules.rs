//! Every rule of the specification is proved, and `docs/RULES.md` says by what.
//!
//! `tests/rules/*.txt` list the rules. What proves them is found in the sources: tests that carry ids
//! in their names or doc lines, cases of the conformance kit, and tables of requests. A further list is one
//! more line in [`FAMILIES`].

#[path = "rules/page.rs"]
mod page;
#[path = "rules/scan.rs"]
mod scan;
#[path = "rules/table.rs"]
mod table;

use std::env;
use std::fs;
use std::path::Path;

use self::page::Proof;
use self::table::{Family, Row};

const FAMILIES: [Family; 4] = [
    Family {
        letter: 'W',
        title: "The synchronous interface",
        text: include_str!("rules/wsgi.txt"),
        last: 163,
        gaps: &[],
    },
    Family {
        letter: 'A',
        title: "The asynchronous interface",
        text: include_str!("rules/asgi.txt"),
        last: 165,
        gaps: &[],
    },
    Family {
        letter: 'S',
        title: "WebSockets on the wire",
        text: include_str!("rules/websocket.txt"),
        last: 70,
        gaps: &[],
    },
    Family {
        letter: 'H',
        title: "HTTP on the wire",
        text: include_str!("rules/http.txt"),
        last: 113,
        gaps: &[],
    },
];

/// The lists and their own tests: they name ids as examples.
const NOT_SCANNED: [&str; 2] = ["tests/rules.rs", "tests/rules"];

/// Folders with tables of requests and what is right in answer; a test runs each.
const TABLES: [&str; 1] = ["crates/gateway-hyper/tests/malformed"];

const PAGE: &str = "docs/RULES.md";
const REWRITE: &str = "UPDATE_RULES=1 cargo test --test rules";

#[test]
fn page_says_what_proves_each_rule() {
    let written = page::page(&FAMILIES, &rows(), &proofs());
    let path = root().join(PAGE);
    if env::var_os("UPDATE_RULES").is_some() {
        fs::create_dir_all(path.parent().expect("the page is in a folder")).expect("the folder can be made");
        fs::write(&path, &written).expect("the page can be written");
        return;
    }
    let kept = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    if let Some(difference) = page::difference(&kept, &written) {
        panic!("{PAGE} is not what the sources say:\n{difference}\nTo write it anew: {REWRITE}");
    }
}

#[test]
fn every_rule_is_proved_or_answered() {
    let (rows, proofs) = (rows(), proofs());
    let is_proved = |row: &Row<'_>| proofs.iter().any(|proof| proof.ids.contains(&row.id));
    let open = rows.iter().filter(|row| !row.is_settled() && !is_proved(row));
    let open: Vec<_> =
        open.map(|row| format!("{} {} ({}): {}", row.id, row.level.name(), row.binds, row.title)).collect();
    assert!(open.is_empty(), "{} rules have neither a test nor an answer:\n{}", open.len(), open.join("\n"));
}

#[test]
fn every_id_that_is_named_is_in_the_lists() {
    let rows = rows();
    let is_unknown =
        |id: &String| FAMILIES.iter().any(|family| family.has(id)) && !rows.iter().any(|row| row.id == *id);
    let mut unknown = Vec::new();
    for Proof { place, ids, .. } in proofs() {
        unknown.extend(ids.iter().filter(|id| is_unknown(id)).map(|id| format!("{id} in {place}")));
    }
    // What the library itself tells of, as the validator does.
    for (path, text) in sources("src") {
        let ids = scan::literals(&text);
        unknown.extend(ids.iter().filter(|id| is_unknown(id)).map(|id| format!("{id} in {path}")));
    }
    assert!(unknown.is_empty(), "no such rules:\n{}", unknown.join("\n"));
}

#[test]
fn no_rule_is_lost() {
    let rows = rows();
    for family in &FAMILIES {
        let listed: Vec<_> = rows.iter().map(|row| &row.id).filter(|id| family.has(id)).cloned().collect();
        assert_eq!(listed, family.ids(), "{}: ids are given once and stay, in their order", family.title);
    }
    assert_eq!(rows.len(), FAMILIES.iter().map(|family| family.ids().len()).sum::<usize>());
}

fn rows() -> Vec<Row<'static>> {
    FAMILIES
        .iter()
        .flat_map(|family| table::rows(family.text).unwrap_or_else(|error| panic!("{error}")))
        .collect()
}

/// Everything that names a rule it proves, cases of the kit first, then tables of requests.
fn proofs() -> Vec<Proof> {
    let mut proofs = Vec::new();
    for (path, text) in sources("crates/gateway-conformance/src") {
        let group = scan::group(&path);
        proofs.extend(scan::cases(&text).into_iter().map(|found| Proof::case(group, found)));
    }
    for folder in TABLES {
        for name in names(&root().join(folder)).iter().filter(|name| name.ends_with(".txt")) {
            let path = format!("{folder}/{name}");
            let text = fs::read_to_string(root().join(&path)).expect("a table is text");
            proofs.extend(
                scan::requests(&text).into_iter().map(|(id, count)| Proof::requests(&path, id, count)),
            );
        }
    }
    let mut folders = vec!["src".to_owned(), "tests".to_owned()];
    for name in names(&root().join("crates")) {
        folders.extend(["src", "tests"].map(|folder| format!("crates/{name}/{folder}")));
    }
    folders.sort();
    for (path, text) in folders.iter().flat_map(|folder| sources(folder)) {
        proofs.extend(scan::tests(&text).into_iter().map(|found| Proof::test(&path, found)));
    }
    proofs
}

/// The Rust files below that folder, by their path from the root, in its order.
fn sources(folder: &str) -> Vec<(String, String)> {
    if NOT_SCANNED.contains(&folder) {
        return Vec::new();
    }
    let mut files = Vec::new();
    for name in names(&root().join(folder)) {
        let path = format!("{folder}/{name}");
        if root().join(&path).is_dir() {
            files.extend(sources(&path));
        } else if path.ends_with(".rs") && !NOT_SCANNED.contains(&&*path) {
            let text = fs::read_to_string(root().join(&path));
            files.push((path, text.expect("a source is text")));
        }
    }
    files
}

/// What is in that folder, sorted; nothing when there is none.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.expect("a folder can be read").file_name());
    let mut names: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
    names.sort();
    names
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
