use proptest::prelude::*;

use super::*;
use crate::install::options::SavedOptions;
use crate::install::state::Source;
use crate::name::{Id, Slug};
use crate::support::any_config::any_config;
use crate::text::digest;

const SSH: &str = "/home/u/.ssh";

fn layout_of(ssh_folder: &str) -> Layout {
    Layout { ssh_folder: ssh_folder.into(), home: "/home/u".into(), same: Vec::new() }
}

fn layout() -> Layout {
    layout_of(SSH)
}

fn record(name: &str) -> Record {
    Record {
        id: Id::new(format!("id-of-{name}")).unwrap(),
        own_name: name.to_owned(),
        name: Slug::new(name.to_owned()).unwrap(),
        source: Source::Stdin,
        options: SavedOptions::default(),
        fragments: Vec::new(),
    }
}

fn desired(record: Record, text: &[u8]) -> Desired {
    let stem = record.stem();
    let put =
        DesiredCluster { record, fragment: text.to_owned(), certificate_key: None, replaces: None };
    Desired { put: BTreeMap::from([(stem, put)]), ..Desired::default() }
}

fn put(clusters: &[(&str, &str)]) -> Desired {
    let put = clusters.iter().flat_map(|(name, text)| desired(record(name), text.as_bytes()).put);
    Desired { put: put.collect(), ..Desired::default() }
}

fn removed(names: &[&str]) -> Desired {
    let removed = names.iter().map(|name| record(name).stem()).collect();
    Desired { removed, ..Desired::default() }
}

fn with_config(config: impl AsRef<[u8]>) -> Present {
    Present { config: Some(config.as_ref().to_owned()), ..Present::default() }
}

/// Carries a change out, on paper.
fn apply(present: &mut Present, change: &Change) {
    let layout = layout();
    if change.path == layout.config() {
        assert_eq!(present.config, change.before);
        present.config.clone_from(&change.after);
    } else if change.path == layout.backup() {
        assert_eq!(present.backup, change.before);
        present.backup.clone_from(&change.after);
    } else {
        let name = change.path.strip_prefix(layout.folder()).unwrap().to_str().unwrap().to_owned();
        assert_eq!(present.files.get(&name), change.before.as_ref());
        present.loose.remove(&name);
        match &change.after {
            Some(after) if name.contains(".bak") => {
                assert!(!present.foreign.contains(&name), "{name}");
                present.foreign.push(name.clone());
                present.kept.insert(name, after.clone());
            }
            Some(after) => {
                present.files.insert(name, after.clone());
            }
            None => {
                present.files.remove(&name);
            }
        }
    }
}

fn run(present: &mut Present, desired: &Desired) -> Plan {
    let plan = plan(&layout(), &present.clone().with_states(), desired, None).unwrap();
    for change in &plan.changes {
        apply(present, change);
    }
    plan
}

fn names(plan: &Plan) -> Vec<String> {
    let name = |change: &Change| {
        let name = change.path.strip_prefix(SSH).unwrap().to_str().unwrap();
        format!("{}{name}", if change.after.is_none() { "-" } else { "" })
    };
    plan.changes.iter().map(name).collect()
}

/// What a person is told.
fn told(plan: &Plan) -> Vec<String> {
    plan.talk.warnings.iter().chain(&plan.talk.notes).map(|told| told.text.clone()).collect()
}

fn text(present: &Present, name: &str) -> String {
    String::from_utf8(present.files[name].clone()).unwrap()
}

#[test]
fn what_comes_stands_whole_before_it_counts_and_what_goes_stops_counting_first() {
    let stem = record("train").stem();
    let mut present = with_config("Host *\n  User u\n");
    let plan = run(&mut present, &put(&[("train", "Host prime.train\n")]));
    assert_eq!(
        names(&plan),
        [
            format!("prime-ssh/{stem}.known_hosts"),
            format!("prime-ssh/{stem}.json"),
            format!("prime-ssh/{stem}.conf"),
            "prime-ssh/last".to_owned(),
            "prime-ssh/clusters".to_owned(),
            "prime-ssh/config".to_owned(),
            "config.prime-ssh.bak".to_owned(),
            "config".to_owned(),
        ]
    );
    assert_eq!(
        present.config.as_deref(),
        Some(&b"Include prime-ssh/config\nHost *\n  User u\n"[..])
    );
    insta::assert_snapshot!(
        ["config", "clusters", "last"].map(|name| text(&present, name)).join("==\n"),
        @r"
        # Written by prime-ssh. Changes here are lost.
        Include /home/u/.ssh/prime-ssh/clusters
        Include /home/u/.ssh/prime-ssh/last
        ==
        # Written by prime-ssh. Changes here are lost.
        Include /home/u/.ssh/prime-ssh/train-6cacc11e.conf
        ==
        # Written by prime-ssh. Changes here are lost.
        # A name that is not above leads nowhere, at once.
        Host prime.train prime.train.*
          HostName %h.invalid.

        # Nothing below belongs to these hosts.
        Host *
        "
    );

    let plan = run(&mut present, &removed(&["train"]));
    assert_eq!(
        names(&plan),
        [
            "config".to_owned(),
            "-config.prime-ssh.bak".to_owned(),
            "-prime-ssh/config".to_owned(),
            "-prime-ssh/clusters".to_owned(),
            "-prime-ssh/last".to_owned(),
            format!("-prime-ssh/{stem}.json"),
            format!("-prime-ssh/{stem}.conf"),
            format!("-prime-ssh/{stem}.known_hosts"),
        ]
    );
    assert_eq!(present, with_config("Host *\n  User u\n"));
}

