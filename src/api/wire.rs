//! The JSON of the API as it stands on the wire, and nothing else: no rule, no check.
//!
//! Texts borrow from the answer, and what nobody reads is skipped unparsed, so that a large answer
//! costs little more than its own size. A field of the wrong type is no error here: it is kept as
//! a [`Value`] that is not what it should be, so that the check can say where it stands.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Serialize};

use crate::text::sanitize::excerpt;

/// One JSON value that should be a text, a number or a flag. Lists and objects are passed over.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value<'a> {
    /// The field is not there, or `null`.
    #[default]
    Missing,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number that fits.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// A text.
    Text(Cow<'a, str>),
    /// `[…]`.
    List,
    /// `{…}`.
    Object,
}

impl Value<'_> {
    /// The text, where it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Value<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_bool<E>(self, v: bool) -> Result<Value<'de>, E> {
                Ok(Value::Bool(v))
            }

            fn visit_i64<E>(self, v: i64) -> Result<Value<'de>, E> {
                Ok(Value::Integer(v))
            }

            fn visit_u64<E>(self, v: u64) -> Result<Value<'de>, E> {
                #[expect(clippy::cast_precision_loss, reason = "only shown, never used")]
                Ok(i64::try_from(v).map_or(Value::Number(v as f64), Value::Integer))
            }

            fn visit_f64<E>(self, v: f64) -> Result<Value<'de>, E> {
                Ok(Value::Number(v))
            }

            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Value<'de>, E> {
                Ok(Value::Text(Cow::Borrowed(v)))
            }

            fn visit_str<E>(self, v: &str) -> Result<Value<'de>, E> {
                Ok(Value::Text(Cow::Owned(v.to_owned())))
            }

            fn visit_unit<E>(self) -> Result<Value<'de>, E> {
                Ok(Value::Missing)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value<'de>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Value::List)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Value::Object)
            }
        }

        deserializer.deserialize_any(Any)
    }
}

/// The answer of Get Cluster, as `ClusterDetailResponse` in the contract.
///
/// `N` collects the nodes one by one while they are parsed: a list of these structs would take a
/// hundred times the memory of the text `{},{},…`. A `Vec` will do where that does not matter.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(
    rename_all = "camelCase",
    default,
    bound(deserialize = "N: Default + Extend<Node<'de>>, 'de: 'a")
)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct Cluster<'a, N> {
    pub id: Value<'a>,
    pub name: Value<'a>,
    pub provider_type: Value<'a>,
    pub status: Value<'a>,
    pub vault_enabled: Value<'a>,
    pub gpu_name: Value<'a>,
    pub gpu_count: Value<'a>,
    pub team_id: Value<'a>,
    pub orchestrator_type: Value<'a>,
    pub terminated_at: Value<'a>,
    #[serde(deserialize_with = "each")]
    pub nodes: N,
    #[serde(deserialize_with = "each", skip_serializing)]
    pub ssh_keys: SshKeys<'a>,
}

/// One node (pod), as `ClusterNodeDetail`.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct Node<'a> {
    #[serde(borrow)]
    pub id: Value<'a>,
    pub name: Value<'a>,
    pub status: Value<'a>,
    pub installation_progress: Value<'a>,
    pub installation_failure: Value<'a>,
    pub gpu_name: Value<'a>,
    pub gpu_count: Value<'a>,
    pub is_detached: Value<'a>,
    pub terminated_at: Value<'a>,
    #[serde(deserialize_with = "list")]
    pub connections: Vec<Connection<'a>>,
}

/// One way into a node, as `ClusterNodeConnection`.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct Connection<'a> {
    #[serde(borrow)]
    pub pod_id: Value<'a>,
    pub host: Value<'a>,
    pub port: Value<'a>,
    pub user: Value<'a>,
    pub role: Value<'a>,
    pub is_control_node: Value<'a>,
}

/// One authorized key, as `ClusterSSHKeyDetail`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct SshKey<'a> {
    #[serde(borrow)]
    pub role: Value<'a>,
    pub public_key: Value<'a>,
}

