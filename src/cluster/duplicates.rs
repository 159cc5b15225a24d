//! Duplicates among many things that are hardly ever duplicates, such as 100,000 names.

use std::hash::{BuildHasher, Hash, RandomState};

/// Returns the items that share a key with another one, in groups.
///
/// They are sorted by a hash of the key: most keys differ, so that the keys themselves are never
/// compared, and no table of them is held in memory.
pub fn duplicates_by<T, K: Hash + Ord>(
    items: impl Iterator<Item = T>,
    key: impl Fn(&T) -> K,
) -> Vec<Vec<T>> {
    let hasher = RandomState::new();
    let mut items: Vec<(u64, T)> = items.map(|item| (hasher.hash_one(key(&item)), item)).collect();
    items.sort_unstable_by(|(hash, item), (other_hash, other)| {
        hash.cmp(other_hash).then_with(|| key(item).cmp(&key(other)))
    });
    let mut groups: Vec<Vec<T>> = Vec::new();
    let mut items = items.into_iter().peekable();
    while let Some((hash, first)) = items.next() {
        let same_key = |next: &(u64, T)| next.0 == hash && key(&next.1) == key(&first);
        let Some((_, second)) = items.next_if(same_key) else { continue };
        let mut group = vec![second];
        while let Some((_, next)) = items.next_if(same_key) {
            group.push(next);
        }
        group.push(first);
        groups.push(group);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_are_found_and_the_rest_is_left_out() {
        let words = ["b", "A", "c", "a", "B", "a", "d"];
        let mut found = duplicates_by(words.into_iter(), |word| word.to_ascii_lowercase());
        for group in &mut found {
            group.sort_unstable();
        }
        found.sort_unstable();
        assert_eq!(found, [vec!["A", "a", "a"], vec!["B", "b"]]);
        assert!(duplicates_by(0..1000, |&number| number).is_empty());
    }
}
