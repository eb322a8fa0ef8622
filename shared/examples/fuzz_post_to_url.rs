//! Feeds mutated Post-to-URL bodies to the parser, on a stable toolchain and without further tools.
//!
//! `cargo run -p shared --example fuzz_post_to_url -- [inputs] [seed]` runs a million inputs by default, the same ones
//! for the same seed. A panic is a finding; so is a parsed post that has no digest. `fuzz/` has the coverage-guided target.

use std::error::Error;
use std::io::Write as _;
use std::time::Instant;

use shared::domain::session::{Digest, Event};
use shared::domain::tenant::TenantId;
use shared::rescue::post_to_url;

const FIXTURES: [&[u8]; 17] = [
    include_bytes!("../fixtures/post_to_url/form_ended.txt"),
    include_bytes!("../fixtures/post_to_url/form_started.txt"),
    include_bytes!("../fixtures/post_to_url/form_windows_1252.txt"),
    include_bytes!("../fixtures/post_to_url/json_array_wrapped.json"),
    include_bytes!("../fixtures/post_to_url/json_bom.json"),
    include_bytes!("../fixtures/post_to_url/json_duplicate_keys.json"),
    include_bytes!("../fixtures/post_to_url/json_flat_lower.json"),
    include_bytes!("../fixtures/post_to_url/json_flat_pascal.json"),
    include_bytes!("../fixtures/post_to_url/json_hostile.json"),
    include_bytes!("../fixtures/post_to_url/json_windows_1252.json"),
    include_bytes!("../fixtures/post_to_url/json_wrapped.json"),
    include_bytes!("../fixtures/post_to_url/xml_cdata_nested.xml"),
    include_bytes!("../fixtures/post_to_url/xml_ended.xml"),
    include_bytes!("../fixtures/post_to_url/xml_entity_expansion.xml"),
    include_bytes!("../fixtures/post_to_url/xml_started.xml"),
    include_bytes!("../fixtures/post_to_url/xml_utf_16.xml"),
    include_bytes!("../fixtures/post_to_url/xml_windows_1252.xml"),
];

const TOKENS: [&[u8]; 28] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b"\\ud83d",
    b"null",
    b"1e999",
    b",",
    b":",
    b"<",
    b"</",
    b"/>",
    b"<a>",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"<!DOCTYPE a>",
    b"&#0;",
    b"&amp;",
    b"&",
    b"=",
    b"%",
    b"%C3",
    b"+",
    b"\xEF\xBB\xBF",
    b"\xFF\xFE",
];

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

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        from.get(self.below(from.len())).copied()
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        start..start + self.below((length - start).min(64) + 1)
    }
}

fn mutate(body: &mut Vec<u8>, random: &mut Random) {
    match random.below(6) {
        0 => {
            let (at, bit) = (random.below(body.len()), random.below(8));
            if let Some(byte) = body.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        1 => body.truncate(random.below(body.len() + 1)),
        2 => {
            let range = random.range(body.len());
            body.drain(range);
        }
        3 => {
            let at = random.below(body.len() + 1);
            let token = random.pick(&TOKENS).unwrap_or_default();
            let times = if random.below(16) == 0 {
                random.below(300)
            } else {
                1
            };
            body.splice(at..at, token.repeat(times));
        }
        4 => {
            let range = random.range(body.len());
            let copied = body.get(range).unwrap_or_default().to_vec();
            let at = random.below(body.len() + 1);
            body.splice(at..at, copied);
        }
        _ => {
            let other = random.pick(&FIXTURES).unwrap_or_default();
            let (range, from) = (random.range(body.len()), random.below(other.len()));
            body.splice(
                range,
                other
                    .get(from..)
                    .unwrap_or_default()
                    .iter()
                    .take(200)
                    .copied(),
            );
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let inputs: u64 = arguments
        .next()
        .map_or(Ok(1_000_000), |text| text.parse())?;
    let seed: u64 = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let tenant = TenantId::parse("acme").ok_or("a tenant's name")?;
    let mut random = Random(seed);
    let (mut parsed, mut named, mut bytes, mut slowest) = (0_u64, 0_u64, 0_usize, 0.0_f64);
    let start = Instant::now();
    for _ in 0..inputs {
        let mut body = random.pick(&FIXTURES).unwrap_or_default().to_vec();
        for _ in 0..=random.below(6) {
            mutate(&mut body, &mut random);
        }
        bytes += body.len();
        let content_type = random.pick(&CONTENT_TYPES).flatten();
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
