//! Frames: a 32-bit big-endian length, then JSON. Bounded, so that neither side can exhaust the other.

use std::io::{self, Read, Write};

use chancery_core::message::MAX_FRAME;

/// A frame that is too large or not JSON of the expected shape.
fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Encodes a frame into one buffer, so that it leaves in one write.
pub fn encode<T: serde::Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0u8; 4];
    serde_json::to_writer(&mut bytes, value).map_err(|error| invalid(error.to_string()))?;
    let length = bytes.len().saturating_sub(4);
    let header = u32::try_from(length).ok().filter(|_| length <= MAX_FRAME);
    let header = header.ok_or_else(|| invalid(format!("frame of {length} bytes; at most {MAX_FRAME}")))?;
    for (to, from) in bytes.iter_mut().zip(header.to_be_bytes()) {
        *to = from;
    }
    Ok(bytes)
}

/// Checks a frame's length before anything is allocated.
pub fn length(header: [u8; 4]) -> io::Result<usize> {
    let length = usize::try_from(u32::from_be_bytes(header)).map_err(|_| invalid("length".to_owned()))?;
    if length > MAX_FRAME {
        return Err(invalid(format!("frame of {length} bytes; at most {MAX_FRAME}")));
    }
    Ok(length)
}

/// Decodes a frame's body.
pub fn decode<T: serde::de::DeserializeOwned>(body: &[u8]) -> io::Result<T> {
    serde_json::from_slice(body).map_err(|error| invalid(error.to_string()))
}

/// Reads one frame; `None` at a clean end of stream.
pub fn read<T: serde::de::DeserializeOwned>(reader: &mut impl Read) -> io::Result<Option<T>> {
    let mut header = [0u8; 4];
    match reader.read_exact(&mut header) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut body = vec![0u8; length(header)?];
    reader.read_exact(&mut body)?;
    decode(&body).map(Some)
}

/// Writes one frame.
pub fn write<T: serde::Serialize>(writer: &mut impl Write, value: &T) -> io::Result<()> {
    writer.write_all(&encode(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_round_trip_and_refuse_what_is_too_large() {
        let bytes = encode(&serde_json::json!({"a": 1})).unwrap();
        assert_eq!(&bytes[..4], &[0, 0, 0, 7]);
        let value: serde_json::Value = read(&mut bytes.as_slice()).unwrap().unwrap();
        assert_eq!(value["a"], 1);
        assert!(read::<serde_json::Value>(&mut [].as_slice()).unwrap().is_none());
        assert!(read::<serde_json::Value>(&mut [0xff, 0xff, 0xff, 0xff, 0].as_slice()).is_err());
        assert!(read::<serde_json::Value>(&mut bytes.get(..6).unwrap()).is_err());
    }
}
