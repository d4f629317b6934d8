//! Puts the specs, the contracts and the live cases into the program: a list of names and texts for each folder, one entry per file.
//!
//! A build script, so that a new file is in the program because it is in the folder, and no list can forget it.

use std::{env, fmt::Write as _, fs, io, path::Path};

/// The folders, the ending of what is taken from them, and the name of the list.
const TAKEN: [(&str, &str, &str); 3] = [
    ("specs", "yaml", "EMBEDDED_SPECS"),
    ("contracts", "toml", "EMBEDDED_CONTRACTS"),
    ("live", "toml", "EMBEDDED_LIVE"),
];

fn main() -> io::Result<()> {
    let root = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    println!("cargo::rerun-if-changed=build.rs");
    let mut code = String::new();
    for (folder, ending, list) in TAKEN {
        let folder = Path::new(&root).join(folder);
        println!("cargo::rerun-if-changed={}", folder.display());
        let mut paths =
            fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        paths.retain(|path| path.extension().is_some_and(|e| e == ending));
        paths.sort();
        let _ = writeln!(code, "/// As it was when the program was built: file name, text.");
        let _ = writeln!(code, "const {list}: &[(&str, &str)] = &[");
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let full = path.canonicalize()?;
            let _ = writeln!(code, "    ({name:?}, include_str!({:?})),", full.to_string_lossy());
        }
        code.push_str("];\n");
    }
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("embedded.rs"), code)
}
