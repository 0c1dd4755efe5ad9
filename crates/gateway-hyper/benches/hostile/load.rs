//! One attack with its full numbers.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tokio::runtime::{self, Runtime};
use tokio::task::JoinSet;

use crate::attack::{Attack, Certificate, End, Target};
use crate::probe::{Probe, ask};
use crate::process::{Figures, Process, memory};

/// What became of a server under attack.
pub(crate) struct Outcome {
    attack: &'static Attack,
    times: Vec<Duration>,
    unanswered: usize,
    most_connections: usize,
    /// What the server has from the system before, at the most, and after, in KiB.
    memory: [usize; 3],
    /// What of that it uses, before and after.
    allocated: [usize; 2],
    /// Before and after.
    descriptors: [usize; 2],
    tasks: [usize; 2],
    last: Figures,
    /// What did not go as it should.
    failures: Vec<String>,
}

/// Attacks a new server, several times.
pub(crate) fn load(attack: &'static Attack) -> Result<Outcome, Box<dyn Error>> {
    let folder = format!("gateway-{}-{}", attack.name, std::process::id());
    let folder = std::env::temp_dir().join(folder);
    let certificate = Arc::new(Certificate::new(folder)?);
    let mut server = Process::start(certificate.folder())?;
    for _ in 0..WARM_UP {
        ask(server.addr)?;
    }
    let mut most_connections = 0;
    rest(&mut server, 0, &mut most_connections)?;
    let (first, descriptors) = (server.figures()?, server.descriptors()?);
    let before = memory(server.id()).ok_or("the server has ended")?;
    let probe = Probe::start(server.addr, server.id());
    let mut failures = Vec::new();
    for _ in 0..ROUNDS {
        let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let target = Target::new(server.addr, Some((server.tls, Arc::clone(&certificate))), AMOUNT);
        let round = match attack.end {
            End::Server => held(attack, &target, &runtime, &mut server, &mut most_connections)?,
            End::Client => repeated(attack, &target, &runtime),
        };
        failures.extend(round.err());
        runtime.shutdown_background();
        if !rest(&mut server, 1, &mut most_connections)? {
            failures.push("connections stay open".to_owned());
        }
    }
    let (times, unanswered, most_memory) = probe.end();
    // The clients' sides are closed; what the server still holds would be a leak.
    rest(&mut server, 0, &mut most_connections)?;
    let last = server.figures()?;
    let after = memory(server.id()).ok_or("the server has ended")?;
    Ok(Outcome {
        attack,
        times,
        unanswered,
        most_connections,
        memory: [before, most_memory, after],
        allocated: [first.allocated, last.allocated],
        descriptors: [descriptors, server.descriptors()?],
        tasks: [first.tasks, last.tasks],
        last,
        failures,
    })
}

/// Clients that hold their connections until the server has ended them all.
fn held(
    attack: &Attack,
    target: &Target,
    runtime: &Runtime,
    server: &mut Process,
    most: &mut usize,
) -> Result<Result<(), String>, Box<dyn Error>> {
    for _ in 0..attack.clients {
        runtime.spawn((attack.client)(target.clone()));
    }
    let began = Instant::now();
    while target.engaged() < attack.clients {
        *most = server.figures()?.connections.max(*most);
        if began.elapsed() > PATIENCE {
            return Ok(Err(format!("{} clients began", target.engaged())));
        }
        sleep(PAUSE);
    }
    Ok(if rest(server, 1, most)? { Ok(()) } else { Err("clients were not disconnected".to_owned()) })
}

/// Clients that leave by themselves and come again, for some time.
fn repeated(attack: &Attack, target: &Target, runtime: &Runtime) -> Result<(), String> {
    let client = attack.client;
    let mut clients = JoinSet::new();
    for _ in 0..attack.clients {
        let target = target.clone();
        let again = async move {
            let began = Instant::now();
            while began.elapsed() < DURATION {
                client(target.clone()).await?;
            }
            Ok::<(), std::io::Error>(())
        };
        clients.spawn_on(again, runtime.handle());
    }
    let all = async {
        while let Some(left) = clients.join_next().await {
            left.map_err(|error| error.to_string())?.map_err(|error| format!("a client: {error}"))?;
        }
        Ok(())
    };
    let ended = runtime.block_on(async { tokio::time::timeout(PATIENCE, all).await });
    ended.unwrap_or_else(|_| Err("clients do not come to an end".to_owned()))
}

