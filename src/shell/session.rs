//! One session: an engine that stays open, the settings, and what is done with each statement and command.

use super::command::{self, Command, HELP, MetricRun};
use super::options::{Options, SETTINGS};
use super::output::Output;
use super::split::{Piece, What, pieces};
use super::words::Vocabulary;
use super::{Screen, describe, point};
use crate::app;
use crate::base::time::{Window, parse_bound};
use crate::base::{Context, Error, Result, pace};
use crate::config::Config;
use crate::engine::{Engine, RelationKind};
use crate::frame::Frame;
use crate::metric::{self, Catalog, Params};
use crate::store::Traces;
use futures::FutureExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Scripts that call each other in a circle end here.
const DEEPEST: usize = 16;

/// What follows a statement or command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    GoOn,
    Leave,
}

pub(super) struct Session {
    config: Config,
    engine: Arc<Engine>,
    /// Read when they are first asked for: most sessions never do.
    metrics: Option<Catalog>,
    options: Options,
    output: Output,
    /// What the lake looked like when the engine was opened.
    traces: Traces,
    /// The statement that `\watch` repeats.
    last: Option<String>,
    /// Somebody types: answers are counted, paged and can be stopped.
    attended: bool,
    depth: usize,
}

impl Session {
    pub(super) async fn open(config: &Config, format: &str) -> Result<Session> {
        let traces = app::traces(config).await?;
        Ok(Session {
            engine: Arc::new(Box::pin(app::engine(config)).await?),
            metrics: None,
            options: Options::new(format, config.limits.clone()),
            output: Output::default(),
            config: config.clone(),
            traces,
            last: None,
            attended: false,
            depth: 0,
        })
    }

    pub(super) fn greet(&self, screen: &mut dyn Screen) -> Result<()> {
        let relations = self.engine.relation_names()?.len();
        screen.say(&format!(
            "spendscope {}, {}: {relations} tables and views. \\? is help, Ctrl-D leaves.",
            env!("CARGO_PKG_VERSION"),
            crate::base::storage::without_queries(&self.config.lake_url),
        ));
        Ok(())
    }

    /// From now on somebody types.
    pub(super) fn attend(&mut self, words: Vocabulary) -> Result<()> {
        self.attended = true;
        // Whoever listens for Ctrl-C once keeps it from ending the program.
        let _ = tokio::signal::ctrl_c().now_or_never();
        words.fill(&self.engine, &self.config)
    }

    fn metrics(&mut self) -> Result<&Catalog> {
        let metrics = match self.metrics.take() {
            Some(metrics) => metrics,
            None => app::metrics(&self.config)?,
        };
        Ok(self.metrics.insert(metrics))
    }

    pub(super) fn finish(&mut self, screen: &mut dyn Screen) -> Result<()> {
        screen.end_page()?;
        self.output.finish()
    }

    /// Runs statements and commands one after the other, up to the first error.
    pub(super) async fn run(&mut self, text: &str, screen: &mut dyn Screen) -> Result<Then> {
        // One statement in one line needs no line number.
        let told = !self.attended || self.depth > 0;
        let told = told && text.trim().contains('\n') || text.trim().lines().count() > 1;
        for piece in pieces(text) {
            let done = match piece.what {
                What::Sql => self.statement(piece.text, screen).await.map(|()| Then::GoOn),
                What::Command => self.command(&piece, screen).await,
            };
            match done {
                Ok(Then::GoOn) => {}
                Ok(Then::Leave) => return Ok(Then::Leave),
                Err(error) => return Err(point::pointed(&error, piece.text, piece.line, told)),
            }
        }
        Ok(Then::GoOn)
    }

    async fn statement(&mut self, text: &str, screen: &mut dyn Screen) -> Result<()> {
        if self.attended {
            self.notice(screen).await?;
        }
        self.last = Some(text.to_owned());
        let paged = self.attended && self.options.pager && self.output.is_screen();
        self.answer(text, paged, screen).await
    }

