//! Whether what was named is a file or lies in a registry. Nothing is guessed: a reference names its registry, and what is
//! both is refused.

use std::path::{Path, PathBuf};

use chancery_format::oci::reference::Reference;

use crate::catalogue::Code;
use crate::failure::Failure;

/// What a command is about: it is one or the other.
#[derive(Debug)]
pub(crate) enum Named {
    /// Files.
    Files,
    /// References, each with the text by which it was named.
    Images(Vec<(String, Reference)>),
}

/// Sorts what was named.
pub(crate) fn sort(named: &[PathBuf]) -> Result<Named, Failure> {
    let mut images = Vec::new();
    for path in named {
        if let Some(reference) = reference(path)? {
            images.push((path.display().to_string(), reference));
        }
    }
    if images.is_empty() {
        return Ok(Named::Files);
    }
    if images.len() != named.len() {
        return Err(Failure::new(Code::Usage, "files and images are named at the same time")
            .because(format!("{} of {} in a registry", images.len(), named.len()), "either all or none")
            .hint("run the command once for the files and once for the images"));
    }
    Ok(Named::Images(images))
}

/// A reference, if it is one. A file of that name makes it ambiguous, unless it says `oci://` or `./`.
fn reference(path: &Path) -> Result<Option<Reference>, Failure> {
    let Some(text) = path.to_str() else { return Ok(None) };
    if text.starts_with("oci://") {
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::new(Code::Usage, format!("`{text}` is no reference: {error}"))
                .because(text, "oci://registry.example/app:tag or …/app@sha256:…")
        };
        return Reference::parse(text).map(Some).map_err(|error| wrong(&error));
    }
    let Ok(reference) = Reference::parse(text) else { return Ok(None) };
    if std::fs::symlink_metadata(path).is_err() {
        return Ok(Some(reference));
    }
    Err(Failure::new(Code::Usage, format!("`{text}` is a file, and could be an image too"))
        .hint(format!("say ./{text} for the file, oci://{text} for the image")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(names: &[&str]) -> Result<usize, String> {
        let named: Vec<PathBuf> = names.iter().map(PathBuf::from).collect();
        match sort(&named) {
            Ok(Named::Files) => Ok(0),
            Ok(Named::Images(images)) => Ok(images.len()),
            Err(failure) => Err(failure.code),
        }
    }

    #[test]
    fn a_file_is_a_file_and_an_image_names_its_registry() {
        assert_eq!(
            sorted(&["app.exe", "dist/app.exe", "dist/*.exe", "acme/app:v1", "./r.example/app:v1"]),
            Ok(0)
        );
        assert_eq!(sorted(&["r.example/app:v1", "localhost:5000/app:v1"]), Ok(2));
        assert_eq!(sorted(&["oci://r.example/app:v1"]), Ok(1));
        assert_eq!(sorted(&["oci://acme/app:v1"]), Err("CH2001".into()));
        assert_eq!(sorted(&["app.exe", "r.example/app:v1"]), Err("CH2001".into()));
    }
}