/// `ssh-keygen -R`, which `check` and the pages advise, leaves the host keys of before beside the new
/// ones.
#[test]
fn what_ssh_keygen_kept_goes_with_the_cluster() {
    let mut present = with_config("Host *\n  User u\n");
    run(&mut present, &put(&[("train", "one")]));
    let old = format!("{}.known_hosts.old", record("train").stem());
    present.files.insert(old.clone(), b"prime-pod0 x AAAA\n".to_vec());
    assert_eq!(names(&run(&mut present, &put(&[("train", "one")]))), [""; 0]);
    assert!(FileStem::of_file(&old).is_some(), "it is none of somebody else's");
    run(&mut present, &removed(&["train"]));
    assert_eq!(present, with_config("Host *\n  User u\n"));
}

#[test]
fn the_same_again_changes_nothing() {
    let mut present = with_config("");
    run(&mut present, &put(&[("b", "B"), ("a", "A")]));
    assert_eq!(names(&run(&mut present, &put(&[("a", "A"), ("b", "B")]))), [""; 0]);
    assert_eq!(names(&run(&mut present, &Desired::default())), [""; 0]);
    let lines = text(&present, "clusters");
    assert!(lines.find("prime-ssh/a-").unwrap() < lines.find("prime-ssh/b-").unwrap());
}

#[test]
fn host_keys_outlive_an_update_and_a_new_name() {
    let mut present = Present::default();
    run(&mut present, &put(&[("train", "one")]));
    let old = record("train").stem();
    present.files.insert(old.file(FileKind::KnownHosts), b"prime-pod0 ssh-ed25519 AAAA\n".to_vec());
    let renamed = Record { name: Slug::new("llama").unwrap(), ..record("train") };
    let new = renamed.stem();
    let plan = run(&mut present, &desired(renamed, b"two"));
    assert_eq!(text(&present, &new.file(FileKind::KnownHosts)), "prime-pod0 ssh-ed25519 AAAA\n");
    assert_eq!(present.all_stems(), BTreeSet::from([new.clone()]));
    assert!(!text(&present, "clusters").contains(&old.to_string()));
    // The old file is emptied when the list no longer names it, and stays for a while.
    let position = |wanted: &str| names(&plan).iter().position(|name| name == wanted).unwrap();
    assert!(position("prime-ssh/clusters") < position(&format!("prime-ssh/{old}.conf")));
    assert_eq!(text(&present, &old.file(FileKind::Fragment)), "");
    assert_eq!(told(&plan), Vec::<String>::new());
}

#[test]
fn an_edited_fragment_is_kept_aside() {
    let stem = record("train").stem();
    let conf = stem.file(FileKind::Fragment);
    let aside = |edit: &str| format!("{conf}.{}.bak", digest::hex(edit, 8));
    let mut present = Present::default();
    run(&mut present, &put(&[("train", "one")]));
    for edit in ["mine", "mine 2"] {
        let name = aside(edit);
        present.files.insert(conf.clone(), edit.as_bytes().to_vec());
        let plan = run(&mut present, &put(&[("train", "two")]));
        assert_eq!(present.kept[&name], edit.as_bytes());
        let kept =
            format!("{SSH}/prime-ssh/{conf} was edited by hand; kept as {SSH}/prime-ssh/{name}");
        assert_eq!(told(&plan), [kept]);
    }
    // The same edit again needs no third place.
    present.files.insert(conf.clone(), b"mine".to_vec());
    let plan = run(&mut present, &removed(&["train"]));
    let [kept, left] = &told(&plan)[..] else { panic!("{plan:?}") };
    assert!(kept.ends_with(&format!("kept as {SSH}/prime-ssh/{}", aside("mine"))), "{kept}");
    assert!(left.starts_with("not ours, and left: ") && left.matches(", /").count() == 1, "{left}");
    assert!(!present.files.contains_key(&conf));
}

