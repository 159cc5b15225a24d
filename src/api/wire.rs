//! The JSON of the API as it stands on the wire, and nothing else: no rule, no check.
//!
//! Texts borrow from the answer, and what nobody reads is skipped unparsed, so that a large answer
//! costs little more than its own size. A field of the wrong type is no error here: it is kept as
//! a [`Value`] that is not what it should be, so that the walk can say where it stands.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::text::sanitize::Excerpt;

/// One JSON value that should be a text, a number or a flag. Lists and objects are passed over.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value<'a> {
    /// The field is not there.
    #[default]
    Missing,
    /// `null`.
    Null,
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
    /// Whether the API left the field out; a `null` counts as left out.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Missing | Self::Null)
    }

    /// The text, where it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
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

            fn visit_string<E>(self, v: String) -> Result<Value<'de>, E> {
                Ok(Value::Text(Cow::Owned(v)))
            }

            fn visit_unit<E>(self) -> Result<Value<'de>, E> {
                Ok(Value::Null)
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
/// `Nodes` is what the reader makes of the list of nodes while it is parsed; a large cluster's
/// nodes never stand in memory all at once.
#[derive(Debug, Default, Deserialize)]
#[serde(
    rename_all = "camelCase",
    default,
    bound(deserialize = "Nodes: Deserialize<'de> + Default, 'de: 'a")
)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct Cluster<'a, Nodes> {
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
    pub nodes: Nodes,
    #[serde(deserialize_with = "optional_list")]
    pub ssh_keys: Option<Vec<SshKey<'a>>>,
}

/// One node (pod), as `ClusterNodeDetail`.
#[derive(Debug, Default, Deserialize)]
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
    #[serde(deserialize_with = "optional_list")]
    pub connections: Option<Vec<Connection<'a>>>,
}

/// One way into a node, as `ClusterNodeConnection`.
#[derive(Debug, Default, Deserialize)]
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

/// One authorised key, as `ClusterSSHKeyDetail`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct SshKey<'a> {
    #[serde(borrow)]
    pub role: Value<'a>,
    pub public_key: Value<'a>,
}

/// One page of List Clusters.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct Page<'a> {
    #[serde(borrow, deserialize_with = "list")]
    pub data: Vec<Summary<'a>>,
}

/// One row of List Clusters, as `AdminClusterSummary`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct Summary<'a> {
    #[serde(borrow)]
    pub id: Value<'a>,
    pub name: Value<'a>,
    pub status: Value<'a>,
    pub vault_enabled: Value<'a>,
    pub team_id: Value<'a>,
    pub created_at: Value<'a>,
    /// Unread: an odd one must not spoil the page, for most readers of it do not care.
    pub controller: Option<&'a RawValue>,
}

/// The answer of Request Certificate, as `CertificateResponse`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct Signed<'a> {
    #[serde(borrow)]
    pub signed_key: Value<'a>,
    #[serde(deserialize_with = "optional_list")]
    pub nodes: Option<Vec<Connection<'a>>>,
}

/// The body of an error, in either of its two shapes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct ErrorBody<'a> {
    #[serde(borrow)]
    pub detail: Option<Detail<'a>>,
    pub errors: Option<Vec<ParameterError<'a>>>,
}

/// `detail`: a sentence, or a list of places with what is wrong there.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub enum Detail<'a> {
    Sentence(#[serde(borrow)] Cow<'a, str>),
    Places(Vec<PlaceError<'a>>),
}

/// One row of a `detail` list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct PlaceError<'a> {
    #[serde(borrow)]
    pub loc: Vec<Value<'a>>,
    pub msg: Value<'a>,
}

/// One row of `errors`, as `ErrorDetail`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are the contract's")]
pub struct ParameterError<'a> {
    #[serde(borrow)]
    pub param: Value<'a>,
    pub details: Value<'a>,
}

/// Why a text is not an answer of the API: never the text itself, only where it went wrong.
#[derive(Debug, PartialEq, Eq)]
pub enum Malformed {
    /// A web page, as a proxy or a login portal sends it.
    Html,
    /// Nothing at all.
    Empty,
    /// It ends in the middle.
    Cut {
        /// Line of the end, from 1.
        line: usize,
        /// Column of the end, from 1.
        column: usize,
    },
    /// It is no JSON, or not of the contract's shape.
    Wrong {
        /// Where in the structure (`data.nodes[3]`); empty where that is not known.
        path: String,
        /// What the parser said, with line and column, and without any text of the answer.
        reason: String,
    },
    /// `"data": null`: the API found nothing to tell.
    NoData,
    /// Data in the shape of another version.
    Version {
        /// Its version.
        found: String,
        /// The one that can be read.
        version: u32,
    },
}

