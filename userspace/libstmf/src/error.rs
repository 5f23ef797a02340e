// SPDX-License-Identifier: GPL-2.0

//! What can go wrong.

use std::io;

use stmf_uapi::{iscsi, loopback, sbd, Attribute};

use crate::attributes::DecodeError;
use crate::config::StoreError;
use crate::transport::{Fault, Refusal};

/// Why something was not done, and to what.
///
/// Formatted, it is the object and the kernel's sentence; where the kernel has none, one of ours.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The object does not exist.
    #[error("{object}: {message}")]
    NotFound {
        /// The object.
        object: String,
        /// The sentence.
        message: String,
    },
    /// The object exists already, or collides with another one.
    #[error("{object}: {message}")]
    Exists {
        /// The object.
        object: String,
        /// The sentence.
        message: String,
    },
    /// The object is in use or changing state.
    #[error("{object}: {message}")]
    Busy {
        /// The object.
        object: String,
        /// The sentence.
        message: String,
    },
    /// The caller lacks `CAP_NET_ADMIN`.
    #[error("{object}: {message}")]
    Permission {
        /// The object.
        object: String,
        /// The sentence.
        message: String,
    },
    /// Something asked for is not possible.
    #[error("{object}: {message}")]
    InvalidArgument {
        /// The object.
        object: String,
        /// Name of the attribute at fault, where one is.
        attribute: Option<&'static str>,
        /// The sentence.
        message: String,
    },
    /// The module that is loaded does not know the request.
    #[error("{object}: {message}")]
    Unsupported {
        /// The object.
        object: String,
        /// The sentence.
        message: String,
    },
    /// Another error of the kernel.
    #[error("{object}: {message}")]
    Failed {
        /// The object.
        object: String,
        /// The error number.
        errno: i32,
        /// The sentence.
        message: String,
    },
    /// A module is not loaded.
    #[error("kernel module {module} is not loaded")]
    NotLoaded {
        /// Name of the module.
        module: &'static str,
    },
    /// A list kept changing while it was read.
    #[error("{object}: changed too often while it was read")]
    Interrupted {
        /// What was listed.
        object: String,
    },
    /// An object could not be replaced, nor made again as it was before.
    #[error("{error}; and what was there is gone: {again}")]
    Gone {
        /// Why what was to replace it can't be made.
        error: Box<Error>,
        /// Why it can't be made again.
        again: Box<Error>,
    },
    /// The kernel's answer makes no sense: the module and this library do not belong together.
    #[error("{object}: unexpected answer of the kernel: {source}")]
    Protocol {
        /// The object.
        object: String,
        /// What is wrong with the answer.
        source: DecodeError,
    },
    /// The change can't be saved, and was not made unless the error says so.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing was changed, because nothing was to be changed.
    #[error("{object}: not changed")]
    Withheld {
        /// The object.
        object: String,
    },
    /// The socket, or the source of random numbers, failed.
    #[error("cannot talk to the kernel: {0}")]
    Io(#[from] io::Error),
}

impl Error {
    /// Tells what went wrong with a request about an object.
    pub(crate) fn new(
        fault: Fault,
        family: &'static str,
        table: &'static [Attribute],
        object: &str,
    ) -> Self {
        let object = object.to_owned();
        match fault {
            Fault::NoFamily => Self::NotLoaded {
                module: module(family),
            },
            Fault::Refused(refusal) => Self::refused(refusal, table, object),
            Fault::Interrupted => Self::Interrupted { object },
            Fault::Malformed(source) => Self::Protocol { object, source },
            Fault::Io(error) => Self::Io(error),
            Fault::Store(error) => Self::Store(error),
            Fault::Withheld => Self::Withheld { object },
        }
    }