/// Whatever has its name by now: what was kept is lost only where that is the same.
#[test]
fn an_edited_fragment_is_kept_under_a_name_that_is_free() {
    let stem = record("train").stem();
    let conf = stem.file(FileKind::Fragment);
    let name = |counter: &str| format!("{conf}.{}{counter}.bak", digest::hex("mine", 8));
    let mut present = Present::default();
    run(&mut present, &put(&[("train", "one")]));
    // One that a person changed, and one that is no file.
    present.foreign = vec![name(""), name(".1")];
    present.kept.insert(name(""), b"changed since".to_vec());
    for again in [false, true] {
        present.files.insert(conf.clone(), b"mine".to_vec());
        let plan = run(&mut present, &put(&[("train", "two")]));
        let kept = format!(
            "{SSH}/prime-ssh/{conf} was edited by hand; kept as {SSH}/prime-ssh/{}",
            name(".2")
        );
        assert_eq!(told(&plan), [kept], "{again}");
        assert_eq!(present.kept[&name(".2")], b"mine");
        assert_eq!(present.kept[&name("")], b"changed since");
        assert_eq!(present.foreign.len(), 3);
    }
}

#[test]
fn a_run_that_died_between_two_files_is_no_edit_by_hand() {
    let mut before = Present::default();
    run(&mut before, &put(&[("train", "one")]));
    let update =
        plan(&layout(), &before.clone().with_states(), &put(&[("train", "two")]), None).unwrap();
    for died_after in 0..=update.changes.len() {
        let mut present = before.clone();
        for change in &update.changes[..died_after] {
            apply(&mut present, change);
        }
        let again = run(&mut present, &put(&[("train", "two")]));
        assert_eq!(told(&again), Vec::<String>::new(), "{died_after}");
        assert_eq!(text(&present, &record("train").stem().file(FileKind::Fragment)), "two");
    }
}

#[test]
fn a_removal_that_died_is_finished_by_the_next_run() {
    let mut before = with_config("Host a");
    run(&mut before, &put(&[("one", "1"), ("two", "2")]));
    let removal = plan(&layout(), &before.clone().with_states(), &removed(&["one"]), None).unwrap();
    for died_after in 0..=removal.changes.len() {
        let mut present = before.clone();
        for change in &removal.changes[..died_after] {
            apply(&mut present, change);
        }
        let mut otherwise = present.clone();
        run(&mut present, &removed(&["one", "two"]));
        assert_eq!(present, with_config("Host a"), "{died_after}");
        // Or it comes back, with other hosts, and nobody has edited anything.
        let plan = run(&mut otherwise, &put(&[("one", "1+")]));
        assert_eq!(told(&plan), Vec::<String>::new(), "{died_after}");
    }
}

#[test]
fn a_new_name_that_died_half_way_leaves_one_cluster() {
    let mut before = Present::default();
    run(&mut before, &put(&[("train", "one")]));
    let old = record("train");
    before.files.insert(old.stem().file(FileKind::KnownHosts), b"prime-pod0 x AAAA\n".to_vec());
    let new = Record { name: Slug::new("llama").unwrap(), ..old.clone() };
    let put = desired(new.clone(), b"two");
    let renaming = plan(&layout(), &before.clone().with_states(), &put, None).unwrap();
    for died_after in 0..=renaming.changes.len() {
        let mut present = before.clone();
        for change in &renaming.changes[..died_after] {
            apply(&mut present, change);
        }
        let installed = present.clone().with_states();
        assert_eq!(installed.records.len(), 1, "{installed:?}");
        let (stem, record) = installed.records.first_key_value().unwrap();
        let (stem, record) = (stem.clone(), record.clone());
        assert!([old.stem(), new.stem()].contains(&stem));
        let mut removed = present.clone();
        let plan = run(&mut present, &desired(record, b"three"));
        assert_eq!(told(&plan), Vec::<String>::new(), "{died_after}");
        assert_eq!(present.all_stems(), BTreeSet::from([stem.clone()]), "{died_after}");
        assert_eq!(text(&present, &stem.file(FileKind::KnownHosts)), "prime-pod0 x AAAA\n");
        assert_eq!(text(&present, "clusters").lines().count(), 2);
        run(&mut removed, &Desired { removed: BTreeSet::from([stem]), ..Desired::default() });
        assert_eq!(removed, Present::default(), "{died_after}");
    }
}