/// How many characters of a path are shown.
const PATH: usize = 100;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Html => f.write_str("a web page (HTML) instead of JSON"),
            Self::Empty => f.write_str("empty instead of JSON"),
            Self::Cut { line, column } => {
                write!(f, "the JSON is cut off at line {line}, column {column}")
            }
            Self::Wrong { path, reason } if path.is_empty() => write!(f, "{reason}"),
            // A key that nobody asked for may be any text.
            Self::Wrong { path, reason } => write!(f, "{}: {reason}", Excerpt::new(path, PATH)),
            Self::NoData => f.write_str("`data` is null: the API has nothing to tell"),
            Self::Version { found, version } => {
                write!(f, "a schema_version {found}, and this program reads {version}")
            }
        }
    }
}

impl std::error::Error for Malformed {}

/// An answer of Get Cluster and the JSON path at which it stands: `data`, or nothing where the
/// saved answer is bare.
#[derive(Debug)]
pub struct Answer<'a, Nodes> {
    /// What stands before the path of each of its fields: `data.` or nothing.
    pub root: &'static str,
    /// The cluster itself.
    pub cluster: Cluster<'a, Nodes>,
}

/// Reads an answer of Get Cluster, wrapped in `{"data": …}` or bare.
pub fn cluster<'a, Nodes>(text: &'a str) -> Result<Answer<'a, Nodes>, Malformed>
where
    Nodes: Deserialize<'a> + Default,
{
    #[derive(Deserialize)]
    #[serde(bound(deserialize = "Nodes: Deserialize<'de> + Default, 'de: 'a"))]
    struct Wrapped<'a, Nodes> {
        #[serde(default, deserialize_with = "present")]
        data: Field<Cluster<'a, Nodes>>,
    }

    answer(read::<Wrapped<'a, Nodes>>(text)?.data, text)
}

/// The cluster that was found at `data`, or the one that `text` is.
fn answer<'a, Nodes>(
    data: Field<Cluster<'a, Nodes>>,
    text: &'a str,
) -> Result<Answer<'a, Nodes>, Malformed>
where
    Nodes: Deserialize<'a> + Default,
{
    match data {
        Field::Value(cluster) => Ok(Answer { root: "data.", cluster }),
        Field::Null => Err(Malformed::NoData),
        Field::Missing => Ok(Answer { root: "", cluster: read(text)? }),
    }
}

/// What a file holds.
#[derive(Debug)]
pub enum Saved<'a, Nodes, Clusters> {
    /// An answer of Get Cluster.
    Answer(Box<Answer<'a, Nodes>>),
    /// What `render --print-data` printed.
    Data(Clusters),
}

/// Reads a file: an answer of Get Cluster, or data in the shape of this `version`. A text that says
/// its `schema_version` is data; that is found out in the one reading of it.
pub fn saved<'a, Nodes, Clusters>(
    text: &'a str,
    version: u32,
) -> Result<Saved<'a, Nodes, Clusters>, Malformed>
where
    Nodes: Deserialize<'a> + Default,
    Clusters: Deserialize<'a>,
{
    #[derive(Deserialize)]
    #[serde(bound(
        deserialize = "Nodes: Deserialize<'de> + Default, Clusters: Deserialize<'de>, 'de: 'a"
    ))]
    struct File<'a, Nodes, Clusters> {
        #[serde(default)]
        schema_version: Value<'a>,
        #[serde(default, deserialize_with = "present")]
        clusters: Field<Clusters>,
        #[serde(default, deserialize_with = "present")]
        data: Field<Cluster<'a, Nodes>>,
    }

    let file = match read::<File<'a, Nodes, Clusters>>(text) {
        Ok(file) => file,
        Err(malformed) => {
            // Another version may have another shape, and that is what is wrong then.
            return match version_of(text) {
                Some(found) => Err(check_version(&found, version).err().unwrap_or(malformed)),
                None => cluster(text).map(|answer| Saved::Answer(Box::new(answer))),
            };
        }
    };
    if file.schema_version.is_absent() {
        return answer(file.data, text).map(|answer| Saved::Answer(Box::new(answer)));
    }
    check_version(&file.schema_version, version)?;
    match file.clusters {
        Field::Value(clusters) => Ok(Saved::Data(clusters)),
        Field::Missing | Field::Null => Err(Malformed::Wrong {
            path: "clusters".to_owned(),
            reason: "missing, so this is not what `render --print-data` prints".to_owned(),
        }),
    }
}

