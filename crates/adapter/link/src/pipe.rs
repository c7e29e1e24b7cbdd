//! Bytes between a gateway or keyguard on another host and the socket that stands for it here. Nothing is read into
//! them: frames are the business of the two ends.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

const PIECE: usize = 64 * 1024;

/// Which way a piece went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the other host.
    In,
    /// To the other host.
    Out,
}

/// Carries bytes both ways until one side ends or breaks; `seen` is told of every piece.
pub async fn pipe<F, N>(far: F, near: N, seen: impl Fn(Way)) -> io::Result<()>
where
    F: AsyncRead + AsyncWrite + Unpin,
    N: AsyncRead + AsyncWrite + Unpin,
{
    let (mut far_in, mut far_out) = tokio::io::split(far);
    let (mut near_in, mut near_out) = tokio::io::split(near);
    let inward = async {
        let mut piece = vec![0; PIECE];
        loop {
            let read = far_in.read(&mut piece).await?;
            let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else { return Ok(()) };
            seen(Way::In);
            near_out.write_all(bytes).await?;
        }
    };
    let outward = async {
        let mut piece = vec![0; PIECE];
        loop {
            let read = near_in.read(&mut piece).await?;
            let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else { return Ok(()) };
            seen(Way::Out);
            far_out.write_all(bytes).await?;
            far_out.flush().await?;
        }
    };
    tokio::select! {
        ended = inward => ended,
        ended = outward => ended,
    }
}
