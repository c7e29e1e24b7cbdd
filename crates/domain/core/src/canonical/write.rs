//! The serializer that writes canonical JSON. Members are written as they come and put in order when their object ends,
//! which for our own types, whose fields are in the order of their names, moves nothing.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Display;
use std::ops::Range;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::{MAX_DEPTH, MAX_INTEGER, NotCanonical, order};

/// Encodes a value.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<String, NotCanonical> {
    let mut writer = Writer { out: String::new(), depth: 0 };
    value.serialize(&mut writer)?;
    Ok(writer.out)
}

impl serde::ser::Error for NotCanonical {
    fn custom<T: Display>(_: T) -> Self {
        Self::Value
    }
}

#[derive(Debug)]
struct Writer {
    out: String,
    depth: usize,
}

impl Writer {
    /// Writes a value one level further down.
    fn inner<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotCanonical> {
        if self.depth >= MAX_DEPTH {
            return Err(NotCanonical::Depth);
        }
        self.depth = self.depth.saturating_add(1);
        value.serialize(&mut *self)?;
        self.depth = self.depth.saturating_sub(1);
        Ok(())
    }
    fn integer(&mut self, magnitude: Option<u64>, number: &dyn Display) -> Result<(), NotCanonical> {
        let text = number.to_string();
        if magnitude.is_none_or(|magnitude| magnitude > MAX_INTEGER) {
            return Err(NotCanonical::Number(text));
        }
        self.out.push_str(&text);
        Ok(())
    }
    fn list(&mut self) -> List<'_> {
        self.out.push('[');
        List { writer: self, is_empty: true, around: Around::Nothing }
    }
    /// `{"name":` before a list or object that a variant holds, which lies one level further down.
    fn variant(&mut self, name: &str) {
        self.depth = self.depth.saturating_add(1);
        self.out.push('{');
        write_string(name, &mut self.out);
        self.out.push(':');
    }
    fn object(&mut self) -> Object<'_> {
        self.out.push('{');
        Object {
            start: self.out.len(),
            writer: self,
            members: Vec::new(),
            name: None,
            around: Around::Nothing,
        }
    }
    /// Ends the object around what a variant holds.
    fn leave(&mut self, around: Around) {
        match around {
            Around::Nothing => {}
            Around::Variant => {
                self.out.push('}');
                self.depth = self.depth.saturating_sub(1);
            }
        }
    }
}

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = NotCanonical;
    type SerializeSeq = List<'a>;
    type SerializeTuple = List<'a>;
    type SerializeTupleStruct = List<'a>;
    type SerializeTupleVariant = List<'a>;
    type SerializeMap = Object<'a>;
    type SerializeStruct = Object<'a>;
    type SerializeStructVariant = Object<'a>;

    fn serialize_bool(self, value: bool) -> Result<(), NotCanonical> {
        self.out.push_str(if value { "true" } else { "false" });
        Ok(())
    }
    fn serialize_i8(self, value: i8) -> Result<(), NotCanonical> {
        self.serialize_i64(i64::from(value))
    }
    fn serialize_i16(self, value: i16) -> Result<(), NotCanonical> {
        self.serialize_i64(i64::from(value))
    }
    fn serialize_i32(self, value: i32) -> Result<(), NotCanonical> {
        self.serialize_i64(i64::from(value))
    }
    fn serialize_i64(self, value: i64) -> Result<(), NotCanonical> {
        self.integer(Some(value.unsigned_abs()), &value)
    }
    fn serialize_i128(self, value: i128) -> Result<(), NotCanonical> {
        self.integer(u64::try_from(value.unsigned_abs()).ok(), &value)
    }
    fn serialize_u8(self, value: u8) -> Result<(), NotCanonical> {
        self.serialize_u64(u64::from(value))
    }
    fn serialize_u16(self, value: u16) -> Result<(), NotCanonical> {
        self.serialize_u64(u64::from(value))
    }
    fn serialize_u32(self, value: u32) -> Result<(), NotCanonical> {
        self.serialize_u64(u64::from(value))
    }
    fn serialize_u64(self, value: u64) -> Result<(), NotCanonical> {
        self.integer(Some(value), &value)
    }
    fn serialize_u128(self, value: u128) -> Result<(), NotCanonical> {
        self.integer(u64::try_from(value).ok(), &value)
    }
    fn serialize_f32(self, value: f32) -> Result<(), NotCanonical> {
        Err(NotCanonical::Number(value.to_string()))
    }
    fn serialize_f64(self, value: f64) -> Result<(), NotCanonical> {
        Err(NotCanonical::Number(value.to_string()))
    }
    fn serialize_char(self, value: char) -> Result<(), NotCanonical> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }
    fn serialize_str(self, value: &str) -> Result<(), NotCanonical> {
        write_string(value, &mut self.out);
        Ok(())
    }
    fn serialize_bytes(self, value: &[u8]) -> Result<(), NotCanonical> {
        self.collect_seq(value)
    }
    fn serialize_none(self) -> Result<(), NotCanonical> {
        self.serialize_unit()
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), NotCanonical> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<(), NotCanonical> {
        self.out.push_str("null");
        Ok(())
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), NotCanonical> {
        self.serialize_unit()
    }
    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), NotCanonical> {
        self.serialize_str(variant)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), NotCanonical> {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), NotCanonical> {
        let mut object = self.object();
        object.member(Cow::Borrowed(variant), value)?;
        object.close()
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<List<'a>, NotCanonical> {
        Ok(self.list())
    }
    fn serialize_tuple(self, _: usize) -> Result<List<'a>, NotCanonical> {
        Ok(self.list())
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<List<'a>, NotCanonical> {
        Ok(self.list())
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<List<'a>, NotCanonical> {
        self.variant(variant);
        Ok(List { around: Around::Variant, ..self.list() })
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Object<'a>, NotCanonical> {
        Ok(self.object())
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Object<'a>, NotCanonical> {
        Ok(self.object())
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Object<'a>, NotCanonical> {
        self.variant(variant);
        Ok(Object { around: Around::Variant, ..self.object() })
    }
}

