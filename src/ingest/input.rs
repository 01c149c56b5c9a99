//! What the user named, as a list of files: paths, folders, globs, object URLs; hashed and unpacked.

use super::Progress;
use super::pump::Pump;
use super::remote::{self, Fetched};
use crate::base::error::Context;
use crate::base::hash::FileHash;
use crate::base::{Error, Result};
use bytes::Bytes;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fmt::Display;
use std::fs::File;
use std::io::{BufReader, Cursor, ErrorKind, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use tempfile::TempPath;
use url::Url;

/// How much of a file is looked at to recognise its format.
const HEAD: u64 = 256 * 1024;

/// Longest file that is read whole.
const WHOLE: u64 = 2 << 30;

/// A packed file may unpack to so many times its size, and to this much in any case. Bills and logs pack to a
/// tenth or a fiftieth.
const MOST_RATIO: u64 = 500;
const ALWAYS: u64 = 64 << 20;

/// A packed file of this size is worth a thread.
const LONG: u64 = 256 << 10;

/// One file that was named or found.
#[derive(Debug, Clone)]
pub(super) struct Input {
    /// Path or URL as it is shown and recorded, without credentials.
    pub(super) path: String,
    place: Place,
    /// Size of the file as it lies there.
    pub(super) bytes: u64,
    /// BLAKE3 of the file as it lies there.
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
    Fetched(Arc<TempPath>),
    /// Not opened, and why.
    LeftAlone(&'static str),
}

impl From<Fetched> for Input {
    fn from(file: Fetched) -> Input {
        Input {
            path: file.path,
            place: Place::Fetched(file.file),
            bytes: file.bytes,
            hash: file.hash,
            modified: file.modified,
            found: file.found,
        }
    }
}

/// Every input once, in order of its path.
pub(super) async fn expand(
    inputs: &[String],
    store_options: &HashMap<String, String>,
    limit: u64,
    progress: &mut dyn Progress,
) -> Result<Vec<Input>> {
    // Two names that are no text may look the same.
    let mut files: BTreeMap<(String, OsString), Input> = BTreeMap::new();
    for input in inputs {
        if remote::is_address(input) {
            for file in remote::fetch(input, store_options, limit, progress).await? {
                files
                    .entry((file.path.clone(), OsString::new()))
                    .or_insert_with(|| file.into());
            }
            continue;
        }
        let path = match input.starts_with("file://") {
            true => of_url(input)?,
            false => input.clone(),
        };
        for found in local(&path)? {
            let shown = found.path.display().to_string();
            match files.entry((shown, found.path.clone().into_os_string())) {
                Entry::Vacant(entry) => {
                    let file = look(found).context(entry.key().0.clone())?;
                    entry.insert(file);
                }
                // Found in a folder and named, too: it is meant.
                Entry::Occupied(mut entry) if !found.found => {
                    let file = look(found).context(entry.key().0.clone())?;
                    entry.insert(file);
                }
                Entry::Occupied(_) => {}
            }
        }
    }
    Ok(files.into_values().collect())
}

/// The path that a `file://` URL names. A host in it is another machine, or a slip.
fn of_url(input: &str) -> Result<String> {
    let wrong = |why: &str| {
        Error::usage(format!("'{input}' {why}")).advise("write file:///absolute/path, or the path alone")
    };
    let url = Url::parse(input).map_err(|e| wrong(&format!("is no URL: {e}")))?;
    if url.host_str().is_some_and(|host| host != "localhost") {
        return Err(wrong("names a file of another machine"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("has a part behind its path"));
    }
    let path = url.to_file_path().map_err(|()| wrong("names no file"))?;
    path.into_os_string()
        .into_string()
        .map_err(|_| wrong("names a file whose name is no text"))
}

/// A path, and how it came here.
struct Found {
    path: PathBuf,
    /// Found in a folder or by a pattern, not named.
    found: bool,
    /// Why it is not opened.
    left: Option<&'static str>,
}

impl Found {
    fn by_chance(path: PathBuf) -> Found {
        Found {
            path,
            found: true,
            left: None,
        }
    }
}

fn local(input: &str) -> Result<Vec<Found>> {
    let path = Path::new(input);
    let mut found = Vec::new();
    if path.is_dir() {
        walk(path, &root(path)?, &mut found)?;
        return Ok(found);
    }
    if path.exists() {
        found.push(Found {
            found: false,
            ..Found::by_chance(path.to_owned())
        });
        return Ok(found);
    }
    let nothing =
        || Error::usage(format!("nothing is there: {input}")).advise("name a file, a folder or a pattern");
    if !input.contains(['*', '?', '[']) {
        return Err(nothing());
    }
    let not_a_pattern = |e: &dyn Display| Error::usage(format!("'{input}' is not a pattern: {e}"));
    if input.contains("**") {
        // Folders at any depth are walked as a named folder is: links are not followed round and round.
        let pattern = glob::Pattern::new(input).map_err(|e| not_a_pattern(&e))?;
        let plain = |part: &Component<'_>| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']);
        let mut base: PathBuf = path.components().take_while(plain).collect();
        if base.as_os_str().is_empty() {
            base.push(".");
        }
        let options = glob::MatchOptions {
            require_literal_separator: true,
            ..glob::MatchOptions::new()
        };
        walk(&base, &root(&base)?, &mut found)?;
        found.retain(|f| pattern.matches_path_with(f.path.strip_prefix("./").unwrap_or(&f.path), options));
    } else {
        for entry in glob::glob(input).map_err(|e| not_a_pattern(&e))? {
            let entry = entry.map_err(|e| Error::io(e.to_string()))?;
            if entry.is_dir() {
                walk(&entry, &root(&entry)?, &mut found)?;
            } else {
                let left = (!entry.is_file()).then_some(NO_FILE);
                found.push(Found {
                    left,
                    ..Found::by_chance(entry)
                });
            }
        }
    }
    if found.is_empty() {
        return Err(nothing());
    }
    Ok(found)
}

const NO_FILE: &str = "neither a file nor a folder, but a pipe, a socket, a device or a link to nothing";
const LINK_TO_FOLDER: &str = "a link to a folder, which is not followed: name that folder itself";
const LINK_OUT: &str = "a link that leads out of the folder, which is not followed: name the file itself";

fn root(folder: &Path) -> Result<PathBuf> {
    folder
        .canonicalize()
        .with_context(|| folder.display().to_string())
}

/// Everything below a folder. Links count where they name a file of the same folder; whoever can place a link
/// there must not have other files read, nor the same ones for ever.
fn walk(folder: &Path, root: &Path, found: &mut Vec<Found>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry.with_context(|| folder.display().to_string())?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        let kind = entry.file_type().with_context(|| path.display().to_string())?;
        if kind.is_dir() {
            // A table of a lake, most likely our own, is not what somebody sent.
            if !path.join("_delta_log").is_dir() {
                walk(&path, root, found)?;
            }
            continue;
        }
        let left = if kind.is_file() {
            None
        } else if kind.is_symlink() {
            match path.canonicalize() {
                Ok(target) if target.is_dir() => Some(LINK_TO_FOLDER),
                Ok(target) if target.is_file() => (!target.starts_with(root)).then_some(LINK_OUT),
                _ => Some(NO_FILE),
            }
        } else {
            Some(NO_FILE)
        };
        found.push(Found {
            left,
            ..Found::by_chance(path)
        });
    }
    Ok(())
}

