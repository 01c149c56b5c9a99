//! The command line: arguments in, requests to `app`, exit status out. The only module that prints.

mod ahead;
mod args;
mod console;
mod editor;
mod exit;
mod pager;
mod screen;

use crate::app::{
    self, Console as _, DemoRequest, DiffRequest, ExecutorRequest, ExplainRequest, FocusRequest,
    ForecastRequest, IngestRequest, MailRequest, PullRequest, Status, SynthRequest, VacuumRequest,
};
use crate::base::{Context, Error, Result, money};
use crate::config::{self, Config, Overrides};
use crate::shell;
use args::{
    Cli, Cluster, Command, Drill, Explain, Export, Forecast, Global, Ingest, Lake, Metric, Reference,
    Schedule, Serve, Sql, Synth,
};
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use console::Terminal;
use std::io::{IsTerminal, Read};
use std::process::ExitCode;

/// Longest script that is read from a file or a pipe.
const LONGEST_SCRIPT: u64 = 64 << 20;

/// Bytes of a thread's stack: plans of nested views are deep, and what plans or reads them recurses. Only what is used
/// of it takes memory.
const STACK: usize = 32 << 20;

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let mut terminal = Terminal::new(cli.global.output.clone(), cli.global.quiet);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(STACK)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal.fail(&error.into());
            return ExitCode::FAILURE;
        }
    };
    // The planner recurses deeply on nested views; a task's default stack is too small for it.
    let done = runtime.block_on(run(cli, words(&matches), &mut terminal));
    for (folder, why) in app::remove_spilled() {
        terminal.say(&format!("{} is left behind: {why}", folder.display()));
    }
    match done {
        Ok(status) => exit::of(status),
        Err(error) if terminal.pipe_closed() => {
            drop(error);
            ExitCode::SUCCESS
        }
        Err(error) => {
            terminal.fail(&error);
            exit::of_error(error.kind())
        }
    }
}

/// What was called: `lake compact`.
fn words(matches: &ArgMatches) -> String {
    let mut words = Vec::new();
    let mut at = matches;
    while let Some((name, below)) = at.subcommand() {
        words.push(name);
        at = below;
    }
    words.join(" ")
}

