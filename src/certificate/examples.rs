//! A key and a certificate for it, for tests.

/// An ed25519 key.
pub(super) const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL9W/zasx18sWeRtGlCfDMCWGa/nZjiQ+yBSIV2rwrbD me";
/// Made by `ssh-keygen -s` for that key: principals `ubuntu` and `root`, eight hours.
pub(super) const CERTIFICATE: &str = "ssh-ed25519-cert-v01@openssh.com \
    AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIOH0kOnadTV/9/p/nmWRBDs4XBEtYqTJBVCG\
    pmkjxlyiAAAAIL9W/zasx18sWeRtGlCfDMCWGa/nZjiQ+yBSIV2rwrbDAAAAAAAAAAcAAAABAAAADXZhdWx0LXRv\
    a2VuLTEAAAASAAAABnVidW50dQAAAARyb290AAAAAGpwgsAAAAAAanDzQAAAAAAAAACCAAAAFXBlcm1pdC1YMTEt\
    Zm9yd2FyZGluZwAAAAAAAAAXcGVybWl0LWFnZW50LWZvcndhcmRpbmcAAAAAAAAAFnBlcm1pdC1wb3J0LWZvcndh\
    cmRpbmcAAAAAAAAACnBlcm1pdC1wdHkAAAAAAAAADnBlcm1pdC11c2VyLXJjAAAAAAAAAAAAAAAzAAAAC3NzaC1l\
    ZDI1NTE5AAAAICPtjJUFIUH8fCQjVhvVAS+AMzaJ/wZYhJnHWAGFozg9AAAAUwAAAAtzc2gtZWQyNTUxOQAAAEC5\
    IA50453wdJeeU59MheP6zscyP4iQOiJz6n9rD7ifbPbhoj5WgXTTLEJu0Anwer0YbO7SqQMcTFwfhl+dGc8E me\n";
/// Its first second.
pub(super) const FROM: u64 = 1_785_758_400;