/// What a list or object stands in.
#[derive(Debug, Clone, Copy)]
enum Around {
    Nothing,
    /// `{"name":…}`, to be closed with it.
    Variant,
}

/// An array that is being written.
struct List<'a> {
    writer: &'a mut Writer,
    is_empty: bool,
    around: Around,
}

impl List<'_> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotCanonical> {
        if !std::mem::replace(&mut self.is_empty, false) {
            self.writer.out.push(',');
        }
        self.writer.inner(value)
    }
    fn close(self) {
        self.writer.out.push(']');
        self.writer.leave(self.around);
    }
}

/// An object that is being written: where each member lies, without the commas between them.
struct Object<'a> {
    writer: &'a mut Writer,
    start: usize,
    members: Vec<(Cow<'static, str>, Range<usize>)>,
    name: Option<String>,
    around: Around,
}

impl Object<'_> {
    fn member<T: Serialize + ?Sized>(
        &mut self,
        name: Cow<'static, str>,
        value: &T,
    ) -> Result<(), NotCanonical> {
        if !self.members.is_empty() {
            self.writer.out.push(',');
        }
        let from = self.written();
        write_string(&name, &mut self.writer.out);
        self.writer.out.push(':');
        self.writer.inner(value)?;
        self.members.push((name, from..self.written()));
        Ok(())
    }
    /// Bytes of this object's members so far.
    fn written(&self) -> usize {
        self.writer.out.len().saturating_sub(self.start)
    }
    fn close(mut self) -> Result<(), NotCanonical> {
        if !self.members.is_sorted_by(|(a, _), (b, _)| order(a, b) == Ordering::Less) {
            self.sort()?;
        }
        self.writer.out.push('}');
        self.writer.leave(self.around);
        Ok(())
    }
    fn sort(&mut self) -> Result<(), NotCanonical> {
        self.members.sort_by(|(a, _), (b, _)| order(a, b));
        let is_twice =
            |pair: &[(Cow<'static, str>, Range<usize>)]| matches!(pair, [(a, _), (b, _)] if a == b);
        if self.members.windows(2).any(is_twice) {
            return Err(NotCanonical::Value);
        }
        let written = self.writer.out.split_off(self.start);
        for (index, (_, place)) in self.members.iter().enumerate() {
            if index > 0 {
                self.writer.out.push(',');
            }
            self.writer.out.push_str(written.get(place.clone()).ok_or(NotCanonical::Value)?);
        }
        Ok(())
    }
}

impl SerializeSeq for List<'_> {
    type Ok = ();
    type Error = NotCanonical;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotCanonical> {
        self.element(value)
    }
    fn end(self) -> Result<(), NotCanonical> {
        self.close();
        Ok(())
    }
}
impl SerializeTuple for List<'_> {
    type Ok = ();
    type Error = NotCanonical;
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotCanonical> {
        self.element(value)
    }
    fn end(self) -> Result<(), NotCanonical> {
        self.close();
        Ok(())
    }
}
impl SerializeTupleStruct for List<'_> {
    type Ok = ();
    type Error = NotCanonical;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotCanonical> {
        self.element(value)
    }
    fn end(self) -> Result<(), NotCanonical> {
        self.close();
        Ok(())
    }
}
impl SerializeTupleVariant for List<'_> {
    type Ok = ();
    type Error = NotCanonical;
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotCanonical> {
        self.element(value)
    }
    fn end(self) -> Result<(), NotCanonical> {
        self.close();
        Ok(())
    }
}
impl SerializeStruct for Object<'_> {
    type Ok = ();
    type Error = NotCanonical;
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), NotCanonical> {
        self.member(Cow::Borrowed(name), value)
    }
    fn end(self) -> Result<(), NotCanonical> {
        self.close()
    }
}
impl SerializeStructVariant for Object<'_> {
    type Ok = ();
    type Error = NotCanonical;
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), NotCanonical> {
        self.member(Cow::Borrowed(name), value)
    }
    fn end(self) -> Result<(), NotCanonical> {
        self.close()
    }
}
impl SerializeMap for Object<'_> {
    type Ok = ();
    type Error = NotCanonical;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), NotCanonical> {
        let written = encode(key)?;
        let name = serde_json::from_str(&written).map_err(|_| NotCanonical::Value)?;
        self.name = Some(name);
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), NotCanonical> {
        let name = self.name.take().ok_or(NotCanonical::Value)?;
        self.member(Cow::Owned(name), value)
    }
    fn end(self) -> Result<(), NotCanonical> {
        self.close()
    }
}

/// RFC 8785 §3.2.2.2: the two-character escapes where JSON has them, `\u00xx` for the other control characters. What
/// lies between two of them is copied as it stands.
fn write_string(text: &str, out: &mut String) {
    let must_escape = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(must_escape) {
        // The byte is ASCII, so both ends of it are boundaries of characters.
        let (plain, escaped) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut characters = escaped.chars();
        if let Some(c) = characters.next() {
            write_escape(c, out);
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

fn write_escape(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c => out.push_str(&format!("\\u{:04x}", u32::from(c))),
    }
}