fn check_version(found: &Value<'_>, version: u32) -> Result<(), Malformed> {
    if *found == Value::Integer(version.into()) {
        return Ok(());
    }
    let found = match found {
        Value::Integer(number) => number.to_string(),
        _ => "that is no whole number".to_owned(),
    };
    Err(Malformed::Version { found, version })
}

/// The `schema_version` of a text that cannot be read otherwise, where it says one.
fn version_of(text: &str) -> Option<Value<'_>> {
    #[derive(Deserialize)]
    struct Versioned<'a> {
        #[serde(borrow, default)]
        schema_version: Value<'a>,
    }

    let found = read::<Versioned<'_>>(text).ok()?.schema_version;
    (!found.is_absent()).then_some(found)
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

/// Reads one page of List Clusters.
pub fn page(text: &str) -> Result<Page<'_>, Malformed> {
    read(text)
}

/// Reads the `controller` of a row of List Clusters.
pub fn controller(text: &str) -> Result<Connection<'_>, Malformed> {
    read(text)
}

/// Reads the body of an error; whatever it is not, it says nothing.
#[must_use]
pub fn error_body(text: &str) -> ErrorBody<'_> {
    serde_json::from_str(text).unwrap_or_default()
}

/// A field that may be missing, `null`, or there.
#[derive(Default)]
enum Field<T> {
    #[default]
    Missing,
    Null,
    Value(T),
}

/// The longest list that stands in memory as a whole. An empty object is three bytes on the wire
/// and a hundred times that here, so a list of them could fill any machine's memory.
const LIST_MAX: usize = 10_000;

/// A list of at most [`LIST_MAX`].
struct Bounded<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Bounded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
            type Value = Bounded<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Bounded<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(element) = seq.next_element()? {
                    if list.len() == LIST_MAX {
                        return Err(A::Error::custom(format_args!("a list of over {LIST_MAX}")));
                    }
                    list.push(element);
                }
                Ok(Bounded(list))
            }
        }

        deserializer.deserialize_seq(List(PhantomData))
    }
}

fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Bounded::deserialize(deserializer).map(|Bounded(list)| list)
}

fn optional_list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    Option::deserialize(deserializer).map(|found| found.map(|Bounded(list)| list))
}

fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Field<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.map_or(Field::Null, Field::Value))
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Malformed> {
    // Some editors and shells put a byte order mark in front of what they save.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // serde would take a list for an object, field by field.
    if text.trim_start().starts_with('[') {
        let reason = "a list instead of an object".to_owned();
        return Err(Malformed::Wrong { path: String::new(), reason });
    }
    serde_json::from_str(text).map_err(|error| malformed::<T>(text, &error))
}

