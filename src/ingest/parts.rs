//! Exports that come in parts: which files of a call a manifest lists, which of several runs counts, and what is
//! missing. A part is looked for among the files of the call and below the manifest's own folder, nowhere else.

use super::Options;
use super::input::{self, Input};
use crate::base::Result;
use crate::source::{MANIFEST_BYTES, Manifest, Part};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

/// How much of a file is looked at to see whether it is JSON at all, and before its whole text is.
const START: u64 = 64;
const HEAD: u64 = 256 << 10;

/// Missing parts that are named.
const NAMED: usize = 5;

/// One manifest that counts, and how its parts were found.
#[derive(Debug)]
pub(super) struct Export {
    pub(super) manifest: Input,
    /// `AWS report …, 2026-09-01 to 2026-09-30`.
    pub(super) title: String,
    pub(super) parts: usize,
    /// Why it cannot be delivered: the figures, and what to do.
    pub(super) trouble: Option<Trouble>,
    /// Folders that its parts lie in.
    folders: BTreeSet<String>,
}

#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) reason: String,
    pub(super) advice: String,
}

/// What a file is to the exports of its call.
#[derive(Debug)]
pub(super) enum Role {
    Loose,
    /// A part of the export of this number, with as many rows as its manifest says.
    Part(Listed),
    /// No part of what is delivered, and why.
    Aside(String),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Listed {
    pub(super) export: usize,
    pub(super) rows: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Sorted {
    /// Parts first, each kind in the order of paths.
    pub(super) files: Vec<(Input, Role)>,
    pub(super) exports: Vec<Export>,
    /// What is not read, such as manifests that do not count, and why.
    pub(super) aside: Vec<(Input, String)>,
}

impl Export {
    /// Does a file lie where the parts of this export lie, or below the manifest?
    pub(super) fn covers(&self, path: &str) -> bool {
        let own = folder(&self.manifest.path);
        self.folders.contains(folder(path))
            || (!own.is_empty()
                && path
                    .strip_prefix(own)
                    .is_some_and(|rest| rest.starts_with(['/', '\\'])))
    }
}

/// Finds the manifests among the files, and the parts of each.
pub(super) async fn sort(files: Vec<Input>, options: &Options) -> Result<Sorted> {
    let mut sorted = Sorted {
        files: Vec::new(),
        exports: Vec::new(),
        aside: Vec::new(),
    };
    let mut others = Vec::new();
    let mut manifests = Vec::new();
    for file in files {
        if let Some(why) = file.left_alone() {
            sorted.aside.push((file, why.to_owned()));
            continue;
        }
        match manifest(&file, options.unpack_limit)? {
            None => others.push(file),
            Some(Ok(manifest)) => manifests.push((file, manifest)),
            Some(Err(why)) => sorted.exports.push(Export {
                title: "the export".to_owned(),
                parts: 0,
                trouble: Some(Trouble {
                    reason: format!("the manifest {} cannot be followed: {why}", file.path),
                    advice: "fetch the export again, or name its files without the manifest".to_owned(),
                }),
                folders: BTreeSet::new(),
                manifest: file,
            }),
        }
    }
    for (file, manifest) in &manifests {
        if !file.found {
            others.extend(beside(file, manifest, &others, options).await?);
        }
    }
    others.sort_by(|a, b| a.path.cmp(&b.path));
    let verdicts: Vec<Verdict> = (0..manifests.len()).map(|at| verdict(at, &manifests)).collect();
    let mut roles: Vec<Role> = others.iter().map(|_| Role::Loose).collect();
    // Files of older runs first: a part that both runs list belongs to the newer one.
    for ((file, manifest), verdict) in manifests.iter().zip(&verdicts) {
        if let Verdict::Older(newer) = verdict {
            let title = title(manifest);
            for part in &manifest.parts {
                if let Some(at) = find(part, &file.path, &others) {
                    roles[at] = Role::Aside(format!("an older run of {title}: {newer} is newer"));
                }
            }
        }
    }
    for ((file, manifest), verdict) in manifests.into_iter().zip(verdicts) {
        match verdict {
            Verdict::Older(newer) => {
                let why = format!("{}: {newer} is newer and the one that counts", title(&manifest));
                sorted.aside.push((file, why));
            }
            Verdict::Copy(of) => sorted.aside.push((file, format!("it says the same as {of}"))),
            Verdict::Counts => sorted.exports.push({
                let at = sorted.exports.len();
                export(at, file, &manifest, &others, &mut roles, None)
            }),
            Verdict::Undecided(with) => sorted.exports.push({
                let trouble = Trouble {
                    reason: format!(
                        "{} and {with} are two runs of {}, and nothing says which one is newer",
                        file.path,
                        title(&manifest)
                    ),
                    advice: "name the folder of the newer run alone".to_owned(),
                };
                let at = sorted.exports.len();
                export(at, file, &manifest, &others, &mut roles, Some(trouble))
            }),
        }
    }
    let (parts, rest): (Vec<_>, Vec<_>) = others
        .into_iter()
        .zip(roles)
        .partition(|(_, role)| matches!(role, Role::Part(_)));
    sorted.files = parts.into_iter().chain(rest).collect();
    Ok(sorted)
}

/// The manifest that a file is, if it is one.
fn manifest(file: &Input, limit: u64) -> Result<Option<Result<Manifest, String>>> {
    if file.bytes > MANIFEST_BYTES {
        return Ok(None);
    }
    let mut text = Vec::new();
    // A file that cannot be opened or unpacked is told by whoever reads it as data.
    let Ok(mut reader) = file.open(limit) else {
        return Ok(None);
    };
    let begins = reader.by_ref().take(START).read_to_end(&mut text);
    if begins.is_err() || !Manifest::begins(&text) {
        return Ok(None);
    }
    let head = reader.by_ref().take(HEAD).read_to_end(&mut text);
    if head.is_err() || !Manifest::suspected(&text) {
        return Ok(None);
    }
    if reader.take(MANIFEST_BYTES).read_to_end(&mut text).is_err() {
        return Ok(None);
    }
    Ok(Manifest::read(&text))
}

/// The parts of a manifest that was named by itself: those that lie below its folder and were not named too.
async fn beside(
    file: &Input,
    manifest: &Manifest,
    others: &[Input],
    options: &Options,
) -> Result<Vec<Input>> {
    let own = Path::new(&file.path);
    let (false, Some(folder)) = (file.path.contains("://"), own.parent()) else {
        return Ok(Vec::new());
    };
    let root = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let Ok(real) = root.canonicalize() else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for part in &manifest.parts {
        if find(part, &file.path, others).is_some() {
            continue;
        }
        // The longest end of its key that is there: the tree of the store, or all files in one folder.
        let path = (0..part.key.len()).find_map(|from| {
            let path = folder.join(part.key[from..].iter().collect::<std::path::PathBuf>());
            let inside = path
                .canonicalize()
                .is_ok_and(|p| p.starts_with(&real) && p.is_file());
            inside.then_some(path)
        });
        if let Some(path) = path {
            let path = [path.display().to_string()];
            found.extend(input::expand(&path, &options.store_options, options.unpack_limit, &mut ()).await?);
        }
    }
    Ok(found)
}

enum Verdict {
    Counts,
    /// Another run of the same export and period is newer: this one.
    Older(String),
    /// The same manifest lies elsewhere, too.
    Copy(String),
    Undecided(String),
}

fn verdict(at: usize, all: &[(Input, Manifest)]) -> Verdict {
    let (file, manifest) = &all[at];
    let mut undecided = None;
    for (other, (twin_file, twin)) in all.iter().enumerate() {
        if other == at || !manifest.repeats(twin) {
            continue;
        }
        if twin.run == manifest.run && twin.parts == manifest.parts {
            // The one that lies higher up: AWS keeps a copy of the current manifest there.
            if (depth(&twin_file.path), &twin_file.path) < (depth(&file.path), &file.path) {
                return Verdict::Copy(twin_file.path.clone());
            }
            continue;
        }
        match newer(all, other, at) {
            Some(true) => return Verdict::Older(twin_file.path.clone()),
            Some(false) => {}
            None => undecided = Some(twin_file.path.clone()),
        }
    }
    undecided.map_or(Verdict::Counts, Verdict::Undecided)
}

/// Is the first of two runs the newer one? By the moment that they say, else by AWS's layout, in which the
/// current manifest lies above the folders of the runs, else by when the manifests were written.
fn newer(all: &[(Input, Manifest)], one: usize, two: usize) -> Option<bool> {
    let ((a_file, a), (b_file, b)) = (&all[one], &all[two]);
    if let (Some(a), Some(b)) = (&a.made, &b.made)
        && a != b
    {
        return Some(a > b);
    }
    if a.run != b.run {
        // The run whose manifest lies highest is the current one.
        let highest = |run: &str| {
            all.iter()
                .filter(|(_, m)| m.run == run && m.export == a.export && m.repeats(a))
                .map(|(file, _)| file)
                .min_by_key(|file| depth(&file.path))
        };
        if let (Some(x), Some(y)) = (highest(&a.run), highest(&b.run)) {
            let above = |x: &Input, y: &Input| {
                depth(&x.path) < depth(&y.path) && folder(&y.path).starts_with(folder(&x.path))
            };
            if above(x, y) {
                return Some(true);
            }
            if above(y, x) {
                return Some(false);
            }
        }
    }
    match (a_file.modified, b_file.modified) {
        (Some(a), Some(b)) if a != b => Some(a > b),
        _ => None,
    }
}

/// An export with its parts, which get their role; or with what is wrong with it.
fn export(
    at: usize,
    file: Input,
    manifest: &Manifest,
    others: &[Input],
    roles: &mut [Role],
    trouble: Option<Trouble>,
) -> Export {
    let mut missing = Vec::new();
    let mut differ = Vec::new();
    let mut folders = BTreeSet::new();
    let mut found: BTreeMap<usize, Listed> = BTreeMap::new();
    for part in &manifest.parts {
        let Some(input) = find(part, &file.path, others) else {
            missing.push(part);
            continue;
        };
        let there = &others[input];
        folders.insert(folder(&there.path).to_owned());
        if let Some(bytes) = part.bytes
            && bytes != there.bytes
            // What was unpacked, or is packed, may be counted otherwise; its rows are counted, too.
            && name(&there.path) == part.name()
            && !packed(part.name())
        {
            differ.push(format!("{} has {} bytes of {bytes}", part.name(), there.bytes));
        }
        found.insert(
            input,
            Listed {
                export: at,
                rows: part.rows,
            },
        );
    }
    for (input, listed) in found {
        roles[input] = Role::Part(listed);
    }
    let title = title(manifest);
    let trouble = trouble.or_else(|| lacking(&file.path, &title, manifest, &missing, &differ));
    Export {
        manifest: file,
        title,
        parts: manifest.parts.len(),
        trouble,
        folders,
    }
}

/// What is missing, in figures.
fn lacking(
    path: &str,
    title: &str,
    manifest: &Manifest,
    missing: &[&Part],
    differ: &[String],
) -> Option<Trouble> {
    if missing.is_empty() && differ.is_empty() {
        return None;
    }
    let listed = manifest.parts.len();
    let mut reason = format!("the manifest {path} of {title} lists {listed} parts");
    if !missing.is_empty() {
        reason.push_str(&format!(
            ", {} of them missing: {}",
            missing.len(),
            shortened(missing.iter().map(|p| p.key.join("/")).collect())
        ));
        let all = |figure: fn(&Part) -> Option<u64>| {
            let whole: Option<u64> = manifest.parts.iter().map(figure).sum();
            whole.zip(missing.iter().map(|p| figure(p)).sum::<Option<u64>>())
        };
        for (what, figures) in [("rows", all(|p| p.rows)), ("bytes", all(|p| p.bytes))] {
            if let Some((whole, lost)) = figures {
                reason.push_str(&format!("; {lost} of {whole} {what} are missing"));
            }
        }
    }
    if !differ.is_empty() {
        reason.push_str(&format!("; {}", shortened(differ.to_vec())));
    }
    Some(Trouble {
        reason,
        advice: "fetch what is missing (it may still be on its way) and name the folder that holds the manifest and \
            all its parts"
            .to_owned(),
    })
}

fn shortened(mut names: Vec<String>) -> String {
    let all = names.len();
    names.truncate(NAMED);
    let more = match all.saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    names.join(", ") + &more
}

/// The file that a part is: its key's last folders are its own, the more the better; or it lies beside the
/// manifest under its name.
fn find(part: &Part, manifest: &str, files: &[Input]) -> Option<usize> {
    let fits = |file: &Input| {
        let own = name(&file.path);
        let exact = own == part.name();
        if !exact && unpacked(part.name()) != own {
            return None;
        }
        let folders = folder(&file.path).rsplit(['/', '\\']);
        let shared = part
            .key
            .iter()
            .rev()
            .skip(1)
            .zip(folders)
            .take_while(|(a, b)| a == b)
            .count();
        let beside = folder(&file.path) == folder(manifest);
        let near = folder(&file.path)
            .split(['/', '\\'])
            .zip(folder(manifest).split(['/', '\\']))
            .take_while(|(a, b)| a == b)
            .count();
        (shared > 0 || beside).then_some((shared, beside, near, exact))
    };
    let ranked = files
        .iter()
        .enumerate()
        .filter_map(|(at, file)| Some((fits(file)?, std::cmp::Reverse(at))));
    ranked.max().map(|(_, at)| at.0)
}

fn title(manifest: &Manifest) -> String {
    format!("{}, {}", manifest.export, manifest.days())
}

fn depth(path: &str) -> usize {
    path.split(['/', '\\']).count()
}

fn folder(path: &str) -> &str {
    path.rfind(['/', '\\']).map_or("", |end| &path[..end])
}

fn name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

fn packed(name: &str) -> bool {
    unpacked(name) != name
}

fn unpacked(name: &str) -> &str {
    name.strip_suffix(".gz")
        .or_else(|| name.strip_suffix(".zst"))
        .unwrap_or(name)
}
