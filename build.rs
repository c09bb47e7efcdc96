//! What `--version` says of the build beside the version: the commit, where one is given, and the target.
//!
//! `bootstrap/package` gives the commit in `SJW_COMMIT`. Git is not asked here: a build from an archive of the sources
//! has none, and with it every commit would be built anew, though nothing of the program changed.

use std::env::{self, VarError};

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script by variables")]
fn main() -> Result<(), VarError> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SJW_COMMIT");
    let target = env::var("TARGET")?;
    let build = match env::var("SJW_COMMIT") {
        Ok(commit) if !commit.is_empty() => format!("{commit}, {target}"),
        Ok(_) | Err(_) => target,
    };
    println!("cargo::rustc-env=SJW_BUILD={build}");
    Ok(())
}
