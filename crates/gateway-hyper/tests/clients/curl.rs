//! curl as a program: what it is given, and what it tells of what it did.

use std::process::Output;

use tokio::process::Command;

use crate::support::{Site, run};

/// What one run of curl did.
pub(crate) struct Curl {
    /// 0, or which kind of failure it was.
    pub(crate) code: i32,
    /// The bodies of all transfers, one after the other.
    pub(crate) body: Vec<u8>,
    /// One for each address it was given, in their order.
    pub(crate) transfers: Vec<Transfer>,
    /// All that it has to say of what it sent and received.
    log: String,
}

/// What curl counts of a transfer.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Transfer {
    pub(crate) status: u16,
    /// The version that the response came in.
    pub(crate) version: String,
    /// How many connections were made for it.
    pub(crate) connects: u32,
    /// How many octets of its body were sent.
    pub(crate) uploaded: u64,
}

impl Curl {
    /// Runs it with these arguments for these paths.
    pub(crate) async fn run(site: &Site, arguments: &[&str], paths: &[&str]) -> Self {
        Self::feed(site, arguments, paths, b"").await
    }

    /// Runs it with something on its standard input.
    pub(crate) async fn feed(site: &Site, arguments: &[&str], paths: &[&str], input: &[u8]) -> Self {
        let mut command = Command::new("curl");
        // The first keeps a file in someone's home from changing what is tested.
        command.args(["--disable", "--silent", "--verbose", "--write-out", COUNTS]);
        if let Some(roots) = site.roots() {
            command.args(["--cacert", roots]);
        }
        command.args(arguments).args(paths.iter().map(|path| site.url(path)));
        let Output { status, stdout, stderr } = run(&mut command, input).await;
        let log = String::from_utf8_lossy(&stderr).into_owned();
        let counts = log.lines().filter_map(|line| line.strip_prefix("= "));
        let transfers = counts.map(Transfer::parse).collect();
        Self { code: status.code().unwrap(), body: stdout, transfers, log }
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The lines of all heads that it received, in their order.
    pub(crate) fn received(&self) -> Vec<&str> {
        self.lines("< ")
    }

    /// The status lines of all heads that it received.
    pub(crate) fn statuses(&self) -> Vec<&str> {
        self.received().into_iter().filter(|line| line.starts_with("HTTP/")).collect()
    }

    /// The lines of all heads that it sent.
    pub(crate) fn sent(&self) -> Vec<&str> {
        self.lines("> ")
    }

    /// The values of that field in what it received.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let fields = self.received().into_iter().filter_map(|line| line.split_once(": "));
        fields.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    /// Fails unless it ended well, with these statuses.
    pub(crate) fn expect(&self, statuses: &[u16]) {
        let given: Vec<_> = self.transfers.iter().map(|transfer| transfer.status).collect();
        assert!(self.code == 0 && given == statuses, "{} {given:?}\n{}", self.code, self.log);
    }

    fn lines(&self, mark: &str) -> Vec<&str> {
        self.log.lines().filter_map(|line| line.strip_prefix(mark)).map(str::trim_end).collect()
    }
}

impl Transfer {
    /// One with 200 and nothing sent.
    pub(crate) fn get(version: &str, connects: u32) -> Self {
        Self { status: 200, version: version.to_owned(), connects, uploaded: 0 }
    }

    fn parse(counts: &str) -> Self {
        let [status, version, connects, uploaded] = *counts.split(' ').collect::<Vec<_>>() else {
            panic!("curl counts otherwise: {counts}");
        };
        Self {
            status: status.parse().unwrap(),
            version: version.to_owned(),
            connects: connects.parse().unwrap(),
            uploaded: uploaded.parse().unwrap(),
        }
    }
}

const COUNTS: &str = "%{stderr}= %{response_code} %{http_version} %{num_connects} %{size_upload}\\n";
