//! Settings: options, then the environment, then what `prime login` wrote.

use std::fs;

use serde_json::json;

use crate::support::api::Api;
use crate::support::cluster;
use crate::support::fragment::Fragment;
use crate::support::sandbox::{Program, Sandbox, TOKEN};
use crate::support::snapshot::Transcript;

fn api() -> Api {
    Api::serving([cluster::train()])
}

/// One that must not be asked.
fn wrong() -> Api {
    Api::serving([]).may_be_idle()
}

fn config(sandbox: &Sandbox) -> Program {
    sandbox.prime_ssh(["config", "clst01"])
}

/// The value of a keyword for the hosts of [`cluster::train`].
fn shared(program: Program, keyword: &str) -> Option<String> {
    let fragment = Fragment::parse(&program.run().succeeds());
    fragment.value(keyword).map(str::to_owned)
}

#[test]
fn who_has_logged_in_sets_nothing() {
    let (sandbox, api) = (Sandbox::new(), api());
    sandbox.prime_settings(&json!({"base_url": api.url()}));
    config(&sandbox).run().succeeds();
}

#[test]
fn the_address_is_the_options_then_the_environments_then_the_files() {
    let sandbox = Sandbox::new();
    let (option, first, second, file) = (api(), wrong(), wrong(), wrong());
    sandbox.prime_settings(&json!({"base_url": file.url()}));
    let both = || config(&sandbox).env("PRIME_BASE_URL", second.url());
    both()
        .env("PRIME_API_BASE_URL", first.url())
        .arg("--api-url")
        .arg(option.url())
        .run()
        .succeeds();
    both().env("PRIME_API_BASE_URL", first.url()).run().fails(3);
    assert!(!first.requests().is_empty());
    assert_eq!(second.requests().len() + file.requests().len(), 0);
    let good = api();
    config(&sandbox).env("PRIME_BASE_URL", good.url()).run().succeeds();
    config(&sandbox)
        .env("PRIME_BASE_URL", good.url())
        .env("PRIME_API_BASE_URL", "")
        .run()
        .succeeds();
    assert_eq!(file.requests().len(), 0);
}

#[test]
fn an_address_may_end_as_the_cli_writes_it() {
    let (sandbox, api) = (Sandbox::new(), api());
    for end in ["/", "/api/v1", "/api/v1/"] {
        sandbox.prime_settings(&json!({"base_url": api.url() + end}));
        config(&sandbox).run().succeeds();
    }
    assert_eq!(api.paths(), ["GET /api/admin/clusters/clst01"; 3]);
}

#[test]
fn the_token_is_the_options_then_the_environments_then_the_files() {
    let (sandbox, api) = (Sandbox::new(), api());
    sandbox.prime_settings(&json!({"base_url": api.url(), "api_key": "from-file"}));
    sandbox.write("token", format!("{TOKEN}\n"));
    config(&sandbox).run().fails(3);
    config(&sandbox).env("PRIME_API_KEY", TOKEN).run().succeeds();
    let other = || config(&sandbox).env("PRIME_API_KEY", "from-environment");
    other().run().fails(3);
    other().arg("--token-file").arg("token").run().succeeds();
    let sent: Vec<_> =
        api.requests().iter().map(|r| r.header("authorization").unwrap().to_owned()).collect();
    let bearer = |token: &str| format!("Bearer {token}");
    assert_eq!(sent, ["from-file", TOKEN, "from-environment", TOKEN].map(bearer));
}