#[test]
fn what_a_person_put_there_counts_or_is_told() {
    let mut present =
        with_config("User u\nInclude ~/.ssh/prime-ssh/*fig\nHost x\n Include prime-ssh/config\n");
    let config = present.config.clone();
    let plan = run(&mut present, &put(&[("train", "one")]));
    assert_eq!(present.config, config);
    assert!(
        told(&plan)[0]
            .contains("config:4 includes our file for some hosts only (the block of line 3)")
    );
    let plan = run(&mut present, &removed(&["train"]));
    assert_eq!(present.config, config);
    assert_eq!(told(&plan).len(), 2);
    assert!(told(&plan).iter().all(|note| note.contains("still includes our file")));
}

#[test]
fn a_file_that_we_made_goes_with_us_unless_somebody_wrote_into_it() {
    let mut present = Present::default();
    run(&mut present, &put(&[("train", "one")]));
    assert_eq!(present.config.as_deref(), Some(&b"Include prime-ssh/config\n"[..]));
    let mut edited = present.clone();
    run(&mut present, &removed(&["train"]));
    assert_eq!(present, Present::default());

    edited.config.as_mut().unwrap().extend(b"Host mine\n");
    run(&mut edited, &removed(&["train"]));
    assert_eq!(edited, with_config("Host mine\n"));
}

#[test]
fn the_backup_stays_where_it_is_the_only_copy() {
    let mut present = with_config("Host a\n");
    run(&mut present, &put(&[("train", "one")]));
    present.config.as_mut().unwrap().extend(b"Host b\n");
    let plan = run(&mut present, &removed(&["train"]));
    assert!(told(&plan)[0].contains("config.prime-ssh.bak stays"));
    assert_eq!(present.config.as_deref(), Some(&b"Host a\nHost b\n"[..]));
    assert_eq!(present.backup.as_deref(), Some(&b"Host a\n"[..]));
}

#[test]
fn damage_of_one_cluster_harms_no_other() {
    let mut present = Present::default();
    run(&mut present, &put(&[("one", "1"), ("two", "2"), ("three", "3")]));
    let [one, two] = ["one", "two"].map(|name| record(name).stem());
    present.files.insert(one.file(FileKind::State), b"{".to_vec());
    present.files.remove(&two.file(FileKind::State));
    let installed = present.clone().with_states();
    assert_eq!(installed.records.len(), 1);
    assert_eq!(installed.damaged.len(), 1);

    let plan = run(&mut present, &put(&[("three", "3+")]));
    assert_eq!(plan.clusters.len(), 3);
    let conf = two.file(FileKind::Fragment);
    assert!(told(&plan)[0].contains(&format!("{conf} has no state beside it")));
    // Installed again, what stands there is nobody's that we know of, so it is kept.
    let plan = run(&mut present, &put(&[("one", "1+"), ("two", "2")]));
    assert!(matches!(&told(&plan)[..], [kept] if kept.contains("kept as")), "{plan:?}");
    assert_eq!(present.clone().with_states().records.len(), 3);
}

#[test]
fn files_of_ours_that_others_may_read_get_their_mode_back() {
    let mut present = Present::default();
    run(&mut present, &put(&[("one", "1"), ("two", "2")]));
    let conf = record("two").stem().file(FileKind::Fragment);
    present.loose = BTreeSet::from([conf.clone(), "config".to_owned()]);
    let plan = run(&mut present, &put(&[("one", "1")]));
    assert_eq!(names(&plan), [format!("prime-ssh/{conf}"), "prime-ssh/config".to_owned()]);
    assert!(present.loose.is_empty());
}

#[test]
fn another_folder_than_sshs_own_is_named_in_full() {
    let layout = layout_of("/data/my ssh");
    let plan = plan(&layout, &Present::default(), &put(&[("train", "one")]), None).unwrap();
    let last = plan.changes.last().unwrap().after.clone().unwrap();
    assert_eq!(String::from_utf8(last).unwrap(), "Include \"/data/my ssh/prime-ssh/config\"\n");
    let layout = layout_of("/data/[ssh]");
    assert!(super::plan(&layout, &Present::default(), &put(&[("train", "one")]), None).is_err());
}

proptest! {
    #[test]
    fn uninstalling_undoes_installing(config in prop::option::of(any_config()), order in any::<bool>()) {
        let found = include::find(config.as_deref().unwrap_or_default(), &layout().include_resolver());
        prop_assume!(found.is_empty());
        let before = Present { config, ..Present::default() };
        let mut present = before.clone();
        run(&mut present, &put(&[("one", "1")]));
        run(&mut present, &put(&[("two", "2")]));
        run(&mut present, &put(&[("two", "2+")]));
        let [first, last] = if order { ["one", "two"] } else { ["two", "one"] };
        run(&mut present, &removed(&[first]));
        prop_assert_eq!(present.all_stems().len(), 1);
        run(&mut present, &removed(&[last]));
        prop_assert_eq!(present, before);
    }
}
