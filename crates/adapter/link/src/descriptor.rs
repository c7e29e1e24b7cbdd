//! Passing a socket from the supervisor to the gateway (`SCM_RIGHTS`, unix(7)).

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

/// One byte travels with each descriptor, because a message without data carries none.
const MARK: [u8; 1] = [b'k'];

/// Sends one descriptor.
pub fn send(control: &impl AsFd, descriptor: &impl AsFd) -> io::Result<()> {
    let descriptors = [descriptor.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("no room for a descriptor"));
    }
    sendmsg(control, &[io::IoSlice::new(&MARK)], &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives one descriptor; `None` when the other end is closed.
pub fn receive(control: &impl AsFd) -> io::Result<Option<OwnedFd>> {
    let mut data = [0u8; 1];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut buffers = [io::IoSliceMut::new(&mut data)];
    let received = recvmsg(control, &mut buffers, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    if received.bytes == 0 {
        return Ok(None);
    }
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(mut descriptors) = message
            && let Some(descriptor) = descriptors.next()
        {
            return Ok(Some(descriptor));
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "message without a descriptor"))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_socket_arrives_and_works() {
        let (here, there) = UnixStream::pair().unwrap();
        let (mut one, other) = UnixStream::pair().unwrap();
        super::send(&here, &other).unwrap();
        drop(other);
        let mut arrived = UnixStream::from(super::receive(&there).unwrap().unwrap());
        one.write_all(b"x").unwrap();
        let mut byte = [0];
        arrived.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
        drop(here);
        assert!(super::receive(&there).unwrap().is_none());
    }
}
