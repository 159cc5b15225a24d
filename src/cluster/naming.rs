//! Names hosts and clusters: after their own names, and where two collide, after their ids, never
//! after their position. So a name does not move to another machine when the order of an answer
//! changes.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use super::duplicates::duplicates_by;
use super::model::Host;
use crate::name::{Id, Slug};

/// What a name has behind it, so that no other is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suffix {
    None,
    /// The first digits of a hash.
    Short,
    /// The whole hash, which no name of somebody's choice ends in: see [`Slug::of_name`].
    Whole,
}

/// Finds each claimant a name that no other has and that is not `taken`, in the order of the
/// claimants.
///
/// Those that want the same name all get a short suffix. Who wants what one of them is called now
/// gets a whole one, and so do those that still agree: by chance once in billions of names, or
/// because somebody sought it.
pub(super) fn unique_names<'a, T>(
    taken: &HashSet<Slug<'a>>,
    claimants: &[T],
    name: impl Fn(&T, Suffix) -> Slug<'a>,
) -> Vec<Slug<'a>> {
    let mut names: Vec<Slug<'a>> =
        claimants.iter().map(|claimant| name(claimant, Suffix::None)).collect();
    let moved = contested(&names, taken);
    rename(&mut names, &moved, claimants, |claimant| name(claimant, Suffix::Short));
    if !moved.is_empty() {
        let mut again = contested(&names, taken);
        let mut movers: HashMap<&Slug<'a>, usize> = HashMap::new();
        for name in moved.iter().filter_map(|&at| names.get(at)) {
            *movers.entry(name).or_default() += 1;
        }
        let is_alone = |name: &Slug<'a>| movers.get(name) == Some(&1) && !taken.contains(name);
        again.retain(|at| !(moved.contains(at) && names.get(*at).is_some_and(is_alone)));
        rename(&mut names, &again, claimants, |claimant| name(claimant, Suffix::Whole));
    }
    names
}

/// Returns who wants a name that is taken, or that another one wants.
fn contested<'a>(names: &[Slug<'a>], taken: &HashSet<Slug<'a>>) -> HashSet<usize> {
    let is_taken = |(at, name)| taken.contains(name).then_some(at);
    let mut contested = HashSet::new();
    if !taken.is_empty() {
        contested.extend(names.iter().enumerate().filter_map(is_taken));
    }
    let shared = duplicates_by(names.iter().enumerate(), |(_, name)| *name);
    contested.extend(shared.into_iter().flatten().map(|(at, _)| at));
    contested
}

fn rename<'a, T>(
    names: &mut [Slug<'a>],
    which: &HashSet<usize>,
    claimants: &[T],
    name: impl Fn(&T) -> Slug<'a>,
) {
    for (at, (old, claimant)) in names.iter_mut().zip(claimants).enumerate() {
        if which.contains(&at) {
            *old = name(claimant);
        }
    }
}

/// A host that wants a name.
struct Claim<'h, 'a> {
    /// Its place among the hosts.
    at: usize,
    host: &'h Host<'a>,
    /// The main connection of its node; the host itself where it is that.
    main: &'h Host<'a>,
}

