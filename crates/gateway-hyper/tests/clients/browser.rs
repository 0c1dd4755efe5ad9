//! Chromium: the example `chat` in two tabs.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::runtime;

use crate::support::python;

#[test]
fn what_is_said_in_one_tab_is_seen_in_the_other() {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        // Cargo builds examples beside tests, unless it is told to build a single one of these.
        let tests = std::env::current_exe().unwrap();
        let example = tests.ancestors().nth(2).unwrap().join("examples/chat");
        let mut chat = Command::new(&example)
            .arg("127.0.0.1:0")
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{} ({error}): run `cargo build --example chat`", example.display())
            });
        let mut says = BufReader::new(chat.stderr.take().unwrap()).lines();
        let url = loop {
            let line = says.next_line().await.unwrap().expect("it says where it serves");
            if let Some(url) = line.strip_prefix("serving ") {
                break url.to_owned();
            }
        };
        python("browser.py", &[&url]).await;
        chat.kill().await.unwrap();
    });
}
