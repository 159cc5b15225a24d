//! Templates from outside: what goes where, and what ends the run.

use std::fs;

use crate::support::api::{Api, Reply};
use crate::support::cluster::{self, Cluster, Connection, Node};
use crate::support::process;
use crate::support::sandbox::{Program, Sandbox};
use crate::support::snapshot::Transcript;

const HOSTFILE: &str = "{# DeepSpeed #}\n{% for host in hosts %}\n{{ host.alias }} slots={{ host.gpu_count }}\n{% endfor %}\n";
const RENDERED: &str =
    "prime.train.node-0 slots=8\nprime.train.node-1 slots=8\nprime.train.node-2 slots=8\n";

/// A folder with a saved answer and this template.
fn with_template(template: &str) -> Sandbox {
    let sandbox = Sandbox::with_answer(&cluster::train());
    sandbox.write("file.j2", template);
    sandbox
}

fn render(sandbox: &Sandbox) -> Program {
    sandbox.prime_ssh(["render", "--template", "file.j2", "--input", "answer.json"])
}

#[test]
fn a_text_goes_to_stdout_or_to_a_file() {
    let sandbox = with_template(HOSTFILE);
    assert_eq!(render(&sandbox).run().succeeds(), RENDERED);
    let checked = || render(&sandbox).args(["-o", "hostfile", "--check"]).run();
    checked().fails(10);
    assert!(!sandbox.path("hostfile").exists());
    assert_eq!(render(&sandbox).args(["-o", "hostfile"]).run().succeeds(), "");
    assert_eq!(sandbox.read("hostfile"), RENDERED);
    checked().succeeds();
    let only = render(&sandbox).args(["--only", "control", "--prefix", "lab"]).run().succeeds();
    assert_eq!(only, "lab.train.node-0 slots=8\n");
}

