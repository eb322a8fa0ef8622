//! The programs that are measured: ours and the floor built by Cargo, the peers by what their own engineers use.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

use crate::figures::Kind;

/// One program, ready to be started.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// `bare`, `one-call`, or the function whose work it does; a peer takes that function's variables and events.
    /// `one-call` takes those of `session-details`.
    pub(crate) function: String,
    pub(crate) kind: Kind,
    /// The program and its arguments.
    pub(crate) command: Vec<OsString>,
    /// What it needs beyond the function's own variables.
    pub(crate) variables: Vec<(String, OsString)>,
    /// The one file that is uploaded, where there is one: Python's SDK is many, and the platform brings it along.
    pub(crate) file: Option<PathBuf>,
}

/// What to build.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// False: neither Node.js nor Python is asked for.
    pub(crate) peers: bool,
}

/// Why there is nothing to measure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "{program} does not start ({source}): install {remedy}, or leave the peers out with --without-peers"
    )]
    Missing {
        program: String,
        remedy: &'static str,
        source: io::Error,
    },
    #[error("{0} failed; what it printed stands above")]
    Failed(String),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
}

/// What is deployed, by the names of the binaries.
pub(crate) const FUNCTIONS: [&str; 5] = [
    "session-details",
    "deliver-session",
    "generate-pin",
    "receive-token",
    "rotate-tokens",
];

/// What the platform costs.
const FLOOR: [&str; 2] = ["bare", "one-call"];

/// The functions whose work the peers do too.
const WITH_PEERS: [&str; 2] = ["session-details", "generate-pin"];

/// Of Python's packages, those that make a difference.
const PYTHON_PACKAGES: [&str; 3] = ["awslambdaric", "boto3", "urllib3"];

const NO_VERSION_WARNING: &str = "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED";

const NODE: &str = "Node.js 20 or later with npm, or leave the peers out with --without-peers";
const PYTHON: &str =
    "Python 3.10 or later with pip and venv, or leave the peers out with --without-peers";

const NODE_LOCK: &str = include_str!("peers/node/package-lock.json");
const NODE_PACKAGES: &str = include_str!("peers/node/package.json");
const PYTHON_LOCK: &str = include_str!("peers/python/requirements.txt");

/// Builds everything, and installs the peers' packages where they are not installed as locked.
///
/// # Errors
/// Says what could not be built, or what has to be installed first.
pub(crate) fn build(options: Options) -> Result<Vec<Program>, Error> {
    let target = target()?;
    let mut programs = build_ours(&target)?;
    if options.peers {
        programs.extend(build_node(&target.join("bench/node"))?);
        programs.extend(build_python(&target.join("bench/python"))?);
    }
    Ok(programs)
}

/// The tools and SDKs that this run is built with, by their names. What is not installed is left out.
pub(crate) fn versions() -> Vec<(String, String)> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let tools = [
        ("Rust", rustc),
        ("Node.js", "node".into()),
        ("Python", "python3".into()),
    ];
    let tools = tools
        .into_iter()
        .filter_map(|(name, tool)| Some((name.to_owned(), said(&tool)?)));
    tools
        .chain(node_packages())
        .chain(python_packages())
        .collect()
}

/// The folder that this program was built into, without its profile.
fn target() -> Result<PathBuf, Error> {
    let file = |source| Error::File {
        path: "this program".into(),
        source,
    };
    let this = env::current_exe().map_err(file)?;
    let target = this.parent().and_then(Path::parent);
    target
        .map(Path::to_owned)
        .ok_or_else(|| file(io::ErrorKind::NotFound.into()))
}

fn build_ours(target: &Path) -> Result<Vec<Program>, Error> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--release", "--locked", "--target-dir"]);
    build.arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
    for package in FUNCTIONS.iter().chain(&["floor"]) {
        build.args(["-p", package]);
    }
    run(&mut build, "Rust")?;
    let floor = FLOOR.map(|name| (name, Kind::Floor));
    let ours = FUNCTIONS.map(|name| (name, Kind::Ours));
    let program = |(name, kind): (&str, Kind)| {
        let file = target.join("release").join(name);
        Program {
            function: name.to_owned(),
            kind,
            command: vec![file.clone().into()],
            variables: Vec::new(),
            file: Some(file),
        }
    };
    Ok(floor.into_iter().chain(ours).map(program).collect())
}

/// One bundled file for each function, as `npm run build` makes it.
fn build_node(folder: &Path) -> Result<Vec<Program>, Error> {
    copy_peers("node", folder)?;
    let npm = |arguments: &[&str]| {
        let mut npm = Command::new("npm");
        npm.args(arguments).current_dir(folder);
        run(&mut npm, NODE)
    };
    once(folder, &wanted("node", NODE_LOCK), || {
        npm(&[
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ])
    })?;
    npm(&["run", "--silent", "build"])?;
    let node = node()?;
    let program = |name: &str| {
        let file = folder.join("dist").join(format!("{name}.cjs"));
        Program {
            function: name.to_owned(),
            kind: Kind::Node,
            command: vec![node.clone(), file.clone().into()],
            // Where Node.js is older than the SDK would like, it need not say so at every start.
            variables: vec![(NO_VERSION_WARNING.to_owned(), "true".into())],
            file: Some(file),
        }
    };
    Ok(WITH_PEERS.map(program).into())
}

