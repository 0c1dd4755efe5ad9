//! A file that an application sends.

use std::fs::{File, remove_file};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::PathBuf;

/// A file under a name that no one can guess, for as long as its application is there.
pub(super) struct TemporaryFile {
    pub(super) path: PathBuf,
}

impl TemporaryFile {
    pub(super) fn with(content: &str) -> io::Result<Self> {
        let name = format!("gateway-kit-{:016x}", RandomState::new().hash_one(std::process::id()));
        let path = std::env::temp_dir().join(name);
        let mut file = File::create_new(&path)?;
        let made = Self { path };
        file.write_all(content.as_bytes())?;
        Ok(made)
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // Whoever cleans up the folder takes what is left.
        let _ = remove_file(&self.path);
    }
}
