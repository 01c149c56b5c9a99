//! What a log taught of its rows. They are written by one program, one like the other: the same keys in the same order,
//! and the same objects that nobody asks for. What is recognised as a whole need not be read sign by sign. What is
//! remembered is bounded, is only ever compared with, goes with the file, and never makes anything pass that reading would
//! refuse.

/// What a walk remembers of the objects before: most have the same keys in the same order.
#[derive(Debug, Default, Clone)]
pub(super) struct Memory {
    /// By node.
    pub(super) shapes: Vec<Shape>,
    /// The same for objects that are written in texts.
    pub(super) inner: Vec<Shape>,
    /// Buffers for texts with escapes.
    pub(super) spare: Vec<String>,
}

impl Memory {
    /// Has room for what all nodes teach.
    pub(super) fn fit(&mut self, nodes: usize) {
        self.shapes.resize_with(nodes, Shape::default);
        self.inner.resize_with(nodes, Shape::default);
    }
}

/// The entries that objects in one place had, in their order.
#[derive(Debug, Default, Clone)]
pub(super) struct Shape(Vec<Entry>);

#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// All that stood between the value before, or the object's beginning, and this value.
    before: Box<str>,
    /// Whether the object begins with it.
    first: bool,
    /// The key, as it is written between its quotes.
    pub(super) key: Box<str>,
    pub(super) leads: Leads,
    pub(super) skipped: Skipped,
}

/// Where a key leads.
#[derive(Debug, Clone, Copy)]
pub(super) enum Leads {
    Node(usize),
    /// To a count that no field takes.
    Uncounted,
    Nowhere,
}

impl Shape {
    /// Entries that are remembered of one place.
    const MOST: usize = 96;

    /// Longest text that is remembered before a value.
    const BEFORE: usize = 512;

    /// The entry that `here` says is next: the expected one, or else any.
    #[inline]
    pub(super) fn next(
        &self,
        expected: usize,
        first: bool,
        mut here: impl FnMut(&str) -> bool,
    ) -> Option<usize> {
        let mut is_next = |entry: &Entry| entry.first == first && here(&entry.before);
        if self.0.get(expected).is_some_and(&mut is_next) {
            return Some(expected);
        }
        self.0.iter().position(is_next)
    }

    /// Remembers an entry in its place. Gives the place, if it is remembered.
    pub(super) fn learn(
        &mut self,
        at: usize,
        first: bool,
        before: &str,
        key: &str,
        leads: Leads,
    ) -> Option<usize> {
        if before.len() > Shape::BEFORE {
            return None;
        }
        if self.0.len() >= Shape::MOST {
            self.0.clear();
        }
        let at = at.min(self.0.len());
        self.0.insert(
            at,
            Entry {
                before: before.into(),
                first,
                key: key.into(),
                leads,
                skipped: Skipped::default(),
            },
        );
        Some(at)
    }

    #[inline]
    pub(super) fn entry(&mut self, at: usize) -> &mut Entry {
        &mut self.0[at]
    }
}

/// Objects and lists that were stepped over in one place. Some stand in row after row, such as what a gateway knows of
/// a model: what begins with all of one ends where it ends.
#[derive(Debug, Clone)]
pub(super) struct Skipped {
    values: Vec<Box<str>>,
    /// How often learning may still be in vain.
    patience: usize,
}

impl Default for Skipped {
    fn default() -> Self {
        Skipped {
            values: Vec::new(),
            patience: Skipped::PATIENCE,
        }
    }
}

impl Skipped {
    const PATIENCE: usize = 64;
    const MOST: usize = 16;
    const LENGTHS: std::ops::RangeInclusive<usize> = 24..=4_096;

    /// The length of the value that `rest` begins with, if it is a known one.
    #[inline]
    pub(super) fn length(&mut self, rest: &str) -> Option<usize> {
        let known = self
            .values
            .iter()
            .find(|v| rest.as_bytes().starts_with(v.as_bytes()))?;
        self.patience = (self.patience + 2).min(Skipped::PATIENCE);
        Some(known.len())
    }

    pub(super) fn learn(&mut self, value: &str) {
        if self.patience == 0 || !Skipped::LENGTHS.contains(&value.len()) {
            return;
        }
        self.patience -= 1;
        if self.values.len() < Skipped::MOST {
            self.values.push(value.into());
        } else {
            self.values[self.patience % Skipped::MOST] = value.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded() {
        let mut shape = Shape::default();
        for n in 0..1_000 {
            let key = format!("k{n}");
            assert!(
                shape
                    .learn(n, n == 0, &format!(",\"{key}\":"), &key, Leads::Nowhere)
                    .is_some()
            );
            assert!(shape.0.len() <= Shape::MOST);
        }
        assert_eq!(
            shape.learn(0, true, &"x".repeat(Shape::BEFORE + 1), "x", Leads::Nowhere),
            None
        );
        let mut skipped = Skipped::default();
        for n in 0..1_000 {
            skipped.learn(&format!("{{\"never\": \"the same\", \"n\": {n}}}"));
        }
        assert_eq!((skipped.values.len(), skipped.patience), (Skipped::MOST, 0));
        skipped.learn(&format!("[{}]", " ".repeat(5_000)));
        assert!(skipped.values.iter().all(|v| Skipped::LENGTHS.contains(&v.len())));
    }

    #[test]
    fn entries_are_expected_in_their_order() {
        let mut shape = Shape::default();
        for (at, before) in ["{\"a\":", ",\"b\":", ",\"c\":"].iter().enumerate() {
            let key = &before[2..3];
            assert_eq!(shape.learn(at, at == 0, before, key, Leads::Node(at)), Some(at));
        }
        let next =
            |expected, first, rest: &str| shape.next(expected, first, |before| rest.starts_with(before));
        assert_eq!(next(1, false, ",\"b\":1"), Some(1));
        assert_eq!(next(1, false, ",\"c\":1"), Some(2), "b is left out");
        assert_eq!(next(3, false, ",\"b\":1"), Some(1), "it comes late");
        assert_eq!(next(0, true, ",\"b\":1"), None, "nothing begins so");
        assert_eq!(next(1, false, "{\"a\":1"), None, "an object begins only once");
    }
}
