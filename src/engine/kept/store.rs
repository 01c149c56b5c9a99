//! Rows of kept views on disk, from one session to the next.
//!
//! A folder beside the tables of the lake; whatever lies in it can be worked out again, so that it may
//! be removed at any time. An entry is written aside and renamed into place whole. Its name says what
//! the rows depend on: an entry is never changed, only no longer asked for. Whoever reads one holds a
//! shared lock on it, and only what nobody holds is swept away. A store that cannot be written
//! to costs time, not answers.

use crate::base::Error;
use datafusion::error::{DataFusionError, Result as DataResult};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// Entries of one view that stay: the last ones that were read, few of them where they are large.
const ENTRIES: usize = 8;
const LARGE_ENTRIES: usize = 2;
/// Bytes that all entries of one view may take before only a few stay.
const BYTES: u64 = 1 << 30;
/// Sessions that may recall the key of a view, so many of each.
const SESSIONS: usize = 32;
/// Stands between the name of a view and that of a session; no view has it in its name.
const MEMORY: char = '@';
/// Names the files of an entry and their sizes, and is what readers lock.
pub(super) const CONTENTS: &str = "contents";

/// Where kept rows may stay, and which program they are of.
#[derive(Debug, Clone)]
pub struct KeptFolder {
    pub path: PathBuf,
    /// Another program may work out other rows.
    pub program: String,
    /// What takes less time to work out is not worth a place.
    pub worth: Duration,
    /// Views of a lake with fewer facts are not worked out month by month.
    pub months_from: u64,
}

#[derive(Debug)]
pub(in crate::engine) struct Store {
    folder: PathBuf,
    pub(super) worth: Duration,
}

/// An entry that is being read.
#[derive(Debug)]
pub(super) struct Entry {
    folder: PathBuf,
    files: Vec<String>,
    /// Holds the lock.
    _contents: File,
}

impl Entry {
    pub(super) fn files(&self) -> Vec<PathBuf> {
        self.files.iter().map(|name| self.folder.join(name)).collect()
    }

    /// `None`: there is none, it is not whole, or it is being swept away.
    fn open(folder: PathBuf) -> Option<Entry> {
        let path = folder.join(CONTENTS);
        let mut contents = OpenOptions::new().read(true).write(true).open(&path).ok()?;
        contents.try_lock_shared().ok()?;
        let mut text = String::new();
        contents.read_to_string(&mut text).ok()?;
        let mut files = Vec::new();
        for line in text.lines() {
            let (size, name) = line.split_once(' ')?;
            let whole = fs::metadata(folder.join(name)).ok()?.len() == size.parse::<u64>().ok()?;
            if !whole {
                return None;
            }
            files.push(name.to_owned());
        }
        // The file's time says when the entry was last read.
        contents.write_all(b"\n").ok()?;
        contents.set_len(text.len() as u64).ok()?;
        Some(Entry {
            folder,
            files,
            _contents: contents,
        })
    }
}

impl Store {
    pub(in crate::engine) fn new(folder: &KeptFolder) -> Store {
        Store {
            folder: folder.path.clone(),
            worth: folder.worth,
        }
    }

    /// The same for rows of months: all of them stay, so that the next session finds every month.
    pub(super) fn for_months(folder: &KeptFolder) -> Store {
        Store {
            worth: Duration::ZERO,
            ..Store::new(folder)
        }
    }

    /// The same for rows that other processes read: all of them stay here, or there is no cluster.
    pub(super) fn for_executors(&self) -> DataResult<Store> {
        if self.room().is_none() {
            let error = Error::lake(format!(
                "{} cannot be written to, and executors could not read rows that are kept elsewhere",
                self.folder.display()
            ));
            let error = error.advise("run this one without --cluster, or make the folder writable");
            return Err(DataFusionError::External(Box::new(error)));
        }
        Ok(Store {
            folder: self.folder.clone(),
            worth: Duration::ZERO,
        })
    }

