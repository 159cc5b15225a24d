//! Templates: what they can do, and what they cannot.

use std::time::{Duration, Instant};

use super::*;
use crate::cluster::{CheckedCluster, Options, resolve_one};

const ANSWER: &str = r#"{"id": "c", "name": "Train", "nodes": [
    {"id": "n0", "name": "node-0", "gpuCount": 8, "connections":
        [{"podId": "p0", "host": "203.0.113.1", "user": "root", "isControlNode": true}]},
    {"id": "n1", "name": "node-1", "gpuCount": 4, "connections":
        [{"podId": "p1", "host": "203.0.113.2", "user": "root", "role": "it's a|b <c>"}]}]}"#;

fn render(text: &str) -> Result<String, Fault> {
    let checked = CheckedCluster::of(ANSWER, "answer").unwrap();
    let fleets = [resolve_one(checked, None, &Options::default()).fleet.unwrap()];
    Template::parse("file.j2", text.to_owned())?.render(&crate::render::data::of(&fleets))
}

#[track_caller]
fn rendered(text: &str) -> String {
    render(text).unwrap_or_else(|fault| panic!("{fault}"))
}

#[track_caller]
fn fault(text: &str) -> Fault {
    let shown: String = text.chars().take(200).collect();
    render(text).map(|text| text.len()).expect_err(&shown)
}

#[test]
fn a_template_sees_the_hosts() {
    assert_eq!(
        rendered(
            "{# a hostfile #}\n{% for host in hosts %}\n{{ host.alias }} slots={{ host.gpu_count }}\n\
             {% endfor %}\n"
        ),
        "prime.train.node-0 slots=8\nprime.train.node-1 slots=4\n"
    );
    let of_clusters = "{% for cluster in clusters %}{{ cluster.name }}: {{ cluster.hosts | \
                       map(attribute='name') | join(', ') }} {{ cluster.entry }}{% endfor %}";
    assert_eq!(rendered(of_clusters), "Train: node-0, node-1 prime.train.node-0");
    assert_eq!(rendered("{{ schema_version }} {{ hosts | sum(attribute='gpu_count') }}"), "1 12");
    assert_eq!(rendered("{{ hosts[1].role }}{{ hosts[0].role or '-' }}"), "it's a|b <c>-");
}

#[test]
fn white_space_is_as_in_ansibles_template_module() {
    let text = "a\n  {% if true %}\n  b\n  {% endif %}\n{# c #}\nd\n";
    assert_eq!(rendered(text), "a\n    b\n  d\n");
    assert_eq!(rendered("a"), "a");
    assert_eq!(rendered("a\n\n"), "a\n\n");
}

