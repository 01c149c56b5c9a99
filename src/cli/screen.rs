//! The terminal as the shell sees it.

use super::console::Terminal;
use super::editor::Editor;
use super::pager::Page;
use crate::base::{Error, Result};
use crate::config::Config;
use crate::shell::{Input, Screen, Vocabulary};
use std::path::Path;

impl Screen for Terminal {
    fn width(&self) -> Option<usize> {
        self.size().map(|(width, _)| width)
    }

    fn begin_page(&mut self) {
        self.page = self.size().map(|(_, height)| {
            let ahead = self.editor.as_mut().and_then(|editor| editor.ahead.take());
            Page::new(height, Config::pager(), ahead)
        });
    }

    fn end_page(&mut self) -> Result<()> {
        match self.page.take() {
            Some(page) => {
                let (held, ahead) = page.end();
                if let Some(editor) = &mut self.editor {
                    editor.ahead = ahead;
                }
                self.write(&held)
            }
            None => Ok(()),
        }
    }

    fn enough(&self) -> bool {
        self.page.as_ref().is_some_and(Page::left)
    }

    fn read(&mut self) -> Result<Input> {
        match &mut self.editor {
            Some(editor) => editor.read(),
            None => Ok(Input::End),
        }
    }

    fn prepare(&mut self, words: &Vocabulary, history: Option<&Path>) -> Result<()> {
        self.editor = Some(Editor::new(words, history)?);
        Ok(())
    }

    fn complain(&mut self, error: &Error) {
        self.fail(error);
    }
}