/// The keys of a cluster. Those that say nothing are left out: a list of many would fill the memory.
#[derive(Debug, Default)]
pub struct SshKeys<'a>(pub Vec<SshKey<'a>>);

impl<'a> Extend<SshKey<'a>> for SshKeys<'a> {
    fn extend<T: IntoIterator<Item = SshKey<'a>>>(&mut self, keys: T) {
        let says = |key: &SshKey<'a>| [&key.role, &key.public_key] != [&Value::Missing; 2];
        self.0.extend(keys.into_iter().filter(says));
    }
}

/// The answer of Request Certificate, as `CertificateResponse`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct Signed<'a> {
    #[serde(borrow)]
    pub signed_key: Value<'a>,
    #[serde(deserialize_with = "list")]
    pub nodes: Vec<Connection<'a>>,
}

/// The reason that a text is not an answer of the API: never the text itself, only where it went
/// wrong.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A web page, as a proxy or a login portal sends it.
    #[error("a web page (HTML) instead of JSON")]
    Html,
    /// It is no JSON, or not of the contract's shape: the place, and the parser's words without any
    /// text of the answer.
    #[error("{0}")]
    Wrong(String),
    /// `"data": null` or an empty list: the API found nothing to tell.
    #[error("`data` is empty: the API has nothing to tell")]
    NoData,
}

/// The most characters of a path that are shown: a key that nobody asked for may be any text.
const PATH: usize = 100;

impl Malformed {
    /// What is wrong at a place in the structure (`data.nodes[3]`).
    #[must_use]
    pub fn at(path: &str, reason: &str) -> Self {
        Self::Wrong(format!("{}: {reason}", excerpt(path, PATH)))
    }
}

/// A cluster with the start of its JSON paths: `data.`, `data[3].` or nothing.
type Placed<'a, N> = (String, Cluster<'a, N>);

/// Parses an answer of Get Cluster, or a file: `{"data": {…}}`, `{"data": [{…}, …]}`, or a bare
/// cluster. There is at least one.
pub fn parse<'a, N>(text: &'a str) -> Result<Vec<Placed<'a, N>>, Malformed>
where
    N: Default + Extend<Node<'a>>,
{
    #[derive(Deserialize)]
    #[serde(bound(deserialize = "N: Default + Extend<Node<'de>>, 'de: 'a"))]
    struct Wrapper<'a, N> {
        #[serde(default, deserialize_with = "one_or_several")]
        data: Option<Vec<Placed<'a, N>>>,
    }

    match read::<Wrapper<'a, N>>(text)?.data {
        None => Ok(vec![(String::new(), read(text)?)]),
        Some(clusters) if clusters.is_empty() => Err(Malformed::NoData),
        Some(clusters) => Ok(clusters),
    }
}

/// Reads the value of `data`; `null` is an empty list.
fn one_or_several<'de: 'a, 'a, D: Deserializer<'de>, N: Default + Extend<Node<'de>>>(
    deserializer: D,
) -> Result<Option<Vec<Placed<'a, N>>>, D::Error> {
    struct OneOrSeveral<N>(PhantomData<N>);

    impl<'de, N: Default + Extend<Node<'de>>> Visitor<'de> for OneOrSeveral<N> {
        type Value = Vec<Placed<'de, N>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a cluster or a list of clusters")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            let cluster = Cluster::deserialize(MapAccessDeserializer::new(map))?;
            Ok(vec![("data.".to_owned(), cluster)])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
            let list = Each { limit: CLUSTERS_MAX, takes_null: true, types: PhantomData };
            let clusters: Vec<Cluster<'de, N>> = list.visit_seq(seq)?;
            let placed = |(at, cluster)| (format!("data[{at}]."), cluster);
            Ok(clusters.into_iter().enumerate().map(placed).collect())
        }
    }

    deserializer.deserialize_any(OneOrSeveral(PhantomData)).map(Some)
}

/// Reads an answer of Request Certificate.
pub fn signed(text: &str) -> Result<Signed<'_>, Malformed> {
    #[derive(Deserialize)]
    struct Wrapped<'a> {
        #[serde(borrow)]
        data: Option<Signed<'a>>,
    }

    read::<Wrapped<'_>>(text)?.data.ok_or(Malformed::NoData)
}

