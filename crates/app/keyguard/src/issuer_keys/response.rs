//! One HTTP/1.1 answer (RFC 9112), strictly read: status 200, a bounded head, a bounded body, nothing after it.
//!
//! ```text
//! HTTP/1.1 200 OK\r\n
//! content-type: application/json\r\n
//! transfer-encoding: chunked\r\n\r\n
//! 1a4\r\n{"issuer":"https://issuer.example",…}\r\n0\r\n\r\n
//! ```
//! Whatever could be read in two ways is refused: both kinds of length, two lengths, chunk extensions, trailers.

/// Longest head in bytes.
const MAX_HEAD: usize = 16 * 1024;
/// Most header fields.
const MAX_FIELDS: usize = 64;
/// Longest body in bytes: a JWK set may have as much.
pub const MAX_BODY: usize = chancery_identity::jwk::MAX_SET;
/// Longest line of a chunk's size, without its end.
const MAX_SIZE_LINE: usize = 8;

/// An answer that is not the one asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidResponse {
    /// The body's encoding is none that was asked for.
    #[error("the answer has an encoding that was not asked for")]
    Encoding,
    /// Head or framing is not what RFC 9112 says, or can be read in two ways.
    #[error("the answer is not well-formed http/1.1: {0}")]
    Malformed(&'static str),
    /// A redirect; none is followed (T10).
    #[error("the answer is a redirect")]
    Redirect,
    /// Head or body is too long.
    #[error("the answer is too long: {0}")]
    Size(&'static str),
    /// Another status than 200.
    #[error("the answer has status {0}")]
    Status(u16),
    /// The connection ended before the answer did.
    #[error("the answer is cut off")]
    Truncated,
}

/// How much of the body is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Head,
    /// So many bytes.
    Length(usize),
    ChunkSize,
    /// So many bytes of this chunk.
    Chunk(usize),
    ChunkEnd,
    Trailer,
    UntilEnd,
    Done,
}

/// An answer that is being received.
#[derive(Debug)]
pub struct Response {
    phase: Phase,
    pending: Vec<u8>,
    body: Vec<u8>,
}

impl Default for Response {
    fn default() -> Self {
        Self { phase: Phase::Head, pending: Vec::new(), body: Vec::new() }
    }
}

impl Response {
    /// Takes what arrived.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), InvalidResponse> {
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(bytes);
        let mut rest = pending.as_slice();
        while let Some(after) = self.step(rest)? {
            rest = after;
        }
        if self.phase == Phase::Done && !rest.is_empty() {
            return Err(InvalidResponse::Malformed("bytes after its end"));
        }
        self.pending = rest.to_vec();
        Ok(())
    }

    /// Takes note that the peer ended the connection in good order.
    pub fn end(&mut self) -> Result<(), InvalidResponse> {
        match self.phase {
            Phase::UntilEnd => {
                self.phase = Phase::Done;
                Ok(())
            }
            Phase::Done => Ok(()),
            Phase::Head
            | Phase::Length(_)
            | Phase::ChunkSize
            | Phase::Chunk(_)
            | Phase::ChunkEnd
            | Phase::Trailer => Err(InvalidResponse::Truncated),
        }
    }

    /// The body, once it is whole.
    #[must_use]
    pub fn whole(&self) -> Option<&[u8]> {
        (self.phase == Phase::Done).then_some(self.body.as_slice())
    }

    /// One step on; what is left of the bytes, or nothing when more must arrive first.
    fn step<'b>(&mut self, bytes: &'b [u8]) -> Result<Option<&'b [u8]>, InvalidResponse> {
        match self.phase {
            Phase::Head => self.head(bytes),
            Phase::Length(left) => self.take(bytes, left, Phase::Length, Phase::Done),
            Phase::Chunk(left) => self.take(bytes, left, Phase::Chunk, Phase::ChunkEnd),
            Phase::UntilEnd => {
                self.keep(bytes)?;
                Ok((!bytes.is_empty()).then_some(&[]))
            }
            Phase::ChunkSize => self.chunk_size(bytes),
            Phase::ChunkEnd => self.empty_line(bytes, Phase::ChunkSize, "a chunk is longer than it says"),
            Phase::Trailer => self.empty_line(bytes, Phase::Done, "it has trailers"),
            Phase::Done => Ok(None),
        }
    }

    fn head<'b>(&mut self, bytes: &'b [u8]) -> Result<Option<&'b [u8]>, InvalidResponse> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut head = httparse::Response::new(&mut fields);
        let parsed = head.parse(bytes).map_err(|_| InvalidResponse::Malformed("its head"))?;
        let httparse::Status::Complete(length) = parsed else {
            return if bytes.len() > MAX_HEAD { Err(InvalidResponse::Size("its head")) } else { Ok(None) };
        };
        if length > MAX_HEAD {
            return Err(InvalidResponse::Size("its head"));
        }
        match head.code.unwrap_or_default() {
            200 => {}
            300..=399 => return Err(InvalidResponse::Redirect),
            other => return Err(InvalidResponse::Status(other)),
        }
        self.phase = framing(head.headers)?;
        Ok(bytes.get(length..))
    }

    fn take<'b>(
        &mut self,
        bytes: &'b [u8],
        left: usize,
        more: fn(usize) -> Phase,
        then: Phase,
    ) -> Result<Option<&'b [u8]>, InvalidResponse> {
        let (now, rest) = bytes.split_at(left.min(bytes.len()));
        self.keep(now)?;
        let left = left.saturating_sub(now.len());
        self.phase = if left == 0 { then } else { more(left) };
        Ok((!bytes.is_empty()).then_some(rest))
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), InvalidResponse> {
        if self.body.len().saturating_add(bytes.len()) > MAX_BODY {
            return Err(InvalidResponse::Size("its body"));
        }
        self.body.extend_from_slice(bytes);
        Ok(())
    }

    fn chunk_size<'b>(&mut self, bytes: &'b [u8]) -> Result<Option<&'b [u8]>, InvalidResponse> {
        let malformed = || InvalidResponse::Malformed("the size of a chunk");
        let Some(at) = bytes.windows(2).position(|pair| pair == b"\r\n") else {
            return if bytes.len() > MAX_SIZE_LINE.saturating_add(1) { Err(malformed()) } else { Ok(None) };
        };
        let line = bytes.get(..at).and_then(|line| std::str::from_utf8(line).ok()).unwrap_or_default();
        let digits = (1..=MAX_SIZE_LINE).contains(&line.len()) && line.bytes().all(|b| b.is_ascii_hexdigit());
        let size = usize::from_str_radix(line, 16).ok().filter(|_| digits).ok_or_else(malformed)?;
        if size > MAX_BODY {
            return Err(InvalidResponse::Size("its body"));
        }
        self.phase = if size == 0 { Phase::Trailer } else { Phase::Chunk(size) };
        Ok(bytes.get(at.saturating_add(2)..))
    }

    fn empty_line<'b>(
        &mut self,
        bytes: &'b [u8],
        then: Phase,
        else_is: &'static str,
    ) -> Result<Option<&'b [u8]>, InvalidResponse> {
        if let Some(rest) = bytes.strip_prefix(b"\r\n") {
            self.phase = then;
            return Ok(Some(rest));
        }
        if b"\r\n".starts_with(bytes) { Ok(None) } else { Err(InvalidResponse::Malformed(else_is)) }
    }
}

