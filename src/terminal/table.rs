//! Tables for people, and the same rows for programs.
//!
//! What a cell says is sanitized from the start: whatever the API called something, it moves no
//! cursor, turns no text around and hides nothing. A terminal that is too narrow gets the least
//! important columns shortened; what a person copies from it never is.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::text::sanitize::sanitize;

/// What stands between two columns.
const GAP: &str = "  ";
/// What a column is not shortened below.
const LEAST: usize = 5;
const HEADING: Style = Style::new().bold();

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    heading: &'static str,
    /// Those with more are shortened first; with none, never.
    yields: u8,
    is_right: bool,
}

impl Column {
    /// One that is shortened where the terminal is too narrow.
    #[must_use]
    pub const fn new(heading: &'static str) -> Self {
        Self { heading, yields: 1, is_right: false }
    }

    /// One that is never shortened, so that copy and paste works: an alias, an id.
    #[must_use]
    pub const fn whole(heading: &'static str) -> Self {
        Self { yields: 0, ..Self::new(heading) }
    }

    /// One that is shortened before the others.
    #[must_use]
    pub const fn minor(heading: &'static str) -> Self {
        Self { yields: 2, ..Self::new(heading) }
    }

    /// The same, with its cells at the right: numbers.
    #[must_use]
    pub const fn right(self) -> Self {
        Self { is_right: true, ..self }
    }
}

/// What a cell is a sign of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing.
    #[default]
    Plain,
    /// All is well.
    Good,
    /// Something is still to come.
    Waiting,
    /// Something is wrong.
    Bad,
    /// It matters less.
    Dim,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Waiting => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default(),
            Self::Dim => Style::new().dimmed(),
        }
    }
}

/// One cell: a text, sanitized, and what it is a sign of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A cell with this text.
    #[must_use]
    pub fn new(text: impl Display) -> Self {
        Self { text: sanitize(&text.to_string()).into_owned(), tone: Tone::Plain }
    }

    /// A cell with this text, or an empty one.
    #[must_use]
    pub fn given(text: Option<impl Display>) -> Self {
        text.map(Self::new).unwrap_or_default()
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The same as a sign of something.
    #[must_use]
    pub fn tone(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

/// Rows under headings.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self { columns: columns.into(), rows: Vec::new() }
    }

    /// Adds a row: a cell for each column.
    pub fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        debug_assert_eq!(N, self.columns.len(), "a cell for each column");
        self.rows.push(cells.into());
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Writes the rows without headings, a tab between two cells: for programs.
    pub fn write_plain(&self, to: &mut dyn Write) -> io::Result<()> {
        for row in &self.rows {
            let cells: Vec<&str> = row.iter().map(|cell| cell.text.as_str()).collect();
            writeln!(to, "{}", cells.join("\t"))?;
        }
        Ok(())
    }

    /// Writes it for people: no wider than `width` columns of a terminal, where there is one.
    /// A column that says nothing is left out, and so is the line of headings where none is given.
    pub fn write(&self, to: &mut dyn Write, width: Option<usize>, colored: bool) -> io::Result<()> {
        let shown = self.shown(width);
        let headings = shown.iter().map(|(_, column, _)| column.heading);
        if headings.clone().any(|heading| !heading.is_empty()) {
            let cells = headings.map(|heading| (heading, HEADING));
            write_line(to, &shown, cells, colored)?;
        }
        for row in &self.rows {
            let cells = shown.iter().map(|(at, ..)| match row.get(*at) {
                Some(cell) => (cell.text.as_str(), cell.tone.style()),
                None => ("", Style::new()),
            });
            write_line(to, &shown, cells, colored)?;
        }
        Ok(())
    }

    /// The columns that say something, each with its place and its width.
    fn shown(&self, width: Option<usize>) -> Vec<Shown> {
        let texts = |at: usize| self.rows.iter().filter_map(move |row| row.get(at));
        let mut shown: Vec<Shown> = (0..)
            .zip(&self.columns)
            .filter(|(at, _)| texts(*at).any(|cell| !cell.text.is_empty()))
            .map(|(at, column)| {
                let widest = texts(at).map(|cell| cell.text.width()).max().unwrap_or_default();
                (at, *column, widest.max(column.heading.width()))
            })
            .collect();
        if let Some(width) = width {
            narrow(&mut shown, width);
        }
        shown
    }
}

/// A column with its place and its width.
type Shown = (usize, Column, usize);

/// Shortens the columns that may be, the least important and of those the widest first.
fn narrow(shown: &mut [Shown], width: usize) {
    let gaps = GAP.len() * shown.len().saturating_sub(1);
    let mut over =
        (shown.iter().map(|(.., width)| width).sum::<usize>() + gaps).saturating_sub(width);
    while over > 0 {
        let can_yield = |(_, column, width): &&mut Shown| column.yields > 0 && *width > LEAST;
        let next = shown
            .iter_mut()
            .filter(can_yield)
            .max_by_key(|(_, column, width)| (column.yields, *width));
        let Some((.., widest)) = next else { return };
        *widest -= 1;
        over -= 1;
    }
}