/// The most clusters that one file may hold.
const CLUSTERS_MAX: usize = 100_000;

/// The longest list that is held in memory as a whole. An empty object is three bytes of text and
/// takes a hundred times that here, so a long list of them could fill any machine's memory.
const LIST_MAX: usize = 10_000;

/// Reads the objects of a list into `C`, one by one.
struct Each<T, C> {
    limit: usize,
    /// True if `null` is an empty list.
    takes_null: bool,
    types: PhantomData<(T, C)>,
}

impl<'de, T: Deserialize<'de>, C: Default + Extend<T>> Visitor<'de> for Each<T, C> {
    type Value = C;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E: de::Error>(self) -> Result<C, E> {
        if self.takes_null {
            Ok(C::default())
        } else {
            Err(E::invalid_type(Unexpected::Unit, &self))
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<C, A::Error> {
        let mut collection = C::default();
        let mut count = 0;
        while let Some(Object(element)) = seq.next_element()? {
            if count == self.limit {
                return Err(de::Error::custom(format_args!("a list of over {count}")));
            }
            count += 1;
            collection.extend([element]);
        }
        Ok(collection)
    }
}

/// A list of any length, which `C` does not hold as a whole.
fn each<'de, D: Deserializer<'de>, T: Deserialize<'de>, C: Default + Extend<T>>(
    deserializer: D,
) -> Result<C, D::Error> {
    deserializer.deserialize_any(Each { limit: usize::MAX, takes_null: true, types: PhantomData })
}

fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(Each { limit: LIST_MAX, takes_null: true, types: PhantomData })
}

/// A list that must be there.
pub(super) fn rows<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(Each { limit: LIST_MAX, takes_null: false, types: PhantomData })
}

/// A struct that is read from an object only: serde would take a list too, field by field.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Map<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Object<T>, A::Error> {
                Err(de::Error::custom("a list instead of an object"))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_any(Map(PhantomData))
    }
}

/// Reads an object of the API's.
pub fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Malformed> {
    // Some editors and shells put a byte order mark in front of what they save.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let read = serde_json::from_str(text).map(|Object(read)| read);
    read.map_err(|error| malformed::<Object<T>>(text, &error))
}

/// Finds out where it went wrong: a second reading that keeps track of the path, which the first
/// one should not pay for.
fn malformed<'a, T: Deserialize<'a>>(text: &'a str, error: &serde_json::Error) -> Malformed {
    let start = text.trim_start();
    if start.is_empty() {
        return Malformed::Wrong("empty instead of JSON".to_owned());
    }
    if start.starts_with('<') {
        return Malformed::Html;
    }
    if error.is_eof() {
        let (line, column) = (error.line(), error.column());
        return Malformed::Wrong(format!("the JSON is cut off at line {line}, column {column}"));
    }
    let mut parser = serde_json::Deserializer::from_str(text);
    let path = serde_path_to_error::deserialize::<_, T>(&mut parser)
        .map_err(|error| error.path().to_string())
        .err()
        .filter(|path| path != ".");
    let words = without_text(&error.to_string());
    let reason = if error.is_syntax() { format!("not JSON: {words}") } else { words };
    match path {
        Some(path) => Malformed::at(&path, &reason),
        None => Malformed::Wrong(reason),
    }
}

