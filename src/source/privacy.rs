//! What of a source may become part of the lake. A mapping file says which fields are read at all: this is what
//! keeps prompts and answers out. Here what was read is held to what it is meant to be, in case a log carries
//! something else in its place: a name is short and stands in one line, a tag is no object, a key is hashed. Under
//! a key for user names, people are hashed wherever they turn up.

use super::column::{Column, Kind, Origin, Problems};
use crate::base::user_key::UserKey;
use crate::base::{Result, hash};
use crate::schema::{TableSchema, Ty};
use arrow::array::{Array, ArrayRef, AsArray, MapArray, StringArray};
use std::borrow::Cow;
use std::sync::Arc;

/// Tables of what was logged of single calls, where prompts and answers are near.
const PRIVATE: [&str; 2] = ["requests", "outcomes"];

/// Whether prompts and answers may be near.
pub(super) fn is_private(table: &TableSchema) -> bool {
    PRIVATE.contains(&table.name)
}

/// Columns that ingesting fills by itself, and those that hold hashes.
const OWN: [&str; 7] = [
    "source",
    "file_hash",
    "delivery_id",
    "charge_id",
    "billing_month",
    "user_hash",
    "api_key_hash",
];

/// The column of quality scores: numbers, or words such as "good".
const SCORES: &str = "scores";

/// Longest name of anything. Resource names of clouds have up to a few hundred characters.
const NAME_BYTES: usize = 1_024;

/// Names of one column that are remembered as fine.
const FINE: usize = 16;

/// Longest key or value of a tag.
const TAG_BYTES: usize = 512;

/// What of a refused value may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    /// Its beginning.
    Beginning,
    /// A number, a time, or a single short word: not what a person wrote.
    Plain,
    /// A number or a time.
    Numbers,
}

impl Show {
    pub(super) fn of(table: &TableSchema, users: Option<&UserKey>) -> Show {
        match users {
            Some(_) => Show::Numbers,
            None if PRIVATE.contains(&table.name) => Show::Plain,
            None => Show::Beginning,
        }
    }

    /// The value as it may be shown and kept.
    pub(super) fn value(self, value: &str) -> String {
        let text = value.trim();
        let number = |c: char| c.is_ascii_digit() || "+-.,:/%$€£ TZeE".contains(c);
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let numeric = text.len() <= 64 && text.chars().all(number) && (digits > 0 || text.is_empty());
        let word = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
        let plain =
            (text.len() <= 24 && text.chars().all(word)) || (text.len() <= 40 && digits * 3 >= text.len());
        let kept = match self {
            Show::Beginning => true,
            Show::Plain => numeric || plain,
            Show::Numbers => numeric,
        };
        if !kept || is_secret(text) {
            return format!("({} characters, not shown)", value.chars().count());
        }
        value.chars().take(200).collect()
    }
}

/// The text of an error without what it quotes: a failed cast names the value.
pub(super) fn unquoted(text: &str) -> String {
    let mut parts = text.split(['\'', '"', '`']);
    let mut plain = parts.next().unwrap_or_default().to_owned();
    while let (Some(_), after) = (parts.next(), parts.next()) {
        plain.push('…');
        plain.push_str(after.unwrap_or_default());
    }
    plain
}

/// Beginnings of keys that producers hand out, as far as they can be told from other words.
const KEYS: [&str; 22] = [
    "sk-",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "pk_live_",
    "AKIA",
    "ASIA",
    "AIza",
    "ya29.",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "hf_",
    "gsk_",
    "r8_",
    "nvapi-",
    "pplx-",
    "xai-",
];

/// Whether a text holds a key or a token.
pub(super) fn is_secret(text: &str) -> bool {
    text.len() >= 16 && may_be_secret(text.as_bytes()) && has_secret(text)
}

/// What words are made of, of which keys are some.
#[inline]
fn is_part(byte: u8) -> bool {
    // Without branches: this is asked of every byte of every name.
    ((byte | 0x20).wrapping_sub(b'a') < 26)
        | (byte.wrapping_sub(b'0') < 10)
        | (byte == b'-')
        | (byte == b'_')
        | (byte == b'.')
}