#[test]
fn a_template_comes_from_stdin_too() {
    let sandbox = with_template("");
    let from_stdin = |input: &str| {
        sandbox.prime_ssh(["render", "--template", "-", "--input", input]).stdin(HOSTFILE)
    };
    assert_eq!(from_stdin("answer.json").run().succeeds(), RENDERED);
    snapshot!(from_stdin("-").run().fails(2), @"error: --template and --input are both `-`, but stdin can be read only once");
    snapshot!(from_stdin("answer.json").stdin("{{ x }}").run().fails(2), @"
    error: stdin:1: `x` is undefined
      1 | {{ x }}
        |    ^
    ");
    // With the byte order mark of some editors.
    let marked = format!("\u{feff}{HOSTFILE}");
    sandbox.write("file.j2", marked);
    assert_eq!(render(&sandbox).run().succeeds(), RENDERED);
}

#[test]
fn what_the_engine_does_not_survive_is_an_error() {
    let sandbox = with_template("{% for x in range(3) %}{{ loop.cycle() }}{% endfor %}");
    snapshot!(
        render(&sandbox).run().fails(2),
        @"error: the template engine failed: attempt to calculate the remainder with a divisor of zero"
    );
}

#[test]
fn what_is_typed_must_fit_together() {
    let sandbox = with_template(HOSTFILE);
    let run = |arguments: &[&str]| sandbox.prime_ssh(["render"]).args(arguments).run();
    run(&["--input", "answer.json"]).fails(2);
    run(&["--template", "file.j2"]).fails(2);
    run(&["--print-data", "--template", "file.j2", "--input", "answer.json"]).fails(2);
    run(&["--print-data", "--input", "answer.json", "--check"]).fails(2);
    snapshot!(run(&["--template", "nowhere.j2", "--input", "answer.json"]).fails(1), @"error: cannot read nowhere.j2: No such file or directory (os error 2)");
    sandbox.write("file.j2", b"\xff\xfe");
    snapshot!(render(&sandbox).run().fails(2), @"error: file.j2 is not UTF-8 text");
}

#[test]
fn what_is_no_template_costs_no_request() {
    let sandbox = with_template("{% for %}");
    let api = Api::serving([cluster::train()]).may_be_idle();
    let asking = || sandbox.prime_ssh(["render", "--template", "file.j2", "train"]).asking(&api);
    snapshot!(asking().run().fails(2), @"
    error: file.j2:1: syntax error: unexpected end of block, expected in
      1 | {% for %}
        |        ^^
    ");
    assert_eq!(api.paths(), Vec::<String>::new());
    sandbox.write("file.j2", HOSTFILE);
    assert_eq!(asking().run().succeeds(), RENDERED);
}

#[test]
fn a_template_that_fails_writes_nothing() {
    let faulty = format!("{HOSTFILE}{{{{ hosts[7].alias }}}}\n");
    let sandbox = with_template(&faulty);
    sandbox.write("hostfile", "old");
    let mut told = Transcript::default();
    for output in [&["-o", "hostfile"][..], &["-o", "hostfile", "--check"], &["-o", "new"], &[]] {
        let ran = render(&sandbox).args(output).run();
        assert_eq!(ran.stdout, "");
        told.add(output.join(" "), ran.fails(2));
    }
    snapshot!(told);
    assert_eq!(sandbox.read("hostfile"), "old");
    assert!(!sandbox.path("new").exists());
}

#[test]
fn a_template_cannot_reach_out() {
    let sandbox = with_template("");
    sandbox.write("secret", "SECRET");
    for template in [
        "{% include 'secret' %}",
        "{% include './secret' %}",
        "{% import 'secret' as x %}{{ x }}",
        "{% extends 'secret' %}",
        "{{ open('secret') }}",
        "{{ lookup('file', 'secret') }}",
        "{{ env.PRIME_API_KEY }}",
        "{{ environ['PRIME_API_KEY'] }}",
        "{{ hosts.__class__ }}",
        "{{ self }}",
        "{{ debug() }}",
    ] {
        sandbox.write("file.j2", template);
        let ran = render(&sandbox).env("PRIME_API_KEY", "SECRET").run();
        assert!(!ran.stderr.contains("SECRET") && ran.stdout.is_empty(), "{template}");
        ran.fails(2);
    }
}

#[test]
fn all_clusters_that_the_api_lists() {
    let sandbox = with_template(
        "{% for cluster in clusters %}\n{{ cluster.alias }} {{ cluster.hosts | length }}\n{% endfor %}\n",
    );
    let eval = Cluster::new("clst02", "eval").node(Node::control("p9", "head", "203.0.113.9"));
    let api = Api::serving([cluster::train(), eval]);
    let text = sandbox.prime_ssh(["render", "--template", "file.j2", "--all"]).asking(&api).run();
    assert_eq!(text.succeeds(), "prime.eval 1\nprime.train 3\n");
}

/// A text of the API as one word of a shell's command: what comes out is what went in.
#[test]
fn sh_is_one_word_to_every_shell() {
    let canary = "touch canary";
    let texts = [
        "plain",
        "",
        " ",
        "-n",
        "a b",
        "it's",
        "''",
        "'; touch canary #",
        "\"; touch canary #",
        "$(touch canary)",
        "`touch canary`",
        "${HOME}",
        "$HOME",
        "a\\",
        "\\'",
        "~",
        "~root",
        "*",
        "?[a]",
        "{a,b}",
        "a=b",
        "=ls",
        "%1",
        "!!",
        "!x",
        "#x",
        "a|b",
        "a;b",
        "a&b",
        "a<b>c",
        "(x)",
        "|| touch canary",
        "é 日本 🚀",
        "\u{a0}",
    ];
    let sandbox = Sandbox::new();
    let mut cluster = Cluster::new("clst01", "train");
    for (at, text) in texts.iter().enumerate() {
        let host = Connection::to(&format!("203.0.113.{}", at + 1)).with("role", *text);
        let node = Node::new(&format!("pod{at}"), &format!("node-{at}"));
        cluster = cluster.node(node.connection(host));
    }
    sandbox.write("answer.json", cluster.answer());
    // What a template makes itself may have line breaks.
    sandbox.write(
        "file.j2",
        "{% for host in hosts %}\nprintf '%s\\0' {{ host.role | sh }}\n{% endfor %}\n\
         {% for host in hosts %}\nset -- {{ host.role | sh }}; test $# = 1 || exit 9\n{% endfor %}\n\
         printf '%s\\0' {{ \"a\\nb\\t'c\\r\" | sh }}\n",
    );
    let script = sandbox.write("script", render(&sandbox).run().succeeds());
    let mut expected: Vec<u8> =
        texts.iter().flat_map(|text| [text.as_bytes(), b"\0"].concat()).collect();
    expected.extend(b"a\nb\t'c\r\0");
    let expected = String::from_utf8(expected).unwrap();
    for shell in [&["sh"][..], &["bash"], &["bash", "-i", "+m"]] {
        let mut command = process::command(shell[0]);
        command
            .args(&shell[1..])
            .arg(&script)
            .current_dir(sandbox.home())
            .env("HOME", sandbox.home());
        let ran = process::run(&mut command, b"");
        assert_eq!(ran.succeeds(), expected, "{shell:?}");
        assert!(!sandbox.path("canary").exists(), "{canary} was run by {shell:?}");
    }
}

#[test]
fn the_permission_that_is_missing_can_be_somebody_elses() {
    let sandbox = Sandbox::new();
    let api = Api::serving([cluster::train()]);
    api.replies_on("/api/admin/clusters/train", Reply::detail(403, "Insufficient permissions"));
    snapshot!(sandbox.prime_ssh(["config", "train"]).asking(&api).run().fails(3), @"
    error: cannot get cluster `train`: the token lacks the permission (403 Forbidden): Insufficient permissions

    hint: use a token with the admin-clusters permission; or ask someone who has one to run `prime-ssh export CLUSTER -o train.json` and give you that file, which holds no secrets, for `--input train.json`
    ");
    // As it says.
    let colleague = Api::serving([cluster::train()]);
    let export = sandbox.prime_ssh(["export", "train", "-o", "train.json"]).asking(&colleague);
    export.run().succeeds();
    sandbox.write("answer.json", cluster::train().answer());
    let [of_data, of_answer] = ["train.json", "answer.json"]
        .map(|file| sandbox.prime_ssh(["config", "--input", file]).run().succeeds());
    assert_eq!(of_data, of_answer);
}

#[test]
fn a_fault_is_told_without_acting_on_the_terminal() {
    let sandbox = with_template("x\u{1b}[2J {{ y }} \u{202e}\u{7}\n");
    let told = render(&sandbox).run().fails(2);
    assert!(!told.contains('\u{1b}') && !told.contains('\u{202e}'), "{told:?}");
    snapshot!(told, @r"
    error: file.j2:1: `y` is undefined
      1 | x\u{1b}[2J {{ y }} \u{202e}\u{7}
        |               ^
    ");
    let name = "a\u{1b}[2J.j2";
    sandbox.write(name, "{{ y }}");
    let run = sandbox.prime_ssh(["render", "--input", "answer.json", "--template", name]).run();
    assert!(!run.stderr.contains('\u{1b}'), "{:?}", run.stderr);
    assert!(fs::exists(sandbox.path(name)).unwrap());
}
