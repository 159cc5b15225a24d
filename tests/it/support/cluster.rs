//! Answers of the API, with every field that its contract requires and realistic ones beside.

use serde_json::{Value, json};

/// A cluster as Get Cluster answers it.
#[derive(Clone, Debug)]
pub struct Cluster {
    fields: Value,
}

impl Cluster {
    pub fn new(id: &str, name: &str) -> Self {
        Self {
            fields: json!({
                "id": id,
                "remoteId": format!("remote-{id}"),
                "name": name,
                "providerType": "primecompute",
                "status": "ACTIVE",
                "vaultEnabled": false,
                "gpuName": "H100_80GB",
                "gpuCount": 0,
                "socket": "SXM5",
                "priceHr": 18.4,
                "teamId": "team01",
                "userId": "user01",
                "orchestratorType": "SLURM",
                "orchestratorVersion": null,
                "orchestratorConfig": {"partitions": [{"name": "main", "nodes": ["*"]}]},
                "createdAt": "2026-07-01T09:00:00Z",
                "updatedAt": "2026-07-02T10:30:00Z",
                "terminatedAt": null,
                "info": {"region": "eu-north", "tags": []},
                "nodes": [],
                "sshKeys": [{"id": "key01", "role": "ADMIN", "publicKey": null}],
            }),
        }
    }

    /// A cluster of a saved answer.
    pub fn saved(answer: &str) -> Self {
        let mut answer: Value = serde_json::from_str(answer).expect("an answer is JSON");
        Self { fields: answer["data"].take() }
    }

    /// Adds a node, and its GPUs to the cluster's.
    pub fn node(mut self, node: Node) -> Self {
        let gpus = |fields: &Value| fields["gpuCount"].as_u64().unwrap_or_default();
        self.fields["gpuCount"] = json!(gpus(&self.fields) + gpus(&node.fields));
        self.fields["nodes"].as_array_mut().unwrap().push(node.fields);
        self
    }

    /// Sets one field, whatever the contract says about it.
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.fields[field] = value.into();
        self
    }

    pub fn id(&self) -> &str {
        self.fields["id"].as_str().unwrap()
    }

    /// The whole answer: `{"data": …, "status": …}`.
    pub fn answer(&self) -> String {
        json!({"data": self.fields, "status": "success"}).to_string()
    }

    /// Its row of List Clusters.
    pub fn summary(&self) -> Value {
        let mut row = json!({"controller": self.controller(), "nodes": null});
        for field in [
            "id",
            "name",
            "providerType",
            "status",
            "vaultEnabled",
            "teamId",
            "userId",
            "createdAt",
        ] {
            row[field] = self.fields[field].clone();
        }
        row
    }

    fn controller(&self) -> Option<&Value> {
        let nodes = self.fields["nodes"].as_array()?.iter();
        nodes
            .filter_map(|node| node["connections"].as_array())
            .flatten()
            .find(|connection| connection["isControlNode"] == true)
    }
}

/// A node (pod) of a cluster.
#[derive(Clone, Debug)]
pub struct Node {
    fields: Value,
}

impl Node {
    /// A node without a connection: one that is still being installed.
    pub fn new(id: &str, name: &str) -> Self {
        Self {
            fields: json!({
                "id": id,
                "name": name,
                "remoteId": format!("remote-{id}"),
                "providerType": "primecompute",
                "type": "HOSTED",
                "status": "ACTIVE",
                "installationStatus": "FINISHED",
                "testStatus": null,
                "installationProgress": 100,
                "installationFailure": null,
                "gpuName": "H100_80GB",
                "gpuCount": 8,
                "socket": "SXM5",
                "priceHr": 18.4,
                "environmentType": "ubuntu_22_cuda_12",
                "userId": "user01",
                "teamId": "team01",
                "isDetached": false,
                "createdAt": "2026-07-01T09:00:00Z",
                "updatedAt": "2026-07-02T10:30:00Z",
                "terminatedAt": null,
                "providerReadyAt": "2026-07-01T09:05:00Z",
                "piReadyAt": "2026-07-01T09:10:00Z",
                "info": {"rack": 12, "driver": "550.54"},
                "connections": [],
            }),
        }
    }

    /// A node with one connection that leads to its control plane.
    pub fn control(id: &str, name: &str, host: &str) -> Self {
        Self::new(id, name).connection(Connection::to(host).control())
    }

    /// A node with one connection.
    pub fn worker(id: &str, name: &str, host: &str) -> Self {
        Self::new(id, name).connection(Connection::to(host))
    }

    /// Adds a connection.
    pub fn connection(mut self, connection: Connection) -> Self {
        let mut connection = connection.fields;
        for (field, own) in [("podId", "id"), ("podName", "name")] {
            if connection.get(field).is_none() {
                connection[field] = self.fields[own].clone();
            }
        }
        self.fields["connections"].as_array_mut().unwrap().push(connection);
        self
    }

    /// The same with another port for every connection so far.
    pub fn port(mut self, port: u16) -> Self {
        for connection in self.fields["connections"].as_array_mut().unwrap() {
            connection["port"] = json!(port);
        }
        self
    }

    /// The same with another user for every connection so far.
    pub fn user(mut self, user: &str) -> Self {
        for connection in self.fields["connections"].as_array_mut().unwrap() {
            connection["user"] = json!(user);
        }
        self
    }

    /// Sets one field, whatever the contract says about it.
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.fields[field] = value.into();
        self
    }
}

/// One way into a node.
#[derive(Clone, Debug)]
pub struct Connection {
    fields: Value,
}

impl Connection {
    /// User `ubuntu` on port 22 of this host, in no special role.
    pub fn to(host: &str) -> Self {
        let fields = json!({
            "host": host, "port": 22, "user": "ubuntu", "role": "WORKER", "isControlNode": false,
        });
        Self { fields }
    }

    /// The same as a control node.
    pub fn control(self) -> Self {
        self.with("isControlNode", true).with("role", "CONTROLLER")
    }

    /// Sets one field, whatever the contract says about it.
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.fields[field] = value.into();
        self
    }
}

/// Three nodes: a public control node and two workers at private addresses behind it.
pub fn train() -> Cluster {
    Cluster::new("clst01", "train")
        .node(Node::control("pod0", "node-0", "203.0.113.10"))
        .node(Node::worker("pod1", "node-1", "10.0.0.11").port(2222))
        .node(Node::worker("pod2", "node-2", "10.0.0.12"))
}