/// Whether a text is a single word.
#[inline]
fn is_word(text: &[u8]) -> bool {
    text.iter().fold(true, |word, byte| word & is_part(*byte))
}

/// Whether any word begins like a key, or like what stands before one. Nearly all names are done with here.
fn may_be_secret(text: &[u8]) -> bool {
    if is_word(text) {
        return begins_like_a_secret(text);
    }
    let mut inside = false;
    for (at, byte) in text.iter().enumerate() {
        let part = is_part(*byte);
        if part && !inside && begins_like_a_secret(&text[at..]) {
            return true;
        }
        inside = part;
    }
    false
}

/// Sorts out by its first three bytes nearly every word that begins like no key.
#[inline]
fn begins_like_a_secret(word: &[u8]) -> bool {
    const fn place(beginning: &[u8]) -> usize {
        // Without regard to case.
        let (a, b, c) = (beginning[0] | 0x20, beginning[1] | 0x20, beginning[2] | 0x20);
        (a as usize * 181 + b as usize * 31 + c as usize) & 1023
    }
    static BEGINS: [bool; 1024] = {
        let mut begins = [false; 1024];
        let mut at = 0;
        while at < KEYS.len() {
            begins[place(KEYS[at].as_bytes())] = true;
            at += 1;
        }
        at = 0;
        while at < OTHERS.len() {
            begins[place(OTHERS[at].as_bytes())] = true;
            at += 1;
        }
        begins
    };
    word.len() >= 3 && BEGINS[place(word)] && begins_like_one(word)
}

/// How tokens and the words before them begin.
const OTHERS: [&str; 3] = ["eyJ", "bearer", "basic"];

fn begins_like_one(word: &[u8]) -> bool {
    OTHERS.iter().chain(&KEYS).any(|with| {
        let start = word.get(..with.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()))
    })
}

fn has_secret(text: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut after_scheme = false;
    text.split(|c| !part(c))
        .filter(|word| !word.is_empty())
        .any(|word| {
            let token = after_scheme && word.len() >= 8;
            after_scheme = word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("basic");
            let key = KEYS
                .iter()
                .any(|key| word.strip_prefix(key).is_some_and(|rest| rest.len() >= 12));
            token || key || (word.len() >= 30 && word.starts_with("eyJ") && word.contains('.'))
        })
}

/// People, and how they are called instead.
pub(super) struct People<'a> {
    key: &'a UserKey,
    /// The fields that name the user of a row.
    fields: Vec<&'a StringArray>,
}

impl<'a> People<'a> {
    pub(super) fn new(
        key: &'a UserKey,
        columns: &[Column],
        field: impl Fn(usize) -> &'a StringArray,
    ) -> People<'a> {
        let user = columns.iter().find(|column| column.name == "user_hash");
        let slots = match user.map(|column| &column.kind) {
            Some(Kind::Value(Origin::Fields(slots))) => slots.as_slice(),
            _ => &[],
        };
        People {
            key,
            fields: slots.iter().map(|slot| field(*slot)).collect(),
        }
    }

    fn of(&self, row: usize) -> impl Iterator<Item = &'a str> {
        let valid = self.fields.iter().filter(move |field| field.is_valid(row));
        valid
            .map(move |field| field.value(row).trim())
            .filter(|name| !name.is_empty())
    }

    /// A name of something, unless it is the name of somebody.
    fn renamed(&self, text: &str, row: usize) -> Option<String> {
        if self.of(row).any(|name| name == text.trim()) {
            return Some(self.key.hash(text));
        }
        self.without_addresses(text)
    }

    /// A tag, less the people in it.
    fn untagged(&self, name: &str, text: &str, row: usize) -> Option<String> {
        if text.trim().is_empty() {
            return None;
        }
        if names_people(name) {
            return Some(self.key.hash(text));
        }
        let mut changed = self.renamed(text, row);
        for name in self.of(row).filter(|name| name.len() >= 4) {
            let now = changed.as_deref().unwrap_or(text);
            if now.contains(name) {
                changed = Some(now.replace(name, &self.key.hash(name)));
            }
        }
        changed
    }

    /// E-mail addresses are people wherever they stand.
    fn without_addresses(&self, text: &str) -> Option<String> {
        if !text.contains('@') {
            return None;
        }
        let part = |c: char| c.is_alphanumeric() || "@._%+-".contains(c);
        let mut changed = None;
        for word in text.split(|c| !part(c)).map(|word| word.trim_matches('.')) {
            if is_address(word) {
                let now: &str = changed.as_deref().unwrap_or(text);
                changed = Some(now.replace(word, &self.key.hash(word)));
            }
        }
        changed
    }
}

