// SPDX-License-Identifier: GPL-2.0

//! Where parameter data is written to.

/// Writes big-endian fields into a buffer and drops what does not fit.
///
/// A command that returns parameter data says in its ALLOCATION LENGTH how much of it may be sent,
/// and the data sent is the first so many bytes of the whole, whose own length fields still tell
/// the whole length (SPC-5, Allocation length). So a `Sink` over a buffer of ALLOCATION LENGTH
/// bytes keeps counting after the buffer is full.
///
/// # Invariants
///
/// `at` is the length of everything put in so far, whether it fitted or not.
#[derive(Debug)]
pub struct Sink<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl<'a> Sink<'a> {
    /// Starts at the beginning of `out`.
    pub fn new(out: &'a mut [u8]) -> Self {
        // INVARIANT: nothing has been put in.
        Self { out, at: 0 }
    }

    /// The length of everything put in, whether it fitted or not.
    pub fn len(&self) -> usize {
        self.at
    }

    /// Whether nothing has been put in yet.
    pub fn is_empty(&self) -> bool {
        self.at == 0
    }

    /// How many bytes of the buffer are written: what goes to the initiator.
    pub fn written(&self) -> usize {
        self.at.min(self.out.len())
    }

    /// The part of the buffer that is written.
    pub fn as_bytes(&self) -> &[u8] {
        self.out.get(..self.written()).unwrap_or_default()
    }

    /// Puts one byte.
    pub fn u8(&mut self, value: u8) {
        self.bytes(&[value]);
    }

    /// Puts a two-byte field.
    pub fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    /// Puts a three-byte field: the low 24 bits of `value`.
    pub fn u24(&mut self, value: u32) {
        let [_, low @ ..] = value.to_be_bytes();
        self.bytes(&low);
    }

    /// Puts a four-byte field.
    pub fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    /// Puts an eight-byte field.
    pub fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    /// Puts `bytes` as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.overwrite(self.at, bytes);
        // INVARIANT: counts what did not fit, too.
        self.at = self.at.saturating_add(bytes.len());
    }

    /// Puts `count` zero bytes.
    pub fn zeros(&mut self, count: usize) {
        self.fill(0, count);
    }

    /// Puts an ASCII field of `width` bytes: left-aligned, cut or padded with spaces, and with a
    /// space for every character that is not a graphic ASCII character or a space (SPC-5, ASCII
    /// data field requirements).
    pub fn ascii_padded(&mut self, text: &str, width: usize) {
        let before = self.at;
        for byte in text.bytes().take(width) {
            self.u8(if matches!(byte, 0x20..=0x7e) {
                byte
            } else {
                b' '
            });
        }
        let done = self.at.saturating_sub(before);
        self.fill(b' ', width.saturating_sub(done));
    }

    /// Overwrites the byte at `at`, as far as it is in the buffer.
    pub fn patch_u8(&mut self, at: usize, value: u8) {
        self.overwrite(at, &[value]);
    }

    /// Overwrites the two-byte field at `at`, as far as it is in the buffer.
    ///
    /// For length fields, which are known only when what follows them is written.
    pub fn patch_u16(&mut self, at: usize, value: u16) {
        self.overwrite(at, &value.to_be_bytes());
    }

    /// Overwrites the four-byte field at `at`, as far as it is in the buffer.
    pub fn patch_u32(&mut self, at: usize, value: u32) {
        self.overwrite(at, &value.to_be_bytes());
    }

    /// Puts the length of what `body` puts, in two bytes, and then that.
    pub fn counted_u16(&mut self, body: impl FnOnce(&mut Self)) {
        let length = self.at;
        self.u16(0);
        let start = self.at;
        body(self);
        let written = u16::try_from(self.since(start)).unwrap_or(u16::MAX);
        self.patch_u16(length, written);
    }

    /// The number of bytes put in since the sink was `at` bytes long.
    pub fn since(&self, at: usize) -> usize {
        self.at.saturating_sub(at)
    }

    fn overwrite(&mut self, at: usize, bytes: &[u8]) {
        let room = self.out.get_mut(at..).unwrap_or_default();
        for (to, from) in room.iter_mut().zip(bytes) {
            *to = *from;
        }
    }

    fn fill(&mut self, value: u8, count: usize) {
        let room = self.out.get_mut(self.at..).unwrap_or_default();
        for to in room.iter_mut().take(count) {
            *to = value;
        }
        // INVARIANT: counts what did not fit, too.
        self.at = self.at.saturating_add(count);
    }
}

#[cfg(test)]
mod tests {
    use super::Sink;

    #[test]
    fn fields_are_big_endian() {
        let mut out = [0xff; 20];
        let mut sink = Sink::new(&mut out);
        sink.u8(0x01);
        sink.u16(0x0203);
        sink.u24(0xff04_0506);
        sink.u32(0x0708_090a);
        sink.u64(0x0b0c_0d0e_0f10_1112);
        sink.zeros(2);
        assert_eq!(sink.len(), 20);
        assert_eq!(
            sink.as_bytes(),
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 0, 0]
        );
    }

    #[test]
    fn a_full_buffer_drops_but_counts() {
        let mut out = [0u8; 3];
        let mut sink = Sink::new(&mut out);
        sink.u16(0x0102);
        sink.u16(0x0304);
        sink.zeros(4);
        sink.ascii_padded("no room", 8);
        assert_eq!((sink.len(), sink.written()), (16, 3));
        assert_eq!(out, [1, 2, 3]);
    }

    #[test]
    fn a_patch_changes_only_what_is_in_the_buffer() {
        let mut out = [0u8; 4];
        let mut sink = Sink::new(&mut out);
        sink.zeros(4);
        sink.patch_u16(0, 0x0102);
        sink.patch_u32(3, 0x0304_0506);
        sink.patch_u8(9, 0xff);
        assert_eq!(sink.len(), 4);
        assert_eq!(out, [1, 2, 0, 3]);
    }

    #[test]
    fn a_length_counts_what_follows_it() {
        let mut out = [0xee; 8];
        let mut sink = Sink::new(&mut out);
        sink.u8(9);
        sink.counted_u16(|sink| sink.bytes(&[1, 2, 3]));
        sink.counted_u16(|_| ());
        assert_eq!(sink.as_bytes(), [9, 0, 3, 1, 2, 3, 0, 0]);
    }

    #[test]
    fn ascii_is_padded_cut_and_cleaned() {
        let mut out = [0u8; 12];
        let mut sink = Sink::new(&mut out);
        sink.ascii_padded("ab", 4);
        sink.ascii_padded("abcdef", 4);
        sink.ascii_padded("a\n\u{e9}", 4);
        assert_eq!(&out, b"ab  abcda   ");
    }

    #[test]
    fn an_empty_buffer_takes_everything() {
        let mut sink = Sink::new(&mut []);
        assert!(sink.is_empty());
        sink.u64(1);
        assert_eq!((sink.len(), sink.written()), (8, 0));
        assert!(sink.as_bytes().is_empty());
    }
}
