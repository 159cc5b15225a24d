//! Progress over minutes: a terminal shows how it stands now, and a log gets a line each time that
//! it changes.

use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::{Terminal, sanitize};

/// How a long work stands. What a terminal shows goes away with its drop.
#[derive(Debug)]
pub struct Progress {
    terminal: Terminal,
    /// On a terminal only.
    bar: Option<ProgressBar>,
    state: String,
}

impl Terminal {
    /// A long work begins.
    #[must_use]
    pub fn progress(self) -> Progress {
        let is_shown = !self.quiet && io::stderr().is_terminal();
        let bar = is_shown.then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} ({elapsed})") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Progress { terminal: self, bar, state: String::new() }
    }
}

impl Progress {
    /// This is how it stands now.
    pub fn is(&mut self, state: impl Display) {
        let state = state.to_string();
        if state == self.state {
            return;
        }
        match &self.bar {
            Some(bar) => bar.set_message(sanitize(&state).into_owned()),
            None => self.terminal.tell(&state),
        }
        self.state = state;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