fn is_address(word: &str) -> bool {
    word.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && host.contains('.') && !host.contains('@') && !host.starts_with('.')
    })
}

/// Whether a tag of this name holds somebody: `user_id`, `enduser.id`, `aws:createdBy`, `owner-email`.
fn names_people(tag: &str) -> bool {
    let plain: String = tag
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    [
        "user",
        "userid",
        "username",
        "useremail",
        "email",
        "mail",
        "createdby",
        "login",
        "customerid",
    ]
    .iter()
    .any(|end| plain.ends_with(end))
}

/// What becomes of a text.
enum Verdict {
    Fine,
    No(&'static str),
    Instead(String),
}

/// Holds the columns of a chunk to what they are meant to be.
pub(super) fn cleanse(
    table: &TableSchema,
    columns: &mut [ArrayRef],
    people: Option<&People<'_>>,
    problems: &mut Problems,
) -> Result<()> {
    let private = is_private(table);
    for (column, array) in table.columns.iter().zip(columns) {
        match column.ty {
            Ty::Text if !OWN.contains(&column.name) && (private || people.is_some()) => {
                let texts = array.as_string::<i32>().clone();
                if people.is_none() && are_plain_words(&texts) {
                    continue;
                }
                let mut instead: Vec<(usize, String)> = Vec::new();
                // Names come again; whether one is somebody's depends on its row.
                let mut fine: Vec<&str> = Vec::new();
                for row in (0..texts.len()).filter(|row| texts.is_valid(*row)) {
                    if fine.contains(&texts.value(row)) {
                        continue;
                    }
                    match name(texts.value(row), row, private, people) {
                        Verdict::Fine if people.is_none() && fine.len() < FINE => fine.push(texts.value(row)),
                        Verdict::Fine => {}
                        Verdict::No(reason) => {
                            problems.add(row, column.name, Some(texts.value(row)), reason.to_owned());
                        }
                        Verdict::Instead(text) => instead.push((row, text)),
                    }
                }
                if !instead.is_empty() {
                    let mut new: Vec<Option<Cow<'_, str>>> =
                        texts.iter().map(|t| t.map(Cow::Borrowed)).collect();
                    for (row, text) in instead {
                        new[row] = Some(Cow::Owned(text));
                    }
                    *array = Arc::new(new.into_iter().collect::<StringArray>());
                }
            }
            Ty::Tags => {
                if let Some(new) = tags(array.as_map(), private, column.name == SCORES, people)? {
                    *array = new;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether all texts are single words, none of which could be a key. They are looked at as if they were one text: most
/// columns are done with here.
fn are_plain_words(texts: &StringArray) -> bool {
    let (bytes, ends) = (texts.value_data(), texts.value_offsets());
    let (Some(first), Some(last)) = (ends.first(), ends.last()) else {
        return true;
    };
    let mut words = ends
        .iter()
        .zip(&ends[1..])
        .map(|(from, to)| &bytes[*from as usize..*to as usize]);
    is_word(&bytes[*first as usize..*last as usize])
        && words.all(|word| word.len() <= NAME_BYTES && !begins_like_a_secret(word))
}

fn name(text: &str, row: usize, private: bool, people: Option<&People<'_>>) -> Verdict {
    let plain =
        text.len() <= NAME_BYTES && is_word(text.as_bytes()) && !begins_like_a_secret(text.as_bytes());
    if private && !plain {
        if text.len() > NAME_BYTES {
            return Verdict::No("too long for a name");
        }
        if memchr::memchr2(b'\n', b'\r', text.as_bytes()).is_some() {
            return Verdict::No("a name stands in one line");
        }
        if is_nested(text) {
            return Verdict::No("a name is no object");
        }
        if is_secret(text) {
            return Verdict::Instead(hash::pseudonym(text));
        }
    }
    match people.and_then(|people| people.renamed(text, row)) {
        Some(text) => Verdict::Instead(text),
        None => Verdict::Fine,
    }
}

/// Whether a text is an object or a list of JSON: nobody says what may stand in there.
fn is_nested(text: &str) -> bool {
    text.starts_with(['{', '['])
}

/// Tags as they may be stored; nothing where they may be as they are.
fn tags(
    map: &MapArray,
    private: bool,
    scores: bool,
    people: Option<&People<'_>>,
) -> Result<Option<ArrayRef>> {
    let (keys, values) = (map.keys().as_string::<i32>(), map.values().as_string::<i32>());
    let offsets = map.offsets();
    let fine = |row: usize| {
        (offsets[row] as usize..offsets[row + 1] as usize).all(|at| {
            let value = values.is_valid(at).then(|| values.value(at));
            (!scores || value.is_none_or(|value| Show::Plain.value(value) == value))
                && pair(keys.value(at), value, row, private, people).is_none()
        })
    };
    if (0..map.len()).all(fine) {
        return Ok(None);
    }
    let mut rows = Vec::with_capacity(map.len());
    for row in 0..map.len() {
        let mut pairs: Vec<(Cow<'_, str>, Option<Cow<'_, str>>)> = Vec::new();
        for at in offsets[row] as usize..offsets[row + 1] as usize {
            let key = keys.value(at);
            let value = values.is_valid(at).then(|| values.value(at));
            // A judge may have written prose where a score should be.
            if scores && value.is_some_and(|value| Show::Plain.value(value) != value) {
                pairs.push((key.into(), None));
                continue;
            }
            match pair(key, value, row, private, people) {
                None => pairs.push((key.into(), value.map(Cow::Borrowed))),
                Some(pair) => {
                    pairs.extend(pair.map(|(key, value)| (Cow::Owned(key), value.map(Cow::Owned))));
                }
            }
        }
        rows.push(pairs);
    }
    let mut builder = super::tags::TagsBuilder::default();
    for pairs in &rows {
        builder.append(pairs)?;
    }
    Ok(Some(Arc::new(builder.finish()?)))
}

type Pair = (String, Option<String>);

/// What becomes of a tag: `None`, it stays; `Some(None)`, it goes; else another tag.
fn pair(
    key: &str,
    value: Option<&str>,
    row: usize,
    private: bool,
    people: Option<&People<'_>>,
) -> Option<Option<Pair>> {
    let unfit =
        |text: &str| private && (text.len() > TAG_BYTES || text.contains(['\n', '\r']) || is_nested(text));
    if unfit(key) {
        return Some(None);
    }
    let hidden = |text: &str| is_secret(text).then(|| hash::pseudonym(text));
    // What is in front of a colon is part of the same text.
    if value.is_some_and(unfit) {
        return Some(None);
    }
    let named = |text: &str| people.and_then(|people| people.untagged("", text, row));
    let new_key = hidden(key).or_else(|| named(key));
    let new_value = value.and_then(|value| {
        hidden(value).or_else(|| people.and_then(|people| people.untagged(key, value, row)))
    });
    if new_key.is_none() && new_value.is_none() {
        return None;
    }
    let value = new_value.or(value.map(str::to_owned));
    Some(Some((new_key.unwrap_or_else(|| key.to_owned()), value)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::base::secret::SecretString;

    #[test]
    fn keys_are_told_from_words() {
        for secret in [
            "sk-proj-abcdefghijklmnop",
            "Authorization: Bearer abcdefgh12345",
            "x=AKIAIOSFODNN7EXAMPLE",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.x",
        ] {
            assert!(is_secret(secret), "{secret}");
        }
        for word in [
            "sk-short",
            "gpt-4o-mini-2024-07-18",
            "0123456789abcdef0123456789abcdef",
            "bearer of news",
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.anthropic",
        ] {
            assert!(!is_secret(word), "{word}");
        }
    }

    proptest::proptest! {
        /// Whoever has no word that begins like a key has no key.
        #[test]
        fn the_first_look_misses_no_secret(
            before in "[ a-z:=\"/é]{0,12}",
            start in "(sk-|sk_live_|AKIA|ya29\\.|ghp_|r8_|hf_|eyJ|bearer |Basic |BEARER: |key )",
            rest in "[A-Za-z0-9._-]{0,40}",
            any in ".{0,60}",
        ) {
            for text in [format!("{before}{start}{rest}"), format!("{start}{any}"), any.clone()] {
                let found = text.len() >= 16 && has_secret(&text);
                proptest::prop_assert_eq!(is_secret(&text), found, "{}", text);
            }
        }
    }

    #[test]
    fn a_column_is_plain_when_each_of_its_texts_is() {
        let long = "x".repeat(NAME_BYTES + 1);
        for (texts, plain) in [
            (vec![], true),
            (vec![None, Some("")], true),
            (vec![Some("gpt-5"), None, Some("chatcmpl-1"), Some("0.5_b")], true),
            (vec![Some("gpt-5"), Some("two words")], false),
            (vec![Some("gpt-5"), Some("{")], false),
            (vec![Some("gpt-5\n")], false),
            (vec![Some("é")], false),
            (vec![Some("gpt-5"), Some("sk-proj-abcdefghijklmnop")], false),
            (vec![Some("basic"), Some("abcdefghijklmnop")], false),
            (vec![Some(long.as_str())], false),
        ] {
            let texts = StringArray::from(texts);
            assert_eq!(are_plain_words(&texts), plain, "{texts:?}");
            let tail = texts.slice(texts.len().min(1), texts.len().saturating_sub(1));
            assert!(!plain || are_plain_words(&tail), "{texts:?}");
        }
    }

    #[test]
    fn of_a_refused_value_no_prose_is_kept() {
        for (value, beginning, plain, numbers) in [
            ("12,50", true, true, true),
            ("2026-09-14T25:00:00Z", true, true, true),
            ("perhaps", true, true, false),
            ("14 Sep 2026 10:61:00", true, true, false),
            ("Tell me about it", true, false, false),
            ("sk-proj-abcdefghijklmnop", false, false, false),
        ] {
            for (show, kept) in [
                (Show::Beginning, beginning),
                (Show::Plain, plain),
                (Show::Numbers, numbers),
            ] {
                assert_eq!(show.value(value) == value, kept, "{value} {show:?}");
            }
        }
        assert_eq!(Show::Plain.value("Tell me"), "(7 characters, not shown)");
        assert_eq!(
            unquoted("Cannot cast string 'my secret' to Int64"),
            "Cannot cast string … to Int64"
        );
        assert_eq!(unquoted("it's"), "it…");
    }

    #[test]
    fn people_are_hashed_wherever_they_turn_up() {
        let key = UserKey::new(SecretString::new("k".into())).unwrap();
        let field = StringArray::from(vec![Some("alice"), None]);
        let people = People {
            key: &key,
            fields: vec![&field],
        };
        let hash = |name: &str| Some(key.hash(name));
        assert_eq!(people.renamed("alice", 0), hash("alice"));
        assert_eq!(people.renamed("alice", 1), None);
        assert_eq!(people.renamed("malice-1", 0), None);
        assert_eq!(
            people.renamed("role/bob@example.com.", 1),
            Some(format!("role/{}.", key.hash("bob@example.com")))
        );
        assert_eq!(people.untagged("aws:createdBy", "x", 1), hash("x"));
        assert_eq!(
            people.untagged("path", "home/alice/x", 0),
            Some(format!("home/{}/x", key.hash("alice")))
        );
        assert_eq!(people.untagged("team", "cx", 0), None);
    }
}