    fn refused(refusal: Refusal, table: &'static [Attribute], object: String) -> Self {
        let Refusal {
            errno,
            message,
            attribute,
        } = refusal;
        let attribute = table
            .iter()
            .find(|entry| Some(entry.number) == attribute)
            .map(|entry| entry.name);
        let or = |default: &str| {
            let message = message.clone().filter(|message| !message.is_empty());
            message.unwrap_or_else(|| default.to_owned())
        };
        match errno {
            libc::ENOENT | libc::ENODEV => Self::NotFound {
                object,
                message: or("not found"),
            },
            libc::EEXIST | libc::EALREADY => Self::Exists {
                object,
                message: or("already exists"),
            },
            libc::ENETDOWN => Self::Busy {
                object,
                message: or("STMF service is offline"),
            },
            libc::EBUSY => Self::Busy {
                object,
                message: or("resource busy"),
            },
            libc::EPERM | libc::EACCES => Self::Permission {
                object,
                message: or("permission denied"),
            },
            libc::EINVAL | libc::ERANGE | libc::E2BIG | libc::ENAMETOOLONG => {
                let default = match attribute {
                    Some(name) => format!("invalid {name}"),
                    None => "invalid request".to_owned(),
                };
                Self::InvalidArgument {
                    object,
                    attribute,
                    message: or(&default),
                }
            }
            libc::EOPNOTSUPP => Self::Unsupported {
                object,
                message: or("not supported by the kernel module"),
            },
            errno => Self::Failed {
                object,
                errno,
                message: or(&io::Error::from_raw_os_error(errno).to_string()),
            },
        }
    }

    /// What the error is about, if it is about an object.
    pub fn object(&self) -> Option<&str> {
        match self {
            Self::NotFound { object, .. }
            | Self::Exists { object, .. }
            | Self::Busy { object, .. }
            | Self::Permission { object, .. }
            | Self::InvalidArgument { object, .. }
            | Self::Unsupported { object, .. }
            | Self::Failed { object, .. }
            | Self::Interrupted { object }
            | Self::Protocol { object, .. }
            | Self::Withheld { object } => Some(object),
            Self::Gone { error, .. } => error.object(),
            Self::NotLoaded { .. } | Self::Io(_) | Self::Store(_) => None,
        }
    }
}

/// The module that has a family.
fn module(family: &'static str) -> &'static str {
    match family {
        sbd::FAMILY => "stmf_sbd",
        iscsi::FAMILY => "stmf_iscsi",
        loopback::FAMILY => "stmf_loopback",
        _ => "stmf",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stmf_uapi::stmf;

    fn error(errno: i32, message: Option<&str>, attribute: Option<u16>) -> Error {
        let refusal = Refusal {
            errno,
            message: message.map(str::to_owned),
            attribute,
        };
        let fault = Fault::Refused(refusal);
        Error::new(fault, stmf::FAMILY, stmf::View::TABLE, "X")
    }

    #[test]
    fn the_kernels_sentence_comes_first() {
        for (errno, ours) in [
            (libc::ENOENT, "X: not found"),
            (libc::EEXIST, "X: already exists"),
            (libc::EBUSY, "X: resource busy"),
            (libc::EPERM, "X: permission denied"),
            (libc::EINVAL, "X: invalid request"),
            (libc::EOPNOTSUPP, "X: not supported by the kernel module"),
            (libc::EIO, "X: Input/output error (os error 5)"),
        ] {
            assert_eq!(error(errno, None, None).to_string(), ours);
            assert_eq!(error(errno, Some(""), None).to_string(), ours);
            assert_eq!(error(errno, Some("no"), None).to_string(), "X: no");
        }
    }

    #[test]
    fn the_attribute_at_fault_is_named() {
        let lun = error(libc::ERANGE, None, Some(stmf::View::Lun.number()));
        assert_eq!(lun.to_string(), "X: invalid lun");
        let Error::InvalidArgument { attribute, .. } = lun else {
            panic!("{lun:?}");
        };
        assert_eq!(attribute, Some("lun"));
        let unknown = error(libc::EINVAL, None, Some(77));
        assert_eq!(unknown.to_string(), "X: invalid request");
    }

    #[test]
    fn a_missing_family_names_its_module() {
        for (family, module) in [
            ("stmf", "stmf"),
            ("stmf-sbd", "stmf_sbd"),
            ("stmf-iscsi", "stmf_iscsi"),
            ("stmf-loopback", "stmf_loopback"),
        ] {
            let error = Error::new(Fault::NoFamily, family, &[], "X");
            assert_eq!(
                error.to_string(),
                format!("kernel module {module} is not loaded")
            );
            assert_eq!(error.object(), None);
        }
    }
}