/// Names all hosts of a cluster. Each holds its node's slug when this begins, and a node's further
/// connections stand behind its main one.
///
/// Nodes in the cluster come before those that left it, and a node's main connection before any
/// further one: a newcomer of a lower rank takes no name away.
pub(super) fn name_hosts(hosts: &mut [Host<'_>]) {
    let mut taken = HashSet::new();
    let mut unnamed = hosts.len();
    for (main, active) in [(true, true), (true, false), (false, true), (false, false)] {
        let claims = claims(hosts, |host| host.main == main && host.node.active == active);
        let named = unique_names(&taken, &claims, if main { main_name } else { further_name });
        unnamed -= claims.len();
        if unnamed > 0 {
            taken.extend(named.iter().cloned());
        }
        let places: Vec<usize> = claims.iter().map(|claim| claim.at).collect();
        for (at, name) in places.into_iter().zip(named) {
            if let Some(host) = hosts.get_mut(at) {
                host.name = name;
            }
        }
    }
}

fn claims<'h, 'a>(hosts: &'h [Host<'a>], wants: impl Fn(&Host<'a>) -> bool) -> Vec<Claim<'h, 'a>> {
    let mut main = None;
    let mut claims = Vec::new();
    for (at, host) in hosts.iter().enumerate() {
        if host.main {
            main = Some(host);
        }
        if wants(host) {
            claims.push(Claim { at, host, main: main.unwrap_or(host) });
        }
    }
    claims
}

fn main_name<'a>(claim: &Claim<'_, 'a>, suffix: Suffix) -> Slug<'a> {
    name_with_id(&claim.host.name, &claim.host.node.id, suffix)
}

/// A name with a hash of an id behind it.
pub(super) fn name_with_id<'a>(name: &Slug<'a>, id: &Id<'_>, suffix: Suffix) -> Slug<'a> {
    match suffix {
        Suffix::None => name.clone(),
        Suffix::Short => name.with_suffix(&Slug::of_id(id.as_str())),
        Suffix::Whole => name.with_suffix(&Slug::of_whole_hash(id.as_str())),
    }
}

/// `<node>-<role>`, where the role tells it apart; otherwise `<node>-` with a hash of what ssh is
/// told.
fn further_name<'a>(claim: &Claim<'_, 'a>, suffix: Suffix) -> Slug<'a> {
    let Claim { host, main, .. } = claim;
    let role = host.role.as_ref().filter(|role| main.role.as_ref() != Some(role));
    let role = role.and_then(|role| Slug::exact(role.as_str()));
    let with_role = role.and_then(|role| Slug::new(format!("{}-{role}", main.name)).ok());
    let endpoint = format!("{}\n{}\n{}", host.host_name, host.port, host.user);
    match (suffix, with_role) {
        (Suffix::None, Some(name)) => name,
        (Suffix::None | Suffix::Short, _) => main.name.with_suffix(&Slug::of_id(&endpoint)),
        // Two nodes that claim one endpoint, or a hash that was sought: the node's id decides.
        (Suffix::Whole, _) => {
            let hash = Slug::of_whole_hash(&format!("{}\n{endpoint}", host.node.id));
            main.name.with_suffix(&hash)
        }
    }
}

/// Compares as a person does: `node-2` comes before `node-10`.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        match (a.split_first(), b.split_first()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some((x, rest_a)), Some((y, rest_b))) => {
                if x.is_ascii_digit() && y.is_ascii_digit() {
                    let (number_a, behind_a) = split_number(a);
                    let (number_b, behind_b) = split_number(b);
                    let order =
                        number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(number_b));
                    if order.is_ne() {
                        return order;
                    }
                    (a, b) = (behind_a, behind_b);
                } else if x == y {
                    (a, b) = (rest_a, rest_b);
                } else {
                    return x.cmp(y);
                }
            }
        }
    }
}

/// The digits in front without their leading zeros, and what is behind them.
fn split_number(text: &[u8]) -> (&[u8], &[u8]) {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, behind) = text.split_at(digits);
    let zeros = number.iter().take_while(|&&b| b == b'0').count();
    (number.get(zeros..).unwrap_or_default(), behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(
        taken: &HashSet<Slug<'static>>,
        wanted: &[(&'static str, &'static str)],
    ) -> Vec<String> {
        let name = |(name, id): &(&'static str, &'static str), suffix| {
            name_with_id(&Slug::new(*name).unwrap(), &Id::new(*id).unwrap(), suffix)
        };
        unique_names(taken, wanted, name).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn all_that_collide_get_a_part_of_their_id() {
        let part = |id| crate::name::id_part(id);
        let names = named(&HashSet::new(), &[("x", "1"), ("y", "2"), ("x", "3")]);
        assert_eq!(names, [format!("x-{}", part("1")), "y".into(), format!("x-{}", part("3"))]);
    }

    #[test]
    fn a_name_made_to_collide_with_an_id_part_is_the_one_that_moves() {
        let part = crate::name::id_part("1");
        let sly: &'static str = format!("x-{part}").leak();
        let names = named(&HashSet::new(), &[("x", "1"), (sly, "2"), ("x", "3")]);
        assert_eq!(names[0], sly);
        assert_eq!(
            names[1],
            Slug::new(sly).unwrap().with_suffix(&Slug::of_whole_hash("2")).as_str()
        );
    }

    #[test]
    fn names_that_push_each_other_on_cost_no_more_than_their_number() {
        let mut wanted = vec![("x", "a"), ("x", "b")];
        let (mut name, mut last) = (Slug::new("x").unwrap(), "a");
        for at in 0..6_000 {
            name = name.with_suffix(&Slug::of_id(last));
            last = format!("c{at}").leak();
            wanted.push((name.to_string().leak(), last));
        }
        let start = std::time::Instant::now();
        let found = named(&HashSet::new(), &wanted);
        assert_eq!(found.iter().collect::<HashSet<_>>().len(), wanted.len());
        assert!(start.elapsed() < std::time::Duration::from_secs(10), "{:?}", start.elapsed());
    }

    #[test]
    fn a_name_that_is_taken_stays() {
        let taken = HashSet::from([Slug::new("train").unwrap()]);
        let named = named(&taken, &[("train", "2")]);
        assert_eq!(named, [format!("train-{}", crate::name::id_part("2"))]);
    }

    #[test]
    fn natural_order() {
        let mut names = [
            "node-10",
            "node-2",
            "a",
            "node-02",
            "node-1-b",
            "node-1",
            "",
            "node",
            "99999999999999999999",
            "9",
        ];
        names.sort_by(|a, b| natural(a, b).then_with(|| a.cmp(b)));
        assert_eq!(
            names,
            [
                "",
                "9",
                "99999999999999999999",
                "a",
                "node",
                "node-1",
                "node-1-b",
                "node-02",
                "node-2",
                "node-10"
            ]
        );
    }
}
