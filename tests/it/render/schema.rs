//! The schema of the data, in a validator that is not ours.

use std::path::Path;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};

use crate::support::cluster::{Cluster, Connection, Node};
use crate::support::sandbox::Sandbox;

/// `schemas/render-data.schema.json`.
pub struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    pub fn new() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/render-data.schema.json");
        let mut schemas = Schemas::new();
        let index = Compiler::new().compile(path.to_str().unwrap(), &mut schemas).unwrap();
        Self { schemas, index }
    }

    /// Fails the test where the data do not fit.
    #[track_caller]
    pub fn judge(&self, data: &str) {
        let data = serde_json::from_str(data).unwrap();
        if let Err(error) = self.schemas.validate(&data, self.index) {
            panic!("{error:#}\n{data:#}");
        }
    }

    fn takes(&self, data: &Value) -> bool {
        self.schemas.validate(data, self.index).is_ok()
    }
}

/// Data with every kind of value: a host that is only jumped through, and skipped nodes.
fn data() -> Value {
    let sandbox = Sandbox::new();
    let cluster = Cluster::new("clst01", "Train #7")
        .node(Node::control("pod0", "node-0", "203.0.113.10"))
        .node(Node::worker("pod1", "node-1", "10.0.0.11").port(2222))
        .node(
            Node::new("pod2", "node-2")
                .connection(Connection::to("fd00::1").with("role", Value::Null)),
        )
        .node(Node::new("pod3", "node-3").with("status", "PROVISIONING"))
        .node(Node::new("pod4", "node-4").with("terminatedAt", "2026-07-03T00:00:00Z"));
    sandbox.write("answer.json", cluster.answer());
    let program = sandbox.prime_ssh(["render", "--print-data", "--input", "answer.json"]);
    serde_json::from_str(&program.args(["--only", "worker"]).run().succeeds()).unwrap()
}

#[test]
fn what_is_printed_fits_the_schema() {
    let data = data();
    assert_eq!(data["clusters"][0]["jump_host"]["name"], "node-0");
    assert_eq!(data["clusters"][0]["nodes_skipped"].as_array().unwrap().len(), 2);
    Schema::new().judge(&data.to_string());
}

/// What the schema says of each place, it says of something: nothing may be left out, added or of
/// another type.
#[test]
fn what_does_not_fit_is_told() {
    let (schema, data) = (Schema::new(), data());
    let objects = [
        "",
        "/clusters/0",
        "/clusters/0/hosts/0",
        "/clusters/0/jump_host",
        "/clusters/0/nodes_skipped/0",
        "/hosts/0",
    ];
    for object in objects {
        let change = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
            let mut changed = data.clone();
            change(changed.pointer_mut(object).unwrap().as_object_mut().unwrap());
            changed
        };
        assert!(!schema.takes(&change(&|map| drop(map.insert("price".into(), json!(1))))));
        let keys: Vec<String> =
            data.pointer(object).unwrap().as_object().unwrap().keys().cloned().collect();
        for key in &keys {
            assert!(!schema.takes(&change(&|map| drop(map.remove(key)))), "{object}/{key}");
            for wrong in [json!([[]]), json!({"x": 1}), json!(-1.5)] {
                let changed = change(&|map| drop(map.insert(key.clone(), wrong.clone())));
                assert!(!schema.takes(&changed), "{object}/{key}: {wrong}");
            }
        }
    }
    for (place, wrong) in [
        ("/schema_version", json!(2)),
        ("/hosts/0/port", json!(0)),
        ("/hosts/0/alias", json!("prime.train")),
        ("/hosts/0/alias", json!("prime.train.a_b")),
        ("/hosts/0/host_name", json!("-oProxyCommand=x")),
        ("/hosts/0/user", json!("a b")),
        ("/hosts/0/proxy_jump", json!("a,b")),
        ("/clusters/0/id", json!("a/b")),
        ("/clusters/0/nodes_skipped/0/reason", json!("lost")),
    ] {
        let mut changed = data.clone();
        *changed.pointer_mut(place).unwrap() = wrong.clone();
        assert!(!schema.takes(&changed), "{place}: {wrong}");
    }
}
