//! The measurement of one case: both servers at once, changed in turns, so that what disturbs one disturbs the other.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rand::seq::SliceRandom;
use tokio::time::sleep;

use super::assignment;
use super::case::{Case, Effort};
use super::fleet::Fleet;
use super::processors::Processors;
use super::server::{Server, ServerKind};

/// The one resource.
const NAME: &str = "pods/default/bench:80";
/// A server rests when it takes less than a tenth of a processor for so long.
const REST: Duration = Duration::from_millis(10);
/// One that never rests is waited for as many times.
const MOST_RESTS: u32 = 100;
/// The kernel counts user and kernel time in ticks, 10 ms each; fewer say nothing about the shares.
const TICKS_TO_TELL: f64 = 20.0;

/// What was measured of one server.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Of which one.
    pub server: ServerKind,
    /// From the beginning of a change until the last client has sent its acknowledgement, in milliseconds.
    pub latencies: Vec<f64>,
    /// CPU time from the beginning of a change to the beginning of the next, in seconds.
    pub cpu: Vec<f64>,
    /// Bytes that all clients read per change.
    pub bytes: f64,
    /// Resident memory after the last change, with all streams open, in bytes.
    pub resident: u64,
    /// The largest resident memory, in bytes.
    pub peak: u64,
    /// The part of the CPU time that the kernel has spent; none if it was too little to say.
    pub kernel_share: Option<f64>,
}

/// A server with its clients.
struct Subject {
    kind: ServerKind,
    server: Server,
    fleet: Fleet,
    latencies: Vec<f64>,
    /// CPU time at the beginning of each change that counts, and after the last.
    cpu: Vec<Duration>,
    /// CPU ticks and bytes before the first change that counts.
    ticks_before: [f64; 2],
    bytes_before: u64,
}

/// Measures both servers.
pub async fn measure(case: Case, effort: Effort, processors: &Processors) -> Result<[Measured; 2]> {
    let mut subjects = [
        Subject::start(ServerKind::Evenkeel, case, processors).await?,
        Subject::start(ServerKind::GoControlPlane, case, processors).await?,
    ];
    let rounds = play(&mut subjects, effort).await?;
    check(&mut subjects, case, rounds).await?;
    let [first, second] = subjects;
    let counted = rounds - effort.warm_up;
    Ok([first.measured(counted)?, second.measured(counted)?])
}

/// Returns how many rounds were played, with those of the warm-up.
async fn play(subjects: &mut [Subject], effort: Effort) -> Result<u32> {
    for _ in 0..effort.warm_up {
        round(subjects).await?;
    }
    subjects.iter_mut().try_for_each(Subject::forget)?;
    let since = Instant::now();
    let mut rounds = 0;
    while !effort.is_enough(rounds, since) {
        round(subjects).await?;
        rounds += 1;
    }
    subjects.iter_mut().try_for_each(Subject::note_cpu)?;
    Ok(effort.warm_up + rounds)
}

/// One change of each server, in random order.
async fn round(subjects: &mut [Subject]) -> Result<()> {
    subjects.shuffle(&mut rand::rng());
    for subject in subjects {
        subject.change().await.with_context(|| format!("{}: {}", subject.kind.name(), subject.server.log()))?;
        subject.rest().await?;
    }
    Ok(())
}

/// Both must have served the same, every change to every client.
async fn check(subjects: &mut [Subject], case: Case, changes: u32) -> Result<()> {
    let mut served = Vec::new();
    for subject in subjects {
        subject.fleet.check_responses(u64::from(changes)).with_context(|| subject.kind.name())?;
        let assignment = assignment::fetch(subject.server.address, NAME).await?;
        assignment::check(&assignment, case.endpoints, changes).with_context(|| subject.kind.name())?;
        served.push(assignment);
    }
    ensure!(served.windows(2).all(|pair| pair[0] == pair[1]), "the servers do not serve the same");
    Ok(())
}

impl Subject {
    async fn start(kind: ServerKind, case: Case, processors: &Processors) -> Result<Self> {
        let server = Server::start(kind, case.transport, NAME, case.endpoints, processors).await;
        let server = server.with_context(|| kind.name())?;
        let fleet = Fleet::open(server.address, case.transport, NAME, case.streams).await;
        let fleet = fleet.with_context(|| format!("{}: {}", kind.name(), server.log()))?;
        Ok(Self {
            kind,
            server,
            fleet,
            latencies: Vec::new(),
            cpu: Vec::new(),
            ticks_before: [0.0; 2],
            bytes_before: 0,
        })
    }

    async fn change(&mut self) -> Result<()> {
        self.note_cpu()?;
        let begun = self.server.change().await?;
        let ended = self.fleet.all_acknowledged().await?;
        self.latencies.push(ended.saturating_sub(begun).as_secs_f64() * 1e3);
        Ok(())
    }

    /// Waits until nothing of the change is left to do, such as collecting garbage: the next one to be measured has the same
    /// processor.
    async fn rest(&self) -> Result<()> {
        for _ in 0..MOST_RESTS {
            let before = self.server.cpu_time()?;
            sleep(REST).await;
            if self.server.cpu_time()?.saturating_sub(before) < REST / 10 {
                break;
            }
        }
        Ok(())
    }

    fn note_cpu(&mut self) -> Result<()> {
        self.cpu.push(self.server.cpu_time()?);
        Ok(())
    }

    /// What was so far does not count.
    fn forget(&mut self) -> Result<()> {
        self.latencies.clear();
        self.cpu.clear();
        self.ticks_before = self.server.cpu_ticks()?;
        self.bytes_before = self.fleet.bytes();
        Ok(())
    }

    fn kernel_share(&self) -> Result<Option<f64>> {
        let [user_before, kernel_before] = self.ticks_before;
        let [user, kernel] = self.server.cpu_ticks()?;
        let (user, kernel) = (user - user_before, kernel - kernel_before);
        Ok((user + kernel >= TICKS_TO_TELL).then(|| kernel / (user + kernel)))
    }

    fn measured(self, rounds: u32) -> Result<Measured> {
        let (resident, peak) = self.server.memory()?;
        let kernel_share = self.kernel_share()?;
        let cpu = self.cpu.windows(2).map(|pair| pair[1].saturating_sub(pair[0]).as_secs_f64()).collect();
        Ok(Measured {
            server: self.kind,
            latencies: self.latencies,
            cpu,
            bytes: (self.fleet.bytes() - self.bytes_before) as f64 / f64::from(rounds),
            resident,
            peak,
            kernel_share,
        })
    }
}
