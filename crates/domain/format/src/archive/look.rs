//! The walk: an archive, its entries, the archives among them, and so on inwards.

use std::io::{self, Cursor, Read, SeekFrom};

use chancery_core::digest::Sha256;
use flate2::read::{DeflateDecoder, MultiGzDecoder};

use super::budget::{Budget, Limits, Meter};
use super::inside::{Inside, Layer, MAX_LAYERS, Marked, Unread, Why};
use super::kind::{self, Kind};
use super::tar;
use super::zip::{self, Packed};
use crate::pe::extract::{extract, signed_content};
use crate::pe::statement::Body;
use crate::seam::{FoundSignature, ReadSeek, SAMPLE};

/// Looks into a file. `None` for what is no archive; a program is one, but holds none. Errors when the file cannot be read
/// at all.
pub fn look(reader: &mut dyn ReadSeek, limits: Limits) -> io::Result<Option<Inside>> {
    let size = reader.seek(SeekFrom::End(0))?;
    reader.seek(SeekFrom::Start(0))?;
    let head = head_of(reader)?;
    let kind = match Kind::of(&head) {
        None | Some(Kind::Pe) => return Ok(None),
        Some(kind) => kind,
    };
    let budget = Budget::new(limits, size);
    let mut walk = Walk { budget: &budget, inside: Inside::default(), at: Vec::new() };
    walk.layer(kind, reader);
    Ok(Some(walk.inside))
}

struct Walk<'a> {
    budget: &'a Budget,
    inside: Inside,
    /// Names from the outermost archive inwards; its length bounds the recursion.
    at: Vec<String>,
}

impl Walk<'_> {
    /// Looks into the archive at the place where the walk is. What cannot be read is noted.
    fn layer(&mut self, kind: Kind, reader: &mut dyn ReadSeek) {
        let read = match kind {
            Kind::Pe => Ok(()),
            _ if self.at.len() >= self.budget.limits.depth => Err(Why::TooDeep),
            Kind::Opaque => Err(Why::Opaque),
            Kind::Zip => self.zip(reader),
            Kind::Tar => reader
                .seek(SeekFrom::Start(0))
                .map_err(|_| Why::Malformed)
                .and_then(|_| self.tar(&mut Meter { inner: reader, budget: self.budget })),
            Kind::Gzip | Kind::TarGzip => {
                reader.seek(SeekFrom::Start(0)).map_err(|_| Why::Malformed).and_then(|_| self.gzip(reader))
            }
        };
        if let Err(why) = read {
            self.unread(why);
        }
    }

    /// A bound that ends everything is noted once, where it was reached.
    fn unread(&mut self, why: Why) {
        let is_told = why.is_bound() && self.inside.unread.iter().any(|told| told.why == why);
        if !is_told {
            self.inside.unread.push(Unread { at: self.at.clone(), why });
        }
    }

    fn zip(&mut self, reader: &mut dyn ReadSeek) -> Result<(), Why> {
        let entries = zip::entries(reader, self.budget.limits.entries)?;
        for entry in &entries {
            self.budget.entry()?;
            if entry.is_directory() {
                continue;
            }
            self.at.push(entry.name.clone());
            let looked = self.zip_entry(reader, entry);
            if let Err(why) = looked {
                self.unread(why);
            }
            self.at.pop();
            if let Some(why) = self.budget.ended().get() {
                return Err(why);
            }
        }
        Ok(())
    }

    fn zip_entry(&mut self, reader: &mut dyn ReadSeek, entry: &zip::Entry) -> Result<(), Why> {
        let budget = self.budget;
        if let Packed::Not(why) = entry.packed {
            return Err(why);
        }
        zip::go_to(reader, entry)?;
        let raw = reader.take(entry.compressed);
        match entry.packed {
            Packed::Deflated => self.content(&mut Meter { inner: DeflateDecoder::new(raw), budget }),
            Packed::Stored | Packed::Not(_) => self.content(&mut Meter { inner: raw, budget }),
        }
    }

    fn tar(&mut self, reader: &mut dyn Read) -> Result<(), Why> {
        let budget = self.budget;
        let mut entries = tar::Entries::new(reader);
        while let Some(entry) = entries.next_file().map_err(|_| budget.why())? {
            budget.entry()?;
            self.at.push(entry.name);
            if let Err(why) = self.content(&mut entries) {
                self.unread(why);
            }
            self.at.pop();
            if let Some(why) = budget.ended().get() {
                return Err(why);
            }
        }
        Ok(())
    }

    /// A tar archive below gzip, or one file whose name is not known.
    fn gzip(&mut self, reader: &mut dyn Read) -> Result<(), Why> {
        let budget = self.budget;
        let mut expanded = Meter { inner: MultiGzDecoder::new(reader), budget };
        let head = head_of(&mut expanded).map_err(|_| budget.why())?;
        let is_tar = kind::is_tar(&head);
        let mut whole = Cursor::new(head).chain(expanded);
        if is_tar {
            return self.tar(&mut whole);
        }
        budget.entry()?;
        self.at.push(String::from("(content)"));
        let looked = self.content(&mut whole);
        if let Err(why) = looked {
            self.unread(why);
        }
        self.at.pop();
        Ok(())
    }

    /// What lies in an archive: held and listed where it is one itself, or a program.
    fn content(&mut self, reader: &mut dyn Read) -> Result<(), Why> {
        let head = head_of(reader).map_err(|_| self.budget.why())?;
        let Some(kind) = Kind::of(&head) else { return Ok(()) };
        if self.inside.layers.len() >= MAX_LAYERS {
            return Err(Why::TooMany);
        }
        let bytes = self.budget.hold(head, reader)?;
        let kind = exactly(kind, &bytes, self.budget);
        self.inside.layers.push(Layer {
            at: self.at.clone(),
            kind,
            sha256: Sha256::of(&bytes),
            signature: marked(kind, &bytes),
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        });
        let mut cursor = Cursor::new(bytes);
        self.layer(kind, &mut cursor);
        self.budget.release(cursor.get_ref());
        Ok(())
    }
}

