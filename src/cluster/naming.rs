//! Names hosts and clusters: after their own names, and where two collide, after their ids, never
//! after their position. So a name does not move to another machine when the order of an answer
//! changes.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap, HashSet};

use super::duplicates::duplicates_by;
use super::model::Host;
use crate::name::{Id, Slug};

/// The names that are taken, and who else wants one.
///
/// Each claimant has a base name at level 0 and longer ones above it. Of those that want the same
/// name, the ones at the lowest level go one level up, all together; so long until no two agree.
/// It ends because high levels hold so much of the SHA-256 of an id that no two can agree, and no
/// name that somebody else chose looks like one of the highest: see [`Slug::of_name`].
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    taken: HashSet<Slug<'a>>,
}

impl<'a> Names<'a> {
    /// Takes names that are not to be had any more.
    pub(super) fn take(&mut self, names: impl IntoIterator<Item = Slug<'a>>) {
        self.taken.extend(names);
    }

    /// Finds each claimant a name that no other has, in the order of the claimants; they are not
    /// taken yet.
    ///
    /// `name_at(claimant, level)` is what it would be called at that level.
    pub(super) fn settle<T>(
        &self,
        claimants: &[T],
        name_at: impl Fn(&T, usize) -> Slug<'a>,
    ) -> Vec<Slug<'a>> {
        let mut levels = vec![0_usize; claimants.len()];
        let mut names: Vec<Slug<'a>> =
            claimants.iter().map(|claimant| name_at(claimant, 0)).collect();
        let mut raised = self.colliding(&names, &levels, 0..claimants.len());
        let mut wanting = wanting(&names, !raised.is_empty());
        while !raised.is_empty() {
            let mut touched = Vec::new();
            for at in raised {
                if let (Some(level), Some(name), Some(claimant)) =
                    (levels.get_mut(at), names.get_mut(at), claimants.get(at))
                {
                    *level += 1;
                    let next = name_at(claimant, *level);
                    let left = std::mem::replace(name, next.clone());
                    if let Some(others) = wanting.get_mut(&left) {
                        others.remove(&at);
                    }
                    wanting.entry(next.clone()).or_default().insert(at);
                    touched.extend([left, next]);
                }
            }
            // Only there can two agree now: a chain of names that push each other on would cost
            // the square of its length if all were looked at again.
            touched.sort_unstable();
            touched.dedup();
            let again: BTreeSet<usize> =
                touched.iter().filter_map(|name| wanting.get(name)).flatten().copied().collect();
            raised = self.colliding(&names, &levels, again.iter().copied());
        }
        names
    }

    /// Returns who has to go one level up: whoever wants a name that is taken, and of several that
    /// want the same name those at the lowest level.
    fn colliding(
        &self,
        names: &[Slug<'a>],
        levels: &[usize],
        among: impl Iterator<Item = usize> + Clone,
    ) -> Vec<usize> {
        let taken = |&at: &usize| names.get(at).is_some_and(|name| self.taken.contains(name));
        let mut raised: Vec<usize> = Vec::new();
        if !self.taken.is_empty() {
            raised.extend(among.clone().filter(taken));
        }
        for group in duplicates_by(among, |&at| names.get(at)) {
            let lowest = group.iter().map(|&at| levels.get(at)).min();
            let at_lowest = |at: &usize| Some(levels.get(*at)) == lowest && !taken(at);
            raised.extend(group.into_iter().filter(at_lowest));
        }
        raised
    }
}

