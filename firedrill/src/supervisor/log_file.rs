//! A child's output on disk, bounded: one file and its predecessor.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::PathBuf,
};

/// The size at which a file becomes the predecessor.
const LIMIT: u64 = 8 * 1024 * 1024;

/// Appends; keeps at most twice its limit on disk. A disk that is full costs log lines, never the child.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    limit: u64,
    open: Option<(File, u64)>,
}

impl LogFile {
    /// Continues the file at `path`.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, limit: LIMIT, open: None }
    }

    /// Appends a piece of output.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        if self.try_write(bytes).is_err() {
            // Opened afresh next time: the space or the folder may be back by then.
            self.open = None;
        }
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.open.as_ref().is_some_and(|(_, size)| *size >= self.limit) {
            self.open = None;
            fs::rename(&self.path, self.path.with_extension("log.1"))?;
        }
        let (file, size) = match &mut self.open {
            Some(open) => open,
            None => {
                let file = File::options().create(true).append(true).open(&self.path)?;
                let size = file.metadata()?.len();
                self.open.insert((file, size))
            }
        };
        file.write_all(bytes)?;
        *size += bytes.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_on_disk_is_bounded() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("order-service.log");
        let mut log = LogFile { path: path.clone(), limit: 100, open: None };
        for _ in 0..100 {
            log.write(b"0123456789\n");
        }
        let size = |path: &std::path::Path| fs::metadata(path).expect("there").len();
        assert!(size(&path) <= 110);
        assert!(size(&path.with_extension("log.1")) <= 110);
        assert_eq!(fs::read_dir(dir.path()).expect("there").count(), 2);
    }
}
