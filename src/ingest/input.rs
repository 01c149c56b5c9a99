//! What the user named, as a list of files: paths, folders, globs, object URLs; hashed and unpacked.

use crate::base::error::Context;
use crate::base::{Error, Result, hash};
use bytes::Bytes;
use object_store::ObjectStoreExt;
use sha2::{Digest, Sha256};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use url::Url;

/// How much of a file is looked at to recognise its format.
const HEAD: u64 = 256 * 1024;

/// One file that was named or found.
#[derive(Debug, Clone)]
pub(super) struct Input {
    /// Path or URL as it is shown and recorded, without credentials.
    pub(super) path: String,
    place: Place,
    /// Size of the file as it lies there.
    pub(super) bytes: u64,
    /// SHA-256 of the file as it lies there.
    pub(super) hash: String,
    /// When the file was last changed, in microseconds: the best guess for a text without time.
    pub(super) modified: Option<i64>,
    /// Found in a folder, not named: an unknown format is then no error.
    pub(super) found: bool,
}

#[derive(Debug, Clone)]
enum Place {
    Local(PathBuf),
    Loaded(Bytes),
}

/// Every input once, in order of its path.
pub(super) async fn expand(inputs: &[String], store_options: &HashMap<String, String>) -> Result<Vec<Input>> {
    let mut files = BTreeMap::new();
    for input in inputs {
        if input.contains("://") && !input.starts_with("file://") {
            let file = fetch(input, store_options).await?;
            files.insert(file.path.clone(), file);
            continue;
        }
        for (path, found) in local(input.strip_prefix("file://").unwrap_or(input))? {
            match files.entry(path.display().to_string()) {
                Entry::Vacant(entry) => {
                    let file = look(path, found).context(entry.key().clone())?;
                    entry.insert(file);
                }
                // Found in a folder and named, too: it is meant.
                Entry::Occupied(mut entry) => entry.get_mut().found &= found,
            }
        }
    }
    Ok(files.into_values().collect())
}

