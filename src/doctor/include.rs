//! The line that includes our files: whether ssh comes by it, and what comes before.

use std::path::PathBuf;

use super::disk::Disk;
use super::{Check, Finding, Ourselves};

/// A line of the user's configuration.
type Place = (PathBuf, usize);

/// What the user's configuration says of our files.
#[derive(Default)]
struct Seen {
    /// Lines that include us for every host.
    at_top: Vec<Place>,
    /// Lines that include us for some hosts only.
    in_block: Vec<Place>,
    /// The first setting for every host that comes before us.
    before: Option<(Place, String)>,
}

impl Seen {
    fn of(disk: &Disk) -> Self {
        let mut seen = Self::default();
        disk.walk(&mut |line| {
            let place = (line.file.to_owned(), line.directive.line);
            let keyword = &*line.directive.keyword;
            if line.includes_us {
                let places =
                    if line.blocks.is_empty() { &mut seen.at_top } else { &mut seen.in_block };
                places.push(place);
            } else if line.blocks.is_empty()
                && seen.at_top.is_empty()
                && seen.before.is_none()
                && !matches!(keyword, b"host" | b"match" | b"include" | b"ignoreunknown")
            {
                seen.before = Some((place, String::from_utf8_lossy(keyword).into_owned()));
            }
            true
        });
        seen
    }
}

/// Whether ssh comes by our files.
#[must_use]
pub fn examine(disk: &Disk, ourselves: &Ourselves) -> Vec<Finding> {
    let config = disk.layout.config();
    if let Err(error) = &disk.config {
        return vec![Finding::wrong(Check::Include, error).at(&config)];
    }
    let Seen { at_top, in_block, before } = Seen::of(disk);
    if !disk.is_in_use() {
        return at_top.into_iter().chain(in_block).map(of_no_use).collect();
    }
    let mut findings = Vec::new();
    if let Some((file, line)) = at_top.first() {
        let what = "our files are included for every host";
        findings.push(Finding::ok(Check::Include, what).at_line(file, *line));
        findings.extend(before.map(|((file, line), keyword)| {
            let what = format!("`{keyword}` comes before our files, and counts for our hosts too");
            Finding::note(Check::Include, what)
                .at_line(&file, line)
                .advise("move the Include of our files to the first line")
        }));
    } else {
        let what = if in_block.is_empty() {
            "no line includes our files, so ssh knows none of the names"
        } else {
            "our files are included inside a block only, which may leave out our hosts"
        };
        let finding = Finding::wrong(Check::Include, what).at(&config);
        findings.push(finding.run(ourselves.with(["sync"])));
    }
    findings.extend(in_block.into_iter().map(|(file, line)| {
        Finding::warning(Check::Include, "this Include of our files counts for some hosts only")
            .at_line(&file, line)
            .advise("remove that line; one at the top of the file counts for all")
    }));
    if !disk.layout.is_read_by_ssh() {
        findings.push(
            Finding::note(
                Check::Include,
                format_args!(
                    "a plain ssh reads {}, and not this: use `ssh -F {}`",
                    disk.layout.read_by_ssh().display(),
                    config.display()
                ),
            )
            .at(&config),
        );
    }
    findings
}

fn of_no_use((file, line): Place) -> Finding {
    Finding::note(Check::Include, "this line includes our files, and no cluster is installed")
        .at_line(&file, line)
        .advise("it harms nobody; remove that line")
}
