//! Where audits read from, and the copy of the evidence: data of a service, never written.

use std::path::Path;
use std::rc::Rc;

use chancery_archive::data_dir::DataDir;
use chancery_archive::evidence_dir::EvidenceDir;
use chancery_archive::served::Served;
use chancery_audit::source::Unreadable;
use chancery_cli::catalogue::Code;
use chancery_cli::failure::Failure;
use chancery_cli::host::{Archive, ArchivePlace};

/// Opens what an audit reads.
pub(crate) fn open(place: &ArchivePlace) -> Result<Archive, Failure> {
    match place {
        ArchivePlace::Copies { ledger, evidence } => Ok(Archive {
            ledger: Rc::new(Served::open(ledger).map_err(|error| failure(&error))?),
            evidence: Rc::new(EvidenceDir::open(evidence).map_err(|error| failure(&error))?),
            rows: None,
        }),
        ArchivePlace::DataDir(directory) => {
            let data = Rc::new(DataDir::open(directory).map_err(|error| failure(&error))?);
            Ok(Archive { ledger: Rc::clone(&data) as _, evidence: Rc::clone(&data) as _, rows: Some(data) })
        }
    }
}

/// Copies all evidence of a service into a directory.
pub(crate) fn export(data_dir: &Path, to: &Path) -> Result<u64, Failure> {
    std::fs::create_dir_all(to).map_err(|error| Failure::file("make", to, &error))?;
    let copy = || {
        let evidence = EvidenceDir::open(to)?;
        DataDir::open(data_dir)?.each_content(|bytes| evidence.keep(bytes))
    };
    copy().map_err(|error| failure(&error))
}

fn failure(error: &Unreadable) -> Failure {
    Failure::new(Code::Unreadable, error.to_string()).hint("check the path and its permissions")
}
