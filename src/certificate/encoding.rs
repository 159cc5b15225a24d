//! The encoding of keys and certificates: values one after the other, a text with its length in
//! front (RFC 4251, section 5).

/// The bytes left to read. Each method takes one value off the front; `None` where it is cut off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    /// A `string`: any bytes, with their number in front.
    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let mut rest = *self;
        let length = usize::try_from(rest.u32()?).ok()?;
        let (string, rest) = rest.0.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }

    /// A `string` that is plain ASCII without white space, as names of algorithms are.
    pub(super) fn word(&mut self) -> Option<&'a str> {
        let word = std::str::from_utf8(self.string()?).ok()?;
        word.bytes().all(|b| b.is_ascii_graphic()).then_some(word)
    }

    /// An `mpint` that is not negative: its bytes, the first one not zero.
    pub(super) fn mpint(&mut self) -> Option<&'a [u8]> {
        let mut bytes = self.string()?;
        if bytes.first().is_some_and(|&first| first >= 0x80) {
            return None;
        }
        while let Some(rest) = bytes.strip_prefix(&[0]) {
            bytes = rest;
        }
        Some(bytes)
    }

    /// A `uint32`.
    pub(super) fn u32(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*number))
    }

    /// A `uint64`.
    pub(super) fn u64(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_be_bytes(*number))
    }

    /// Returns whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_value_is_none_and_takes_nothing() {
        let mut fields = Fields(&[0, 0, 0, 3, b'a', b'b']);
        assert_eq!(fields.string(), None);
        assert_eq!(fields.0.len(), 6);
        assert_eq!(Fields(&[0xff; 4]).string(), None);
        assert_eq!(Fields(&[0; 7]).u64(), None);
    }

    #[test]
    fn values_come_off_the_front() {
        let mut fields = Fields(&[0, 0, 0, 2, b'o', b'k', 0, 0, 0, 2, 0, 0x80, 9]);
        assert_eq!(fields.word(), Some("ok"));
        assert_eq!(fields.mpint(), Some(&[0x80][..]));
        assert!(!fields.is_empty());
        assert_eq!(fields.0, [9]);
        assert_eq!(Fields(&[0, 0, 0, 1, 0x80]).mpint(), None);
        assert_eq!(Fields(&[0, 0, 0, 1, b' ']).word(), None);
    }
}
