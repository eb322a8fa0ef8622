//! The measured programs: Cargo builds the functions and the floor, npm and pip build the peers.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, io};

use crate::error::BenchError;
use crate::figures::Kind;

/// A program that is built and can be started.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// `bare`, `one-call`, or a function's name. It selects variables and events: a peer has those of its function, the
    /// floor those of `session-details`.
    pub(crate) function: String,
    pub(crate) kind: Kind,
    /// The program and its arguments.
    pub(crate) command: Vec<OsString>,
    /// Variables beside those of the function.
    pub(crate) variables: Vec<(String, OsString)>,
}

/// The functions, by the names of their binaries.
pub(crate) const FUNCTIONS: [&str; 7] = [
    "session-details",
    "deliver-session",
    "generate-pin",
    "receive-token",
    "tenant-settings",
    "rotate-tokens",
    "reconcile-sessions",
];

/// Handlers that show the cost of the platform.
const FLOOR: [&str; 2] = ["bare", "one-call"];

/// The functions that are also written in Node.js and Python.
pub(crate) const WITH_PEERS: [&str; 2] = ["session-details", "generate-pin"];

/// The Python packages that the report names.
const PYTHON_PACKAGES: [&str; 3] = ["awslambdaric", "boto3", "urllib3"];

const NO_VERSION_WARNING: &str = "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED";

const NODE: &str = "Node.js 20 or later with npm, or leave the peers out with --without-peers";
const PYTHON: &str =
    "Python 3.10 or later with pip and venv, or leave the peers out with --without-peers";

const NODE_LOCK: &str = include_str!("peers/node/package-lock.json");
const NODE_PACKAGES: &str = include_str!("peers/node/package.json");
const PYTHON_LOCK: &str = include_str!("peers/python/requirements.txt");

/// Builds the functions as they are deployed. Returns the folder of their binaries.
pub(crate) fn build_functions() -> Result<PathBuf, BenchError> {
    build_released(&FUNCTIONS)
}

/// Builds the functions and the floor. With `peers`, also the programs in Node.js and Python, and installs their
/// packages where those of the lock files are not installed yet.
pub(crate) fn build(peers: bool) -> Result<Vec<Program>, BenchError> {
    let released = build_released(&[&FUNCTIONS[..], &["floor"]].concat())?;
    let floor = FLOOR.map(|name| (name, Kind::Floor));
    let ours = FUNCTIONS.map(|name| (name, Kind::Ours));
    let program = |(name, kind): (&str, Kind)| Program {
        function: name.to_owned(),
        kind,
        command: vec![released.join(name).into()],
        variables: Vec::new(),
    };
    let mut programs: Vec<Program> = floor.into_iter().chain(ours).map(program).collect();
    if peers {
        let folder = target()?.join("bench");
        programs.extend(build_node(&folder.join("node"))?);
        programs.extend(build_python(&folder.join("python"))?);
    }
    Ok(programs)
}

/// The versions of tools and SDKs, each with its name. A tool that is not installed is left out.
pub(crate) fn versions() -> Vec<(String, String)> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let tools = [
        ("Rust", rustc),
        ("Node.js", "node".into()),
        ("Python", "python3".into()),
    ];
    let tools = tools
        .into_iter()
        .filter_map(|(name, tool)| Some((name.to_owned(), version(&tool)?)));
    tools
        .chain(node_packages())
        .chain(python_packages())
        .collect()
}

/// The folder that this program was built into, without its profile.
fn target() -> Result<PathBuf, BenchError> {
    let file = |source| BenchError::File {
        path: "this program".into(),
        source,
    };
    let this = env::current_exe().map_err(file)?;
    let target = this.parent().and_then(Path::parent);
    target
        .map(Path::to_owned)
        .ok_or_else(|| file(io::ErrorKind::NotFound.into()))
}

