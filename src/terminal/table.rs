//! Tables for people, and the same rows for programs.
//!
//! What a cell says is sanitized from the start: whatever the API called something, it moves no
//! cursor, turns no text around and hides nothing. Where a terminal is too narrow, sentences take more
//! lines or stand below the table, ids become as short as still tells them apart, and columns are left
//! out, the least important first. Where that will not do, each row becomes a few lines of its own, and
//! nothing of it is cut. What is longer than any name is cut for people, but never for programs.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use super::wrap::{cut, wrap};
use crate::name::ID_START;
use crate::text::sanitize::{NAME_SHOWN, sanitize};

/// The gap between two columns.
const GAP: &str = "  ";
/// The least width to which a text is cut, and that of sentences.
const TEXT_MIN: usize = 12;
const WRAPPED_MIN: usize = 24;
/// The most lines of a sentence in its column.
const LINES_MAX: usize = 2;
const HEADING: Style = Style::new().bold();

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    heading: &'static str,
    kind: Kind,
    is_right: bool,
}

/// The treatment of a column where the terminal is too narrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Nothing.
    Whole,
    /// It is shortened, to what tells its cells apart.
    Id,
    /// It is left out, those with the lowest rank first.
    Minor(u8),
    /// It is cut where nothing else helps.
    Text,
    /// It goes on below itself, as the last column of a table.
    Wrapped,
}

impl Column {
    /// One that is cut where nothing else helps.
    #[must_use]
    pub const fn new(heading: &'static str) -> Self {
        Self { heading, kind: Kind::Text, is_right: false }
    }

    /// One that always stays whole, so that copy and paste works: an alias.
    #[must_use]
    pub const fn whole(heading: &'static str) -> Self {
        Self { kind: Kind::Whole, ..Self::new(heading) }
    }

    /// Ids, which stay apart when they are shortened.
    #[must_use]
    pub const fn id(heading: &'static str) -> Self {
        Self { kind: Kind::Id, ..Self::new(heading) }
    }

    /// Sentences, which take as many lines as they need: the last column.
    #[must_use]
    pub const fn wrapped(heading: &'static str) -> Self {
        Self { kind: Kind::Wrapped, ..Self::new(heading) }
    }

    /// One that is left out where there is no room; of several, that with the lowest rank first.
    #[must_use]
    pub const fn minor(heading: &'static str, rank: u8) -> Self {
        Self { kind: Kind::Minor(rank), ..Self::new(heading) }
    }

    /// The same, with its cells at the right: numbers.
    #[must_use]
    pub const fn right(self) -> Self {
        Self { is_right: true, ..self }
    }

    fn has_heading(&self) -> bool {
        !self.heading.is_empty()
    }

    /// Returns whether it holds no sentences, and nothing that we made to be copied.
    fn is_name(&self) -> bool {
        !matches!(self.kind, Kind::Wrapped | Kind::Whole)
    }

    /// As much of a cell as people see where there is room for all of it.
    fn fitting<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.is_name() { cut(text, NAME_SHOWN) } else { Cow::Borrowed(text) }
    }
}

/// The meaning of a cell, shown by its color.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing.
    #[default]
    Plain,
    /// Success.
    Good,
    /// In progress.
    Waiting,
    /// Failure.
    Bad,
    /// Less important.
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
    is_whole: bool,
}

impl Cell {
    /// A cell with this text.
    #[must_use]
    pub fn new(text: impl Display) -> Self {
        Self { text: sanitize(&text.to_string()).into_owned(), ..Self::default() }
    }

    /// A cell with this text, or an empty one.
    #[must_use]
    pub fn given(text: Option<impl Display>) -> Self {
        text.map(Self::new).unwrap_or_default()
    }

    /// Returns whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The same as a sign of something.
    #[must_use]
    pub fn tone(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }

    /// The same in a wrapped column on one line, however long: an alias, a command.
    #[must_use]
    pub fn whole(self) -> Self {
        Self { is_whole: true, ..self }
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

    /// Returns whether there are no rows.
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
        let mut shown = self.shown();
        let mut below = None;
        if let Some(width) = width {
            self.narrow(&mut shown, width);
            // One without headings is no list of things that a person acts on.
            if self.columns.iter().any(Column::has_heading) {
                if !self.has_room(&shown, width) {
                    below = shown.last().map(|last| last.at);
                    shown = self.shown();
                    shown.pop();
                    self.narrow(&mut shown, width);
                }
                if overhang(&shown, width) > 0 {
                    return self.write_stacked(to, width, colored);
                }
            }
        }
        if shown.iter().any(|shown| shown.column.has_heading()) {
            let cells = shown.iter().map(|shown| (shown.column.heading, HEADING));
            write_line(to, &shown, cells, colored)?;
        }
        for row in &self.rows {
            let cells = shown.iter().filter_map(|shown| row.get(shown.at));
            write_row(to, &shown, &cells.collect::<Vec<_>>(), colored)?;
        }
        match (below, width) {
            (Some(at), Some(width)) => self.write_below(to, at, width),
            _ => Ok(()),
        }
    }

    /// Returns whether sentences have a column that is wide enough, where there are any.
    fn has_room(&self, shown: &[Shown], width: usize) -> bool {
        let Some(last) = shown.last().filter(|last| last.column.kind == Kind::Wrapped) else {
            return true;
        };
        let mut texts = self.rows.iter().filter_map(|row| row.get(last.at));
        overhang(shown, width) == 0
            && texts.all(|cell| wrap(&cell.text, last.width).len() <= LINES_MAX)
    }

    /// Writes the sentences of a column, each behind what its row is about.
    fn write_below(&self, to: &mut dyn Write, at: usize, width: usize) -> io::Result<()> {
        let mut separator = "\n";
        for row in &self.rows {
            let Some((first, cell)) = row.first().zip(row.get(at)) else { continue };
            if cell.is_empty() {
                continue;
            }
            let text = format!("{}: {}", first.text, cell.text);
            for line in wrap(&text, width.saturating_sub(GAP.len())) {
                writeln!(to, "{separator}{line}")?;
                separator = GAP;
            }
            separator = "";
        }
        Ok(())
    }

    /// The columns that say something.
    fn shown(&self) -> Vec<Shown> {
        let texts = |at: usize| self.rows.iter().filter_map(move |row| row.get(at));
        let columns = (0..).zip(&self.columns);
        let says = |(at, _): &(usize, &Column)| texts(*at).any(|cell| !cell.text.is_empty());
        let shown = |(at, column): (usize, &Column)| {
            let widest = texts(at).map(|cell| cell.text.width()).max().unwrap_or_default();
            let widest = if column.is_name() { widest.min(NAME_SHOWN) } else { widest };
            Shown { at, column: *column, width: widest.max(column.heading.width()) }
        };
        columns.filter(says).map(shown).collect()
    }

    /// Makes the table fit, as far as it can be.
    fn narrow(&self, shown: &mut Vec<Shown>, width: usize) {
        let over = |shown: &[Shown]| overhang(shown, width);
        let is_wrapped = |shown: &&mut Shown| shown.column.kind == Kind::Wrapped;
        let sentences = shown.last_mut().filter(is_wrapped).map(|last| {
            let wanted = last.width;
            last.width = wanted.min(WRAPPED_MIN);
            wanted
        });
        let is_over = over(shown) > 0;
        for id in shown.iter_mut().filter(|shown| is_over && shown.column.kind == Kind::Id) {
            id.width = id.width.min(self.distinct_width(id.at).max(id.column.heading.width()));
        }
        while over(shown) > 0 {
            let rank = |(place, shown): (usize, &Shown)| match shown.column.kind {
                Kind::Minor(rank) => Some((rank, place)),
                _ => None,
            };
            let Some((_, place)) = shown.iter().enumerate().filter_map(rank).min() else { break };
            shown.remove(place);
        }
        while over(shown) > 0 {
            let can_yield =
                |shown: &&mut Shown| shown.column.kind == Kind::Text && shown.width > TEXT_MIN;
            let texts = shown.iter_mut().filter(can_yield);
            let Some(widest) = texts.max_by_key(|shown| shown.width) else { break };
            widest.width -= 1;
        }
        // They get the room that is left.
        let taken: usize = shown.iter().map(|shown| shown.width + GAP.len()).sum();
        let room = (width + GAP.len()).saturating_sub(taken);
        if let Some((wanted, last)) = sentences.zip(shown.last_mut().filter(is_wrapped)) {
            last.width = wanted.min(last.width + room);
        }
    }

