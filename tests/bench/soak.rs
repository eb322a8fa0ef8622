//! Very many sessions from post to note: is one lost or noted twice, does memory grow?

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ::tests::World;
use futures::StreamExt as _;
use local::cloud::Options;
use local::rescue::{Format, Phase};
use local::servicenow::Created;

use crate::error::BenchError;
use crate::{growth, memory};

#[derive(Clone, Debug)]
pub(crate) struct Soak {
    /// Sessions that were posted, each once.
    pub(crate) sessions: usize,
    /// Posts that were not answered with 200.
    pub(crate) refused: usize,
    /// Accepted sessions without a note.
    pub(crate) lost: usize,
    /// Sessions with more than one note.
    pub(crate) doubled: usize,
    /// Messages in the dead-letter queue.
    pub(crate) dead_letters: usize,
    /// From the first post to the last note.
    pub(crate) took: Duration,
    /// The largest resident set of a process, in bytes, in the first and in the last tenth of the time, by function.
    pub(crate) memory: BTreeMap<String, (u64, u64)>,
}

impl Soak {
    /// Sessions from post to note in a second.
    pub(crate) fn per_second(&self) -> f64 {
        self.sessions as f64 / self.took.as_secs_f64().max(f64::EPSILON)
    }
}

pub(crate) const SESSIONS: usize = 50_000;
/// The sessions of a quick run.
pub(crate) const QUICK_SESSIONS: usize = 1_000;

const RECORDS: usize = 500;
const AT_ONCE: usize = 12;
/// Posting waits while more messages than this are queued.
const QUEUED: usize = 400;
const SAMPLE: Duration = Duration::from_millis(250);
/// Posting ends after this time, however many sessions are left: a slow machine measures fewer.
const LONGEST: Duration = Duration::from_secs(225);
/// From the last post to an empty queue.
const DRAIN_LIMIT: Duration = Duration::from_secs(60);

/// Posts the sessions, at most for [`LONGEST`], and waits until all are delivered.
pub(crate) async fn run(programs: &Path, sessions: usize) -> Result<Soak, BenchError> {
    let options = Options {
        delivering: true,
        log_level: "ERROR".to_owned(),
        ..growth::options(programs)
    };
    let world = World::with_options(options, |file| file).await;
    world.cloud.lift_posts_quota();
    let records: Vec<Created> = (0..RECORDS).map(|_| world.incident()).collect();
    let (queued, posting) = (AtomicUsize::new(0), AtomicBool::new(true));
    let begun = Instant::now();
    let posts = async {
        let accepted = post_all(&world, &records, sessions, &queued).await;
        posting.store(false, Ordering::Relaxed);
        accepted
    };
    let (accepted, watched) = futures::join!(posts, watch(&world, &queued, &posting));
    let took = begun.elapsed();
    let samples = watched?;

    let mut notes: HashMap<String, usize> = HashMap::new();
    for record in &records {
        for note in world.notes(record) {
            *notes.entry(session_of(&note)).or_insert(0) += 1;
        }
    }
    let posted = accepted.len();
    let accepted: Vec<String> = accepted.into_iter().flatten().collect();
    let soak = Soak {
        sessions: posted,
        refused: posted - accepted.len(),
        lost: accepted
            .iter()
            .filter(|id| !notes.contains_key(*id))
            .count(),
        doubled: notes.values().filter(|count| **count > 1).count(),
        dead_letters: world.dead_letters().len(),
        took,
        memory: first_and_last_tenth(&samples),
    };
    world.cloud.shutdown().await;
    Ok(soak)
}

/// Posts the end of each session. Returns the ids of the accepted ones.
async fn post_all(
    world: &World,
    records: &[Created],
    sessions: usize,
    queued: &AtomicUsize,
) -> Vec<Option<String>> {
    let begun = Instant::now();
    let records = records.iter().cycle().take(sessions);
    let records = records.take_while(|_| begun.elapsed() < LONGEST);
    let posts = records.map(|record| async move {
        while queued.load(Ordering::Relaxed) > QUEUED {
            tokio::time::sleep(SAMPLE / 10).await;
        }
        let mut session = world.session(record);
        session.say("Ana Ruiz", "Hello, what can I do for you?");
        session.say("Paul Martin", "The printer does not print.");
        let rescue = &world.cloud.rescue;
        let posted = rescue.post(world.ended.expose(), &session, Format::JsonFlat, Phase::End);
        let posted = posted.await.ok().filter(|posted| posted.status == 200);
        posted.map(|_| session.id)
    });
    futures::stream::iter(posts)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

/// Resident memory by function, at one moment.
type Sample = Vec<(String, u64)>;

/// Samples memory and clears the recorded calls, until the last post is delivered.
async fn watch(
    world: &World,
    queued: &AtomicUsize,
    posting: &AtomicBool,
) -> Result<Vec<Sample>, BenchError> {
    let mut samples = Vec::new();
    let mut ended: Option<Instant> = None;
    loop {
        tokio::time::sleep(SAMPLE).await;
        let over = !posting.load(Ordering::Relaxed);
        let left = world.queued().len();
        queued.store(left, Ordering::Relaxed);
        let cloud = &world.cloud;
        cloud.aws.journal().clear();
        cloud.servicenow.forget_requests();
        let mut sample = Sample::new();
        for (name, lambda) in &cloud.functions {
            lambda.forget_output();
            let resident = memory::resident(&lambda.processes());
            if resident > 0 {
                sample.push((name.clone(), resident));
            }
        }
        samples.push(sample);
        if over && left == 0 {
            return Ok(samples);
        }
        if over && ended.get_or_insert_with(Instant::now).elapsed() > DRAIN_LIMIT {
            return Err(BenchError::Failed(format!(
                "{left} messages are still queued"
            )));
        }
    }
}

fn first_and_last_tenth(samples: &[Sample]) -> BTreeMap<String, (u64, u64)> {
    let tenth = samples.len().div_ceil(10);
    let most = |samples: &[Sample]| {
        let mut most: BTreeMap<String, u64> = BTreeMap::new();
        for (name, resident) in samples.iter().flatten() {
            let known = most.entry(name.clone()).or_insert(0);
            *known = (*known).max(*resident);
        }
        most
    };
    let first = most(samples.get(..tenth).unwrap_or_default());
    let last = most(samples.get(samples.len() - tenth..).unwrap_or_default());
    let pair = |(name, first): (String, u64)| {
        let last = last.get(&name).copied().unwrap_or(0);
        (name, (first, last))
    };
    first.into_iter().map(pair).collect()
}

/// The session id of a note's marker; empty without a marker.
fn session_of(note: &str) -> String {
    let marker = note.split_once("(Rescue ").map_or("", |(_, rest)| rest);
    let id = marker.split_whitespace().next().unwrap_or_default();
    id.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notes_marker_names_its_session() {
        let note = "Remote session ended (Rescue 70112233 · 0123456789abcdef)\nAna Ruiz";
        assert_eq!(session_of(note), "70112233");
        assert_eq!(session_of("a remark"), "");
    }

    #[test]
    fn memory_is_compared_between_the_first_and_the_last_tenth() {
        let sample = |resident| vec![("deliver-session".to_owned(), resident)];
        let samples: Vec<Sample> = (1..=20).map(|nth| sample(nth * 10)).collect();
        let compared = first_and_last_tenth(&samples);
        assert_eq!(compared["deliver-session"], (20, 200));
        assert!(first_and_last_tenth(&[]).is_empty());
    }
}