fn look(found: Found) -> Result<Input> {
    let Found { path, found, left } = found;
    let mut input = Input {
        path: path.display().to_string(),
        place: Place::Local(path.clone()),
        bytes: 0,
        hash: String::new(),
        modified: None,
        found,
    };
    if let Some(why) = left {
        input.place = Place::LeftAlone(why);
        return Ok(input);
    }
    // Opening a pipe waits for its other end.
    let meta = std::fs::metadata(&path)?;
    if !meta.is_file() {
        return Err(
            Error::usage("it is a pipe, a socket or a device, and a file is read twice")
                .advise("write its content to a file and name that"),
        );
    }
    input.bytes = meta.len();
    input.modified = meta
        .modified()
        .ok()
        .and_then(|m| m.duration_since(std::time::UNIX_EPOCH).ok())
        .and_then(|d| i64::try_from(d.as_micros()).ok());
    input.hash = FileHash::of_file(&path)?;
    Ok(input)
}

impl Input {
    /// Content that was fetched: nobody knows when it was last changed.
    pub(super) fn loaded(loaded: super::Loaded) -> Input {
        Input {
            path: loaded.name,
            bytes: loaded.bytes.len() as u64,
            hash: FileHash::of(&loaded.bytes),
            place: Place::Loaded(loaded.bytes),
            modified: None,
            found: false,
        }
    }

    /// The name that recognition may look at, without the ending of a compressed file.
    pub(super) fn name(&self) -> &str {
        let name = self.path.rsplit(['/', '\\']).next().unwrap_or(&self.path);
        name.strip_suffix(".gz")
            .or_else(|| name.strip_suffix(".zst"))
            .unwrap_or(name)
    }

    /// The unpacked content, which may not exceed `limit` bytes. What is packed and long is unpacked by another thread.
    pub(super) fn open(&self, limit: u64) -> Result<Box<dyn Read + Send>> {
        let (content, packed) = self.content(limit)?;
        if packed && self.bytes >= LONG {
            return Ok(Box::new(Pump::new(content).context(self.path.clone())?));
        }
        Ok(content)
    }