/// Node.js itself, and not a version manager's program that would be measured with it.
fn node() -> Result<OsString, Error> {
    let mut node = Command::new("node");
    let output = node.args(["-p", "process.execPath"]).output();
    let output = output.map_err(|source| Error::Missing {
        program: "node".to_owned(),
        remedy: NODE,
        source,
    })?;
    let path = String::from_utf8_lossy(&output.stdout);
    match path.trim() {
        "" => Err(Error::Failed(in_words(&node))),
        path => Ok(path.into()),
    }
}

/// A virtual environment, and the handlers beside it.
fn build_python(folder: &Path) -> Result<Vec<Program>, Error> {
    copy_peers("python", folder)?;
    let environment = folder.join("venv");
    let python = environment.join("bin/python");
    let in_folder = |program: &Path, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder);
        run(&mut command, PYTHON)
    };
    once(folder, &wanted("python3", PYTHON_LOCK), || {
        in_folder(Path::new("python3"), &["-m", "venv", "--clear", "venv"])?;
        in_folder(
            &python,
            &[
                "-m",
                "pip",
                "--disable-pip-version-check",
                "install",
                "--quiet",
                "--only-binary",
                ":all:",
                "-r",
                "requirements.txt",
            ],
        )
    })?;
    // Deployed code is imported as bytecode; it is not compiled at every start.
    in_folder(&python, &["-m", "compileall", "-q", "-l", "."])?;
    let program = |name: &str| Program {
        function: name.to_owned(),
        kind: Kind::Python,
        command: vec![
            python.clone().into(),
            "-m".into(),
            "awslambdaric".into(),
            format!("{}.handler", name.replace('-', "_")).into(),
        ],
        variables: vec![
            ("PYTHONPATH".to_owned(), folder.into()),
            // Lambda sets it for every function; boto3 alone asks for it.
            ("AWS_DEFAULT_REGION".to_owned(), local::aws::REGION.into()),
        ],
        file: None,
    };
    Ok(WITH_PEERS.map(program).into())
}

/// Puts a peer's sources where they are built, so that nothing is ever installed or compiled among the sources.
fn copy_peers(name: &str, folder: &Path) -> Result<(), Error> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("bench/peers")
        .join(name);
    let file = |source| Error::File {
        path: folder.to_owned(),
        source,
    };
    fs::create_dir_all(folder).map_err(file)?;
    for entry in fs::read_dir(&sources).map_err(file)? {
        let entry = entry.map_err(file)?;
        fs::copy(entry.path(), folder.join(entry.file_name())).map_err(file)?;
    }
    Ok(())
}

/// What has to be installed for this version of a tool.
fn wanted(tool: &str, lock: &str) -> String {
    let version = said(&tool.into()).unwrap_or_default();
    format!("{tool} {version}\n{lock}")
}

/// Installs, unless the same was installed there before.
fn once(
    folder: &Path,
    wanted: &str,
    install: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    let stamp = folder.join(".installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    install()?;
    fs::write(&stamp, wanted).map_err(|source| Error::File {
        path: stamp,
        source,
    })
}

/// Runs a tool. What it prints goes to standard error: standard output is the benchmark's own.
fn run(command: &mut Command, remedy: &'static str) -> Result<(), Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.stdout(Stdio::from(io::stderr())).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(Error::Failed(in_words(command))),
        Err(source) => Err(Error::Missing {
            program,
            remedy,
            source,
        }),
    }
}

fn in_words(command: &Command) -> String {
    let words = [command.get_program()]
        .into_iter()
        .chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The version that a tool says it has, without its name.
fn said(tool: &OsString) -> Option<String> {
    let output = Command::new(tool).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text.split_whitespace().find(|word| word.contains('.'))?;
    Some(version.trim_start_matches('v').to_owned())
}

/// What `package.json` asks for, by name and version.
fn node_packages() -> Vec<(String, String)> {
    let package: serde_json::Value = serde_json::from_str(NODE_PACKAGES).unwrap_or_default();
    let named = |group: &str| package[group].as_object().cloned().unwrap_or_default();
    let packages = named("dependencies")
        .into_iter()
        .chain(named("devDependencies"));
    packages
        .filter_map(|(name, version)| Some((name, version.as_str()?.to_owned())))
        .collect()
}

/// What `requirements.txt` pins, without what is only there because another package needs it.
fn python_packages() -> Vec<(String, String)> {
    let pinned = PYTHON_LOCK.lines().filter_map(|line| line.split_once("=="));
    pinned
        .filter(|(name, _)| PYTHON_PACKAGES.contains(name))
        .map(|(name, version)| (name.to_owned(), version.trim().to_owned()))
        .collect()
}
