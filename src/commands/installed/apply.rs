//! From a decision to files: lock, plan, show or check, ask ssh, put in place, tell.

use std::time::{Duration, Instant};

use super::desired::DesiredBuilder;
use super::jumps;
use super::summary::{self, Line};
use crate::certificate::own_keys::OwnKey;
use crate::cli::ModeArgs;
use crate::failure::{Failure, Kind, OrFail, Outcome};
use crate::fs::{FileError, Lock, real_folder};
use crate::install::apply::Stage;
use crate::install::desired::{Desired, DesiredCluster};
use crate::install::layout::{LOCK, Layout};
use crate::install::permissions::Fault;
use crate::install::plan::{Change, Owner, Plan, plan};
use crate::install::present::Present;
use crate::install::refresh::RefreshState;
use crate::install::state::{FileKind, FileStem, Record};
use crate::install::verify::verify;
use crate::install::{diff, folder};
use crate::settings::{Context, LOCK_LIMIT};
use crate::ssh::query;
use crate::terminal::{self, Terminal};
use crate::text::message::{Message, Talk, counted};
use crate::text::shell;

/// The way in which a run changes things.
#[derive(Clone, Copy)]
pub(in crate::commands) struct Applying<'a> {
    pub(in crate::commands) layout: &'a Layout,
    pub(in crate::commands) mode: ModeArgs,
    /// The longest wait for other runs.
    pub(in crate::commands) lock_limit: Duration,
    /// The moment since which somebody waits for a connection.
    pub(in crate::commands) began: Option<Instant>,
    /// True if the summary says how to connect.
    pub(in crate::commands) tells_how_to_connect: bool,
    pub(in crate::commands) context: &'a Context,
}

impl<'a> Applying<'a> {
    pub(in crate::commands) fn new(
        layout: &'a Layout,
        mode: ModeArgs,
        context: &'a Context,
    ) -> Self {
        Self {
            layout,
            mode,
            lock_limit: LOCK_LIMIT,
            began: None,
            tells_how_to_connect: false,
            context,
        }
    }
}

/// The result of a run.
#[derive(Debug)]
pub(in crate::commands) struct Applied {
    pub(in crate::commands) desired: Desired,
    /// The clusters, and what became of each.
    pub(in crate::commands) lines: Vec<Line>,
    pub(in crate::commands) talk: Talk,
    plan: Plan,
    /// True if the subscription was asked for new clusters.
    checked_new: bool,
    /// The name to connect with, where that is to be said.
    connect: Option<String>,
    /// The reason that the user's configuration was left as it is, where it may only be read.
    unwritten: Option<FileError>,
}

