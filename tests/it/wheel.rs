//! The program as a Python package: `uv tool install` and `pip install` put it on the PATH.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::process;
use crate::support::sandbox::Sandbox;

/// A build can have to wait for another one.
const LIMIT: Duration = Duration::from_secs(600);

/// maturin, as `tests/run` has brought it, on this repository.
fn maturin(arguments: &[&str], into: &Path) {
    let target = Path::new(env!("CARGO_BIN_EXE_prime-ssh")).ancestors().nth(2).unwrap();
    let program = target.join("maturin/bin/maturin");
    assert!(program.exists(), "no maturin in {}: run tests/run", target.display());
    let mut command = process::command(program);
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    // Where Rust is; what else cargo tells this test would have some dependencies built anew.
    for name in ["CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    // What is built already is used, and the program that other tests run meanwhile stays in place.
    command.env("CARGO_BUILD_BUILD_DIR", target).env("CARGO_TARGET_DIR", target.join("wheel"));
    let mut child = command.args(arguments).arg("--out").arg(into).spawn().unwrap();
    let status = process::wait(&mut child, LIMIT);
    assert!(status.is_some_and(|status| status.success()), "maturin {arguments:?}: {status:?}");
}

/// A Python of its own, with nothing in it but pip.
fn python(sandbox: &Sandbox) -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_prime-ssh")).ancestors().nth(2).unwrap();
    let mut create = process::command(target.join("maturin/bin/python3"));
    process::run(create.args(["-m", "venv"]).arg(sandbox.path("venv")), b"").succeeds();
    sandbox.path("venv/bin")
}

/// The names of the files in an archive, as Python reads it.
fn names(python: &Path, script: &str, archive: &Path) -> BTreeSet<String> {
    let mut command = process::command(python.join("python3"));
    let text = process::run(command.args(["-c", script]).arg(archive), b"").succeeds();
    text.lines().map(str::to_owned).collect()
}

fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// The cheapest build, for what is tested here does not depend on how well it is optimized.
#[test]
fn the_wheel_holds_the_program_and_its_licenses_and_installs() {
    needs!("maturin");
    let sandbox = Sandbox::new();
    let out = sandbox.path("wheels");
    let cheap = ["build", "--profile", "dev", "--auditwheel", "skip", "--compatibility", "linux"];
    maturin(&cheap, &out);
    let wheel = std::fs::read_dir(&out).unwrap().next().unwrap().unwrap().path();
    let bin = python(&sandbox);
    let listed = "import sys, zipfile; print(*zipfile.ZipFile(sys.argv[1]).namelist(), sep='\\n')";
    let about = format!("prime_ssh-{}.dist-info", version());
    let expected = [
        format!("prime_ssh-{}.data/scripts/prime-ssh", version()),
        format!("{about}/METADATA"),
        format!("{about}/RECORD"),
        format!("{about}/WHEEL"),
        format!("{about}/licenses/LICENSE-APACHE"),
        format!("{about}/licenses/LICENSE-MIT"),
    ];
    assert_eq!(names(&bin, listed, &wheel), expected.into());

    let mut pip = process::command(bin.join("pip"));
    pip.args(["install", "--no-index", "--disable-pip-version-check"]).arg(&wheel);
    process::run(&mut pip, b"").succeeds();
    let run = |arguments: &[&str]| {
        let mut program = process::command(bin.join("prime-ssh"));
        program.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
        process::run(program.env("HOME", sandbox.home()), b"").succeeds()
    };
    assert_eq!(run(&["--version"]), format!("prime-ssh {}\n", version()));
    let text = run(&["config", "--input", "examples/cluster.json"]);
    assert!(text.contains("Host prime.train.node-0 prime.train\n"), "{text}");
    let mut about = process::command(bin.join("python3"));
    about.args(["-c", "import importlib.metadata as m; print(m.metadata('prime-ssh'))"]);
    let about = process::run(&mut about, b"").succeeds();
    for line in [
        format!("Version: {}", version()),
        format!("Summary: {}", env!("CARGO_PKG_DESCRIPTION")),
        format!("License: {}", env!("CARGO_PKG_LICENSE")),
    ] {
        assert!(about.lines().any(|told| told == line), "{line}: {about}");
    }
    assert!(about.contains("\n# prime-ssh\n"), "the README is its description");
}

#[test]
fn the_source_package_holds_all_that_a_build_needs() {
    needs!("maturin");
    let sandbox = Sandbox::new();
    let out = sandbox.path("sources");
    maturin(&["sdist"], &out);
    let archive = std::fs::read_dir(&out).unwrap().next().unwrap().unwrap().path();
    let bin = python(&sandbox);
    let listed = "import sys, tarfile; print(*tarfile.open(sys.argv[1]).getnames(), sep='\\n')";
    let there = names(&bin, listed, &archive);
    let mut needed: Vec<PathBuf> = [
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "askama.toml",
        "pyproject.toml",
    ]
    .map(PathBuf::from)
    .into();
    for folder in ["src", "templates", "examples", "schemas", "docs"] {
        collect(Path::new(folder), &mut needed);
    }
    for file in needed {
        let name = format!("prime_ssh-{}/{}", version(), file.display());
        assert!(there.contains(&name), "{name} is not there");
    }
}

/// Every file below a folder of the repository.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).read_dir().into_iter().flatten()
    {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if entry.path().is_dir() { collect(&path, files) } else { files.push(path) }
    }
}
