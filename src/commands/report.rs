//! Prints what a command found to stdout, in the form that was asked for.

use std::io::{self, Write};

use serde::Serialize;

use super::output;
use crate::cli::ReportFormat;
use crate::failure::Outcome;
use crate::terminal::table::{Cell, Table, Tone};
use crate::terminal::{stdout_is_colored, stdout_width};
use crate::text::sanitize::needs_escape;

/// A status in the API's words, with its color. No list of them is published.
pub(super) fn status(text: &str) -> Cell {
    let tone = match text.to_ascii_uppercase().as_str() {
        "ACTIVE" | "RUNNING" | "READY" | "ONLINE" | "FINISHED" => Tone::Good,
        "ERROR" | "FAILED" | "UNHEALTHY" | "OFFLINE" => Tone::Bad,
        "TERMINATED" | "TERMINATING" | "DELETING" | "DELETED" | "STOPPED" => Tone::Dim,
        "PROVISIONING" | "PENDING" | "INSTALLING" | "STARTING" | "CREATING" | "QUEUED" => {
            Tone::Waiting
        }
        _ => Tone::Plain,
    };
    Cell::new(text).tone(tone)
}

/// `8 × H100_80GB`; empty where there are none.
pub(super) fn gpus(count: u32, name: Option<&str>) -> String {
    match (count, name) {
        (0, _) => String::new(),
        (count, None) => count.to_string(),
        (count, Some(name)) => format!("{count} × {name}"),
    }
}

/// The version of every JSON object that is printed. One that only gains fields keeps it.
const SCHEMA_VERSION: u32 = 1;

/// Prints tables for people with an empty line between two, one for programs that read lines, or what
/// they show as JSON. `json` is a struct: its fields follow the version.
pub(super) fn print<'t>(
    format: ReportFormat,
    tables: impl IntoIterator<Item = &'t Table>,
    plain: &Table,
    json: &impl Serialize,
) -> Outcome<()> {
    output::print(|to| match format {
        ReportFormat::Table => {
            let (width, colored) = (stdout_width(), stdout_is_colored());
            let tables = tables.into_iter().filter(|table| !table.is_empty());
            for (at, table) in tables.enumerate() {
                if at > 0 {
                    writeln!(to)?;
                }
                table.write(to, width, colored)?;
            }
            Ok(())
        }
        ReportFormat::Plain => plain.write_plain(to),
        ReportFormat::Json => write_json(to, json),
    })
}

/// Writes one object on lines of its own.
fn write_json(to: &mut dyn Write, report: &impl Serialize) -> io::Result<()> {
    #[derive(Serialize)]
    struct Versioned<'r, R> {
        schema_version: u32,
        #[serde(flatten)]
        report: &'r R,
    }

    let versioned = Versioned { schema_version: SCHEMA_VERSION, report };
    writeln!(to, "{}", sanitize(&serde_json::to_string_pretty(&versioned)?))
}

/// The same JSON with what acts on a terminal, or is not seen there, as `\u….` Outside of a text
/// there is none of it but line breaks.
fn sanitize(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && needs_escape(c) {
            let mut units = [0; 2];
            let units = c.encode_utf16(&mut units).iter();
            shown.extend(units.map(|unit| format!("\\u{unit:04x}")));
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_versioned_and_harmless_and_says_the_same() {
        #[derive(Serialize)]
        struct Report {
            name: &'static str,
        }
        let name = "a\u{1b}\u{85}\u{202e}\u{e0041}\u{7f}\"日本";
        let mut text = Vec::new();
        write_json(&mut text, &Report { name }).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(
            text,
            "{\n  \"schema_version\": 1,\n  \"name\": \
             \"a\\u001b\\u0085\\u202e\\udb40\\udc41\\u007f\\\"日本\"\n}\n"
        );
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["name"], name);
    }
}