/// Returns who wants which name, if somebody has to move at all.
fn wanting<'a>(names: &[Slug<'a>], moves: bool) -> HashMap<Slug<'a>, BTreeSet<usize>> {
    let mut wanting: HashMap<_, BTreeSet<_>> = HashMap::new();
    for (at, name) in names.iter().enumerate().filter(|_| moves) {
        wanting.entry(name.clone()).or_default().insert(at);
    }
    wanting
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
    let mut names = Names::default();
    let mut unnamed = hosts.len();
    for (main, active) in [(true, true), (true, false), (false, true), (false, false)] {
        let claims = claims(hosts, |host| host.main == main && host.node.active == active);
        let settled = names.settle(&claims, if main { main_name } else { further_name });
        unnamed -= claims.len();
        if unnamed > 0 {
            names.take(settled.iter().cloned());
        }
        let places: Vec<usize> = claims.iter().map(|claim| claim.at).collect();
        for (at, name) in places.into_iter().zip(settled) {
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

fn main_name<'a>(claim: &Claim<'_, 'a>, level: usize) -> Slug<'a> {
    match level {
        0 => claim.host.name.clone(),
        _ => claim.host.name.with_suffix(&Slug::of_id(claim.host.node.id.as_str(), level)),
    }
}

/// `<node>-<role>`, where the role tells it apart; from level 1 on `<node>-` with a hash of what
/// ssh is told.
fn further_name<'a>(claim: &Claim<'_, 'a>, level: usize) -> Slug<'a> {
    let Claim { host, main, .. } = claim;
    let role = host.role.as_ref().filter(|role| level == 0 && main.role.as_ref() != Some(role));
    let role = role.and_then(|role| Slug::exact(role.as_str()));
    if let Some(Ok(name)) = role.map(|role| Slug::new(format!("{}-{role}", main.name))) {
        return name;
    }
    let endpoint = format!("{}\n{}\n{}", host.host_name, host.port, host.user);
    let hash = match level {
        0 | 1 => Slug::of_id(&endpoint, 1),
        // Two nodes that claim one endpoint, or a hash that was sought: the node's id decides.
        _ => Slug::of_id(&format!("{}\n{endpoint}", host.node.id), level),
    };
    main.name.with_suffix(&hash)
}

/// A cluster's name at a level.
pub(super) fn cluster_name<'a>(slug: &Slug<'a>, id: &Id<'_>, level: usize) -> Slug<'a> {
    match level {
        0 => slug.clone(),
        _ => slug.with_suffix(&Slug::of_id(id.as_str(), level)),
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

    fn settled(names: &mut Names<'static>, wanted: &[(&'static str, &'static str)]) -> Vec<String> {
        names
            .settle(wanted, |(name, id), level| {
                cluster_name(&Slug::new(*name).unwrap(), &Id::new(*id).unwrap(), level)
            })
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn all_that_collide_get_a_part_of_their_id() {
        let part = |id| crate::name::id_part(id);
        let names = settled(&mut Names::default(), &[("x", "1"), ("y", "2"), ("x", "3")]);
        assert_eq!(names, [format!("x-{}", part("1")), "y".into(), format!("x-{}", part("3"))]);
    }

    #[test]
    fn a_name_made_to_collide_with_an_id_part_is_the_one_that_moves() {
        let part = crate::name::id_part("1");
        let sly: &'static str = format!("x-{part}").leak();
        let names = settled(&mut Names::default(), &[("x", "1"), (sly, "2"), ("x", "3")]);
        assert_eq!(names[0], sly);
        assert_eq!(names[1], format!("{sly}-{}", crate::name::id_part("2")));
    }

    #[test]
    fn names_that_push_each_other_on_cost_no_more_than_their_number() {
        let mut wanted = vec![("x", "a"), ("x", "b")];
        let (mut name, mut last) = (Slug::new("x").unwrap(), "a");
        for at in 0..6_000 {
            name = cluster_name(&name, &Id::new(last).unwrap(), 1);
            last = format!("c{at}").leak();
            wanted.push((name.to_string().leak(), last));
        }
        let start = std::time::Instant::now();
        let found = settled(&mut Names::default(), &wanted);
        assert_eq!(found.iter().collect::<HashSet<_>>().len(), wanted.len());
        assert!(start.elapsed() < std::time::Duration::from_secs(10), "{:?}", start.elapsed());
    }

    #[test]
    fn a_name_that_is_taken_stays() {
        let mut names = Names::default();
        names.take([Slug::new("train").unwrap()]);
        let settled = settled(&mut names, &[("train", "2")]);
        assert_eq!(settled, [format!("train-{}", crate::name::id_part("2"))]);
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