    /// Writes each row as lines of its own: its first cell, and below it what the others say.
    fn write_stacked(&self, to: &mut dyn Write, width: usize, colored: bool) -> io::Result<()> {
        for row in &self.rows {
            let mut cells = row.iter().zip(&self.columns);
            let Some((first, column)) = cells.next() else { continue };
            writeln!(to, "{}", column.fitting(&first.text))?;
            for (cell, column) in cells.filter(|(cell, _)| !cell.is_empty()) {
                let style = if colored { cell.tone.style() } else { Style::new() };
                let colon = if column.has_heading() { ": " } else { "" };
                let named = [column.heading, colon, &*column.fitting(&cell.text)].concat();
                // A terminal breaks what it is too narrow for, and still copies it whole.
                let is_whole = cell.is_whole || matches!(column.kind, Kind::Whole | Kind::Id);
                let room = if is_whole { usize::MAX } else { width.saturating_sub(GAP.len()) };
                for line in wrap(&named, room) {
                    writeln!(to, "{GAP}{style}{line}{style:#}")?;
                }
            }
        }
        Ok(())
    }

    /// Returns the width at which the ids of a column can be told apart, with the `…` behind them.
    fn distinct_width(&self, at: usize) -> usize {
        let mut ids: Vec<&str> =
            self.rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.text.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        let common = |pair: &[&str]| match pair {
            [one, other] => one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count(),
            _ => 0,
        };
        let longest = ids.windows(2).map(common).max().unwrap_or_default();
        (longest + 1).max(ID_START) + 1
    }
}

/// A column that is shown, with its place in a row and its width.
struct Shown {
    at: usize,
    column: Column,
    width: usize,
}

/// By how much the columns are too wide.
fn overhang(shown: &[Shown], width: usize) -> usize {
    let gaps = GAP.len() * shown.len().saturating_sub(1);
    (shown.iter().map(|shown| shown.width).sum::<usize>() + gaps).saturating_sub(width)
}

/// Writes a row, and below it what its last cell says beyond its width.
fn write_row(
    to: &mut dyn Write,
    shown: &[Shown],
    cells: &[&Cell],
    colored: bool,
) -> io::Result<()> {
    let Some((last, before)) = cells.split_last() else { return Ok(()) };
    let lines = match shown.last() {
        Some(Shown { column: Column { kind: Kind::Wrapped, .. }, width, .. }) if !last.is_whole => {
            wrap(&last.text, *width)
        }
        _ => vec![last.text.clone()],
    };
    for (at, line) in lines.iter().enumerate() {
        let before = before.iter().map(|cell| {
            let text = if at == 0 { cell.text.as_str() } else { "" };
            (text, cell.tone.style())
        });
        write_line(to, shown, before.chain([(line.as_str(), last.tone.style())]), colored)?;
    }
    Ok(())
}

