//! What queries put on disk when memory is short. It goes with its query; of one that was given up in the middle of a
//! step, a thread may hold files to the end of the process, which then takes them along.

use datafusion::execution::disk_manager::DiskManager;
use datafusion::execution::runtime_env::RuntimeEnv;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

static USED: Mutex<Vec<Weak<DiskManager>>> = Mutex::new(Vec::new());

/// Knows of what queries in this runtime will put on disk.
pub(super) fn watch(runtime: &RuntimeEnv) {
    let mut used = USED.lock().unwrap_or_else(PoisonError::into_inner);
    // Of one that is gone, nothing is left.
    used.retain(|disk| disk.strong_count() > 0);
    used.push(Arc::downgrade(&runtime.disk_manager));
}

/// Removes what is still there, at the end of the process: queries that run yet would fail. What could not be removed, and
/// why.
pub fn remove_spilled() -> Vec<(PathBuf, std::io::Error)> {
    let used = std::mem::take(&mut *USED.lock().unwrap_or_else(PoisonError::into_inner));
    let disks = used.iter().filter_map(Weak::upgrade);
    disks.flat_map(|disk| remove(&disk)).collect()
}

fn remove(disk: &DiskManager) -> Vec<(PathBuf, std::io::Error)> {
    let mut left = Vec::new();
    for folder in disk.temp_dir_paths() {
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => left.push((folder, error)),
            _ => {}
        }
    }
    left
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::base::time;
    use crate::engine::{Settings, session};

    #[test]
    fn what_a_thread_still_holds_goes_at_the_end() {
        let runtime = session::runtime(&Settings::new(time::from_micros(0))).unwrap();
        let held = runtime.disk_manager.create_tmp_file("a test").unwrap();
        let folders = runtime.disk_manager.temp_dir_paths();
        assert!(folders.len() == 1 && folders[0].is_dir());
        assert!(remove(&runtime.disk_manager).is_empty());
        assert!(!folders[0].exists());
        drop(held);
    }
}