fn write_line<'c>(
    to: &mut dyn Write,
    shown: &[Shown],
    cells: impl Iterator<Item = (&'c str, Style)>,
    colored: bool,
) -> io::Result<()> {
    // What fills up a line at its end stays away.
    let mut blank = String::new();
    for ((text, style), (_, column, width)) in cells.zip(shown) {
        let text = cut(text, *width);
        let fill = " ".repeat(width.saturating_sub(text.width()));
        if column.is_right {
            blank.push_str(&fill);
        }
        if !text.is_empty() {
            let style = if colored { style } else { Style::new() };
            write!(to, "{blank}{style}{text}{style:#}")?;
            blank.clear();
        }
        if !column.is_right {
            blank.push_str(&fill);
        }
        blank.push_str(GAP);
    }
    writeln!(to)
}

/// As much of a text as fits, and `…` where that is not all.
fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut kept = String::new();
    let mut taken = 0;
    for c in text.chars() {
        taken += c.width().unwrap_or_default();
        if taken >= width {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[[&str; 3]]) -> Table {
        let columns = [Column::whole("ALIAS"), Column::new("STATUS"), Column::minor("GPUS")];
        let mut table = Table::new(columns);
        for row in rows {
            table.row(row.map(Cell::from));
        }
        table
    }

    fn written(table: &Table, width: Option<usize>) -> String {
        let mut text = Vec::new();
        table.write(&mut text, width, false).unwrap();
        String::from_utf8(text).unwrap()
    }

    fn plain(table: &Table) -> String {
        let mut text = Vec::new();
        table.write_plain(&mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn columns_are_as_wide_as_they_need_and_no_line_ends_in_spaces() {
        let table =
            table(&[["prime.a.b", "ACTIVE", "8×H100"], ["x", "", ""], ["y", "STOPPED", ""]]);
        insta::assert_snapshot!(written(&table, None), @r"
        ALIAS      STATUS   GPUS
        prime.a.b  ACTIVE   8×H100
        x
        y          STOPPED
        ");
        assert_eq!(plain(&table), "prime.a.b\tACTIVE\t8×H100\nx\t\t\ny\tSTOPPED\t\n");
    }

    #[test]
    fn what_says_nothing_is_left_out_for_people_and_stays_for_programs() {
        let table = table(&[["a", "", "x"], ["b", "", "y"]]);
        assert_eq!(written(&table, None), "ALIAS  GPUS\na      x\nb      y\n");
        assert_eq!(plain(&table), "a\t\tx\nb\t\ty\n");
    }

    #[test]
    fn numbers_stand_at_the_right_and_a_table_can_have_no_headings() {
        let mut table = Table::new([Column::new(""), Column::new("").right()]);
        table.row(["a".into(), "8".into()]);
        table.row(["bb".into(), "128".into()]);
        assert_eq!(written(&table, None), "a     8\nbb  128\n");
    }

    #[test]
    fn the_least_important_is_shortened_first_and_an_alias_never() {
        let table = table(&[["prime.train.node-0", "PROVISIONING", "NVIDIA H100 80GB HBM3"]]);
        let at = |width| written(&table, Some(width)).lines().last().unwrap().to_owned();
        assert_eq!(at(80), "prime.train.node-0  PROVISIONING  NVIDIA H100 80GB HBM3");
        assert_eq!(at(45), "prime.train.node-0  PROVISIONING  NVIDIA H10…");
        assert_eq!(at(35), "prime.train.node-0  PROVISI…  NVID…");
        assert_eq!(at(10), "prime.train.node-0  PROV…  NVID…");
    }

    #[test]
    fn wide_letters_take_two_columns() {
        let table =
            table(&[["a", "日本語クラスタ", "x"], ["b", "e\u{301}té", "y"], ["c", "🚀", "z"]]);
        let lines = [
            "ALIAS  STATUS          GPUS",
            "a      日本語クラスタ  x",
            "b      e\u{301}té             y",
            "c      🚀              z\n",
        ];
        assert_eq!(written(&table, None), lines.join("\n"));
        // Half of a wide letter is none.
        let narrow = written(&table, Some(21));
        assert!(narrow.contains("a      日本語…   x"), "{narrow}");
    }

    #[test]
    fn nothing_in_a_cell_acts_or_hides() {
        let hostile = "a\tb\nc\u{1b}[2J\u{202e}d\u{200b}e\u{ad}f\u{e0041}";
        let table = table(&[["x", hostile, "y"]]);
        let shown = r"a\tb\nc\u{1b}[2J\u{202e}d\u{200b}e\u{ad}f\u{e0041}";
        assert_eq!(plain(&table), format!("x\t{shown}\ty\n"));
        assert!(written(&table, None).contains(&format!("x      {shown}  y")));
    }

    #[test]
    fn colours_only_where_they_are_taken() {
        let mut table = Table::new([Column::whole("A")]);
        table.row([Cell::new("up").tone(Tone::Good)]);
        let mut text = Vec::new();
        table.write(&mut text, None, true).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text, "\u{1b}[1mA\u{1b}[0m\n\u{1b}[32mup\u{1b}[0m\n");
        assert_eq!(written(&table, None), "A\nup\n");
    }
}
