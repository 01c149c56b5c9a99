//! The functions, explained.

use crate::engine::udf::{Words, words};
use datafusion::execution::SessionState;
use datafusion::logical_expr::Documentation;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FunctionKind {
    Scalar,
    Aggregate,
    Window,
    Table,
}

impl FunctionKind {
    pub fn name(self) -> &'static str {
        match self {
            FunctionKind::Scalar => "scalar",
            FunctionKind::Aggregate => "aggregate",
            FunctionKind::Window => "window",
            FunctionKind::Table => "table",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionInfo {
    pub name: String,
    pub kind: FunctionKind,
    /// A call, its arguments by name.
    pub signature: String,
    pub about: String,
    /// A query that shows it.
    pub example: Option<String>,
    /// One of this program's own.
    pub ours: bool,
}

/// All that are explained, by name. Where one of ours has the name of one of the engine's, it is meant.
pub(super) fn all(state: &SessionState, added: &[FunctionInfo]) -> Vec<FunctionInfo> {
    let mut all = BTreeMap::new();
    let mut add = |name: &str, kind: FunctionKind, theirs: Option<&Documentation>| {
        let info = match (words(name), theirs) {
            (Some(words), _) => ours(words, kind),
            (None, Some(said)) => FunctionInfo {
                name: name.to_owned(),
                kind,
                signature: said.syntax_example.clone(),
                about: said.description.trim().to_owned(),
                example: None,
                ours: false,
            },
            // Parts of plans that nobody calls by name.
            (None, None) => return,
        };
        all.insert(name.to_owned(), info);
    };
    for (name, function) in state.window_functions() {
        add(name, FunctionKind::Window, function.documentation());
    }
    for (name, function) in state.aggregate_functions() {
        add(name, FunctionKind::Aggregate, function.documentation());
    }
    for (name, function) in state.scalar_functions() {
        add(name, FunctionKind::Scalar, function.documentation());
    }
    for info in added {
        all.insert(info.name.clone(), info.clone());
    }
    all.into_values().collect()
}

fn ours(words: &Words, kind: FunctionKind) -> FunctionInfo {
    FunctionInfo {
        name: words.name.to_owned(),
        kind,
        signature: words.signature.to_owned(),
        about: words.about.to_owned(),
        example: Some(words.example.to_owned()),
        ours: true,
    }
}
