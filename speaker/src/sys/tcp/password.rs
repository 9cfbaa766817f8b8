use std::fmt;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;

use crate::sys::option;

/// What signs the segments of a session (TCP-MD5, RFC 2385). Its `Debug` does not tell it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Vec<u8>);

/// Why octets cannot be a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PasswordError {
    /// There are none.
    #[error("the password is empty")]
    Empty,
    /// The kernel takes fewer.
    #[error("the password has {0} octets; at most {MAX_KEY} can be used")]
    TooLong(usize),
}

impl Password {
    /// A password of 1 to 80 octets.
    ///
    /// # Errors
    /// There are fewer or more.
    pub fn new(octets: &[u8]) -> Result<Self, PasswordError> {
        match octets.len() {
            0 => Err(PasswordError::Empty),
            1..=MAX_KEY => Ok(Self(octets.to_vec())),
            many => Err(PasswordError::TooLong(many)),
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What has passed between this socket and `peer` from now on must be signed with `password`, or with none.
pub(super) fn sign(socket: impl AsFd, peer: IpAddr, password: Option<&Password>) -> io::Result<()> {
    let signature = Signature::new(peer, password.map_or(&[], |password| &password.0));
    match option::set(socket, libc::IPPROTO_TCP, libc::TCP_MD5SIG, &signature) {
        // To take away what is not there is no error here.
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) && password.is_none() => Ok(()),
        result => result,
    }
}

/// The kernel's `struct tcp_md5sig` (linux/tcp.h).
#[repr(C)]
#[derive(Clone, Copy)]
struct Signature {
    /// A `sockaddr_storage`: the family in the order of the host, then what belongs to it.
    address: [u8; 128],
    flags: u8,
    prefix_len: u8,
    key_len: u16,
    interface: i32,
    key: [u8; MAX_KEY],
}

const _: () = assert!(size_of::<Signature>() == 216);

impl Signature {
    /// `key` has at most [`MAX_KEY`] octets; no octets mean that nothing is signed.
    fn new(peer: IpAddr, key: &[u8]) -> Self {
        let mut signature = Self {
            address: [0; 128],
            flags: 0,
            prefix_len: 0,
            key_len: key.len().min(MAX_KEY) as u16,
            interface: 0,
            key: [0; MAX_KEY],
        };
        let mut put = |at: usize, octets: &[u8]| {
            signature.address.iter_mut().skip(at).zip(octets).for_each(|(place, octet)| *place = *octet);
        };
        match peer {
            IpAddr::V4(address) => {
                put(0, &(libc::AF_INET as u16).to_ne_bytes());
                put(SIN_ADDR, &address.octets());
            }
            IpAddr::V6(address) => {
                put(0, &(libc::AF_INET6 as u16).to_ne_bytes());
                put(SIN6_ADDR, &address.octets());
            }
        }
        signature.key.iter_mut().zip(key).for_each(|(place, octet)| *place = *octet);
        signature
    }
}

const MAX_KEY: usize = libc::TCP_MD5SIG_MAXKEYLEN;
const SIN_ADDR: usize = std::mem::offset_of!(libc::sockaddr_in, sin_addr);
const SIN6_ADDR: usize = std::mem::offset_of!(libc::sockaddr_in6, sin6_addr);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_bounded_and_told_to_nobody() {
        assert_eq!(Password::new(b""), Err(PasswordError::Empty));
        assert_eq!(Password::new(&[b'x'; 81]), Err(PasswordError::TooLong(81)));
        let password = Password::new(&[b'x'; 80]).unwrap();
        assert_eq!(format!("{password:?}"), "Password(…)");
    }

    #[test]
    fn the_kernel_finds_family_address_and_key() {
        let signature = Signature::new("192.0.2.1".parse().unwrap(), b"secret");
        assert_eq!(signature.address[..8], [libc::AF_INET as u8, 0, 0, 0, 192, 0, 2, 1]);
        assert_eq!((signature.key_len, &signature.key[..7]), (6, &b"secret\0"[..]));
        let signature = Signature::new("2001:db8::1".parse().unwrap(), b"");
        assert_eq!(signature.address[..12], [libc::AF_INET6 as u8, 0, 0, 0, 0, 0, 0, 0, 0x20, 1, 0x0d, 0xb8]);
        assert_eq!((signature.key_len, signature.address[23]), (0, 1));
    }
}
