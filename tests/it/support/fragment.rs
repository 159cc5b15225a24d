//! A strict reader of the fragments that the program writes. It knows far less than ssh does: a
//! line of any other kind, and a value of any other form, fails the test.

/// A fragment, as far as it holds nothing but what it may hold.
#[derive(Debug)]
pub struct Fragment {
    blocks: Vec<Block>,
}

/// One `Host` block.
#[derive(Debug)]
pub struct Block {
    pub names: Vec<String>,
    pub options: Vec<(String, String)>,
}

impl Block {
    /// Whether it is a block that all hosts share, or that is about stale names.
    pub fn is_shared(&self) -> bool {
        self.names.iter().any(|name| name.contains('*'))
    }

    pub fn get(&self, keyword: &str) -> Option<&str> {
        let option = self.options.iter().find(|(key, _)| key == keyword);
        option.map(|(_, value)| value.as_str())
    }
}

impl Fragment {
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "ends in the middle of a line: {text}");
        let mut blocks = Vec::<Block>::new();
        for line in text.lines() {
            assert!(is_printable(line), "not printable: {line:?}");
            if line.is_empty() || line.starts_with("# ") || line.starts_with("  # ") {
                continue;
            }
            if let Some(names) = line.strip_prefix("Host ") {
                let names: Vec<_> = names.split(' ').map(str::to_owned).collect();
                assert!(names.iter().all(|name| is_name(name)) || names == ["*"], "{line:?}");
                blocks.push(Block { names, options: Vec::new() });
                continue;
            }
            if let Some(conditions) = line.strip_prefix("Match ") {
                blocks.push(Block { names: vec![jump_pattern(conditions)], options: Vec::new() });
                continue;
            }
            let option = line.strip_prefix("  ").and_then(|option| option.split_once(' '));
            let (keyword, value) = option.unwrap_or_else(|| panic!("not a line of ours: {line:?}"));
            let block = blocks.last_mut().unwrap_or_else(|| panic!("outside a block: {line:?}"));
            assert!(fits(block.is_shared(), keyword, value), "{line:?} in {:?}", block.names);
            assert_eq!(block.get(keyword), None, "twice in {:?}", block.names);
            block.options.push((keyword.to_owned(), value.to_owned()));
        }
        assert_eq!(
            blocks.last().map(|block| (block.names.join(" "), block.options.len())),
            Some(("*".to_owned(), 0)),
            "nothing behind the text is about our hosts"
        );
        Self { blocks }
    }

    /// The blocks of single hosts, in their order.
    pub fn hosts(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(|block| !block.is_shared())
    }

    /// The block that a cluster's hosts share, of each cluster.
    pub fn shared(&self) -> impl Iterator<Item = &Block> {
        let has_options = |block: &&Block| block.get("StrictHostKeyChecking").is_some();
        self.blocks.iter().filter(|block| block.is_shared()).filter(has_options)
    }

    /// The first value of a keyword, wherever it stands.
    pub fn value(&self, keyword: &str) -> Option<&str> {
        self.blocks.iter().find_map(|block| block.get(keyword))
    }

    /// Every name that leads to a host.
    pub fn aliases(&self) -> impl Iterator<Item = &str> {
        self.hosts().flat_map(|block| &block.names).map(String::as_str)
    }
}

/// The names that jump: `originalhost PREFIX.CLUSTER.*,!NAME,… host !PREFIX.CLUSTER.*,*`.
#[track_caller]
fn jump_pattern(conditions: &str) -> String {
    let words: Vec<_> = conditions.split(' ').collect();
    let ["originalhost", names, "host", places] = words[..] else { panic!("{conditions:?}") };
    let (pattern, others) = names.split_once(',').unwrap_or((names, ""));
    let is_named = |name: &str| is_name(name.strip_prefix('!').unwrap_or(name));
    assert!(is_name(pattern) && pattern.ends_with(".*"), "{conditions:?}");
    assert!(others.is_empty() || others.split(',').all(is_named), "{conditions:?}");
    assert_eq!(places, format!("!{pattern},*"));
    pattern.to_owned()
}

/// Whether the fragment of a generated cluster may say this in such a block.
fn fits(shared: bool, keyword: &str, value: &str) -> bool {
    let of = |allowed: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || allowed.contains(c);
        value.chars().all(fits) && !value.starts_with('-')
    };
    match (shared, keyword) {
        (false, "HostName") => of("._:-"),
        (false, "HostKeyAlias") => of("-_.") && value.starts_with("prime-"),
        (_, "ProxyJump") => value == "none" || (is_name(value) && !value.contains('*')),
        (_, "Port") => value.parse::<u16>().is_ok_and(|port| port.to_string() == value),
        (_, "User") => of("._-"),
        (false, "ControlPath") if value == "none" => true,
        (_, "ControlPath") => {
            let plain = ["%r", "%k", "%n"].iter().fold(value.to_owned(), |v, t| v.replace(t, ""));
            is_quoted_path(&plain)
        }
        (true, "HostName") => value == "%h.invalid.",
        (_, "IdentityFile" | "CertificateFile" | "UserKnownHostsFile") => is_quoted_path(value),
        (_, "IdentitiesOnly") => value == "yes",
        (true, "StrictHostKeyChecking") => matches!(value, "accept-new" | "yes"),
        (true, "ServerAliveInterval" | "ConnectTimeout") => value.parse::<u16>().is_ok(),
        _ => false,
    }
}

fn is_printable(line: &str) -> bool {
    line.bytes().all(|b| (b' '..=b'~').contains(&b)) && !line.ends_with(' ')
}

/// `prefix.cluster`, `prefix.cluster.node` or `prefix.cluster.*`.
fn is_name(name: &str) -> bool {
    let parts: Vec<_> = name.split('.').collect();
    let is_slug = |part: &str| {
        let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !part.is_empty()
            && part != "none"
            && part.len() <= 63
            && part.bytes().all(inside)
            && !part.starts_with('-')
            && !part.ends_with('-')
            && !part.contains("--")
    };
    match parts.as_slice() {
        [prefix, cluster] => is_slug(prefix) && is_slug(cluster),
        [prefix, cluster, node] => {
            is_slug(prefix) && is_slug(cluster) && (*node == "*" || is_slug(node))
        }
        _ => false,
    }
}

fn is_quoted_path(value: &str) -> bool {
    let inner = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let inner = inner.unwrap_or(value);
    (inner.starts_with('/') || inner.starts_with("~/"))
        && !inner.contains(['"', '\'', '\\', '%', '$'])
        && (inner.len() < value.len() || !inner.contains(' '))
}