#[test]
fn filters_of_ours() {
    for (expression, text) in [
        ("'Llama 3 / run #7' | slug", "llama-3-run-7"),
        ("'日本' | slug('id') == '日本' | slug('id')", "True"),
        ("'日本' | slug('id') == '日本' | slug('other')", "False"),
        ("'' | slug | length", "8"),
        ("'H100_80GB' | group", "h100_80gb"),
        ("'NVIDIA  H100 (80 GB)' | group('gpu')", "gpu_nvidia_h100_80_gb"),
        ("'日本' | group('gpu')", ""),
        ("hosts[1].role | sh", r"'it'\''s a|b <c>'"),
        ("'plain' | sh", "plain"),
        ("'' | sh", "''"),
        ("'a=b' | sh", "'a=b'"),
        ("8 | sh", "8"),
        ("hosts[1].role | json", r#""it's a|b <c>""#),
        (
            "[1, 1.5, true, none, {'b': 'é', 'a': ()}] | json",
            r#"[1,1.5,true,null,{"a":[],"b":"é"}]"#,
        ),
        ("hosts | map(attribute='name') | json", r#"["node-0","node-1"]"#),
        ("hosts | map(attribute='name') | map('sh') | join(' ')", "node-0 node-1"),
        ("'<' | escape", "&lt;"),
    ] {
        assert_eq!(rendered(&format!("{{{{ {expression} }}}}")), text, "{expression}");
    }
    for wrong in ["none | sh", "hosts | sh", "none | group", "none | slug", "x | sh", "x | json"] {
        fault(&format!("{{{{ {wrong} }}}}"));
    }
    assert!(fault("{{ 'a\\u0000b' | sh }}").to_string().contains("NUL"));
}

/// As a terminal shows it.
fn shown(fault: &Fault) -> String {
    let lines = fault.excerpt.iter().map(|line| format!("\n  {line}"));
    fault.to_string() + &lines.collect::<String>()
}

#[test]
fn a_fault_says_where_and_what() {
    for (text, told) in [
        (
            "a\n  {{ hosts[0].hostname }}\n",
            "file.j2:2: `hosts[0].hostname` is undefined\n\
             \x20 2 |   {{ hosts[0].hostname }}\n\
             \x20   |      ^^^^^^^^^^^^^^^^^",
        ),
        (
            "{{ x y }}",
            "file.j2:1: syntax error: unexpected identifier, expected end of variable block\n\
             \x20 1 | {{ x y }}\n\
             \x20   |      ^",
        ),
        (
            "{% for x in hosts %}\n",
            "file.j2:1: syntax error: unexpected end of input, expected end of block\n\
             \x20 1 | {% for x in hosts %}\n\
             \x20   |                   ^^",
        ),
    ] {
        assert_eq!(shown(&fault(text)), told);
    }
    let told = shown(&fault("é\u{1b}[2J\t{{ x }}\u{202e}"));
    assert!(
        told.contains("\n  1 | é\\u{1b}[2J\\t{{ x }}\\u{202e}\n    |                ^"),
        "{told}"
    );
    assert!(fault(&format!("{}{{{{ x }}}}", "y".repeat(5000))).to_string().len() < 300);
    assert!(fault("{{ hosts[0].role }}").to_string().contains("null"));
}

#[test]
fn no_file_is_taken_in() {
    for text in [
        "{% include '/etc/passwd' %}",
        "{% import 'x' as y %}",
        "{% from 'x' import y %}",
        "{% extends 'x' %}",
        "{% block x %}{% endblock %}",
    ] {
        assert_eq!(fault(text).hint, Some("a template cannot include other files here"));
    }
    for text in ["{{ 'x' | tojson }}", "{{ 'x'.split() }}", "{{ namespace() }}"] {
        assert!(fault(text).hint.is_some(), "{text}");
    }
    fault("{{ debug() }}");
}

/// Such a template would take all the time or memory of a machine.
#[test]
fn a_greedy_template_ends_in_an_error() {
    let nested = format!(
        "{{% set x = 1 %}}{}{{{{ x | json }}}}",
        format!("{{%set x={}x{}%}}", "[".repeat(40), "]".repeat(40)).repeat(680)
    );
    let texts = [
        "{% for a in range(1000000000) %}{% endfor %}".to_owned(),
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}".to_owned(),
        "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}"
            .to_owned(),
        "{{ 'a' * 1000000000 }}".to_owned(),
        "{{ [1] * 1000000000 }}".to_owned(),
        "{% set x = 'a' * 100000000 %}{% set x = x ~ x %}{% set x = x ~ x %}{{ x }}".to_owned(),
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}".to_owned(),
        "{% macro f() %}{{ f() ~ f() }}{% endmacro %}{{ f() }}".to_owned(),
        "{% for i in range(3) recursive %}{{ loop(range(3)) }}{% endfor %}".to_owned(),
        "{{ '%1000000000d' | format(1) }}".to_owned(),
        "{{ 'a\nb' | indent(1000000000) }}".to_owned(),
        "{{ 'x' | replace('', 'a' * 10000) | replace('', 'a' * 1000000) }}".to_owned(),
        "{{ [1] | batch(1000000000, 1) | list | length }}".to_owned(),
        "{{ 'a' | center(1000000000) }}".to_owned(),
        nested,
        "x".repeat(TEXT_MAX + 1),
    ];
    for text in texts {
        let start = Instant::now();
        let told = fault(&text).to_string();
        assert!(told.starts_with("file.j2") && told.len() < 700, "{told}");
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}: {told}", start.elapsed());
    }
}

/// Returns whether it is a fault is the engine's affair; it has room to find that out.
#[test]
fn a_deep_template_ends() {
    let nested = |use_of_it: &str| {
        let layer = format!("{{%set x={}x{}%}}", "[".repeat(40), "]".repeat(40));
        format!("{{% set x = 1 %}}{}{use_of_it}", layer.repeat(680))
    };
    assert_eq!(rendered(&nested("{{ x == x }}{{ x < x }}")), "TrueFalse");
    assert_eq!(rendered(&nested("{{ x }}")).len(), 2 * 40 * 680 + 1);
    for deep in ["(", "[", "not ", "-", "{1:", "1 if 1 else ", "hosts[0]|", "x.y(", "{% if 1 %}"] {
        let many = deep.repeat(60_000 / deep.len());
        drop(render(&format!("{{{{ {many}1 }}}}")));
        drop(render(&format!("{many}1")));
    }
    for deep in ["[0]", ".x", "|e", "()", " is odd", " == 1"] {
        drop(render(&format!("{{{{ hosts{} }}}}", deep.repeat(60_000 / deep.len()))));
    }
    assert_eq!(rendered(&format!("{{{{ 1{} }}}}", " +1".repeat(1_000))), "1001");
}

#[test]
fn a_template_that_takes_too_long_is_left() {
    let slow = || {
        thread::sleep(Duration::from_secs(5));
        Ok(())
    };
    let start = Instant::now();
    let told =
        bounded("file.j2", Duration::from_millis(20), u64::MAX, slow).unwrap_err().to_string();
    assert_eq!(told, "file.j2: it takes longer than 20ms");
    assert!(start.elapsed() < Duration::from_secs(4));
}

#[test]
fn a_template_that_takes_too_much_memory_is_left() {
    let greedy = || {
        // More than the tests beside this one have had at once, for that is what is measured.
        let most = usize::try_from(memory_taken()).unwrap();
        let filled = vec![1_u8; most + (64 << 20)];
        thread::sleep(Duration::from_secs(60));
        Ok(filled)
    };
    let start = Instant::now();
    let told = bounded("file.j2", Duration::from_secs(50), 1 << 20, greedy).unwrap_err();
    assert_eq!(told.to_string(), "file.j2: it takes more than 1 MiB of memory");
    assert!(start.elapsed() < Duration::from_secs(40));
}