/// Waits until no more than that many connections are open, and nothing else goes on; whether that came.
fn rest(server: &mut Process, connections: usize, most: &mut usize) -> Result<bool, Box<dyn Error>> {
    let began = Instant::now();
    loop {
        let figures = server.figures()?;
        *most = figures.connections.max(*most);
        if figures.connections <= connections && figures.requests <= connections {
            return Ok(true);
        }
        if began.elapsed() > PATIENCE {
            return Ok(false);
        }
        sleep(PAUSE);
    }
}

impl Outcome {
    pub(crate) const HEAD: &str = "attack                               clients  probes  median ms  worst ms   open at most   \
        MiB before, most, after  KiB used before, after  descriptors   tasks   limits";

    pub(crate) fn has_failed(&self) -> bool {
        !self.faults().is_empty()
    }

    /// What went wrong.
    fn faults(&self) -> Vec<String> {
        let mut faults = self.failures.clone();
        if self.unanswered > 0 || self.times.is_empty() {
            faults.push(format!("{} requests were not answered", self.unanswered));
        }
        if self.times.last().is_some_and(|&worst| worst >= SECOND) {
            faults.push("an answer took a second".to_owned());
        }
        if self.descriptors[1] > self.descriptors[0] || self.tasks[1] > self.tasks[0] {
            faults.push("descriptors or tasks are left".to_owned());
        }
        if self.last.connections + self.last.requests > 0 {
            faults.push(format!("{:?} are left", self.last));
        }
        // Lists keep the room that they once had.
        if self.allocated[1] > self.allocated[0] + SLACK {
            faults.push("memory is left".to_owned());
        }
        let expected = self.attack.limit.map(|limit| limit.to_string());
        if expected.is_some_and(|limit| self.last.limits.iter().all(|hit| hit.0 != limit)) {
            faults.push("the limit was not hit".to_owned());
        }
        faults
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |time: Option<&Duration>| time.map_or(f64::NAN, |time| time.as_secs_f64() * 1e3);
        let mib = self.memory.map(|memory| memory as f64 / 1024.0);
        write!(
            f,
            "{:<36} {:>7} {:>7} {:>10.1} {:>9.1} {:>14}   {:>6.1} {:>6.1} {:>8.1} {:>16} {:>6} {:>8} {:>3} {:>5} {:>2}  ",
            self.attack.name,
            self.attack.clients,
            self.times.len(),
            millis(self.times.get(self.times.len() / 2)),
            millis(self.times.last()),
            self.most_connections,
            mib[0],
            mib[1],
            mib[2],
            self.allocated[0],
            self.allocated[1],
            self.descriptors[0],
            self.descriptors[1],
            self.tasks[0],
            self.tasks[1],
        )?;
        for (limit, hits) in &self.last.limits {
            write!(f, " {limit}={hits}")?;
        }
        for fault in self.faults() {
            write!(f, " FAILED: {fault}")?;
        }
        Ok(())
    }
}

/// How often an attack comes.
const ROUNDS: usize = 3;
/// How long clients that leave by themselves come again.
const DURATION: Duration = Duration::from_secs(1);
/// Requests or frames that a client sends before it leaves.
const AMOUNT: usize = 20_000;
/// Requests before the first figures are taken.
const WARM_UP: usize = 100;
/// How long anything may take before it counts as never.
const PATIENCE: Duration = Duration::from_secs(40);
const PAUSE: Duration = Duration::from_millis(20);
/// The time in which others are answered.
const SECOND: Duration = Duration::from_secs(1);
/// Memory that may be in use when all is over, beyond what was before, in KiB.
const SLACK: usize = 2 * 1024;
