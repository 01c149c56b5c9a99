//! The prompt: `reedline`, told what a whole statement is, what completes a word, and where its history stays.

use super::ahead::Ahead;
use crate::base::{Context, Error, Result};
use crate::shell::{self, Input, Vocabulary};
use reedline::{
    ColumnarMenu, Completer, CompletionResult, Emacs, FileBackedHistory, Highlighter, KeyCode, KeyModifiers,
    MenuBuilder, Prompt, PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent, ReedlineMenu, Signal,
    Span, StyledText, Suggestion, ValidationResult, Validator, default_emacs_keybindings,
};
use std::borrow::Cow;
use std::fs::OpenOptions;
use std::path::Path;

/// Statements that are remembered.
const REMEMBERED: usize = 10_000;
const MENU: &str = "completion";

pub(crate) struct Editor {
    line: Reedline,
    /// From the first prompt on, but for pagers.
    pub(super) ahead: Option<Ahead>,
}

impl Editor {
    pub(super) fn new(words: &Vocabulary, history: Option<&Path>) -> Result<Editor> {
        let mut keys = default_emacs_keybindings();
        let tab = ReedlineEvent::UntilFound(vec![
            ReedlineEvent::Menu(MENU.to_owned()),
            ReedlineEvent::MenuNext,
        ]);
        keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, tab);
        keys.add_binding(KeyModifiers::SHIFT, KeyCode::BackTab, ReedlineEvent::MenuPrevious);
        let menu = ColumnarMenu::default().with_name(MENU);
        let mut editor = Reedline::create()
            .with_edit_mode(Box::new(Emacs::new(keys)))
            .with_completer(Box::new(Words(words.clone())))
            .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
            .with_partial_completions(true)
            .with_quick_completions(true)
            .with_validator(Box::new(Whole))
            .with_highlighter(Box::new(Plain))
            .use_bracketed_paste(true);
        if let Some(path) = history {
            own(path).with_context(|| format!("the history in {}", path.display()))?;
            let history = FileBackedHistory::with_file(REMEMBERED, path.to_owned())
                .map_err(|e| Error::io(format!("the history in {}: {e}", path.display())))?;
            editor = editor.with_history(Box::new(history));
        }
        Ok(Editor {
            line: editor,
            ahead: None,
        })
    }

    pub(super) fn read(&mut self) -> Result<Input> {
        self.ahead = self.ahead.take().or_else(Ahead::begin);
        let signal = self
            .line
            .read_line(&Caret)
            .map_err(|e| Error::io(format!("reading the terminal: {e}")))?;
        Ok(match signal {
            Signal::Success(text) => {
                // What a kill would lose otherwise. A disk that is full costs the history, not the session.
                let _ = self.line.sync_history();
                Input::Text(text)
            }
            Signal::CtrlC => Input::Interrupted,
            _ => Input::End,
        })
    }
}

/// Statements may hold what is nobody else's business: the file is its owner's alone.
fn own(path: &Path) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let file = options.mode(0o600).open(path)?;
        // One that is there already, from whatever hand.
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    #[cfg(not(unix))]
    options.open(path)?;
    Ok(())
}

struct Words(Vocabulary);

impl Completer for Words {
    fn complete(&mut self, line: &str, pos: usize) -> CompletionResult {
        let candidates = self.0.complete(line, pos).into_iter();
        let suggestions: Vec<Suggestion> = candidates
            .map(|candidate| Suggestion {
                append_whitespace: !candidate.text.ends_with('('),
                value: candidate.text,
                description: Some(candidate.about).filter(|about| !about.is_empty()),
                span: Span::new(candidate.start, candidate.end),
                ..Suggestion::default()
            })
            .collect();
        CompletionResult::fresh(suggestions)
    }
}

struct Whole;

impl Validator for Whole {
    fn validate(&self, line: &str) -> ValidationResult {
        match shell::is_complete(line) {
            true => ValidationResult::Complete,
            false => ValidationResult::Incomplete,
        }
    }
}

struct Plain;

impl Highlighter for Plain {
    fn highlight(&self, line: &str, _: usize) -> StyledText {
        let mut text = StyledText::new();
        text.push((Default::default(), line.to_owned()));
        text
    }
}

struct Caret;

impl Prompt for Caret {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed("spendscope")
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("> ")
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed("        -> ")
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        Cow::Owned(format!(" (search: {}) ", search.term))
    }
}
