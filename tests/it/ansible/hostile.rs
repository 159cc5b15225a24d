//! Hostile answers: nothing of one is ever run, whatever variable a playbook uses.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use super::Inventories;
use crate::oracle::rules::is_refused_text;
use crate::support::ansible;
use crate::support::cluster::{Cluster, Connection, Node};
use crate::support::process;
use crate::support::sandbox::Sandbox;

/// Texts that would do harm in an inventory, or that a format would turn into something else.
fn hostile() -> impl Strategy<Value = String> {
    let canary = "touch \"$PRIME_CANARY\"";
    let texts = [
        "{{ lookup('pipe', 'CANARY') }}",
        "{{lookup(\"pipe\",\"CANARY\")}}",
        "x {% set x = lookup('pipe', 'CANARY') %}",
        "{# x #}",
        "#jinja2: variable_start_string:'[['\n[[ lookup('pipe', 'CANARY') ]]",
        "#jinja2:variable_start_string:'[[' [[ lookup('pipe', 'CANARY') ]]",
        "[[ lookup('pipe', 'CANARY') ]]",
        "{ { lookup('pipe', 'CANARY') } }",
        "{\\u007b lookup('pipe', 'CANARY') }}",
        "$(CANARY)",
        "`CANARY`",
        "x'; CANARY; '",
        "x\" ansible_connection=local ansible_python_interpreter='CANARY' #",
        "x' ansible_ssh_common_args='-o ProxyCommand=CANARY' '",
        "x\n[all:vars]\nansible_connection=local",
        "\"\n      ansible_ssh_executable: \"CANARY",
        "!!python/object/apply:os.system ['CANARY']",
        "!vault |",
        "!unsafe x",
        "&a *a",
        "<<",
        "-oProxyCommand=CANARY",
        "%(directory)s",
        "no",
        "0123",
        "1_000",
        "12:30",
        "1e3",
        "2026-08-01",
        "=",
        "~",
        "null",
        "None",
        "True",
        "[1, 2]",
        "{\"a\": 1}",
        "a#b",
        "a # b",
        "'",
        "\"",
        "\\",
        "\\n",
        "\\u0027",
        "'\"'\"'",
        " x ",
        "",
        "x\u{85}y",
        "x\u{2028}y",
        "x\u{a0}y",
        "\u{fffe}\u{ffff}",
        "日本 😀",
    ];
    let texts: Vec<_> = texts.iter().map(|text| text.replace("CANARY", canary)).collect();
    prop_oneof![
        5 => select(texts),
        2 => "[ -~]{0,40}",
        1 => "\\PC{0,40}",
    ]
}

/// A node of which every text for people is one of these.
fn node(at: usize, texts: &[String; 4]) -> Node {
    let [name, status, gpu, role] = texts;
    let connection = Connection::to(&format!("10.0.{}.{}", at / 200, 1 + at % 200));
    Node::new(&format!("pod{at}"), name)
        .with("status", status.as_str())
        .with("gpuName", gpu.as_str())
        .connection(connection.with("role", role.as_str()))
}

const PLAYBOOK: &str = "
- hosts: all
  gather_facts: false
  connection: local
  tasks:
    - name: every variable by itself, and all of them as another task's input
      set_fact:
        each: \"{% for name in hostvars[inventory_hostname] | select('match', 'prime_|ansible_(host|port|user|control|ssh)') %}{{ lookup('vars', name) }} {{ hostvars[inventory_hostname][name] }} {% endfor %}\"
        again: \"{{ hostvars[inventory_hostname] | dict2items | selectattr('key', 'match', 'prime_') | items2dict }}\"
    - debug:
        msg: \"{{ each }} {{ again }} {{ prime_nodes_skipped }} {{ prime_cluster_name }}\"
";

proptest! {
    #![proptest_config(crate::oracle::cases(2))]

    #[test]
    fn nothing_of_an_answer_is_run(
        texts in vec([hostile(), hostile(), hostile(), hostile()], 25),
        name in hostile(),
        failure in hostile(),
    ) {
        needs!(proptest "ansible");
        let sandbox = Sandbox::new();
        let name = if is_refused_text(&name) { "x' \"y\" #".to_owned() } else { name };
        let cluster = Cluster::new("clst01", &name)
            .node(Node::control("control", "control", "203.0.113.10"))
            .node(Node::new("waiting", "waiting").with("installationFailure", failure));
        let cluster =
            texts.iter().enumerate().fold(cluster, |c, (at, texts)| c.node(node(at, texts)));
        let inventories = Inventories::of(&sandbox, &[cluster], &["--skip-invalid"]);
        let playbook = sandbox.write("play.yml", PLAYBOOK);
        let canary = sandbox.path("canary");

        let list = ansible::newest().loads(&sandbox, &inventories.files[1]);
        for file in &inventories.files {
            prop_assert_eq!(&ansible::newest().loads(&sandbox, file), &list);
        }
        let list: Value = serde_json::from_str(&list).unwrap();
        let hosts = list["_meta"]["hostvars"].as_object().unwrap();
        for (at, [name, status, gpu, role]) in texts.iter().enumerate() {
            let id = format!("pod{at}");
            let host = hosts.values().find(|host| host["prime_node_id"] == id.as_str());
            let refused = [name, status, gpu, role].iter().any(|text| is_refused_text(text));
            prop_assert_eq!(host.is_none(), refused, "{} {} {} {}", name, status, gpu, role);
            if let Some(host) = host {
                for (variable, text) in
                    [("prime_status", status), ("prime_gpu_name", gpu), ("prime_role", role)]
                {
                    prop_assert_eq!(&host[variable], text.as_str());
                }
            }
        }
        prop_assert_eq!(&hosts.values().next().unwrap()["prime_cluster_name"], name.as_str());

        for ansible in ansible::versions() {
            for file in [0, 1, 3].map(|at| &inventories.files[at]) {
                let mut command = ansible.command(&sandbox, "ansible-playbook");
                command.env("PRIME_CANARY", &canary).args(["-f", "2", "-i"]).arg(file).arg(&playbook);
                let ran = process::run(&mut command, b"");
                prop_assert!(!canary.exists(), "something of the answer was run");
                let ok = ran.stdout.lines().filter(|line| line.contains("failed=0")).count();
                prop_assert_eq!(ok, hosts.len(), "{:?}", ran);
                ran.succeeds();
            }
        }
    }
}
