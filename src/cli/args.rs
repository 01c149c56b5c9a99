//! What can be typed. Only structs: what they mean is for `cli::mod` and `app` to say.

use crate::app;
use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueHint};
use std::net::SocketAddr;
use std::path::PathBuf;

/// What AI really costs per useful result.
///
/// Spendscope pulls bills, GPU telemetry and gateway logs into a lake, splits every billed amount
/// down to requests and outcomes so that the parts add up to the bill, and answers in SQL, charts
/// and budget drills.
///
/// First steps:
///   spendscope demo                      the whole job on sample data, with pictures
///   spendscope init                      a commented spendscope.toml and an empty lake
///   spendscope ingest exports/           bills, logs, telemetry: recognised by content
///   spendscope reconcile                 does the bill add up to its leaves?
///   spendscope metric run unit/cost_per_successful_task --period 2026-10
///   spendscope report board --period 2026-10
#[derive(Debug, Parser)]
#[command(
    name = "spendscope",
    version,
    verbatim_doc_comment,
    propagate_version = true,
    max_term_width = 100
)]
#[command(
    after_help = "Exit status: 0 done, 1 failed, 2 wrong usage, 3 a check, budget or drill says no, \
    4 done but rows were rejected.\nData goes to stdout, talk to stderr."
)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// Where the lake is: a directory, or s3://, gs://, az:// with a prefix
    #[arg(long, global = true, env = "SPENDSCOPE_LAKE", value_name = "PATH|URL")]
    pub(super) lake: Option<String>,
    /// Configuration; ./spendscope.toml when it is there
    #[arg(long, global = true, env = "SPENDSCOPE_CONFIG", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) config: Option<PathBuf>,
    /// How results are written
    #[arg(short, long, global = true, value_name = "FORMAT", default_value = "table",
        value_parser = PossibleValuesParser::new(app::table_formats()))]
    pub(super) output: String,
    /// Answer as it would have been answered then; sets the clock too
    #[arg(long, global = true, value_name = "TIMESTAMP")]
    pub(super) as_of: Option<String>,
    /// The clock, for repeatable runs
    #[arg(long, global = true, env = "SPENDSCOPE_NOW", value_name = "TIMESTAMP")]
    pub(super) now: Option<String>,
    /// First day or instant of the window
    #[arg(long, global = true, value_name = "DATE")]
    pub(super) from: Option<String>,
    /// End of the window, exclusive
    #[arg(long, global = true, value_name = "DATE")]
    pub(super) to: Option<String>,
    /// A calendar month instead of --from and --to
    #[arg(long, global = true, value_name = "YYYY-MM", conflicts_with_all = ["from", "to"])]
    pub(super) period: Option<String>,
    /// Currency to report in, or 'native' for each amount in its own
    #[arg(long, global = true, value_name = "CODE")]
    pub(super) currency: Option<String>,
    /// Which cost: effective, billed, list or contracted
    #[arg(long, global = true, value_name = "BASIS")]
    pub(super) basis: Option<String>,
    /// Time zone of days and months, such as Europe/Berlin
    #[arg(long, global = true, value_name = "ZONE")]
    pub(super) tz: Option<String>,
    /// List prices of this book only, by the name it was imported under
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) book: Option<String>,
    /// Prices as valid then, instead of at the start of each attempt
    #[arg(long, global = true, value_name = "DATE")]
    pub(super) book_at: Option<String>,
    /// Memory that queries may hold before they spill to disk, such as 512MB; default 2GB
    #[arg(long, global = true, value_name = "SIZE")]
    pub(super) memory_limit: Option<String>,
    /// Folder whose files replace or extend the built-in queries/
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) queries: Option<PathBuf>,
    /// Run queries on a cluster: the address of its scheduler
    #[arg(long, global = true, env = "SPENDSCOPE_CLUSTER", value_name = "URL")]
    pub(super) cluster: Option<String>,
    /// Into how many parts a cluster cuts the rows of a scan: its cores, or a few times as many [default: 8]
    #[arg(
        long,
        global = true,
        env = "SPENDSCOPE_CLUSTER_PARTITIONS",
        value_name = "COUNT"
    )]
    pub(super) cluster_partitions: Option<usize>,
    /// Say less: no progress, no summaries on stderr
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// The whole job on sample data: ingest, reconcile, metrics, board, drill
    Demo {
        /// Where the lake and the pictures go
        #[arg(long, default_value = "demo", value_hint = ValueHint::DirPath)]
        out: PathBuf,
        /// The sample data
        #[arg(long, default_value = "sample-data", value_hint = ValueHint::DirPath)]
        data: PathBuf,
    },
    /// Write a commented spendscope.toml and create an empty lake
    Init,
    /// Bring files into the lake: bills, gateway logs, telemetry, outcomes, prices, rates
    Ingest(Ingest),
    /// Fetch what the connectors of the configuration have that is new or restated
    Pull(Pull),
    /// The price book
    #[command(subcommand)]
    Prices(Reference),
    /// Exchange rates
    #[command(subcommand)]
    Fx(Reference),
    /// Ask in SQL: one query, a script, standard input, or a shell with history and completion
    Sql(Sql),
    /// The metrics: what there is, what it means, its figures
    #[command(subcommand)]
    Metric(Metric),
    /// Where a number comes from: leaves, charges, requests, files, prices, rules
    Explain(Explain),
    /// What changed that the weeks before do not explain: amount, cause, and the rows behind it
    Findings {
        /// Leave out what is about less money; default: a quarter of a percent of the window's spend
        #[arg(long, value_name = "AMOUNT")]
        least: Option<String>,
    },
    /// How a metric goes on, day by day: with bands, the method, and what it missed in back-tests
    Forecast(Forecast),
    /// From the bill to its leaves; exit status 3 when they do not add up
    Reconcile,
    /// Data-quality and conservation checks; exit status 3 when one says no
    Check {
        /// Only these, whatever their tier
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Up to which tier: always, strict or on-request
        #[arg(long, default_value = "always")]
        tier: String,
        /// From which severity on a finding says no: error, warning or info
        #[arg(long, default_value = "error", value_name = "SEVERITY")]
        fail_on: String,
    },
    /// What restatements and late data changed since --as-of: amounts by provider, service and leaf
    Diff {
        /// The newer moment; default: the lake as it is
        #[arg(long, value_name = "TIMESTAMP")]
        to_as_of: Option<String>,
        /// Further columns: day, month, scope, model, use_case, team
        #[arg(long, value_delimiter = ',', value_name = "COLUMN")]
        by: Vec<String>,
    },
    /// Write a report: a picture, a page, a workbook, text, data; all say the same numbers. And mail it
    Report {
        /// Name of the report: board, month-close, unit-economics, gpu-fleet, gateway-ops, ai-portfolio
        name: String,
        /// Only these renderings: png, 2x.png, html, xlsx, md, json
        #[arg(long, value_delimiter = ',', value_name = "FORMAT")]
        format: Vec<String>,
        /// Where the files go
        #[arg(long, default_value = ".", value_hint = ValueHint::DirPath)]
        out: PathBuf,
        /// Mail it too, to these or to those of [smtp] in the configuration; once a day for a window
        #[arg(long, value_name = "ADDRESS,…", num_args = 0..=1, require_equals = true, value_delimiter = ',')]
        email: Option<Vec<String>>,
        /// Mail it although it has been, or may have been
        #[arg(long, requires = "email")]
        resend: bool,
    },
    /// Reports by the calendar: when they are due, and making and sending those that are
    #[command(subcommand)]
    Schedule(Schedule),
    /// Budget drills: what if?
    #[command(subcommand)]
    Drill(Drill),
    /// Serve the lake, read-only: SQL for tools that speak PostgreSQL, and a live page
    Serve(Serve),
    /// The lake itself: is every file whole, what was written when, small files, old versions
    #[command(subcommand)]
    Lake(Lake),
    /// Our own charges, AI costs included, as a file for other programs
    #[command(subcommand)]
    Export(Export),
    /// The processes of a cluster, which runs queries that are given --cluster
    #[command(subcommand)]
    Cluster(Cluster),
    /// Write a coherent synthetic company: bills, logs, telemetry, outcomes
    Synth(Synth),
    /// Print shell completions
    Completions {
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

impl Command {
    /// Does it write facts, or files of facts? Then it cannot be asked how things were. A new command has
    /// to say.
    pub(super) fn writes(&self) -> bool {
        match self {
            Command::Demo { .. }
            | Command::Init
            | Command::Ingest(_)
            | Command::Pull(_)
            | Command::Prices(Reference::Import(_))
            | Command::Fx(Reference::Import(_))
            | Command::Schedule(Schedule::Once { .. } | Schedule::Run)
            | Command::Report { email: Some(_), .. }
            | Command::Lake(Lake::Compact { .. } | Lake::Vacuum { .. })
            | Command::Synth(_) => true,
            Command::Prices(Reference::List)
            | Command::Explain(_)
            | Command::Findings { .. }
            | Command::Fx(Reference::List)
            | Command::Sql(_)
            | Command::Metric(_)
            | Command::Forecast(_)
            | Command::Reconcile
            | Command::Check { .. }
            | Command::Diff { .. }
            | Command::Report { .. }
            | Command::Schedule(Schedule::List)
            | Command::Drill(_)
            | Command::Serve(_)
            | Command::Lake(Lake::Verify | Lake::History { .. } | Lake::Stats)
            | Command::Export(_)
            | Command::Cluster(_)
            | Command::Completions { .. }
            | Command::Man => false,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Sql {
    /// One query, or several with ; between them
    #[arg(short, long, value_name = "SQL", conflicts_with = "file")]
    pub(super) command: Option<String>,
    /// A script; '-' is standard input
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) file: Option<PathBuf>,
    /// What $NAME is in the statements; $1, and the first ?, are 1
    #[arg(long = "param", value_name = "NAME=VALUE")]
    pub(super) values: Vec<String>,
    #[command(flatten)]
    pub(super) limits: Limits,
}

/// How far somebody's own SQL may go.
#[derive(Debug, Default, Clone, Args)]
pub(super) struct Limits {
    /// Stop a statement that takes longer, such as 30s or 5min
    #[arg(long, value_name = "TIME")]
    pub(super) timeout: Option<String>,
    /// An answer with more rows is an error
    #[arg(long, value_name = "ROWS")]
    pub(super) max_rows: Option<u64>,
    /// Let FROM 'path' read files of this machine, and of stores that the lake is in
    #[arg(long)]
    pub(super) allow_files: bool,
}

#[derive(Debug, Args)]
pub(super) struct Ingest {
    /// Files, folders, globs; .gz and .zst too
    #[arg(required_unless_present = "retry_rejects", value_hint = ValueHint::AnyPath)]
    pub(super) paths: Vec<String>,
    /// Name of the mapping, instead of recognising the format by content
    #[arg(long)]
    pub(super) format: Option<String>,
    /// Name under which the data is kept; a bill replaces the period of its source
    #[arg(long)]
    pub(super) source: Option<String>,
    /// A mapping file of your own
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) mapping: Option<PathBuf>,
    /// Refuse a file with a bad row (a bill: all its files) instead of setting the row aside
    #[arg(long)]
    pub(super) strict: bool,
    /// Accept a bill that leaves a period with much less than it holds
    #[arg(long)]
    pub(super) accept_shrink: bool,
    /// Accept a bill beside another export of the same account and days
    #[arg(long)]
    pub(super) accept_overlap: bool,
    /// Read anew the files that have rejected rows (those named, or all) and add what can be read now
    #[arg(long, conflicts_with = "explain")]
    pub(super) retry_rejects: bool,
    /// When a telemetry text without timestamps was scraped; default: the file's own time
    #[arg(long, value_name = "TIMESTAMP")]
    pub(super) at: Option<String>,
    /// From when an undated price list holds; default: from the beginning
    #[arg(long, value_name = "DATE")]
    pub(super) valid_from: Option<String>,
    /// Show what is recognised, how each column is read, the first rows and what would be rejected; write nothing
    #[arg(long)]
    pub(super) explain: bool,
}

#[derive(Debug, Args)]
pub(super) struct Pull {
    /// Connectors by their names; all of them when none is named
    pub(super) names: Vec<String>,
    /// Fetch from this day on, where that is earlier than what would be fetched anyway
    #[arg(long, value_name = "DATE")]
    pub(super) since: Option<String>,
    /// Accept a bill that leaves a month with much less than it holds
    #[arg(long)]
    pub(super) accept_shrink: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Reference {
    /// Import files
    Import(Ingest),
    /// Show what is known
    List,
}

#[derive(Debug, Subcommand)]
pub(super) enum Metric {
    /// All metrics
    List {
        /// Only those whose name, title or description has this word
        search: Option<String>,
    },
    /// What a metric means: formula, columns, parameters, SQL
    Show { name: String },
    /// The figures of a window (default: the month to date)
    Run {
        name: String,
        /// Columns to group by, of those that `metric show` lists
        #[arg(long, value_delimiter = ',')]
        by: Option<Vec<String>>,
        /// Parameters of the metric
        #[arg(long = "set", value_name = "KEY=VALUE")]
        set: Vec<String>,
    },
}

/// Where a number comes from, down to the line of the file.
///
/// Prints the rows that a figure of a metric sums, by leaf, charge, request, file, price, rate and rule, and
/// whether they add up to it. Exit status 1 when they do not.
///
/// Examples:
///   spendscope explain spend/by_scope --where scope=AI --period 2026-09
///   spendscope explain unit/cost_per_query --where use_case=support --column cost --period 2026-09
///   spendscope explain spend/by_scope --where scope=AI --period 2026-09 --rows -o csv
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Explain {
    /// Name of the metric, as `metric list` shows it
    pub(super) metric: String,
    /// Which row: a column of the metric and its value; nothing after the sign is NULL
    #[arg(long = "where", value_name = "COLUMN=VALUE")]
    pub(super) at: Vec<String>,
    /// Which figure of the row; default: the one that the metric's chart shows
    #[arg(long, value_name = "NAME")]
    pub(super) column: Option<String>,
    /// Columns to group by; default: those that --where names
    #[arg(long, value_delimiter = ',')]
    pub(super) by: Option<Vec<String>>,
    /// Parameters of the metric
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
    /// Every single row: charge and request, with file and line
    #[arg(long)]
    pub(super) rows: bool,
}

/// How a metric goes on, day by day.
///
/// Several methods are tried on days that they have not seen (a rolling-origin back-test); the best one goes on.
/// Bands hold 80 and 95 of 100 days, as measured there. Fees that come once a month come on their day. A sum is
/// forecast by its parts, and is exactly what they add up to.
///
/// Examples:
///   spendscope forecast spend/daily --horizon 90d
///   spendscope forecast spend/daily --by provider --horizon 12w --grain month -o csv
///   spendscope forecast energy/trend --column kwh_facility --horizon 30d --out pictures
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Forecast {
    /// Name of a metric with a row for each day
    #[arg(required_unless_present = "file")]
    pub(super) metric: Option<String>,
    /// Instead of a metric: CSV with day and amount, perhaps currency, and columns to group by
    #[arg(long, value_name = "FILE", conflicts_with_all = ["metric", "set"], value_hint = ValueHint::FilePath)]
    pub(super) file: Option<PathBuf>,
    /// How far: days or weeks, not further than the history reaches back
    #[arg(long, value_name = "90d|12w", default_value = "30d")]
    pub(super) horizon: String,
    /// Columns to group by, of those that `metric show` lists
    #[arg(long, value_delimiter = ',')]
    pub(super) by: Option<Vec<String>>,
    /// Parameters of the metric
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
    /// What is forecast; default: the column that the metric's chart shows
    #[arg(long, value_name = "NAME")]
    pub(super) column: Option<String>,
    /// Days that are like no other: a file with a date on each line
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) holidays: Option<PathBuf>,
    /// What one row is: a day, a calendar month as far as it lies ahead, or the whole horizon
    #[arg(long, default_value = "day", value_parser = PossibleValuesParser::new(app::GRAINS))]
    pub(super) grain: String,
    /// Folder for the picture, the page and the workbook
    #[arg(long, value_hint = ValueHint::DirPath)]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Schedule {
    /// When each schedule runs next, and how its latest run ended
    List,
    /// Do what is due now and end: for cron or a systemd timer
    Once {
        /// Only this schedule
        #[arg(long)]
        name: Option<String>,
        /// Send the latest run once more, whatever became of it
        #[arg(long, requires = "name")]
        resend: bool,
    },
    /// Follow the schedules until SIGTERM or Ctrl-C
    Run,
}

#[derive(Debug, Subcommand)]
pub(super) enum Drill {
    /// The built-in drills
    List,
    /// Run a drill by name or from a file; exit status 3 when it fails its own criterion
    Run {
        name: String,
        /// Another seed than the scenario's
        #[arg(long)]
        seed: Option<u64>,
        /// What goes to stdout: decisions (default), hedges, book, pools, tornado, contributors, processes, fan
        #[arg(long)]
        table: Option<String>,
        /// Where the pictures and files go
        #[arg(long, default_value = ".", value_hint = ValueHint::DirPath)]
        out: PathBuf,
    },
}

/// Serve the lake, read-only, until SIGTERM or Ctrl-C.
///
/// An address is HOST:PORT, or a port of this machine's loopback. One that others can reach needs a password and a
/// certificate in [serve] of the configuration. New commits are seen without a restart.
///
/// Examples:
///   spendscope serve --postgres 5433 --http 8080
///   psql "host=127.0.0.1 port=5433 user=spendscope dbname=spendscope"
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Serve {
    /// For psql, drivers and BI tools
    #[arg(long, value_name = "ADDR", required_unless_present = "http")]
    pub(super) postgres: Option<String>,
    /// For browsers: the board with a period picker, drill-down and CSV; /healthz, /readyz, /metrics
    #[arg(long, value_name = "ADDR")]
    pub(super) http: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Lake {
    /// Read every data file whole and hold it against the log; exit status 1 when one is damaged
    Verify,
    /// Every change of every table: when, by which command, what it did, from which sources
    History {
        /// Only this table
        table: Option<String>,
    },
    /// Files, rows, bytes and versions of every table, and what compact and vacuum would do
    Stats,
    /// Put small data files together, in order; changes no row, and --as-of answers as before
    Compact {
        /// Only these tables
        tables: Vec<String>,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
    },
    /// Remove data files that only old versions name, and what killed runs left behind
    Vacuum {
        /// Age at which a version may go, such as 30d; default: [lake] keep_history of the configuration
        #[arg(long, value_name = "AGE")]
        older_than: Option<String>,
        /// Accept an age below keep_history: --as-of no longer reaches the instants before it
        #[arg(long)]
        shorten_history: bool,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Export {
    /// A FOCUS file that the official validator passes, whose billed costs add up to the bill
    #[command(disable_version_flag = true)]
    Focus {
        /// Version of FOCUS
        #[arg(long, default_value = "1.2", value_parser = ["1.2"])]
        version: String,
        /// charges: one row per line of the bill; usage: AI and GPU charges split down to who used what
        #[arg(long, default_value = "charges", value_parser = ["charges", "usage"])]
        grain: String,
        /// csv or parquet; default: what the name of the file says, else csv
        #[arg(long, value_parser = ["csv", "parquet"])]
        format: Option<String>,
        /// File to write; default: standard output
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Cluster {
    /// Take queries, cut them into tasks and give these to the executors
    Scheduler {
        /// Where to listen
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:50050")]
        bind: SocketAddr,
        /// Name or address under which executors reach it, when that is not where it listens
        #[arg(long, value_name = "HOST")]
        advertise: Option<String>,
        /// Listen to other machines although nobody is asked for a password
        #[arg(long)]
        insecure_network: bool,
    },
    /// Work on tasks, and read the lake with credentials of its own
    Executor {
        /// The scheduler
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:50050")]
        scheduler: String,
        /// Where to hand out rows; orders are taken at the next port
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:50051")]
        bind: SocketAddr,
        /// Name or address under which the others reach it, when that is not the one it comes from
        #[arg(long, value_name = "HOST")]
        advertise: Option<String>,
        /// Where the rows between two stages lie; they are removed at the end
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        work_dir: Option<PathBuf>,
        /// Megabytes that its tasks hold before they spill [default: 70 % of the machine's]
        #[arg(long, value_name = "MB")]
        memory: Option<u64>,
        /// Partitions to work on at once [default: its cores]
        #[arg(long, value_name = "COUNT")]
        cores: Option<usize>,
        /// Listen to other machines although nobody is asked for a password
        #[arg(long)]
        insecure_network: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct Synth {
    /// Folder to write into
    #[arg(long, value_hint = ValueHint::DirPath)]
    pub(super) out: PathBuf,
    /// The same seed writes the same bytes
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// About how many attempts stand in the gateway's log
    #[arg(long)]
    pub(super) requests: Option<u64>,
    /// A month to measure with: twelve models, 25 use cases, 64 GPUs, a bill of 1.5 million rows
    #[arg(long)]
    pub(super) bench: bool,
    /// Put in so many anomalies, and list them in planted.csv; 60 days at least
    #[arg(long, value_name = "COUNT", conflicts_with = "bench")]
    pub(super) planted: Option<u32>,
    /// A small month and its restatement, worked out by hand: late and corrected files of every kind
    #[arg(long, conflicts_with_all = ["seed", "requests", "bench", "planted"])]
    pub(super) restate: bool,
}
