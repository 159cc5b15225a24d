//! `--bastion`: ssh reaches everything through it, and workers on through their control node.

use super::config;
use crate::support::cluster;
use crate::support::sandbox::Sandbox;
use crate::support::snapshot::Transcript;
use crate::support::ssh::Resolved;

#[test]
fn whatever_is_direct_goes_through_it() {
    needs!("ssh");
    const HEAD: &str = "prime.train.node-0";
    let sandbox = Sandbox::new();
    for (arguments, of_head, of_worker) in [
        (&[][..], None, Some(HEAD)),
        (&["--bastion", "gate"], Some("gate"), Some(HEAD)),
        (&["--bastion", "me@[2001:db8::1]:22"], Some("me@[2001:db8::1]:22"), Some(HEAD)),
        (&["--bastion", "gate", "--jump", "never"], Some("gate"), Some("gate")),
        (&["--bastion", "gate", "--jump-via", "me@via"], Some("gate"), Some("gate,me@via")),
        (&["--bastion", "gate", "--jump-via", "gate"], Some("gate"), Some("gate")),
        (&["--bastion", "none", "--jump-via", "via"], None, Some("via")),
    ] {
        for layout in ["flat", "compact"] {
            let arguments = [arguments, &["--layout", layout]].concat();
            let text = config(&sandbox, &[cluster::train()], &arguments).succeeds();
            let path = sandbox.write("fragment", text);
            let jump = |alias| Resolved::of(&path, alias).get("proxyjump").map(str::to_owned);
            assert_eq!(jump(HEAD).as_deref(), of_head, "{arguments:?}");
            assert_eq!(jump("prime.train").as_deref(), of_head, "{arguments:?}");
            assert_eq!(jump("prime.train.node-1").as_deref(), of_worker, "{arguments:?}");
            assert_eq!(jump("prime.train.stale"), None, "{arguments:?}");
        }
    }
}

#[test]
fn nothing_is_its_own_way_in() {
    let (sandbox, mut told) = (Sandbox::new(), Transcript::default());
    for bastion in ["prime.train", "prime.train.node-1", "me@prime.train.x", "203.0.113.10"] {
        let ran = config(&sandbox, &[cluster::train()], &["--bastion", bastion]);
        told.add(bastion, ran.fails(2));
    }
    snapshot!(told, @"
    --- prime.train
    error: nothing to render for train (clst01): prime.train is a name of this cluster itself, and a host cannot jump through itself

    --- prime.train.node-1
    error: nothing to render for train (clst01): prime.train.node-1 is a name of this cluster itself, and a host cannot jump through itself

    --- me@prime.train.x
    error: nothing to render for train (clst01): prime.train.x is a name of this cluster itself, and a host cannot jump through itself

    --- 203.0.113.10
    error: nothing to render for train (clst01): 203.0.113.10 port 22 is node node-0 itself; `--jump auto` jumps through the control node
    ");
}
