//! Into a folder: every rendering as a file, whole or not at all. A second delivery replaces the first.

use super::{Courier, File, Outcome, Parcel};
use crate::base::{Context, Result};
use async_trait::async_trait;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Clone)]
pub struct Folder {
    pub path: PathBuf,
    /// What the files' names begin with.
    pub stem: String,
}

impl Folder {
    fn put(&self, file: &File) -> Result<()> {
        let ending = file.name.rsplit_once('.').map_or("", |(_, ending)| ending);
        let path = self.path.join(format!("{}.{ending}", self.stem));
        let mut draft = tempfile::NamedTempFile::new_in(&self.path)?;
        draft.write_all(&file.bytes)?;
        draft
            .persist(&path)
            .map_err(|e| e.error)
            .with_context(|| format!("writing {}", path.display()))?;
        Ok(())
    }

    fn put_all(&self, parcel: &Parcel) -> Result<usize> {
        std::fs::create_dir_all(&self.path).with_context(|| format!("creating {}", self.path.display()))?;
        let files = || {
            parcel
                .picture
                .iter()
                .map(|(_, file)| file)
                .chain(&parcel.attachments)
        };
        files().try_for_each(|file| self.put(file))?;
        Ok(files().count())
    }
}

#[async_trait]
impl Courier for Folder {
    async fn deliver(&self, parcel: &Parcel) -> Outcome {
        match self.put_all(parcel) {
            Ok(count) => Outcome::Sent(format!("{count} files in {}", self.path.display())),
            Err(error) => Outcome::Failed {
                why: error.to_string(),
                again: true,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn files_are_named_for_their_window_and_a_second_delivery_replaces_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder {
            path: dir.path().join("reports"),
            stem: "board-2026-09-01".into(),
        };
        let file = |bytes: &[u8]| File {
            name: "board.png".into(),
            media_type: "image/png",
            bytes: bytes.to_vec(),
        };
        let mut parcel = crate::deliver::message::tests::parcel();
        for bytes in [&b"one"[..], b"two"] {
            parcel.picture = Some(("c@d".into(), file(bytes)));
            parcel.attachments.clear();
            assert!(matches!(folder.deliver(&parcel).await, Outcome::Sent(_)));
            let path = folder.path.join("board-2026-09-01.png");
            assert_eq!(std::fs::read(path).unwrap(), bytes);
        }
        assert_eq!(std::fs::read_dir(&folder.path).unwrap().count(), 1);
    }
}
