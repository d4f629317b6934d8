//! Puts the dashboards, what stands beside them, and the runbooks into the program: lists of names and texts, one entry
//! per file.
//!
//! A build script, so that a new dashboard is in the program because it is in the folder, and no list can forget it.

use std::{env, fmt::Write as _, fs, io, path::Path};

/// A folder of the checkout, the list that it becomes, and what of it the program reads, by place and ending.
struct Folder {
    name: &'static str,
    list: &'static str,
    taken: &'static [(&'static str, &'static [&'static str])],
}

const FOLDERS: [Folder; 2] = [
    Folder {
        name: "dashboards",
        list: "EMBEDDED",
        taken: &[("", &["json", "toml"]), ("provisioning/datasources", &["yaml", "yml"])],
    },
    Folder { name: "runbooks", list: "EMBEDDED_RUNBOOKS", taken: &[("", &["md"])] },
];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    for folder in FOLDERS {
        let code = code(&folder)?;
        fs::write(Path::new(&out).join(format!("embedded_{}.rs", folder.name)), code)?;
    }
    Ok(())
}

fn code(folder: &Folder) -> io::Result<String> {
    let root =
        Path::new(&env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("..").join(folder.name);
    println!("cargo::rerun-if-changed={}", root.display());
    let mut code = format!(
        "/// The {} as they were when the program was built: path below the folder, text.\n\
         const {}: &[(&str, &str)] = &[\n",
        folder.name, folder.list
    );
    for (below, endings) in folder.taken {
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
    Ok(code)
}
