//! How a command reports what it found.

use clap::{Args, ValueEnum};

/// In which form.
#[derive(Args, Clone, Copy, Debug)]
pub struct FormatArgs {
    /// The output format
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: ReportFormat,
}

/// `--format` of the commands that report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people: as wide as the terminal.
    #[value(help = "For people: as wide as the terminal, in color")]
    Table,
    /// For programs: one object, with the version of its shape.
    #[value(help = "One object, with `schema_version`")]
    Json,
    /// For shells: a line a row, tab-separated, whose first field is the name.
    #[value(help = "One tab-separated line per row, no headings; the first field is the name")]
    Plain,
}
