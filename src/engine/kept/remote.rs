//! Rows of kept views beside a lake that is on a server, where the executors of a cluster read them with
//! credentials of their own. A view's rows are files that are never written again; a list of them, written last,
//! is found by the name of what the rows depend on. What nobody has written for a week is removed.

use crate::base::clock::{Clock, SystemClock};
use crate::store::Beside;
use chrono::TimeDelta;
use datafusion::catalog::Session;
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStoreExt, WriteMultipart};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

/// Names the files of an entry.
const CONTENTS: &str = "contents";
const WEEK: TimeDelta = TimeDelta::days(7);
/// Bytes of one part of an upload, and parts under way at once.
const PART: usize = 8 << 20;
const PARTS: usize = 4;

pub(in crate::engine) struct Remote(Beside);

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remote({})", self.0.folder)
    }
}

impl Remote {
    pub(in crate::engine) fn new(place: Beside) -> Remote {
        Remote(place)
    }

    /// A session finds the store by its address.
    pub(super) fn make_known(&self, state: &dyn Session) {
        if let Ok(url) = ObjectStoreUrl::parse(&self.0.root) {
            let store = std::sync::Arc::clone(&self.0.store);
            state.runtime_env().register_object_store(url.as_ref(), store);
        }
    }

    /// The files of a view's rows, if somebody has written them.
    pub(super) async fn find(&self, view: &str, key: &str) -> Result<Option<Vec<ListingTableUrl>>> {
        let entry = self.entry(view, key);
        let listed = match self.0.store.get(&entry.clone().join(CONTENTS)).await {
            Ok(found) => found.bytes().await?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let names = String::from_utf8_lossy(&listed).into_owned();
        let files = names.lines().map(|name| self.address(&entry.clone().join(name)));
        files.collect::<Result<Vec<_>>>().map(Some)
    }

    pub(super) async fn put(&self, view: &str, key: &str, files: &[PathBuf]) -> Result<Vec<ListingTableUrl>> {
        self.sweep(view).await?;
        let entry = self.entry(view, key);
        let (mut names, mut addresses) = (String::new(), Vec::new());
        for file in files {
            // Another session may write the same rows at this moment: the folder's name is this session's own.
            let folder = file.parent().and_then(|folder| folder.file_name());
            let name = file.file_name().unwrap_or_default();
            let name = format!(
                "{}-{}",
                folder
                    .unwrap_or_default()
                    .to_string_lossy()
                    .trim_start_matches('.'),
                name.to_string_lossy()
            );
            let target = entry.clone().join(name.as_str());
            self.upload(file, &target).await?;
            addresses.push(self.address(&target)?);
            names.push_str(&name);
            names.push('\n');
        }
        let contents = entry.join(CONTENTS);
        self.0.store.put(&contents, names.into_bytes().into()).await?;
        Ok(addresses)
    }

    async fn upload(&self, from: &PathBuf, to: &Path) -> Result<()> {
        let mut file = File::open(from)?;
        let mut upload = WriteMultipart::new_with_chunk_size(self.0.store.put_multipart(to).await?, PART);
        let mut part = vec![0; PART];
        loop {
            let read = file.read(&mut part)?;
            if read == 0 {
                break;
            }
            upload.wait_for_capacity(PARTS).await?;
            upload.write(&part[..read]);
        }
        upload.finish().await?;
        Ok(())
    }

    /// Removes the files of a view that were written long ago.
    async fn sweep(&self, view: &str) -> Result<()> {
        let before = SystemClock.now() - WEEK;
        let all: Vec<_> = self.0.store.list(Some(&self.0.folder)).try_collect().await?;
        for file in all.into_iter().filter(|file| file.last_modified < before) {
            let mut parts = file.location.prefix_match(&self.0.folder).into_iter().flatten();
            let entry = parts.next().map(|part| part.as_ref().to_owned());
            let of = entry
                .as_deref()
                .and_then(|entry| entry.rsplit_once('-'))
                .map(|(of, _)| of);
            if of == Some(view) {
                self.0.store.delete(&file.location).await?;
            }
        }
        Ok(())
    }

    fn entry(&self, view: &str, key: &str) -> Path {
        self.0.folder.clone().join(format!("{view}-{key}"))
    }

    fn address(&self, file: &Path) -> Result<ListingTableUrl> {
        ListingTableUrl::parse(format!("{}/{file}", self.0.root))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use object_store::memory::InMemory;
    use std::sync::Arc;

    #[tokio::test]
    async fn what_was_put_is_found_by_its_key_only() {
        let store = Arc::new(InMemory::new());
        let remote = Remote::new(Beside {
            store: Arc::clone(&store) as _,
            root: "s3://bucket".to_owned(),
            folder: Path::from("lake/.kept"),
        });
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("0.parquet");
        std::fs::write(&file, vec![7; PART + 1]).unwrap();
        assert!(remote.find("calls", "a").await.unwrap().is_none());
        let put = remote.put("calls", "a", &[file]).await.unwrap();
        let found = remote.find("calls", "a").await.unwrap().unwrap();
        assert_eq!(found, put);
        assert!(remote.find("calls", "b").await.unwrap().is_none());
        let address = put[0].as_str();
        assert!(
            address.starts_with("s3://bucket/lake/.kept/calls-a/"),
            "{address}"
        );
        let path = Path::from(address.trim_start_matches("s3://bucket/"));
        assert_eq!(store.head(&path).await.unwrap().size, PART as u64 + 1);
        remote.sweep("calls").await.unwrap();
        assert!(remote.find("calls", "a").await.unwrap().is_some());
    }
}
