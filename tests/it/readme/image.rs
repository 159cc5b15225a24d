//! The image of the README: a real session, drawn from what the commands print.
//!
//! `bash docs/session` redraws it; the test fails where it is not what the commands print today.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::page::plain;
use super::reader::Reader;
use crate::support::alone::alone;

const SESSION: [&str; 3] =
    ["prime-ssh install train", "prime-ssh check train --login", "ssh prime.train.node-1 pwd"];
/// Set by `docs/session`: where to write the image.
const WRITE: &str = "PRIME_SSH_TESTS_DRAW";

const LINE_HEIGHT: usize = 20;
const MARGIN: usize = 20;
const WIDTH: usize = 760;

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Lines that were typed, and lines that were printed.
fn lines(reader: &Reader) -> Vec<(bool, String)> {
    let mut lines = Vec::new();
    for command in SESSION {
        let ran = reader.run(command, "");
        assert_eq!(ran.code, 0, "{command}: {}", ran.printed);
        lines.push((true, command.to_owned()));
        // What ssh remembers about host keys is another story, and its version is this machine's.
        let printed = ran.printed.lines().filter(|line| !line.starts_with("Warning: "));
        lines.extend(printed.map(|line| {
            let version = line.find("OpenSSH_").map_or(line.len(), |at| at + "OpenSSH".len());
            (false, line[..version].trim_end().to_owned())
        }));
    }
    lines
}

fn drawn(lines: &[(bool, String)]) -> String {
    let height = 2 * MARGIN + LINE_HEIGHT * lines.len();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" \
         font-size=\"14\">\n<rect width=\"{WIDTH}\" height=\"{height}\" rx=\"8\" fill=\"#1b1f24\"/>\n"
    );
    for (at, (typed, line)) in lines.iter().enumerate() {
        let y = MARGIN + LINE_HEIGHT * at + 14;
        let (color, prompt) = if *typed { ("#ffffff", "$ ") } else { ("#b7c0cb", "") };
        let text = escaped(line);
        writeln!(
            svg,
            "<text x=\"{MARGIN}\" y=\"{y}\" fill=\"{color}\" xml:space=\"preserve\">{prompt}{text}</text>"
        )
        .unwrap();
    }
    svg + "</svg>\n"
}

#[test]
fn in_namespaces_the_image_is_what_the_commands_print() {
    needs!("namespaces", "sshd", "ansible");
    alone("readme::image::in_namespaces_the_image_is_what_the_commands_print", || {
        let mut reader = Reader::new();
        reader.has_read_the_quick_start();
        let now = drawn(&lines(&reader));
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/session.svg");
        let there = fs::read_to_string(&place).unwrap_or_default();
        let without_times = |svg: &str| svg.lines().map(plain).collect::<Vec<_>>();
        if std::env::var_os(WRITE).is_some() {
            fs::write(&place, now).unwrap();
        } else {
            assert_eq!(without_times(&there), without_times(&now), "run: bash docs/session");
        }
    });
}
