//! A page of documentation, as far as it can be run.

use std::fs;
use std::path::Path;

/// What stands in a page that a reader may do or see, in its order.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// A command to type.
    Command(Command),
    /// A remark between the commands of a `console` block: something that happens meanwhile.
    Meanwhile { line: usize, what: String },
}

/// A command to type.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    /// The number of its first line.
    pub line: usize,
    pub text: String,
    /// What the page says that it prints; `None` in an `sh` block, which does not say it.
    pub shown: Option<Vec<String>>,
}

impl Command {
    /// The exit code that the page says: a remark behind the command, `# exit code 10…`.
    pub fn exit_code(&self) -> i32 {
        let said = self.text.split_once("# exit code ").map(|(_, said)| said);
        let digits = said.map(|said| said.split(|c: char| !c.is_ascii_digit()).next().unwrap());
        digits.map_or(0, |digits| digits.parse().expect("a number behind `exit code`"))
    }
}

/// The pages: README.md, SECURITY.md and all of docs/.
pub fn all() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec!["README.md".to_owned(), "SECURITY.md".to_owned()];
    for entry in fs::read_dir(root.join("docs")).into_iter().flatten() {
        pages.push(format!("docs/{}", entry.unwrap().file_name().to_str().unwrap()));
    }
    pages.retain(|page| Path::new(page).extension() == Some("md".as_ref()));
    pages.sort();
    pages
}

/// The text of a page.
pub fn read(page: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// The kind of a remark that readers do not see, `<!-- … -->`: what they have done by then.
const REMARK: &str = "<!-- -->";

/// A block between two fences, or a remark between two blocks.
#[derive(Debug)]
pub struct Block {
    /// The number of its first line.
    line: usize,
    /// What stands behind its fence: `sh`, `console` and the like.
    pub kind: String,
    lines: Vec<String>,
}

/// The blocks of a page.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::<Block>::new();
    let mut open = None;
    for (at, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        match (open, line.trim_start().strip_prefix("```")) {
            (None, Some(kind)) => {
                blocks.push(Block { line: at + 2, kind: kind.to_owned(), lines: Vec::new() });
                open = Some(indent);
            }
            (None, None) => {
                let remark = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
                let lines: Vec<_> = remark.into_iter().map(str::to_owned).collect();
                if !lines.is_empty() {
                    blocks.push(Block { line: at + 1, kind: REMARK.to_owned(), lines });
                }
            }
            (Some(_), Some(_)) => open = None,
            (Some(indent), None) => {
                let inside = line.get(indent..).unwrap_or_default().to_owned();
                blocks.last_mut().unwrap().lines.push(inside);
            }
        }
    }
    assert_eq!(open, None, "a block has no end");
    blocks
}

impl Block {
    /// What is to be done, of a block that says it.
    pub fn steps(&self) -> Vec<Step> {
        match self.kind.as_str() {
            "sh" => self.typed(|line| Some(line).filter(|line| !line.trim().is_empty())),
            "console" => self.typed(|line| line.strip_prefix("$ ")),
            "text" => Vec::new(),
            REMARK => {
                vec![Step::Meanwhile { line: self.line, what: self.lines[0].clone() }]
            }
            other => panic!("line {}: unknown kind of block: `{other}`", self.line),
        }
    }

    /// `as_command` finds the lines that are typed; the others are what the command before prints.
    fn typed(&self, as_command: impl Fn(&str) -> Option<&str>) -> Vec<Step> {
        let is_shown = self.kind == "console";
        let mut steps = Vec::new();
        let mut lines = self.lines.iter().zip(self.line..);
        while let Some((text, line)) = lines.next() {
            let remark = text.strip_prefix("# ").filter(|what| starts_over(&steps, is_shown, what));
            if let Some(what) = remark {
                if is_shown {
                    steps.push(Step::Meanwhile { line, what: what.to_owned() });
                }
            } else if let Some(typed) = as_command(text) {
                let mut typed = typed.to_owned();
                while typed.ends_with('\\') {
                    let (next, _) = lines.next().expect("a line behind a backslash");
                    typed = format!("{typed}\n{}", next.trim_start_matches("> "));
                }
                let shown = is_shown.then(Vec::new);
                steps.push(Step::Command(Command { line, text: typed, shown }));
            } else if let Some(Step::Command(Command { shown: Some(shown), .. })) = steps.last_mut()
            {
                shown.push(text.clone());
            } else {
                assert!(text.is_empty(), "line {line}: no command before this output: {text}");
            }
        }
        steps
    }
}

/// Whether a remark may stand here. In a `console` block a `#` may begin what a command prints, so
/// a remark has an empty line before it, or stands first, and begins with a small letter.
fn starts_over(steps: &[Step], is_shown: bool, what: &str) -> bool {
    match steps.last() {
        Some(Step::Command(Command { shown: Some(shown), .. })) if is_shown => {
            shown.last().is_some_and(String::is_empty) && what.starts_with(char::is_lowercase)
        }
        _ => true,
    }
}

/// Whether what a command printed is what the page shows. `…` stands for any text within a line,
/// and for any lines where it stands alone; times of the day, and how long something took, may be
/// others; blanks may be more or fewer.
pub fn is_shown_by(shown: &[String], printed: &str) -> bool {
    let printed: Vec<_> = printed.lines().map(plain).filter(|line| !line.is_empty()).collect();
    let shown: Vec<_> = shown.iter().map(|line| plain(line)).filter(|l| !l.is_empty()).collect();
    fits(&shown, &printed, &|shown, printed| {
        let shown: Vec<_> = shown.chars().collect();
        let printed: Vec<_> = printed.chars().collect();
        fits_char(&shown, &printed)
    })
}

fn fits(shown: &[String], printed: &[String], same: &dyn Fn(&str, &str) -> bool) -> bool {
    match (shown.split_first(), printed.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "…" => {
            (0..=printed.len()).any(|skipped| fits(rest, &printed[skipped..], same))
        }
        (Some((first, rest)), Some((line, others))) => {
            same(first, line) && fits(rest, others, same)
        }
        _ => false,
    }
}

fn fits_char(shown: &[char], printed: &[char]) -> bool {
    match (shown.split_first(), printed.split_first()) {
        (None, None) => true,
        (Some(('…', rest)), _) => {
            (0..=printed.len()).any(|skipped| fits_char(rest, &printed[skipped..]))
        }
        (Some((one, rest)), Some((other, others))) => one == other && fits_char(rest, others),
        _ => false,
    }
}

/// A line with single blanks, and `0` for each number of a time.
pub fn plain(line: &str) -> String {
    let words: Vec<_> = line.split_whitespace().collect();
    let mut plain = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let unit = words.get(at + 1).map_or("", |next| next.trim_end_matches(['.', ',', ')', ';']));
        let is_time = matches!(unit, "s" | "ms" | "h" | "min" | "days") || is_clock(word);
        plain.push(if is_time { without_numbers(word) } else { (*word).to_owned() });
    }
    plain.join(" ")
}

/// `22:05`, and the like with a sign behind it.
fn is_clock(word: &str) -> bool {
    let word = word.trim_end_matches(['.', ',', ')', ';']);
    let number = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    word.split_once(':').is_some_and(|(hours, minutes)| number(hours) && number(minutes))
}

fn without_numbers(word: &str) -> String {
    let mut plain = String::new();
    for part in word.split_inclusive(|c: char| !(c.is_ascii_digit() || c == '.')) {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        plain += if rest.len() < part.len() { "0" } else { "" };
        plain += rest;
    }
    plain
}