async fn run(cli: Cli, command: String, terminal: &mut Terminal) -> Result<Status> {
    let overrides = Overrides {
        command,
        ..overrides(&cli.global)
    };
    if overrides.as_of.is_some() && cli.command.writes() {
        return Err(
            Error::usage("--as-of asks how things were, and this command writes how they are")
                .advise("leave --as-of out; --now sets the clock of what is written"),
        );
    }
    let config = || Config::resolve(&overrides);
    match cli.command {
        Command::Demo { out, data } => app::demo(&DemoRequest { out, data }, terminal).await,
        Command::Init => app::init(&config()?, terminal).await,
        Command::Ingest(args) => app::ingest(&config()?, &ingest_request(args, None), terminal).await,
        Command::Pull(args) => {
            let request = PullRequest {
                names: args.names,
                since: args.since,
                accept_shrink: args.accept_shrink,
            };
            app::pull(&config()?, &request, terminal).await
        }
        Command::Prices(Reference::Import(args)) => {
            app::ingest(&config()?, &ingest_request(args, Some("prices")), terminal).await
        }
        Command::Prices(Reference::List) => app::prices_list(&config()?, terminal).await,
        Command::Fx(Reference::Import(args)) => {
            app::ingest(&config()?, &ingest_request(args, Some("fx_rates")), terminal).await
        }
        Command::Fx(Reference::List) => app::fx_list(&config()?, terminal).await,
        Command::Sql(args) => sql(&overrides, args, terminal).await,
        Command::Metric(Metric::List { search }) => app::metric_list(&config()?, search.as_deref(), terminal),
        Command::Metric(Metric::Show { name }) => app::metric_show(&config()?, &name, terminal),
        Command::Metric(Metric::Run { name, by, set }) => {
            app::metric_run(&config()?, &name, by, &set, terminal).await
        }
        Command::Explain(args) => app::explain(&config()?, &explain_request(args), terminal).await,
        Command::Findings { least } => {
            let least = least
                .map(|text| {
                    money::parse(&text)
                        .map_err(|why| Error::usage(format!("--least {text} is no amount: {why}")))
                })
                .transpose()?;
            app::findings(&config()?, least, terminal).await
        }
        Command::Forecast(args) => app::forecast(&config()?, &forecast_request(args), terminal).await,
        Command::Reconcile => app::reconcile(&config()?, terminal).await,
        Command::Check { names, tier, fail_on } => {
            let request = app::CheckRequest { names, tier, fail_on };
            app::check(&config()?, &request, terminal).await
        }
        Command::Diff { to_as_of, by } => {
            let since = overrides.as_of.as_deref().ok_or_else(|| {
                Error::usage("diff needs a moment to compare with")
                    .advise("spendscope diff --as-of 2026-10-05, and --to-as-of for a newer moment than that and older than now")
            })?;
            let request = DiffRequest {
                since: config::instant("--as-of", since)?,
                by,
            };
            let overrides = Overrides {
                as_of: to_as_of,
                // Restatements happen in the currency of the bill, whatever the rates do.
                currency: overrides.currency.clone().or_else(|| Some("native".to_owned())),
                ..overrides.clone()
            };
            app::diff(&Config::resolve(&overrides)?, &request, terminal).await
        }
        Command::Report {
            name,
            out,
            format,
            email: None,
            ..
        } => app::report(&config()?, &name, &out, &format, terminal).await,
        Command::Report {
            name,
            out,
            format,
            email: Some(to),
            resend,
        } => {
            let request = MailRequest {
                report: name,
                out,
                formats: format,
                to,
                resend,
            };
            app::mail_report(&config()?, &request, terminal).await
        }
        Command::Schedule(Schedule::List) => app::schedule_list(&config()?, terminal).await,
        Command::Schedule(Schedule::Once { name, resend }) => {
            app::schedule_once(&config()?, name.as_deref(), resend, terminal).await
        }
        Command::Schedule(Schedule::Run) => app::schedule_run(&config()?, terminal).await,
        Command::Drill(Drill::List) => app::drill_list(&config()?, terminal),
        Command::Drill(Drill::Run {
            name,
            seed,
            table,
            out,
        }) => app::drill_run(&config()?, &name, seed, table.as_deref(), &out, terminal).await,
        Command::Serve(Serve { postgres, http }) => {
            app::serve(&config()?, &app::ServeRequest { postgres, http }, terminal).await
        }
        Command::Lake(Lake::Verify) => app::lake_verify(&config()?, terminal).await,
        Command::Lake(Lake::History { table }) => {
            app::lake_history(&config()?, table.as_deref(), terminal).await
        }
        Command::Lake(Lake::Stats) => app::lake_stats(&config()?, terminal).await,
        Command::Lake(Lake::Compact { tables, dry_run }) => {
            app::lake_compact(&config()?, &tables, dry_run, terminal).await
        }
        Command::Lake(Lake::Vacuum {
            older_than,
            shorten_history,
            dry_run,
        }) => {
            let request = VacuumRequest {
                older_than: older_than
                    .map(|text| config::span("--older-than", &text))
                    .transpose()?,
                shorten_history,
                dry_run,
            };
            app::lake_vacuum(&config()?, &request, terminal).await
        }
        Command::Export(Export::Focus {
            version,
            grain,
            format,
            out,
        }) => {
            let request = FocusRequest {
                version,
                grain,
                format,
                out,
            };
            app::export_focus(&config()?, &request, terminal).await
        }
        Command::Cluster(Cluster::Scheduler {
            bind,
            advertise,
            insecure_network,
        }) => app::cluster_scheduler(bind, advertise, insecure_network, terminal).await,
        Command::Cluster(Cluster::Executor {
            scheduler,
            bind,
            advertise,
            work_dir,
            memory,
            cores,
            insecure_network,
        }) => {
            let request = ExecutorRequest {
                scheduler,
                bind,
                advertise,
                work_dir,
                memory,
                cores,
                insecure_network,
            };
            app::cluster_executor(request, terminal).await
        }
        Command::Synth(Synth {
            out,
            seed,
            requests,
            bench,
            planted,
            restate,
        }) => app::synth(
            &SynthRequest {
                out,
                seed,
                requests,
                bench,
                planted,
                window: config::window(&overrides, chrono_tz::UTC)?,
                restate,
            },
            terminal,
        ),
        Command::Completions { shell } => {
            let mut bytes = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "spendscope", &mut bytes);
            app::Console::data(terminal, &bytes)?;
            Ok(Status::Done)
        }
        Command::Man => {
            let mut bytes = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut bytes)?;
            app::Console::data(terminal, &bytes)?;
            Ok(Status::Done)
        }
    }
}

