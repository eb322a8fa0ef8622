//! What the functions are built from (decisions 0001 and 0008).

use std::collections::BTreeSet;
use std::process::Command;

use super::{functions, path};

/// Crates that speak HTTP or TLS, or bring certificates, with the part of their version that tells two of them apart.
///
/// `openssl-probe` finds the system's certificates for `rustls-native-certs`, which is compiled with reqwest's
/// `rustls-platform-verifier` and not linked: the roots are handed over.
const ONE_STACK: [&str; 15] = [
    "http 1",
    "http-body 1",
    "hyper 1",
    "hyper-rustls 0.27",
    "hyper-util 0.1",
    "openssl-probe 0.2",
    "reqwest 0.13",
    "ring 0.17",
    "rustls 0.23",
    "rustls-native-certs 0.8",
    "rustls-pki-types 1",
    "rustls-platform-verifier 0.7",
    "rustls-webpki 0.103",
    "tokio-rustls 0.26",
    "webpki-roots 1",
];

/// Parts of the names of such crates.
const SIGNS: [&str; 22] = [
    "boring", "certs", "curl", "gnutls", "h2", "h3", "hyper", "isahc", "lc", "mbedtls", "nss",
    "openssl", "quinn", "reqwest", "ring", "rustls", "s2n", "surf", "tls", "ureq", "webpki",
    "wolfssl",
];

/// Crates that make a function up to a quarter larger and that it does not use. When `icu_normalizer` is back, an update of
/// Cargo.lock brought it: `cargo update -p idna_adapter --precise 1.0.0` (decision 0008).
const OVERWEIGHT: [&str; 7] = [
    "aws-config",
    "aws-sdk-sso",
    "aws-sdk-ssooidc",
    "aws-sdk-sts",
    "clap",
    "icu_normalizer",
    "regex",
];

/// Name and version of every crate of a function's program, as `cargo tree` lists them for the processor of Lambda.
fn tree(function: &str) -> BTreeSet<(String, String)> {
    let listed = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["tree", "--package", function, "--edges", "normal"])
        .args(["--prefix", "none", "--format", "{p}", "--locked"])
        .args(["--target", "x86_64-unknown-linux-gnu"])
        .current_dir(path(""))
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&listed.stderr);
    assert!(listed.status.success(), "{function}: {said}");
    let lines = String::from_utf8(listed.stdout).expect("UTF-8");
    let crates = lines.lines().filter_map(|line| {
        let mut columns = line.split(' ');
        let version = |word: &str| word.strip_prefix('v').map(str::to_owned);
        Some((columns.next()?.to_owned(), version(columns.next()?)?))
    });
    crates.collect()
}

/// The version up to the first part that is not zero: it differs between incompatible versions.
fn series(version: &str) -> String {
    match version.split('.').collect::<Vec<_>>().as_slice() {
        ["0", minor, ..] => format!("0.{minor}"),
        [major, ..] => (*major).to_owned(),
        [] => String::new(),
    }
}

fn speaks_http_or_tls(name: &str) -> bool {
    ["http", "http-body"].contains(&name)
        || name.split(['-', '_']).any(|part| SIGNS.contains(&part))
}

/// Decision 0001: a second stack costs milliseconds of processor time on every cold start, and comes with a default feature
/// of a dependency.
#[test]
fn one_http_and_one_tls_stack_reach_a_function() {
    let expected: BTreeSet<String> = ONE_STACK.map(str::to_owned).into();
    for function in functions() {
        let crates = tree(&function);
        assert!(crates.len() > 100, "{function}: {crates:?}");
        let stack: BTreeSet<String> = crates
            .iter()
            .filter(|(name, _)| speaks_http_or_tls(name))
            .map(|(name, version)| format!("{name} {}", series(version)))
            .collect();
        assert_eq!(stack, expected, "{function}");
    }
}

/// The crates of decision 0008.
#[test]
fn no_function_links_crates_that_it_does_not_use() {
    for function in functions() {
        let crates = tree(&function);
        let found: Vec<_> = crates
            .iter()
            .filter(|(name, _)| OVERWEIGHT.contains(&name.as_str()))
            .collect();
        assert!(found.is_empty(), "{function}: {found:?}");
    }
}