    /// Runs a statement and shows its rows.
    async fn answer(&mut self, text: &str, paged: bool, screen: &mut dyn Screen) -> Result<()> {
        let begun = Instant::now();
        if paged {
            screen.begin_page();
        }
        let (engine, limits) = (Arc::clone(&self.engine), self.options.limits.clone());
        let (output, options, values) = (&mut self.output, &self.options, &self.config.values);
        let shown = &mut *screen;
        let work = async move {
            let mut rows = 0;
            for statement in Engine::statements(text)? {
                let mut batches = engine.user_stream(statement, values, &limits).await?;
                rows += output.stream(&mut batches, options, shown).await?;
            }
            Ok(rows)
        };
        let done = Box::pin(unless_stopped(self.attended, work)).await;
        let took = begun.elapsed();
        screen.end_page()?;
        let rows = done?;
        if self.attended && (self.options.format == "table" || !self.output.is_screen()) {
            screen.say(&match rows {
                1 => "(1 row)".to_owned(),
                rows => format!("({rows} rows)"),
            });
        }
        self.time(took, screen);
        Ok(())
    }

    fn time(&self, took: Duration, screen: &mut dyn Screen) {
        if self.options.timing {
            screen.say(&format!("time: {:.3} ms", took.as_secs_f64() * 1e3));
        }
    }

    async fn command(&mut self, piece: &Piece<'_>, screen: &mut dyn Screen) -> Result<Then> {
        match command::parse(piece.text)? {
            Command::Describe(None) => {
                let all = self.engine.relations().await?;
                self.show(&describe::relations(&all, None)?, screen)?;
            }
            Command::Describe(Some(name)) => self.describe(&name, screen).await?,
            Command::Tables => {
                let all = self.engine.relations().await?;
                self.show(&describe::relations(&all, Some(RelationKind::Table))?, screen)?;
            }
            Command::Views => {
                let all = self.engine.relations().await?;
                self.show(&describe::relations(&all, Some(RelationKind::View))?, screen)?;
            }
            Command::Functions(word) => {
                self.show(
                    &describe::functions(&self.engine.functions(), word.as_deref())?,
                    screen,
                )?;
            }
            Command::Metrics(words) => {
                let words = words.unwrap_or_default();
                let frame = app::metric_frame(self.metrics()?, &words)?;
                self.show(&frame, screen)?;
            }
            Command::Metric(name) => {
                let text = app::metric_in_words(self.metrics()?.get(&name)?);
                self.page(screen, |output, _, screen| output.text(&text, screen))?;
            }
            Command::MetricRun(run) => self.metric(&run, screen).await?,
            Command::Output(path) => {
                self.output.redirect(path.as_deref())?;
                if let Some(path) = path {
                    screen.say(&format!("answers go to {}", path.display()));
                }
            }
            Command::Include(path) => return self.include(&path, screen).await,
            Command::Watch(every) => self.watch(every, screen).await?,
            Command::Set(setting) => {
                let says = self.options.set(setting)?;
                screen.say(&says);
            }
            Command::Settings => {
                for name in SETTINGS {
                    screen.say(&self.options.say(name));
                }
            }
            Command::Refresh => {
                self.refresh().await?;
                screen.say("the lake as it is now");
            }
            Command::Help => self.help(screen)?,
            Command::Quit => return Ok(Then::Leave),
        }
        Ok(Then::GoOn)
    }

    /// Writes something that is there at once, paged where somebody looks.
    fn page(
        &mut self,
        screen: &mut dyn Screen,
        write: impl FnOnce(&mut Output, &Options, &mut dyn Screen) -> Result<()>,
    ) -> Result<()> {
        if self.attended && self.options.pager && self.output.is_screen() {
            screen.begin_page();
        }
        let done = write(&mut self.output, &self.options, screen);
        screen.end_page()?;
        done
    }

    fn show(&mut self, frame: &Frame, screen: &mut dyn Screen) -> Result<()> {
        self.page(screen, |output, options, screen| {
            output.table(frame, options, screen)
        })
    }

    async fn describe(&mut self, name: &str, screen: &mut dyn Screen) -> Result<()> {
        let bare = name.trim_matches('"');
        let Some(relation) = self.engine.relation(bare).await? else {
            let names = self.engine.relation_names()?;
            let near = crate::engine::nearest(bare, names.iter().map(String::as_str));
            let error = Error::usage(format!("there is no table or view '{bare}'"));
            return Err(match near.as_slice() {
                [] => error.advise("\\dt lists the tables, \\dv the views"),
                near => error.advise(format!("did you mean {}?", near.join(", "))),
            });
        };
        let frame = describe::columns(&relation)?;
        let title = format!("{} {}: {}\n", relation.kind.name(), relation.name, relation.about);
        self.page(screen, |output, options, screen| {
            if options.format == "table" {
                output.text(&title, screen)?;
            }
            output.table(&frame, options, screen)
        })
    }