async fn sql(overrides: &Overrides, args: Sql, terminal: &mut Terminal) -> Result<Status> {
    let config = Config::resolve(&Overrides {
        timeout: args.limits.timeout,
        max_rows: args.limits.max_rows,
        allow_files: args.limits.allow_files,
        values: args.values,
        ..overrides.clone()
    })?;
    let file = args.file.filter(|path| path.as_os_str() != "-");
    match (args.command, file) {
        (Some(sql), _) => shell::script(&config, &sql, None, terminal).await,
        (None, Some(path)) => {
            let script = std::fs::File::open(&path).map_err(Error::from);
            let script = script
                .and_then(script_of)
                .with_context(|| format!("reading {}", path.display()))?;
            shell::script(&config, &script, Some(&path), terminal).await
        }
        (None, None) if std::io::stdin().is_terminal() => {
            let history = Config::history_file();
            shell::interactive(&config, history.as_deref(), terminal).await
        }
        (None, None) => {
            let script = script_of(std::io::stdin()).context("reading standard input")?;
            shell::script(&config, &script, None, terminal).await
        }
    }
}

fn script_of(from: impl Read) -> Result<String> {
    let mut script = String::new();
    from.take(LONGEST_SCRIPT + 1).read_to_string(&mut script)?;
    match script.len() as u64 > LONGEST_SCRIPT {
        true => Err(Error::usage(format!(
            "a script of more than {} MiB",
            LONGEST_SCRIPT >> 20
        ))),
        false => Ok(script),
    }
}

fn overrides(global: &Global) -> Overrides {
    Overrides {
        lake: global.lake.clone(),
        config: global.config.clone(),
        as_of: global.as_of.clone(),
        now: global.now.clone(),
        from: global.from.clone(),
        to: global.to.clone(),
        period: global.period.clone(),
        currency: global.currency.clone(),
        basis: global.basis.clone(),
        tz: global.tz.clone(),
        queries: global.queries.clone(),
        book: global.book.clone(),
        book_at: global.book_at.clone(),
        memory_limit: global.memory_limit.clone(),
        cluster: global.cluster.clone(),
        cluster_partitions: global.cluster_partitions,
        ..Overrides::default()
    }
}

fn explain_request(args: Explain) -> ExplainRequest {
    ExplainRequest {
        metric: args.metric,
        at: args.at,
        column: args.column,
        by: args.by,
        set: args.set,
        rows: args.rows,
    }
}

fn forecast_request(args: Forecast) -> ForecastRequest {
    ForecastRequest {
        metric: args.metric,
        file: args.file,
        horizon: args.horizon,
        by: args.by,
        set: args.set,
        column: args.column,
        holidays: args.holidays,
        grain: args.grain,
        out: args.out,
    }
}

fn ingest_request(args: Ingest, only_table: Option<&'static str>) -> IngestRequest {
    IngestRequest {
        paths: args.paths,
        format: args.format,
        source: args.source,
        mapping: args.mapping,
        strict: args.strict,
        accept_shrink: args.accept_shrink,
        accept_overlap: args.accept_overlap,
        retry_rejects: args.retry_rejects,
        at: args.at,
        valid_from: args.valid_from,
        explain: args.explain,
        only_table,
    }
}