/// The parser's words without the text of the answer in them, which may be as long as that is, and
/// hold what a server should not have sent back: `invalid type: string "…", expected a list`.
fn without_text(words: &str) -> String {
    match (words.split_once(" \""), words.rsplit_once('"')) {
        (Some((before, _)), Some((_, behind))) => format!("{before}{behind}"),
        _ => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Placed<'_, Vec<Node<'_>>>>, Malformed> {
        super::parse(text)
    }

    fn cluster(text: &str) -> Cluster<'_, Vec<Node<'_>>> {
        parse(text).unwrap().remove(0).1
    }

    #[test]
    fn wrapped_and_bare_are_the_same() {
        let bare = r#"{"id": "c", "name": "train", "nodes": [{"id": "n", "connections": null}]}"#;
        let wrapped = format!(r#"{{"status": null, "data": {bare}}}"#);
        let several = format!(r#"{{"data": [{bare}, {bare}]}}"#);
        assert_eq!(cluster(bare).name, cluster(&wrapped).name);
        assert_eq!((cluster(bare).nodes.len(), cluster(&wrapped).nodes.len()), (1, 1));
        let clusters = parse(&several).unwrap();
        assert_eq!((clusters.len(), clusters[1].1.nodes.len()), (2, 1));
        assert_eq!(clusters[1].0, "data[1].");
    }

    #[test]
    fn a_value_of_any_type_is_kept_as_what_it_is() {
        let nodes = r#"{"nodes": [{"id": 5, "name": null, "status": [1, {"a": []}],
            "gpuName": {"x": 1}, "gpuCount": 1.5, "isDetached": true,
            "connections": [{"port": 18446744073709551615, "host": "a\/b"}]}]}"#;
        let answer = cluster(nodes);
        let node = &answer.nodes[0];
        assert_eq!(node.id, Value::Integer(5));
        assert_eq!(node.name, Value::Missing);
        assert_eq!(node.status, Value::List);
        assert_eq!(node.gpu_name, Value::Object);
        assert_eq!(node.gpu_count, Value::Number(1.5));
        assert_eq!(node.is_detached, Value::Bool(true));
        let connection = &node.connections[0];
        assert!(matches!(connection.port, Value::Number(_)));
        assert_eq!(connection.host.text(), Some("a/b"));
        assert_eq!(connection.user, Value::Missing);
    }

    #[test]
    fn what_is_no_answer_says_where() {
        let error = |text: &str| parse(text).unwrap_err();
        let wrong = |text: &str| {
            let Malformed::Wrong(what) = error(text) else { panic!("{text}") };
            what
        };
        assert_eq!(wrong(""), "empty instead of JSON");
        assert_eq!(error(" \n<html>"), Malformed::Html);
        assert_eq!(error(r#"{"data": null}"#), Malformed::NoData);
        assert_eq!(error(r#"{"data": []}"#), Malformed::NoData);
        let cut = "the JSON is cut off at line 2, column 8";
        assert_eq!(wrong("{\"data\": {\n\"id\": \"x"), cut);
        wrong("{\"data\": tru }");
        let what = wrong(r#"{"data": {"nodes": [{}, 5]}}"#);
        assert!(what.starts_with("data.nodes[1]: ") && what.contains("line 1 column"), "{what}");
        let twice = r#"{"data": {"nodes": [{"id": "a", "id": "b"}]}}"#;
        assert!(wrong(twice).contains("duplicate field `id`"));
        wrong("[]");
    }

    #[test]
    fn what_is_wrong_is_told_without_the_text_that_is_wrong() {
        let told = |text: &str| parse(text).unwrap_err().to_string();
        let text = "x\\\"y".repeat(1000);
        for (answer, what) in [
            (
                format!(r#"{{"data": {{"nodes": ["{text}"]}}}}"#),
                "data.nodes[0]: invalid type: string",
            ),
            (format!(r#"{{"data": "{text}"}}"#), "data: invalid type: string"),
            (format!(r#"{{"data": {{"{}": "\x"}}}}"#, r"a\nhint: b\u001b[2J"), r"data.a\nhint: b"),
        ] {
            let told = told(&answer);
            assert!(told.starts_with(what), "{told}");
            assert!(told.len() < 200 && !told.contains("xy") && !told.contains('\n'), "{told}");
        }
    }

    #[test]
    fn a_list_of_nothing_is_not_read_to_its_end() {
        let list = vec!["{}"; LIST_MAX + 1].join(",");
        let answer = format!(r#"{{"data": {{"nodes": [{{"connections": [{list}]}}]}}}}"#);
        let told = parse(&answer).unwrap_err().to_string();
        assert!(told.contains(": a list of over 10000 at line 1"), "{told}");
        assert!(super::super::list::page(&format!(r#"{{"data": [{list}]}}"#), 0).is_err());
        let many = format!(r#"{{"sshKeys": [{{"role": "a"}}, {list}]}}"#);
        assert_eq!(cluster(&many).ssh_keys.0.len(), 1);
    }
}