/// How the body is framed (RFC 9112 §6.3). ATTACK: two kinds of length are two readings of one answer.
fn framing(fields: &[httparse::Header<'_>]) -> Result<Phase, InvalidResponse> {
    let values = |name: &'static str| {
        fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    };
    if values("content-encoding").any(|value| !value.eq_ignore_ascii_case(b"identity")) {
        return Err(InvalidResponse::Encoding);
    }
    let lengths: Vec<&[u8]> = values("content-length").collect();
    let codings: Vec<&[u8]> = values("transfer-encoding").collect();
    match (lengths.as_slice(), codings.as_slice()) {
        ([], []) => Ok(Phase::UntilEnd),
        ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Phase::ChunkSize),
        ([], _) => Err(InvalidResponse::Encoding),
        ([length], []) => {
            let digits = !length.is_empty() && length.iter().all(u8::is_ascii_digit);
            let parsed = std::str::from_utf8(length).ok().filter(|_| digits);
            let malformed = || InvalidResponse::Malformed("its length");
            let length: u64 = parsed.ok_or_else(malformed)?.parse().map_err(|_| malformed())?;
            let length = usize::try_from(length).ok().filter(|length| *length <= MAX_BODY);
            let length = length.ok_or(InvalidResponse::Size("its body"))?;
            Ok(if length == 0 { Phase::Done } else { Phase::Length(length) })
        }
        (_, _) => Err(InvalidResponse::Malformed("more than one length")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads an answer in pieces of `size` bytes, then its end.
    fn read(answer: &[u8], size: usize) -> Result<Option<Vec<u8>>, InvalidResponse> {
        let mut response = Response::default();
        for piece in answer.chunks(size) {
            response.push(piece)?;
        }
        response.end()?;
        Ok(response.whole().map(<[u8]>::to_vec))
    }

    #[test]
    fn all_three_framings_in_any_pieces() {
        let honest = [
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Encoding: identity\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n02\r\nlo\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nserver: x\r\n\r\nhello",
            "HTTP/1.0 200 OK\r\n\r\nhello",
        ];
        for answer in honest {
            for size in 1..=answer.len() {
                assert_eq!(read(answer.as_bytes(), size), Ok(Some(b"hello".to_vec())), "{answer} by {size}");
            }
        }
        assert_eq!(read(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 9), Ok(Some(Vec::new())));
    }

    #[test]
    fn every_cut_is_noticed() {
        let framed = [
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
        ];
        for answer in framed {
            for cut in 0..answer.len() {
                assert_eq!(read(&answer.as_bytes()[..cut], 7), Err(InvalidResponse::Truncated), "{cut}");
            }
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        let chunked = |rest: &str| format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{rest}");
        let with = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\nhello");
        for answer in [
            with("content-length: 5\r\ntransfer-encoding: chunked"),
            with("content-length: 5\r\ncontent-length: 5"),
            with("content-length: 4\r\ncontent-length: 5"),
            with("content-length: 4"),
            with("content-length: 0"),
            with("content-length: +5"),
            with("content-length: 5, 5"),
            with("content-length: 0x5"),
            with("content-length: "),
            with("content-length: -1"),
            with("content-length: 99999999999999999999"),
            with("transfer-encoding: gzip"),
            with("transfer-encoding: gzip, chunked"),
            with("transfer-encoding: chunked\r\ntransfer-encoding: chunked"),
            with("content-encoding: gzip\r\ncontent-length: 5"),
            chunked("5;x=y\r\nhello\r\n0\r\n\r\n"),
            chunked("5 \r\nhello\r\n0\r\n\r\n"),
            chunked("+5\r\nhello\r\n0\r\n\r\n"),
            chunked("\r\nhello\r\n0\r\n\r\n"),
            chunked("4\r\nhello\r\n0\r\n\r\n"),
            chunked("000000005\r\nhello\r\n0\r\n\r\n"),
            chunked("5\nhello\n0\n\n"),
            chunked("5\r\nhello\r\n0\r\nx: y\r\n\r\n"),
            chunked("5\r\nhello\r\n0\r\n\r\nmore"),
            "HTTP/1.1 200 OK\r\n x: y\r\n\r\nhello".to_owned(),
            "HTTP/2 200\r\n\r\nhello".to_owned(),
            "ICY 200 OK\r\n\r\nhello".to_owned(),
            "hello".to_owned(),
            "\0\0\0".to_owned(),
        ] {
            assert!(read(answer.as_bytes(), 11).is_err(), "{answer}");
        }
    }

    #[test]
    fn other_statuses_and_redirects_are_refused() {
        for status in [300, 301, 302, 303, 304, 307, 308] {
            let answer = format!("HTTP/1.1 {status} X\r\nlocation: https://evil.example/\r\n\r\n");
            assert_eq!(read(answer.as_bytes(), 64), Err(InvalidResponse::Redirect));
        }
        for status in [100, 103, 201, 204, 206, 400, 401, 403, 404, 418, 429, 500, 502, 503] {
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
            assert_eq!(read(answer.as_bytes(), 64), Err(InvalidResponse::Status(status)));
        }
    }

    /// However an answer is mutated and wherever it is cut into pieces: no panic, and one reading.
    #[test]
    fn mutated_answers_have_one_reading() {
        let seeds = [
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 26\r\n\r\n{\"issuer\":\"https://i.test\"}",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n0a\r\n0123456789\r\n0\r\n\r\n",
            "HTTP/1.0 200 OK\r\nserver: x\r\n\r\nhello",
        ];
        let mut state = 0x5eed_u64;
        let mut below = |most: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % most.max(1)
        };
        let mut accepted = 0;
        for round in 0..60_000 {
            let mut answer = seeds[round % seeds.len()].as_bytes().to_vec();
            for _ in 0..below(4) {
                let at = below(answer.len());
                match below(5) {
                    0 => answer[at] ^= 1 << below(8),
                    1 => answer.truncate(at.max(1)),
                    2 => answer.insert(at, b"0\r\n:; 5,"[below(8)]),
                    3 => drop(answer.remove(at)),
                    _ => answer.extend_from_within(at..),
                }
                if answer.is_empty() {
                    answer.push(b'H');
                }
            }
            let whole = read(&answer, answer.len());
            for size in [1, 1 + below(answer.len())] {
                let pieces = read(&answer, size);
                assert_eq!(pieces.is_ok(), whole.is_ok(), "{}", String::from_utf8_lossy(&answer));
                if whole.is_ok() {
                    assert_eq!(pieces, whole);
                }
            }
            accepted += usize::from(whole.is_ok());
        }
        assert!((1000..59_000).contains(&accepted), "{accepted}");
    }

    #[test]
    fn floods_end_early() {
        let flood = |head: &str, block: &[u8]| {
            let mut response = Response::default();
            response.push(head.as_bytes())?;
            for _ in 0..1000 {
                response.push(block)?;
            }
            Ok(())
        };
        let zeroes = [b'0'; 1024];
        for (head, what) in [
            ("HTTP/1.1 200 OK\r\nx: ", "its head"),
            ("HTTP/1.1 200 OK\r\n\r\n", "its body"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 131073\r\n\r\n", "its body"),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n20001\r\n", "its body"),
        ] {
            assert_eq!(flood(head, &zeroes), Err(InvalidResponse::Size(what)), "{head}");
        }
        let many = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut chunk = b"400\r\n".to_vec();
        chunk.extend_from_slice(&zeroes);
        chunk.extend_from_slice(b"\r\n");
        assert_eq!(flood(many, &chunk), Err(InvalidResponse::Size("its body")));
        assert!(flood(many, &zeroes).is_err());
    }
}