fn build_released(packages: &[&str]) -> Result<PathBuf, BenchError> {
    let target = target()?;
    let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--release", "--locked", "--target-dir"]);
    build.arg(&target).current_dir(env!("CARGO_MANIFEST_DIR"));
    for package in packages {
        build.args(["-p", package]);
    }
    run(&mut build, "Rust")?;
    Ok(target.join("release"))
}

/// One bundled file for each function, as `npm run build` makes it.
fn build_node(folder: &Path) -> Result<Vec<Program>, BenchError> {
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
        let bundle = folder.join("dist").join(format!("{name}.cjs"));
        Program {
            function: name.to_owned(),
            kind: Kind::Node,
            command: vec![node.clone(), bundle.into()],
            // The SDK's warning about an old Node.js would be measured with every start.
            variables: vec![(NO_VERSION_WARNING.to_owned(), "true".into())],
        }
    };
    Ok(WITH_PEERS.map(program).into())
}

/// The path of Node.js itself: the start of a version manager's shim would be measured with it.
fn node() -> Result<OsString, BenchError> {
    let mut node = Command::new("node");
    let output = node.args(["-p", "process.execPath"]).output();
    let output = output.map_err(|source| BenchError::Missing {
        program: "node".to_owned(),
        remedy: NODE,
        source,
    })?;
    let path = String::from_utf8_lossy(&output.stdout);
    match path.trim() {
        "" => Err(BenchError::Command(command_line(&node))),
        path => Ok(path.into()),
    }
}

/// Makes a virtual environment and copies the handlers beside it.
fn build_python(folder: &Path) -> Result<Vec<Program>, BenchError> {
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
    // Compiled once, as deployed code is: otherwise every cold start compiles it.
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
            // Lambda sets it for every function; only boto3 reads it.
            ("AWS_DEFAULT_REGION".to_owned(), local::aws::REGION.into()),
        ],
    };
    Ok(WITH_PEERS.map(program).into())
}

/// Copies a peer's sources to `folder`, so that nothing is installed or compiled in the repository.
fn copy_peers(name: &str, folder: &Path) -> Result<(), BenchError> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("bench/peers")
        .join(name);
    let file = |source| BenchError::File {
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

/// Identifies an installation: the tool's version and the lock file.
fn wanted(tool: &str, lock: &str) -> String {
    let version = version(&tool.into()).unwrap_or_default();
    format!("{tool} {version}\n{lock}")
}

/// Runs `install`, unless `folder` holds an installation of the same identity.
fn once(
    folder: &Path,
    wanted: &str,
    install: impl FnOnce() -> Result<(), BenchError>,
) -> Result<(), BenchError> {
    let stamp = folder.join(".installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    install()?;
    fs::write(&stamp, wanted).map_err(|source| BenchError::File {
        path: stamp,
        source,
    })
}

/// Runs a tool. Its output goes to standard error: standard output is the benchmark's own.
fn run(command: &mut Command, remedy: &'static str) -> Result<(), BenchError> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.stdout(Stdio::from(io::stderr())).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(BenchError::Command(command_line(command))),
        Err(source) => Err(BenchError::Missing {
            program,
            remedy,
            source,
        }),
    }
}

fn command_line(command: &Command) -> String {
    let program = std::iter::once(command.get_program());
    let arguments = program.chain(command.get_args());
    let arguments: Vec<_> = arguments.map(|one| one.to_string_lossy()).collect();
    arguments.join(" ")
}

/// The version that `--version` prints.
fn version(tool: &OsString) -> Option<String> {
    let output = Command::new(tool).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let version = text.split_whitespace().find(|word| word.contains('.'))?;
    Some(version.trim_start_matches('v').to_owned())
}

/// The packages of `package.json`, by name and version.
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

/// The packages of `requirements.txt` that the report names.
fn python_packages() -> Vec<(String, String)> {
    let pinned = PYTHON_LOCK.lines().filter_map(|line| line.split_once("=="));
    pinned
        .filter(|(name, _)| PYTHON_PACKAGES.contains(name))
        .map(|(name, version)| (name.to_owned(), version.trim().to_owned()))
        .collect()
}
