//! Objects that are written in texts, as gateways log their metadata: `"{\"usage\": {\"n\": 1}}"`. Such an object is read
//! where it stands, without its text being written out first, as long as its quotes are all that is escaped in it.
//! Anything else, and anything that is wrong, is left to those who read the text itself: this only ever says what
//! they would say.

use super::MAX_DEPTH;
use super::json_memory::{Leads, Skipped};
use super::json_path::Walk;
use super::json_scan::{begins, quote_or_backslash};

/// Objects in objects that are read in one text.
const DEPTH: usize = 16;

/// Longest value that is taken from here.
const LONGEST: usize = 64 << 10;

/// A cursor over what stands between the quotes of a text. `None` is: this is for others to read.
struct Inner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Inner<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn jump(&mut self, expected: &str) -> bool {
        let here = begins(self.text.as_bytes(), self.at, expected.as_bytes());
        if here {
            self.at += expected.len();
        }
        here
    }

    fn blanks(&mut self) {
        while self.byte() == Some(b' ') {
            self.at += 1;
        }
    }

    fn eat(&mut self, wanted: u8) -> Option<()> {
        self.blanks();
        (self.byte()? == wanted).then(|| self.at += 1)
    }

    /// A text between escaped quotes, in which nothing is escaped.
    #[inline]
    fn quoted(&mut self) -> Option<&'a str> {
        let inside = self.rest().strip_prefix("\\\"")?;
        let end = quote_or_backslash(inside.as_bytes())?;
        if !inside[end..].starts_with("\\\"") {
            return None;
        }
        self.at += end + 4;
        Some(&inside[..end])
    }

    /// A number, a truth, or null.
    fn scalar(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let number = |b: &u8| matches!(b, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
        let length = match rest.as_bytes().first()? {
            b'-' | b'0'..=b'9' => rest.bytes().position(|b| !number(&b))?,
            _ => ["null", "true", "false"]
                .iter()
                .find(|word| rest.starts_with(**word))?
                .len(),
        };
        self.at += length;
        Some(&rest[..length])
    }

    /// What stands before the value of an entry, and its key. Of an object without entries, nothing.
    fn entry(&mut self, first: bool) -> Option<Option<(&'a str, &'a str)>> {
        let from = self.at;
        self.eat(if first { b'{' } else { b',' })?;
        self.blanks();
        if first && self.byte()? == b'}' {
            self.at += 1;
            return Some(None);
        }
        let key = self.quoted()?;
        self.eat(b':')?;
        self.blanks();
        Some(Some((&self.text[from..self.at], key)))
    }

    fn skip(&mut self, known: &mut Skipped) -> Option<()> {
        match self.byte()? {
            b'\\' => self.quoted().map(|_| ()),
            b'{' | b'[' => {
                if let Some(length) = known.length(self.rest()) {
                    self.at += length;
                    return Some(());
                }
                let from = self.at;
                self.nested()?;
                known.learn(&self.text[from..self.at]);
                Some(())
            }
            _ => self.scalar().map(|_| ()),
        }
    }

    /// Steps over an object or a list.
    fn nested(&mut self) -> Option<()> {
        let mut open = [0_u8; MAX_DEPTH];
        let mut depth = 0;
        loop {
            let sign = |b: &u8| matches!(b, b'"' | b'\\' | b'{' | b'}' | b'[' | b']');
            self.at += self.rest().bytes().position(|b| sign(&b))?;
            match self.byte()? {
                b'\\' => {
                    self.quoted()?;
                    continue;
                }
                bracket @ (b'{' | b'[') => {
                    *open.get_mut(depth)? = bracket;
                    depth += 1;
                }
                // The text ends in the middle of its object.
                b'"' => return None,
                bracket => {
                    depth -= 1;
                    if open[depth] + 2 != bracket {
                        return None;
                    }
                }
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }
}

impl Walk<'_> {
    /// Reads the object that is written in a text. `text` begins behind the text's first quote and goes on to the
    /// end of the row. Gives how long the text is, with its last quote.
    pub(super) fn inner(&mut self, node: usize, text: &str) -> Option<usize> {
        let mut inner = Inner { text, at: 0 };
        self.inner_object(node, &mut inner, 0)?;
        inner.eat(b'"')?;
        Some(inner.at)
    }

    fn inner_object(&mut self, node: usize, inner: &mut Inner<'_>, depth: usize) -> Option<()> {
        if depth > DEPTH {
            return None;
        }
        let mut expected = 0;
        let mut first = true;
        loop {
            if !first && inner.byte()? == b'}' {
                inner.at += 1;
                return Some(());
            }
            let shape = &mut self.memory.inner[node];
            let at = match shape.next(expected, first, |before| inner.jump(before)) {
                Some(at) => at,
                None if !first && inner.rest().trim_start_matches(' ').starts_with('}') => {
                    return inner.eat(b'}');
                }
                None => {
                    let Some((before, key)) = inner.entry(first)? else {
                        return Some(());
                    };
                    let leads = self.trie.leads(node, key);
                    self.memory.inner[node].learn(expected, first, before, key, leads)?
                }
            };
            expected = at + 1;
            first = false;
            let entry = self.memory.inner[node].entry(at);
            match entry.leads {
                Leads::Node(child) => self.inner_value(child, inner, depth)?,
                Leads::Nowhere => inner.skip(&mut entry.skipped)?,
                // It adds up: nobody else could take it once more.
                Leads::Uncounted => return None,
            }
        }
    }

    fn inner_value(&mut self, node: usize, inner: &mut Inner<'_>, depth: usize) -> Option<()> {
        let (field, inside) = self.trie.place(node);
        match inner.byte()? {
            b'\\' => {
                let text = inner.quoted()?;
                if text.len() > LONGEST || (inside && text.trim_start().starts_with('{')) {
                    return None;
                }
                if let Some(field) = field {
                    self.cells.set(field, text);
                }
                Some(())
            }
            b'{' if inside && field.is_none() => self.inner_object(node, inner, depth + 1),
            b'{' | b'[' if inside || field.is_some() => None,
            b'{' | b'[' => inner.nested(),
            _ => {
                let raw = inner.scalar()?;
                match field {
                    Some(field) if raw == "null" => self.cells.unset(field),
                    Some(field) => self.cells.set(field, raw),
                    None => {}
                }
                Some(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::source::collect::Cells;
    use crate::source::json_memory::Memory;
    use crate::source::json_path::{ROOT, Trie, Walk};
    use proptest::prelude::*;

    const PATHS: [&str; 7] = ["m.a", "m.u.n", "m.u.d.x", "m.k", "m.s", "m.w.v", "q"];

    fn trie() -> Trie {
        let names = |all: &[&str]| all.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>();
        Trie::new(&names(&PATHS)).counting(&names(&["m.w"]), &[])
    }

    /// What is said where the object is no text.
    fn plainly(text: &str) -> Option<Vec<Option<String>>> {
        let mut cells = Cells::new(7);
        let row = format!("{{\"m\": {text}}}");
        trie().walk(ROOT, &row, &mut cells, None).ok()?;
        Some((0..7).map(|f| cells.get(f).map(str::to_owned)).collect())
    }

    fn where_it_stands(text: &str) -> (bool, Option<Vec<Option<String>>>) {
        let row = format!("{{\"m\": {}}}", serde_json::to_string(text).unwrap());
        let mut found = Vec::new();
        let trie = trie();
        let mut cells = Cells::new(7);
        // Twice: the second time by what the first one taught.
        for _ in 0..2 {
            cells.clear();
            let walked = trie.walk(ROOT, &row, &mut cells, None).ok();
            found.push(walked.map(|()| {
                (0..7)
                    .map(|f| cells.get(f).map(str::to_owned))
                    .collect::<Vec<_>>()
            }));
        }
        assert_eq!(found[0], found[1], "{text}");
        let mut memory = Memory::default();
        memory.fit(trie.nodes());
        let mut cells = Cells::new(7);
        let node = trie.column("m").unwrap();
        let mut walk = Walk {
            trie: &trie,
            cells: &mut cells,
            memory: &mut memory,
        };
        let inner = serde_json::to_string(text).unwrap();
        let read = walk.inner(node, &inner[1..]);
        if let Some(length) = read {
            assert_eq!(length, inner.len() - 1, "{text}");
        }
        (read.is_some(), found.pop().unwrap())
    }

    #[test]
    fn read_where_it_stands() {
        for (text, here) in [
            (
                r#"{"a": "x", "u": {"n": 1, "d": {"x": 2.5e-3}}, "k": null, "z": [1, {"b": "]}"}]}"#,
                true,
            ),
            (
                r#"{"a":"x","more":{"deep":[{"e":"f, with a long tail to be worth it"}]},"s":true}"#,
                true,
            ),
            ("{}", true),
            (r#"{ "a" : "x" , "u" : { } } "#, true),
            (r#"{"a": "with \"quotes\""}"#, false),
            (r#"{"a": "é"}"#, true),
            (r#"{"a": "\u00e9"}"#, false),
            ("{\"a\":\n1}", false),
            (r#"{"w": {"new": 5}}"#, false),
            (r#"{"w": {"v": 5}}"#, true),
            (r#"{"a": "{not an object"}"#, true),
            (r#"{"u": "{\"n\": 4}"}"#, false),
        ] {
            let (read, found) = where_it_stands(text);
            assert_eq!(read, here, "{text}");
            assert_eq!(found, plainly(text), "{text}");
        }
        for broken in [
            r#"{"a": 1"#,
            r#"{"a": 1}}"#,
            r#"{"a" 1}"#,
            r#"{"a": x}"#,
            r#"{"a": 1,}"#,
            r#"{"z": [}"#,
            "{",
            r#"{"a": nullx}"#,
        ] {
            assert_eq!(where_it_stands(broken), (false, None), "{broken}");
        }
    }

    proptest! {
        /// Broken or whole, in its place or not: the text says the same, however often it is read.
        #[test]
        fn says_what_the_text_says(
            a in "[a-z {}é\"\\\\]{0,6}", n in any::<i32>(), blank in "[ ]{0,2}", cut in 0..200_usize, odd in "[\\[\\]{}\",:a1 ]{0,3}", at in 0..200_usize,
        ) {
            let value = serde_json::json!({"a": a, "u": {"n": n, "d": {"x": null}, "o": [n, {"p": a}]}, "k": {"l": [a]}, "s": false});
            let text = value.to_string().replace(':', &format!(":{blank}"));
            let (_, found) = where_it_stands(&text);
            prop_assert!(found.is_some());
            for broken in [text.chars().take(cut).collect::<String>(), text.chars().take(at).chain(odd.chars()).chain(text.chars().skip(at)).collect()] {
                let (read, found) = where_it_stands(&broken);
                prop_assert!(!read || found.is_some(), "{}", broken);
                // What is read where it stands is what is read from the text alone.
                let mut cells = Cells::new(7);
                let trie = trie();
                let walked = trie.walk(trie.column("m").unwrap(), &broken, &mut cells, None);
                if read {
                    prop_assert!(walked.is_ok(), "{}", broken);
                    let alone: Vec<_> = (0..7).map(|f| cells.get(f).map(str::to_owned)).collect();
                    prop_assert_eq!(found.unwrap(), alone, "{}", broken);
                }
            }
        }
    }
}