    pub(super) fn find(&self, view: &str, key: &str) -> Option<Entry> {
        Entry::open(self.place(view, key))
    }

    /// A folder to write into, which is gone unless `put` gives it a name.
    pub(super) fn room(&self) -> Option<TempDir> {
        fs::create_dir_all(&self.folder).ok()?;
        tempfile::Builder::new()
            .prefix("new-")
            .tempdir_in(&self.folder)
            .ok()
    }

    /// Gives a folder of files its name. Where that fails the files stay what they were: the session's own.
    pub(super) fn put(&self, view: &str, key: &str, files: TempDir) -> Result<Entry, TempDir> {
        let place = self.place(view, key);
        let done = contents(files.path())
            .and_then(|text| fs::write(files.path().join(CONTENTS), text).ok())
            .and_then(|()| fs::rename(files.path(), &place).ok());
        // Another session may have been quicker; its rows are these.
        match Entry::open(place) {
            Some(entry) => {
                self.sweep(view);
                Ok(entry)
            }
            None => {
                if done.is_some() {
                    let _ = fs::rename(self.place(view, key), files.path());
                }
                Err(files)
            }
        }
    }

    /// The key of a view, as a session of that name left it.
    pub(super) fn recall(&self, view: &str, session: &str) -> Option<String> {
        fs::read_to_string(self.memory(view, session)).ok()
    }

    /// Leaves the key of a view for sessions of that name. The oldest of too many are forgotten.
    pub(super) fn remember(&self, view: &str, session: &str, key: &str) {
        let place = self.memory(view, session);
        let Ok(mut file) = tempfile::NamedTempFile::new_in(&self.folder) else {
            return;
        };
        if file.write_all(key.as_bytes()).is_err() || file.persist(place).is_err() {
            return;
        }
        let start = format!("{view}{MEMORY}");
        let mut all: Vec<_> = fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|file| file.file_name().to_string_lossy().starts_with(&start))
            .filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path())))
            .collect();
        all.sort_unstable();
        for (_, path) in all.iter().rev().skip(SESSIONS) {
            let _ = fs::remove_file(path);
        }
    }

    fn memory(&self, view: &str, session: &str) -> PathBuf {
        self.folder.join(format!("{view}{MEMORY}{session}"))
    }

    fn place(&self, view: &str, key: &str) -> PathBuf {
        self.folder.join(format!("{view}-{key}"))
    }

    /// Removes the entries of a view that were not read for longest.
    fn sweep(&self, view: &str) {
        let Ok(all) = fs::read_dir(&self.folder) else {
            return;
        };
        let mut entries: Vec<_> = all
            .flatten()
            .filter(|entry| {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                name.rsplit_once('-').is_some_and(|(of, _)| of == view)
            })
            .filter_map(|entry| {
                let contents = entry.path().join(CONTENTS);
                let read = fs::metadata(&contents).ok()?.modified().ok()?;
                Some((read, bytes(&fs::read_to_string(contents).ok()?), entry.path()))
            })
            .collect();
        entries.sort_unstable();
        let mut held = 0;
        for (at, (_, bytes, folder)) in entries.into_iter().rev().enumerate() {
            held += bytes;
            if at >= ENTRIES || (at >= LARGE_ENTRIES && held > BYTES) {
                remove(&folder);
            }
        }
    }
}

/// What the files of an entry take.
pub(super) fn bytes(contents: &str) -> u64 {
    let sizes = contents
        .lines()
        .filter_map(|line| line.split_once(' ')?.0.parse::<u64>().ok());
    sizes.sum()
}

/// A line for each file: its size and its name.
fn contents(folder: &Path) -> Option<String> {
    let mut lines = Vec::new();
    for file in fs::read_dir(folder).ok()? {
        let file = file.ok()?;
        let size = file.metadata().ok()?.len();
        lines.push(format!("{size} {}\n", file.file_name().to_str()?));
    }
    lines.sort_unstable();
    Some(lines.concat())
}