fn local(input: &str) -> Result<Vec<(PathBuf, bool)>> {
    let path = Path::new(input);
    if path.is_dir() {
        let mut found = Vec::new();
        walk(path, &mut found)?;
        return Ok(found.into_iter().map(|p| (p, true)).collect());
    }
    if path.exists() {
        return Ok(vec![(path.to_owned(), false)]);
    }
    let matches = glob::glob(input).map_err(|e| Error::usage(format!("'{input}' is not a pattern: {e}")))?;
    let mut found = Vec::new();
    for entry in matches {
        let entry = entry.map_err(|e| Error::io(e.to_string()))?;
        if entry.is_dir() {
            walk(&entry, &mut found)?;
        } else {
            found.push(entry);
        }
    }
    if found.is_empty() {
        return Err(
            Error::usage(format!("nothing is there: {input}")).advise("name a file, a folder or a pattern")
        );
    }
    Ok(found.into_iter().map(|p| (p, true)).collect())
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let hidden = path
            .file_name()
            .and_then(|n| n.to_str())
            .is_some_and(|n| n.starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            walk(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

fn look(path: PathBuf, found: bool) -> Result<Input> {
    let mut file = File::open(&path)?;
    let meta = file.metadata()?;
    let modified = meta
        .modified()
        .ok()
        .and_then(|m| m.duration_since(std::time::UNIX_EPOCH).ok())
        .and_then(|d| i64::try_from(d.as_micros()).ok());
    let mut digest = Sha256::new();
    std::io::copy(&mut file, &mut HashWriter(&mut digest))?;
    Ok(Input {
        path: path.display().to_string(),
        place: Place::Local(path),
        bytes: meta.len(),
        hash: hex::encode(digest.finalize()),
        modified,
        found,
    })
}

struct HashWriter<'a>(&'a mut Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn fetch(text: &str, options: &HashMap<String, String>) -> Result<Input> {
    let failed = |e: String| Error::io(e).context(format!("reading {}", without_credentials(text)));
    let url = Url::parse(text).map_err(|e| failed(e.to_string()))?;
    let (store, path) =
        object_store::parse_url_opts(&url, options.clone()).map_err(|e| failed(e.to_string()))?;
    let object = store.get(&path).await.map_err(|e| failed(e.to_string()))?;
    let modified = object.meta.last_modified.timestamp_micros();
    let bytes = object.bytes().await.map_err(|e| failed(e.to_string()))?;
    Ok(Input {
        path: without_credentials(text),
        bytes: bytes.len() as u64,
        hash: hash::content_hash(&bytes),
        place: Place::Loaded(bytes),
        modified: Some(modified),
        found: false,
    })
}

fn without_credentials(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else {
        return text.split('?').next().unwrap_or_default().to_owned();
    };
    // Both fail only for URLs that cannot carry credentials at all.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.to_string()
}

impl Input {
    /// The name that recognition may look at, without the ending of a compressed file.
    pub(super) fn name(&self) -> &str {
        let name = self.path.rsplit(['/', '\\']).next().unwrap_or(&self.path);
        name.strip_suffix(".gz")
            .or_else(|| name.strip_suffix(".zst"))
            .unwrap_or(name)
    }

    /// The unpacked content, which may not exceed `limit` bytes.
    pub(super) fn open(&self, limit: u64) -> Result<Box<dyn Read + Send>> {
        let packed: Box<dyn Read + Send> = match &self.place {
            Place::Local(path) => Box::new(BufReader::new(File::open(path).context(self.path.clone())?)),
            Place::Loaded(bytes) => Box::new(Cursor::new(bytes.clone())),
        };
        unpack(packed, limit).context(self.path.clone())
    }

    /// The first bytes of the unpacked content; all of it where the format keeps its key at the end.
    pub(super) fn head(&self, limit: u64) -> Result<Vec<u8>> {
        let mut reader = self.open(limit)?;
        let mut head = Vec::new();
        reader
            .by_ref()
            .take(HEAD)
            .read_to_end(&mut head)
            .context(self.path.clone())?;
        if is_parquet(&head) {
            reader.read_to_end(&mut head).context(self.path.clone())?;
        }
        Ok(head)
    }
}

pub(super) fn is_parquet(head: &[u8]) -> bool {
    head.starts_with(b"PAR1")
}

fn unpack(mut packed: Box<dyn Read + Send>, limit: u64) -> std::io::Result<Box<dyn Read + Send>> {
    let mut magic = Vec::new();
    packed.by_ref().take(4).read_to_end(&mut magic)?;
    let whole = Cursor::new(magic.clone()).chain(packed);
    // By content, not by name: what is called .csv may well be packed.
    let plain: Box<dyn Read + Send> = if magic.starts_with(&[0x1f, 0x8b]) {
        Box::new(flate2::read::MultiGzDecoder::new(whole))
    } else if magic == [0x28, 0xb5, 0x2f, 0xfd] {
        Box::new(zstd::stream::read::Decoder::new(whole)?)
    } else {
        return Ok(Box::new(whole));
    };
    Ok(Box::new(BufReader::with_capacity(
        1 << 16,
        Limited {
            inner: plain,
            left: limit,
        },
    )))
}

/// A small file can unpack to anything: the limit turns a full disk or memory into an error.
struct Limited {
    inner: Box<dyn Read + Send>,
    left: u64,
}

impl Read for Limited {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            std::io::Error::other("unpacks to more than the limit; raise the limit if this is expected")
        })?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use std::io::Write;

    fn read(bytes: Vec<u8>, limit: u64) -> std::io::Result<Vec<u8>> {
        let mut out = Vec::new();
        unpack(Box::new(Cursor::new(bytes)), limit)?.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn unpacks_by_content_and_stops_at_the_limit() {
        let text = b"a,b\n1,2\n".repeat(1000);
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&text).unwrap();
        let gz = gz.finish().unwrap();
        assert_eq!(read(gz.clone(), 100_000).unwrap(), text);
        assert_eq!(
            read(zstd::encode_all(&text[..], 1).unwrap(), 100_000).unwrap(),
            text
        );
        assert_eq!(read(text.clone(), 1).unwrap(), text);
        assert!(read(gz, 100).unwrap_err().to_string().contains("limit"));
        assert_eq!(read(Vec::new(), 1).unwrap(), b"");
    }

    #[tokio::test]
    async fn folders_are_walked_and_hidden_files_left_out() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("b")).unwrap();
        for name in ["z.csv", "b/a.csv.gz", ".hidden"] {
            std::fs::write(dir.path().join(name), name).unwrap();
        }
        let root = dir.path().display().to_string();
        let files = expand(&[root.clone(), format!("{root}/*.csv")], &HashMap::new())
            .await
            .unwrap();
        let names: Vec<_> = files.iter().map(Input::name).collect();
        assert_eq!(names, ["a.csv", "z.csv"]);
        assert_eq!(files[1].hash, hash::content_hash(b"z.csv"));
        assert!(expand(&[format!("{root}/none*")], &HashMap::new()).await.is_err());
    }
}
