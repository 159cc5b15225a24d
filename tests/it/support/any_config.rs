//! Configurations of users, for tests of what puts a line into them and takes it out again. The
//! library's own tests use it, too.

use proptest::prelude::*;

/// Lines that come close to ours and lines that are like nothing, or any bytes at all.
pub fn any_config() -> impl Strategy<Value = Vec<u8>> {
    let line = prop::sample::select(vec![
        &b"Host *"[..],
        b"Include prime-ssh/other",
        b"  Include prime-ssh/confi",
        b"\xef\xbb\xbfUser x\r",
        b"# Include prime-ssh/config",
        b"\tMatch all\r",
        b"Include \"prime-ssh",
        b"\0\xff",
        b"",
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        prop::collection::vec(line, 0..8).prop_map(|lines| lines.join(&b"\n"[..])),
    ]
}
