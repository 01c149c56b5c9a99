//! Kept rows that nothing will find again: of another program, of a lake that has moved on long ago, of a session that was
//! killed while it wrote them. A name does not say which it is; that nobody read it for long does.

use super::store::{CONTENTS, bytes, remove};
use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// Removes the entries that nobody has read since, and what killed sessions left; says how many, and their bytes.
/// `dry`: only says.
pub fn sweep_kept(folder: &Path, unread_since: SystemTime, dry: bool) -> (u64, u64) {
    let mut swept = (0, 0);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let contents = path.join(CONTENTS);
        let whole = fs::read_to_string(&contents).ok();
        // The time of an entry's list of contents is when it was last read; without one it never became an entry.
        let about = match whole {
            Some(_) => fs::metadata(&contents),
            None => fs::metadata(&path),
        };
        let Ok(about) = about else { continue };
        if !path.is_dir() || about.modified().is_ok_and(|at| at >= unread_since) {
            continue;
        }
        swept.0 += 1;
        swept.1 += whole.as_deref().map_or_else(|| size(&path), bytes);
        match (dry, &whole) {
            (true, _) => {}
            (false, Some(_)) => remove(&path),
            (false, None) => {
                let _ = fs::remove_dir_all(&path);
            }
        }
    }
    swept
}

fn size(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_nobody_read_goes_and_what_somebody_reads_stays() {
        let dir = tempfile::tempdir().unwrap();
        let entry = |name: &str, days: u64| {
            let folder = dir.path().join(name);
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("0.parquet"), "1234").unwrap();
            fs::write(folder.join(CONTENTS), "4 0.parquet\n").unwrap();
            let file = fs::File::options()
                .write(true)
                .open(folder.join(CONTENTS))
                .unwrap();
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400 * days);
            file.set_modified(at).unwrap();
            folder
        };
        let (old, new, held) = (entry("calls-a", 1), entry("calls-b", 30), entry("calls-c", 1));
        let reader = fs::File::open(held.join(CONTENTS)).unwrap();
        reader.try_lock_shared().unwrap();
        let since = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400 * 10);
        assert_eq!(sweep_kept(dir.path(), since, true), (2, 8));
        assert!(old.exists() && held.exists());
        sweep_kept(dir.path(), since, false);
        assert!(!old.exists() && new.exists() && held.exists());
        drop(reader);
        sweep_kept(dir.path(), since, false);
        assert!(!held.exists());
        assert_eq!(sweep_kept(&dir.path().join("nowhere"), since, false), (0, 0));
    }
}
