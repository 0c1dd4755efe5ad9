//! Runs the cases against a server over HTTP, and prints a report.

use std::process::ExitCode;

use clap::Parser;
use gateway_conformance::{Case, Group, Report, Verdict, cases};
use gateway_iface::http::Uri;

/// Puts a server to the test that serves the kit's application.
///
/// Exits with 0 when every case passed, with 1 when one failed, and with 2 when none could be run.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// Where the kit's application is mounted, such as http://127.0.0.1:8000
    #[arg(required_unless_present = "list")]
    url: Option<Uri>,
    /// Run this group only; can be given several times
    #[arg(long = "group", value_name = "GROUP", value_parser = group)]
    groups: Vec<Group>,
    /// Speak HTTP/2 from the first octet on, as who knows that the server does
    #[arg(long)]
    http2: bool,
    /// Tell of every case, not only of those that fail
    #[arg(long, short)]
    verbose: bool,
    /// List the cases with their rules instead
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let Options { url, groups, http2, verbose, list } = Options::parse();
    let groups = if groups.is_empty() { Group::ALL.to_vec() } else { groups };
    let Some(url) = url.filter(|_| !list) else {
        for (group, case) in cases().filter(|(group, _)| groups.contains(group)) {
            say(&format!("{}/{} ({})\n  {}", group.name(), case.name, case.rules.join(", "), case.about));
        }
        return ExitCode::SUCCESS;
    };
    let told = |group: Group, case: &Case, verdict: &Verdict| {
        if verbose && matches!(verdict, Verdict::Passed) {
            say(&format!("{}/{}: {verdict}", group.name(), case.name));
        }
    };
    let report =
        if http2 { Report::of_http2_url(&url, &groups, told) } else { Report::of_url(&url, &groups, told) };
    match report {
        Ok(report) => {
            say(&report.to_string());
            match (report.verdicts.is_empty(), report.is_passed()) {
                (true, _) => ExitCode::from(2),
                (false, true) => ExitCode::SUCCESS,
                (false, false) => ExitCode::from(1),
            }
        }
        Err(failure) => {
            eprintln!("the kit's application is not reached: {failure}");
            ExitCode::from(2)
        }
    }
}

fn group(name: &str) -> Result<Group, String> {
    Group::named(name).ok_or_else(|| {
        let names: Vec<_> = Group::ALL.iter().map(|group| group.name()).collect();
        format!("the groups are {}", names.join(", "))
    })
}

#[expect(clippy::print_stdout, reason = "the report is what the program is for")]
fn say(text: &str) {
    println!("{text}");
}
