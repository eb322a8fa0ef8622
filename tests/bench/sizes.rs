//! Sizes of the functions' binaries and of their zip files.

use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use tests::bars;

use crate::error::BenchError;
use crate::error::BenchResult;
use crate::figures::Size;
use crate::programs::FUNCTIONS;
use crate::say;

/// The default level of packagers.
const LEVEL: u32 = 6;
/// Headers and directory of a zip file with a single `bootstrap`.
const ZIP_FRAME: u64 = 22 + 30 + 46 + 2 * "bootstrap".len() as u64;

/// The sizes of the functions in this folder.
pub(crate) fn measure(programs: &Path) -> Result<Vec<Size>, BenchError> {
    let measured = FUNCTIONS.iter().map(|name| {
        let path = programs.join(name);
        let failed = |source| BenchError::File {
            path: path.clone(),
            source,
        };
        let binary = std::fs::read(&path).map_err(failed)?;
        let mut encoder = DeflateEncoder::new(Counted(0), Compression::new(LEVEL));
        encoder.write_all(&binary).map_err(failed)?;
        let Counted(deflated) = encoder.finish().map_err(failed)?;
        Ok(Size {
            program: (*name).to_owned(),
            binary: binary.len() as u64,
            zip: deflated + ZIP_FRAME,
        })
    });
    measured.collect()
}

/// Prints the size of each function.
/// Fails when a zip file exceeds [`bars::ZIP`].
pub(crate) fn check(programs: &Path) -> BenchResult<()> {
    let mut too_large = Vec::new();
    for Size {
        program,
        binary,
        zip,
    } in measure(programs)?
    {
        say(&format!("{program}: {binary} bytes, zipped {zip}"));
        if zip > bars::ZIP {
            too_large.push(program);
        }
    }
    if too_large.is_empty() {
        return Ok(());
    }
    let (too_large, bar) = (too_large.join(", "), bars::ZIP);
    Err(format!("zipped, more than {bar} bytes: {too_large}").into())
}

/// Counts the bytes that are written to it.
struct Counted(u64);

impl std::io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