/// Unless somebody reads it. What cannot be removed is tried again with the next entry.
pub(super) fn remove(folder: &Path) {
    let contents = File::open(folder.join(CONTENTS));
    if contents.is_ok_and(|file| file.try_lock().is_ok()) {
        let _ = fs::remove_dir_all(folder);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::SystemTime;

    fn store(path: PathBuf) -> Store {
        Store::new(&KeptFolder {
            path,
            program: String::new(),
            worth: Duration::ZERO,
            months_from: u64::MAX,
        })
    }

    fn entry(store: &Store, key: &str) -> Entry {
        let room = store.room().unwrap();
        fs::write(room.path().join("0.parquet"), key).unwrap();
        store.put("calls", key, room).unwrap()
    }

    #[test]
    fn what_was_put_is_found_and_only_that() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path().join("kept"));
        assert!(store.find("calls", "a").is_none());
        let put = entry(&store, "a");
        let found = store.find("calls", "a").unwrap();
        assert_eq!(put.files(), found.files());
        assert_eq!(fs::read_to_string(&found.files()[0]).unwrap(), "a");
        assert!(store.find("calls", "b").is_none());
        // The same rows by another session: there is one entry, and both may read it.
        assert_eq!(entry(&store, "a").files(), put.files());
        assert_eq!(fs::read_dir(dir.path().join("kept")).unwrap().count(), 1);
    }

    #[test]
    fn sessions_recall_what_they_left() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path().to_owned());
        assert_eq!(store.recall("calls", "s"), None);
        store.remember("calls", "s", "a");
        store.remember("calls_too", "s", "b");
        store.remember("calls", "s", "c");
        assert_eq!(store.recall("calls", "s").as_deref(), Some("c"));
        assert_eq!(store.recall("calls_too", "s").as_deref(), Some("b"));
        assert_eq!(store.recall("calls", "t"), None);
        for n in 0..SESSIONS + 5 {
            store.remember("calls", &format!("s{n}"), "d");
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), SESSIONS + 1);
        assert!(store.recall("calls_too", "s").is_some());
        // Entries are swept beside them.
        entry(&store, "d");
        assert!(store.find("calls", "d").is_some());
    }

    #[test]
    fn a_torn_entry_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path().to_owned());
        let files = entry(&store, "abc").files();
        fs::write(&files[0], "ab").unwrap();
        assert!(store.find("calls", "abc").is_none());
    }

    #[test]
    fn old_entries_go_unless_they_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path().to_owned());
        let held = entry(&store, "held");
        for n in 0..20 {
            entry(&store, &format!("k{n}"));
        }
        assert!(store.find("calls", "k19").is_some() && store.find("calls", "k0").is_none());
        assert!(held.files()[0].exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), ENTRIES + 1);
    }

    #[test]
    fn of_large_entries_only_two_stay() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path().to_owned());
        for (day, key) in ["a", "b", "c", "d"].into_iter().enumerate() {
            drop(entry(&store, key));
            // A file without content may say that it is large.
            let file = File::options()
                .write(true)
                .open(dir.path().join(format!("calls-{key}/0.parquet")));
            file.unwrap().set_len(BYTES).unwrap();
            let contents = dir.path().join(format!("calls-{key}/{CONTENTS}"));
            fs::write(&contents, format!("{BYTES} 0.parquet\n")).unwrap();
            let read = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400 * day as u64);
            File::options()
                .write(true)
                .open(contents)
                .unwrap()
                .set_modified(read)
                .unwrap();
        }
        drop(entry(&store, "e"));
        let left = |key: &str| store.find("calls", key).is_some();
        assert_eq!(
            ["a", "b", "c", "d", "e"].map(left),
            [false, false, false, true, true]
        );
    }

    #[test]
    fn where_nothing_can_be_written_there_is_no_room() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(store(dir.path().join("file")).room().is_none());
    }
}