fn write_line<'c>(
    to: &mut dyn Write,
    shown: &[Shown],
    cells: impl Iterator<Item = (&'c str, Style)>,
    colored: bool,
) -> io::Result<()> {
    // What fills up a line at its end stays away.
    let mut blank = String::new();
    for ((text, style), Shown { column, width, .. }) in cells.zip(shown) {
        let is_cut = column.kind != Kind::Wrapped;
        let text = if is_cut { cut(text, *width) } else { text.into() };
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

#[cfg(test)]
mod tests {
    use super::*;

    impl From<&str> for Cell {
        fn from(text: &str) -> Self {
            Self::new(text)
        }
    }

    fn table(rows: &[[&str; 3]]) -> Table {
        let columns = [Column::whole("ALIAS"), Column::new("STATUS"), Column::minor("GPUS", 1)];
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
    fn a_narrow_terminal_gets_short_ids_more_lines_and_fewer_columns() {
        let mut table = Table::new([
            Column::new("NAME"),
            Column::id("ID"),
            Column::new("STATUS"),
            Column::minor("AGE", 1),
            Column::minor("GPUS", 2),
            Column::wrapped("DETAIL"),
        ]);
        let ids = ["6f1e1d3a-0000-4000-8000-0123456789ab", "6f1e1d3a-0100-4000-8000-0123456789ab"];
        table.row([
            "llama".into(),
            ids[0].into(),
            "ACTIVE".into(),
            "3 days".into(),
            "8".into(),
            "".into(),
        ]);
        table.row([
            "mistral".into(),
            ids[1].into(),
            "PROVISIONING".into(),
            "5 min".into(),
            "16".into(),
            "the host key has changed since".into(),
        ]);
        let at = |width| written(&table, Some(width));
        assert!(at(120).lines().all(|line| !line.contains('…')));
        insta::assert_snapshot!(at(68), @r"
        NAME     ID            STATUS        GPUS  DETAIL
        llama    6f1e1d3a-00…  ACTIVE        8
        mistral  6f1e1d3a-01…  PROVISIONING  16    the host key has changed
                                                   since
        ");
        insta::assert_snapshot!(at(62), @r"
        NAME     ID            STATUS        DETAIL
        llama    6f1e1d3a-00…  ACTIVE
        mistral  6f1e1d3a-01…  PROVISIONING  the host key has changed
                                             since
        ");
        insta::assert_snapshot!(at(30), @r"
        llama
          ID: 6f1e1d3a-0000-4000-8000-0123456789ab
          STATUS: ACTIVE
          AGE: 3 days
          GPUS: 8
        mistral
          ID: 6f1e1d3a-0100-4000-8000-0123456789ab
          STATUS: PROVISIONING
          AGE: 5 min
          GPUS: 16
          DETAIL: the host key has
          changed since
        ");
    }

    #[test]
    fn long_sentences_stand_below_the_table_behind_what_they_are_about() {
        let mut table = Table::new([
            Column::whole("HOST"),
            Column::new("STATE"),
            Column::minor("LATENCY", 1).right(),
            Column::wrapped("DETAIL"),
        ]);
        let key = "the key ~/.ssh/id (SHA256:0123456789012345678901234567890123456789012) is not \
                   accepted";
        table.row(["prime.train.node-0".into(), "failed".into(), "9 ms".into(), key.into()]);
        table.row(["prime.train.node-1".into(), "ok".into(), "12 ms".into(), "".into()]);
        table.row(["prime.train.node-2".into(), "skipped".into(), "".into(), "behind it".into()]);
        let at = |width| written(&table, Some(width));
        insta::assert_snapshot!(at(70), @r"
        HOST                STATE    LATENCY
        prime.train.node-0  failed      9 ms
        prime.train.node-1  ok         12 ms
        prime.train.node-2  skipped

        prime.train.node-0: the key ~/.ssh/id
          (SHA256:0123456789012345678901234567890123456789012) is not accepted
        prime.train.node-2: behind it
        ");
        // Its columns need the room, and so do the words.
        insta::assert_snapshot!(at(40), @r"
        HOST                STATE    LATENCY
        prime.train.node-0  failed      9 ms
        prime.train.node-1  ok         12 ms
        prime.train.node-2  skipped

        prime.train.node-0: the key ~/.ssh/id
          (SHA256:012345678901234567890123456789
          0123456789012) is not accepted
        prime.train.node-2: behind it
        ");
        // There, two lines are enough.
        insta::assert_snapshot!(at(110), @r"
        HOST                STATE    LATENCY  DETAIL
        prime.train.node-0  failed      9 ms  the key ~/.ssh/id (SHA256:0123456789012345678901234567890123456789012)
                                              is not accepted
        prime.train.node-1  ok         12 ms
        prime.train.node-2  skipped           behind it
        ");
        assert_eq!(written(&table, None).lines().count(), 4);
    }

    #[test]
    fn what_is_copied_is_not_broken() {
        let mut table = Table::new([Column::whole(""), Column::wrapped("")]);
        let long = "prime.a-name-that-is-longer-than-the-terminal";
        table.row(["alias".into(), Cell::new(long).whole()]);
        table.row(["said".into(), "rm 'it'\\''s a file' or `see this, too`; it's said".into()]);
        table.row(["other".into(), Cell::new("x".repeat(30))]);
        insta::assert_snapshot!(written(&table, Some(31)), @r"
        alias  prime.a-name-that-is-longer-than-the-terminal
        said   rm 'it'\''s a file' or
               `see this, too`; it's
               said
        other  xxxxxxxxxxxxxxxxxxxxxxxx
               xxxxxx
        ");
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
        let narrow = written(&table, Some(19));
        assert!(narrow.contains("a      日本語クラ…\n"), "{narrow}");
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
    fn colors_only_where_they_are_taken() {
        let mut table = Table::new([Column::whole("A")]);
        table.row([Cell::new("up").tone(Tone::Good)]);
        let mut text = Vec::new();
        table.write(&mut text, None, true).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text, "\u{1b}[1mA\u{1b}[0m\n\u{1b}[32mup\u{1b}[0m\n");
        assert_eq!(written(&table, None), "A\nup\n");
    }
}
