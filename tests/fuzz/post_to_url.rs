//! Feeds mutated Post-to-URL bodies to the parser, on a stable toolchain and without further tools.
//!
//! `cargo run --release -p shared --example fuzz_post_to_url -- [inputs] [seed]` runs a million inputs by default, the
//! same ones for the same seed. A panic is a finding; so is a parsed post that has no digest.

use std::error::Error;
use std::io::Write as _;
use std::time::Instant;

use shared::domain::session::{Digest, Event};
use shared::domain::tenant::TenantId;
use shared::rescue::post_to_url;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/post_to_url");

/// Texts with a meaning in one of the formats, with a bar between them.
const TOKENS: &str = "{|}|[|]|\"|\\|\\ud83d|null|1e999|,|:|<|</|/>|<a>|<![CDATA[|]]>|<!--|<!DOCTYPE a>|&#0;|&amp;|&|=\
                      |%|%C3|+|\u{FEFF}";

const CONTENT_TYPES: [Option<&str>; 6] = [
    None,
    Some("application/json"),
    Some("application/json; charset=utf-8"),
    Some("text/xml; charset=iso-8859-1"),
    Some("application/x-www-form-urlencoded"),
    Some("application/x-www-form-urlencoded; charset=windows-1252"),
];

/// SplitMix64 (Steele, Lea and Flood, 2014): the same numbers everywhere for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap_or_default()
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        start..start + self.below((length - start).min(64) + 1)
    }
}

fn mutate(body: &mut Vec<u8>, random: &mut Random, samples: &[Vec<u8>], tokens: &[&str]) {
    match random.below(6) {
        0 => {
            let (at, bit) = (random.below(body.len()), random.below(8));
            if let Some(byte) = body.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        1 => body.truncate(random.below(body.len() + 1)),
        2 => drop(body.drain(random.range(body.len()))),
        3 => {
            let at = random.below(body.len() + 1);
            let token = random.pick(tokens);
            let often = random.below(16) == 0;
            let times = if often { random.below(300) } else { 1 };
            body.splice(at..at, token.repeat(times).into_bytes());
        }
        4 => {
            let copied = body[random.range(body.len())].to_vec();
            let at = random.below(body.len() + 1);
            body.splice(at..at, copied);
        }
        _ => {
            let other = random.pick(samples);
            let (range, from) = (random.range(body.len()), random.below(other.len()));
            body.splice(range, other[from..].iter().take(200).copied());
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = |default| arguments.next().map_or(Ok(default), |text| text.parse());
    let (inputs, seed) = (argument(1_000_000_u64)?, argument(1)?);
    let tenant = TenantId::parse("acme").ok_or("a tenant's name")?;
    let tokens: Vec<&str> = TOKENS.split('|').collect();
    let mut paths = std::fs::read_dir(SAMPLES)?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    let samples = paths
        .iter()
        .map(std::fs::read)
        .collect::<Result<Vec<_>, _>>()?;
    let mut random = Random(seed);
    let (mut parsed, mut named, mut bytes, mut slowest) = (0_u64, 0_u64, 0_usize, 0.0_f64);
    let start = Instant::now();
    for _ in 0..inputs {
        let mut body = random.pick(&samples).clone();
        for _ in 0..=random.below(6) {
            mutate(&mut body, &mut random, &samples, &tokens);
        }
        bytes += body.len();
        let content_type = *random.pick(&CONTENT_TYPES);
        let began = Instant::now();
        let outcome = post_to_url::parse(content_type, &body);
        slowest = slowest.max(began.elapsed().as_secs_f64());
        let Ok(fields) = outcome else {
            continue;
        };
        parsed += 1;
        let Ok(session) = post_to_url::session_id(&fields) else {
            continue;
        };
        named += 1;
        let digest = Digest::of(&tenant, &session, Event::from_content(&fields), &fields);
        assert_eq!(digest.as_str().len(), 64, "{body:?}");
    }
    let seconds = start.elapsed().as_secs_f64();
    writeln!(
        std::io::stdout(),
        "{inputs} inputs ({bytes} bytes), seed {seed}: {parsed} parsed, {named} with a session id, no panic; \
         {seconds:.1} s, {:.0} inputs/s, slowest {:.2} ms",
        inputs as f64 / seconds,
        slowest * 1000.0
    )?;
    Ok(())
}
