//! A server process, seen from outside.

use std::error::Error;
use std::fs;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::server::SERVE;

/// A server process; it is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    pub(crate) addr: SocketAddr,
    pub(crate) tls: SocketAddr,
}

/// The figures of a server.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    pub(crate) connections: usize,
    pub(crate) requests: usize,
    pub(crate) tasks: usize,
    /// What is allocated, in KiB.
    pub(crate) allocated: usize,
    /// The limits that were hit, each with how often.
    pub(crate) limits: Vec<(String, usize)>,
}

impl Process {
    pub(crate) fn start(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(SERVE)
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (input, output) = child.stdin.take().zip(child.stdout.take()).ok_or("the server has no pipes")?;
        let mut output = BufReader::new(output).lines();
        let mut addr =
            || Ok::<_, Box<dyn Error>>(output.next().ok_or("the server does not start")??.parse()?);
        let (addr, tls) = (addr()?, addr()?);
        Ok(Self { child, input, output, addr, tls })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn figures(&mut self) -> Result<Figures, Box<dyn Error>> {
        self.input.write_all(b"\n")?;
        let line = self.output.next().ok_or("the server has ended")??;
        let mut words = line.split(' ');
        let mut number = || Ok::<usize, Box<dyn Error>>(words.next().ok_or("a figure is missing")?.parse()?);
        let (connections, requests, tasks, allocated) = (number()?, number()?, number()?, number()?);
        let mut limits = Vec::new();
        for (limit, hits) in words.filter_map(|word| word.split_once('=')) {
            limits.push((limit.to_owned(), hits.parse()?));
        }
        limits.retain(|limit| limit.1 > 0);
        Ok(Figures { connections, requests, tasks, allocated, limits })
    }

    pub(crate) fn descriptors(&self) -> Result<usize, Box<dyn Error>> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.id()))?.count())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Who has ended already need not be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The memory that the system has given to a process, in KiB.
pub(crate) fn memory(id: u32) -> Option<usize> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Whether there are as many descriptors as the largest attack needs.
pub(crate) fn check_descriptors() -> Result<(), Box<dyn Error>> {
    let limits = fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let most = line.and_then(|line| line.split_whitespace().next()).ok_or("no limit on descriptors")?;
    match most.parse::<usize>() {
        Ok(most) if most < DESCRIPTORS => {
            Err(format!("{most} descriptors are too few: `ulimit -n {DESCRIPTORS}` first").into())
        }
        // More, or no limit at all.
        _ => Ok(()),
    }
}

/// What 10,000 connections need, and what is open besides.
const DESCRIPTORS: usize = 10_100;