#[test]
fn without_a_token_the_ways_to_give_one_are_named() {
    let (sandbox, api) = (Sandbox::new(), wrong());
    let ran = config(&sandbox).arg("--api-url").arg(api.url()).run();
    assert_eq!(api.requests().len(), 0);
    snapshot!(ran.fails(2), @"
    error: no API token

    hint: run `prime login`, set PRIME_API_KEY, or give --token-file FILE; none is needed for --input FILE: a saved answer, or what someone else's `prime-ssh export` printed
    ");
}

#[test]
fn the_token_is_never_shown() {
    let (sandbox, api) = (Sandbox::new(), api());
    let secret = "s3cret-token";
    for program in [
        config(&sandbox).env("PRIME_API_KEY", secret).env("PRIME_API_BASE_URL", api.url()),
        config(&sandbox)
            .env("PRIME_API_KEY", secret)
            .env("PRIME_API_BASE_URL", "http://127.0.0.1:1"),
        config(&sandbox).env("PRIME_API_KEY", format!("{secret}\n{secret}")),
        config(&sandbox).env("PRIME_API_KEY", format!("{secret} é")),
    ] {
        let ran = program.arg("--timeout").arg("5").arg("-v").run();
        assert!(!ran.status.success(), "{ran:?}");
        assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{ran:?}");
    }
    sandbox.write(".prime/config.json", format!("{{\"api_key\": \"{secret}\", oops"));
    snapshot!(config(&sandbox).run().fails(1), @"
    error: [home]/.prime/config.json is damaged at line 1, column 29

    hint: `prime login` writes it again
    ");
}

#[test]
fn a_secret_in_the_wrong_place_is_not_shown() {
    let (sandbox, mut told) = (Sandbox::new(), Transcript::default());
    let url = "https://me:SECRET@SECRET@host";
    told.add("a URL", config(&sandbox).args(["--api-url", url]).run().fails(2));
    let program = config(&sandbox).env("PRIME_API_KEY", TOKEN).env("PRIME_API_BASE_URL", url);
    told.add("a URL in a variable", program.run().fails(2));
    for token in ["pit_0123456789", "0123456789abcdef0123456789abcdef"] {
        told.add("a token", config(&sandbox).args(["--token-file", token]).run().fails(2));
        let program = config(&sandbox).env("PRIME_SSH_TOKEN_FILE", token);
        told.add("a token in a variable", program.run().fails(2));
        let program = config(&sandbox).arg(format!("--token={token}"));
        told.add("a token of no option", program.run().fails(2));
    }
    let text = told.to_string();
    assert!(!text.contains("SECRET") && !text.contains("0123456789"), "{text}");
    snapshot!(told);
}

#[test]
fn verbose_tells_each_request_and_never_the_token() {
    let (sandbox, api) = (Sandbox::new(), api());
    let ran = sandbox.prime_ssh(["config", "train", "-v"]).asking(&api).run();
    snapshot!(ran.stderr, @"
    detail: GET /api/admin/clusters/train: 404 Not Found, [ms]
    detail: GET /api/admin/clusters?search=train&limit=100&offset=0: 200 OK, [ms]
    detail: GET /api/admin/clusters/clst01: 200 OK, [ms]
    ");
    assert_eq!(sandbox.prime_ssh(["config", "train"]).asking(&api).run().stderr, "");
}

#[test]
fn a_context_is_read_over_the_settings() {
    let sandbox = Sandbox::new();
    let (usual, context) = (wrong(), api());
    sandbox.prime_settings(&json!({"base_url": usual.url()}));
    let settings = json!({"api_key": TOKEN, "base_url": context.url()});
    sandbox.write(".prime/environments/staging.json", settings.to_string());
    config(&sandbox).env("PRIME_CONTEXT", "staging").run().succeeds();
    config(&sandbox)
        .arg("--context")
        .arg("staging")
        .env("PRIME_CONTEXT", "nowhere")
        .run()
        .succeeds();
    let mut told = Transcript::default();
    for name in ["nowhere", "../config", "a/b", "..", ""] {
        told.add(name, config(&sandbox).args(["--context", name]).run().fails(2));
    }
    assert_eq!(usual.requests().len(), 0);
    snapshot!(told);
}

#[test]
fn a_token_does_not_go_over_plain_http() {
    let (sandbox, mut told) = (Sandbox::new(), Transcript::default());
    for address in
        ["http://api.example.invalid", "http://10.0.0.1:8080", "http://127.0.0.1.example.invalid"]
    {
        let program = config(&sandbox).env("PRIME_API_KEY", TOKEN).args(["--api-url", address]);
        told.add(address, program.run().fails(2));
    }
    snapshot!(told);
}

#[test]
fn loopback_is_never_asked_through_a_proxy() {
    let (sandbox, api, proxy) = (Sandbox::new(), api(), wrong());
    let mut program = config(&sandbox).asking(&api);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
    {
        program = program.env(name, proxy.url());
    }
    program.run().succeeds();
    assert_eq!(proxy.requests().len(), 0);
}

#[test]
fn https_goes_through_the_proxy_of_the_environment_and_without_the_token() {
    let (sandbox, proxy) = (Sandbox::new(), Api::serving([]));
    let program = config(&sandbox).env("PRIME_API_KEY", TOKEN).env("HTTPS_PROXY", proxy.url());
    let program =
        program.arg("--api-url").arg("https://api.example.invalid").arg("--timeout").arg("5");
    program.run().fails(3);
    let asked = proxy.requests();
    assert_eq!(proxy.paths()[0], "CONNECT api.example.invalid:443");
    assert!(asked.iter().all(|request| request.header("authorization").is_none()), "{asked:?}");
}

#[test]
fn the_key_is_the_one_that_the_user_chose_and_has() {
    let sandbox = Sandbox::new();
    let answer = sandbox.write("answer.json", cluster::train().answer());
    let program = || sandbox.prime_ssh(["config", "--input"]).arg(&answer);
    let identity = |program| shared(program, "IdentityFile");
    let home = |path: &str| Some(sandbox.path(path).display().to_string());

    assert_eq!(identity(program()), None, "nobody chose one");
    sandbox.prime_settings(&json!({}));
    sandbox.write(".ssh/id_rsa", "a key");
    assert_eq!(identity(program()), None, "the CLI's default is nobody's choice");
    sandbox.prime_settings(&json!({"ssh_key_path": sandbox.path(".ssh/mine")}));
    assert_eq!(identity(program()), None, "it is not there");
    sandbox.write(".ssh/mine", "a key");
    assert_eq!(identity(program()), home(".ssh/mine"));
    assert_eq!(shared(program(), "IdentitiesOnly").as_deref(), Some("yes"));

    let environment = || program().env("PRIME_SSH_KEY_PATH", sandbox.path(".ssh/other"));
    assert_eq!(identity(environment()), home(".ssh/other"));
    assert_eq!(
        identity(environment().arg("--identity-file=/keys/best")).as_deref(),
        Some("/keys/best")
    );
    assert_eq!(identity(environment().arg("--identity-file=none")), None);
    assert_eq!(shared(environment().arg("--identity-file=none"), "IdentitiesOnly"), None);
}

#[test]
fn a_public_key_stands_for_its_private_one_where_that_is_there() {
    let sandbox = Sandbox::new();
    let answer = sandbox.write("answer.json", cluster::train().answer());
    let key = sandbox.write(".ssh/mine", "a key");
    let public = sandbox.write(".ssh/mine.pub", "its public part");
    let identity = || {
        let program = sandbox.prime_ssh(["config", "--input"]).arg(&answer);
        shared(program.arg("--identity-file").arg(&public), "IdentityFile").unwrap()
    };
    assert_eq!(identity(), key.display().to_string());
    fs::remove_file(&key).unwrap();
    assert_eq!(identity(), public.display().to_string(), "the agent has the other part");
}

#[test]
fn what_is_typed_wins_over_its_variable() {
    let sandbox = Sandbox::new();
    let answer = sandbox.write("answer.json", cluster::train().answer());
    let program = || sandbox.prime_ssh(["config", "--input"]).arg(&answer);
    let user = |program| shared(program, "User").unwrap();
    assert_eq!(user(program()), "ubuntu");
    assert_eq!(user(program().env("PRIME_SSH_USER", "root")), "root");
    assert_eq!(user(program().env("PRIME_SSH_USER", "root").arg("--user=me")), "me");
    assert_eq!(user(program().env("PRIME_SSH_USER", "")), "ubuntu", "an empty one is none");
    program().env("PRIME_SSH_JUMP", "sideways").run().fails(2);
    let text = program().env("PRIME_SSH_JUMP", "never").run().succeeds();
    assert!(!text.contains("ProxyJump"), "{text}");
}
