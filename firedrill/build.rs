//! Puts the dashboards and what stands beside them into the program: a list of names and texts, one entry per file.
//!
//! A build script, so that a new dashboard is in the program because it is in the folder, and no list can forget it.

use std::{env, fmt::Write as _, fs, io, path::Path};

/// What of the folder the program reads, by place and ending.
const TAKEN: [(&str, &[&str]); 2] = [("", &["json", "toml"]), ("provisioning/datasources", &["yaml", "yml"])];

fn main() -> io::Result<()> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("../dashboards");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut code = String::from(
        "/// The dashboards as they were when the program was built: path below the folder, text.\n\
         const EMBEDDED: &[(&str, &str)] = &[\n",
    );
    for (below, endings) in TAKEN {
        let Ok(entries) = fs::read_dir(root.join(below)) else { continue };
        let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        paths.retain(|path| path.extension().is_some_and(|e| endings.iter().any(|ending| e == *ending)));
        paths.sort();
        for path in paths {
            let name = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().into_owned();
            let full = path.canonicalize()?;
            let _ = writeln!(code, "    ({name:?}, include_str!({:?})),", full.to_string_lossy());
        }
    }
    code.push_str("];\n");
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("embedded_dashboards.rs"), code)
}
