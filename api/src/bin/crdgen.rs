//! Writes the CRDs to a folder, or with `--check` says which files there differ.

use std::{env, fs, path::PathBuf, process::ExitCode};

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = env::args().skip(1);
    let check = arguments.next().is_some_and(|argument| argument == "--check");
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy/crds");
    fs::create_dir_all(&folder)?;

    let mut different = false;
    for (name, content) in ferrolb_api::crd_files()? {
        let path = folder.join(&name);
        if !check {
            fs::write(&path, content)?;
        } else if fs::read_to_string(&path).unwrap_or_default() != content {
            eprintln!(
                "deploy/crds/{name} differs from the types in api/: run `make crds` and commit the result"
            );
            different = true;
        }
    }
    Ok(if different { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