    /// The unpacked content, and whether it was packed.
    fn content(&self, limit: u64) -> Result<(Box<dyn Read + Send>, bool)> {
        let packed: Box<dyn Read + Send> = match &self.place {
            Place::Local(path) => Box::new(BufReader::new(File::open(path).context(self.path.clone())?)),
            Place::Loaded(bytes) => Box::new(Cursor::new(bytes.clone())),
            Place::Fetched(path) => Box::new(BufReader::new(
                File::open(path.as_ref()).context(self.path.clone())?,
            )),
            Place::LeftAlone(why) => return Err(Error::data(*why).context(self.path.clone())),
        };
        unpack(
            packed,
            limit.min(self.bytes.saturating_mul(MOST_RATIO).max(ALWAYS)),
        )
        .context(self.path.clone())
    }

    /// Why it is not opened, if it is not.
    pub(super) fn left_alone(&self) -> Option<&'static str> {
        match self.place {
            Place::LeftAlone(why) => Some(why),
            Place::Local(_) | Place::Loaded(_) | Place::Fetched(_) => None,
        }
    }

    /// The first bytes of the unpacked content; all of it where the format keeps its key at the end.
    pub(super) fn head(&self, limit: u64) -> Result<Vec<u8>> {
        let (mut reader, _) = self.content(limit)?;
        let mut head = Vec::new();
        match reader.by_ref().take(HEAD).read_to_end(&mut head) {
            // What was packed may break off: the format is told from what is there.
            Err(e) if e.kind() == ErrorKind::UnexpectedEof && !is_parquet(&head) => return Ok(head),
            read => read.context(self.path.clone())?,
        };
        if is_parquet(&head) {
            head = whole(head, reader).context(self.path.clone())?;
        }
        Ok(head)
    }
}

/// All of a file that has to be in memory whole.
pub(super) fn whole(mut head: Vec<u8>, rest: impl Read) -> Result<Vec<u8>> {
    let read = rest.take(WHOLE).read_to_end(&mut head);
    if matches!(&read, Err(e) if e.kind() == ErrorKind::UnexpectedEof) {
        return Err(Error::data("the packed file breaks off before its end").advise("fetch it again"));
    }
    read?;
    if head.len() as u64 >= WHOLE {
        return Err(Error::data(format!(
            "a Parquet file of more than {} GiB is not read",
            WHOLE >> 30
        ))
        .advise("write it in parts and deliver the folder"));
    }
    Ok(head)
}

pub(super) fn is_parquet(head: &[u8]) -> bool {
    head.starts_with(b"PAR1")
}

/// The content, and whether it was packed.
fn unpack(mut packed: Box<dyn Read + Send>, limit: u64) -> std::io::Result<(Box<dyn Read + Send>, bool)> {
    let mut magic = Vec::new();
    packed.by_ref().take(4).read_to_end(&mut magic)?;
    let whole = Cursor::new(magic.clone()).chain(packed);
    // By content, not by name: what is called .csv may well be packed.
    let plain: Box<dyn Read + Send> = if magic.starts_with(&[0x1f, 0x8b]) {
        Box::new(flate2::read::MultiGzDecoder::new(whole))
    } else if magic == [0x28, 0xb5, 0x2f, 0xfd] {
        Box::new(zstd::stream::read::Decoder::new(whole)?)
    } else {
        return Ok((Box::new(whole), false));
    };
    let limited = Limited {
        inner: plain,
        left: limit,
    };
    Ok((Box::new(BufReader::with_capacity(1 << 16, limited)), true))
}

/// A small file can unpack to anything: the limit turns a full disk or memory into an error.
struct Limited {
    inner: Box<dyn Read + Send>,
    left: u64,
}

impl Read for Limited {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer).map_err(|e| match e.kind() {
            // It ends too early: what came until then is good. All else is not to be trusted.
            ErrorKind::UnexpectedEof | ErrorKind::Interrupted => e,
            _ if e.raw_os_error().is_some() => e,
            _ => std::io::Error::new(
                ErrorKind::InvalidData,
                format!("the packed data is damaged, and nothing of it can be trusted ({e}); fetch it again"),
            ),
        })?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            std::io::Error::other(
                "unpacks to more than the limit for a file of its size; if that is expected, unpack it yourself",
            )
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
        unpack(Box::new(Cursor::new(bytes)), limit)?
            .0
            .read_to_end(&mut out)?;
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
        std::fs::create_dir_all(dir.path().join("lake/charges/_delta_log")).unwrap();
        for name in ["z.csv", "b/a.csv.gz", ".hidden", "lake/charges/part.parquet"] {
            std::fs::write(dir.path().join(name), name).unwrap();
        }
        let root = dir.path().display().to_string();
        let files = expand(
            &[root.clone(), format!("{root}/*.csv")],
            &HashMap::new(),
            u64::MAX,
            &mut (),
        )
        .await
        .unwrap();
        let names: Vec<_> = files.iter().map(Input::name).collect();
        assert_eq!(names, ["a.csv", "z.csv"]);
        assert_eq!(files[1].hash, FileHash::of(b"z.csv"));
        assert!(
            expand(&[format!("{root}/none*")], &HashMap::new(), u64::MAX, &mut ())
                .await
                .is_err()
        );
    }
}