/// Lets `decide` see what is there, and does what it decides; with another mode it finds out only
/// what that would be.
pub(in crate::commands) fn apply_request(
    applying: &Applying<'_>,
    decide: impl FnOnce(&mut DesiredBuilder<'_>) -> Outcome<()>,
) -> Outcome<Applied> {
    let Applying { layout, mode, context, .. } = *applying;
    let mut lock = if mode.applies() { Some(Held::take(applying)?) } else { None };
    let mut present = folder::read(layout)?;
    if let Some(lock) = &mut lock {
        lock.made |= present.folder_is_ours;
        present.folder_is_ours = lock.made;
    }
    let mut builder = DesiredBuilder::new(layout, &present, context);
    decide(&mut builder)?;
    jumps::refuse_loops(&mut builder);
    jumps::warn_of_lost(&mut builder);
    let DesiredBuilder { mut desired, mut lines, mut talk, key_warnings, checked_new, .. } =
        builder;
    for (warning, key) in key_warnings {
        let option = |key: OwnKey| shell::command(["--identity-file".as_ref(), key.option()]);
        talk.warn(match key.map(option) {
            Some(option) => format!("{warning}: install with `{option}`"),
            None => warning,
        });
    }
    let would = if mode.applies() { "" } else { " would change" };
    for DesiredCluster { record, .. } in desired.put.values() {
        let old = present.of_id(record.id.as_str());
        if let Some(changes) = old.and_then(|old| record.options.since(&old.options)) {
            talk.note(format!("options for {}{would}: {changes}", record.alias()));
        }
    }
    if let Some(follow) = &mut desired.follow {
        // One that was taken away by name, and now is installed by name, is in it again.
        follow.excluded.retain(|id| desired.put.values().all(|put| put.record.id.as_str() != id));
    }
    lines.sort_by(|a, b| a.cluster.cmp(&b.cluster));
    let refresh = context.refresh_command(&layout.ssh_folder).ok();
    let plan = plan(layout, &present, &desired, refresh.as_ref()).or_fail(Kind::Install)?;
    let first = desired.put.values().map(|put| &put.record).min_by_key(|record| record.alias());
    let (alias, connect) = (first.map(Record::alias), first.map(Record::typed_name));
    let connect = connect.filter(|_| mode.applies() && applying.tells_how_to_connect);
    let mut applied = Applied { desired, lines, talk, plan, checked_new, connect, unwritten: None };
    if mode.applies() {
        applied.apply(layout, &present, alias.as_deref())?;
        applied.write_down(applying);
    }
    Ok(applied)
}

impl Applied {
    /// Puts the files in place. `alias` is a name of ours for ssh to try.
    fn apply(&mut self, layout: &Layout, present: &Present, alias: Option<&str>) -> Outcome<()> {
        if self.plan.changes.is_empty() && self.connect.is_none() {
            return Ok(());
        }
        let stage = Stage::new(&self.plan).or_fail(Kind::Local)?;
        let talk = &mut self.talk;
        if let Some(warning) = verify(layout, present, &self.plan, &stage, alias)? {
            talk.warn(warning);
            self.connect = None;
        }
        // `ssh -F` does not look at the owner and the mode.
        let config = layout.config();
        let takes_own_group = || layout.is_read_by_ssh() && query::takes_its_files();
        if let Some(fault) = Fault::of(&config, takes_own_group) {
            talk.warn(format!("{} {fault}: `{}`", config.display(), fault.remedy(&config)));
            self.connect = None;
        }
        self.unwritten = stage.put()?;
        Ok(())
    }

    /// Writes down when each cluster was brought up to date, and why one was not.
    fn write_down(&self, applying: &Applying<'_>) {
        let layout = applying.layout;
        let clusters =
            self.lines.iter().filter_map(|line| Some((line.stem.clone()?, line.what.failure())));
        let subscription = self.checked_new.then(|| (FileStem::subscription(), None));
        for (stem, failure) in clusters.chain(subscription) {
            // What is known of one that is gone, the next run removes.
            if !layout.part(&stem, FileKind::State).exists() {
                continue;
            }
            let mut state = RefreshState::read(layout, &stem);
            if failure.is_none() {
                let put = self.desired.put.get(&stem);
                state.certificate_key = put.and_then(|put| put.certificate_key.clone());
            }
            let took = applying.began.map(|began| began.elapsed());
            state.end(failure.map(Failure::in_short), took);
            // Whoever comes next tries again, then.
            let _ = state.write(layout, &stem);
        }
    }

    /// Tells what was done, or shows what would be. The run fails with the worst of what failed.
    pub(in crate::commands) fn tell(&self, applying: &Applying<'_>) -> Outcome<()> {
        let Self { lines, plan, unwritten, .. } = self;
        let Applying { layout, mode, context, .. } = *applying;
        let terminal = context.terminal;
        let would = !mode.applies();
        terminal.talk(&self.talk);
        if let Some(why) = unwritten {
            tell_unwritten(layout, plan, why, terminal);
        }
        if mode.dry_run {
            let colored = terminal::stdout_is_colored();
            let shown: Vec<&Change> = plan
                .changes
                .iter()
                .filter(|change| {
                    terminal.is_verbose() || change.is_of_hosts() || change.owner == Owner::User
                })
                .collect();
            terminal::print_data(|to| diff::write(&shown, colored, to)).or_fail(Kind::Local)?;
            let more = match plan.changes.len() - shown.len() {
                0 => String::new(),
                count => format!("; -v shows {}", counted(count, "more file")),
            };
            terminal.note(format_args!("a dry run: nothing was changed{more}"));
        }
        terminal.talk(&plan.talk);
        if let Some(line) = plan.new_line.as_ref().filter(|_| !would && unwritten.is_none()) {
            let config = layout.config();
            terminal.note(format_args!("{} has a new first line: {line}", config.display()));
        }
        if !mode.check {
            summary::tell(lines, would, terminal);
        }
        if let Some(name) = self.connect.as_ref().filter(|_| unwritten.is_none()) {
            terminal.tell(format_args!("connect with: {}", layout.ssh_command(name)));
        }
        summary::tell_failures(lines, terminal)?;
        if mode.check && !plan.changes.is_empty() {
            let paths = plan.changes.iter().map(|change| change.path.display());
            let message = Message::with_lines("would change:", paths);
            return Err(Failure::message(Kind::WouldChange, message));
        }
        Ok(())
    }
}

/// The lock, and our folder for as long as there is something in it.
struct Held<'l> {
    lock: Lock,
    /// The same for the folder in which the user's configuration really stands.
    _shared: Option<Lock>,
    layout: &'l Layout,
    /// True if there was no ssh folder before us.
    made: bool,
}

impl<'l> Held<'l> {
    fn take(applying: &Applying<'l>) -> Outcome<Self> {
        let Applying { layout, context, .. } = *applying;
        // A link in the place of our folder is refused before anything is made in it.
        folder::is_there(layout)?;
        folder::check_owner(layout)?;
        let path = layout.file(LOCK);
        let waiting = || context.terminal.note("waiting for another run of prime-ssh to end");
        let mut made = false;
        let prepare = || {
            made |= folder::make(layout)?;
            Ok(())
        };
        let lock = Lock::take(&path, applying.lock_limit, prepare, waiting)?;
        // Several homes may share one configuration by links, and each has a lock of its own.
        let shared = real_folder(&layout.config()).ok();
        let shared = shared
            .map(|folder| Lock::take_folder(&folder, applying.lock_limit, waiting))
            .transpose()?;
        folder::clean(layout);
        Ok(Self { lock, _shared: shared.flatten(), layout, made })
    }
}

impl Drop for Held<'_> {
    /// Where nothing was installed, or all of it is gone, nothing of ours stays.
    fn drop(&mut self) {
        folder::remove_if_unused(self.layout, &self.lock, self.made);
    }
}

fn tell_unwritten(layout: &Layout, plan: &Plan, why: &FileError, terminal: Terminal) {
    let Ok(line) = layout.include_line() else { return };
    let config = layout.config();
    let config = config.display();
    let to_do = if plan.clusters.is_empty() {
        format!("this line in {config} is of no use any more:")
    } else {
        format!("add this line as the first of {config}:")
    };
    terminal.warning(Message::with_lines(why, [to_do, line.to_string()]));
}