/// Tells tar below gzip from anything else below it.
fn exactly(kind: Kind, bytes: &[u8], budget: &Budget) -> Kind {
    match kind {
        Kind::Gzip => {
            let expanded = head_of(&mut Meter { inner: MultiGzDecoder::new(bytes), budget });
            if expanded.is_ok_and(|head| kind::is_tar(&head)) { Kind::TarGzip } else { Kind::Gzip }
        }
        Kind::Opaque | Kind::Pe | Kind::Tar | Kind::TarGzip | Kind::Zip => kind,
    }
}

fn marked(kind: Kind, bytes: &[u8]) -> Marked {
    match kind {
        Kind::Pe => program(bytes),
        Kind::Zip => {
            let entries = zip::entries(&mut Cursor::new(bytes), u64::MAX);
            let is_signed = entries.is_ok_and(|entries| entries.iter().any(zip::Entry::is_signature));
            if is_signed { Marked::Embedded } else { Marked::None }
        }
        Kind::Gzip | Kind::Opaque | Kind::Tar | Kind::TarGzip => Marked::None,
    }
}

/// Whether a program carries a signature over itself as it lies there.
fn program(bytes: &[u8]) -> Marked {
    let Ok(extracted) = extract(&mut Cursor::new(bytes)) else { return Marked::Unreadable };
    if extracted.found.is_empty() {
        return Marked::None;
    }
    let states: Vec<Option<bool>> = extracted.found.iter().map(is_of).collect();
    if states.contains(&Some(false)) {
        Marked::Changed
    } else if states.contains(&None) {
        Marked::Unreadable
    } else {
        Marked::Embedded
    }
}

/// Whether the digest in a signature is that of the image; `None` where that cannot be read.
fn is_of(found: &FoundSignature) -> Option<bool> {
    let parsed = chancery_x509::cms::parse::parse(&found.blob).ok()?;
    let (signed, real) = (signed_content(&parsed).ok()?, Body::from_json(&found.body).ok()?);
    Some(signed.algorithm == real.digest_algorithm && signed.digest == real.image_digest)
}

fn head_of(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    reader.take(u64::try_from(SAMPLE).unwrap_or(u64::MAX)).read_to_end(&mut head)?;
    Ok(head)
}