/// Finds out where it went wrong: a second reading that keeps track of the path, which the first
/// one should not pay for.
fn malformed<'a, T: Deserialize<'a>>(text: &'a str, error: &serde_json::Error) -> Malformed {
    let start = text.trim_start();
    if start.is_empty() {
        return Malformed::Empty;
    }
    if start.starts_with('<') {
        return Malformed::Html;
    }
    if error.is_eof() {
        return Malformed::Cut { line: error.line(), column: error.column() };
    }
    let mut parser = serde_json::Deserializer::from_str(text);
    let path = serde_path_to_error::deserialize::<_, T>(&mut parser)
        .map_err(|error| error.path().to_string())
        .err()
        .filter(|path| path != ".");
    let words = without_text(&error.to_string());
    let reason = if error.is_syntax() { format!("not JSON: {words}") } else { words };
    Malformed::Wrong { path: path.unwrap_or_default(), reason }
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

    type Nodes<'a> = Vec<Node<'a>>;

    fn read_nodes(text: &str) -> Result<Answer<'_, Nodes<'_>>, Malformed> {
        cluster(text)
    }

    #[test]
    fn wrapped_and_bare_are_the_same() {
        let bare = r#"{"id": "c", "name": "train", "nodes": [{"id": "n", "connections": null}]}"#;
        let wrapped = format!(r#"{{"status": null, "data": {bare}}}"#);
        let from_bare = read_nodes(bare).unwrap();
        let from_wrapped = read_nodes(&wrapped).unwrap();
        assert_eq!((from_bare.root, from_wrapped.root), ("", "data."));
        assert_eq!(from_bare.cluster.name, from_wrapped.cluster.name);
        assert_eq!(from_bare.cluster.nodes.len(), 1);
    }

    #[test]
    fn a_value_of_any_type_is_kept_as_what_it_is() {
        let nodes = r#"{"nodes": [{"id": 5, "name": null, "status": [1, {"a": []}],
            "gpuName": {"x": 1}, "gpuCount": 1.5, "isDetached": true,
            "connections": [{"port": 18446744073709551615, "host": "a\/b"}]}]}"#;
        let answer = read_nodes(nodes).unwrap();
        let node = &answer.cluster.nodes[0];
        assert_eq!(node.id, Value::Integer(5));
        assert_eq!(node.name, Value::Null);
        assert_eq!(node.status, Value::List);
        assert_eq!(node.gpu_name, Value::Object);
        assert_eq!(node.gpu_count, Value::Number(1.5));
        assert_eq!(node.is_detached, Value::Bool(true));
        let connection = &node.connections.as_ref().unwrap()[0];
        assert!(matches!(connection.port, Value::Number(_)));
        assert_eq!(connection.host.text(), Some("a/b"));
        assert_eq!(connection.user, Value::Missing);
    }

    #[test]
    fn what_is_no_answer_says_where() {
        let error = |text: &str| read_nodes(text).unwrap_err();
        assert_eq!(error(""), Malformed::Empty);
        assert_eq!(error(" \n<html>"), Malformed::Html);
        assert_eq!(error(r#"{"data": null}"#), Malformed::NoData);
        assert_eq!(error("{\"data\": {\n\"id\": \"x"), Malformed::Cut { line: 2, column: 8 });
        assert!(matches!(error("{\"data\": tru }"), Malformed::Wrong { .. }));
        let Malformed::Wrong { path, reason } = error(r#"{"data": {"nodes": [{}, 5]}}"#) else {
            panic!("not a wrong shape");
        };
        assert_eq!(path, "data.nodes[1]");
        assert!(reason.contains("line 1 column"), "{reason}");
        let twice = r#"{"data": {"nodes": [{"id": "a", "id": "b"}]}}"#;
        assert!(error(twice).to_string().contains("duplicate field `id`"));
        assert!(matches!(error("[]"), Malformed::Wrong { .. }));
    }

    #[test]
    fn what_is_wrong_is_told_without_the_text_that_is_wrong() {
        let told = |text: &str| read_nodes(text).unwrap_err().to_string();
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
        for answer in [
            format!(r#"{{"data": {{"sshKeys": [{list}]}}}}"#),
            format!(r#"{{"data": {{"nodes": [{{"connections": [{list}]}}]}}}}"#),
        ] {
            let told = read_nodes(&answer).unwrap_err().to_string();
            assert!(told.contains(": a list of over 10000 at line 1"), "{told}");
        }
        assert!(page(&format!(r#"{{"data": [{list}]}}"#)).is_err());
        let fits = format!(r#"{{"sshKeys": [{}]}}"#, vec!["{}"; LIST_MAX].join(","));
        assert_eq!(read_nodes(&fits).unwrap().cluster.ssh_keys.unwrap().len(), LIST_MAX);
    }

    #[test]
    fn both_shapes_of_an_error() {
        let body = error_body(r#"{"detail": "no such cluster"}"#);
        assert!(matches!(body.detail, Some(Detail::Sentence(text)) if text == "no such cluster"));
        let body = error_body(r#"{"detail": [{"loc": ["query", "limit", 0], "msg": "too big"}]}"#);
        assert!(
            matches!(body.detail, Some(Detail::Places(places)) if places[0].msg.text() == Some("too big"))
        );
        let body = error_body(r#"{"errors": [{"param": "limit", "details": "too big"}]}"#);
        assert_eq!(body.errors.unwrap()[0].param.text(), Some("limit"));
        assert!(error_body("<html>").detail.is_none());
    }
}