    async fn metric(&mut self, run: &MetricRun, screen: &mut dyn Screen) -> Result<()> {
        let metric = self.metrics()?.get(&run.name)?.clone();
        let zone = self.config.settings.zone;
        let window = match (&run.period, &run.from, &run.to) {
            (Some(month), None, None) => Window::month(month, zone)?,
            (None, Some(from), Some(to)) => Window::new(parse_bound(from, zone)?, parse_bound(to, zone)?)?,
            (None, None, None) => self.config.window_or_month()?,
            _ => {
                return Err(
                    Error::usage("--from and --to belong together, and to no --period")
                        .advise("write --period 2026-10, or --from 2026-10-01 --to 2026-10-08"),
                );
            }
        };
        let params = Params {
            from: window.from,
            to: window.to,
            by: run.by.clone(),
            set: run.set.iter().cloned().collect(),
        };
        let begun = Instant::now();
        let work = metric::run(&self.engine, &metric, &params);
        let frame = Box::pin(unless_stopped(self.attended, work)).await?;
        let title = metric.header.title.clone();
        self.show(&frame, screen)?;
        screen.say(&format!(
            "{title}: [{}, {}), currency {}",
            window.from.format("%Y-%m-%d %H:%M"),
            window.to.format("%Y-%m-%d %H:%M"),
            self.config.settings.currency,
        ));
        self.time(begun.elapsed(), screen);
        Ok(())
    }

    async fn include(&mut self, path: &Path, screen: &mut dyn Screen) -> Result<Then> {
        if self.depth >= DEEPEST {
            return Err(Error::usage(format!("scripts call each other {DEEPEST} deep")));
        }
        let what = || path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", what()))?;
        self.depth += 1;
        let done = Box::pin(self.run(&text, screen)).await;
        self.depth -= 1;
        done.with_context(what)
    }

    async fn watch(&mut self, every: Duration, screen: &mut dyn Screen) -> Result<()> {
        let Some(text) = self.last.clone() else {
            return Err(Error::usage("there is no statement to repeat").advise("run one first, then \\watch"));
        };
        let mut interrupt = pace::Interrupt::listen();
        loop {
            let round = async {
                self.notice(screen).await?;
                screen.say(&format!(
                    "{} (every {every:?}, Ctrl-C ends it)",
                    self.config.clock.now().format("%Y-%m-%d %H:%M:%S")
                ));
                self.answer(&text, false, screen).await?;
                tokio::time::sleep(every).await;
                Ok::<(), Error>(())
            };
            tokio::select! {
                biased;
                () = interrupt.pressed() => return Ok(()),
                done = round => done?,
            }
        }
    }

    fn help(&mut self, screen: &mut dyn Screen) -> Result<()> {
        let calls: Vec<String> = HELP
            .iter()
            .map(|(name, arguments, _)| format!("{name} {arguments}").trim_end().to_owned())
            .collect();
        let width = calls
            .iter()
            .map(|call| call.chars().count())
            .filter(|w| *w < 40)
            .max()
            .unwrap_or(0);
        let mut text = String::new();
        for (call, (.., about)) in calls.iter().zip(&HELP) {
            text.push_str(&format!(" {call:<width$}  {about}\n"));
        }
        self.page(screen, |output, _, screen| output.text(&text, screen))
    }

    /// Looks, without reading it, whether the lake has changed since; opens it anew if it has.
    async fn notice(&mut self, screen: &mut dyn Screen) -> Result<()> {
        if self.config.as_of.is_some() || self.traces.are_fresh() {
            return Ok(());
        }
        self.refresh().await?;
        screen.say("the lake has changed and was opened anew");
        Ok(())
    }

    async fn refresh(&mut self) -> Result<()> {
        if !self.config.clock_stands {
            self.config.settings.now = self.config.clock.now();
        }
        self.traces = app::traces(&self.config).await?;
        self.engine = Arc::new(app::engine(&self.config).await?);
        Ok(())
    }
}

/// What the work gives, unless somebody presses Ctrl-C first, which ends the work.
async fn unless_stopped<T>(attended: bool, work: impl Future<Output = Result<T>>) -> Result<T> {
    if !attended {
        return work.await;
    }
    let mut interrupt = pace::Interrupt::listen();
    tokio::select! {
        done = work => done,
        () = interrupt.pressed() => Err(Error::query("stopped")),
    }
}
