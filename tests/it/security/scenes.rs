//! Runs of each command that together do all that it does.

use std::collections::BTreeMap;
use std::fs;

use super::trace::{CALLS, Trace};
use crate::readme::reader::{Reader, example};
use crate::support::cluster::Node;
use crate::support::sandbox::TOKEN;

/// A line that begins with `prime-ssh` is traced; it must succeed, or end with the code behind it. A
/// remark is something that happens at the API. What else there is gets things ready.
const SCENES: &str = "\
printf %s \"$TOKEN\" >TOKEN
mkdir -p ~/.prime/environments ~/.ssh/more DIR
echo '{}' >~/.prime/environments/staging.json
printf 'Include more/*\\nHost mine\\n  User me\\n' >~/.ssh/config
echo 'Host other' >~/.ssh/more/one
ssh-keygen -q -t ed25519 -N '' -f KEY
ssh-keygen -q -t rsa -m PEM -N '' -f PEM
rm PEM.pub
prime-ssh config train
prime-ssh config train -o FILE
prime-ssh config train -o FILE --check
prime-ssh config train --token-file TOKEN --context staging
prime-ssh config --input examples/cluster.json --ssh-option Compression=yes
prime-ssh config train --api-url https://127.0.0.1:1 # 3
prime-ssh config train --api-url https://api.invalid # 3
prime-ssh inventory train -o FILE
prime-ssh inventory train --list --cache 10m
prime-ssh inventory train --list --ssh-option LogLevel=ERROR
prime-ssh inventory train --api-url https://127.0.0.1:1 # 3
prime-ssh list
prime-ssh show train
prime-ssh wait train --for 1 --within 20s
prime-ssh man --dir DIR
printf '{{ hosts }}' >TEMPLATE
prime-ssh render train --template TEMPLATE -o FILE
prime-ssh render train --print-data
prime-ssh export train -o FILE
prime-ssh completions bash
prime-ssh doctor
prime-ssh check train
prime-ssh check train --login
prime-ssh install train
prime-ssh check train --login
prime-ssh install train --dry-run
prime-ssh show train
chmod g+w ~/.ssh/config
# a node comes
prime-ssh sync --check # 10
prime-ssh sync
prime-ssh uninstall train
# certificates are wanted
prime-ssh install train --live --identity-file KEY
# a node goes
prime-ssh sync
# certificates are wanted
prime-ssh sync
prime-ssh config train --identity-file KEY
prime-ssh inventory train --list --identity-file KEY
prime-ssh cert train --identity-file KEY
prime-ssh cert train --identity-file KEY --ensure
prime-ssh cert train --identity-file KEY --show
prime-ssh cert train --identity-file PEM -o CERT
rm ~/.ssh/prime-ssh/*-cert.pub
prime-ssh inventory train --list --identity-file KEY
prime-ssh install train
prime-ssh show train
prime-ssh doctor
";

/// Plays all of it, and says what each command did.
pub fn play(reader: &mut Reader) -> BTreeMap<String, Trace> {
    let mut traces = BTreeMap::new();
    for line in SCENES.lines() {
        if let Some(remark) = line.strip_prefix("# ") {
            happens(reader, remark);
        } else if let Some(rest) = line.strip_prefix("prime-ssh ") {
            let (arguments, code) = rest.split_once(" # ").unwrap_or((rest, "0"));
            traced(reader, arguments, code.parse().unwrap(), &mut traces);
        } else {
            let line = line.replace("\"$TOKEN\"", TOKEN);
            assert_eq!(reader.run(&line, "").code, 0, "{line}");
        }
    }
    traces
}

fn happens(reader: &mut Reader, remark: &str) {
    let more = example().node(Node::worker("pod03", "node-3", "10.0.0.13"));
    reader.api.now_serves([match remark {
        "a node comes" => more,
        "certificates are wanted" => more.with("vaultEnabled", true),
        "a node goes" => example().with("vaultEnabled", true),
        other => panic!("{other}"),
    }]);
}

/// Runs the program, and adds what it does to what its command does.
#[track_caller]
fn traced(reader: &Reader, arguments: &str, code: i32, traces: &mut BTreeMap<String, Trace>) {
    let folder = reader.sandbox.path("traces");
    fs::create_dir(&folder).unwrap();
    let out = folder.join("of");
    let strace = format!("strace -ff -y -qq -s 9999 -e {CALLS} -o '{}'", out.display());
    let line = format!("{strace} prime-ssh {arguments}");
    let ran = reader.run(&line, "");
    assert_eq!(ran.code, code, "prime-ssh {arguments}\n{}", ran.printed);
    let trace = Trace::of(&folder, "prime-ssh");
    fs::remove_dir_all(&folder).unwrap();
    let command = arguments.split(' ').next().unwrap();
    traces.entry(command.to_owned()).or_default().add(trace, |text| told(reader, text));
}

/// What is traced, as SECURITY.md says it.
fn told(reader: &Reader, text: &str) -> String {
    let api = reader.api.url();
    let text = text.replace(api.trim_start_matches("http://"), "api.primeintellect.ai:443");
    let text = reader.told(&text).replace("127.0.0.1:1", "api.primeintellect.ai:443");
    text.replace("/home/you/prime-ssh/", "").replace("/home/you", "~")
}
